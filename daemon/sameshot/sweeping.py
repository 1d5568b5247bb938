"""A root against the store, folder by folder.

Comes in: a root or a folder in it. Goes out: what each folder brought. An absent, replaced or suddenly empty root is
refused as a whole, so that it never reads as 'all photos were deleted'; a folder that cannot be read keeps its photos.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from sameshot.arrival import Arrivals, mark_missing, reconcile_folder
from sameshot.errors import FolderGone, FolderUnreadable, RootUnavailable
from sameshot.store.store import Store
from sameshot.watch.companions import pair_shots
from sameshot.watch.ignore import IgnoreRules
from sameshot.watch.roots import RootFacts, check_root, compare_root
from sameshot.watch.sweep import FolderListing, list_folder, walk


def sweep(
    store: Store,
    root: Path,
    rules: IgnoreRules,
    now: Callable[[], float],
    below: Path | None = None,
    recursive: bool = True,
) -> Iterator[Arrivals]:
    """Yields what each folder from `below` (else `root`) down brought, one at a time, so that others may work between.

    Not `recursive`: the top folder alone.

    Raises RootUnavailable when what the root shows cannot be believed; nothing was changed then.
    """
    believe_root(store, root)
    top = below or root
    visited: set[Path] = set()
    unreadable: list[Path] = []
    for folder, listing in walk(top, rules):
        if folder != top and not recursive:
            break
        if isinstance(listing, str):
            unreadable.append(folder)
            yield Arrivals(problems=[listing])
            continue
        visited.add(folder)
        yield _reconcile(store, root, folder, listing, now())
    for folder in list(store.photos.folders_under(top)) if recursive else []:
        if folder not in visited and not any(folder.is_relative_to(closed) for closed in unreadable):
            yield _reconcile_gone(store, folder, now())


def sweep_folder(store: Store, root: Path, folder: Path, rules: IgnoreRules, now_s: float) -> Arrivals:
    """Brings one folder in line. Raises RootUnavailable as `sweep` does."""
    believe_root(store, root)
    try:
        return _reconcile(store, root, folder, list_folder(folder, rules), now_s)
    except FolderGone:
        return _reconcile_gone(store, folder, now_s)
    except FolderUnreadable as problem:
        return Arrivals(problems=[str(problem)])


def believe_root(store: Store, root: Path) -> None:
    """Checks that the root is the one that is known, and remembers how it looks now.

    Raises RootUnavailable with the reason when it is not.
    """
    facts = check_root(root)
    remembered = store.roots.get(root)
    known = RootFacts(**(remembered | {"landmarks": tuple(remembered["landmarks"])})) if remembered else None
    state = compare_root(facts, known)
    if not state.is_online:
        raise RootUnavailable(
            state.sentence, "Mount it again; if the photos are really gone, remove the root from the config"
        )
    if facts != known:
        store.roots.remember(root, asdict(facts))


def remember_root(store: Store, root: Path) -> None:
    """Remembers how the root looks after sameshot itself changed it: an inbox it emptied is no lost disk."""
    with contextlib.suppress(RootUnavailable):
        store.roots.remember(root, asdict(check_root(root)))


def _reconcile(store: Store, root: Path, folder: Path, listing: FolderListing, now_s: float) -> Arrivals:
    shots, ambiguities = pair_shots(listing.files)
    arrivals = reconcile_folder(store, root, folder, shots, listing.files, now_s)
    arrivals.problems += [*listing.problems, *ambiguities]
    return arrivals


def _reconcile_gone(store: Store, folder: Path, now_s: float) -> Arrivals:
    arrivals = Arrivals()
    with store.transaction():
        rows = [row for row in store.photos.files_in(folder) if row.missing_since_s is None]
        mark_missing(store, rows, now_s, arrivals)
    return arrivals
