"""Writing and finding the rows of `files`, one for each location of a photo.

Every photo has exactly one primary as long as it has a row; the rules that keep it so are all here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sameshot.model import FileStat, FoundFile, Shot
from sameshot.store.connection import Connection
from sameshot.store.files import FILE_COLUMNS, STAT_COLUMNS, FileRole, FileRow, file_row, key, number, stat_values


class FileLocations:
    """The files of all photos."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def files_in(self, folder: Path) -> list[FileRow]:
        """Files known directly in `folder`, by name."""
        sql = f"SELECT {FILE_COLUMNS} FROM files WHERE folder = ? ORDER BY name"
        return [file_row(row) for row in self._connection.rows(sql, [os.fsencode(folder)])]

    def file_at(self, path: Path) -> FileRow | None:
        """The file known at `path`, in any role, present or missing."""
        row = self._connection.row(f"SELECT {FILE_COLUMNS} FROM files WHERE folder = ? AND name = ?", key(path))
        return None if row is None else file_row(row)

    def folders_under(self, root: Path) -> Iterator[Path]:
        """`root` and the folders below it that hold known files, in order of their bytes."""
        top = os.fsencode(root)
        if self._connection.row("SELECT 1 FROM files WHERE folder = ? LIMIT 1", [top]):
            yield root
        below = top.rstrip(b"/") + b"/"
        end = below[:-1] + b"0"  # the byte after the slash: everything in between starts with `below`
        sql = "SELECT folder FROM files WHERE folder > ? AND folder < ? ORDER BY folder LIMIT 1"
        last = below
        # One look-up a folder, where DISTINCT would read every file.
        while row := self._connection.row(sql, [last, end]):
            last = row[0]
            yield Path(os.fsdecode(last))

    def files_with_inode(self, device: int, inode: int) -> list[FileRow]:
        """Known files with this device and inode, by path."""
        sql = f"SELECT {FILE_COLUMNS} FROM files WHERE inode = ? AND device = ? ORDER BY folder, name"
        return [file_row(row) for row in self._connection.rows(sql, [number(inode), number(device)])]

    def replace_shot(self, photo_id: int, shot: Shot) -> None:
        """Make primary and companions of the photo exactly those of `shot`, all present; filed copies stay."""
        files = (shot.primary, *shot.companions)
        with self._connection.transaction():
            for file in files:
                self.release(file.path, taker=photo_id)
            self._connection.write("DELETE FROM files WHERE photo = ? AND role <> 'filed'", [photo_id])
            for file in files:
                self._insert(photo_id, file, "primary" if file is shot.primary else "companion")

    def put(self, photo_id: int, file: FoundFile, role: FileRole) -> None:
        """Make `file` a location of the photo, whatever was known at its path."""
        with self._connection.transaction():
            self.release(file.path, taker=photo_id)
            self._insert(photo_id, file, role)

    def move(self, old: Path, new: Path, stat: FileStat) -> tuple[int, FileRole]:
        """Give the file known at `old` its new path; its photo and role. Raises KeyError when none is known there."""
        with self._connection.transaction():
            row = self._connection.row("SELECT photo, role FROM files WHERE folder = ? AND name = ?", key(old))
            if row is None:
                raise KeyError(old)
            if new != old:
                self.release(new)
            sql = """UPDATE files SET folder = ?, name = ?, device = ?, inode = ?, size_bytes = ?, mtime_ns = ?,
                     ctime_ns = ?, missing_since_s = NULL WHERE folder = ? AND name = ?"""
            self._connection.write(sql, [*key(new), *stat_values(stat), *key(old)])
            return row[0], row[1]

    def release(self, path: Path, taker: int | None = None) -> None:
        """Forget the file at `path`, if one is known.

        A photo that loses its primary goes on at a filed copy of it, or ends. When another photo, `taker`, claims the
        file, it is the same photo seen anew: the filed copies go to it.
        """
        with self._connection.transaction():
            sql = "DELETE FROM files WHERE folder = ? AND name = ? RETURNING photo, role"
            removed = self._connection.write(sql, key(path))
            if not removed or removed[0][1] != "primary" or removed[0][0] == taker:
                return
            photo_id = removed[0][0]
            if taker is not None:
                sql = "UPDATE files SET photo = ? WHERE photo = ? AND role = 'filed'"
                self._connection.write(sql, [taker, photo_id])
            heir = self._connection.row(
                """SELECT folder, name FROM files WHERE photo = ? AND role = 'filed'
                   ORDER BY missing_since_s IS NOT NULL, folder, name LIMIT 1""",
                [photo_id],
            )
            if heir is None:
                self._connection.write("DELETE FROM photos WHERE id = ?", [photo_id])
            else:
                self._connection.write("UPDATE files SET role = 'primary' WHERE folder = ? AND name = ?", heir)

    def _insert(self, photo_id: int, file: FoundFile, role: FileRole) -> None:
        sql = f"INSERT INTO files (folder, name, {STAT_COLUMNS}, photo, role) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        self._connection.write(sql, [*key(file.path), *stat_values(file.stat), photo_id, role])
