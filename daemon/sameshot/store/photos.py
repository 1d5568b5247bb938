"""Photos and the files they are made of.

A photo keeps its id through renames, moves and rewrites in place; its files are locations of it: one primary, its
companions, and the copies or links that sameshot filed. A file that is gone is marked missing and kept, because a
mount may come back; a row goes only when its path is known to hold something else, or the file was sameshot's own copy.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import get_args

from sameshot.model import FileStat, FoundFile, PhotoView, Shot, Stage
from sameshot.store.connection import Connection, as_json_list
from sameshot.store.file_locations import FileLocations
from sameshot.store.files import STAT_COLUMNS, FileRow, found_file, key, path_from, stat_values
from sameshot.store.views import photo_views

STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """One photo as it is known. `companions`: those present, by path. `missing_since_s`: of the primary."""

    id: int
    root: Path
    stage: Stage
    content_id: int | None
    reason: str | None
    attempts: int
    primary: FoundFile
    companions: tuple[FoundFile, ...]
    missing_since_s: float | None = None


NOT_READ = -2
"""In the place of a rating: the sidecar is known from a version that did not read it."""


class Photos:
    """Photos by id, path, folder, inode, stage and content."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._files = FileLocations(connection)

    # ------------------------------------------------------------ reading

    def get(self, ids: Iterable[int]) -> dict[int, PhotoRow]:
        """The photos of these ids that exist, present or missing."""
        sql = f"""SELECT folder, name, {STAT_COLUMNS}, role, missing_since_s,
                         photos.id, root, stage, content, reason, attempts
                  FROM photos JOIN files ON files.photo = photos.id
                  WHERE photos.id IN (SELECT value FROM json_each(?)) AND role <> 'filed'
                  ORDER BY photos.id, role = 'companion', folder, name"""
        photos = {}
        for photo_id, group in groupby(self._connection.rows(sql, [as_json_list(ids)]), key=lambda row: row[9]):
            primary, *companions = group  # the primary sorts first, and each photo has one
            root, stage, content_id, reason, attempts = primary[10:]
            photos[photo_id] = PhotoRow(
                id=photo_id,
                root=path_from(root, b""),
                stage=stage,
                content_id=content_id,
                reason=reason,
                attempts=attempts,
                primary=found_file(primary),
                companions=tuple(found_file(row) for row in companions if row[8] is None),
                missing_since_s=primary[8],
            )
        return photos

    def at(self, path: Path) -> PhotoRow | None:
        """The photo that has a file at `path`, in any role."""
        row = self._connection.row("SELECT photo FROM files WHERE folder = ? AND name = ?", key(path))
        return None if row is None else self.get([row[0]])[row[0]]

    def ids(self) -> list[int]:
        """All photos, missing ones too, in order of id."""
        return [row[0] for row in self._connection.rows("SELECT id FROM photos ORDER BY id")]

    def count(self) -> dict[Stage, int]:
        """How many present photos stand in each stage; every stage is named."""
        sql = """SELECT stage, count(*) FROM photos JOIN files ON photo = photos.id AND role = 'primary'
                 WHERE missing_since_s IS NULL GROUP BY stage"""
        return dict.fromkeys(STAGES, 0) | dict(self._connection.rows(sql))

    def present_in(self, root: Path) -> int:
        """How many photos are present in a root; what was filed elsewhere is not."""
        sql = """SELECT count(*) FROM files WHERE (folder = ?1 OR (folder > ?2 AND folder < ?3))
                 AND role = 'primary' AND missing_since_s IS NULL"""
        top = os.fsencode(root).rstrip(b"/")
        return int(self._connection.rows(sql, [top or b"/", top + b"/", top + b"0"])[0][0])

    def in_stages(self, stages: Iterable[Stage]) -> Iterator[int]:
        """Present photos that stand in one of `stages` now, in order of id; they may advance while this is walked."""
        wanted = list(stages)
        sql = f"""SELECT id FROM photos WHERE stage IN ({",".join("?" * len(wanted))}) AND NOT EXISTS (
                      SELECT 1 FROM files WHERE photo = photos.id AND role = 'primary' AND missing_since_s IS NOT NULL)
                  ORDER BY id"""
        return iter(array("q", (row[0] for row in self._connection.rows(sql, wanted))))

    def contents_in(self, stage: Stage) -> list[int]:
        """The contents of present photos that stand in this stage."""
        sql = """SELECT DISTINCT content FROM photos JOIN files ON photo = photos.id AND role = 'primary'
                 WHERE stage = ? AND content IS NOT NULL AND missing_since_s IS NULL"""
        return [row[0] for row in self._connection.rows(sql, [stage])]

    def failed(self) -> list[tuple[Path, str]]:
        """Present photos that could not be looked at, with the reason, by path."""
        sql = """SELECT folder, name, reason FROM photos JOIN files ON photo = photos.id AND role = 'primary'
                 WHERE stage = 'failed' AND missing_since_s IS NULL ORDER BY folder, name"""
        return [(path_from(folder, name), reason or "") for folder, name, reason in self._connection.rows(sql)]

    def interrupted(self) -> list[int]:
        """Photos whose look had begun when the last run ended without a word, in order of id."""
        return [
            row[0] for row in self._connection.rows("SELECT id FROM photos WHERE started_s IS NOT NULL ORDER BY id")
        ]

    def retries(self) -> list[tuple[float, int]]:
        """(when, photo) of every failed photo that is to be tried again, soonest first."""
        sql = "SELECT retry_at_s, id FROM photos WHERE retry_at_s IS NOT NULL ORDER BY retry_at_s, id"
        return [(row[0], row[1]) for row in self._connection.rows(sql)]

    def photos_of(self, content_ids: Iterable[int]) -> dict[int, list[int]]:
        """Content -> the photos that hold it, missing ones too."""
        sql = """SELECT content, id FROM photos WHERE content IN (SELECT value FROM json_each(?))
                 ORDER BY content, id"""
        rows = self._connection.rows(sql, [as_json_list(content_ids)])
        return {content: [row[1] for row in group] for content, group in groupby(rows, key=lambda row: row[0])}

    def ratings(self, content_ids: Iterable[int]) -> dict[int, int]:
        """Content -> the highest rating that a present sidecar of a present photo says; others are left out."""
        sql = """SELECT content, max(sidecar.rating) FROM photos
                 JOIN files AS sidecar ON sidecar.photo = photos.id AND sidecar.missing_since_s IS NULL
                 JOIN files AS own ON own.photo = photos.id AND own.role = 'primary' AND own.missing_since_s IS NULL
                 WHERE content IN (SELECT value FROM json_each(?)) AND sidecar.rating > ? GROUP BY content"""
        return dict(self._connection.rows(sql, [as_json_list(content_ids), NOT_READ]))

    def ratings_in(self, folder: Path) -> dict[Path, int]:
        """What the sidecars known directly in `folder` say, or NOT_READ; those that say nothing are left out."""
        sql = "SELECT folder, name, rating FROM files WHERE folder = ? AND rating IS NOT NULL"
        rows = self._connection.rows(sql, [os.fsencode(folder)])
        return {path_from(where, name): rating for where, name, rating in rows}

    def copies(self, content_ids: Iterable[int]) -> dict[int, int]:
        """Content -> how many present photos hold it; contents without any are left out.

        A photo that is being identified anew counts until it is known what it holds now: a group whose files were only
        touched keeps its id.
        """
        sql = """SELECT content, count(*) FROM photos JOIN files ON photo = photos.id AND role = 'primary'
                 WHERE content IN (SELECT value FROM json_each(?)) AND missing_since_s IS NULL AND stage != 'failed'
                 AND (stage NOT IN ('seen', 'settled') OR content IN (SELECT content FROM vectors))
                 GROUP BY content"""
        return dict(self._connection.rows(sql, [as_json_list(content_ids)]))

    def views(self, content_ids: Iterable[int]) -> dict[int, list[PhotoView]]:
        """Content -> its photos as people see them: present and looked at, by path.

        A photo that is being identified anew is left out: what it holds is not known.
        Their `quality` is a first guess from the content's own facts; ranking a group properly compares its members.
        """
        return photo_views(self._connection, content_ids)

    def files_in(self, folder: Path) -> list[FileRow]:
        """Files known directly in `folder`, missing and filed ones too, by name."""
        return self._files.files_in(folder)

    def file_at(self, path: Path) -> FileRow | None:
        """The file known at `path`, in any role, present or missing."""
        return self._files.file_at(path)

    def folders_under(self, root: Path) -> Iterator[Path]:
        """`root` and the folders below it that hold known files, in order of their bytes."""
        return self._files.folders_under(root)

    def files_with_inode(self, device: int, inode: int) -> list[FileRow]:
        """Known files with this device and inode, by path: a renamed file, or the hard links of one."""
        return self._files.files_with_inode(device, inode)

    # ------------------------------------------------------------ writing

    def register(self, root: Path, shot: Shot) -> int:
        """The id of a photo new in stage "seen", or of the one whose file `shot.primary` is known to be already.

        A known primary is brought up to `shot`; where sameshot filed the file itself nothing changes.
        """
        with self._connection.transaction():
            sql = "SELECT photo, role FROM files WHERE folder = ? AND name = ?"
            known = self._connection.row(sql, key(shot.primary.path))
            if known is not None and known[1] == "filed":
                return int(known[0])
            if known is not None and known[1] == "primary":
                self.set_shot(known[0], shot)
                return int(known[0])
            sql = "INSERT INTO photos (root, stage) VALUES (?, 'seen') RETURNING id"
            photo_id = int(self._connection.write(sql, [os.fsencode(root)])[0][0])
            self._files.replace_shot(photo_id, shot)
            return photo_id

    def set_shot(self, photo_id: int, shot: Shot) -> None:
        """Make the photo consist of what was found; files it takes from other photos leave those.

        Stage and content stay: where the primary's bytes may have changed, `advance` the photo to "seen" as well.
        """
        self._files.replace_shot(photo_id, shot)

    def set_rating(self, path: Path, rating: int | None) -> None:
        """A known sidecar says this of its photo, or nothing. Unknown paths are ignored."""
        self._connection.write("UPDATE files SET rating = ? WHERE folder = ? AND name = ?", [rating, *key(path)])

    def update_stat(self, path: Path, stat: FileStat) -> None:
        """A known file has other facts now. Unknown paths are ignored."""
        sql = """UPDATE files SET device = ?, inode = ?, size_bytes = ?, mtime_ns = ?, ctime_ns = ?
                 WHERE folder = ? AND name = ?"""
        self._connection.write(sql, [*stat_values(stat), *key(path)])

    def move_file(self, old: Path, new: Path, stat: FileStat) -> None:
        """A known file is at another path now; its photo changes roots when another remembered root holds `new`.

        What was known at `new` was overwritten by it. Raises KeyError when `old` is not known.
        """
        with self._connection.transaction():
            photo_id, role = self._files.move(old, new, stat)
            if role == "primary":
                root = self._root_holding(new)
                if root is not None:
                    self._connection.write("UPDATE photos SET root = ? WHERE id = ?", [root, photo_id])

    def add_filed(self, photo_id: int, path: Path, stat: FileStat) -> None:
        """A copy or link that sameshot made is another location of the photo."""
        self._files.put(photo_id, FoundFile(path, stat), "filed")

    def remove_file(self, path: Path) -> None:
        """Forget a file that is known to be gone for good, as a filed copy after its undo. Unknown paths are ignored.

        Where it was a primary, a filed copy takes its place; a photo without any location left is forgotten.
        """
        self._files.release(path)

    def set_missing(self, paths: Iterable[Path], now_s: float) -> None:
        """These files were not found. A photo whose primary is missing is left out of views, and kept."""
        self._connection.write_many(
            "UPDATE files SET missing_since_s = coalesce(missing_since_s, ?) WHERE folder = ? AND name = ?",
            [(now_s, *key(path)) for path in paths],
        )

    def set_present(self, paths: Iterable[Path]) -> None:
        """These files are there (again)."""
        self._connection.write_many(
            "UPDATE files SET missing_since_s = NULL WHERE folder = ? AND name = ?", [key(path) for path in paths]
        )

    def advance(self, photo_id: int, stage: Stage, content_id: int | None = None) -> None:
        """The photo reached `stage`; `content_id`, where given, is what it holds. A failure is forgiven.

        Attempts are counted on while it stays "settled": that is before the look.
        """
        sql = """UPDATE photos SET stage = ?1, content = coalesce(?2, content), reason = NULL, started_s = NULL,
                 retry_at_s = NULL, attempts = CASE ?1 WHEN 'settled' THEN attempts ELSE 0 END WHERE id = ?3"""
        self._connection.write(sql, [stage, content_id, photo_id])

    def begin(self, photo_id: int, now_s: float) -> None:
        """A look at the photo begins: should the whole service die of it, the next start knows."""
        self._connection.write("UPDATE photos SET started_s = ? WHERE id = ?", [now_s, photo_id])

    def set_down(self) -> None:
        """This run ends in order: no photo whose look had begun is to blame."""
        self._connection.write("UPDATE photos SET started_s = NULL WHERE started_s IS NOT NULL")

    def forgive(self, reason: str) -> None:
        """The photos that failed for this reason and wait for another try are as if they were new."""
        sql = """UPDATE photos SET stage = 'seen', attempts = 0, retry_at_s = NULL, reason = NULL
                 WHERE stage = 'failed' AND reason = ? AND retry_at_s IS NOT NULL"""
        self._connection.write(sql, [reason])

    def forgive_all(self) -> None:
        """All photos that failed are as if they were new."""
        sql = "UPDATE photos SET stage = 'seen', attempts = 0, retry_at_s = NULL, reason = NULL WHERE stage = 'failed'"
        self._connection.write(sql)

    def advance_all(self, old: Stage, new: Stage, content_ids: Iterable[int]) -> None:
        """The photos of these contents that stand in stage `old` reached `new`."""
        sql = "UPDATE photos SET stage = ? WHERE content IN (SELECT value FROM json_each(?)) AND +stage = ?"
        self._connection.write(sql, [new, as_json_list(content_ids), old])

    def fail(self, photo_id: int, reason: str, retry_at_s: float | None = None) -> None:
        """The photo could not be looked at. It stays so until `retry_at_s`, or (None) until its file changes."""
        sql = """UPDATE photos SET stage = 'failed', reason = ?, attempts = attempts + 1, started_s = NULL,
                 retry_at_s = ? WHERE id = ?"""
        self._connection.write(sql, [_text(reason), retry_at_s, photo_id])

    def _root_holding(self, path: Path) -> bytes | None:
        for folder in path.parents:  # from the nearest up: of two roots the inner one has it
            if self._connection.row("SELECT 1 FROM roots WHERE path = ?", [os.fsencode(folder)]):
                return os.fsencode(folder)
        return None


def _text(reason: str) -> str:
    """A reason may quote a file name whose bytes are no text."""
    return reason.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
