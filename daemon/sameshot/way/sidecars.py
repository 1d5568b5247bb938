"""What other programs keep beside a photo and that counts here: the owner's rating, in XMP sidecars.

Comes in: the shots that a sweep found new or changed. Goes out: ratings in the store, beside the files that say them. A
sidecar is anybody's file: a little of it is read, and what makes no sense says nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from sameshot.decode.exif import LARGEST_XMP_BYTES, rating_in
from sameshot.model import Shot
from sameshot.store.store import Store


def is_sidecar(path: Path) -> bool:
    """Whether the file is an XMP sidecar by its name."""
    return path.suffix.lower() == ".xmp"


def ratings_of(shot: Shot) -> dict[Path, int | None]:
    """Returns what the XMP sidecars among the companions of a shot say."""
    return {file.path: rating_of(file.path) for file in shot.companions if is_sidecar(file.path)}


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
