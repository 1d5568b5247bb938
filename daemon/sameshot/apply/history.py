"""What the journal's lines add up to: batches, their units, and where files are because of sameshot.

Comes in: batch files. Goes out: frozen records. A torn last line is left out; a file without a sound header is an error
(StateUnavailable), for undo would silently forget it otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sameshot.apply.records import Staged, Unit, stat_from_json, unit_from_json
from sameshot.errors import BadInput, StateUnavailable
from sameshot.model import Action, FileStat

State = Literal["begun", "committed", "done", "refused"]


@dataclass(slots=True)
class UnitRecord:
    """One unit as the journal knows it so far."""

    unit: Unit
    state: State
    staged: dict[int, Staged] = field(default_factory=dict)
    after: tuple[FileStat | None, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """One batch file. `ended` is False for a batch that was interrupted."""

    batch: str
    kind: str
    when: datetime
    why: str
    roots: tuple[Path, ...]
    units: dict[int, UnitRecord]
    ended: bool


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """One line of `history`; the counts are files. `undone` counts those that a later batch took back."""

    batch: str
    kind: str
    when: datetime
    why: str
    done: int
    undone: int
    refused: int
    interrupted: bool


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What happened to one file and why. `reason` is set where it was refused."""

    deed: str
    source: Path
    target: Path
    state: Literal["done", "undone", "refused", "interrupted"]
    why: str
    reason: str


@dataclass(frozen=True, slots=True)
class Location:
    """A file that exists, or is where it is, because of sameshot. `source` is where its photo was before sameshot."""

    batch: str
    action: Action
    source: Path
    target: Path
    digest: bytes | None
    stat: FileStat | None


def sound_length(path: Path) -> int:
    """How many bytes of a batch file are whole lines; what follows was torn by a crash."""
    data = path.read_bytes()
    length = data.rfind(b"\n") + 1
    while length and _parsed(data[data.rfind(b"\n", 0, length - 1) + 1 : length]) is None:
        length = data.rfind(b"\n", 0, length - 1) + 1
    return length


def read_batch(path: Path) -> BatchRecord:
    """All that one batch file says. Raises StateUnavailable when it is damaged before its last lines."""
    try:
        data = path.read_bytes()[: sound_length(path)]
    except OSError as error:
        raise StateUnavailable(f"the journal {path} cannot be read: {error.strerror}") from error
    if not data:  # killed between making the file and writing its header: nothing had begun
        begun = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return BatchRecord(path.stem, "empty", begun, "", (), {}, ended=True)
    lines = (_parsed(line) for line in data.splitlines(keepends=True))  # one at a time: a batch may be long
    damaged = StateUnavailable(f"the journal {path} is damaged or of a newer version", "Nothing was changed")
    header = next(lines)
    if header is None or header.get("format") != 1:
        raise damaged
    units: dict[int, UnitRecord] = {}
    ended = False
    for line in lines:
        if line is None:
            raise damaged
        ended = line["do"] == "end"
        if not ended:
            _take(units, line)
    return BatchRecord(
        batch=path.stem,
        kind=header["kind"],
        when=datetime.fromisoformat(header["when"]),
        why=header["why"],
        roots=tuple(Path(root) for root in header["roots"]),
        units=units,
        ended=ended,
    )


def places(path: Path, which: Literal["roots", "mounts"]) -> tuple[Path, ...]:
    """The roots or mount points that the header of a batch file names; none where it has no sound header."""
    try:
        with path.open("rb") as file:
            header = _parsed(file.readline()) or {}
    except OSError:
        return ()
    return tuple(Path(place) for place in header.get(which, ()))


def _take(units: dict[int, UnitRecord], line: dict[str, Any]) -> None:
    number = line["unit"]
    match line["do"]:
        case "begin":
            units[number] = UnitRecord(unit_from_json(line), "begun")
        case "staged":
            units[number].staged = {
                index: Staged(stat_from_json(stat), bytes.fromhex(digest), 0) for index, stat, digest in line["files"]
            }
        case "commit":
            units[number].state = "committed"
        case "done":
            units[number].state = "done"
            units[number].after = tuple(one and stat_from_json(one) for one in line["after"])
        case "refused":
            record = units.get(number) or UnitRecord(unit_from_json(line), "refused")
            record.state, record.reasons = "refused", tuple(line["reasons"])
            units[number] = record


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line.decode("utf-8", "surrogateescape"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def undone_units(records: Iterable[BatchRecord]) -> set[tuple[str, int]]:
    """The (batch, unit)s that a later batch took back."""
    done = (one for batch in records for one in batch.units.values() if one.state == "done")
    return {record.unit.undoes for record in done if record.unit.undoes}


def summaries(records: list[BatchRecord]) -> list[BatchSummary]:
    """One summary for each batch, in the same order."""
    undone = undone_units(records)
    found = []
    for batch in records:
        counts = {"done": 0, "undone": 0, "refused": 0, "begun": 0, "committed": 0}
        for number, record in batch.units.items():
            state = "undone" if (batch.batch, number) in undone else record.state
            counts[state] += len(record.unit.operations)
        found.append(
            BatchSummary(
                batch=batch.batch,
                kind=batch.kind,
                when=batch.when,
                why=batch.why,
                done=counts["done"],
                undone=counts["undone"],
                refused=counts["refused"],
                interrupted=not batch.ended,
            )
        )
    return found


def steps(records: list[BatchRecord], batch: str) -> list[StepRecord]:
    """Every file of one batch, in the order of its units. Raises BadInput when there is no such batch."""
    undone = undone_units(records)
    for found in records:
        if found.batch == batch:
            return [
                StepRecord(step.deed, step.source, step.target, state, record.unit.why, reason)
                for number, record in found.units.items()
                for state in (_state_of(record, undone=(batch, number) in undone),)
                for step, reason in zip(record.unit.operations, _reasons_of(record), strict=True)
            ]
    raise BadInput(f"there is no batch {batch}", "`sameshot history` lists them")


def _state_of(record: UnitRecord, *, undone: bool) -> Literal["done", "undone", "refused", "interrupted"]:
    if undone:
        return "undone"
    return record.state if record.state in ("done", "refused") else "interrupted"


def _reasons_of(record: UnitRecord) -> tuple[str, ...]:
    return record.reasons or tuple(step.note for step in record.unit.operations)


def standing(records: list[BatchRecord]) -> Iterator[tuple[BatchRecord, UnitRecord]]:
    """Units done and not undone, oldest first; those of undo itself are not among them."""
    undone = undone_units(records)
    for batch in records:
        for number, record in batch.units.items():
            if record.state == "done" and not record.unit.undoes and (batch.batch, number) not in undone:
                yield batch, record


def locations(records: list[BatchRecord]) -> Iterator[Location]:
    """Where files are because of sameshot; a file that was moved twice is where it came to last."""
    found: dict[Path, Location] = {}
    for batch, record in standing(records):
        steps = record.unit.operations
        before = {step.source: found.pop(step.source, None) for step in steps if step.deed == "move"}
        for index, step in enumerate(steps):
            assert step.deed != "remove"
            assert step.deed != "forget"
            first = before.get(step.source)
            found[step.target] = Location(
                batch=batch.batch,
                action=first.action if first else step.deed,
                source=first.source if first else step.source,
                target=step.target,
                digest=record.staged[index].digest if index in record.staged else step.digest,
                stat=record.after[index],
            )
    yield from found.values()
