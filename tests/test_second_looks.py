"""Measures and second looks through a real, confined worker."""

from __future__ import annotations

import os
from datetime import datetime

import cv2
import numpy as np
import pytest

from drawn import burst_frame, save, scene
from sameshot.compare.measures import LARGEST_SIDE_PX, MEASURES, measure
from sameshot.model import Capture, Features
from sameshot.service.message import BadMessage, Message
from sameshot.service.workers import Task, TaskFailed, Workers
from sameshot.way.linking import COMPARED_AT_ONCE
from sameshot.wire.measures import (
    descriptors_from_message,
    inspect_request,
    inspection_from_message,
    measure_request,
    measures_as_json,
)
from sameshot.wire.photos import features_to_buffers, scores_from_message, worker_command

EVERY = [measure(name) for name in MEASURES]


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    pool = Workers(worker_command(tmp_path_factory.mktemp("models")), 1)

    def one(request, path=None):
        answers = []
        descriptor = None if path is None else os.open(path, os.O_RDONLY)
        pool.submit(Task(request, 60, answers.append, descriptor))
        if descriptor is not None:
            os.close(descriptor)
        while not answers:
            pool.pump(1.0)
        return answers[0]

    yield one
    pool.close()


def motion(pixels, length_px):
    """What the shutter makes of a hand that moves sideways."""
    kernel = np.zeros((length_px, length_px), np.float32)
    kernel[length_px // 2] = 1 / length_px
    return cv2.filter2D(pixels, -1, kernel)


def test_a_confined_worker_takes_every_measure(ask, tmp_path):
    kept = []
    stored = [one for one in EVERY if one.descriptor]
    for name, pixels in (("a", scene(1)), ("b", burst_frame(scene(1), 2)), ("c", scene(2))):
        path = save(pixels, tmp_path / f"{name}.jpg")
        answer = ask(measure_request(stored), path)
        assert isinstance(answer, Message), answer
        kept.append(descriptors_from_message(answer, stored))
    vector = np.eye(4, dtype=np.float32)
    captures = [Capture(datetime(2026, 5, 1, 10, 0, i), camera=f"Body {i // 2}") for i in range(3)]  # noqa: DTZ001
    features = [Features(vector[i // 2], one, captures[i], 9, 6) for i, one in enumerate(kept)]
    header, buffers = features_to_buffers(features)
    answer = ask(Message({"task": "compare", **header, "measures": measures_as_json(EVERY)}, buffers))
    burst, other = scores_from_message(answer, 2)
    assert set(burst.evidence) == set(MEASURES)
    assert burst.score == burst.evidence["ssim"]
    for name in MEASURES:
        assert 0 <= other.evidence[name] < burst.evidence[name] <= 1


@pytest.mark.parametrize("name", [name for name, row in MEASURES.items() if row.size_px])
def test_the_largest_reads_go_to_a_worker_as_many_as_are_compared_at_once(ask, tmp_path, name):
    taken = measure(name, (LARGEST_SIDE_PX, LARGEST_SIDE_PX))
    kept = []
    for number, pixels in enumerate((scene(1), scene(2))):
        answer = ask(measure_request([taken]), save(pixels, tmp_path / f"{number}.jpg"))
        kept.append(descriptors_from_message(answer, [taken]))
    every = (kept[0], *[kept[1]] * COMPARED_AT_ONCE)
    header, buffers = features_to_buffers(
        [Features(np.eye(2, dtype=np.float32)[0], one, Capture(), 9, 6) for one in every]
    )
    request = {"task": "compare", **header, "measures": measures_as_json([taken]), "seconds": 0}
    (pair,) = scores_from_message(ask(Message(request, buffers)), 1)
    assert 0 < pair.score < 1


def test_comparing_stops_when_its_time_is_over_and_tells_how_far_it_came(ask):
    packed = {"phash": b"\1" + bytes(8)}
    features = [Features(np.eye(2, dtype=np.float32)[0], packed, Capture(), 9, 6)] * 5
    header, buffers = features_to_buffers(features)
    request = {"task": "compare", **header, "measures": measures_as_json([measure("imagehash")])}
    assert len(ask(Message(request | {"seconds": 0}, buffers)).header["scores"]) == 1
    assert len(ask(Message(request | {"seconds": 60}, buffers)).header["scores"]) == 4


def test_a_pair_without_the_descriptor_is_a_failed_task(ask):
    features = [Features(np.eye(2, dtype=np.float32)[0], {}, Capture(), 9, 6)] * 2
    header, buffers = features_to_buffers(features)
    answer = ask(Message({"task": "compare", **header, "measures": measures_as_json(EVERY)}, buffers))
    assert isinstance(answer, TaskFailed)
    assert "gray_128x128" in answer.reason


def test_five_pixels_of_motion_are_seen_at_full_size_only(ask, tmp_path):
    looks = {}
    for name, pixels in (("sharp", scene(5, 4800, 3200)), ("moved", motion(scene(5, 4800, 3200), 5))):
        path = save(pixels, tmp_path / f"{name}.jpg")
        looks[name] = inspection_from_message(ask(inspect_request(), path))
        assert looks[name].long_side_px == 4800
        assert looks[name].size_bytes == path.stat().st_size
    assert set(looks["sharp"].sharpness) == {4800, 2048, 1024, 512}
    ratio = {side: looks["moved"].sharpness[side] / looks["sharp"].sharpness[side] for side in (4800, 512)}
    assert ratio[4800] < 0.7
    assert ratio[512] > 0.9


def test_a_gray_picture_has_no_color(ask, tmp_path):
    gray = cv2.cvtColor(cv2.cvtColor(scene(3), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    paths = [save(scene(3), tmp_path / "color.png"), save(gray, tmp_path / "gray.png")]
    color, none = (inspection_from_message(ask(inspect_request(), path)).color for path in paths)
    assert none == 0.0
    assert color > 0.05


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"long_side_px": 10, "sharpness": [[10, "x"]], "color": 0.1, "size_bytes": 5},
        {"long_side_px": 10, "sharpness": [[10, float("nan")]], "color": 0.1, "size_bytes": 5},
        {"long_side_px": 10, "sharpness": [[10, 1.0]], "color": 7.0, "size_bytes": 5},
        {"long_side_px": 10, "sharpness": [[10, 1.0]], "color": 0.1, "size_bytes": -5},
    ],
)
def test_a_second_look_that_tells_no_sense_is_refused(header):
    with pytest.raises(BadMessage):
        inspection_from_message(Message(header))
