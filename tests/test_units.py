"""A shot is one unit: its files move together or not at all, and what comes late follows."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from filed import contents, tree
from running import Installation
from test_filing_end_to_end import killed

UNITS = {
    "IMG_100": (".jpg", ".cr3", ".xmp", ".cr3.xmp", ".wav"),
    "IMG_101": (".heic", ".mov", ".aae"),
    "IMG_102": (".jpg", ".mov"),
}
PRIMARY = {".heic": ".jpg"}


@pytest.fixture
def units(installation: Installation, sample_photos: Path) -> Installation:
    """A burst of three: RAW+JPEG with all its sidecars, a Live Photo with an edited rendering, a photo with a film."""
    photos = installation.photos
    for stem, endings in UNITS.items():
        for ending in endings:
            name = f"{stem}{PRIMARY.get(ending, ending)}"
            if ending in (".jpg", ".heic"):
                shutil.copy(sample_photos / f"{stem}.jpg", photos / name)
            else:
                (photos / name).write_bytes(f"{name} of its own".encode())
    for stem, name in (("IMG_101", "IMG_2000.jpg"), ("IMG_102", "IMG_E2000.jpg")):
        shutil.copy(sample_photos / f"{stem}.jpg", photos / name)
    (photos / "IMG_2000.aae").write_bytes(b"edit")
    (photos / "IMG_2000.mov").write_bytes(b"film")
    installation.scan()
    return installation


def places(installation: Installation) -> dict[str, set[Path]]:
    """Unit -> the folders in which its files lie."""
    found: dict[str, set[Path]] = {}
    for top in (installation.photos, installation.library):
        for path in top.rglob("*.*"):
            if path.is_file():
                key = path.name.partition(".")[0].replace("IMG_E", "IMG_")
                found.setdefault(key, set()).add(path.parent)
    return found


def test_all_files_of_a_shot_move_together(units: Installation) -> None:
    before = tree(units.photos)
    done = units.ask("apply", action="move")
    assert done["refused"] == []
    found = places(units)
    assert set(found) == {"IMG_100", "IMG_101", "IMG_102", "IMG_2000"}
    assert all(len(folders) == 1 for folders in found.values()), found
    assert not [path for path in units.photos.rglob("*") if path.is_file()]
    assert units.ask("undo", last=True)["refused"] == []
    assert tree(units.photos) == before


def test_one_file_that_cannot_move_keeps_its_shot(units: Installation) -> None:
    planned = units.ask("plan", action="move")
    (taken,) = [step["target"] for step in planned["steps"] if step["source"].endswith("IMG_100.wav")]
    Path(taken).parent.mkdir(parents=True)
    raw = units.photos / "IMG_100.cr3"
    raw.write_bytes(raw.read_bytes() + b"still being written")
    done = units.ask("apply", action="move")
    assert len(done["refused"]) == 5
    assert all(len(folders) == 1 for folders in places(units).values())
    assert places(units)["IMG_100"] == {units.photos}


def test_a_sidecar_that_comes_later_follows_its_photo(units: Installation) -> None:
    units.ask("apply", action="move", layout="{group}/{rank:02d} {name}")
    (home,) = next(folders for name, folders in places(units).items() if name.endswith("IMG_100"))
    late = units.photos / "IMG_102.xmp"
    late.write_text("edits made days later")
    other = units.photos / "IMG_777.xmp"
    other.write_text("of no photo that is known")
    units.scan()
    (step,) = units.ask("plan", action="move", layout="{group}/{rank:02d} {name}")["steps"]
    assert (step["source"], step["action"]) == (str(late), "move")
    assert Path(step["target"]).parent == home
    assert "travels with" in step["why"]
    assert Path(step["target"]).with_suffix(".jpg").exists()
    assert units.ask("apply", action="move", layout="{group}/{rank:02d} {name}")["done"] == 1
    assert not late.exists()
    assert other.exists()
    assert units.ask("plan", action="move", layout="{group}/{rank:02d} {name}")["steps"] == []
    shown = [photo for group in units.groups()["groups"] for photo in group["photos"]]
    assert step["target"] in [companion for photo in shown for companion in photo["companions"]]
    assert units.ask("undo", last=True)["refused"] == []
    assert late.exists()
    assert [again["target"] for again in units.ask("plan", action="move")["steps"]] == [step["target"]]
    units.ask("undo", everything=True)
    units.scan()
    shown = [photo for group in units.groups()["groups"] for photo in group["photos"]]
    assert str(late) in [companion for photo in shown for companion in photo["companions"]]


def test_a_sidecar_stays_with_a_photo_that_is_there(units: Installation, sample_photos: Path) -> None:
    units.ask("apply", action="move")
    shutil.copy(sample_photos / "IMG_130.jpg", units.photos / "IMG_102.jpg")  # the counter began anew
    (units.photos / "IMG_102.xmp").write_text("edits of the new one")
    units.scan()
    assert units.ask("plan", action="move")["steps"] == []


def test_a_taken_name_leaves_the_sidecar_alone(units: Installation) -> None:
    units.ask("apply", action="move")
    (home,) = places(units)["IMG_102"]
    (home / "IMG_102.xmp").write_text("edits that are there already")
    late = units.photos / "IMG_102.xmp"
    late.write_text("edits made days later")
    units.scan()
    planned = units.ask("plan", action="move")
    assert planned["steps"] == []
    assert any("is there already: left alone" in warning for warning in planned["warnings"])


def test_the_service_brings_it_after_by_itself(units: Installation) -> None:
    units.configure(action="move", apply="automatic", filing={"closed_after_s": 0.5})
    with units.service() as service:
        service.wait_for(lambda: not [p for p in units.photos.rglob("*") if p.is_file()], "all is filed", 60)
        (home,) = places(units)["IMG_102"]
        (units.photos / "IMG_102.xmp").write_text("edits made days later")
        service.wait_for((home / "IMG_102.xmp").exists, "the sidecar followed", 60)
        assert not (units.photos / "IMG_102.xmp").exists()


@pytest.mark.slow
def test_no_kill_splits_a_unit(units: Installation) -> None:
    before, kills = tree(units.photos), 0
    rng = random.Random(4)
    for turn in range(20):
        kills += killed(units, rng.uniform(0, 0.03), "apply", "--action", "move", "--yes")
        if turn % 2:
            assert units.run("recover").code == 0
            kills += killed(units, rng.uniform(0, 0.02), "undo", "--all", "--yes")
        assert units.run("recover").code == 0
        assert contents(tree(units.photos, units.library)) == contents(before)
        assert all(len(folders) == 1 for folders in places(units).values()), (turn, places(units))
        assert units.run("undo", "--all", "--yes").code == 0
        assert tree(units.photos) == before
    assert kills >= 8
