"""A plan becomes true on disk.

Comes in: a `Plan` of the stage plan/. Goes out: a `BatchReport` with an outcome for each step. Steps of one unit happen
all or not at all; units that hand their names round in a circle (a -> b, b -> a) become one unit, and one that needs a
name another gives up comes after it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sameshot.apply.ground import Ground
from sameshot.apply.journal import Journal
from sameshot.apply.mounts import mounts_above
from sameshot.apply.ordering import ordered_units
from sameshot.apply.protocol import Protocol
from sameshot.apply.records import Operation, Unit
from sameshot.model import BatchReport, Plan, Step, StepOutcome
from sameshot.wording import counted


def silent(_done: int, _total: int) -> None:
    """The progress of those who do not ask for it."""


def file_plan(
    plan: Plan,
    journal: Journal,
    *,
    roots: Sequence[Path],
    now: datetime,
    progress: Callable[[int, int], None] = silent,
) -> BatchReport:
    """Do every step of the plan that can be done safely; refuse the others, each with its reason.

    `roots`: absolute paths of the photo folders and the library; nothing outside them, or behind a symbolic link in
    them, is touched. `progress` is told the files done so far and in all, after each chunk.

    The report's batch is "" when nothing was begun. Raises StateUnavailable when the journal cannot be written; what
    was begun is put back first.
    """
    if not plan.steps:
        return BatchReport("", ())
    groups = ordered_units(plan.steps)
    mounts = mounts_above({path.parent for step in plan.steps for path in (step.source, step.target)})
    with (
        journal.open_batch(plan.kind, now=now, why=_summary(plan), roots=roots, mounts=mounts) as log,
        Ground(roots, makes_roots=True, mounts=journal.mounts()) as ground,
    ):
        units = [_unit(number, steps, log.batch) for number, steps in enumerate(groups, 1)]
        protocol = Protocol(log, ground)
        results = protocol.run(units, progress)
        if protocol.unsettled:
            log.sync()
        else:
            log.end()
    outcomes = {
        id(step): StepOutcome(step, result.done, reason)
        for result, steps in zip(results, groups, strict=True)
        for step, reason in zip(steps, result.reasons, strict=True)
    }
    return BatchReport(log.batch if log.is_written else "", tuple(outcomes[id(step)] for step in plan.steps))


def _summary(plan: Plan) -> str:
    actions = sorted({step.action for step in plan.steps})
    return f"{' and '.join(actions)} {counted(len(plan.steps), 'file')}"


def _unit(number: int, steps: Sequence[Step], batch: str) -> Unit:
    operations = tuple(
        Operation(
            deed=step.action,
            source=step.source,
            target=step.target,
            stat=step.stat,
            digest=step.digest,
            temporary=own_name(batch, number, index, "tmp"),
            aside=own_name(batch, number, index, "aside"),
            kept=step.kept,
            kept_digest=step.kept_digest,
            trash_info=step.trash_info,
        )
        for index, step in enumerate(steps)
    )
    return Unit(number, steps[0].why, operations)


def own_name(batch: str, unit: int, index: int, ending: str) -> str:
    """A name that nobody else has: hidden, short, and told by the journal before it is used."""
    return f".sameshot-{batch}-{unit}-{index}-{secrets.token_hex(4)}.{ending}"
