"""The contract of every measure: symmetric, repeatable, 1 on itself, 0..1, undisturbed by flat and tiny pictures."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from itertools import combinations
from typing import get_args

import cv2
import numpy as np
import pytest

from drawn import burst_frame, cropped, exposed, scene
from sameshot.compare.captures import pack
from sameshot.compare.measures import LARGEST_SIDE_PX, MEASURES, HashKind, Measure, function_at, measure
from sameshot.model import Capture

CHOICES = [
    *(measure(name) for name, row in MEASURES.items() if row.reads != "capture"),
    *(measure("imagehash", kind=kind) for kind in get_args(HashKind) if kind != "phash"),
]
EMPTY = {"minhash", "orb"}
"""What has no corner has nothing that could be alike, not even to itself."""
named = pytest.mark.parametrize("taken", CHOICES, ids=lambda taken: taken.descriptor or taken.name)


def small(pixels):
    factor = 512 / max(pixels.shape)
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def vector(pixels):
    """Stands for an encoder: the picture itself, of unit norm."""
    flat = cv2.resize(pixels, (16, 16), interpolation=cv2.INTER_AREA).astype("<f4").ravel() + np.float32(1)
    return (flat / np.linalg.norm(flat)).astype("<f4").tobytes()


def packed(taken: Measure, pixels):
    return taken.describe(pixels) if taken.descriptor else vector(pixels)


@pytest.fixture(scope="module")
def pictures():
    base = scene(1)
    shown = {
        "base": base, "burst": burst_frame(base, 3), "crop": cropped(base, 0.15), "dark": exposed(base, -2),
        "other": scene(2),
    }  # fmt: skip
    return {name: small(pixels) for name, pixels in shown.items()}


@named
def test_a_measure_keeps_its_contract(taken, pictures):
    kept = {name: packed(taken, pixels) for name, pixels in pictures.items()}
    assert kept == {name: packed(taken, pixels.copy()) for name, pixels in pictures.items()}
    for name, one in kept.items():
        assert taken.score(one, one) == pytest.approx(1.0), name
    for one, other in combinations(kept.values(), 2):
        value = taken.score(one, other)
        assert 0.0 <= value <= 1.0
        assert value == taken.score(other, one) == taken.score(one, other)
    assert taken.score(kept["base"], kept["burst"]) > taken.score(kept["base"], kept["other"])


@named
def test_flat_and_tiny_pictures_are_measured_too(taken):
    shapes = [(1, 1), (1, 600), (3, 3), (40, 60)]
    kept = [packed(taken, np.full((*shape, 3), value, np.uint8)) for shape in shapes for value in (0, 128, 255)]
    for one, other in combinations(kept, 2):
        assert 0.0 <= taken.score(one, other) <= 1.0
    for one in kept:
        assert taken.score(one, one) == (0.0 if taken.name in EMPTY else pytest.approx(1.0))


@pytest.mark.parametrize("name", [name for name, row in MEASURES.items() if row.size_px])
def test_a_read_has_the_size_and_the_scale_that_were_asked_for(name, pictures):
    narrow = measure(name, (64, 48), (0.5, 1.0))
    assert narrow.options == {"width_px": 32, "height_px": 48}
    assert narrow.descriptor.endswith("_32x48")
    one, other = narrow.describe(pictures["base"]), narrow.describe(pictures["burst"])
    assert 0 < narrow.score(one, other) < 1
    assert max(measure(name, (10**6, 10**6)).options.values()) == LARGEST_SIDE_PX


def test_moment_and_camera_are_measures_that_read_no_picture():
    def taken(second, camera="One"):
        return pack(Capture(taken_at=datetime(2026, 5, 1, 10, 0, second), camera=camera))  # noqa: DTZ001

    unknown = pack(Capture())
    moment, camera = measure("moment"), measure("camera")
    for one in (moment, camera):
        assert (one.descriptor, one.dear, one.options) == ("", False, {})
        assert one.score(taken(0), taken(0)) == 1.0
        assert one.score(unknown, unknown) == one.score(taken(0), unknown) == 0.0
        assert one.score(taken(0), taken(0, "Two")) == one.score(taken(0, "Two"), taken(0)) == 0.0
    assert 1.0 > moment.score(taken(0), taken(1)) == moment.score(taken(1), taken(0)) > moment.score(taken(0), taken(9))
    assert camera.score(taken(0), taken(9)) == 1.0
    no_time = pack(Capture(camera="One"))
    assert (moment.score(no_time, no_time), camera.score(no_time, taken(0))) == (0.0, 1.0)


def test_reads_of_two_sizes_are_refused(pictures):
    one, other = measure("ssim", (32, 32)), measure("ssim", (48, 48))
    with pytest.raises(ValueError, match="different sizes"):
        one.score(one.describe(pictures["base"]), other.describe(pictures["base"]))


def test_a_crop_is_found_by_the_hash_that_survives_crops(pictures):
    found = {}
    for kind in ("dhash", "crop_resistant"):
        taken = measure("imagehash", kind=kind)
        kept = {name: taken.describe(pixels) for name, pixels in pictures.items()}
        found[kind] = taken.score(kept["base"], kept["crop"])
    assert found["crop_resistant"] > 0.6


def test_every_row_of_the_table_leads_somewhere():
    for name, row in MEASURES.items():
        assert callable(function_at(f"{row.score}:score")), name
        assert not row.describe or callable(function_at(f"{row.describe}:describe")), name


def test_a_library_that_is_not_installed_is_one_sentence_with_the_extra():
    code = """
import sys
sys.modules["skimage"] = sys.modules["datasketch"] = None
from sameshot.compare.measures import measure
from sameshot.errors import SameshotError
import numpy as np
for act in (lambda: measure("ssim").score(b"", b""), lambda: measure("minhash").describe(np.zeros((9, 9, 3), "u1"))):
    try:
        act()
    except SameshotError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said = "What this measures with is not installed. Install the extra: pip install '.[all]'"
    assert done.stdout.splitlines() == [said, said]


def test_the_table_itself_loads_no_heavy_library():
    code = "import sys, sameshot.compare.measures as m; m.measure('ssim'); print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"skimage", "datasketch", "imagehash", "scipy", "cv2", "numpy"} & set(loaded)


def test_a_missing_measure_is_no_row():
    with pytest.raises(KeyError):
        measure("looks_nice")
