"""Which photo of a group is the best, and why: the sharp one, the original, the RAW, the one the owner rated."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import cv2
import numpy as np
import pytest

from drawn import cropped, save, scene
from sameshot.decode.picture import read_picture
from sameshot.describe.descriptors import LONG_SIDE_PX
from sameshot.describe.inspection import FULL_SIZE_PX, color, sharpness
from sameshot.describe.quality import quality
from sameshot.group.quality import Facts, rate, reasons
from sameshot.model import Capture, Inspection, Quality


def facts_of(path, capture=Capture(), container="JPEG"):  # noqa: B008 - a frozen value
    """What two looks tell of a photo."""
    with path.open("rb") as stream:
        small = read_picture(stream.fileno(), LONG_SIDE_PX)
        full = read_picture(stream.fileno(), FULL_SIZE_PX).pixels
    inspection = Inspection(max(full.shape), sharpness(full), color(full), path.stat().st_size)
    pixels = small.full_width_px * small.full_height_px
    return Facts(quality(small.pixels), pixels, container, capture, inspection)


def motion(pixels, length_px=5):
    kernel = np.zeros((length_px, length_px), np.float32)
    kernel[length_px // 2] = 1 / length_px
    return cv2.filter2D(pixels, -1, kernel)


def gray(pixels):
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


@pytest.mark.parametrize("seed", range(2))
def test_a_frame_that_moved_five_pixels_never_wins_against_its_sharp_twin(tmp_path, seed):
    sharp = scene(seed, 2400, 1600)
    noise = np.random.default_rng(seed).normal(0, 3, sharp.shape)
    frames = [np.clip(frame + noise, 0, 255).astype(np.uint8) for frame in (sharp, motion(sharp))]
    rated = rate({n: facts_of(save(frame, tmp_path / f"{n}.jpg")) for n, frame in enumerate(frames)})
    assert rated[0].value > rated[1].value
    assert reasons(rated[0], rated[1])[0].startswith("it is sharper")


CHANGES = {
    "smaller": lambda pixels: cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "gray": gray,
    "enlarged": lambda pixels: cv2.resize(pixels, None, fx=1.6, fy=1.6, interpolation=cv2.INTER_CUBIC),
    "enlarged twice": lambda pixels: cv2.resize(pixels, None, fx=2, fy=2, interpolation=cv2.INTER_LANCZOS4),
    "crop": lambda pixels: cropped(pixels, 0.2),
    "crop of nearly a size that is compared": lambda pixels: cropped(pixels, 0.15),
    "soft": lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_original_goes_before_what_was_made_of_it(tmp_path, change):
    original = scene(3, 1200, 800)
    paths = [save(original, tmp_path / "a.jpg"), save(CHANGES[change](original), tmp_path / "b.jpg")]
    rated = rate({n: facts_of(path) for n, path in enumerate(paths)})
    assert rated[0].value > rated[1].value, rated


def test_what_was_compressed_again_goes_behind(tmp_path):
    original = save(scene(8), tmp_path / "a.jpg", quality=92)
    again = save(cv2.imread(str(original))[:, :, ::-1], tmp_path / "b.jpg", quality=60)
    rated = rate({0: facts_of(original), 1: facts_of(again)})
    assert rated[0].value > rated[1].value
    assert any("compressed harder" in reason for reason in reasons(rated[0], rated[1]))


def test_a_raw_and_a_photo_without_an_editor_go_before(tmp_path):
    path = save(scene(9), tmp_path / "a.jpg")
    rated = rate({0: facts_of(path), 1: facts_of(path, container="RAW")})
    assert rated[1].value > rated[0].value
    assert "it is the RAW" in reasons(rated[1], rated[0])[0]
    edited = Capture(software="Adobe Photoshop 25.0 (Windows)")
    rated = rate({0: facts_of(path, edited), 1: facts_of(path, Capture(software="Ver.1.03"))})
    assert rated[1].value > rated[0].value
    assert "editor" in reasons(rated[1], rated[0])[0]
    only = rate({0: facts_of(path, edited)})  # where all were edited none is behind for it
    assert only[0].shares["edit"] == 1.0


def sharpened(pixels):
    soft = cv2.GaussianBlur(pixels, (0, 0), 1)
    return cv2.addWeighted(pixels, 2, soft, -1, 0)


@pytest.mark.parametrize("software", ["Adobe Photoshop Lightroom 12", None])
def test_sharpening_makes_no_copy_better_than_its_original(tmp_path, software):
    taken = Capture(taken_at=datetime(2024, 6, 1, 12), camera="One")  # noqa: DTZ001
    soft = cv2.GaussianBlur(scene(3, 1200, 800), (0, 0), 1)
    original = facts_of(save(soft, tmp_path / "a.jpg"), taken)
    path = save(sharpened(soft), tmp_path / "b.jpg", quality=98)
    edited = facts_of(path, replace(taken, software=software) if software else Capture())
    assert edited.inspection.sharpness[1200] > 1.3 * original.inspection.sharpness[1200]
    rated = rate({0: original, 1: edited})
    assert rated[0].value > rated[1].value, rated
    assert any("the other is a copy" in reason for reason in reasons(rated[0], rated[1]))

    another = facts_of(path, replace(taken, taken_at=datetime(2024, 6, 1, 12, 0, 1)))  # noqa: DTZ001
    rated = rate({0: original, 1: another})
    assert rated[1].value > rated[0].value, "another frame that is sharper is no copy"


def test_a_raw_goes_before_its_own_sharpened_jpeg_whoever_converted_it(tmp_path):
    taken = Capture(taken_at=datetime(2024, 6, 1, 12), camera="One")  # noqa: DTZ001
    soft = cv2.GaussianBlur(scene(3, 1200, 800), (0, 0), 1)
    dng = facts_of(
        save(soft, tmp_path / "a.jpg"), replace(taken, software="Adobe Photoshop Camera Raw 11.3.1"), container="RAW"
    )
    rated = rate({0: dng, 1: facts_of(save(sharpened(soft), tmp_path / "b.jpg"), taken)})
    assert rated[0].shares["edit"] == 1.0
    assert rated[0].value > rated[1].value, rated


def test_what_alone_knows_its_camera_is_no_enlargement_of_a_small_copy():
    def facts(side_px, energies, camera=None):
        return Facts(
            Quality(1.0, 0.5, 0.0), side_px**2, "JPEG", Capture(camera=camera), Inspection(side_px, energies, 0.1, 9)
        )

    soft, small = {4000: 0.2, 1000: 1.0}, facts(1000, {1000: 1.0})
    assert rate({0: facts(4000, soft), 1: small})[0].shares["enlarged"] < 1
    photo = rate({0: facts(4000, soft, "One"), 1: small})
    assert photo[0].shares["enlarged"] == 1
    assert photo[0].value > photo[1].value
    assert rate({0: facts(4000, {4000: 0.3, 1000: 1.0}), 1: small})[0].shares["enlarged"] == 1


def test_the_owners_rating_goes_before_everything():
    def of(stars, sharp):
        return Facts(Quality(sharp, 0.5, 0.0), 100, "JPEG", Capture(rating=stars))

    rated = rate({0: of(None, 1.0), 1: of(3, 0.1), 2: of(5, 0.01), 3: of(-1, 1.0)})
    assert sorted(rated, key=lambda c: -rated[c].value) == [2, 1, 0, 3]
    assert all(0 <= one.value <= 1 for one in rated.values())
    assert reasons(rated[2], rated[1])[0] == "you rated it 5 and the other 3"
    assert reasons(rated[1], rated[0])[0] == "you rated it 3 and the other not"
    assert reasons(rated[0], rated[3])[0] == "you rejected the other"


def test_a_group_that_is_half_looked_at_is_rated_by_first_looks_alone(tmp_path):
    path = save(scene(4), tmp_path / "a.jpg")
    full = facts_of(path)
    half = Facts(Quality(full.quality.sharpness / 4, full.quality.brightness, 0.0), full.pixels, "JPEG")
    rated = rate({0: full, 1: half})
    assert rated[1].shares["sharpness"] == pytest.approx(0.5)
    assert rated[0].shares["compression"] == 1.0


def test_equal_photos_are_told_so_and_nobody_is_rated_alone():
    same = Facts(Quality(1.0, 0.5, 0.0), 100)
    rated = rate({0: same, 1: same})
    assert rated[0].value == rated[1].value == pytest.approx(1.0)
    assert "equally good" in reasons(rated[0], rated[1])[0]
    assert rate({}) == {}


def test_a_black_frame_is_rated_too(tmp_path):
    path = save(np.zeros((60, 90, 3), np.uint8), tmp_path / "black.png")
    rated = rate({n: facts_of(path, container="PNG") for n in range(2)})
    assert rated[0].value == rated[1].value


def test_a_scan_looks_twice_at_photos_that_have_others_beside_them_and_chooses_by_that(installation):
    sharp = scene(5, 3000, 2000)
    save(sharp, installation.photos / "b.jpg")
    save(motion(sharp), installation.photos / "a.jpg")
    save(scene(6), installation.photos / "alone.jpg")
    installation.scan()
    (group,) = installation.groups()["groups"]
    assert group["representative"].endswith("b.jpg")
    assert installation.asked["inspect"] == 2
    installation.scan()
    assert installation.asked["inspect"] == 0
