"""Kinds of sets: what is recognised from what cameras write, what is not mistaken for it, and what is kept whole."""

from __future__ import annotations

import math
import random
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import drawn
from running import Installation
from sameshot.describe import focus
from sameshot.group.brackets import is_bracket
from sameshot.group.clocks import clock_offset
from sameshot.group.frames import frames_of
from sameshot.group.kinds import KnownSet, belongs_together, bursts_of, kind_of, recognise
from sameshot.model import Capture, Link, Stage
from sameshot.way.linking import Linker

START = datetime(2026, 5, 1, 10, 0)  # noqa: DTZ001 - cameras write no zone
NOMINAL_S = [30, 15, 8, 4, 2, 1, 1 / 2, 1 / 4, 1 / 8, 1 / 15, 1 / 30, 1 / 60, 1 / 125, 1 / 250, 1 / 500, 1 / 1000]
"""Shutter times as cameras write them, a stop apart."""
NO_PAIR = lambda a, b: None  # noqa: E731


def frame(at_s: float, **facts: object) -> Capture:
    known = {"camera": "Test One", "f_number": 8.0, "exposure_time_s": 1 / 125, "iso": 100.0, "focal_length_mm": 35.0}
    return Capture(taken_at=START + timedelta(seconds=at_s), **(known | facts))


def light(capture: Capture, usual: float = 0.45) -> float:
    """The brightness that a scene metered at 1/125 s, f/8 and ISO 100 comes out with."""
    assert capture.exposure_time_s is not None
    gain = capture.exposure_time_s * 125 * (capture.iso or 100) / 100 * 64 / (capture.f_number or 8) ** 2
    return min(1.0, (usual**2.2 * gain) ** (1 / 2.2))


def found(
    captures: list[Capture], brightness: list[float] | None = None, pair=NO_PAIR, sharp=lambda _: None
) -> list[KnownSet]:
    order = {content: bytes([content // 256, content % 256]) for content in range(len(captures))}
    bright = dict(enumerate(brightness or [light(capture) for capture in captures]))
    return recognise(frames_of(dict(enumerate(captures)), bright, order), pair, 0.5, sharp)


def contents_of_sets(sets: list[KnownSet]) -> set[int]:
    return {content for known in sets for content in known.contents}


def chained(score: float = 0.9, step: float = 0.0, reach: int = 1):
    """Links between frames at most `reach` apart; the scene moves by `step` frame widths from one to the next."""

    def pair(a: int, b: int) -> Link | None:
        if abs(a - b) > reach:
            return None
        return Link(min(a, b), max(a, b), score, {"inliers": 40.0, "shift_x": step * abs(b - a), "shift_y": 0.0})

    return pair


# ---------------------------------------------------------------- brackets


@pytest.mark.parametrize("length", [3, 5, 7, 9])
@pytest.mark.parametrize("middle", [9, 11])
@pytest.mark.parametrize("order", ["0-+", "-0+", "+0-"])
def test_a_ladder_of_shutter_times_is_a_bracket(length: int, middle: int, order: str) -> None:
    stops = list(range(-(length // 2), length // 2 + 1))
    stops = {"-0+": stops, "+0-": stops[::-1], "0-+": [0, *(s for s in stops if s < 0), *(s for s in stops if s > 0)]}[
        order
    ]
    bases = [frame(0, exposure_time_s=NOMINAL_S[middle - stop]) for stop in stops]
    at_s, shots = 0.0, []
    for one in bases:
        shots.append(replace(one, taken_at=START + timedelta(seconds=at_s)))
        at_s += 0.4 + (one.exposure_time_s or 0)
    scene = [min(1.0, 0.45 * 2 ** (stop / 2.2)) for stop in stops]
    assert found(shots, scene) == [KnownSet("bracket", tuple(range(length)))]


def test_a_ladder_of_iso_and_thirds_of_a_stop_are_brackets_too() -> None:
    iso = [frame(second, iso=value) for second, value in enumerate((100, 400, 1600))]
    assert [known.kind for known in found(iso)] == ["bracket"]
    thirds = [frame(second, exposure_time_s=1 / speed) for second, speed in enumerate((160, 125, 100))]
    assert [known.kind for known in found(thirds)] == ["bracket"]


def test_brackets_one_after_the_other_are_told_apart() -> None:
    times = [1 / 125, 1 / 500, 1 / 30] * 4
    shots = [frame(index * 0.5, exposure_time_s=time) for index, time in enumerate(times)]
    assert [known.contents for known in found(shots)] == [(0, 1, 2), (3, 4, 5), (6, 7, 8), (9, 10, 11)]
    led = [frame(-1.0), frame(-0.6), *shots[:3]]
    assert [known.contents for known in found(led)] == [(2, 3, 4)]


def test_frames_within_one_second_are_a_bracket_without_sub_seconds() -> None:
    shots = [frame(0, exposure_time_s=time) for time in (1 / 125, 1 / 500, 1 / 30)]
    assert [set(known.contents) for known in found(shots)] == [{0, 1, 2}]


def test_what_is_no_bracket_is_not_taken_for_one() -> None:
    shots = [frame(second, exposure_time_s=time) for second, time in enumerate((1 / 500, 1 / 125, 1 / 30))]
    assert found(shots)
    assert not found([replace(one, f_number=value) for one, value in zip(shots, (8, 5.6, 8), strict=True)])
    assert not found([replace(one, focal_length_mm=value) for one, value in zip(shots, (35, 50, 35), strict=True)])
    assert not found(shots, [0.44, 0.46, 0.45])  # automatic exposure of three scenes
    assert not found([replace(one, taken_at=START + timedelta(minutes=n)) for n, one in enumerate(shots)])
    assert not found(shots[:2])
    assert not found([*shots[:2], replace(shots[2], exposure_time_s=1 / 60)])  # two stops, then one
    assert not found([replace(one, exposure_time_s=None) for one in shots], [0.2, 0.4, 0.8])
    assert not found([frame(n * 0.1) for n in range(9)])


def test_the_bias_that_a_camera_writes_is_enough() -> None:
    shots = [
        frame(second, exposure_time_s=time, exposure_bias_ev=bias)
        for second, (time, bias) in enumerate(((1 / 500, -2.0), (1 / 125, 0.0), (1 / 30, 2.0)))
    ]
    assert [known.kind for known in found(shots, [0.97, 0.99, 1.0])] == ["bracket"]  # a page of white paper


@given(st.lists(st.floats(0.0, 6.0), min_size=3, max_size=9), st.randoms())
def test_chance_exposures_of_metered_scenes_are_never_a_bracket(stops: list[float], chance: random.Random) -> None:
    """Automatic exposure brings every scene to about one brightness, whatever the shutter did."""
    shots = [frame(n, exposure_time_s=2.0**-stop) for n, stop in enumerate(stops)]
    frames = frames_of(
        dict(enumerate(shots)),
        {n: chance.uniform(0.43, 0.47) for n in range(len(shots))},
        {n: bytes([n]) for n in range(len(shots))},
    )
    assert not is_bracket(frames)


# ---------------------------------------------------------------- panoramas, time-lapses, focus stacks


@pytest.mark.parametrize("step", [0.05, 0.3, 0.6, -0.6])
def test_a_sweep_is_a_panorama_and_a_burst_is_none(step: float) -> None:
    count = max(3, math.ceil(0.6 / abs(step)) + 1)
    shots = [frame(n * 1.3) for n in range(count)]
    assert found(shots, pair=chained(0.1, step)) == [KnownSet("panorama", tuple(range(count)))]
    assert not found(shots, pair=chained(0.99, 0.001))
    assert not found(shots, pair=NO_PAIR)


def test_a_panorama_ends_where_the_sweep_turns_or_pauses() -> None:
    steps = [0.5, 0.5, 0.5, -0.6, -0.5, -0.5]

    def pair(a: int, b: int) -> Link | None:
        return Link(a, b, 0.2, {"inliers": 30.0, "shift_x": steps[a], "shift_y": 0.01}) if b == a + 1 else None

    there_and_back = [frame(n * 1.0) for n in range(7)]
    assert [known.contents for known in found(there_and_back, pair=pair)] == [(0, 1, 2, 3), (4, 5, 6)]
    paused = [frame(n * 1.0 + 20 * (n > 3)) for n in range(8)]
    assert [len(known.contents) for known in found(paused, pair=chained(0.1, 0.5))] == [4, 4]


def test_few_corners_are_an_overlap_where_the_pictures_laid_over_each_other_agree() -> None:
    def recognised(**evidence: float) -> bool:
        sweep = {"inliers": 40.0, "shift_x": 0.5, "shift_y": 0.0}
        last = lambda a, b: Link(a, b, 0.1, sweep | (evidence if b == 3 else {})) if b == a + 1 else None  # noqa: E731
        return len(contents_of_sets(found([frame(n) for n in range(4)], pair=last))) == 4

    assert recognised()
    assert recognised(inliers=11.0, overlay=0.85)
    assert recognised(inliers=12.0, overlay=0.3)  # near and far things that moved by different lengths
    assert not recognised(inliers=11.0, overlay=0.75)
    assert not recognised(inliers=11.0)  # as services of old versions stored it


def test_a_thin_overlap_keeps_the_last_frame_in_its_panorama(installation: Installation) -> None:
    """Frames that share two fifths of a narrow picture: eleven corners agree on the last pair."""
    wide = drawn.scene(77, 2040, 400)
    for n in range(5):
        taken_at = START + timedelta(seconds=2 * n)
        drawn.save(wide[:, 360 * n : 360 * n + 600], installation.photos / f"{n}.jpg", taken_at=taken_at)
    installation.scan()
    (group,) = installation.groups()["groups"]
    assert (group["kind"], len(group["photos"])) == ("panorama", 5)


def crowd_and_sweep(folder: Path) -> SimpleNamespace:
    """What writes a sweep of four frames, and strangers that look more like each of them than the frame beside it."""
    wide = drawn.scene(77, 3360, 800)
    frames = [wide[:, 720 * n : 720 * n + 1200] for n in range(4)]

    def sweep(*shots: int) -> None:
        for n in shots:
            drawn.save(frames[n], folder / f"{n}.jpg", taken_at=START + timedelta(seconds=2 * n))

    def crowd() -> None:
        for n, frame in enumerate(frames):
            columns = np.split(frame, 4, axis=1)
            drawn.save(np.hstack([column[:, ::-1] for column in columns]), folder / f"crowd-{n}.jpg")

    between = folder / "between.jpg"  # something else, taken between two frames
    someone = partial(drawn.save, drawn.scene(5), between, taken_at=START + timedelta(seconds=3))
    return SimpleNamespace(sweep=sweep, crowd=crowd, between=between, someone=someone)


@pytest.fixture
def crowded(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """`crowd_and_sweep`, where one stranger is as many as are let before."""
    monkeypatch.setattr("sameshot.way.linking.STRANGERS", 1)
    return crowd_and_sweep(installation.photos)


@pytest.mark.parametrize("comes_first", ["sweep", "crowd", "middle", "a photo between"])
def test_strangers_that_look_more_alike_do_not_cut_a_panorama(
    installation: Installation, crowded: SimpleNamespace, comes_first: str
) -> None:
    """Neighbours in time are compared whatever lies nearer, in whatever order the photos come."""
    sweep, crowd = crowded.sweep, crowded.crowd
    steps = {
        "sweep": (partial(sweep, 0, 1, 2, 3), crowd),
        "crowd": (crowd, partial(sweep, 2, 0, 3, 1)),
        "middle": (partial(sweep, 1), crowd, partial(sweep, 0, 3), partial(sweep, 2)),
        "a photo between": (crowd, crowded.someone, partial(sweep, 0, 1, 2, 3), crowded.between.unlink),
    }
    for step in steps[comes_first]:
        step()
        installation.scan()
    (group,) = installation.groups()["groups"]
    assert (group["kind"], len(group["photos"])) == ("panorama", 4)


@pytest.mark.parametrize("stage", ["grouped", "applied"])
def test_neighbours_in_time_that_a_kill_kept_from_being_compared_are_compared_by_the_next_start(
    installation: Installation, crowded: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    crowded.crowd()
    installation.scan()
    crowded.sweep(0, 1, 2, 3)
    with monkeypatch.context() as killed:
        begun = lambda _, pairs: {content for pair in pairs for content in pair}  # noqa: E731
        killed.setattr(Linker, "compare_neighbours", begun)
        installation.scan()
    assert all(len(group["photos"]) < 4 for group in installation.groups()["groups"])
    with installation.app() as app:
        for photo in app.store.photos.in_stages(["grouped"]):
            app.store.photos.advance(photo, stage)
    installation.scan()
    (group,) = installation.groups()["groups"]
    assert (group["kind"], len(group["photos"])) == ("panorama", 4)


def test_a_set_of_neighbours_in_time_keeps_its_id_when_all_is_compared_anew(
    installation: Installation, crowded: SimpleNamespace
) -> None:
    crowded.crowd()
    crowded.sweep(0, 1, 2, 3)
    installation.scan()
    (before,) = installation.groups()["groups"]
    with installation.app() as app:
        app.store.meta.set("links_of", f"another {app.encoder.encoder_id}")
    installation.scan()
    (after,) = installation.groups()["groups"]
    assert (after["id"], len(after["photos"])) == (before["id"], 4)


def test_an_edit_of_one_frame_dissolves_no_panorama(installation: Installation, crowded: SimpleNamespace) -> None:
    """Whichever content of a frame comes first by its digest."""
    crowded.crowd()
    crowded.sweep(0, 1, 2, 3)
    for quality in (80, 85, 90):
        picture = drawn.cropped(cv2.imread(str(installation.photos / "1.jpg"))[:, :, ::-1], 0.5)
        drawn.save(picture, installation.photos / "edit.jpg", taken_at=START + timedelta(seconds=2), quality=quality)
        installation.scan()
        (group,) = installation.groups()["groups"]
        assert (group["kind"], len(group["photos"])) == ("panorama", 5)


@pytest.mark.parametrize(("method", "threshold"), [("camera", 0.5), ("embedding", 0.86), ("orb", 0.02)])
def test_by_another_measure_too_groups_do_not_depend_on_the_order(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch, method: str, threshold: float
) -> None:
    monkeypatch.setattr("sameshot.way.linking.STRANGERS", 1)
    found = []
    for first in ("crowd", "sweep"):
        one = Installation(tmp_path / first, models)
        one.configure(same_shot={"method": method, "threshold": threshold})
        photos = crowd_and_sweep(one.photos)
        steps = [photos.crowd, partial(photos.sweep, 0, 1, 2, 3)]
        for step in steps if first == "crowd" else steps[::-1]:
            step()
            one.scan()
        found.append(one.partition())
    assert found[0] == found[1]


@pytest.mark.parametrize("interval_s", [2.0, 5.0, 7.5, 60.0])
def test_an_intervalometer_is_a_time_lapse_and_a_hand_is_none(interval_s: float) -> None:
    chance = random.Random(1)
    beats = [frame(round(n * interval_s + chance.uniform(-0.02, 0.02), 2)) for n in range(30)]
    assert found(beats, pair=chained(reach=2)) == [KnownSet("time-lapse", tuple(range(30)))]
    whole = [frame(math.floor(n * interval_s)) for n in range(30)]  # a clock that writes no sub-seconds
    assert found(whole, pair=chained(reach=2)) == [KnownSet("time-lapse", tuple(range(30)))]
    assert not found(beats, pair=chained(0.3))  # frames that are not the same shot as the one before
    assert not found(beats[:9], pair=chained())
    at_s, hand = 0.0, []
    for _ in range(30):
        hand.append(frame(at_s))
        at_s += max(2.0, interval_s * chance.uniform(0.5, 1.6))
    assert not found(hand, pair=chained())


def packed(pictures: list[drawn.Pixels]) -> list[bytes]:
    return [focus.describe(np.asarray(cv2.resize(one, (512, 341), interpolation=cv2.INTER_AREA))) for one in pictures]


def test_a_focus_stack_is_told_by_where_its_pictures_are_sharp() -> None:
    """Five frames from near to far, by a camera that writes no distance; and what only looks like one."""
    captures, rng = [frame(2.0 * n) for n in range(5)], np.random.default_rng(0)

    def recognised(pictures: list[drawn.Pixels], *, linked: bool = True) -> bool:
        maps = packed(pictures)
        sets = found(captures, pair=chained() if linked else NO_PAIR, sharp=maps.__getitem__)
        assert [known.kind for known in sets] in ([], ["focus-stack"])
        return bool(sets)

    for seed in range(4):
        scene = drawn.scene(seed)
        stack = [drawn.focused(scene, at, from_left=seed % 2 == 1) for at in np.linspace(0, 1, 5)]
        noisy = [np.clip(one + rng.normal(0, 3, one.shape), 0, 255).astype(np.uint8) for one in stack]
        assert recognised(stack)
        assert recognised(noisy[::-1])
        assert not recognised(stack, linked=False)
        assert not recognised([stack[n] for n in (0, 4, 1, 3, 2)]), "focus that hunts is no stack"
        burst = [drawn.burst_frame(scene, n) for n in range(5)]
        assert not recognised(burst)
        shaken = [np.asarray(cv2.blur(one, (1 + 9 * n, 1))) for n, one in enumerate(burst)]
        assert not recognised(shaken), "a frame that is softer everywhere"
        assert not recognised([*burst[:4], shaken[4]])
        crossing = []
        for n in range(5):
            sky = np.full_like(scene, 180)
            sky[300:500, 100 + 200 * n : 300 + 200 * n] = scene[300:500, 500:700]
            crossing.append(sky)
        assert not recognised(crossing), "what flies by is sharp where it is"


def test_a_focus_stack_is_told_by_its_distances() -> None:
    near_to_far = [frame(n, focus_distance_m=0.2 + 0.01 * n) for n in range(8)]
    assert found(near_to_far) == [KnownSet("focus-stack", tuple(range(8)))]
    assert not found([replace(one, focus_distance_m=None) for one in near_to_far])
    assert not found([replace(one, focus_distance_m=0.2) for one in near_to_far])
    hunting = [replace(one, focus_distance_m=0.2 + 0.01 * (n % 2)) for n, one in enumerate(near_to_far)]
    assert not found(hunting)


# ---------------------------------------------------------------- kinds of groups, and what follows


def kind(captures: list[Capture], pictures: list[bytes] | None = None, sets: list[KnownSet] = []):  # noqa: B006
    order = {content: bytes([content]) for content in range(len(captures))}
    frames = frames_of(dict(enumerate(captures)), dict.fromkeys(order, 0.5), order)
    frame_of = {content: known.kind for known in sets for content in known.contents}
    shown = dict(enumerate(pictures or [bytes([n]) for n in range(len(captures))]))
    return kind_of(list(order), frame_of, shown, dict(enumerate(captures)), bursts_of(frames))


def test_a_group_is_named_by_what_is_known_of_it() -> None:
    assert kind([frame(0), frame(0)], [b"same", b"same"]) == "exact"
    assert kind([frame(0), frame(0)]) == "edits"
    assert kind([frame(0), frame(0.3), frame(1.9)]) == "burst"
    assert kind([frame(0), frame(0.3), Capture()]) == "burst"  # an edit of a frame that lost its metadata
    assert kind([frame(0), frame(60)]) == "near"
    assert kind([Capture(), Capture()]) == "near"
    ladder = [KnownSet("bracket", (0, 1, 2))]
    assert kind([frame(0), frame(1), frame(2), frame(0)], sets=ladder) == "bracket"


def test_sets_of_parts_are_kept_whole_and_others_are_not() -> None:
    assert {name: belongs_together(name) for name in ("bracket", "focus-stack", "panorama", "time-lapse")} == {
        "bracket": True,
        "focus-stack": True,
        "panorama": True,
        "time-lapse": True,
    }
    assert not any(belongs_together(name) for name in ("exact", "edits", "burst", "near"))


@given(st.randoms())
def test_what_is_recognised_does_not_depend_on_the_order(chance: random.Random) -> None:
    """The same photos under other numbers: the sets hold the same photos."""
    times = [1 / 125, 1 / 500, 1 / 30]
    shots = [frame(n * 0.5, exposure_time_s=time) for n, time in enumerate(times * 2)]
    shots += [frame(100 + n * 1.5) for n in range(5)] + [frame(200 + n * 4.0) for n in range(12)]
    expected = {(known.kind, known.contents) for known in found(shots, pair=chained(0.8, 0.4))}
    assert {name for name, _ in expected} == {"bracket", "panorama", "time-lapse"}
    numbers = list(range(len(shots)))
    chance.shuffle(numbers)
    back = {number: original for original, number in enumerate(numbers)}
    captures = {number: shots[original] for original, number in enumerate(numbers)}
    order = {number: bytes([original]) for original, number in enumerate(numbers)}
    near = chained(0.8, 0.4)
    sets = recognise(
        frames_of(captures, {n: light(one) for n, one in captures.items()}, order),
        lambda a, b: near(back[a], back[b]),
        0.5,
        lambda _: None,
    )
    assert {(known.kind, tuple(back[content] for content in known.contents)) for known in sets} == expected


def test_a_frame_that_comes_last_from_the_middle_makes_its_set_whole(installation: Installation) -> None:
    """Every frame has a copy. Copies are proposed for culling until their set is known, and never after."""
    arrivals: list[list[Path]] = [[], [], [], []]
    coming, chance = installation.folder / "coming", random.Random(2)

    def take(kind: str, pictures: list[drawn.Pixels], at_s: float, pause_s: float, step_ev: float = 0.0) -> None:
        files = []
        for n, picture in enumerate(pictures):
            taken_at = START + timedelta(seconds=at_s + pause_s * n)
            files.append(coming / f"{kind} {n}.jpg")
            drawn.save(picture, files[-1], taken_at=taken_at, exposure_time_s=2.0 ** (step_ev * n) / 500)
        arrivals[3].append(files.pop(len(files) // 2))
        chance.shuffle(files)
        for n, file in enumerate(files):
            arrivals[n % 3].append(file)

    wide, small = drawn.scene(23, 1200, 400), partial(drawn.scene, width_px=600, height_px=400)
    take("bracket", [drawn.exposed(small(21), stops_ev) for stops_ev in (-2.0, 0.0, 2.0)], 0, 1.0, 2.0)
    take("panorama", [wide[:, 300 * n : 300 * n + 600] for n in range(3)], 1000, 1.5)
    take("focus-stack", [drawn.focused(small(24), at, from_left=True) for at in (0, 0.5, 1)], 2000, 2.0)
    take("time-lapse", [drawn.burst_frame(small(25), n) for n in range(10)], 3000, 5.0)

    def arrive(files: list[Path]) -> set[str]:
        """Returns the kinds of which a copy is proposed."""
        (installation.photos / "again").mkdir(exist_ok=True)
        for file in files:
            shutil.copy(file, installation.photos / "again")
            file.rename(installation.photos / file.name)
        installation.scan()
        steps = installation.ask("plan", dedupe="quarantine")["steps"]
        return {Path(step["source"]).name.split()[0] for step in steps}

    for files in arrivals[:3]:
        proposed = arrive(files)
    assert proposed == {"bracket", "panorama", "focus-stack", "time-lapse"}
    assert arrive(arrivals[3]) == set()
    groups = installation.groups()["groups"]
    assert {group["kind"]: len(group["photos"]) for group in groups} == {
        "bracket": 6,
        "panorama": 6,
        "focus-stack": 6,
        "time-lapse": 20,
    }


# ---------------------------------------------------------------- clocks


def test_two_clocks_are_compared_by_the_pairs_that_agree() -> None:
    chance = random.Random(3)
    moments = []
    for n in range(20):
        at = START + timedelta(minutes=7 * n)
        moments.append((at, at + timedelta(seconds=3600 + chance.uniform(-2, 2))))
    moments += [(START, START + timedelta(days=day)) for day in (1, 3, 9)]  # retakes on other days
    chance.shuffle(moments)
    offset = clock_offset(moments)
    assert offset.offset_s == pytest.approx(3600, abs=1)
    assert (offset.agreeing, offset.pairs) == (20, 23)
    back = clock_offset([(b, a) for a, b in moments]).offset_s
    assert back == pytest.approx(-3600, abs=1)


def test_an_offset_of_few_or_scattered_pairs_is_unknown() -> None:
    assert clock_offset([]).offset_s is None
    assert clock_offset([(START, START)] * 2).offset_s is None
    scattered = [(START, START + timedelta(minutes=n * n)) for n in range(12)]
    assert clock_offset(scattered).offset_s is None


def test_one_occasion_tells_nothing_of_two_clocks_however_many_its_frames() -> None:
    """One place on two days: every frame of the one burst is linked with every frame of the other."""

    def bursts(starts_s: list[float], frames: int) -> list[tuple[datetime, datetime]]:
        day, shot = timedelta(days=1), timedelta(seconds=0.3)
        starts = [START + timedelta(seconds=start_s) for start_s in starts_s]
        return [(at + a * shot, at + day + b * shot) for at in starts for a in range(frames) for b in range(frames)]

    for frames in (1, 2, 9):
        offset = clock_offset(bursts([0], frames))
        assert (offset.offset_s, offset.agreeing, offset.pairs) == (None, 1, 1)
    assert clock_offset(bursts([0, 30, 60, 90], 2)).offset_s is None  # one stay of a minute and a half
    assert clock_offset(bursts([0, 600], 9)).offset_s is None
    offset = clock_offset(bursts([0, 600, 1200], 2))
    assert offset.offset_s == pytest.approx(86400, abs=1)
    assert (offset.agreeing, offset.pairs) == (3, 3)


def test_a_long_burst_counts_for_no_more_than_a_single_frame() -> None:
    """Forty frames of another day do not outvote four moments that both took."""
    both = [(START + timedelta(minutes=10 * n), START + timedelta(minutes=10 * n, seconds=90)) for n in range(4)]
    retake = [(START + timedelta(seconds=n % 5), START + timedelta(days=3, seconds=n)) for n in range(40)]
    offset = clock_offset([*retake, *both])
    assert (offset.offset_s, offset.agreeing, offset.pairs) == (90.0, 4, 5)
