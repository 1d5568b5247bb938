"""The worker process on drawn and on hostile photos, and what its answers must be before they are believed."""

from __future__ import annotations

import dataclasses
import os
from datetime import datetime
from pathlib import Path

import numpy as np
import pillow_heif
import pytest

from drawn import burst_frame, cropped, save, scene
from sameshot.decode.identify import identify
from sameshot.decode.picture import read_picture
from sameshot.describe.descriptors import LONG_SIDE_PX, describe
from sameshot.describe.quality import quality
from sameshot.model import Capture, Features, Identity, Look, PairScore, Quality
from sameshot.service.message import BadMessage, Message
from sameshot.service.worker_sandbox import landlock_version
from sameshot.service.workers import Task, TaskFailed, WorkerLimits, Workers
from sameshot.wire.photos import (
    EncoderHeader,
    features_from_message,
    features_to_buffers,
    identity_from_message,
    identity_to_message,
    look_from_message,
    look_to_message,
    scores_from_message,
    scores_to_message,
    worker_command,
)

HOSTILE = Path(__file__).parents[2] / "shared" / "data" / "hostile"


def answers(workers, requests):
    """One answer to each (request, path or None)."""
    outcomes = {}
    for number, (request, path) in enumerate(requests):
        descriptor = None if path is None else os.open(path, os.O_RDONLY)
        done = lambda outcome, number=number: outcomes.__setitem__(number, outcome)  # noqa: E731
        workers.submit(Task(request, 60, done, descriptor))
        if descriptor is not None:
            os.close(descriptor)
    while workers.pending:
        workers.pump(1.0)
    return [outcomes[number] for number in range(len(requests))]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def encoder(models):
    makers = Workers(worker_command(models, makes_models=True), 1, WorkerLimits(file_size_bytes=1 << 30))
    request = Message({"task": "prepare", "encoder": "lite0", "models_dir": str(models)})
    (answer,) = answers(makers, [(request, None)])
    makers.close()
    assert isinstance(answer, Message), answer
    return EncoderHeader.from_json(answer.header)


@pytest.fixture(scope="module")
def workers(models):
    pool = Workers(worker_command(models), 1)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    lake = scene(1)
    moment = datetime(2026, 5, 1, 10, 0, 0, 250_000)  # noqa: DTZ001 - cameras write no zone
    names = ["lake.jpg", "lake.png", "lake.webp", "lake.tif", "lake.bmp"]
    drawn = [save(lake, folder / name, taken_at=moment) for name in names]
    pillow_heif.from_bytes("RGB", (1200, 800), lake.tobytes()).save(folder / "lake.heic", quality=80)
    return [*drawn, folder / "lake.heic"]


def look_request(encoder):
    return Message({"task": "look", "encoder": encoder.as_json()})


# ---------------------------------------------------------------- the process


def test_prepare_makes_a_file_that_serves(encoder, models):
    assert encoder.path.parent == models
    assert encoder.path.stat().st_size > 1_000_000


def test_a_worker_looks_as_its_parts_do(workers, encoder, photos):
    """In the sandbox, under limits and over the wire, nothing comes out other than the parts themselves say."""
    requests = [(look_request(encoder), path) for path in photos]
    for path, answer in zip(photos, answers(workers, requests), strict=True):
        look = look_from_message(answer, encoder.dimension)
        with path.open("rb") as stream:
            picture = read_picture(stream.fileno(), LONG_SIDE_PX)
        assert (look.width_px, look.height_px, look.format) == (1200, 800, picture.format)
        assert look.capture == picture.capture
        assert look.quality == quality(picture.pixels)
        assert look.descriptors == describe(picture.pixels)
        assert look.encoder_id == encoder.encoder_id
    assert workers.hello == {
        "landlock": landlock_version(),
        "seccomp": workers.hello["seccomp"],
        "confined_threads": True,
    }


def test_identify_is_the_same_in_a_worker(workers, photos):
    for path, answer in zip(
        photos, answers(workers, [(Message({"task": "identify"}), path) for path in photos]), strict=True
    ):
        with path.open("rb") as stream:
            assert identity_from_message(answer) == identify(stream.fileno())


def test_compare_scores_each_candidate_in_order(workers, encoder, tmp_path):
    lake = scene(1)
    pictures = [lake, burst_frame(lake, 1), scene(2), cropped(lake, 0.1), scene(3)]
    paths = [save(picture, tmp_path / f"{number}.jpg") for number, picture in enumerate(pictures)]
    looks = [
        look_from_message(answer, encoder.dimension)
        for answer in answers(workers, [(look_request(encoder), path) for path in paths])
    ]
    features = [Features(k.vector, k.descriptors, k.capture, k.width_px, k.height_px) for k in looks]
    header, buffers = features_to_buffers(features)
    (answer,) = answers(workers, [(Message({"task": "compare", **header}, buffers), None)])
    burst, other, crop, another = (pair.score for pair in scores_from_message(answer, 4))
    assert min(burst, crop) > 0.5 > max(other, another)


def test_a_file_that_is_no_photo_is_refused_with_a_sentence(workers, encoder, tmp_path):
    (tmp_path / "letter.jpg").write_text("Dear all")
    whole = save(scene(4), tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    for path in (tmp_path / "letter.jpg", tmp_path / "half.jpg"):
        (answer,) = answers(workers, [(look_request(encoder), path)])
        assert isinstance(answer, TaskFailed)
        assert answer.kind == "refused"
        assert "Traceback" not in answer.reason + answer.output


def test_what_only_a_broken_caller_asks_is_an_error(workers, encoder, photos):
    requests = [
        (Message({"task": "look"}), photos[0]),
        (Message({"task": "look", "encoder": {}}), photos[0]),
        (look_request(encoder), None),
        (Message({"task": "compare"}), None),
        (Message({"task": "prepare"}), None),
    ]
    assert [answer.kind for answer in answers(workers, requests)] == ["error"] * 5


def test_a_worker_that_looks_cannot_write_models(workers, models):
    if not landlock_version():
        pytest.skip("this kernel has no Landlock; the file-size limit alone would leave an empty file")
    request = Message({"task": "prepare", "encoder": "lite0", "models_dir": str(models / "more")})
    (answer,) = answers(workers, [(request, None)])
    assert answer.kind == "error"
    assert "Permission denied" in answer.reason
    assert not (models / "more").exists()


def test_a_lost_encoder_is_told(workers, encoder, photos):
    lost = dataclasses.replace(encoder, path=encoder.path.with_name("lost.onnx"))
    (answer,) = answers(workers, [(look_request(lost), photos[0])])
    assert answer.kind == "error"
    assert "lost.onnx cannot be loaded" in answer.reason


def test_hostile_files_cost_no_good_photo(workers, encoder, photos):
    if not HOSTILE.is_dir():
        pytest.skip("the folder of hostile files is not here")
    hostile = sorted(HOSTILE.iterdir())
    mixed = [*hostile]
    for number, photo in enumerate(photos * 2):
        mixed.insert(9 * number, photo)
    outcomes = answers(workers, [(look_request(encoder), path) for path in mixed])
    for path, outcome in zip(mixed, outcomes, strict=True):
        if path.parent == HOSTILE and isinstance(outcome, TaskFailed):
            assert len(outcome.reason) > 10
            assert "unexpected" not in outcome.reason
        else:
            look_from_message(outcome, encoder.dimension)


# ---------------------------------------------------------------- the wire

FULL = Capture(datetime(2026, 5, 1, 10, 0, 0, 7), -330, "A B", 5.6, 1 / 125, 200.0, -0.5, 35.0, 5, "S")  # noqa: DTZ001
VECTOR = np.array([0.6, 0.8, 0.0, 0.0], np.float32)
LOOK = Look(4000, 3000, "JPEG", FULL, Quality(12.5, 0.5, 0.0), "one-1", VECTOR, {"orb": b"\0\1", "phash": b""})


@pytest.mark.parametrize("capture", [FULL, Capture()])
def test_a_look_survives_the_wire(capture):
    there = dataclasses.replace(LOOK, capture=capture)
    back = look_from_message(look_to_message(there), 4)
    assert back.vector.dtype == np.float32
    assert back.vector.flags.owndata
    assert np.array_equal(back.vector, VECTOR)
    assert dataclasses.replace(back, vector=VECTOR) == dataclasses.replace(there, vector=VECTOR)


def test_identities_scores_and_features_survive_the_wire():
    identity = Identity(bytes(range(32)), bytes(32), "HEIF")
    assert identity_from_message(identity_to_message(identity)) == identity
    scores = [PairScore(0.25, {"cosine": -0.5, "inliers": 12.0}), PairScore(1.0, {})]
    assert scores_from_message(scores_to_message(scores), 2) == scores
    features = [Features(VECTOR, {"orb": b"x" * n}, FULL, 10 + n, 20) for n in range(3)]
    back = features_from_message(Message(*features_to_buffers(features)))
    assert [(b.descriptors, b.width_px, b.capture) for b in back] == [
        (f.descriptors, f.width_px, f.capture) for f in features
    ]


def with_header(**changes):
    message = look_to_message(LOOK)
    return Message({**message.header, **changes}, message.buffers)


def with_vector(*values):
    message = look_to_message(LOOK)
    return Message(message.header, (np.array(values, "<f4").tobytes(), *message.buffers[1:]))


@pytest.mark.parametrize(
    "message",
    [
        Message({}),
        with_header(width_px=0),
        with_header(width_px=4000.0),
        with_header(width_px=True),
        with_header(height_px="3000"),
        with_header(format=None),
        with_header(format="x" * 100),
        with_header(encoder_id=["one"]),
        with_header(quality={"sharpness": 1.0, "brightness": 2.0, "clipped": 0.0}),
        with_header(quality={"sharpness": float("inf"), "brightness": 0.5, "clipped": 0.0}),
        with_header(quality=[]),
        with_header(capture={"taken_at": "yesterday"}),
        with_header(capture={"taken_at": "2026-05-01T10:00:00+02:00"}),
        with_header(capture={"iso": "200"}),
        with_header(capture={"__class__": "x"}),
        with_header(descriptors=["orb"]),
        with_header(descriptors=["orb", "orb"]),
        with_header(descriptors=["orb", "../x"]),
        with_header(descriptors="ab"),
        with_vector(0.6, 0.8, 0.0),
        with_vector(0.6, 0.8, 0.0, 0.0, 0.0),
        with_vector(0.6, 0.8, 0.0, float("nan")),
        with_vector(0.6, 0.8, 0.0, float("inf")),
        with_vector(0.6, 0.8, 0.5, 0.0),
        with_vector(0.0, 0.0, 0.0, 0.0),
    ],
)
def test_a_look_that_no_honest_worker_gives_is_not_believed(message):
    with pytest.raises(BadMessage):
        look_from_message(message, 4)


@pytest.mark.parametrize(
    "scores",
    [None, [], [{"score": 0.5}], [{"score": 1.5, "evidence": {}}], [{"score": 0.5, "evidence": {"x": None}}], [0.5]],
)
def test_scores_that_no_honest_worker_gives_are_not_believed(scores):
    with pytest.raises(BadMessage):
        scores_from_message(Message({"scores": scores}), 1)


@pytest.mark.parametrize("digest", ["ab" * 31, "AB" * 32, "zz" * 32, None, 5])
def test_a_digest_that_is_none_is_not_believed(digest):
    with pytest.raises(BadMessage):
        identity_from_message(Message({"digest": digest, "pixel_digest": "ab" * 32, "format": "JPEG"}))
