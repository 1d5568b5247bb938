"""More than half of a root gone at once pauses that root, loses nothing, and is accepted by the owner's word alone."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from filed import stat_of
from running import Installation, names_of
from sameshot.errors import BadInput, RootUnavailable
from sameshot.way.sweeping import believe_root, sweep_folder

PHOTOS = 33


@pytest.fixture
def many(installation: Installation, sample_photos: Path) -> Installation:
    """33 photos in three folders of eleven, and a note."""
    (installation.photos / "notes.txt").write_text("the owner's own")
    for number in range(PHOTOS):
        folder = installation.photos / f"day {number % 3}"
        folder.mkdir(exist_ok=True)
        shutil.copy(sample_photos / f"IMG_{100 + 10 * (number % 3)}.jpg", folder / f"{number}.jpg")
    installation.scan()
    return installation


def empty(many: Installation, *days: int) -> Path:
    """Takes photos away, their folders stay; returns where they are now."""
    away = many.folder / "away"
    for day in days:
        for photo in sorted((many.photos / f"day {day}").iterdir()):
            (away / f"day {day}").mkdir(parents=True, exist_ok=True)
            photo.rename(away / f"day {day}" / photo.name)
    return away


def bring_back(many: Installation, away: Path) -> None:
    for photo in sorted(away.rglob("*.jpg")):
        photo.rename(many.photos / photo.relative_to(away))


def grouped_in(installation: Installation, folder: Path) -> bool:
    try:
        return bool(installation.ask("groups", paths=[folder])["groups"])
    except BadInput:
        return False  # the folder is not known yet


def test_most_of_a_root_gone_at_once_pauses_it_until_it_is_back(many: Installation) -> None:
    groups = many.partition()
    away = empty(many, 0, 1)
    for _ in range(2):
        with pytest.raises(RootUnavailable, match=r"22 of the 33 photos in .* are gone at once.*--believe"):
            many.scan()
        assert many.partition() == groups
    (root,) = many.ask("status")["roots"]
    assert (root["state"], many.ask("status")["photos"]) == ("paused", PHOTOS)
    assert "22 of the 33" in root["detail"]
    bring_back(many, away)
    many.scan()
    assert not many.asked["look"]
    assert many.partition() == groups
    assert many.ask("status")["roots"][0]["state"] == "unwatched"


def test_the_owner_may_say_that_it_is_right(many: Installation) -> None:
    away = empty(many, 0, 1)
    refused = many.run("scan")
    assert (refused.code, "--believe" in refused.err) == (1, True)
    assert many.run("scan", "--believe").code == 2  # it must be said of which
    assert many.run("scan", "--believe", many.photos).code == 0
    assert many.ask("status")["photos"] == 11
    bring_back(many, away)
    many.scan()
    assert many.ask("status")["photos"] == PHOTOS
    assert not many.asked["look"]  # nothing was forgotten
    empty(many, 0, 1)
    with pytest.raises(RootUnavailable):
        many.scan()  # it was said of that once


def test_less_than_half_or_a_few_may_go(many: Installation) -> None:
    empty(many, 0)
    many.scan()
    assert many.ask("status")["photos"] == 22
    shutil.rmtree(many.photos / "day 1")  # half, and eleven
    many.scan()
    assert many.ask("status")["photos"] == 11


def test_photos_that_only_moved_are_not_gone(many: Installation) -> None:
    groups = names_of(many.groups())
    for day in range(3):
        (many.photos / f"day {day}").rename(many.photos / f"renamed {day}")
    many.scan()
    assert not many.asked
    assert many.partition() == groups


def test_one_root_that_is_paused_stops_no_other(many: Installation, sample_photos: Path) -> None:
    other = many.folder / "other"
    other.mkdir()
    many.configure(roots=[{"path": str(many.photos)}, {"path": str(other)}])
    many.scan()
    shutil.copy(sample_photos / "IMG_130.jpg", other)
    empty(many, 0, 1)
    result = many.scan()
    assert (result["photos"], len(result["problems"])) == (PHOTOS + 1, 1)


def test_a_disk_inside_a_root_that_is_unmounted(many: Installation) -> None:
    groups = many.groups()
    inside = many.photos / "disk"
    inside.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", inside], capture_output=True, check=False).returncode:
        pytest.skip("needs root to mount")
    store = many.folder / "kept"
    try:
        for number in range(PHOTOS * 2):
            shutil.copy(many.photos / "day 0" / "0.jpg", inside / f"{number}.jpg")
        many.scan()
        shutil.copytree(inside, store)
    finally:
        subprocess.run(["umount", inside], check=True)
    with pytest.raises(RootUnavailable, match="66 of the 99 photos"):
        many.scan()
    assert many.ask("status")["photos"] == 3 * PHOTOS
    assert names_of(many.groups()) >= {one for one in names_of(groups) if "0.jpg" not in one}


def test_another_disk_in_the_place_of_a_root(many: Installation, sample_photos: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "none", many.photos], capture_output=True, check=False).returncode:
        pytest.skip("needs root to mount")
    try:
        with pytest.raises(RootUnavailable, match="is empty"):
            many.scan()
        shutil.copy(sample_photos / "IMG_130.jpg", many.photos)
        with pytest.raises(RootUnavailable, match="shows other files than before"):
            many.scan()
        assert many.ask("status")["photos"] == PHOTOS
        assert many.run("scan", "--believe", many.photos).code == 0
        assert many.ask("status")["photos"] == 1
    finally:
        subprocess.run(["umount", many.photos], check=True)


def test_a_disk_that_got_another_number_is_not_read_again(many: Installation) -> None:
    groups = many.partition()
    with contextlib.closing(sqlite3.connect(many.locations.database)) as database, database:
        database.execute("UPDATE files SET device = device + 1")
    many.scan()
    assert not many.asked
    assert many.partition() == groups
    with many.app() as app:
        photo = many.photos / "day 0" / "0.jpg"
        assert app.store.photos.file_at(photo).stat == stat_of(photo)


def test_a_root_that_goes_away_just_after_it_was_checked_loses_nothing(many: Installation) -> None:
    day, away = many.photos / "day 0", many.folder / "away"
    with many.app() as app:
        believe_root(app.store, many.photos)
        many.photos.rename(away)
        many.photos.mkdir()
        for folder in (day, many.photos):
            with pytest.raises(RootUnavailable, match="is empty"):
                sweep_folder(app.store, many.photos, folder, app.rules, app.now(), believed=True)
        many.photos.rmdir()
        away.rename(many.photos)
        assert app.store.photos.present_in(many.photos) == PHOTOS
        (day / "0.jpg").unlink()
        sweep_folder(app.store, many.photos, day, app.rules, app.now(), believed=True)
        assert app.store.photos.present_in(many.photos) == PHOTOS - 1


def test_a_root_that_is_mounted_read_only_is_looked_at(many: Installation, sample_photos: Path) -> None:
    disk = many.folder / "read-only"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", disk], capture_output=True, check=False).returncode:
        pytest.skip("needs root to mount")
    try:
        shutil.copy(sample_photos / "IMG_120.jpg", disk)
        shutil.copy(sample_photos / "IMG_120.jpg", disk / "again.jpg")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        many.configure(roots=[{"path": str(disk)}])
        many.scan()
        assert frozenset({"IMG_120.jpg", "again.jpg"}) <= next(g for g in many.partition() if "again.jpg" in g)
        planned = many.ask("plan", action="move")
        assert any("2 photos are left out: nothing can be moved out of" in one for one in planned["warnings"])
        assert many.ask("apply", action="move")["refused"] == []
        assert sorted(path.name for path in disk.iterdir()) == ["IMG_120.jpg", "again.jpg"]
        assert many.ask("undo", everything=True)["refused"] == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_the_service_pauses_the_root_and_takes_it_up_again(many: Installation) -> None:
    big = many.photos / "big"
    big.mkdir()
    for number in range(40):
        shutil.copy(many.photos / "day 0" / "0.jpg", big / f"{number}.jpg")
    with many.service() as service:
        service.wait_until_grouped(PHOTOS + 40)

        def root() -> dict:
            return service.status()["roots"][0]

        away = many.folder / "away"
        big.rename(away)
        service.wait_for(lambda: root()["state"] == "offline", "the root is paused", 30)
        assert "40 of the 73 photos" in root()["detail"]
        assert service.status()["photos"] == PHOTOS + 40
        assert many.ask("scan")["problems"]
        away.rename(big)
        service.wait_for(lambda: root()["state"] == "watching", "the root is taken up again", 30)
        service.wait_until_grouped(PHOTOS + 40)
        big.rename(many.photos / "large")
        service.wait_for(lambda: grouped_in(many, many.photos / "large"), "it is followed", 30)
        assert root()["state"] == "watching"
        (many.photos / "large").rename(away)  # at one stroke: a sweep that saw it go bit by bit would believe each bit
        service.wait_for(lambda: root()["state"] == "offline", "the root is paused", 30)
        assert many.ask("scan", paths=[many.photos], believe=True)["photos"] == PHOTOS
        assert root()["state"] == "watching"
