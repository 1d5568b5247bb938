"""A table of features as other programs write it, read for the order of a rank.

Comes in: a CSV file with a header line. Its first column holds paths, absolute or from the folder of the file; a column
`R` holds ranks, where it has one; every other column is a number of the photo's feature vector. Goes out: the ranks and
the vectors by path. Refuses, as BadInput with the line, what is no number, is not finite or names a photo twice.
"""

from __future__ import annotations

import csv
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sameshot.errors import BadInput

_RANK = "R"


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """`ranks`: path -> rank, of the rows that have one. `vectors`: path -> float32 (d,), empty without such columns."""

    ranks: dict[Path, float]
    vectors: dict[Path, NDArray[np.float32]]


def read_features(file: Path) -> FeatureTable:
    """Returns what the table says. Raises BadInput when it cannot be read or used."""
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            rows = list(csv.reader(lines, strict=True))
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}") from error
    except csv.Error as error:
        raise BadInput(f"{file} is no CSV: {error}") from error
    if len(rows) < 2 or len(rows[0]) < 2:
        raise BadInput(f"{file} holds no features", "A header line, then a line for each photo: its path, then numbers")
    header = rows[0]
    rank_column = header.index(_RANK) if _RANK in header[1:] else None
    columns = [column for column in range(1, len(header)) if column != rank_column]
    ranks: dict[Path, float] = {}
    vectors: dict[Path, NDArray[np.float32]] = {}
    seen: set[Path] = set()
    for number, row in enumerate(rows[1:], 2):
        where = f"{file}, line {number}"
        if len(row) != len(header):
            raise BadInput(f"{where}: {len(row)} columns, but the header has {len(header)}")
        path = Path(os.path.abspath(file.parent / row[0]))
        if path in seen:
            raise BadInput(f"{where}: {row[0]} was named before")
        seen.add(path)
        if rank_column is not None and row[rank_column].strip():
            ranks[path] = _number(row[rank_column], f"{where}, column {_RANK}")
        if columns:
            values = [_number(row[column], f"{where}, column {header[column]}") for column in columns]
            vectors[path] = np.array(values, np.float32)
    return FeatureTable(ranks, vectors)


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BadInput(f"{where}: {text!r} is no number") from None
    if not math.isfinite(value) or abs(value) > float(np.finfo(np.float32).max):
        raise BadInput(f"{where}: {text!r} is not finite")
    return value
