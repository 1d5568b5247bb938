"""What is on disk against what is known: the scan is the truth.

Comes in: the shots of one folder as it was just listed. Goes out: the photos that must settle (again) and the contents
whose photos came, went or changed. A file that moved is recognised by device and inode with the size and time it had,
so it is never looked at again; a file that changed in place keeps its photo's id.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sameshot.model import FileStat, FoundFile, Shot
from sameshot.store.files import FileRole, FileRow
from sameshot.store.store import Store
from sameshot.way.sidecars import learn_ratings, ratings_of


@dataclass(slots=True)
class Arrivals:
    """What one folder brought. `problems`: sentences about what could not be read or decided.

    `came_or_went`: the folder, when files it holds are new there or gone, which its watch should have announced.
    """

    unsettled: set[int] = field(default_factory=set)
    contents: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    came_or_went: Path | None = None
    gone: list[FileRow] = field(default_factory=list)
    """Known files that were not seen; `mark_missing` is for the caller to call, when they are believed to be gone."""
    in_doubt: bool = False
    """Whether so much seems gone that only a sweep of the whole root can tell."""
    strays: list[Path] = field(default_factory=list)
    """Companions without a photo beside them: the photo may have been moved on before they came."""


def reconcile_folder(
    store: Store,
    root: Path,
    folder: Path,
    shots: Sequence[Shot],
    listed: Iterable[FoundFile],
    *,
    takes_in: bool = True,
) -> Arrivals:
    """Brings the store in line with one folder.

    `shots` are the photos in it, `listed` all files that were seen. Files that sameshot filed there are left alone:
    they are places of photos it knows. Without `takes_in` so are photos that it does not know.
    """
    arrivals = Arrivals()
    known = {row.path: row for row in store.photos.files_in(folder)}
    said = store.photos.ratings_in(folder)
    ratings = ratings_of(shots, known, said)  # before the transaction: a slow disk would keep others from writing
    with store.transaction():
        for shot in shots:
            _reconcile_shot(store, root, shot, known, ratings, arrivals, takes_in=takes_in)
        differing = {path for path in said.keys() | ratings.keys() if said.get(path) != ratings.get(path)}
        learn_ratings(store, {path: ratings.get(path) for path in differing})
        _touch(store, {row.photo_id for path, row in known.items() if path in differing}, arrivals)
        seen = {found.path for found in listed}
        gone = [row for path, row in known.items() if path not in seen and row.missing_since_s is None]
        arrivals.gone = gone
        if gone or not seen <= known.keys():
            arrivals.came_or_went = folder
    return arrivals


def mark_missing(store: Store, rows: Iterable[FileRow], now_s: float, arrivals: Arrivals) -> None:
    """Marks files as gone: those of `really_gone`."""
    gone = list(rows)
    store.photos.set_missing([row.path for row in gone], now_s)
    _touch(store, {row.photo_id for row in gone}, arrivals)


def really_gone(store: Store, rows: Iterable[FileRow]) -> list[FileRow]:
    """Returns those that no longer exist, here or elsewhere; one that a listing passed over but that is there stays."""
    return [row for row in rows if stat_of(row.path) is None and _still_at(store, row)]


def stat_of(file: Path | int) -> FileStat | None:
    """Returns the facts of a path (itself, if it is a symbolic link) or an open descriptor; None when it is gone."""
    try:
        status = os.fstat(file) if isinstance(file, int) else os.lstat(file)
    except OSError:
        return None
    return FileStat(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _reconcile_shot(
    store: Store,
    root: Path,
    shot: Shot,
    known: Mapping[Path, FileRow],
    ratings: Mapping[Path, int | None],
    arrivals: Arrivals,
    *,
    takes_in: bool,
) -> None:
    files = (shot.primary, *shot.companions)
    rows = {found.path: known.get(found.path) or _moved_here(store, found) for found in files}
    primary = rows[shot.primary.path]
    if primary is not None and primary.role == "filed":  # a copy that sameshot made, perhaps renamed by the owner
        if primary.path != shot.primary.path:
            store.photos.move_file(primary.path, shot.primary.path, shot.primary.stat)
        return
    owner = primary or next((row for row in rows.values() if row is not None and row.role != "filed"), None)
    if owner is None:
        if takes_in:
            arrivals.unsettled.add(store.photos.register(root, shot))
        return
    if all(_is_as_known(found, rows[found.path], owner.photo_id, found is shot.primary) for found in files):
        return
    for found in files:
        row = rows[found.path]
        if row is not None and row.path != found.path:
            store.photos.move_file(row.path, found.path, found.stat)
    _touch(store, {row.photo_id for row in rows.values() if row is not None}, arrivals)
    store.photos.set_shot(owner.photo_id, shot)
    learn_ratings(store, {file.path: ratings[file.path] for file in shot.companions if file.path in ratings})
    if primary is None or primary.role != "primary" or not _has_same_bytes(primary, shot.primary):
        # Its content stays as known until the new bytes are identified: mostly only metadata or the mode changed.
        store.photos.advance(owner.photo_id, "seen")
        arrivals.unsettled.add(owner.photo_id)
    elif store.photos.get([owner.photo_id])[owner.photo_id].stage == "seen":
        # It was not where it was known when it was to settle, and nobody waits for it any more.
        arrivals.unsettled.add(owner.photo_id)


def _is_as_known(found: FoundFile, row: FileRow | None, photo_id: int, is_primary: bool) -> bool:
    role: FileRole = "primary" if is_primary else "companion"
    return row == FileRow(found.path, found.stat, photo_id, role, None)


def _moved_here(store: Store, found: FoundFile) -> FileRow | None:
    """The known file that now lives at `found`: same inode, size and time, and no longer where it was."""
    for row in store.photos.files_with_inode(found.stat.device, found.stat.inode):
        if _has_same_bytes(row, found) and stat_of(row.path) is None:
            return row
    return None


def _has_same_bytes(row: FileRow, found: FoundFile) -> bool:
    """Whether the file was left alone. A rename changes ctime, so in another place ctime may differ.

    In its own place its device may have another number: disks get new ones when the machine starts.
    """
    if row.path == found.path:
        return replace(row.stat, device=found.stat.device) == found.stat
    return replace(row.stat, ctime_ns=found.stat.ctime_ns) == found.stat


def _still_at(store: Store, row: FileRow) -> bool:
    """Whether the row still stands: a photo found at its new place a moment ago is no longer known at the old one."""
    photo = store.photos.at(row.path)
    return photo is not None and photo.id == row.photo_id


def _touch(store: Store, photo_ids: set[int], arrivals: Arrivals) -> None:
    photos = store.photos.get(photo_ids).values()
    contents = {photo.content_id for photo in photos if photo.content_id is not None}
    store.groups.touch(contents)  # with what touched them, so that no kill comes between
    arrivals.contents.update(contents)
