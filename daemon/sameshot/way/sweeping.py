"""A root against the store, folder by folder.

Comes in: a root or a folder in it. Goes out: what each folder brought. An absent, replaced or suddenly empty root is
refused as a whole, so that it never reads as 'all photos were deleted'; a folder that cannot be read keeps its photos.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from sameshot.errors import FolderGone, FolderUnreadable, RootUnavailable
from sameshot.store.files import FileRow
from sameshot.store.store import Store
from sameshot.watch.companions import pair_shots
from sameshot.watch.ignore import IgnoreRules
from sameshot.watch.roots import RootFacts, check_root, compare_root
from sameshot.watch.sweep import FolderListing, list_folder, walk
from sameshot.way import vanishing
from sameshot.way.arrival import Arrivals, mark_missing, really_gone, reconcile_folder, stat_of


def sweep(
    store: Store,
    root: Path,
    rules: IgnoreRules,
    now: Callable[[], float],
    below: Path | None = None,
    recursive: bool = True,
    keeps_out: Callable[[Path, str], str] = lambda *_: "",
) -> Iterator[Arrivals]:
    """Yields what each folder from `below` (else `root`) down brought, one at a time, so that others may work between.

    Not `recursive`: the top folder alone. `keeps_out`: as `walk` has it.

    Raises RootUnavailable when what the root shows cannot be believed; nothing was changed then.
    """
    believe_root(store, root)
    top = below or root
    visited: set[Path] = set()
    gone: list[FileRow] = []
    unreadable: list[Path] = []
    for folder, listing in walk(top, rules, keeps_out):
        if folder != top and not recursive:
            break
        if isinstance(listing, str):
            unreadable.append(folder)
            yield Arrivals(problems=[listing])
            continue
        visited.add(folder)
        arrivals = _reconcile(store, root, folder, listing)
        gone += arrivals.gone
        yield arrivals
    for folder in list(store.photos.folders_under(top)) if recursive else []:
        if folder not in visited and not any(folder.is_relative_to(closed) for closed in unreadable):
            gone += _known_in(store, folder)
    # Only now: what is gone here was perhaps moved there, and whether it can be believed shows in the number.
    yield _let_go(store, root, gone, now(), Arrivals())
    if top == root:
        vanishing.swept(store, root)


def sweep_folder(
    store: Store, root: Path, folder: Path, rules: IgnoreRules, now_s: float, *, believed: bool = False
) -> Arrivals:
    """Brings one folder in line. Raises RootUnavailable as `sweep` does.

    `believed`: the root was checked a moment ago. It is checked again before anything is taken to be gone.
    """
    if not believed:
        believe_root(store, root)
    subfolders: set[str] = set()
    try:
        listing = list_folder(folder, rules)
        subfolders = {below.name for below in listing.subfolders}
        arrivals = _reconcile(store, root, folder, listing)
    except FolderGone:
        arrivals = Arrivals(came_or_went=folder, gone=_known_in(store, folder))
    except FolderUnreadable as problem:
        return Arrivals(problems=[str(problem)])
    gone = really_gone(store, arrivals.gone + _known_in_lost_folders(store, folder, subfolders))
    if not gone:
        return arrivals
    if believed:
        believe_root(store, root)
    if vanishing.too_many(store, root, gone):  # or they only moved to where nobody has looked yet
        arrivals.in_doubt = True
        return arrivals
    with store.transaction():
        mark_missing(store, gone, now_s, arrivals)
    return arrivals


def believe_root(store: Store, root: Path) -> None:
    """Checks that the root is the one that is known, and remembers how it looks now.

    Raises RootUnavailable with the reason when it is not.
    """
    facts = check_root(root)
    remembered = store.roots.get(root)
    known = RootFacts(**(remembered | {"landmarks": tuple(remembered["landmarks"])})) if remembered else None
    state = compare_root(facts, known)
    if not state.is_online:
        raise RootUnavailable(state.sentence, f"Mount it again, or, if this is right: `sameshot scan --believe {root}`")
    vanishing.check_not_paused(store, root)
    if facts != known:
        store.roots.remember(root, asdict(facts))


def remember_root(store: Store, root: Path) -> None:
    """Remembers how the root looks after sameshot itself changed it: an inbox it emptied is no lost disk."""
    with contextlib.suppress(RootUnavailable):
        store.roots.remember(root, asdict(check_root(root)))


def take_as_it_is(store: Store, root: Path) -> None:
    """The owner says that what the root shows now is right. Raises RootUnavailable when nothing can be read there."""
    store.roots.remember(root, asdict(check_root(root)))
    vanishing.believe(store, root)


def _reconcile(store: Store, root: Path, folder: Path, listing: FolderListing) -> Arrivals:
    shots, ambiguities = pair_shots(listing.files)
    arrivals = reconcile_folder(store, root, folder, shots, listing.files)
    paired = {file.path for shot in shots for file in (shot.primary, *shot.companions)}
    arrivals.strays = [file.path for file in listing.files if file.path not in paired]
    arrivals.problems += [*listing.problems, *ambiguities]
    return arrivals


def _known_in(store: Store, folder: Path) -> list[FileRow]:
    return [row for row in store.photos.files_in(folder) if row.missing_since_s is None]


def _known_in_lost_folders(store: Store, folder: Path, subfolders: Iterable[str]) -> list[FileRow]:
    """What is known below the folders that are no longer in `folder`: all that tells of one moved away.

    `subfolders` were just listed there.
    """
    exists = dict.fromkeys(subfolders, True)
    lost: list[FileRow] = []
    for below in store.photos.folders_under(folder):
        if below == folder:
            continue
        child = below.relative_to(folder).parts[0]
        if child not in exists:
            exists[child] = stat_of(folder / child) is not None
        if not exists[child]:
            lost += _known_in(store, below)
    return lost


def _let_go(store: Store, root: Path, rows: Sequence[FileRow], now_s: float, arrivals: Arrivals) -> Arrivals:
    gone = really_gone(store, rows)
    vanishing.brake(store, root, gone)
    with store.transaction():
        mark_missing(store, gone, now_s, arrivals)
    return arrivals
