"""What other programs keep beside a photo and that counts here: the owner's rating, in XMP sidecars.

Comes in: the shots that a sweep found new or changed. Goes out: ratings in the store, beside the files that say them. A
sidecar is anybody's file: a little of it is read, and what makes no sense says nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sameshot.decode.exif import LARGEST_XMP_BYTES, rating_in
from sameshot.model import Shot
from sameshot.store.files import FileRow
from sameshot.store.photos import NOT_READ
from sameshot.store.store import Store
from sameshot.watch.ignore import extension

_NOTHING: Mapping[Path, Any] = {}


def ratings_of(
    shots: Iterable[Shot], known: Mapping[Path, FileRow] = _NOTHING, said: Mapping[Path, int] = _NOTHING
) -> dict[Path, int | None]:
    """Returns what the XMP sidecars among the companions of the shots say, None where one says nothing.

    Those that are as `known`, and were read, are not read again: they say what they `said`.
    """
    found: dict[Path, int | None] = {}
    for sidecar in (file for shot in shots for file in shot.companions if extension(file.path.name) == "xmp"):
        row = known.get(sidecar.path)
        is_as_known = row is not None and row.stat == sidecar.stat and row.missing_since_s is None
        if is_as_known and said.get(sidecar.path) != NOT_READ:
            found[sidecar.path] = said.get(sidecar.path)
        else:
            found[sidecar.path] = rating_of(sidecar.path)
    return found


def learn_ratings(store: Store, ratings: Mapping[Path, int | None]) -> None:
    """Notes what sidecars say that the store knows."""
    for path, rating in ratings.items():
        store.photos.set_rating(path, rating)


def rating_of(sidecar: Path) -> int | None:
    """Returns the rating that an XMP sidecar says; None where it says none or cannot be read. Follows no link."""
    try:
        descriptor = os.open(sidecar, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return rating_in(os.read(descriptor, LARGEST_XMP_BYTES)) if is_file else None
    except OSError:
        return None
    finally:
        os.close(descriptor)
