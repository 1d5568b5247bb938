"""The journal: what sameshot is about to do, and did, to the owner's files. One append-only file per batch.

Comes in: units before they begin and what became of them. Goes out: lines of JSON, durable before anything happens;
read back as `BatchRecord`s. A batch file starts with a header; then, for each unit, a `begin` line (durable before its
first system call), `staged` (its verified temporary copies), `commit` (from here on it is finished, never rolled
back), and `done` or `refused`; `end` closes the batch. A last line torn by a crash promised nothing and is cut off.
The file is made when a unit begins: plans that are refused as a whole, however often, leave none. Nothing here is ever
removed by sameshot.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sameshot.apply import history
from sameshot.apply.history import BatchRecord, BatchSummary, Location, StepRecord
from sameshot.apply.records import Staged, Unit, stat_to_json, unit_to_json
from sameshot.errors import StateUnavailable
from sameshot.model import FileStat

_FORMAT = 1


class BatchLog:
    """The end of one batch file: of one that is there, or with a `header` of one that is made when a unit begins."""

    def __init__(self, path: Path, header: dict[str, Any] | None = None) -> None:
        self.batch = path.stem
        self._path = path
        self._header = header
        self._waiting: list[dict[str, Any]] = []
        self._descriptor, self._length = -1, 0
        if header is None:
            try:
                self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
                self._length = history.sound_length(path)
                os.ftruncate(self._descriptor, self._length)
            except OSError as error:
                raise _unwritable(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_written:
            os.close(self._descriptor)

    @property
    def is_written(self) -> bool:
        """Whether the batch has a file: whether any unit began."""
        return self._descriptor >= 0

    def begin(self, unit: Unit) -> None:
        """Say what is about to happen."""
        self._make_file()
        self._waiting.append({"do": "begin"} | unit_to_json(unit))

    def staged(self, number: int, copies: dict[int, Staged]) -> None:
        """Say which temporary copies are complete."""
        files = [[index, stat_to_json(one.stat), one.digest.hex()] for index, one in sorted(copies.items())]
        self._waiting.append({"do": "staged", "unit": number, "files": files})

    def commit(self, number: int) -> None:
        """Say that what was set aside may now go: the unit will be finished, not rolled back."""
        self._waiting.append({"do": "commit", "unit": number})

    def done(self, number: int, after: Sequence[FileStat | None], *, recovered: bool = False) -> None:
        """Say that all of a unit happened, and what its files are now."""
        line = {"do": "done", "unit": number, "after": [one and stat_to_json(one) for one in after]}
        self._waiting.append(line | ({"recovered": True} if recovered else {}))

    def refused(self, unit: Unit, reasons: Sequence[str], *, begun: bool) -> None:
        """Say that nothing of a unit happened, or that all was put back, and why (one reason for each file)."""
        facts = {"unit": unit.number} if begun else unit_to_json(unit)
        self._waiting.append({"do": "refused"} | facts | {"reasons": list(reasons)})

    def end(self) -> None:
        """Say that nothing of this batch is under way."""
        self._waiting.append({"do": "end"})
        self.sync()

    def sync(self) -> None:
        """Write what was said and make it durable; while no unit began, it waits.

        Raises StateUnavailable when the journal cannot be written; then none of it was said.
        """
        if not self.is_written:
            return
        data = b"".join(_encoded(line) for line in self._waiting)
        self._waiting.clear()
        try:
            _write_all(self._descriptor, data)
            os.fdatasync(self._descriptor)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._length)
                os.fdatasync(self._descriptor)
            raise _unwritable(self._path, error) from error
        self._length += len(data)

    def _make_file(self) -> None:
        if self._header is None or self.is_written:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o600)
            _sync_path(self._path.parent)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        self._waiting.insert(0, self._header)


class Journal:
    """All batches in one folder, which is made when the first one begins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open_batch(
        self, kind: str, *, now: datetime, why: str, roots: Sequence[Path], mounts: Sequence[Path] = ()
    ) -> BatchLog:
        """A new batch whose id sorts after every other. `mounts`: the mount points of the disks that it is about."""
        path = self.folder / f"{self._next_id(now)}.jsonl"
        header = {"batch": path.stem, "format": _FORMAT, "kind": kind, "when": now.isoformat(), "why": why}
        places = {"roots": [str(root) for root in roots], "mounts": [str(mount) for mount in mounts]}
        return BatchLog(path, header | places)

    def reopen(self, batch: str) -> BatchLog:
        """The end of a batch that was interrupted."""
        return BatchLog(self.folder / f"{batch}.jsonl")

    def records(self) -> list[BatchRecord]:
        """Every batch, oldest first, with all that the journal says of it."""
        return [history.read_batch(path) for path in self._files()]

    def batches(self) -> list[BatchSummary]:
        """Every batch, oldest first, as `history` shows it."""
        return history.summaries(self.records())

    def steps(self, batch: str) -> list[StepRecord]:
        """What happened to each file of one batch, and why. Raises BadInput when there is no such batch."""
        return history.steps(self.records(), batch)

    def locations(self) -> Iterator[Location]:
        """The files that are where they are because of sameshot: steps done and not undone, where they led."""
        return history.locations(self.records())

    def places(self) -> set[Path]:
        """Every folder in which a batch was to act: roots, libraries, quarantines. Reads no more than that."""
        return {place for path in self._files() for place in history.places(path, "roots")}

    def mounts(self) -> set[Path]:
        """Every mount point of a disk that a batch was about. Reads no more than that."""
        return {mount for path in self._files() for mount in history.places(path, "mounts")}

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("b*.jsonl"), key=_order)

    def _next_id(self, now: datetime) -> str:
        stamp, count = f"b{now:%Y%m%d-%H%M%S}", 1
        if files := self._files():
            latest, latest_count = _order(files[-1])
            if latest >= stamp:  # within one second, or after the clock was set back
                stamp, count = latest, latest_count + 1
        return f"{stamp}-{count}"


def _order(path: Path) -> tuple[str, int]:
    stamp, _, count = path.stem.rpartition("-")
    return (stamp, int(count)) if count.isdigit() else (path.stem, 0)


def _encoded(line: dict[str, Any]) -> bytes:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape") + b"\n"


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _sync_path(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(path: Path, error: OSError) -> StateUnavailable:
    return StateUnavailable(
        f"the journal {path} cannot be written: {error.strerror or error}",
        "Nothing is done to photos without it; make room or permit writing there",
    )
