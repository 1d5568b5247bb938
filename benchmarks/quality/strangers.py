"""Photos that all show different things: what a grouping must not fall for.

**Look-alikes** are alike on purpose. Each family shares a style: one palette and texture, one layout of pages, forms
and screens, one publisher's stamp, one house front with other curtains, one studio with other people, one table with
other goods, one room seen from elsewhere with something else in front. Of two forms or two sitters people say at once
that they are two shots; that half of the picture is one print or one backdrop makes them the hardest there are.

**Distractors** (`distractors.py`) are what the rest of a collection is: of many kinds, no print or place in common.

Comes in: a folder and a number. Goes out: that many JPEG files in it, flat, their names telling kind and number (family
and member). The same numbers draw the same files; what is there already is kept.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import distractors
import scenes

FIRST_STYLE = 100_000
"""Above all styles of ordinary photos."""


def write(folder: Path, count: int, family: int) -> list[Path]:
    """Draws the look-alikes 0 to count - 1, so many to a family, and returns their paths."""
    return _written(partial(_write_look_alike, folder, family), folder, count)


def write_distractors(folder: Path, count: int) -> list[Path]:
    """Draws the distractors 0 to count - 1, and returns their paths."""
    return _written(partial(_write_distractor, folder), folder, count)


def _written(write_one: Callable[[int], Path], folder: Path, count: int) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    with workers(partial(cv2.setNumThreads, 1)) as pool:
        return list(pool.map(write_one, range(count), chunksize=10))


def workers(begin: Callable[[], None]) -> ProcessPoolExecutor:
    """A process for each core. Not forked: OpenCV's threads would be missing in them, and waited for."""
    return ProcessPoolExecutor(len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn"), begin)


def _write_look_alike(folder: Path, size: int, number: int) -> Path:
    kinds = list(scenes.KINDS)
    family, member = divmod(number, size)
    kind = kinds[family % len(kinds)]
    path = folder / f"{kind}-{family:04d}-{member:02d}.jpg"
    if not path.exists():
        _save(path, scenes.draw(kind, FIRST_STYLE + family, member), number)
    return path


def _write_distractor(folder: Path, number: int) -> Path:
    path = folder / f"{distractors.kind_of(number)}-{number:05d}.jpg"
    if not path.exists():
        _save(path, distractors.draw(number), number)
    return path


def _save(path: Path, picture: scenes.Pixels, number: int) -> None:
    unfinished = path.with_suffix(".part.jpg")
    cv2.imwrite(str(unfinished), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85 + number % 10])
    unfinished.rename(path)
