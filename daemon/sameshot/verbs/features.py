"""What an encoder sees in a range of the known photos, as a table that other programs read, and `sameshot rank` too.

Comes in: an encoder that is ready, the first and the last photo by path, and a file that is not there yet. Goes out: a
CSV of paths and the numbers of their vectors. What the store holds is taken from there, the rest is looked at now;
what cannot be looked at is left out. It works beside a running service and changes no state.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sameshot.app import App, Progress, open_app
from sameshot.config import LoadedConfig
from sameshot.embed.encoders import place_of
from sameshot.errors import BadInput, SameshotError
from sameshot.locations import Locations
from sameshot.model import PhotoView
from sameshot.way.looking import opened_as_known
from sameshot.wire.photos import EncoderHeader, look_from_message, look_request
from sameshot.wording import counted


@dataclass(frozen=True, slots=True)
class FeaturesResult:
    """`photos`: written. `left_out`: could not be looked at, or are another picture by now."""

    file: Path
    encoder_id: str
    dimension: int
    photos: int
    left_out: int


def features(
    loaded: LoadedConfig,
    locations: Locations,
    progress: Progress,
    *,
    file: Path,
    name: str = "",
    first: int = 1,
    last: int | None = None,
) -> FeaturesResult:
    """Writes the vectors of photos `first` to `last` by path, counted from 1. `name`: the config's encoder if empty.

    Raises BadInput when there is no such encoder or range, or the file is there or cannot be written.
    """
    with open_app(loaded, locations, progress, verb="features", writing=False) as app:
        ready = place_of(name or loaded.config.encoder, locations.models_dir)
        if not ready.path.exists():
            raise BadInput(f"The encoder {name!r} was never used", f"Make it once: sameshot models make '{name}'")
        encoder = EncoderHeader(ready.encoder_id, ready.path, ready.dimension)
        views = app.store.photos.views(app.store.contents.ids())
        photos = sorted((view for shown in views.values() for view in shown), key=lambda view: os.fsencode(view.path))
        chosen = photos[first - 1 : last]
        if first < 1 or not chosen:
            raise BadInput(f"There are {counted(len(photos), 'photo')}, and none from {first} on", "Count from 1")
        try:
            with file.open("x", encoding="utf-8", errors="surrogateescape", newline="") as stream:
                table = csv.writer(stream, lineterminator="\n")
                table.writerow(["path", *range(encoder.dimension)])
                written = 0
                for path, vector in _seen(app, encoder, chosen):
                    table.writerow([os.path.abspath(path), *(f"{value:.9g}" for value in vector)])
                    written += 1
        except OSError as error:
            raise BadInput(f"{file} cannot be written: {error.strerror}", "Name one that is not there yet") from error
    return FeaturesResult(file, encoder.encoder_id, encoder.dimension, written, len(chosen) - written)


def _seen(app: App, encoder: EncoderHeader, photos: Sequence[PhotoView]) -> Iterator[tuple[Path, NDArray[np.float32]]]:
    for number, view in enumerate(photos):
        app.progress("looking at photos", number, len(photos))
        if app.store.contents.has_vector(view.content, encoder.encoder_id):
            yield view.path, app.store.contents.vector(view.content, encoder.encoder_id)
            continue
        descriptor = opened_as_known(view)
        if descriptor is None:
            continue
        try:
            reply = app.ask(look_request(encoder), descriptor)
            yield view.path, look_from_message(reply, encoder.dimension).vector
        except SameshotError:
            continue
        finally:
            os.close(descriptor)
