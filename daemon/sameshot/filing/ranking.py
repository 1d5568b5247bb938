"""Plans of rank prefixes for known photos, by sameshot's own vectors or by a table of another program.

Comes in: the store, the journal, folders, perhaps a table of features. Goes out: a plan of renames, with companions
that came late brought along. Refuses folders without known photos, and tables without any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sameshot.apply.journal import Journal
from sameshot.errors import BadInput
from sameshot.filing.features_file import FeatureTable, read_features
from sameshot.filing.following import plan_late, with_all_companions
from sameshot.filing.plans import catalogues_beside, names_in
from sameshot.model import PhotoView, Plan
from sameshot.plan.rank import original_path, rank_plan, remove_rank_plan, wanted_order
from sameshot.plan.rank_insert import insert_order
from sameshot.plan.rank_order import Method, rank_order
from sameshot.store.store import Store
from sameshot.way.library import everything


def plan_rank(
    store: Store,
    journal: Journal,
    encoder_id: str,
    folders: Sequence[Path],
    *,
    remove: bool,
    table: Path | None = None,
    method: Method = "fast",
) -> Plan:
    """Plans rank prefixes for all photos below `folders`, or with `remove` to take them off.

    `table`: a CSV of features. Its ranks are the order, else its vectors make it; photos that it does not name are put
    where they are most like their neighbours, or left where it has no ranks.

    Raises BadInput when no known photo is there or the table cannot be used.
    """
    groups, alone = everything(store, folders)
    views = [view for group in groups for view in group.photos] + alone
    features = store.contents.features({view.content for view in views}, encoder_id, ())
    known = with_all_companions(
        view
        for view in views
        if view.content in features and any(view.path.is_relative_to(folder) for folder in folders)
    )
    if not known:
        raise BadInput("No known photo is in these folders", "Scan them first: `sameshot scan DIR`")
    within = {view.path.parent for view in known}
    catalogues = catalogues_beside(within, store.roots.all())
    if remove:
        plan = remove_rank_plan(known, taken=cache(names_in), catalogues=catalogues)
        return plan_late(store, journal, plan, within)
    group_of = {view.id: group.id for group in groups for view in group.photos}
    vectors = np.stack([features[view.content].vector for view in known])
    warnings: tuple[str, ...] = ()
    if table is None:
        order = wanted_order(known, vectors, groups=group_of, method=method)
    else:
        order, warnings = _order_of_table(read_features(table), table, known, vectors, group_of, method)
    plan = rank_plan(order, taken=cache(names_in), catalogues=catalogues)
    return plan_late(store, journal, Plan(plan.kind, plan.steps, (*warnings, *plan.warnings)), within)


def _order_of_table(
    table: FeatureTable,
    file: Path,
    known: Sequence[PhotoView],
    vectors: NDArray[np.float32],
    group_of: dict[int, str],
    method: Method,
) -> tuple[list[PhotoView], tuple[str, ...]]:
    keys = [view.digest + str(original_path(view)).encode("utf-8", "surrogateescape") for view in known]
    shots = [group_of.get(view.id) for view in known]

    places = [(view.path, original_path(view)) for view in known]
    ranks = {index: table.ranks[path] for index, paths in enumerate(places) for path in paths if path in table.ranks}
    if ranks:
        ranked = np.array(sorted(ranks, key=lambda index: (ranks[index], keys[index])), np.int64)
        order = insert_order(vectors, ranked, keys=keys, groups=shots)
        return [known[index] for index in order], ()
    rows = {index: table.vectors[path] for index, paths in enumerate(places) for path in paths if path in table.vectors}
    if not rows:
        raise BadInput(f"{file} names no photo of these folders", "Its paths are absolute, or from where it lies")
    named = list(rows)
    order = rank_order(
        np.stack(list(rows.values())),
        keys=[keys[index] for index in named],
        groups=[shots[index] for index in named],
        method=method,
    )
    left = len(known) - len(named)
    warning = f"{left} photos stay as they are: {file} does not name them."
    return [known[named[index]] for index in order], ((warning,) if left else ())
