"""Disks that are not there: an unmounted one leaves an empty folder, and what is put into it vanishes when it is back.

Comes in: folders, and the mount points that the journal remembers. Goes out: mount points. A device number tells
nothing: it is another one after a restart. A mount point at which nothing is mounted, and in which nothing lies, was
left by its disk; once something lies there, its owner uses the folder as it is.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path


def mounts_above(folders: Iterable[Path]) -> list[Path]:
    """Returns the mount points, but for that of everything, that hold these folders or what is there of them."""
    mount_of = cache(_mount_of)
    return sorted({mount_of(_real(folder)) for folder in folders} - {Path("/")})


def left_by_their_disks(mounts: Iterable[Path]) -> list[Path]:
    """Returns those of the mount points at which nothing is mounted, and where nothing lies."""
    return [mount for mount in mounts if not _is_mount(mount) and not _holds_anything(mount)]


def within(path: Path, mounts: Collection[Path]) -> Path | None:
    """Returns the one of the mount points that holds `path`, followed through symbolic links; None mostly."""
    if not mounts:
        return None
    real = _real(path)
    return next((mount for mount in mounts if real.is_relative_to(mount)), None)


def _real(path: Path) -> Path:
    """The path through symbolic links; as it is where a folder above becomes one at this very moment."""
    try:
        return Path(os.path.realpath(path))
    except OSError:
        return path


def _is_mount(folder: Path) -> bool:
    try:
        return os.path.ismount(folder)
    except OSError:  # as above
        return False


def _mount_of(folder: Path) -> Path:
    while folder != folder.parent and not _is_mount(folder):
        folder = folder.parent
    return folder


def _holds_anything(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except OSError:
        return False
