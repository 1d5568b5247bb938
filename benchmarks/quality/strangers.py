"""Photos that all show different things and look alike on purpose: what a grouping must not fall for.

Each family shares a style: one palette and texture, one layout of pages, forms and screens, one publisher's
stamp, one house front with other curtains, one studio with other people, one table with other goods, one room seen
from elsewhere with something else in front. Comes in: a folder and a number. Goes out: that many JPEG files in it,
flat, their names telling kind, family and member. The same numbers draw the same files; what is there already is
kept.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import scenes

FIRST_STYLE = 100_000
"""Above all styles of ordinary photos."""


def write(folder: Path, count: int, family: int) -> list[Path]:
    """Draws the photos 0 to count - 1, so many to a family, and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    with workers(partial(cv2.setNumThreads, 1)) as pool:
        return list(pool.map(partial(_write_one, folder, family), range(count), chunksize=10))


def workers(begin: Callable[[], None]) -> ProcessPoolExecutor:
    """A process for each core. Not forked: OpenCV's threads would be missing in them, and waited for."""
    return ProcessPoolExecutor(len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn"), begin)


def _write_one(folder: Path, size: int, number: int) -> Path:
    kinds = list(scenes.KINDS)
    family, member = divmod(number, size)
    kind = kinds[family % len(kinds)]
    path = folder / f"{kind}-{family:04d}-{member:02d}.jpg"
    if not path.exists():
        picture = scenes.draw(kind, FIRST_STYLE + family, member)
        unfinished = path.with_suffix(".part.jpg")
        cv2.imwrite(str(unfinished), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85 + number % 10])
        unfinished.rename(path)
    return path
