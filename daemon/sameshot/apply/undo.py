"""Taking back what sameshot did, at any later time, by the same protocol.

Comes in: the journal and what to undo. Goes out: a `BatchReport` whose outcomes are the steps that were to be undone.
A file that was moved goes back by name, even if another program rewrote it meanwhile: nothing is lost by that. A copy
goes only when it still has its bytes and so has the file it was made from; a link only when it is still that link; what
the owner took away already counts as undone.
Folders that sameshot made go when they are empty; while the disk does not let go of one, or of a note of the trash, the
batch stays open for `recover`. Times of folders are not set back: a file that arrives meanwhile would be hidden from
programs that look at them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sameshot.apply import history, trash
from sameshot.apply.filing import own_name, silent
from sameshot.apply.ground import Ground
from sameshot.apply.history import BatchRecord, UnitRecord
from sameshot.apply.journal import Journal
from sameshot.apply.mounts import mounts_above
from sameshot.apply.protocol import Protocol
from sameshot.apply.records import Operation, Unit
from sameshot.apply.sentences import sentence
from sameshot.errors import BadInput, StepRefused
from sameshot.model import BatchReport, FoundFile, Step, StepOutcome

_AGAIN = "`sameshot recover` will remove it"

Beside = Callable[[Path, Path, Sequence[FoundFile]], Iterable[tuple[FoundFile, Path]]]
"""Where a photo is, where it was and the companions that will have come beside it by then -> these and those that are
beside it now, each with its name beside the photo that is back.
"""


def nobody(_is_at: Path, _was_at: Path, _come: Sequence[FoundFile]) -> Iterable[tuple[FoundFile, Path]]:
    """The `Beside` of those who look for none."""
    return ()


@dataclass(frozen=True, slots=True)
class Selection:
    """What to undo: one field is set. `files` are paths where the photos are or where they were, or folders above.

    `since`: batches done at or after that moment; without a time zone it is local time.
    """

    batches: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    last: bool = False
    since: datetime | None = None
    all: bool = False


def undo(
    journal: Journal,
    selection: Selection,
    *,
    now: datetime,
    progress: Callable[[int, int], None] = silent,
    beside: Beside = nobody,
) -> BatchReport:
    """Take back the selected units, the newest first; companions go with their photo, those too that came later.

    A unit that cannot be taken back is refused with the reason, and the others go on; the same selection may be undone
    again later. The report's batch is "" when nothing was undone.

    Raises BadInput when a named batch or file is unknown to the journal, StateUnavailable when it cannot be written.
    """
    records = journal.records()
    chosen = _chosen(records, selection, beside)[::-1]
    if not chosen:
        return BatchReport("", ())
    roots = tuple(dict.fromkeys(root for batch, _ in chosen for root in batch.roots))
    why = "undo " + ", ".join(dict.fromkeys(batch.batch for batch, _ in chosen))
    steps = [step for _, record in chosen for step in record.unit.operations]
    mounts = mounts_above({path.parent for step in steps for path in (step.source, step.target)})
    with (
        journal.open_batch("undo", now=now, why=why, roots=roots, mounts=mounts) as log,
        Ground(roots, makes_roots=False, mounts=journal.mounts()) as ground,
    ):
        units = [_inverse(batch, record, number, log.batch) for number, (batch, record) in enumerate(chosen, 1)]
        standing = list(history.standing(records))
        units = [replace(unit, waits=waits) for unit, waits in zip(units, _waits(units, standing), strict=True)]
        protocol = Protocol(log, ground)
        results = protocol.run(units, progress)
        left_over = remove_what_is_left(records, [result.unit for result in results if result.done], ground)
        if protocol.unsettled or left_over:
            log.sync()
        else:
            log.end()
    outcomes = [
        StepOutcome(_step(undone, record), result.done, "; ".join(filter(None, (reason, left_over.get(undone.target)))))
        for (_, record), result in zip(chosen, results, strict=True)
        for undone, reason in zip(record.unit.operations[::-1], result.reasons, strict=True)
    ]
    return BatchReport(log.batch if log.is_written else "", tuple(outcomes))


def steps_to_undo(journal: Journal, selection: Selection, beside: Beside = nobody) -> list[Step]:
    """The steps that `undo` of this selection would take back, in that order; each journaled unit is one `unit`.

    Raises BadInput as `undo` does.
    """
    chosen = _chosen(journal.records(), selection, beside)[::-1]
    return [
        replace(_step(undone, record), unit=number)
        for number, (_, record) in enumerate(chosen, 1)
        for undone in record.unit.operations[::-1]
    ]


def remove_what_is_left(records: Sequence[BatchRecord], undone: Sequence[Unit], ground: Ground) -> dict[Path, str]:
    """Remove notes of the trash on these units' files, and folders made by sameshot that became empty by these units.

    Returns a sentence on what the disk did not let go of, by the file that it was made for.
    """
    made = {
        folder
        for batch in records
        for record in batch.units.values()
        if record.state == "done" and not record.unit.undoes
        for folder in record.unit.folders
    }
    left_over: dict[Path, str] = {}
    left = {operation.source.parent: operation.source for unit in undone for operation in unit.operations}
    for operation in (operation for unit in undone for operation in unit.operations if operation.trash_info):
        try:
            trash.remove_info(operation, ground, operation.source)
        except (StepRefused, FileNotFoundError):
            pass  # its folder is gone, or behind a link by now: no note of sameshot's
        except OSError as error:
            left_over[operation.source] = f"its note in the trash stays: {sentence(error, None)}; {_AGAIN}"
    for folder in sorted(left, key=lambda path: len(path.parts), reverse=True):
        emptied_by = left[folder]
        try:
            while folder in made and ground.remove_if_empty(folder):
                folder = folder.parent  # noqa: PLW2901 - walks up from each
        except OSError as error:
            left_over[emptied_by] = f"the empty folder {folder} stays: {sentence(error, None)}; {_AGAIN}"
    with contextlib.suppress(OSError):  # a note that comes back after a power cut is no loss
        ground.sync()
    return left_over


def _chosen(records: list[BatchRecord], selection: Selection, beside: Beside) -> list[tuple[BatchRecord, UnitRecord]]:
    standing = list(history.standing(records))
    brought = {step.target for _, record in standing for step in record.unit.operations}
    come: dict[Path, list[FoundFile]] = {}
    chosen = [
        # Beside a duplicate in the trash lies what others threw away.
        (batch, record if batch.kind == "dedupe" else _with_companions(record, brought, beside, come))
        for batch, record in reversed(_selected(records, standing, selection))
    ]
    return chosen[::-1]


def _with_companions(
    record: UnitRecord, brought: Collection[Path], beside: Beside, come: dict[Path, list[FoundFile]]
) -> UnitRecord:
    """The record as if the unit had brought along what came beside its photo later, as an edit of another program.

    `come`: place of a photo -> what units that go back before this one will have put beside it.
    """
    operations, after = list(record.unit.operations), list(record.after)
    for step in record.unit.operations:
        for file, back in beside(step.target, step.source, come.pop(step.target, ())) if step.deed == "move" else ():
            if file.path not in brought and file.path not in {one.target for one in operations}:
                operations.append(Operation("move", back, file.path, file.stat, None, "", ""))
                after.append(file.stat)
                come.setdefault(step.source, []).append(replace(file, path=back))
    if len(operations) == len(record.unit.operations):
        return record
    return replace(record, unit=replace(record.unit, operations=tuple(operations)), after=tuple(after))


def _selected(
    records: list[BatchRecord], standing: list[tuple[BatchRecord, UnitRecord]], selection: Selection
) -> list[tuple[BatchRecord, UnitRecord]]:
    if selection.all:
        return standing
    if selection.last:
        return [one for one in standing if one[0].batch == standing[-1][0].batch]
    if selection.since is not None:
        since_s = selection.since.timestamp()
        return [one for one in standing if one[0].when.timestamp() >= since_s]
    if selection.batches:
        known = {batch.batch for batch in records}
        for name in selection.batches:
            if name not in known:
                raise BadInput(f"there is no batch {name}", "`sameshot history` lists them")
        return [one for one in standing if one[0].batch in selection.batches]
    return _of_files(standing, selection.files)


def _of_files(
    standing: list[tuple[BatchRecord, UnitRecord]], files: tuple[Path, ...]
) -> list[tuple[BatchRecord, UnitRecord]]:
    """All units that brought these files to where they are, from where they were at first."""
    places = [
        {path for step in record.unit.operations for path in (step.source, step.target)} for _, record in standing
    ]
    known = {path for paths in places for path in paths}
    wanted = {place for place in known for path in files if place.is_relative_to(path)}
    for path in files:
        if not any(place.is_relative_to(path) for place in wanted):
            raise BadInput(f"sameshot has not done anything to {path} that could be undone")
    found: set[int] = set()
    while True:
        before = len(found)
        for index, (_, record) in enumerate(standing):
            if index not in found and places[index] & wanted:
                found.add(index)
                moves = [step for step in record.unit.operations if step.deed == "move"]
                wanted |= {path for step in moves for path in (step.source, step.target)}
        if len(found) == before:
            break
    return [standing[index] for index in sorted(found)]


def _inverse(batch: BatchRecord, record: UnitRecord, number: int, own_batch: str) -> Unit:
    operations = []
    for index, step in list(enumerate(record.unit.operations))[::-1]:
        assert step.deed != "remove"
        assert step.deed != "forget"
        digest = record.staged[index].digest if index in record.staged else step.digest
        moved = step.deed == "move"
        operations.append(
            Operation(
                deed="move" if moved else "remove",
                source=step.target,
                target=step.source,
                stat=record.after[index] or step.stat,
                digest=None if moved else digest,
                temporary=own_name(own_batch, number, index, "tmp"),
                aside=own_name(own_batch, number, index, "aside"),
                made_by=None if moved else step.deed,
                trash_info=step.trash_info,
            )
        )
    why = f"undo of {batch.batch}: {record.unit.why}"
    return Unit(number, why, tuple(operations), undoes=(batch.batch, record.unit.number))


def _waits(
    units: Sequence[Unit], standing: Sequence[tuple[BatchRecord, UnitRecord]]
) -> Iterator[tuple[tuple[int, str], ...]]:
    """For each unit: what later moved its files on, or brought others to their places, and must be undone before it."""
    numbers = {unit.undoes: unit.number for unit in units}
    order = {(batch.batch, record.unit.number): index for index, (batch, record) in enumerate(standing)}
    users: dict[Path, list[int]] = {}
    for index, (_, record) in enumerate(standing):
        for step in record.unit.operations:
            users.setdefault(step.target, []).append(index)
            if step.deed == "move":
                users.setdefault(step.source, []).append(index)
    for unit in units:
        assert unit.undoes is not None
        waits: dict[int, str] = {}
        for step in unit.operations:
            for index in users.get(step.source, ()):
                if index > order[unit.undoes]:
                    batch, record = standing[index]
                    waits[index] = f"batch {batch.batch} moved {step.source} on or took its place: undo that first"
        yield tuple(
            (numbers.get((standing[index][0].batch, standing[index][1].unit.number), 0), sentence)
            for index, sentence in waits.items()
        )


def _step(operation: Operation, record: UnitRecord) -> Step:
    assert operation.deed != "remove"
    assert operation.deed != "forget"
    return Step(
        record.unit.number,
        operation.deed,
        operation.source,
        operation.target,
        operation.stat,
        operation.digest,
        record.unit.why,
        operation.kept,
        operation.kept_digest,
        operation.trash_info,
    )
