"""Companions that came after their photo was moved: where they go.

Comes in: companions that lie where a photo was before sameshot moved it, and where it is now. Goes out: a step for
each, to a name that pairs with the photo's present one. Where that name is taken the companion is left alone, with a
warning. Reads no disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sameshot.model import FoundFile, Step
from sameshot.plan.names import Names, unit_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sameshot.plan.names import Taken


@dataclass(frozen=True, slots=True)
class LateCompanion:
    """A companion of the photo that was at `before` and is at `now`."""

    file: FoundFile
    before: Path
    now: Path


def late_steps(late: Iterable[LateCompanion], steps: Sequence[Step], taken: Taken) -> tuple[list[Step], list[str]]:
    """Returns a move for each companion, as units of their own after `steps`, and sentences about those left alone.

    `steps` are the other steps of the plan: a photo that moves on in it takes its companion along the next time.
    """
    names, found, warnings = Names(taken), [], []
    for step in steps:
        names.use(step.target.parent, step.target.name)
    leaving = {step.source for step in steps if step.action == "move"}
    unit = max((step.unit for step in steps), default=-1)
    for one in sorted(late, key=lambda one: str(one.file.path)):
        if one.now in leaving:
            continue
        target = one.now.parent / unit_names(one.now.name, one.before.name, [one.file.path.name], "")[1]
        if names.is_used(target.parent, target.name):
            warnings.append(f"{one.file.path} belongs to {one.now}, but {target.name} is there already: left alone.")
            continue
        names.use(target.parent, target.name)
        unit += 1
        why = f"travels with {one.now.name}, which was here before"
        found.append(Step(unit, "move", one.file.path, target, one.file.stat, None, why))
    return found, warnings
