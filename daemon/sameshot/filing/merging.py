"""Merging folders made earlier: what lies beneath a folder, by sameshot's doing or anybody's.

Comes in: the store and the journal. Goes out: the plan that leaves one folder for each shot. Copies that sameshot filed
are moved as themselves, their originals stay; links that it filed stay, for what they are is where they lead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from sameshot.apply.history import Location
from sameshot.apply.journal import Journal
from sameshot.errors import BadInput
from sameshot.filing.plans import catalogues_beside, names_in
from sameshot.model import FoundFile, PhotoView, Plan
from sameshot.plan.merging import merge_plan
from sameshot.store.store import Store
from sameshot.way.arrival import stat_of
from sameshot.way.library import everything


def plan_merged(store: Store, journal: Journal, library: Path) -> Plan:
    """Plans to bring together what several folders beneath `library` hold of one shot.

    Raises BadInput when no known photo is there.
    """
    groups, alone = everything(store)
    views = [view for group in groups for view in group.photos] + alone
    filed: dict[Path, list[Location]] = defaultdict(list)
    links = 0
    for location in journal.locations():
        if location.action != "move" and location.target.is_relative_to(library):
            links += location.action == "symlink"
            filed[location.source].append(location)
    here = [view for view in views if view.path.is_relative_to(library)]
    here += [copy for view in views for copy in _copies(view, filed)]
    if not here and not links:
        raise BadInput(f"No known photo is in {library}", "Scan it first: `sameshot scan DIR`")
    plan = merge_plan(
        here,
        {view.id: group.id for group in groups for view in group.photos},
        above=library,
        taken=cache(names_in),
        catalogues=catalogues_beside({view.path.parent for view in here}, store.roots.all()),
    )
    stay = f"{links} symbolic links stay where they are: file them anew with `sameshot apply --overwrite`."
    return replace(plan, warnings=(*plan.warnings, *((stay,) if links else ())))


def _copies(view: PhotoView, filed: dict[Path, list[Location]]) -> Iterator[PhotoView]:
    """The photo as it lies in each place to which sameshot copied it."""
    for location in filed.get(view.path, ()):
        stat = stat_of(location.target)
        if location.action == "symlink" or stat is None:
            continue
        beside = [
            FoundFile(other.target, there)
            for companion in view.companions
            for other in filed.get(companion.path, ())
            if other.target.parent == location.target.parent and (there := stat_of(other.target)) is not None
        ]
        yield replace(view, path=location.target, stat=stat, companions=tuple(beside))
