"""Descriptors and quality: small, repeatable, defined for every picture."""

import cv2
import numpy as np
import pytest

from drawn import exposed, scene
from sameshot.describe.descriptors import LONG_SIDE_PX, describe
from sameshot.describe.quality import quality

EMPTY = [np.full(shape, value, np.uint8) for shape in ((1, 1, 3), (2, 500, 3), (512, 384, 3)) for value in (0, 255)]


def photo(seed: int) -> np.ndarray:
    return scene(seed, LONG_SIDE_PX, LONG_SIDE_PX * 2 // 3)


def test_descriptors_are_small_versioned_and_repeatable():
    kept = describe(photo(1))
    assert set(kept) == {"orb", "phash", "relief", "hues", "focus"}
    assert sum(map(len, kept.values())) < 25_000
    assert {name: packed[0] for name, packed in kept.items()} == {
        "orb": 2,
        "phash": 1,
        "relief": 2,
        "hues": 1,
        "focus": 1,
    }
    assert kept == describe(photo(1))
    assert kept != describe(photo(2))


@pytest.mark.parametrize("pixels", EMPTY)
def test_a_picture_without_content_is_described_all_the_same(pixels):
    kept = describe(pixels)
    assert all(isinstance(packed, bytes) and packed for packed in kept.values())
    assert np.isfinite([quality(pixels).sharpness, quality(pixels).brightness]).all()


def test_pixels_are_left_as_they_were():
    pixels = photo(3)
    before = pixels.copy()
    describe(pixels)
    quality(pixels)
    assert np.array_equal(pixels, before)


def test_a_blurred_frame_is_less_sharp_and_a_darker_one_is_not():
    sharp = photo(4)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 2)
    assert quality(blurred).sharpness < 0.7 * quality(sharp).sharpness
    assert quality(exposed(sharp, -1)).sharpness > 0.7 * quality(sharp).sharpness


def test_brightness_and_clipping_follow_the_light():
    pixels = photo(5)
    dark, normal, bright = (quality(exposed(pixels, stops_ev)) for stops_ev in (-3, 0, 4))
    assert dark.brightness < normal.brightness < bright.brightness
    assert bright.clipped > 0.1 > normal.clipped
    assert quality(np.zeros((9, 9, 3), np.uint8)).clipped == 1
