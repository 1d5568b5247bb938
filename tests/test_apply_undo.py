"""Undo: gives back exactly what was there, and keeps what it cannot be sure of."""

from __future__ import annotations

import os
import random
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest

from filed import NOW, Desk, contents, own_names, plan, reasons, step, tree, write_photo
from mounts import mount, unmount
from sameshot.apply.filing import file_plan
from sameshot.apply.undo import Selection, undo
from sameshot.errors import BadInput


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("action", ["copy", "move", "hardlink", "symlink"])
def test_all_is_as_before(desk, action):
    first, second = desk.photo("a.jpg", b"a", mode=0o604, rating=b"3"), desk.photo("in/b.jpg", b"b" * 9000)
    sidecar = desk.photo("a.xmp", b"<xmp/>")
    before = desk.tree()
    group = desk.library / "2026" / "sea"
    report = desk.file(
        step(1, action, first, group / "a.jpg", digest=True),
        step(1, action, sidecar, group / "a.xmp"),
        step(2, action, second, group / "b.jpg"),
    )
    assert reasons(report) == []
    assert reasons(desk.undo()) == []
    assert desk.tree() == before
    assert list(desk.journal.locations()) == []
    assert desk.undo().batch == ""


def test_across_filesystems(desk):
    if not os.access("/dev/shm", os.W_OK) or Path("/dev/shm").stat().st_dev == desk.photos.stat().st_dev:
        pytest.skip("no second filesystem to write to")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        desk.library = Path(folder) / "library"
        photo = desk.photo("a.jpg", b"a" * 5000, mode=0o604)
        before = desk.tree()
        desk.file(step(1, "move", photo, desk.library / "a.jpg"))
        assert not photo.exists()
        assert reasons(desk.undo()) == []
        assert desk.tree() == before


def test_circles_and_batches_on_top_of_each_other(desk):
    a, b = desk.photo("a.jpg", b"a"), desk.photo("b.jpg", b"b")
    before = desk.tree()
    desk.file(step(1, "move", a, b), step(2, "move", b, a))
    desk.file(step(1, "move", a, desk.library / "0001_a.jpg"))
    desk.file(step(1, "move", desk.library / "0001_a.jpg", a), step(2, "copy", b, desk.library / "b.jpg"))
    assert reasons(desk.undo()) == []
    assert desk.tree() == before


def test_a_rating_written_by_another_program_comes_back_too(desk):
    photo = desk.photo("a.jpg", b"unrated")
    target = desk.library / "a.jpg"
    desk.file(step(1, "move", photo, target))
    write_photo(desk.library / "new", b"rated").replace(target)
    report = desk.undo()
    assert report.outcomes[0].done
    assert "rewrote it" in report.outcomes[0].reason
    assert photo.read_bytes() == b"rated"
    assert not desk.library.exists()


def test_a_copy_that_was_edited_stays(desk):
    photo = desk.photo("a.jpg")
    target = desk.library / "a.jpg"
    desk.file(step(1, "copy", photo, target))
    target.write_bytes(b"an edit")
    assert reasons(desk.undo()) == [f"{target} was changed after it was made, so it is kept"]
    assert target.read_bytes() == b"an edit"


@pytest.mark.parametrize("action", ["copy", "hardlink"])
def test_what_became_the_only_one_stays(desk, action):
    photo = desk.photo("a.jpg")
    target = desk.library / "a.jpg"
    desk.file(step(1, action, photo, target))
    photo.unlink()
    (reason,) = reasons(desk.undo())
    assert "kept" in reason
    assert target.read_bytes() == b"a photo"


@pytest.mark.parametrize("action", ["copy", "hardlink", "symlink"])
def test_what_the_owner_took_away_counts_as_undone(desk, action):
    photo, sidecar, other = desk.photo("a.jpg"), desk.photo("a.xmp", b"<xmp/>"), desk.photo("b.jpg", b"b")
    before = desk.tree()
    desk.file(
        step(1, action, photo, desk.library / "1" / "a.jpg"),
        step(1, action, sidecar, desk.library / "1" / "a.xmp"),
        step(2, action, other, desk.library / "2" / "b.jpg"),
    )
    (desk.library / "1" / "a.jpg").unlink()
    (desk.library / "2" / "b.jpg").unlink()
    (desk.library / "2").rmdir()
    report = desk.undo()
    assert all(outcome.done for outcome in report.outcomes)
    assert [outcome.reason for outcome in report.outcomes if outcome.reason] == [
        f"{desk.library / '2' / 'b.jpg'} was gone already",
        f"{desk.library / '1' / 'a.jpg'} was gone already",
    ]
    assert desk.tree() == before
    assert desk.undo().batch == ""


@pytest.mark.parametrize("action", ["copy", "move"])
def test_a_file_whose_disk_is_away_is_not_taken_for_gone(desk, action):
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    desk.library.mkdir()
    mount("-t", "tmpfs", "none", desk.library)
    try:
        desk.file(step(1, action, desk.photo("a.jpg"), desk.library / "1" / "a.jpg"))
        mount("-t", "tmpfs", "none", desk.library)  # as an empty mount point: another device, and nothing in it
        assert reasons(desk.undo()) == [f"{desk.library / '1' / 'a.jpg'} is not there; is its disk mounted?"]
        unmount(desk.library)
        assert reasons(desk.undo()) == []
        assert list(desk.library.iterdir()) == []
    finally:
        unmount(desk.library)


def test_what_is_refused_again_and_again_leaves_one_line_of_history(desk):
    photo = desk.photo("a.jpg")
    target = desk.library / "a.jpg"
    desk.file(step(1, "copy", photo, target))
    target.write_bytes(b"an edit")
    for _ in range(3):
        refused = desk.undo()
        assert (refused.batch, len(reasons(refused))) == ("", 1)
        again = desk.file(step(1, "copy", photo, target))
        assert (again.batch, reasons(again)) == ("", [f"{target} is already there"])
    assert [batch.kind for batch in desk.journal.batches()] == ["folders"]


def test_a_link_that_was_changed_stays(desk):
    photo = desk.photo("a.jpg")
    hard, soft = desk.library / "hard.jpg", desk.library / "soft.jpg"
    desk.file(step(1, "hardlink", photo, hard), step(2, "symlink", photo, soft))
    for path in (hard, soft):
        path.unlink()
    write_photo(hard, b"a photo")
    soft.symlink_to("elsewhere")
    found = desk.tree()
    assert reasons(desk.undo()) == [
        f"{soft} now points elsewhere",
        f"{photo} is no longer the same file, so {hard} is kept",
    ]
    assert desk.tree() == found


def test_a_file_of_another_disk_with_the_same_number_is_not_the_linked_one(desk):
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    target = desk.library / "a.jpg"
    disk = desk.photos.parent
    mount("-t", "tmpfs", "none", disk)  # as a disk that numbers its files from the first
    desk.photos.mkdir()
    try:
        photo = desk.photo("a.jpg")
        desk.file(step(1, "hardlink", photo, target))
        mount("-t", "tmpfs", "none", desk.photos)
        for number in range(photo.parent.stat().st_ino, target.stat().st_ino):
            (desk.photos / f"{number}").write_bytes(b"another")
        last = max(desk.photos.iterdir(), key=lambda path: path.stat().st_ino)
        os.link(last, photo)
        assert photo.stat().st_ino == target.stat().st_ino
        (reason,) = reasons(desk.undo())
        assert "no longer the same file" in reason
        assert target.read_bytes() == b"a photo"
    finally:
        if os.path.ismount(desk.photos):
            unmount(desk.photos)
        unmount(disk)


def test_what_stands_in_the_way_is_named(desk):
    photo = desk.photo("a.jpg")
    target = desk.library / "a.jpg"
    desk.file(step(1, "move", photo, target))
    photo.write_bytes(b"a new one of that name")
    assert reasons(desk.undo()) == [f"{photo} is already there"]
    photo.unlink()
    assert reasons(desk.undo()) == []


def test_a_batch_can_be_undone_in_part_and_later_wholly(desk):
    photos = [desk.photo(f"{n}.jpg", str(n).encode()) for n in range(3)]
    before = desk.tree()
    desk.file(*(step(n, "move", photo, desk.library / photo.name) for n, photo in enumerate(photos)))
    photos[1].write_bytes(b"in the way")
    report = desk.undo(last=True)
    assert [outcome.done for outcome in report.outcomes] == [True, False, True]
    assert desk.journal.batches()[0].undone == 2
    photos[1].unlink()
    assert [outcome.step.source.name for outcome in desk.undo(last=True).outcomes] == ["1.jpg"]
    assert desk.tree() == before


def test_one_photo_by_either_of_its_names_with_its_companion(desk):
    photo, sidecar, other = desk.photo("a.jpg"), desk.photo("a.xmp", b"<xmp/>"), desk.photo("b.jpg")
    before = desk.tree()
    for name in (photo, desk.library / "a.jpg", desk.library / "1_a.jpg"):
        desk.file(
            step(1, "move", photo, desk.library / "a.jpg"),
            step(1, "move", sidecar, desk.library / "a.xmp"),
            step(2, "move", other, desk.library / "b.jpg"),
        )
        desk.file(step(1, "move", desk.library / "a.jpg", desk.library / "1_a.jpg"))
        assert reasons(desk.undo(name)) == []
        assert (desk.library / "b.jpg").exists()
        assert (photo.exists(), sidecar.exists()) == (True, True)
        desk.undo()
        assert desk.tree() == before


def test_selections(desk):
    for hours in range(3):
        one = step(1, "move", desk.photo(f"{hours}.jpg"), desk.library / f"{hours}.jpg")
        file_plan(plan(one), desk.journal, roots=[desk.photos, desk.library], now=NOW + timedelta(hours=hours))
    undo(desk.journal, Selection(since=NOW + timedelta(hours=2)), now=NOW)
    assert sorted(path.name for path in desk.library.iterdir()) == ["0.jpg", "1.jpg"]
    undo(desk.journal, Selection(batches=("b20261121-153012-1",)), now=NOW)
    assert [path.name for path in desk.library.iterdir()] == ["1.jpg"]
    with pytest.raises(BadInput, match="there is no batch b1"):
        undo(desk.journal, Selection(batches=("b1",)), now=NOW)
    with pytest.raises(BadInput, match="has not done anything"):
        undo(desk.journal, Selection(files=(desk.photos / "0.jpg",)), now=NOW)


def test_a_file_that_a_later_batch_moved_on(desk):
    photo, between, last = desk.photo("a.jpg"), desk.library / "a.jpg", desk.library / "1_a.jpg"
    first = desk.file(step(1, "move", photo, between))
    second = desk.file(step(1, "move", between, last))
    (reason,) = reasons(desk.undo(batches=(first.batch,)))
    assert reason == f"batch {second.batch} moved {between} on or took its place: undo that first"
    (location,) = desk.journal.locations()
    assert (location.source, location.target) == (photo, last)


def test_only_folders_that_sameshot_made_go(desk):
    own, old = desk.library / "old" / "new", desk.library / "old"
    old.mkdir(parents=True)
    desk.file(
        step(1, "move", desk.photo("in/a.jpg"), own / "a.jpg"), step(2, "copy", desk.photo("b.jpg"), own / "b.jpg")
    )
    write_photo(own / "theirs.txt", b"not ours")
    assert reasons(desk.undo()) == []
    assert [path.name for path in own.iterdir()] == ["theirs.txt"]
    assert [path.name for path in (desk.photos / "in").iterdir()] == ["a.jpg"]


def test_a_folder_that_the_owner_removed_is_made_again(desk):
    photo = desk.photo("card/a.jpg")
    desk.file(step(1, "move", photo, desk.library / "a.jpg"))
    photo.parent.rmdir()
    assert reasons(desk.undo()) == []
    assert photo.exists()


def test_a_root_that_is_not_mounted_is_not_made(desk):
    photo = desk.photo("a.jpg")
    desk.file(step(1, "move", photo, desk.library / "a.jpg"))
    desk.photos.rmdir()
    assert reasons(desk.undo()) == [f"{desk.photos} is not there; is it mounted?"]
    assert not desk.photos.exists()
    desk.photos.mkdir()
    assert reasons(desk.undo()) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_thousand_operations_and_back(desk, capsys):
    chance = random.Random(4)
    photos = {
        desk.photo(f"{n % 40}/{n}.jpg", os.urandom(40), mode=0o600 + n % 60, rating=b"%d" % n) for n in range(2000)
    }
    before, done, batches = desk.tree(), 0, 0
    while done < 10_000:
        steps = []
        batches += 1
        for unit, photo in enumerate(chance.sample(sorted(photos), 200)):
            action = chance.choice(["copy", "move", "move", "hardlink", "symlink"])
            root = chance.choice([desk.photos, desk.library])
            place = root / str(chance.randrange(60)) / chance.choice([photo.name, f"{batches}_{photo.name}"])
            if chance.random() < 0.1 and steps:
                place, action = steps[-1].source, "move"
            steps.append(step(unit, action, photo, place))
        report = desk.file(*steps)
        for outcome in report.outcomes:
            if outcome.done and outcome.step.action == "move":
                photos.discard(outcome.step.source)
        photos |= {o.step.target for o in report.outcomes if o.done and o.step.action == "move"}
        done += sum(outcome.done for outcome in report.outcomes)
        assert not contents(before) - contents(desk.tree())
    assert own_names(desk.tree()) == []
    assert reasons(desk.undo()) == []
    assert tree(desk.photos) == {path: facts for path, facts in before.items() if path.startswith(str(desk.photos))}
    assert not desk.library.exists()
    with capsys.disabled():
        print(f"\n{done} operations in {batches} batches taken back")
