"""After a crash: finish or put back whatever was begun.

Comes in: the journal. Goes out: what was found and done. Run before anything else touches the photos. Doing it twice,
or being killed in it and doing it again, comes to the same. What cannot be reached now (a root that is not mounted, a
disk that is read-only) stays open in the journal and is tried again the next time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sameshot.apply import operations, putting_back
from sameshot.apply.ground import Ground
from sameshot.apply.history import UnitRecord
from sameshot.apply.journal import BatchLog, Journal
from sameshot.apply.records import Unit
from sameshot.apply.undo import remove_what_is_left
from sameshot.errors import StepRefused

_INTERRUPTED = "interrupted, and put back"


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """Which batches were interrupted; where files are now that were finished, and where those are that were put back.

    `unsettled` holds a sentence for each file that could be neither; the next recovery tries again.
    """

    batches: tuple[str, ...] = ()
    finished: tuple[Path, ...] = ()
    put_back: tuple[Path, ...] = ()
    unsettled: tuple[str, ...] = ()


@dataclass(slots=True)
class _Found:
    finished: list[Path] = field(default_factory=list)
    put_back: list[Path] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)


def recover(journal: Journal, *, now: datetime) -> RecoveryReport:  # noqa: ARG001 - a settled batch keeps its own time
    """Settle every interrupted batch, the newest first.

    Raises StateUnavailable when the journal cannot be read or written.
    """
    records = journal.records()
    found = _Found()
    interrupted = [batch for batch in records if not batch.ended]
    mounts = journal.mounts() if interrupted else set()
    for batch in interrupted[::-1]:
        with journal.reopen(batch.batch) as log, Ground(batch.roots, makes_roots=False, mounts=mounts) as ground:
            unsettled_before = len(found.unsettled)
            for record in list(batch.units.values())[::-1]:
                if record.state in ("begun", "committed"):
                    _settle(record, log, ground, found)
            log.sync()  # what is done is said before the folders go by which it could be seen
            if batch.kind == "undo":
                done = [record.unit for record in batch.units.values() if record.state == "done"]
                left_over = remove_what_is_left(records, done, ground)
                found.unsettled.extend(f"{path}: {reason}" for path, reason in left_over.items())
            if len(found.unsettled) == unsettled_before:
                log.end()
            else:
                log.sync()
    batches = tuple(batch.batch for batch in interrupted)
    return RecoveryReport(batches, tuple(found.finished), tuple(found.put_back), tuple(found.unsettled))


def _settle(record: UnitRecord, log: BatchLog, ground: Ground, found: _Found) -> None:
    unit = record.unit
    complete = False
    ground.close_folders()
    try:
        complete = record.state == "begun" and putting_back.happened(unit, ground, record.staged)
        if not complete:
            _open_what_must_be_there(unit, ground)
            complete = record.state == "committed"
        if complete:
            problems = putting_back.finish(unit, ground, record.staged)
        else:
            problems = putting_back.put_back(unit, ground, record.staged, after_crash=True)
        _sync_all(unit, ground)
    except (OSError, StepRefused) as error:
        problems = [f"{unit.operations[0].source}: {error}"]
    if problems:
        found.unsettled.extend(problems)
    elif complete:
        log.done(unit.number, [operations.now_at(step, ground) for step in unit.operations], recovered=True)
        record.state = "done"
        found.finished.extend(step.target for step in unit.operations)
    else:
        log.refused(unit, [_INTERRUPTED] * len(unit.operations), begun=True)
        record.state = "refused"
        found.put_back.extend(step.source for step in unit.operations)


def _open_what_must_be_there(unit: Unit, ground: Ground) -> None:
    """A folder that was there at the beginning and is not now is not mounted, perhaps; nothing is concluded from it."""
    for step in unit.operations:
        if step.deed != "forget":
            ground.folder(step.source.parent)
        if step.arrives and step.target.parent not in unit.folders:
            ground.folder(step.target.parent)


def _sync_all(unit: Unit, ground: Ground) -> None:
    """The names may be as they should be in memory alone: a killed process synced nothing."""
    for folder in unit.folders:
        ground.sync_folder(folder.parent)
    for step in unit.operations:
        ground.sync_folder(step.source.parent)
        if step.arrives:
            ground.sync_folder(step.target.parent)
