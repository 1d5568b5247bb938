"""Hostile files among good photos: each costs itself alone, and is listed with a reason that a person understands."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from running import Installation, Service

JARGON = re.compile(
    r"0x[0-9a-f]{4}|Traceback|Exception|Error\b|errno|libraw|libjpeg|libheif|libtiff|PIL|Pillow|cv2|OpenCV|numpy|"
    r"NoneType|None\b|<[a-z_.]+ |\.py\b|SIG[A-Z]{3}|segfault|assert",
    re.IGNORECASE,
)


def mixed(installation: Installation, sample_photos: Path, hostile: list[Path]) -> int:
    """Copies the samples and the hostile files into the watched folder; returns how many."""
    shutil.copytree(sample_photos, installation.photos, dirs_exist_ok=True)
    for file in hostile:
        shutil.copy(file, installation.photos)
    return len(list(installation.photos.iterdir()))


def good_ones_are_grouped(installation: Installation) -> None:
    shots = installation.partition()
    assert frozenset({"IMG_100.jpg", "IMG_101.jpg", "IMG_102.jpg"}) in shots
    assert frozenset({"IMG_110.jpg", "IMG_111.jpg", "IMG_112.jpg"}) in shots
    good = {"IMG_130.jpg", "IMG_131.jpg", "IMG_132.jpg"}
    assert good <= {Path(path).name for path in installation.groups()["alone"]}


def reasons_are_for_people(installation: Installation) -> dict[str, str]:
    failed = {Path(photo["path"]).name: photo["reason"] for photo in installation.groups()["failed"]}
    for name, reason in failed.items():
        assert not JARGON.search(reason), (name, reason)
        assert 10 <= len(reason) <= 160, (name, reason)
        assert "\n" not in reason
    return failed


def test_damaged_photos_are_told_and_cost_nothing_else(installation: Installation, sample_photos: Path) -> None:
    photo = (sample_photos / "IMG_130.jpg").read_bytes()
    bad = {
        "empty head.jpg": b"\0" * 4000,
        "half.jpg": photo[: len(photo) // 2],
        "text.jpg": b"not a photo at all\n" * 50,
        "short.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\2\0\0\0",
    }
    mixed(installation, sample_photos, [])
    for name, content in bad.items():
        (installation.photos / name).write_bytes(content)
    found = installation.scan()
    assert found["newly_failed"] == len(bad)
    assert set(reasons_are_for_people(installation)) == set(bad)
    good_ones_are_grouped(installation)
    installation.scan()
    assert not installation.asked  # not tried again until it changes
    (installation.photos / "half.jpg").write_bytes(photo)
    assert installation.scan()["failed"] == len(bad) - 1
    assert frozenset({"IMG_130.jpg", "half.jpg"}) in installation.partition()


def test_what_is_no_file_is_passed_over(installation: Installation, sample_photos: Path) -> None:
    import os  # noqa: PLC0415
    import socket  # noqa: PLC0415

    mixed(installation, sample_photos, [])
    os.mkfifo(installation.photos / "pipe.jpg")
    (installation.photos / "folder.jpg").mkdir()
    (installation.photos / "loop.jpg").symlink_to("loop.jpg")
    (installation.photos / "loop").symlink_to(".")
    (installation.photos / "passwd.jpg").symlink_to("/etc/passwd")
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(installation.photos / "line.jpg"))
    found = installation.scan()
    assert (found["photos"], found["failed"]) == (12, 0)
    good_ones_are_grouped(installation)


def test_the_hostile_files_among_photos(installation: Installation, sample_photos: Path, real_data: Path) -> None:
    hostile = sorted((real_data / "hostile").iterdir())
    with installation.service(WATCHDOG_USEC="10000000") as service:
        count = mixed(installation, sample_photos, hostile)
        wait_for_all(service, count)
        assert service.told().count("READY=1") == 1
        assert "Traceback" not in service.log()
        good_ones_are_grouped(installation)
        failed = reasons_are_for_people(installation)
        assert failed
        status = service.status()
        assert status["state"] == "idle"
        assert service.stop()[0] == 0
    listed = [
        photo["path"] for group in installation.groups()["groups"] for photo in group["photos"]
    ] + installation.groups()["alone"]
    known = {Path(path).name for path in listed} | set(failed)
    ignored = {file.name for file in hostile} - known
    # What is no photo by its extension is nobody's business.
    assert {Path(name).suffix for name in ignored} <= {".jp2", ".jxl", ".ppm"}, ignored


def wait_for_all(service: Service, count: int) -> None:
    del count

    def is_done() -> bool:
        status = service.status()
        return status["state"] == "idle" and status["photos"] > 80 and status["pending"] == 0

    service.wait_for(is_done, "every file was looked at", 280)
