"""The steps that bring one photo, with all its companions, to one folder.

Comes in: the photo, where it should be, where it was brought before. Goes out: its steps, none for a file that is
there. Companions keep the stem of their primary. Refuses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sameshot.model import Action, FoundFile, PhotoView, Step
from sameshot.plan.names import Names, unit_names
from sameshot.plan.rank_keys import unranked_name

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path


def unit_steps(
    unit: int,
    photo: PhotoView,
    companions: Sequence[FoundFile],
    target: Path,
    *,
    action: Action,
    why: str,
    names: Names,
    filed: Path | None,
    brought: Collection[Path] = (),
) -> list[Step]:
    """Steps of unit `unit` that bring `photo` to `target`, or to a name beside it where that one is taken.

    `filed`: where an earlier batch brought its primary; then only companions that came later are brought after it:
    those that are not among `brought`, the files that earlier batches took from where they are.
    """
    own_name = unranked_name(photo.path.name)
    present = [unranked_name(companion.path.name) for companion in companions]
    here = filed if filed is not None else photo.path if photo.path.with_name(own_name) == target else None
    if here is None:
        claimed = names.claim(target.parent, target.name, own_name, present)
        folder = target.parent
    else:
        claimed = unit_names(here.name, own_name, present, "")
        folder = here.parent
    steps = []
    if here is None:
        steps.append(Step(unit, action, photo.path, folder / claimed[0], photo.stat, photo.digest, why))
    for companion, name in zip(companions, claimed[1:], strict=True):
        late = here is not None
        is_there = companion.path.parent == folder or companion.path in brought or names.is_used(folder, name)
        if late and is_there:
            # It was brought along with its primary, or lies there already.
            continue
        if late:
            names.use(folder, name)
        steps.append(
            Step(unit, action, companion.path, folder / name, companion.stat, None, f"travels with {photo.path.name}")
        )
    return steps
