"""Power cuts: a filesystem image is copied while it is mounted and written to; that is what a power cut would leave.

Photos come from another filesystem or lie on the same one. The naive way (`shutil.move`) is the control: it must lose
photos here, or this proof proves nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from filed import NOW, Desk, contents, own_names, plan, reasons, step, tree, write_photo
from sameshot.apply.filing import file_plan
from sameshot.apply.journal import Journal
from sameshot.apply.recovery import recover

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
_PHOTOS = 200
_BYTES = 100_000
_CHANGING = {"write", "fsync", "fdatasync", "mkdir", "link", "unlink", "utime", "copy_file_range", "_renameat2"}


class Moments:
    """Calls `cut` just before every `every`-th call that changes or syncs something; all stands still meanwhile."""

    def __init__(self, every: int, cut: Callable[[], None]) -> None:
        self._every, self._cut, self._count = every, cut, 0

    def __enter__(self) -> None:
        sys.setprofile(self._watch)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        self._cut()

    def _watch(self, frame: FrameType, event: str, function: object) -> None:
        called = function.__name__ if event == "c_call" else frame.f_code.co_name if event == "call" else ""
        if called in _CHANGING:
            self._count += 1
            if self._count % self._every == 0:
                sys.setprofile(None)
                self._cut()
                sys.setprofile(self._watch)


class Disk:
    """A loop-mounted image whose power can be cut."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.image, self.mount = folder / "image", folder / "mount"
        self.mount.mkdir()
        with self.image.open("wb") as file:
            file.truncate(400 << 20)
        program = shutil.which(f"mkfs.{kind}", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if program is None:
            pytest.skip(f"mkfs.{kind} is not installed")
        force = "-F" if kind == "ext4" else "-f"
        subprocess.run([program, "-q", force, self.image], check=True, capture_output=True)
        self._attach(self.image)

    def cut(self, copy: Path) -> None:
        """Keep what is on the disk at this moment, and nothing of what is still in memory."""
        subprocess.run(["cp", "--sparse=always", "--reflink=never", self.image, copy], check=True)

    def come_up_from(self, copy: Path) -> None:
        """Mount the kept copy where the disk was."""
        self.detach()
        self._attach(copy)

    def detach(self) -> None:
        subprocess.run(["umount", self.mount], check=True)

    def _attach(self, image: Path) -> None:
        ended = subprocess.run(["mount", "-o", "loop", image, self.mount], capture_output=True, check=False)
        if ended.returncode:
            pytest.skip(f"cannot mount an image here: {ended.stderr.decode().strip()}")


@pytest.fixture(params=["ext4", "xfs", "btrfs"])
def disk(request, tmp_path) -> Iterator[Disk]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount filesystem images")
    disk = Disk(request.param, tmp_path)
    yield disk
    disk.detach()


def photos_in(folder: Path) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{n:03}.jpg" for n in range(_PHOTOS)]
    for n, path in enumerate(paths):
        write_photo(path, hashlib.sha256(b"%d" % n).digest() * (_BYTES // 32))
    os.sync()
    return paths


def lost(before: dict, *roots: Path) -> int:
    return (contents(before) - contents(tree(*roots))).total()


def test_the_naive_way_loses_photos(disk, tmp_path, capsys):
    photos, library = tmp_path / "photos", disk.mount / "library"
    paths = photos_in(photos)
    before = tree(photos)
    library.mkdir()
    for path in paths:
        shutil.move(path, library / path.name)
    disk.cut(tmp_path / "copy")
    disk.come_up_from(tmp_path / "copy")
    missing = lost(before, photos, *([library] if library.exists() else []))
    assert missing > 0
    with capsys.disabled():
        print(f"\n{disk.mount.name}: shutil.move lost {missing} of {_PHOTOS}")


def test_a_move_to_another_disk_loses_none(disk, tmp_path, capsys):
    photos, library = tmp_path / "photos", disk.mount / "library"
    paths = photos_in(photos)
    before = tree(photos)
    cuts = []

    def cut() -> None:
        copy = tmp_path / f"copy{len(cuts)}"
        cuts.append((copy, contents(tree(photos))))  # what has left the source by now must be on the disk
        disk.cut(copy)

    steps = [step(n, "move", path, library / str(n % 7) / path.name, digest=n % 2 == 0) for n, path in enumerate(paths)]
    with Moments(141, cut):
        report = file_plan(plan(*steps), Journal(tmp_path / "journal"), roots=[photos, library], now=NOW)
    assert reasons(report) == []
    assert len(cuts) > 4
    for copy, still_at_source in cuts:
        disk.come_up_from(copy)
        assert not contents(before) - still_at_source - contents(tree(library))
    with capsys.disabled():
        print(f"\n{len(cuts)} cuts, 0 of {_PHOTOS} lost")


@pytest.mark.parametrize("action", ["move", "copy", "hardlink", "reflink"])
def test_recovery_and_undo_after_a_power_cut(disk, tmp_path, action, capsys):
    if action == "reflink" and disk.kind == "ext4":
        pytest.skip("ext4 cannot share blocks")
    desk = Desk(disk.mount / "desk")
    paths = [desk.photo(f"{n:03}.jpg", hashlib.sha256(b"%d" % n).digest() * 300) for n in range(_PHOTOS)]
    os.sync()
    before = desk.tree()
    cuts = []

    def cut() -> None:
        cuts.append(tmp_path / f"copy{len(cuts)}")
        disk.cut(cuts[-1])

    steps = [step(n, action, path, desk.library / str(n % 7) / path.name) for n, path in enumerate(paths)]
    with Moments(141 if action == "copy" else 41, cut):
        report = desk.file(*steps)
    assert reasons(report) == []
    assert len(cuts) > 4
    for copy in cuts:
        disk.come_up_from(copy)
        assert not contents(before) - contents(desk.tree())
        assert recover(desk.journal, now=NOW).unsettled == ()
        assert own_names(desk.tree()) == []
        assert reasons(desk.undo()) == []
        assert desk.tree() == before
    with capsys.disabled():
        print(f"\n{action}: {len(cuts)} cuts, all {_PHOTOS} came back")
