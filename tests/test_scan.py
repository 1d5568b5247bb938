"""`scan`, from files on a disk to groups: what is grouped, what is looked at again, and what is not."""

from __future__ import annotations

import os
import random
import re
import shutil
import struct
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

import drawn
from clouds import cloud_drive
from mounts import needs_root
from running import Installation
from sameshot.app import open_app
from sameshot.config import load_with_sources
from sameshot.errors import RootUnavailable
from sameshot.verbs.scan import scan

BURST = frozenset({"IMG_100.jpg", "IMG_101.jpg", "IMG_102.jpg"})
BRACKET = frozenset({"IMG_110.jpg", "IMG_111.jpg", "IMG_112.jpg"})
EDITS = frozenset({"IMG_120.jpg", "IMG_120 crop.jpg"})


def group_ids(installation: Installation) -> dict[str, str]:
    """Name of a photo -> id of its group."""
    return {
        Path(photo["path"]).name: group["id"] for group in installation.groups()["groups"] for photo in group["photos"]
    }


def photo_ids(installation: Installation) -> dict[str, int]:
    """Name of a present photo -> its id."""
    with installation.app() as app:
        photos = app.store.photos
        rows = photos.get(photos.ids()).values()
        return {row.primary.path.name: row.id for row in rows if row.missing_since_s is None}


def rated(path: Path, stars: int) -> None:
    """Writes a rating as photo managers do: new metadata, the same picture data, a new file in the old one's place."""
    jpeg = path.read_bytes()
    start = jpeg.index(b"\xff\xe1")
    end = start + 2 + struct.unpack(">H", jpeg[start + 2 : start + 4])[0]
    exif = Image.Exif()
    exif.load(jpeg[start + 4 : end])
    exif[0x4746] = stars
    segment = exif.tobytes()
    written = path.with_name("written")
    written.write_bytes(jpeg[:start] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[end:])
    os.replace(written, path)


def test_the_samples_fall_into_their_shots(scanned: Installation) -> None:
    found = scanned.groups()
    shots = scanned.partition()
    assert {BURST, BRACKET} <= shots
    assert any(shot >= EDITS for shot in shots)
    assert len(shots) == 3
    assert found["failed"] == []
    assert len(found["alone"]) + sum(len(group["photos"]) for group in found["groups"]) == 12
    assert {Path(path).name for path in found["alone"]} >= {"IMG_130.jpg", "IMG_131.jpg", "IMG_132.jpg"}
    assert scanned.asked["look"] == 12
    for group in found["groups"]:
        assert group["representative"] == group["photos"][0]["path"]


def test_what_did_not_change_is_not_even_opened(scanned: Installation) -> None:
    before = scanned.groups()
    scanned.scan()
    assert not scanned.asked
    assert scanned.groups() == before


def test_renamed_and_moved_photos_are_the_same_photos(scanned: Installation) -> None:
    groups, photos = group_ids(scanned), photo_ids(scanned)
    trip = scanned.photos / "trip" / "day"
    trip.mkdir(parents=True)
    (scanned.photos / "IMG_100.jpg").rename(scanned.photos / "lake.jpg")
    (scanned.photos / "IMG_110.jpg").rename(trip / "IMG_110.jpg")
    (scanned.photos / "IMG_111.jpg").rename(trip / "tower.jpg")
    scanned.scan()
    assert not scanned.asked
    scanned.photos.joinpath("trip").rename(scanned.photos / "journey")
    scanned.scan()
    assert not scanned.asked

    new_names = {"IMG_100.jpg": "lake.jpg", "IMG_111.jpg": "tower.jpg"}
    assert group_ids(scanned) == {new_names.get(name, name): group for name, group in groups.items()}
    assert photo_ids(scanned) == {new_names.get(name, name): photo for name, photo in photos.items()}
    assert str(scanned.photos / "journey" / "day" / "tower.jpg") in {
        photo["path"] for group in scanned.groups()["groups"] for photo in group["photos"]
    }


def test_two_files_that_swapped_names_are_still_who_they_were(scanned: Installation) -> None:
    photos = photo_ids(scanned)
    burst, alone = scanned.photos / "IMG_100.jpg", scanned.photos / "IMG_130.jpg"
    burst.rename(scanned.photos / "between")
    alone.rename(burst)
    (scanned.photos / "between").rename(alone)
    scanned.scan()
    assert BURST - {"IMG_100.jpg"} | {"IMG_130.jpg"} in scanned.partition()
    assert scanned.asked["look"] == 0
    assert set(photo_ids(scanned).values()) == set(photos.values())


def test_rewritten_in_place_is_the_same_photo_with_another_picture(scanned: Installation) -> None:
    photos = photo_ids(scanned)
    drawn.save(drawn.scene(50), scanned.photos / "IMG_100.jpg")
    drawn.save(drawn.burst_frame(drawn.scene(10), 5), scanned.photos / "IMG_131.jpg")
    scanned.scan()
    assert scanned.asked["look"] == 2
    assert photo_ids(scanned) == photos
    assert BURST - {"IMG_100.jpg"} in scanned.partition()
    assert frozenset({"IMG_130.jpg", "IMG_131.jpg"}) in scanned.partition()


def test_a_rating_costs_no_look(scanned: Installation) -> None:
    groups, photos = group_ids(scanned), photo_ids(scanned)
    rated(scanned.photos / "IMG_100.jpg", 5)
    scanned.scan()
    assert (scanned.asked["identify"], scanned.asked["look"]) == (1, 0)
    assert (group_ids(scanned), photo_ids(scanned)) == (groups, photos)


def test_a_photo_that_goes_leaves_its_group_and_may_come_back(scanned: Installation, tmp_path: Path) -> None:
    groups, photos = group_ids(scanned), photo_ids(scanned)
    away = tmp_path / "away"
    away.mkdir()
    for name in ("IMG_100.jpg", "IMG_120.jpg", "IMG_130.jpg"):
        shutil.copy2(scanned.photos / name, away / name)
        (scanned.photos / name).unlink()
    scanned.scan()
    assert BURST - {"IMG_100.jpg"} in scanned.partition()
    assert not {"IMG_100.jpg", "IMG_120.jpg"} & set(group_ids(scanned))
    assert not any("IMG_130" in path for path in scanned.groups()["alone"])

    for file in away.iterdir():
        shutil.copy2(file, scanned.photos / file.name)
    scanned.scan()
    assert scanned.asked["look"] == 0
    assert photo_ids(scanned) == photos
    assert set(group_ids(scanned)) == set(groups)
    assert group_ids(scanned)["IMG_101.jpg"] == groups["IMG_101.jpg"]
    assert group_ids(scanned)["IMG_100.jpg"] == groups["IMG_100.jpg"]


def test_exact_copies_are_one_group_and_one_look(installation: Installation, sample_photos: Path) -> None:
    for name in ("a.jpg", "b.jpg", "elsewhere/c.jpg"):
        (installation.photos / name).parent.mkdir(exist_ok=True)
        shutil.copy(sample_photos / "IMG_130.jpg", installation.photos / name)
    shutil.copy(sample_photos / "IMG_131.jpg", installation.photos)
    installation.scan()
    assert installation.asked["look"] == 2
    assert installation.partition() == {frozenset({"a.jpg", "b.jpg", "c.jpg"})}


def test_exact_copies_that_were_only_touched_keep_the_id_of_their_group(
    installation: Installation, sample_photos: Path
) -> None:
    photo = next(sample_photos.rglob("*.jpg"))
    copies = [installation.photos / name for name in ("one.jpg", "two.jpg")]
    for copy in copies:
        shutil.copy(photo, copy)
    installation.ask("scan", paths=[installation.photos])
    (before,) = installation.ask("groups")["groups"]
    for copy in copies:
        os.utime(copy, (1_700_000_000, 1_700_000_000))
    installation.ask("scan", paths=[installation.photos])
    (after,) = installation.ask("groups")["groups"]
    assert after == before


def test_companions_travel_with_their_photo(installation: Installation, sample_photos: Path) -> None:
    shutil.copy(sample_photos / "IMG_100.jpg", installation.photos)
    shutil.copy(sample_photos / "IMG_101.jpg", installation.photos)
    (installation.photos / "IMG_100.xmp").write_text("<x/>")
    (installation.photos / "IMG_101.jpg.xmp").write_text("<x/>")
    (installation.photos / "lonely.xmp").write_text("<x/>")
    installation.scan()
    [group] = installation.groups()["groups"]
    companions = {Path(photo["path"]).name: photo["companions"] for photo in group["photos"]}
    assert companions == {
        "IMG_100.jpg": [str(installation.photos / "IMG_100.xmp")],
        "IMG_101.jpg": [str(installation.photos / "IMG_101.jpg.xmp")],
    }


def test_formats_of_cameras_and_phones_and_what_travels_with_them(installation: Installation, real_data: Path) -> None:
    shutil.copytree(real_data / "formats", installation.photos, dirs_exist_ok=True)
    # A camera that writes RAW and JPEG: the RAW belongs to the JPEG of its stem.
    shutil.copy(real_data / "formats" / "iphone_7.heic", installation.photos / "DSC_0001.heic")
    shutil.copy(real_data / "formats" / "canon_eos_6d.dng", installation.photos / "DSC_0001.dng")
    installation.scan()
    found = installation.groups()
    photos = [photo for group in found["groups"] for photo in group["photos"]]
    companions = {Path(photo["path"]).name: {Path(path).name for path in photo["companions"]} for photo in photos}
    alone = {Path(path).name for path in found["alone"]}
    failed = {Path(photo["path"]).name for photo in found["failed"]}
    everything = set(companions) | alone | failed
    # Three are there in part only: their heads, without the picture.
    assert failed <= {"stub_canon.cr3", "stub_nikon.nef", "IMG_1361.dng"}, found["failed"]
    assert companions["DSC_0001.heic"] == {"DSC_0001.dng"}
    assert not everything & {"DSC_0001.dng", "IMG_4120.AAE", "IMG_5910.xmp", "canon_eos_6d.xmp", "iphone_7.xmp"}
    assert {"8bit-sRGB.avif", "CRW.CRW", "IMG_1361.dng", "IMG_5910.jpg", "iphone_15_pro.heic"} <= everything


def partition_in_order(folder: Path, models: Path, photos: list[Path], seed: int) -> set[frozenset[str]]:
    """Brings the photos in a random order and in random portions into a fresh state."""
    installation = Installation(folder, models)
    order = list(photos)
    rng = random.Random(seed)
    rng.shuffle(order)
    with installation.app() as app:
        while order:
            portion = rng.randint(1, max(2, len(photos) // 2))
            for photo in order[:portion]:
                shutil.copy(photo, installation.photos / photo.name)
            del order[:portion]
            scan(app)
    return installation.partition()


def test_the_order_of_arrival_does_not_matter(tmp_path: Path, models: Path, sample_photos: Path) -> None:
    photos = sorted(sample_photos.glob("IMG_1[012]*"))
    found = [partition_in_order(tmp_path / str(seed), models, photos, seed) for seed in range(3)]
    assert found[0] == found[1] == found[2]
    assert {BURST, BRACKET} <= found[0]


@pytest.mark.slow
def test_the_order_of_arrival_does_not_matter_with_real_photos(tmp_path: Path, models: Path, real_data: Path) -> None:
    folders = sorted(path for path in (real_data / "photos").iterdir() if path.is_dir())
    photos = {photo.name: photo for folder in folders for photo in sorted(folder.iterdir())[:12] if photo.is_file()}
    found = [partition_in_order(tmp_path / str(seed), models, list(photos.values()), seed) for seed in range(6)]
    assert all(partition == found[0] for partition in found)
    assert len(found[0]) > 5


def test_photos_that_fail_are_named_once(installation: Installation, sample_photos: Path) -> None:
    shutil.copy(sample_photos / "IMG_130.jpg", installation.photos)
    for number in range(7):
        (installation.photos / f"broken {number}.jpg").write_bytes(b"no photo %d" % number)
    done = installation.run("scan")
    assert (done.code, done.out) == (1, "8 photos, 0 groups, 7 that could not be looked at.\n")
    *named, rest = done.err.splitlines()
    assert len(named) == 5
    assert all(re.fullmatch(r"sameshot: not looked at: \S+/photos/broken \d\.jpg: .+", line) for line in named)
    assert rest == "sameshot: and 2 more: `sameshot groups` lists them at its end, each with its reason"
    assert len(re.findall("^not looked at: ", installation.run("groups").out, re.MULTILINE)) == 7
    again = installation.run("scan")
    assert (again.code, again.err) == (0, "")


@needs_root
def test_a_cloud_drive_is_not_downloaded_unasked(installation: Installation, sample_photos: Path) -> None:
    cloud = installation.folder / "cloud"
    cloud.mkdir()
    photos = {name: (sample_photos / name).read_bytes() for name in ("IMG_100.jpg", "IMG_101.jpg")}
    size_mb = sum(map(len, photos.values())) / 1e6
    with cloud_drive(cloud, photos) as drive:
        asked = (
            f"{cloud} is a cloud drive (fuse.rclone): looking at it downloads 2 photos, {size_mb:.1f} MB, in 1 folder"
        )
        done = installation.run("scan", cloud)
        assert (done.code, done.out) == (2, ""), done
        assert asked in done.err
        assert "--download" in done.err

        shutil.copy(sample_photos / "IMG_130.jpg", installation.photos)
        installation.configure(roots=[{"path": str(path)} for path in (installation.photos, cloud)])
        done = installation.run("scan", "--format", "json")
        assert done.code == 1
        assert asked in done.json()["problems"][0]
        assert done.json()["photos"] == 1
        assert drive.downloaded == set()

        assert installation.run("scan", cloud, "--download").code == 0
        assert drive.downloaded == set(photos)
        assert frozenset(photos) in installation.partition()
        drive.downloaded.clear()
        installation.configure(roots=[{"path": str(installation.photos)}, {"path": str(cloud), "remote": "read"}])
        assert installation.run("scan").code == 0
        assert drive.downloaded == set(), "what did not change is not downloaded again"


def test_an_emptied_root_is_not_believed(scanned: Installation) -> None:
    before = scanned.groups()
    scanned.photos.rename(scanned.folder / "unplugged")
    scanned.photos.mkdir()
    with pytest.raises(RootUnavailable, match=r"is empty and it held photos before; its photos are kept as known"):
        scanned.scan()
    assert scanned.groups() == before
    done = scanned.run("scan")
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert "Mount it again" in done.err

    scanned.photos.rmdir()
    assert scanned.run("scan").code == 2  # not there at all
    assert scanned.groups() == before
    (scanned.folder / "unplugged").rename(scanned.photos)
    scanned.scan()
    assert not scanned.asked
    assert scanned.groups() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_an_unmounted_root_is_not_believed(installation: Installation, sample_photos: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", installation.photos], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        for name in ("IMG_100.jpg", "IMG_101.jpg"):
            shutil.copy(sample_photos / name, installation.photos)
        installation.scan()
        before = installation.groups()
    finally:
        subprocess.run(["umount", installation.photos], check=True)
    with pytest.raises(RootUnavailable, match="nothing is mounted at"):
        installation.scan()
    assert installation.groups() == before
    assert len(before["groups"]) == 1


def test_a_scan_goes_on_however_long_a_turn_takes(
    installation: Installation, sample_photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow disk a turn may take longer than files being written are waited for; then much was left undone."""
    shutil.copytree(sample_photos, installation.photos, dirs_exist_ok=True)
    late_s = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + late_s, time=lambda: time.time() + late_s)
    monkeypatch.setattr("sameshot.app.time", clock)

    def turned(*_: object) -> None:
        nonlocal late_s
        late_s += 10.0 if app.flow.working else 0.0

    with open_app(
        load_with_sources(installation.config), installation.locations, turned, verb="test", writing=True
    ) as app:
        found = scan(app)
        assert (found.photos, found.groups, app.flow.pending) == (12, 3, 0)


def test_a_file_that_is_still_written_is_told_and_not_waited_for(
    installation: Installation, sample_photos: Path
) -> None:
    installation.configure(settle={"quiet_s": 2.0})
    shutil.copy(sample_photos / "IMG_100.jpg", installation.photos)
    photo = (sample_photos / "IMG_101.jpg").read_bytes()
    with (installation.photos / "IMG_101.jpg").open("wb") as writer:
        writer.write(photo[:5000])
        writer.flush()
        found = installation.scan()
    why = "a program has it open for writing; scan again when it is complete"
    assert found["problems"] == [f"{installation.photos / 'IMG_101.jpg'} was not looked at yet, {why}"]
    assert found["failed"] == 0
    (installation.photos / "IMG_101.jpg").write_bytes(photo)
    (installation.photos / "IMG_102.jpg").touch()
    assert "IMG_102.jpg was not looked at yet, it is empty" in installation.scan()["problems"][0]
    (installation.photos / "IMG_102.jpg").unlink()
    assert installation.scan()["problems"] == []
    assert installation.partition() == {frozenset({"IMG_100.jpg", "IMG_101.jpg"})}


def test_the_owner_has_the_last_word(scanned: Installation) -> None:
    scanned.ask("apart", files=[scanned.photos / "IMG_100.jpg", scanned.photos / "IMG_101.jpg"])
    assert not any({"IMG_100.jpg", "IMG_101.jpg"} <= shot for shot in scanned.partition())
    scanned.ask("together", files=[scanned.photos / "IMG_130.jpg", scanned.photos / "IMG_131.jpg"])
    assert frozenset({"IMG_130.jpg", "IMG_131.jpg"}) in scanned.partition()
    scanned.scan()
    assert frozenset({"IMG_130.jpg", "IMG_131.jpg"}) in scanned.partition()
    displaced = scanned.ask("together", files=[scanned.photos / "IMG_100.jpg", scanned.photos / "IMG_101.jpg"])
    assert displaced["displaced"] == ["an earlier `apart` on two of these photos"]
    assert BURST in scanned.partition()
    scanned.ask("keep", files=[scanned.photos / "IMG_100.jpg"])
    [burst] = [group for group in scanned.groups()["groups"] if "IMG_100.jpg" in group["representative"]]
    assert len(burst["photos"]) == 3


def test_what_was_said_can_be_taken_back(scanned: Installation) -> None:
    measured = scanned.groups()
    first, second, third = (scanned.photos / f"IMG_{number}.jpg" for number in (100, 101, 102))
    [burst] = [group for group in measured["groups"] if str(third) in {photo["path"] for photo in group["photos"]}]
    behind = burst["photos"][-1]["path"]
    assert scanned.run("keep", behind).code == 0
    assert scanned.run("apart", first, second, third).code == 0
    assert not any(shot & BURST for shot in scanned.partition() if len(shot) > 1)

    took = scanned.run("unsay", first, second)
    assert (took.code, took.err) == (0, "")
    assert "Taken back: `apart` of IMG_100.jpg and IMG_101.jpg." in took.out
    assert "IMG_102" not in took.out, "only what was said of these two together"
    assert frozenset({"IMG_100.jpg", "IMG_101.jpg"}) in scanned.partition()
    copy = shutil.copy(third, third.with_name("copy.jpg"))
    scanned.scan()
    refused = scanned.run("unsay", third, copy)
    assert (refused.code, "exact copies" in refused.err) == (2, True), refused
    assert "Taken back: `apart` of IMG_10" in scanned.run("unsay", third, third).out
    os.unlink(copy)
    scanned.scan()
    scanned.run("unsay", behind)
    assert scanned.run("unsay", behind).out == "Nothing was said of it.\n"

    def shown(groups):
        return [[photo["path"] for photo in group["photos"]] for group in groups["groups"]]

    assert shown(scanned.groups()) == shown(measured)
    refused = scanned.run("unsay", scanned.photos / "never.jpg")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
