"""Filing as the owner meets it: after `apply` or `rank` and then `undo` the whole tree is as it was, kills included."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from filed import contents, own_names, tree
from running import Installation
from sameshot.errors import BadInput

ACTIONS = ("copy", "move", "hardlink", "symlink")
LAYOUTS = (
    "{date:%Y}/{date:%Y-%m-%d}/{group}/",
    "{camera}/{year}-{month}/{group}/{rank:02d} {name}",
    "{group} ({count})/{stem}{extension}",
)
OLD_NS = 1_600_000_000_123_456_789


@pytest.fixture
def collection(installation: Installation, sample_photos: Path) -> Installation:
    """The samples in folders, with sidecars, uncommon modes and old times, and files that are none of our business."""
    photos = installation.photos
    (photos / "trip").mkdir()
    for number, photo in enumerate(sorted(sample_photos.iterdir())):
        target = (photos / "trip" if number % 3 == 0 else photos) / photo.name
        shutil.copy(photo, target)
        if number % 2:
            target.with_suffix(".xmp").write_text(f"<x:xmpmeta number='{number}'/>")
    (photos / "notes.txt").write_text("the owner's own")
    (photos / "empty").mkdir()
    installation.library.mkdir()
    (installation.library / "2026").mkdir()
    (installation.library / "2026" / "kept.jpg").write_bytes(b"the owner's own")
    for folder in (photos, installation.library):
        for number, path in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
            path.chmod((0o644, 0o600, 0o444, 0o755)[number % 4])
            os.utime(path, ns=(OLD_NS, OLD_NS + number))
    installation.scan()
    return installation


def owned(installation: Installation) -> dict:
    return tree(installation.photos, installation.library)


@pytest.mark.parametrize("action", ACTIONS)
def test_apply_and_undo_give_back_what_was_there(collection: Installation, action: str) -> None:
    before, groups = owned(collection), collection.groups()
    for layout in LAYOUTS:
        planned = collection.ask("plan", action=action, layout=layout)
        done = collection.ask("apply", action=action, layout=layout, fingerprint=planned["fingerprint"])
        assert (done["refused"], done["done"]) == ([], len(planned["steps"]))
        filed = owned(collection)
        assert filed != before
        assert contents(before) <= contents(filed)
        for step in planned["steps"]:
            assert os.path.lexists(step["target"])
            assert os.path.lexists(step["source"]) == (action != "move")
        assert collection.ask("plan", action=action, layout=layout)["steps"] == []
        again = collection.ask("apply", action=action, layout=layout)
        assert (again["batch"], again["done"]) == ("", 0)
        collection.scan()
        assert not collection.asked  # own moves and copies are no new photos
        assert collection.ask("status")["photos"] == 12
        undone = collection.ask("undo", everything=True)
        assert (undone["refused"], undone["done"]) == ([], done["done"])
        assert owned(collection) == before, layout
    collection.scan()
    assert not collection.asked
    assert collection.groups() == groups


def test_reflink_where_the_filesystem_can(collection: Installation) -> None:
    before = owned(collection)
    try:
        done = collection.ask("apply", action="reflink")
    except BadInput as reason:  # it is known of this one that it cannot
        assert owned(collection) == before
        pytest.skip(str(reason))
    if done["refused"]:
        assert done["done"] == 0
        assert all("reflink" in refused["reason"] or "clone" in refused["reason"] for refused in done["refused"])
        assert contents(owned(collection)) == contents(before)
        pytest.skip(f"the filesystem cannot: {done['refused'][0]['reason']}")
    assert collection.ask("undo", last=True)["refused"] == []
    assert owned(collection) == before


def test_rank_and_undo_give_back_what_was_there(collection: Installation) -> None:
    before = owned(collection)
    done = collection.ask("rank", folders=[collection.photos])
    assert done["refused"] == []
    ranked = owned(collection)
    assert contents(ranked) == contents(before)
    names = sorted(path.name for path in collection.photos.rglob("*.jpg"))
    places = {name.split(" ")[-1].partition("IMG_")[2] or name: index for index, name in enumerate(names)}
    assert len(places) == 12
    for companion in collection.photos.rglob("*.xmp"):
        assert companion.with_suffix(".jpg").exists()
    assert collection.ask("plan", rank=[collection.photos])["steps"] == []
    collection.scan()
    assert not collection.asked
    taken_off = collection.ask("rank", folders=[collection.photos], remove=True)
    assert taken_off["refused"] == []
    assert owned(collection) == before
    assert collection.ask("undo", everything=True)["refused"] == []
    assert owned(collection) == before


def test_look_alikes_stand_side_by_side(collection: Installation) -> None:
    for path in (collection.photos / "trip").iterdir():
        path.rename(collection.photos / path.name)
    collection.scan()
    assert collection.ask("rank", folders=[collection.photos])["refused"] == []
    shown = sorted(path.name for path in collection.photos.glob("*.jpg"))
    for shot in collection.partition():
        places = sorted(shown.index(name) for name in shot)
        assert places == list(range(places[0], places[0] + len(places))), shown


def test_apply_on_top_of_rank_and_one_file_back(collection: Installation) -> None:
    before = owned(collection)
    assert collection.ask("rank", folders=[collection.photos])["refused"] == []
    moved = collection.ask("apply", action="move")
    assert moved["refused"] == []
    representative = Path(collection.groups()["groups"][0]["representative"])
    assert representative.is_relative_to(collection.library)
    back = collection.ask("undo", files=[representative])
    assert back["refused"] == []
    assert not representative.exists()
    assert contents(owned(collection)) == contents(before)
    assert collection.ask("undo", everything=True)["refused"] == []
    assert owned(collection) == before


def test_what_stands_in_the_way_is_never_overwritten(collection: Installation) -> None:
    planned = collection.ask("plan", action="move")
    blocked = Path(planned["steps"][0]["target"])
    blocked.parent.mkdir(parents=True)
    blocked.write_bytes(b"the owner's own")
    before = contents(owned(collection))
    done = collection.run("apply", "--action", "move", "--yes")
    assert blocked.read_bytes() == b"the owner's own"
    assert contents(owned(collection)) == before
    assert "Traceback" not in done.err


def test_what_cannot_be_taken_back_is_foreseen(collection: Installation) -> None:
    def foreseen(batch: str) -> str:
        return "\n".join(collection.ask("plan", undo=True, batches=[batch])["warnings"])

    moved = collection.ask("apply", action="move")["batch"]
    assert foreseen(moved) == ""
    step = collection.ask("plan", undo=True, batches=[moved])["steps"][0]
    Path(step["target"]).write_bytes(b"a new one of that name")
    assert foreseen(moved) == f"{step['source']} stays, with all of its photo: {step['target']} is there again."
    refused = {one["target"] for one in collection.ask("undo", batches=[moved])["refused"]}
    assert step["source"] in refused
    Path(step["target"]).unlink()
    for remove in (False, True):
        collection.ask("rank", folders=[collection.photos], remove=remove)
    assert collection.ask("plan", undo=True, everything=True)["warnings"] == []
    assert collection.ask("undo", everything=True)["refused"] == []

    copied = collection.ask("apply", action="copy")["batch"]
    edited, orphan, *_ = collection.ask("plan", undo=True, batches=[copied])["steps"]
    with Path(edited["source"]).open("ab") as file:
        file.write(b"edited")
    Path(orphan["target"]).unlink()
    assert f"{edited['source']} stays, with all of its photo: it was changed after it was made." in foreseen(copied)
    why = f"{orphan['target']}, of which it was made, is gone."
    assert f"{orphan['source']} stays, with all of its photo: {why}" in foreseen(copied)
    assert len(collection.ask("undo", batches=[copied])["refused"]) >= 2


def test_a_plan_with_another_fingerprint_is_refused(collection: Installation) -> None:
    before = owned(collection)
    with pytest.raises(BadInput, match="photos changed since the plan was shown"):
        collection.ask("apply", action="move", fingerprint="0" * 16)
    with pytest.raises(BadInput, match="photos changed since the plan was shown"):
        collection.ask("rank", folders=[collection.photos], fingerprint="0" * 16)
    assert owned(collection) == before


# -------------------------------------------------------------------- kill -9


def test_rank_and_its_removal_give_back_names_that_differ_in_case_alone(collection: Installation) -> None:
    shutil.copy2(collection.photos / "trip" / "IMG_100.jpg", collection.photos / "trip" / "IMG_100.JPG")
    collection.scan()
    before = owned(collection)
    assert collection.ask("rank", folders=[collection.photos])["refused"] == []
    assert owned(collection) != before
    assert collection.ask("rank", folders=[collection.photos], remove=True)["refused"] == []
    assert owned(collection) == before


def killed(installation: Installation, written_bytes: int, *words: str | os.PathLike[str]) -> bool:
    """Runs a verb and kills it once the journal grew by so much; whether it was still running.

    By the journal and not by a time: a process needs a second until it begins, and some milliseconds to be done.
    """
    journal = installation.state / "journal"
    until = written(journal) + written_bytes
    process = subprocess.Popen(
        installation.command(*words), env=installation.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and written(journal) < until:
        time.sleep(0.00005)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def written(journal: Path) -> int:
    return sum(file.stat().st_size for file in journal.glob("*")) if journal.is_dir() else 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("action", [*ACTIONS, "rank"])
def test_kill_at_random_instants_loses_nothing(collection: Installation, action: str) -> None:
    words = ("rank", collection.photos) if action == "rank" else ("apply", "--action", action)
    journal = collection.state / "journal"
    before = owned(collection)
    assert collection.run(*words, "--yes").code == 0
    apply_bytes = written(journal)
    assert collection.run("undo", "--all", "--yes").code == 0
    undo_bytes = written(journal) - apply_bytes
    assert owned(collection) == before
    rng = random.Random(action)
    kills = {"apply": 0, "undo": 0}
    for turn in range(30):
        if turn % 3:
            kills["apply"] += killed(collection, rng.randint(1, apply_bytes), *words, "--yes")
        else:
            assert collection.run(*words, "--yes").code == 0
            kills["undo"] += killed(collection, rng.randint(1, undo_bytes), "undo", "--all", "--yes")
        assert contents(before) <= contents(owned(collection))
        recovered = collection.run("recover")
        assert recovered.code == 0, recovered
        undone = collection.run("undo", "--all", "--yes")
        assert undone.code == 0, undone
        assert owned(collection) == before, turn
        assert not own_names(owned(collection))
    print(kills)
    assert kills["apply"] >= 15, "the kills came too late to prove anything"
    assert kills["undo"] >= 7, "the kills came too late to prove anything"
    collection.scan()
    assert not collection.asked
    assert collection.ask("status")["photos"] == 12
