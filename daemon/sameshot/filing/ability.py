"""What the disks of a plan are like, asked without writing anything.

Comes in: a plan. Goes out: the plan with what they can do.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from sameshot.apply.operations import reserve_bytes
from sameshot.model import Action, Plan
from sameshot.plan.ability import Side, able_plan
from sameshot.watch.roots import filesystem_of


def able(plan: Plan, fallback: Sequence[Action] = ()) -> Plan:
    """Returns the plan without what its disks cannot do, or with a fallback for it, and warnings that say so."""
    nearest = cache(_nearest)
    facts = cache(_facts)
    return able_plan(plan, fallback, lambda folder: facts(nearest(folder)))


def _nearest(folder: Path) -> Path:
    return next(above for above in (folder, *folder.parents) if above.is_dir())


def _facts(folder: Path) -> Side:
    space = os.statvfs(folder)
    return Side(
        folder.stat().st_dev,
        filesystem_of(folder),
        os.access(folder, os.W_OK | os.X_OK),
        space.f_bavail * space.f_frsize,
        reserve_bytes(space),
    )
