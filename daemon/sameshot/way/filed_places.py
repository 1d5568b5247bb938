"""Folders outside every root in which sameshot filed photos: their owner edits, renames and deletes there too.

Comes in: such a folder. Goes out: what each folder in it brought. Nothing is taken in that was not known: what else
lies there was never sameshot's to look at. Gone is what is missing while the disk that held it is there: its folder, or
what is left above, is on a device of the same number, or other files of that number are found. Nothing else is asked,
as it is of roots: a photo that is taken to be gone keeps all that is known of it, and is known again when it is back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from sameshot.errors import FolderGone, FolderUnreadable, RootUnavailable
from sameshot.store.files import FileRow
from sameshot.store.store import Store
from sameshot.watch.companions import pair_shots
from sameshot.watch.ignore import IgnoreRules
from sameshot.watch.sweep import FolderListing, list_folder, walk
from sameshot.way.arrival import Arrivals, mark_missing, really_gone, reconcile_folder


def outermost(places: Iterable[Path], roots: Collection[Path]) -> tuple[Path, ...]:
    """Returns the places that lie neither in a root nor in another of them."""
    outside = {place for place in places if not any(place.is_relative_to(root) for root in roots)}
    return tuple(sorted(place for place in outside if outside.isdisjoint(place.parents)))


def sweep_filed(
    store: Store, place: Path, roots: Collection[Path], rules: IgnoreRules, now: Callable[[], float]
) -> Iterator[Arrivals]:
    """Yields what each folder from `place` down brought, one at a time; folders in one of `roots` are passed over."""
    visited: set[Path] = set()
    unreadable: list[Path] = []
    gone: list[FileRow] = []
    devices: set[int] = set()  # by the numbers they had when files were last seen on them, which are there now
    for folder, listing in _folders(store, place, rules, visited):
        visited.add(folder)
        if any(folder.is_relative_to(root) for root in roots):
            continue
        if isinstance(listing, str):
            unreadable.append(folder)
            yield Arrivals(problems=[listing])
            continue
        known = [row for row in store.photos.files_in(folder) if row.missing_since_s is None]
        arrivals = Arrivals(gone=known)
        if listing is not None:
            shots, _ = pair_shots(listing.files)
            arrivals = reconcile_folder(store, place, folder, shots, listing.files, takes_in=False)
            missing = {row.path for row in arrivals.gone}
            devices |= {row.stat.device for row in known if row.path not in missing}
        if not any(folder.is_relative_to(closed) for closed in unreadable):
            gone += arrivals.gone
        yield arrivals
    # Only now: what is gone here was perhaps moved there.
    lost = [row for row in gone if row.stat.device in devices or _is_on_its_disk(row)]
    arrivals = Arrivals()
    with store.transaction():
        mark_missing(store, really_gone(store, lost), now(), arrivals)
    yield arrivals


def _folders(
    store: Store, place: Path, rules: IgnoreRules, visited: Collection[Path]
) -> Iterator[tuple[Path, FolderListing | str | None]]:
    """Every folder there is with its listing, then those that are known and were not met: None where one is gone."""
    with contextlib.suppress(RootUnavailable):
        yield from walk(place, rules)
    for folder in list(store.photos.folders_under(place)):
        if folder not in visited:
            try:
                yield folder, list_folder(folder, rules)
            except FolderGone:
                yield folder, None
            except FolderUnreadable as problem:
                yield folder, str(problem)


def _is_on_its_disk(row: FileRow) -> bool:
    there = next(above for above in row.path.parents if above.is_dir())
    return there.stat().st_dev == row.stat.device
