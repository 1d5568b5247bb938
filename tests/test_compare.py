"""The pair score: high for one shot, low for two, equal in both orders, and not to be fooled by a shared frame."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import cv2
import numpy as np
import pytest

from drawn import burst_frame, cropped, exposed, scene
from sameshot.compare import moment, phash, relief
from sameshot.compare.pair_score import believed, evidence_of, probability, score_pair
from sameshot.compare.thresholds import LINK_THRESHOLD, SHORTLIST_COSINE
from sameshot.describe.descriptors import LONG_SIDE_PX, describe
from sameshot.embed.encoders import prepare
from sameshot.embed.serving import Encoder
from sameshot.model import Capture, Features

NOON = datetime(2026, 5, 1, 12)  # noqa: DTZ001 - cameras write no zone


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    encoder = Encoder(prepare("lite0", tmp_path_factory.mktemp("models")))

    def look(pixels, capture=Capture()):  # noqa: B008 - a frozen value
        factor = min(1.0, LONG_SIDE_PX / max(pixels.shape))
        small = cv2.resize(np.ascontiguousarray(pixels), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        return Features(encoder.embed(small), describe(small), capture, pixels.shape[1], pixels.shape[0])

    return look


def gray(pixels):
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def sky(seed, height_px=400, width_px=600):
    """A picture without a corner: a soft gradient with a soft cloud."""
    rng = np.random.default_rng(seed)
    clouds = cv2.resize(rng.uniform(80, 220, (4, 6, 3)), (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    return np.clip(clouds, 0, 255).astype(np.uint8)


SAME = {
    "itself": lambda pixels: pixels,
    "smaller": lambda pixels: cv2.resize(pixels, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA),
    "cropped": lambda pixels: cropped(pixels, 0.3),
    "gray": gray,
    "mirrored": lambda pixels: pixels[:, ::-1],
    "turned": np.rot90,
    "upside down": lambda pixels: np.rot90(pixels, 2),
    "burst": lambda pixels: burst_frame(pixels, 9),
    "darker": lambda pixels: exposed(pixels, -3),
    "brighter": lambda pixels: exposed(pixels, 1.5),
}


@pytest.mark.parametrize("change", SAME)
def test_one_shot_is_linked_whatever_was_done_to_it(features, change):
    for seed in (1, 2, 3):
        pixels = scene(seed)
        first, second = features(pixels), features(SAME[change](pixels))
        assert score_pair(first, second).score >= LINK_THRESHOLD, (change, seed)
        assert first.vector @ second.vector >= SHORTLIST_COSINE, (change, seed)


def test_a_picture_without_corners_is_linked_to_its_copy_and_not_to_another(features):
    here, there = features(sky(1)), features(sky(2))
    copy = features(cv2.resize(sky(1), None, fx=0.5, fy=0.5))
    assert score_pair(here, copy).evidence["inliers"] < 8
    assert score_pair(here, copy).score >= LINK_THRESHOLD
    assert score_pair(here, there).score < LINK_THRESHOLD


def test_plain_gradients_are_not_one_shot(features):
    """Nothing stands out of its surroundings but the rim, where those end, and that does in each of them."""
    down, right = (np.linspace(0, 1, side)[:, None, None] for side in (400, 600))
    slopes = [
        down * np.ones((1, 600, 1)),
        down[::-1] * np.ones((1, 600, 1)),
        np.swapaxes(right, 0, 1) * np.ones((400, 1, 1)),
    ]
    colors = np.random.default_rng(3).uniform(30, 220, (2, 3, 3))
    looks = [
        features((slope * one + (1 - slope) * other).astype(np.uint8))
        for slope, one, other in zip(slopes, *colors, strict=True)
    ]
    pairs = [score_pair(one, other) for at, one in enumerate(looks) for other in looks[:at]]
    assert max(pair.evidence["frame"] for pair in pairs) < 0.35
    assert max(pair.score for pair in pairs) < LINK_THRESHOLD


def test_different_scenes_are_apart(features):
    looks = [features(scene(seed)) for seed in range(20, 32)]
    scores = [score_pair(a, b).score for at, a in enumerate(looks) for b in looks[:at]]
    assert max(scores) < LINK_THRESHOLD / 2


def test_a_shared_border_and_caption_do_not_link(features):
    def published(pixels):
        pixels = cv2.copyMakeBorder(pixels, 40, 120, 40, 40, cv2.BORDER_CONSTANT, value=(245, 240, 230))
        cv2.putText(pixels, "THE DAILY PHOTOGRAPH  12/2026", (60, pixels.shape[0] - 40), 0, 1.8, (20, 20, 20), 4)
        return pixels

    assert score_pair(features(published(scene(41))), features(published(scene(42)))).score < LINK_THRESHOLD


def test_what_is_turned_or_mirrored_lies_exactly_on_its_original(features):
    pixels = scene(44, 600, 450)
    for changed in (pixels[:, ::-1], np.rot90(pixels), np.rot90(pixels, 2)):
        found = evidence_of(features(pixels), features(changed))
        assert found["overlay"] > 0.9
        assert found["flow"] > 0.9
        assert found["guided"] > 0.3


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_copy_is_known_whichever_way_it_was_turned(features, quarters, mirrored):
    """A picture without corners: nothing but the whole frame can tell."""
    first = features(sky(5))
    second = features(np.rot90(sky(5)[:, ::-1] if mirrored else sky(5), quarters))
    assert evidence_of(first, second)["frame"] > 0.9
    assert evidence_of(features(sky(6)), second)["frame"] < 0.75


def test_near_and_far_may_move_against_each_other(features):
    pixels = scene(45, 600, 450)
    ys, xs = np.mgrid[0:450, 0:600].astype(np.float32)
    near = np.clip(ys / 450 - 0.4, 0, 1) * 60  # the ground moves, the horizon does not
    moved = cv2.remap(pixels, xs + near, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    found, apart = (evidence_of(features(pixels), features(other)) for other in (moved, scene(46, 600, 450)))
    assert found["flow"] > 0.5 > 0.3 > apart["flow"]
    assert found["guided"] > 0.2 > 0.02 > apart["guided"]


def test_text_is_found_at_the_place_of_the_same_text_alone(features):
    def page(words):
        rng = np.random.default_rng(words)
        paper = np.full((900, 640, 3), 245, np.uint8)
        for y in range(60, 860, 26):
            line = "".join(chr(c) for c in rng.choice([*range(97, 123), 32, 32, 32], 52))
            cv2.putText(paper, line, (40, y), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (30, 30, 30), 1, cv2.LINE_AA)
        return features(paper)

    assert evidence_of(page(1), page(1))["guided"] > 0.5 > 0.03 > evidence_of(page(1), page(2))["guided"]


def test_a_pair_is_looked_at_until_it_is_clear(features):
    first, other = features(scene(1)), features(cv2.GaussianBlur(scene(2), (0, 0), 60))
    strangers, copies = score_pair(first, other), score_pair(first, features(scene(1)))
    assert "inliers" not in strangers.evidence
    assert "inliers" in copies.evidence
    assert strangers.score < 0.01 < 0.99 < copies.score
    everything = evidence_of(first, other)
    assert everything.keys() > strangers.evidence.keys()
    assert probability(everything) < LINK_THRESHOLD


def test_pages_of_one_layout_and_other_words_do_not_link(features):
    def page(seed):
        rng = np.random.default_rng(seed)
        paper = np.full((900, 640, 3), 245, np.uint8)
        for y in range(60, 860, 26):
            line = "".join(chr(c) for c in rng.choice([*range(97, 123), 32, 32, 32], 52))
            cv2.putText(paper, line, (40, y), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (30, 30, 30), 1, cv2.LINE_AA)
        return features(paper)

    pages = [page(seed) for seed in range(6)]
    assert max(score_pair(a, b).score for at, a in enumerate(pages) for b in pages[:at]) < LINK_THRESHOLD


def test_a_moment_shared_changes_nothing_where_the_pictures_do_not_agree(features):
    captures = [Capture(taken_at=NOON + timedelta(seconds=at), camera="One") for at in range(8)]
    looks = [features(scene(seed), capture) for seed, capture in zip(range(60, 68), captures, strict=True)]
    for at, a in enumerate(looks):
        for b in looks[:at]:
            assert score_pair(a, b).score == score_pair(a, replace(b, capture=Capture())).score < LINK_THRESHOLD


def test_another_subject_before_one_background_is_another_shot_and_one_that_moved_is_not(features):
    background = scene(71, 600, 450)

    def taken(subject, left):
        pixels = background.copy()
        pixels[80:400, left : left + 280] = scene(subject, 280, 320)
        return features(pixels)

    first, moved, other = taken(72, 160), taken(72, 175), taken(73, 160)
    found, apart = evidence_of(first, moved), evidence_of(first, other)
    assert found["steady"] > 0.95 > 0.9 > apart["steady"]
    assert found["guided_parts"] > apart["guided_parts"] + 0.1
    assert score_pair(first, moved).score >= LINK_THRESHOLD > score_pair(first, other).score


def test_colours_tell_charts_apart_whose_lines_lie_in_one_place(features):
    def chart(*colours):
        pixels = np.full((450, 600, 3), 255, np.uint8)
        for start, colour in zip(range(0, 360, 90), colours, strict=True):
            cv2.ellipse(pixels, (300, 225), (180, 180), 0, start, start + 90, colour, -1)
        return pixels

    red, green, blue, violet = (190, 60, 60), (60, 130, 60), (70, 80, 200), (140, 60, 190)
    first, other = chart(red, green, blue, violet), chart(green, violet, red, blue)

    def hues(one, another):
        return evidence_of(features(one), features(another))["hues"]

    assert hues(first, other) < 0.6
    turned = np.ascontiguousarray(np.rot90(first))
    assert all(hues(first, same) > 0.95 for same in (exposed(first, -2), gray(first), turned, cropped(first, 0.1)))
    photo = scene(3)
    by_a_lamp = np.clip(photo * (1.25, 1.0, 0.6), 0, 255).astype(np.uint8)
    assert hues(photo, by_a_lamp) > 0.95
    assert score_pair(features(by_a_lamp), features(cropped(photo, 0.15))).score >= LINK_THRESHOLD


def test_looks_of_before_that_kept_no_colours_are_compared_all_the_same(features):
    look = features(scene(1))
    before = replace(look, descriptors={name: kept for name, kept in look.descriptors.items() if name != "hues"})
    other = features(burst_frame(scene(1), 2))
    assert score_pair(before, other).score >= LINK_THRESHOLD
    assert evidence_of(before, other)["hues"] == evidence_of(before, before)["hues"] == 1


def test_light_that_differs_is_no_sign_of_another_subject(features):
    assert evidence_of(features(scene(1)), features(exposed(scene(1), -3)))["steady"] > 0.95


def test_what_two_photos_have_in_common_is_known(features):
    pixels = scene(74, 1200, 600)
    whole, left, middle = features(pixels), features(pixels[:, :800]), features(pixels[:, 400:])
    assert evidence_of(whole, features(pixels))["common"] > 0.97
    assert evidence_of(left, middle)["common"] == pytest.approx(0.5, abs=0.05)
    assert evidence_of(whole, left)["common"] == pytest.approx(2 / 3, abs=0.05)


def test_a_perceptual_hash_is_turned_as_its_picture_is(features):
    for seed in range(3):
        pixels = scene(seed, 600, 400)
        plain = features(pixels).descriptors
        for quarters, flipped in itertools.product(range(4), (False, True)):
            turned = np.ascontiguousarray(np.rot90(pixels[:, ::-1] if flipped else pixels, quarters))
            other = features(turned).descriptors
            turn = relief.turn(plain["relief"], other["relief"])
            assert (turn is None) == (quarters == 0 and not flipped)
            assert phash.likeness(plain["phash"], other["phash"], turn) > 0.8


def test_frames_and_corners_count_no_further_than_something_else_bears_them_out():
    found = {"phash": 0.5, "frame": 0.9, "frame_patches": 0.4, "inliers": 8.0, "spread": 0.5}
    assert believed(found) == {**found, "frame": 0.6, "spread": 0.125}
    assert believed({**found, "phash": 0.9, "inliers": 64.0}) == {**found, "phash": 0.9, "inliers": 64.0}
    many = believed({name: np.array([value, 0.0]) for name, value in found.items()})
    assert many["frame"].tolist() == [0.6, 0.0]


def test_two_halves_of_one_photo_are_two_photos(features):
    pixels = scene(43, 1600, 800)
    assert score_pair(features(pixels[:, :800]), features(pixels[:, 800:])).score < LINK_THRESHOLD


def test_the_order_of_a_pair_does_not_matter(features):
    looks = [features(scene(1)), features(burst_frame(scene(1), 2)), features(scene(2)), features(sky(1))]
    for a in looks:
        for b in looks:
            assert score_pair(a, b) == score_pair(b, a)


def test_capture_time_is_told_and_never_decides(features):
    def at(seconds, camera="One"):
        return Capture(taken_at=NOON + timedelta(seconds=seconds), camera=camera)

    first, second = features(scene(1), at(0)), features(scene(2))
    assert score_pair(first, replace(second, capture=at(1))).score < LINK_THRESHOLD
    assert moment.nearness(at(0), at(1)) > moment.nearness(at(0), at(60)) > moment.nearness(at(0), at(900)) == 0
    assert moment.nearness(at(0), Capture()) == moment.nearness(at(0), at(0, "Two")) == 0
    assert moment.nearness(at(0), at(0)) == 1
    unknown = score_pair(first, features(scene(1)))
    far = score_pair(first, features(scene(1), at(9000)))
    assert unknown.score == far.score


def test_no_score_speaks_against_itself():
    low = {
        "cosine": 0.5,
        "inliers": 5.0,
        "share": 0.05,
        "spread": 0.05,
        "overlay": 0.2,
        "overlay_patches": 0.2,
        "frame": 0.2,
        "frame_patches": 0.2,
        "phash": 0.6,
        "common": 0.3,
        "flow": 0.2,
        "flow_most": 0.1,
        "steady": 0.7,
        "hues": 0.7,
        "guided": 0.01,
        "guided_parts": 0.02,
        "moment": 0,
    }
    for name, value in low.items():
        higher = [probability(low | {name: value + step * (100 if name == "inliers" else 1)}) for step in (0, 0.1, 0.3)]
        assert higher == sorted(higher), name


def test_descriptors_of_another_version_are_refused(features):
    look = features(scene(1))
    for name in ("orb", "phash", "relief", "hues"):
        other = replace(look, descriptors=look.descriptors | {name: b"\xff" + look.descriptors[name][1:]})
        with pytest.raises(ValueError, match="version"):
            evidence_of(look, other)
