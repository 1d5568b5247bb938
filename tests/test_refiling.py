"""`apply --overwrite`: what was filed goes back and all is filed anew, as one command; batch folders are merged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from filed import contents, tree
from running import Installation, names_of

FLAT = "{group}/"


def owned(installation: Installation) -> dict:
    return tree(installation.photos, installation.library)


@pytest.mark.parametrize("action", ["move", "copy"])
def test_filed_photos_are_filed_anew(scanned: Installation, action: str) -> None:
    before = owned(scanned)
    first = scanned.ask("apply", action=action)
    filed = owned(scanned)
    assert scanned.ask("plan", action=action, overwrite=True)["steps"] == []
    assert scanned.ask("apply", action=action, overwrite=True)["batch"] == ""
    assert scanned.ask("plan", action=action, layout=FLAT)["steps"] == []  # without it, what is filed stays
    planned = scanned.ask("plan", action=action, layout=FLAT, overwrite=True)
    assert f"that {first['batch']} filed go back to their places first" in planned["warnings"][0]
    assert {Path(step["source"]).parent for step in planned["steps"]} == {scanned.photos}
    assert owned(scanned) == filed
    done = scanned.ask("apply", action=action, layout=FLAT, overwrite=True, fingerprint=planned["fingerprint"])
    assert (done["refused"], done["done"]) == ([], len(planned["steps"]))
    assert all(Path(step["target"]).parent.parent == scanned.library for step in planned["steps"])
    assert all(Path(step["target"]).exists() for step in planned["steps"])
    assert contents(before) <= contents(owned(scanned))
    scanned.scan()
    assert not scanned.asked
    assert scanned.ask("undo", last=True)["refused"] == []
    assert owned(scanned) == before


def test_what_cannot_be_taken_back_stops_it(scanned: Installation) -> None:
    scanned.ask("apply", action="copy")
    (copy,) = scanned.library.rglob("IMG_120.jpg")
    copy.write_bytes(copy.read_bytes() + b"edited")
    done = scanned.ask("apply", action="copy", layout=FLAT, overwrite=True)
    assert done["done"] == 0
    assert any("changed after it was made" in one["reason"] for one in done["refused"])
    assert copy.exists()


def test_batch_folders_made_earlier_are_merged(installation: Installation, sample_photos: Path) -> None:
    """Merge-only: folders that were clustered batch by batch, each in groups of its own, become one set of groups."""
    for number, photo in enumerate(sorted(sample_photos.iterdir())):
        folder = installation.photos / f"batch_{number % 3}" / f"cluster_{number // 3}"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, folder)
    installation.scan()
    before, groups = owned(installation), names_of(installation.groups())
    assert installation.ask("apply", action="move", layout="{group}/{name}")["refused"] == []
    merged = {frozenset(photo.name for photo in folder.iterdir()) for folder in installation.library.iterdir()}
    assert merged == groups
    assert installation.ask("undo", everything=True)["refused"] == []
    assert owned(installation) == before
