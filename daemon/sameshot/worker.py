"""The worker process: one photo in, one looked-at photo out.

Comes in: requests "prepare", "identify", "look", "vector", "crop", "thumbnail", "measure", "inspect" and "compare" with
an open read-only descriptor, never a path of the owner's. Goes out: the answers that wire/ defines. This is the second
composition root: here, and nowhere else, decode, embed, describe and compare meet. The process confines itself before
it reads the first photo, so that what one does to a decoder finds no file to write, no program to run and no network.
Run as `python -P -m sameshot.worker`.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import math
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from sameshot.compare import captures
from sameshot.compare.measures import Measure
from sameshot.compare.pair_score import evidence_of, score_pair
from sameshot.decode.identify import identify
from sameshot.decode.picture import read_picture
from sameshot.describe.changes import CHANGES
from sameshot.describe.descriptors import LONG_SIDE_PX, describe
from sameshot.describe.inspection import FULL_SIZE_PX, color, sharpness
from sameshot.describe.quality import quality
from sameshot.embed.encoders import EncoderFile, prepare
from sameshot.model import Features, Inspection, Look, PairScore, Picture
from sameshot.service.message import BadMessage, Message
from sameshot.service.worker_loop import Handler, connect, serve
from sameshot.service.worker_sandbox import confine, die_with_parent
from sameshot.service.worker_seccomp import give_up_system_calls
from sameshot.wire.embedding import with_picture
from sameshot.wire.measures import inspection_to_message, measures_from_json
from sameshot.wire.photos import (
    EncoderHeader,
    features_from_message,
    identity_to_message,
    look_to_message,
    scores_to_message,
    vector_to_message,
)
from sameshot.wire.small_pictures import crop_to_message, side_of

if TYPE_CHECKING:
    from sameshot.embed.serving import Encoder

_SYSTEM_READABLE = (
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    "/lib64",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/dev/null",
    "/dev/urandom",
)
"""What interpreters and native libraries read while they work. No folder of anybody's."""


def main() -> None:
    """Serves until the supervisor hangs up."""
    parser = argparse.ArgumentParser(prog="sameshot.worker")
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--makes-models", action="store_true")
    arguments = parser.parse_args()
    connection = connect()
    die_with_parent()
    cv2.setNumThreads(1)
    libraries = (Path(place) for place in {sys.prefix, sys.base_prefix, *sys.path} if place)
    readable = [*libraries, *map(Path, _SYSTEM_READABLE), arguments.models]
    with contextlib.suppress(OSError):  # a rule can only be about a folder that is there
        arguments.models.mkdir(parents=True, exist_ok=True)
    threads = len(list(Path("/proc/self/task").iterdir()))
    version = confine(readable, [arguments.models] if arguments.makes_models else [])
    filtered = give_up_system_calls()
    # Imported only now: ONNX Runtime starts a thread, and a thread that was there before would not be confined.
    import sameshot.embed.serving  # noqa: F401, PLC0415

    serve(connection, _HANDLERS, {"landlock": version, "seccomp": filtered, "confined_threads": threads == 1})


def _prepare(request: Message, _: int | None) -> Message:
    name, models_dir = request.header.get("encoder"), request.header.get("models_dir")
    if not isinstance(name, str) or not isinstance(models_dir, str):
        raise BadMessage("prepare wants encoder and models_dir")
    file = prepare(name, Path(models_dir))
    return Message(EncoderHeader(file.encoder_id, file.path, file.dimension).as_json())


def _identify(_: Message, descriptor: int | None) -> Message:
    return identity_to_message(identify(_given(descriptor)))


def _look(request: Message, descriptor: int | None) -> Message:
    header = request.header.get("encoder")
    if not isinstance(header, dict):
        raise BadMessage("look wants an encoder")
    encoder = EncoderHeader.from_json(header)
    picture = _changed(read_picture(_given(descriptor), LONG_SIDE_PX), request)
    nothing = np.zeros(0, np.float32)
    reply = look_to_message(
        Look(
            picture.full_width_px,
            picture.full_height_px,
            picture.format,
            picture.capture,
            quality(picture.pixels),
            encoder.encoder_id,
            nothing if encoder.is_trusted else _encoder(encoder).embed(picture.pixels),
            describe(picture.pixels),
        )
    )
    return with_picture(reply, picture.pixels) if encoder.is_trusted else reply


def _vector(request: Message, descriptor: int | None) -> Message:
    """What one more encoder makes of a photo that was looked at."""
    header = request.header.get("encoder")
    if not isinstance(header, dict):
        raise BadMessage("vector wants an encoder")
    encoder = EncoderHeader.from_json(header)
    pixels = read_picture(_given(descriptor), LONG_SIDE_PX).pixels
    if encoder.is_trusted:
        return with_picture(vector_to_message(np.zeros(0, np.float32)), pixels)
    return vector_to_message(_encoder(encoder).embed(pixels))


def _changed(picture: Picture, request: Message) -> Picture:
    """The picture after the change a calibration asks for; mostly none."""
    change = request.header.get("change")
    if change is None:
        return picture
    if change not in CHANGES:
        raise BadMessage("a change that nobody knows")
    pixels = CHANGES[change](picture.pixels)
    return replace(picture, pixels=pixels, full_width_px=pixels.shape[1], full_height_px=pixels.shape[0])


def _compare(request: Message, _: int | None) -> Message:
    """Scores the first with each of the others: all of them, or those that the time given was enough for.

    Asked for `every` evidence of the pair score, it looks on where a pair is clear already.
    """
    one, *candidates = features_from_message(request)
    measures = measures_from_json(request.header.get("measures", []))
    seconds = request.header.get("seconds")
    until_s = time.monotonic() + seconds if isinstance(seconds, int | float) else math.inf
    scores = []
    for candidate in candidates:
        scores.append(_measured(measures, one, candidate) if measures else score_pair(one, candidate))
        if request.header.get("every") is True and not measures:
            scores[-1] = PairScore(scores[-1].score, evidence_of(one, candidate) | scores[-1].evidence)
        if time.monotonic() >= until_s:
            break
    return scores_to_message(scores)


def _measured(measures: list[Measure], one: Features, other: Features) -> PairScore:
    """The value of every measure; the first is the score."""
    values = {measure.name: measure.score(_kept(measure, one), _kept(measure, other)) for measure in measures}
    return PairScore(values[measures[0].name], values)


def _kept(measure: Measure, features: Features) -> bytes:
    if measure.reads == "vector":
        return features.vector.astype("<f4").tobytes()
    if measure.reads == "capture":
        return captures.pack(features.capture)
    if measure.descriptor not in features.descriptors:
        raise BadMessage(f"there is no descriptor {measure.descriptor}")
    return features.descriptors[measure.descriptor]


def _measure(request: Message, descriptor: int | None) -> Message:
    measures = measures_from_json(request.header.get("measures"))
    sides = [side for one in measures for side in one.options.values() if isinstance(side, int)]
    picture = _changed(read_picture(_given(descriptor), max(LONG_SIDE_PX, *sides, 0)), request)
    return Message({}, tuple(one.describe(picture.pixels) for one in measures))


def _crop(request: Message, descriptor: int | None) -> Message:
    side_px = side_of(request)
    picture = _changed(read_picture(_given(descriptor), LONG_SIDE_PX), request)
    return crop_to_message(np.asarray(cv2.resize(picture.pixels, (side_px, side_px), interpolation=cv2.INTER_AREA)))


def _thumbnail(request: Message, descriptor: int | None) -> Message:
    side_px = side_of(request)
    pixels = read_picture(_given(descriptor), LONG_SIDE_PX).pixels
    shrink = min(1.0, side_px / max(pixels.shape[:2]))
    height_px, width_px = (max(1, round(side * shrink)) for side in pixels.shape[:2])
    small = cv2.resize(pixels, (width_px, height_px), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    return Message({}, (jpeg.tobytes(),))


def _inspect(_: Message, descriptor: int | None) -> Message:
    size_bytes = os.fstat(_given(descriptor)).st_size
    pixels = read_picture(_given(descriptor), FULL_SIZE_PX).pixels
    return inspection_to_message(Inspection(max(pixels.shape), sharpness(pixels), color(pixels), size_bytes))


_HANDLERS: dict[str, Handler] = {
    "prepare": _prepare,
    "identify": _identify,
    "look": _look,
    "vector": _vector,
    "measure": _measure,
    "crop": _crop,
    "thumbnail": _thumbnail,
    "inspect": _inspect,
    "compare": _compare,
}


@functools.lru_cache(maxsize=2)
def _encoder(header: EncoderHeader) -> Encoder:
    """Loaded by the first look and kept: the one that serves, and perhaps one that is coming."""
    from sameshot.embed.serving import Encoder  # noqa: PLC0415 - see main

    return Encoder(EncoderFile(header.encoder_id, header.path, header.dimension))


def _given(descriptor: int | None) -> int:
    if descriptor is None:
        raise BadMessage("no descriptor came with the request")
    return descriptor


if __name__ == "__main__":
    main()
