"""What the disks cannot do is told before it is tried; what still goes wrong costs one photo and says why."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from filed import contents, own_names, tree
from mounts import NOBODY, powerless
from planned import stat_of
from running import Installation
from sameshot.errors import BadInput
from sameshot.filing.ability import able
from sameshot.model import Plan, Step
from sameshot.plan.ability import Side, able_plan

EXT4 = Side(1, "ext4", True, 10**9, 10**6)


@contextmanager
def disk(folder: Path, *options: str) -> Iterator[Path]:
    """A small filesystem of its own at `folder`."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", *options, "none", folder]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs root to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def owned(installation: Installation) -> dict:
    return tree(installation.photos, installation.library)


@pytest.mark.parametrize(
    ("action", "target", "why"),
    [
        ("hardlink", Side(2, "ext4", True, 10**9, 0), "cannot reach"),
        ("hardlink", Side(1, "vfat", True, 10**9, 0), "has no links"),
        ("symlink", Side(2, "exfat", True, 10**9, 0), "has no links"),
        ("reflink", EXT4, "cannot make reflinks"),
        ("reflink", Side(2, "xfs", True, 10**9, 0), "cannot reach"),
        ("copy", Side(2, "ext4", False, 10**9, 0), "may not be written"),
        ("symlink", Side(2, "unheard-of", True, 10**9, 0), ""),
        ("copy", EXT4, ""),
        ("move", Side(2, "vfat", True, 10**9, 0), ""),
    ],
)
def test_what_a_disk_can_do(action: str, target: Side, why: str) -> None:
    source = Path("/photos/a.jpg")
    step = Step(0, action, source, Path("/library/a.jpg"), stat_of(source), None, "")
    sides = {"/photos": EXT4, "/library": target}
    made = able_plan(Plan("folders", (step,)), (), lambda folder: sides[str(folder)])
    assert bool(made.steps) == (not why)
    assert why in "".join(made.warnings)
    instead = able_plan(Plan("folders", (step,)), ("reflink", "copy"), lambda folder: sides[str(folder)])
    assert [one.action for one in instead.steps] == ([] if not target.is_writable else ["copy" if why else action])


def test_a_hard_link_to_another_disk_is_refused_or_copied(scanned: Installation) -> None:
    with disk(scanned.library):
        with pytest.raises(BadInput, match="a hard link cannot reach"):
            scanned.ask("plan", action="hardlink")
        scanned.configure(fallback=["reflink", "copy"])
        planned = scanned.ask("plan", action="hardlink")
        assert {step["action"] for step in planned["steps"]} == {"copy"}
        assert any("are copied, not hard-linked, as `fallback` says" in one for one in planned["warnings"])
        assert scanned.ask("apply", action="hardlink", fingerprint=planned["fingerprint"])["refused"] == []
        assert scanned.ask("undo", last=True)["refused"] == []


@pytest.mark.parametrize("action", ["copy", "move"])
def test_a_full_disk(scanned: Installation, action: str) -> None:
    with disk(scanned.library, "-o", "size=1m"):
        before = owned(scanned)
        planned = scanned.ask("plan", action=action)
        assert any("what finds no room is refused" in one for one in planned["warnings"])
        done = scanned.ask("apply", action=action)
        assert done["refused"]
        assert all("full" in one["reason"] for one in done["refused"])
        assert done["done"] + len(done["refused"]) == len(planned["steps"])
        assert contents(before) <= contents(owned(scanned))
        assert not own_names(owned(scanned))
        scanned.ask("undo", everything=True)
        assert contents(owned(scanned)) == contents(before)


def test_a_library_that_is_read_only(scanned: Installation) -> None:
    with disk(scanned.library):
        subprocess.run(["mount", "-o", "remount,ro", scanned.library], check=True)
        with pytest.raises(BadInput, match="read-only"):
            scanned.ask("plan", action="copy")
        done = scanned.run("apply", "--action", "copy", "--yes")
        assert (done.code, "Traceback" in done.err) == (2, False)


def test_catalogues_beside_the_photos_are_named(scanned: Installation) -> None:
    deep = scanned.photos / "2024" / "05" / "sea"
    deep.mkdir(parents=True)
    for photo in scanned.photos.glob("*.jpg"):
        photo.rename(deep / photo.name)
    scanned.scan()
    (scanned.photos / "Lightroom Catalog").mkdir()
    for name in ("Lightroom Catalog/Family.lrcat", "digikam4.db", "2024/library.db", "2024/05/sea/sea.cosessiondb"):
        (scanned.photos / name).write_bytes(b"a catalogue")
    for asked in ({"action": "move"}, {"rank": [scanned.photos]}):
        warnings = " ".join(scanned.ask("plan", **asked)["warnings"])
        for program in ("Lightroom", "digiKam", "darktable", "Capture One"):
            assert f"{program} keeps a catalogue" in warnings
    assert "catalogue" not in " ".join(scanned.ask("plan", action="copy")["warnings"])


def test_hostile_names_are_filed_shown_and_given_back(installation: Installation, sample_photos: Path) -> None:
    names = [
        b"new\nline.jpg", b"\x1b[31mred.jpg", b"caf\xe9.jpg", "caf\u00e9.jpg".encode(), "cafe\u0301.jpg".encode(),
        b"upper.JPG", b"UPPER.jpg", b"n" * 251 + b".jpg", b"-rf.jpg", b"sp ace .jpg",
    ]  # fmt: skip
    for name in names:
        shutil.copy(sample_photos / "IMG_100.jpg", os.path.join(os.fsencode(installation.photos), name))
    installation.scan()
    before = owned(installation)
    for action in ("copy", "move"):
        done = installation.run("apply", "--action", action, "--layout", "{group}/", "--yes")
        assert done.code == 0, done
        assert "\x1b[31m" not in done.out + done.err
        targets = [path for path in installation.library.rglob("*") if path.is_file()]
        assert len({str(path).casefold() for path in targets}) == len(names)
        shown = installation.run("history", "--format", "table")
        assert "\x1b[31m" not in shown.out
        assert installation.run("undo", "--all", "--yes").code == 0
        assert owned(installation) == before
    planned = installation.run("plan", "--action", "copy")
    assert "\\n" in planned.out
    assert "\x1b[31m" not in planned.out


def test_a_folder_that_may_not_be_written(scanned: Installation) -> None:
    above = scanned.folder / "closed"
    above.mkdir(mode=0o555)
    os.chown(above, NOBODY, NOBODY)
    photo = next(scanned.photos.glob("*.jpg"))
    wanted = Plan("folders", (Step(0, "copy", photo, above / "library" / "a.jpg", stat_of(photo), None, ""),))
    planned = powerless(lambda: able(wanted))
    assert planned.steps == ()
    assert "may not be written" in planned.warnings[0]
