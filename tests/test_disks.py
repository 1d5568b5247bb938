"""Real second disks: one that ignores case and has no links nor modes, one that is read-only, one with its trash."""

from __future__ import annotations

import os
import shutil
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from filed import NOW, Desk, own_names, plan, reasons, step, tree, write_photo
from mounts import NOBODY, disk, mount, powerless
from running import Installation
from sameshot.apply.filing import file_plan
from sameshot.apply.recovery import recover

TIME_NS = 1_500_000_000_000_000_000
"""Whole and even seconds: what any filesystem keeps."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Path]:
    with disk(tmp_path / "stick", "exfat") as place:
        yield place


@pytest.fixture
def second_disk(tmp_path: Path) -> Iterator[Path]:
    with disk(tmp_path / "second", "ext4") as place:
        yield place


def photo_at(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(TIME_NS, TIME_NS))
    return path


def contents_and_times(*roots: Path) -> dict[str, tuple[bytes, int] | None]:
    """What a stick keeps: neither modes nor attributes."""
    files = [path for root in roots for path in (root, *root.rglob("*"))]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) if path.is_file() else None for path in files}


# ---------------------------------------------------------------- a disk that ignores case


def test_a_library_on_a_stick_that_ignores_case(tmp_path: Path, stick: Path) -> None:
    desk = Desk(tmp_path)
    desk.library = stick / "library"
    names = ["a.jpg", "1/A.JPG", "2/A.jpg"]
    photos = [photo_at(desk.photos / name, name.encode() * 999) for name in names]
    before = contents_and_times(desk.photos)
    for action in ("copy", "move"):
        report = desk.file(*(step(n, action, photo, desk.library / "x" / photo.name) for n, photo in enumerate(photos)))
        assert [outcome.done for outcome in report.outcomes] == [True, False, False]
        assert all("differs only in case" in reason or "already there" in reason for reason in reasons(report))
        assert (desk.library / "x" / "A.JPG").read_bytes() == photos[0].name.encode() * 999
        assert reasons(desk.undo()) == []
        assert contents_and_times(desk.photos) == before
        assert not desk.library.exists()


def test_photos_on_a_stick_are_renamed_and_back(tmp_path: Path, stick: Path) -> None:
    """No no-replace rename and no hard links there: an empty file holds the name until the photo takes it."""
    desk = Desk(tmp_path)
    desk.photos = stick / "photos"
    first, second = (photo_at(desk.photos / name, name.encode()) for name in ("a.jpg", "b.jpg"))
    third, fourth = photo_at(desk.photos / "C.JPG", b"c"), photo_at(desk.photos / "d.jpg", b"d")
    before = contents_and_times(desk.photos)
    report = desk.file(
        step(1, "move", first, second),
        step(2, "move", second, first),
        step(3, "move", third, desk.photos / "c.jpg"),
        step(4, "copy", fourth, desk.photos / "in" / "d.jpg"),
    )
    assert reasons(report) == []
    assert (first.read_bytes(), second.read_bytes()) == (b"b.jpg", b"a.jpg")
    assert "c.jpg" in os.listdir(desk.photos)
    refused = desk.file(
        step(1, "move", first, desk.photos / "B.jpg"), step(2, "hardlink", first, desk.photos / "l.jpg")
    )
    assert [outcome.done for outcome in refused.outcomes] == [False, False]
    assert own_names(contents_and_times(desk.photos)) == []
    assert reasons(desk.undo()) == []
    assert contents_and_times(desk.photos) == before
    assert recover(desk.journal, now=NOW).batches == ()


def test_the_whole_program_on_a_stick(installation: Installation, sample_photos: Path, stick: Path) -> None:
    photos = stick / "photos"
    shutil.copytree(sample_photos, photos)
    for folder, name in (("b", "img_100.JPG"), ("c", "Img_100.jpg")):
        (photos / folder).mkdir()
        shutil.copy(sample_photos / "IMG_100.jpg", photos / folder / name)
    for path in photos.rglob("*.*"):
        os.utime(path, ns=(TIME_NS, TIME_NS))
    installation.configure(roots=[{"path": str(photos)}], library=str(stick / "library"))
    installation.scan()
    before = contents_and_times(photos)
    for action in ("copy", "move"):
        done = installation.ask("apply", action=action, layout="{group}/{name}")
        assert (done["refused"], bool(done["done"])) == ([], True)
        filed = [path for path in (stick / "library").rglob("*") if path.is_file()]
        assert len({str(path).casefold() for path in filed}) == len(filed) == done["done"]
        assert installation.ask("undo", last=True)["refused"] == []
        assert contents_and_times(photos) == before
    assert installation.ask("rank", folders=[photos])["refused"] == []
    assert installation.ask("rank", folders=[photos], remove=True)["refused"] == []
    assert contents_and_times(photos) == before


# ---------------------------------------------------------------- accents, bytes, lengths


def test_names_that_differ_in_normal_form_only(installation: Installation, sample_photos: Path) -> None:
    composed, decomposed = "caf\u00e9.jpg", unicodedata.normalize("NFD", "caf\u00e9.jpg")
    for folder, name in (
        ("1", composed),
        ("2", decomposed),
        ("3", os.fsdecode(b"caf\xe9.jpg")),
        ("4", "x" * 251 + ".jpg"),
    ):
        (installation.photos / folder).mkdir()
        shutil.copy(sample_photos / "IMG_100.jpg", installation.photos / folder / name)
    installation.scan()
    before = tree(installation.photos)
    for action in ("copy", "move"):
        done = installation.ask("apply", action=action, layout="{group}/{name}")
        assert (done["refused"], done["done"]) == ([], 4)
        names = [path.name for path in installation.library.rglob("*.jpg")]
        assert len({unicodedata.normalize("NFC", name) for name in names}) == 4
        assert installation.ask("undo", last=True)["refused"] == []
        assert tree(installation.photos) == before


# ---------------------------------------------------------------- a disk that is read-only


def test_a_disk_that_became_read_only(tmp_path: Path, second_disk: Path) -> None:
    desk = Desk(tmp_path)
    desk.photos = second_disk / "photos"
    photos = [write_photo(desk.photos / name, name.encode()) for name in ("a.jpg", "b.jpg")]
    assert reasons(desk.file(step(1, "move", photos[0], desk.library / "a.jpg"))) == []
    mount("-o", "remount,ro", second_disk)
    before = desk.tree()
    assert "read-only" in reasons(desk.undo())[0]
    refused = desk.file(
        step(1, "move", photos[1], desk.library / "b.jpg"), step(2, "move", photos[1], desk.photos / "c.jpg")
    )
    assert all("read-only" in reason for reason in reasons(refused))
    assert len(reasons(refused)) == 2
    assert desk.tree() == before
    assert reasons(desk.file(step(1, "copy", photos[1], desk.library / "b.jpg"))) == []  # reading is no harm
    mount("-o", "remount,rw", second_disk)
    assert reasons(desk.undo()) == []
    assert sorted(path.name for path in desk.photos.iterdir()) == ["a.jpg", "b.jpg"]
    assert not desk.library.exists()


# ---------------------------------------------------------------- folders of others


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder that another user owns, who lets nobody write."""
    folder = tmp_path / "photos" / "closed"
    folder.mkdir(parents=True)
    close(folder)
    return folder


def close(folder: Path) -> None:
    os.chown(folder, NOBODY, NOBODY)
    folder.chmod(0o555)


def open_again(folder: Path) -> None:
    os.chown(folder, os.getuid(), os.getgid())
    folder.chmod(0o755)


def test_photos_in_a_folder_that_may_not_be_written(desk: Desk, closed: Path) -> None:
    photo, own = desk.photo("closed/a.jpg", mode=0o644), desk.photo("b.jpg")
    before = desk.tree()
    filed = powerless(
        lambda: desk.file(
            step(1, "move", photo, desk.library / "a.jpg"),
            step(2, "move", own, closed / "b.jpg"),
            step(3, "copy", photo, desk.library / "c.jpg"),
        )
    )
    assert [outcome.done for outcome in filed.outcomes] == [False, False, True]
    assert all("permission denied" in reason for reason in reasons(filed))
    assert own_names(desk.tree()) == []
    assert powerless(lambda: reasons(desk.undo())) == []
    assert desk.tree() == before


def test_a_photo_that_may_not_be_read(desk: Desk) -> None:
    photo = desk.photo("a.jpg", mode=0o400)
    os.chown(photo, NOBODY, NOBODY)
    before = desk.tree()
    (reason,) = powerless(lambda: reasons(desk.file(step(1, "copy", photo, desk.library / "a.jpg"))))
    assert "permission denied" in reason
    assert desk.tree() == before
    assert powerless(lambda: reasons(desk.file(step(1, "move", photo, desk.library / "a.jpg")))) == []
    assert powerless(lambda: reasons(desk.undo())) == []
    assert desk.tree() == before


def test_undo_where_a_folder_was_closed_meanwhile(desk: Desk) -> None:
    photo = desk.photo("in/a.jpg")
    before = desk.tree()
    assert reasons(desk.file(step(1, "move", photo, desk.library / "a.jpg"))) == []
    close(photo.parent)
    filed = desk.tree()
    assert "permission denied" in powerless(lambda: reasons(desk.undo()))[0]
    assert desk.tree() == filed
    open_again(photo.parent)
    assert powerless(lambda: reasons(desk.undo())) == []
    photo.parent.chmod(0o755)
    assert desk.tree() == before


def test_a_folder_that_cannot_go_goes_with_the_next_recovery(desk: Desk) -> None:
    photo = desk.photo("a.jpg")
    desk.library.mkdir()
    before = desk.tree()
    assert reasons(desk.file(step(1, "move", photo, desk.library / "sea" / "a.jpg"))) == []
    close(desk.library)
    (outcome,) = powerless(lambda: desk.undo().outcomes)
    assert outcome.done
    assert "the empty folder" in outcome.reason
    assert "permission denied; `sameshot recover`" in outcome.reason
    (unsettled,) = powerless(lambda: recover(desk.journal, now=NOW).unsettled)
    assert str(desk.library / "sea") in unsettled
    open_again(desk.library)
    assert powerless(lambda: recover(desk.journal, now=NOW).unsettled) == ()
    assert desk.tree() == before
    assert recover(desk.journal, now=NOW).batches == ()


def test_a_folder_with_something_of_others_in_it_stays_quietly(desk: Desk) -> None:
    photo = desk.photo("a.jpg")
    assert reasons(desk.file(step(1, "move", photo, desk.library / "sea" / "a.jpg"))) == []
    foreign = write_photo(desk.library / "sea" / "notes.txt", b"the owner's")
    (outcome,) = desk.undo().outcomes
    assert (outcome.done, outcome.reason) == (True, "")
    assert recover(desk.journal, now=NOW).batches == ()
    assert list(desk.library.rglob("*")) == [foreign.parent, foreign]


def test_the_program_among_folders_of_others(installation: Installation, sample_photos: Path) -> None:
    closed = installation.photos / "closed"
    for folder in (closed, installation.photos / "one", installation.photos / "two"):
        folder.mkdir()
        shutil.copy(sample_photos / "IMG_100.jpg", folder)
    close(closed)
    installation.scan()
    before = tree(installation.photos)
    planned = powerless(lambda: installation.run("plan", "--action", "move"))
    assert f"nothing can be moved out of {closed}" in planned.out + planned.err
    done = powerless(lambda: installation.run("apply", "--action", "move", "--layout", "{group}/{name}", "--yes"))
    assert done.code == 0, done
    assert {path for path in tree(installation.photos) if path.endswith(".jpg")} == {str(closed / "IMG_100.jpg")}
    assert len(list(installation.library.rglob("*.jpg"))) == 2
    assert powerless(lambda: installation.run("undo", "--all", "--yes")).code == 0
    assert tree(installation.photos) == before
    assert not installation.library.exists()


# ---------------------------------------------------------------- the trash of a disk


def test_the_trash_of_a_real_second_disk(installation: Installation, sample_photos: Path, second_disk: Path) -> None:
    photos = second_disk / "photos"
    (photos / "deeper").mkdir(parents=True)
    for name in ("IMG_100.jpg", "deeper/IMG_100.jpg"):
        shutil.copy(sample_photos / "IMG_100.jpg", photos / name)
    installation.configure(roots=[{"path": str(photos)}])
    installation.scan()
    before = tree(photos)
    inode = (photos / "deeper" / "IMG_100.jpg").stat().st_ino
    assert installation.ask("dedupe", to="trash")["done"] == 1
    trash = second_disk / f".Trash-{os.getuid()}"
    assert (trash / "files" / "IMG_100.jpg").stat().st_ino == inode  # renamed, not carried
    assert "Path=photos/deeper/IMG_100.jpg" in (trash / "info" / "IMG_100.jpg.trashinfo").read_text()
    assert installation.ask("undo", last=True)["refused"] == []
    assert tree(photos) == before
    assert list((trash / "files").iterdir()) == list((trash / "info").iterdir()) == []


def test_nothing_is_put_where_a_disk_is_not_mounted(tmp_path: Path, second_disk: Path) -> None:
    """An unmounted disk leaves an empty folder: what is put there vanishes from sight when the disk is back."""
    desk = Desk(tmp_path)
    far, near = photo_at(second_disk / "far.jpg", b"far"), desk.photo("near.jpg", b"near")
    roots = [desk.photos, desk.library, second_disk]
    steps = (
        step(1, "move", far, desk.library / "far.jpg"),
        step(2, "move", near, second_disk / "kept" / "near.jpg"),
        step(3, "copy", desk.photo("copied.jpg"), second_disk / "kept" / "copied.jpg"),
    )
    before = tree(*roots)
    assert reasons(file_plan(plan(*steps), desk.journal, roots=roots, now=NOW)) == []
    filed = tree(*roots)
    subprocess.run(["mount", "--move", second_disk, mkdir(tmp_path / "elsewhere")], check=True)
    try:
        why = f"nothing is mounted at {second_disk}, where a disk was when files were filed there"
        for act in (
            desk.undo,
            desk.undo,
            lambda: file_plan(
                plan(step(1, "copy", desk.photo("new.jpg"), second_disk / "kept" / "new.jpg")),
                desk.journal, roots=roots, now=NOW,
            ),
        ):  # fmt: skip
            refused = reasons(act())
            assert refused
            assert all(reason.endswith(why) for reason in refused)
            assert list(second_disk.iterdir()) == []
        (desk.photos / "new.jpg").unlink()
    finally:
        subprocess.run(["mount", "--move", tmp_path / "elsewhere", second_disk], check=True)
    assert tree(*roots) == filed
    assert reasons(desk.undo()) == []
    assert tree(*roots) == before


def mkdir(folder: Path) -> Path:
    folder.mkdir()
    return folder
