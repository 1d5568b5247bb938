"""Photos that were filed outside every root: what their owner does to them there is seen, and nothing else there is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from running import Installation


@pytest.fixture(params=["move", "copy"])
def filed(request: pytest.FixtureRequest, scanned: Installation) -> Installation:
    """An installation whose groups were moved or copied to its library, which is in no root."""
    scanned.ask("apply", action=request.param, layout="{group}/")
    scanned.scan()
    return scanned


def known(installation: Installation) -> dict[str, Any]:
    found = installation.groups()
    grouped = {photo["path"]: group["id"] for group in found["groups"] for photo in group["photos"]}
    return grouped | dict.fromkeys(found["alone"], "")


def in_library(installation: Installation) -> list[Path]:
    return sorted(path for path in installation.library.rglob("*.jpg") if path.is_file())


def test_a_folder_that_its_owner_renames_stays_known_and_filed(filed: Installation) -> None:
    before, photos = known(filed), len(in_library(filed))
    action = "move" if not (filed.photos / "IMG_100.jpg").exists() else "copy"
    folder = in_library(filed)[0].parent
    folder.rename(filed.library / "Birthday")
    (filed.library / "Birthday" / "stranger.jpg").write_bytes(b"never looked at")
    filed.scan()
    assert not filed.asked["look"]
    renamed = {path.replace(str(folder), str(filed.library / "Birthday")): group for path, group in before.items()}
    assert known(filed) == renamed
    assert filed.ask("plan", action=action, layout="{group}/")["steps"] == []
    assert len(in_library(filed)) == photos + 1


def test_what_is_deleted_there_is_gone_and_what_comes_back_is_known(scanned: Installation) -> None:
    scanned.ask("apply", action="move", layout="{group}/")
    before = known(scanned)
    gone = in_library(scanned)[0].parent
    away = scanned.folder / "away"
    gone.rename(away)
    photos = scanned.ask("status")["photos"]
    assert scanned.scan()["photos"] == photos - len(list(away.iterdir()))
    assert known(scanned) == {path: group for path, group in before.items() if not path.startswith(str(gone))}
    away.rename(gone)
    scanned.scan()
    assert not scanned.asked["look"]
    assert known(scanned).keys() == before.keys()
    shutil.rmtree(scanned.library)
    scanned.scan()
    assert not any(path.startswith(str(scanned.library)) for path in known(scanned))


def test_what_is_edited_there_is_looked_at_again(scanned: Installation, sample_photos: Path) -> None:
    scanned.ask("apply", action="move", layout="{group}/")
    before = known(scanned)
    photo = next(path for path in in_library(scanned) if path.name == "IMG_100.jpg")
    shutil.copy(sample_photos / "IMG_130.jpg", photo)
    scanned.scan()
    assert scanned.asked["identify"] == 1
    after = known(scanned)
    assert after.keys() == before.keys()
    assert after[str(photo)] != before[str(photo)]


def test_a_disk_that_is_not_mounted_holds_all_it_held(scanned: Installation) -> None:
    disk = scanned.library
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", disk], capture_output=True, check=False).returncode:
        pytest.skip("needs root to mount")
    try:
        scanned.ask("apply", action="move", layout="{group}/")
        before = known(scanned)
        kept = scanned.folder / "kept"
        shutil.copytree(disk, kept)
        in_library(scanned)[0].unlink()
        scanned.scan()
        lacking = known(scanned)
        assert len(lacking) == len(before) - 1
    finally:
        subprocess.run(["umount", disk], check=True)
    scanned.scan()
    assert known(scanned) == lacking
    (disk / "of the disk below").mkdir()
    scanned.scan()
    assert known(scanned) == lacking
    disk.rename(scanned.folder / "mount point")
    scanned.scan()
    assert known(scanned) == lacking


def test_the_service_sees_it_too(scanned: Installation) -> None:
    scanned.ask("apply", action="move", layout="{group}/")
    photos = scanned.ask("status")["photos"]
    in_library(scanned)[0].unlink()
    with scanned.service() as service:
        service.wait_until_grouped(photos - 1)
        in_library(scanned)[0].unlink()
        assert scanned.ask("scan")["photos"] == photos - 2
        in_library(scanned)[0].unlink()
        assert scanned.ask("scan", paths=[scanned.photos])["photos"] == photos - 2


@pytest.mark.parametrize("action", ["copy", "move"])
def test_a_library_that_a_link_leads_to_in_a_root_shows_each_photo_once(scanned: Installation, action: str) -> None:
    link = scanned.folder / "link"
    link.symlink_to(scanned.photos)
    before = scanned.partition()
    for library in (link / "Sorted", link / "Sorted" / "deeper"):
        scanned.ask("apply", action=action, library=library, layout="{group}/")
        scanned.scan()
        assert not scanned.asked
        assert scanned.partition() == before
        assert scanned.ask("plan", action=action, library=library, layout="{group}/")["steps"] == []
    assert scanned.ask("undo", everything=True)["refused"] == []
    scanned.scan(link)
    assert not scanned.asked
    assert scanned.partition() == before
