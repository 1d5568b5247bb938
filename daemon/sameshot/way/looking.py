"""One file looked at on demand, many known ones asked about, and one photo compared with others: the asker waits."""

from __future__ import annotations

import os
import stat
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from sameshot.app import App
from sameshot.compare.measures import Measure
from sameshot.errors import BadInput, SameshotError
from sameshot.model import Features, PairScore, PhotoView
from sameshot.service.message import BadMessage
from sameshot.service.workers import Message, Task, TaskFailed
from sameshot.way.arrival import stat_of
from sameshot.wire.measures import descriptors_from_message, measure_request, measures_as_json
from sameshot.wire.photos import features_to_buffers, look_from_message, look_request, scores_from_message

_Key = TypeVar("_Key", bound=Hashable)


def known_content(app: App, path: Path) -> int | None:
    """Returns the content of a known photo whose files are as they were when it was looked at."""
    photo, file = app.store.photos.at(path), app.store.photos.file_at(path)
    if photo is None or file is None or file.stat != stat_of(path):
        return None
    if photo.primary.stat != stat_of(photo.primary.path):
        return None
    return photo.content_id


def features_of(app: App, path: Path) -> tuple[int | None, Features]:
    """Returns what comparing needs of the photo at `path`, and its content if it is known; nothing is stored.

    Raises BadInput when it cannot be looked at.
    """
    content = known_content(app, path)
    if content is not None:
        known = app.store.contents.features([content], app.encoder.encoder_id)
        if content in known:
            return content, known[content]
    descriptor = _opened(path)
    try:
        reply = app.ask(look_request(app.encoder), descriptor)
    except SameshotError as error:
        raise BadInput(f"{path} cannot be looked at: {error}") from error
    finally:
        os.close(descriptor)
    try:
        look = look_from_message(reply, app.encoder.dimension)
    except BadMessage as error:
        raise BadInput(f"{path} cannot be looked at: {error}") from error
    return None, Features(look.vector, look.descriptors, look.capture, look.width_px, look.height_px)


def _opened(path: Path) -> int:
    """Returns a descriptor of the file. A pipe or device is not waited for. Raises BadInput."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BadInput(f"{path} cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadInput(f"{path} is not a regular file")
    return descriptor


def opened_as_known(view: PhotoView) -> int | None:
    """Returns a descriptor of a known photo; None where it is gone, another picture by now or cannot be read."""
    try:
        descriptor = os.open(view.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if stat_of(descriptor) == view.stat:
        return descriptor
    os.close(descriptor)
    return None


def measured(app: App, path: Path, features: Features, measures: Sequence[Measure]) -> Features:
    """Returns the features with the descriptors of `measures`; those not stored are computed now, and not stored.

    Raises BadInput when the photo cannot be read, SameshotError when a measure's library is not installed.
    """
    missing = {one.descriptor: one for one in measures if one.descriptor not in {"", *features.descriptors}}
    if not missing:
        return features
    wanted = list(missing.values())
    descriptor = _opened(path)
    try:
        reply = app.ask(measure_request(wanted), descriptor)
    finally:
        os.close(descriptor)
    return replace(features, descriptors={**features.descriptors, **descriptors_from_message(reply, wanted)})


def compare_one(
    app: App, one: Features, others: Sequence[Features], measures: Sequence[Measure] = (), *, every: bool = False
) -> list[PairScore]:
    """Returns the score of `one` with each of `others`: the pair score, or that of the first of `measures`.

    `every`: the pair score with all its evidence, also what was not needed because the pair was clear before.
    """
    if not others:
        return []
    header, buffers = features_to_buffers([one, *others])
    request = Message({"task": "compare", **header, "measures": measures_as_json(measures), "every": every}, buffers)
    return scores_from_message(app.ask(request), len(others))


def ask_of_each(app: App, requests: Mapping[_Key, tuple[int, Message]], label: str) -> dict[_Key, Message]:
    """Returns what the workers answer, as many at once as there are workers. `requests`: a content, and what of it.

    A photo that is gone, is another picture by now or cannot be read has no answer.
    """
    answers: dict[_Key, Message] = {}

    def answered(key: _Key, reply: Message | TaskFailed) -> None:
        if isinstance(reply, Message):
            answers[key] = reply

    for number, (key, (content, request)) in enumerate(requests.items()):
        app.progress(label, number, len(requests))
        view = next(iter(app.store.photos.views([content]).get(content, ())), None)
        descriptor = None if view is None else opened_as_known(view)
        if descriptor is None:
            continue
        try:
            app.workers.submit(Task(request, app.config.limits.look_deadline_s, partial(answered, key), descriptor))
        finally:
            os.close(descriptor)
        while app.workers.pending >= 3 * app.workers.count:
            app.workers.pump(1.0)
    while app.workers.pending:
        app.workers.pump(1.0)
    return answers
