"""A photo that another program rewrites while sameshot has moved, copied or half-moved it is looked at again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from filed import contents, tree
from running import Installation
from sameshot.apply.filing import file_plan
from sameshot.apply.undo import Selection, undo
from sameshot.filing.plans import learn_done
from sameshot.verbs.plan import Asked, folders_plan, ranked_plan


@pytest.fixture
def twins(installation: Installation, sample_photos: Path) -> Installation:
    """A photo and its copy, and another one."""
    for name in ("IMG_100.jpg", "IMG_130.jpg"):
        shutil.copy2(sample_photos / name, installation.photos)
    shutil.copy2(installation.photos / "IMG_130.jpg", installation.photos / "twin.jpg")
    installation.scan()
    assert frozenset({"IMG_130.jpg", "twin.jpg"}) in installation.partition()
    return installation


@pytest.fixture
def edit(sample_photos: Path) -> Path:
    """What the other program writes."""
    return sample_photos / "IMG_110.jpg"


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.rglob(pattern)
    return found


def assert_no_copy_is_seen(installation: Installation) -> None:
    """The edit is no copy of anything: the next scan looks, and none goes."""
    before = contents(tree(installation.folder))
    installation.scan()
    assert installation.asked["identify"]
    assert installation.ask("dedupe", to="quarantine")["done"] == 0
    assert contents(tree(installation.photos)) <= before
    assert not any({"IMG_130.jpg", "twin.jpg"} <= {name[-11:] for name in group} for group in installation.partition())


def test_rewritten_before_an_undo(twins: Installation, edit: Path) -> None:
    twins.ask("rank", folders=[twins.photos])
    shutil.copy(edit, only(twins.photos, "*~IMG_130.jpg"))
    assert "another program rewrote it" in twins.ask("undo", last=True)["notes"][0]
    assert_no_copy_is_seen(twins)


def test_rewritten_after_an_undo_that_was_killed(twins: Installation, edit: Path) -> None:
    twins.ask("rank", folders=[twins.photos])
    with twins.app() as app:
        undo(app.journal, Selection(all=True), now=app.today())  # and here the process is killed
    shutil.copy(edit, twins.photos / "IMG_130.jpg")
    assert_no_copy_is_seen(twins)


def test_rewritten_after_a_rank_that_was_killed(twins: Installation, edit: Path) -> None:
    with twins.app() as app:
        plan = ranked_plan(app, (twins.photos,), remove=False, table=None, exhaustive=False)
        file_plan(plan, app.journal, roots=[twins.photos], now=app.today())  # and here the process is killed
    shutil.copy(edit, only(twins.photos, "*~IMG_130.jpg"))
    assert_no_copy_is_seen(twins)


@pytest.mark.parametrize("action", ["copy", "move", "hardlink"])
def test_rewritten_while_others_are_filed(twins: Installation, edit: Path, action: str) -> None:
    with twins.app() as app:
        plan = folders_plan(app, Asked(action))
        report = file_plan(plan, app.journal, roots=[twins.photos, twins.library], now=app.today())
        place = twins.library if action == "move" else twins.photos
        changed = only(place, "IMG_130.jpg")
        changed.unlink()
        shutil.copy(edit, changed)  # while the last of the others is copied
        learn_done(app.store, report.outcomes)
    twins.configure(roots=[{"path": str(twins.photos)}, {"path": str(twins.library)}])
    assert_no_copy_is_seen(twins)


def test_a_duplicate_rewritten_before_it_came_back(twins: Installation, edit: Path) -> None:
    assert twins.ask("dedupe", to="quarantine", keep="shortest-path")["done"] == 1
    quarantine = twins.folder / "photos duplicates"
    shutil.copy(edit, only(quarantine, "*.jpg"))
    assert twins.ask("undo", last=True)["refused"] == []
    assert_no_copy_is_seen(twins)
