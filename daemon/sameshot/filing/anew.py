"""Filing anew: what a plan would be if the earlier batches of group folders were taken back first.

Comes in: the store and the journal. Goes out: the plan, and the batches to undo before it. Nothing is undone here: the
photos are looked at as if they lay where they were before sameshot filed them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sameshot.apply.history import Location
from sameshot.apply.journal import Journal
from sameshot.filing.plans import Shape, catalogues_beside, names_in
from sameshot.model import Action, FoundFile, PhotoView, Plan
from sameshot.plan.folders import folder_plan
from sameshot.store.store import Store


def plan_refiled(
    store: Store, journal: Journal, *, action: Action, library: Path, shape: Shape
) -> tuple[Plan, tuple[str, ...]]:
    """Returns the plan and the batches it takes back first; no steps where all is filed so already.

    Raises BadInput on a bad layout.
    """
    batches = tuple(
        batch.batch for batch in journal.batches() if batch.kind == "folders" and batch.done and not batch.interrupted
    )
    # What the owner took away again is not filed any more.
    filed = [one for one in journal.locations() if one.batch in batches and os.path.lexists(one.target)]
    back = {location.target: location.source for location in filed if location.action == "move"}
    groups, alone = shape.divided(store)
    groups = [replace(group, photos=tuple(_where_it_was(view, back) for view in group.photos)) for group in groups]
    plan = folder_plan(
        groups,
        [_where_it_was(view, back) for view in alone],
        action=action,
        library=library,
        layout=shape.layout,
        outliers=shape.outliers,
        batch_size=shape.batch_size,
        taken=lambda folder: _names_then(folder, filed),
        filed={},
        roots=list(store.roots.all()),
        catalogues=catalogues_beside(
            {view.path.parent for group in groups for view in group.photos}, store.roots.all()
        ),
    )
    wanted = {(step.action, step.source, step.target) for step in plan.steps}
    if wanted == {(location.action, location.source, location.target) for location in filed}:
        return Plan("folders", ()), ()
    first = f"{len(filed)} files that {', '.join(batches)} filed go back to their places first."
    return replace(plan, warnings=(*((first,) if filed else ()), *plan.warnings)), batches


def does_the_same(one: Plan, other: Plan) -> bool:
    """Returns whether two plans bring the same files to the same places, whatever happened to their inodes."""
    first, second = ([(step.action, step.source, step.target) for step in plan.steps] for plan in (one, other))
    return sorted(first) == sorted(second)


def _where_it_was(view: PhotoView, back: Mapping[Path, Path]) -> PhotoView:
    companions = tuple(FoundFile(back.get(file.path, file.path), file.stat) for file in view.companions)
    return replace(view, path=back.get(view.path, view.path), companions=companions)


def _names_then(folder: Path, filed: list[Location]) -> frozenset[str]:
    gone = {location.target.name for location in filed if location.target.parent == folder}
    came = {location.source.name for location in filed if location.source.parent == folder}
    return names_in(folder) - gone | came
