"""Rows of the table `files`, and the conversions between them and values.

A path is kept as folder and name, both BLOBs, so that one key answers "this file", "this folder" and "below this root".
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from sameshot.model import FileStat, FoundFile
from sameshot.store.connection import Row

FileRole = Literal["primary", "companion", "filed"]

STAT_COLUMNS: Final = "device, inode, size_bytes, mtime_ns, ctime_ns"
FILE_COLUMNS: Final = f"folder, name, {STAT_COLUMNS}, photo, role, missing_since_s"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One known file. `filed`: a copy or link that sameshot made, another location of the same photo.

    `missing_since_s`: when a sweep first did not find it; None while it is there.
    """

    path: Path
    stat: FileStat
    photo_id: int
    role: FileRole
    missing_since_s: float | None


def file_row(row: Row) -> FileRow:
    """A row of `FILE_COLUMNS`."""
    return FileRow(path_from(row[0], row[1]), stat_from(row[2:7]), row[7], row[8], row[9])


def found_file(row: Row) -> FoundFile:
    """A row that begins with folder, name and `STAT_COLUMNS`."""
    return FoundFile(path_from(row[0], row[1]), stat_from(row[2:7]))


def key(path: Path) -> tuple[bytes, bytes]:
    """Folder and name of an absolute path. Raises ValueError for a relative one: its file depends on who asks."""
    if not path.is_absolute():
        raise ValueError(f"not an absolute path: {path}")
    return os.fsencode(path.parent), os.fsencode(path.name)


def path_from(folder: bytes, name: bytes) -> Path:
    """The inverse of `key`."""
    return Path(os.fsdecode(folder), os.fsdecode(name))


def stat_values(stat: FileStat) -> tuple[int | str, ...]:
    """The values for `STAT_COLUMNS`."""
    numbers = (stat.device, stat.inode, stat.size_bytes, stat.mtime_ns, stat.ctime_ns)
    return tuple(number(value) for value in numbers)


def stat_from(values: Row) -> FileStat:
    """The inverse of `stat_values`."""
    return FileStat(*map(int, values))


def number(value: int) -> int | str:
    """A number as SQLite can hold it: inodes of some file systems, and times past 2262, exceed 63 bits."""
    return value if -(2**63) <= value < 2**63 else str(value)
