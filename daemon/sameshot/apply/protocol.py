"""The one way in which anything happens to the owner's files; filing and undo both go through here.

Comes in: units of operations, in order. Goes out: for each operation whether it is done, and if not, why. Units are
taken in chunks, so that what must be durable is made durable once for many files:

1. every unit of the chunk is checked, and its intent is in the journal, durably, before its first system call;
2. copies are written under temporary names, all of them; then all are made durable, then each is read back and
   compared; the journal says so, durably;
3. names change (never replacing one), and every folder concerned is made durable;
4. where something must be removed, the journal says so, durably; only then is it removed;
5. the journal says what is done.

A unit that meets an obstacle is put back at once and refused with the reason; a crash is settled by `recovery`.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sameshot.apply import kernel, operations, putting_back, trash, twins
from sameshot.apply.ground import Ground
from sameshot.apply.journal import BatchLog
from sameshot.apply.ordering import chunks
from sameshot.apply.records import Operation, Staged, Unit, as_carried
from sameshot.apply.sentences import sentence
from sameshot.errors import StateUnavailable, StepRefused

_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(slots=True)
class _Running:
    unit: Unit
    written: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    staged: dict[int, Staged] = field(default_factory=dict)
    current: Operation | None = None

    def steps(self) -> Iterator[tuple[int, Operation]]:
        """The operations with their numbers; the one at hand is `current`, for the error that may come."""
        for index, step in enumerate(self.unit.operations):
            self.current = step
            yield index, step


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What became of a unit: done, or refused with one reason for each of its operations."""

    unit: Unit
    done: bool
    reasons: tuple[str, ...]


class Protocol:
    """Carries out the units of one batch."""

    def __init__(self, log: BatchLog, ground: Ground) -> None:
        self._log = log
        self._ground = ground
        self._results: dict[int, UnitResult] = {}
        self._crossings: set[tuple[tuple[str, int], tuple[str, int]]] = set()
        self._full: dict[int, str] = {}
        """A sentence on each disk, by device, that had no room."""
        self.unsettled: list[str] = []
        """Sentences on what could be neither finished nor put back; the batch stays open for `recover`."""

    def run(self, units: Sequence[Unit], progress: Callable[[int, int], None]) -> list[UnitResult]:
        """Every unit, in order; `progress` is told the files done so far and in all.

        Raises StateUnavailable when the journal cannot be written; nothing is left half-done then either.
        """
        total = sum(len(unit.operations) for unit in units)
        done = 0
        for chunk in chunks(units, self._copied_bytes):
            across = self._run_chunk(chunk)
            for carried in chunks([as_carried(unit) for unit in across], self._copied_bytes):
                self._run_chunk(carried)
            done += sum(len(unit.operations) for unit in chunk)
            progress(done, total)
        self._log.sync()
        return [self._results[unit.number] for unit in units]

    def _run_chunk(self, units: Sequence[Unit]) -> list[Unit]:
        self._ground.close_folders()
        running = [_Running(unit) for unit in map(self._checked, units) if unit is not None]
        for one in running:
            self._log.begin(one.unit)
        self._log.sync()
        try:
            running = [one for one in running if self._attempt(one, self._write)]
            running = self._copies_made_durable(running)
            running = [one for one in running if self._attempt(one, self._prove)]
            for one in running:
                if one.staged:
                    self._log.staged(one.unit.number, one.staged)
            if any(one.staged for one in running):
                self._log.sync()
            across: list[Unit] = []
            running = [one for one in running if self._attempt(one, self._rename, across)]
            running = self._names_made_durable(running)
            self._commit(running)
        except StateUnavailable:
            for one in running:
                if one.unit.number not in self._results:
                    putting_back.put_back(one.unit, self._ground, one.staged, after_crash=False)
            raise
        for one in running:
            if one.unit.number not in self._results:
                self._done(one)
        return across

    def _copied_bytes(self, unit: Unit) -> int:
        carried = unit.carried or bool(self._crossings)
        return sum(step.stat.size_bytes for step in unit.operations if operations.copies(step, carried=carried))

    # ------------------------------------------------------------ the phases

    def _checked(self, unit: Unit) -> Unit | None:
        """The unit with the folders it needs, or None when it was refused."""
        current = None
        try:
            self._refuse_if_full(unit)
            self._refuse_if_waiting(unit)
            if unit.undoes:
                unit = replace(
                    unit, operations=tuple(operations.as_it_is(step, self._ground) for step in unit.operations)
                )
            operations.check_names(unit)
            folders = dict.fromkeys(unit.folders)  # those of a first attempt, which met another filesystem
            for current in unit.operations:
                operations.check(current, unit, self._ground)
                if current.arrives:
                    folders |= dict.fromkeys(self._ground.missing(current.target.parent))
        except (StepRefused, OSError) as error:
            self._refuse(unit, current, error, begun=False)
            return None
        unit = replace(unit, folders=tuple(folders))
        return as_carried(unit) if self._is_known_crossing(unit) else unit

    def _refuse_if_full(self, unit: Unit) -> None:
        for step in unit.operations if self._full else ():
            if (why := self._full.get(self._device(step))) is not None:
                raise StepRefused(f"not tried: {why}")

    def _refuse_if_waiting(self, unit: Unit) -> None:
        for number, why in unit.waits:
            if number not in self._results or not self._results[number].done:
                raise StepRefused(why)

    def _write(self, one: _Running) -> None:
        self._refuse_if_full(one.unit)
        one.current = one.unit.operations[0]
        self._ground.make(one.unit.folders)
        for index, step in one.steps():
            if operations.copies(step, carried=one.unit.carried):
                one.written[index] = operations.write_copy(step, self._ground)

    def _copies_made_durable(self, running: list[_Running]) -> list[_Running]:
        written = [(one, one.unit.operations[index]) for one in running for index in one.written]
        failures = operations.make_durable([step for _, step in written], self._ground)
        for (one, step), error in zip(written, failures, strict=True):
            if error is not None and one.unit.number not in self._results:
                one.current = step
                self._fail(one, error)
        return [one for one in running if one.unit.number not in self._results]

    def _prove(self, one: _Running) -> None:
        for index, (ctime_ns, digest) in one.written.items():
            one.current = one.unit.operations[index]
            one.staged[index] = operations.prove_copy(one.current, self._ground, ctime_ns, digest)

    def _rename(self, one: _Running) -> None:
        one.current = one.unit.operations[0]
        self._ground.make(one.unit.folders)
        for index, step in one.steps():
            if operations.sets_aside(step, one.unit):
                operations.vacate(step, self._ground, one.staged.get(index))
        for _, step in one.steps():
            if step.trash_info and not one.unit.undoes:
                trash.write_info(step, self._ground)
            operations.arrive(step, one.unit, self._ground)
        for _, step in one.steps():
            if step.kept is not None:
                twins.check_kept(step, self._ground)

    def _names_made_durable(self, running: list[_Running]) -> list[_Running]:
        try:
            self._ground.sync()
        except OSError as error:
            for one in running:
                self._fail(one, error)
            return []
        return running

    def _commit(self, running: list[_Running]) -> None:
        letting_go = [one for one in running if any(operations.lets_go(step, one.unit) for step in one.unit.operations)]
        if not letting_go:
            return
        for one in letting_go:
            self._log.commit(one.unit.number)
        self._log.sync()
        for one in letting_go:
            self._let_go(one)
        with contextlib.suppress(OSError):  # a name that comes back after a power cut is no loss
            self._ground.sync()

    def _let_go(self, one: _Running) -> None:
        try:
            for _, step in one.steps():
                if operations.lets_go(step, one.unit):
                    operations.let_go(step, self._ground)
        except OSError as error:
            reason = f"{sentence(error, one.current)}; `sameshot recover` will finish it"
            self.unsettled.append(reason)
            self._results[one.unit.number] = UnitResult(one.unit, False, (reason,) * len(one.unit.operations))

    # ------------------------------------------------------------ the ends

    def _attempt(self, one: _Running, phase: Callable[[_Running], None], across: list[Unit] | None = None) -> bool:
        try:
            phase(one)
        except operations.AcrossFilesystems:
            assert across is not None
            self._crossings.add(self._crossing(one.current))
            problems = putting_back.put_back(one.unit, self._ground, one.staged, after_crash=False)
            if problems:
                error = StepRefused("it lies on another filesystem")
                self._refuse(one.unit, one.current, error, begun=True, problems=problems)
            else:
                across.append(one.unit)
            return False
        except (StepRefused, OSError) as error:
            self._fail(one, error)
            return False
        return True

    def _fail(self, one: _Running, error: StepRefused | OSError) -> None:
        if isinstance(error, OSError) and error.errno in _FULL:
            step = one.current or one.unit.operations[0]
            with contextlib.suppress(StepRefused, OSError):
                self._full[self._device(step)] = f"the disk that holds {step.target.parent} is full"
        problems = putting_back.put_back(one.unit, self._ground, one.staged, after_crash=False)
        self._refuse(one.unit, one.current, error, begun=True, problems=problems)

    def _done(self, one: _Running) -> None:
        after = [operations.now_at(step, self._ground) for step in one.unit.operations]
        self._log.done(one.unit.number, after)
        notes = tuple(step.note for step in one.unit.operations)
        self._results[one.unit.number] = UnitResult(one.unit, True, notes)

    def _refuse(
        self, unit: Unit, at: Operation | None, error: Exception, *, begun: bool, problems: Sequence[str] = ()
    ) -> None:
        why = sentence(error, at)
        reasons = tuple(
            why if step is at or at is None else f"stays with {at.source.name}: {why}" for step in unit.operations
        )
        if problems:
            reasons = tuple("; ".join((reason, *problems)) for reason in reasons)
            self.unsettled.extend(problems)
        else:
            self._log.refused(unit, reasons, begun=begun)
        self._results[unit.number] = UnitResult(unit, False, reasons)

    def _is_known_crossing(self, unit: Unit) -> bool:
        return bool(self._crossings) and any(
            step.deed == "move" and self._crossing(step) in self._crossings for step in unit.operations
        )

    def _crossing(self, step: Operation | None) -> tuple[tuple[str, int], tuple[str, int]]:
        assert step is not None
        target = self._folder_of_target(step)
        source = kernel.mount_of(self._ground.folder(step.source.parent))
        return source, kernel.mount_of(target) if target is not None else ("", -1)

    def _device(self, step: Operation) -> int:
        target = self._folder_of_target(step)
        return os.fstat(target).st_dev if target is not None else -1

    def _folder_of_target(self, step: Operation) -> int | None:
        """The folder that the file comes to, or what is there of it; None outside the roots."""
        missing = self._ground.missing(step.target.parent)
        there = missing[0].parent if missing else step.target.parent
        return self._ground.folder(there) if any(there.is_relative_to(root) for root in self._ground.roots) else None
