"""The one connection to the state file: transactions, durability, and errors a person understands.

Comes in: the path of a SQLite file. Goes out: rows. Every statement runs under one lock, so threads of the service may
share it; only one process writes. Refuses, as `StateUnavailable`, what is locked, full, damaged or not a database.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from sameshot.errors import StateUnavailable

Row = tuple[Any, ...]
BUSY_TIMEOUT_S = 5.0
_CACHE_KIB = 8192
"""Pages kept in memory that no other program can push out: small rows are read again without the disk."""


class Connection:
    """SQLite with explicit transactions.

    Raises StateUnavailable when the file cannot be opened.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._lock = threading.RLock()
        self._depth = 0
        self._flush_after = False
        self._durable: bool | None = None
        try:
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._sqlite = sqlite3.connect(
                _address(path, "ro" if read_only else "rw"),
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            self._refuse(error)
        except OSError as error:
            message = f"The state {path} cannot be opened: {error.strerror}"
            raise StateUnavailable(message, "Check the folder and its permissions.") from error
        try:
            self._run("PRAGMA foreign_keys=ON")
            self._run(f"PRAGMA cache_size=-{_CACHE_KIB}")
        except BaseException:
            self._sqlite.close()
            raise

    def log_ahead(self) -> None:
        """Switch the file to write-ahead logging, where readers and the writer do not wait for each other.

        That writes into the file, so it comes after the check that the file is ours.
        """
        self._run("PRAGMA journal_mode=WAL")

    def close(self) -> None:
        """Close the file; nothing of an unfinished transaction stays."""
        with self._lock:
            self._sqlite.close()

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """All rows a query yields."""
        with self._lock:
            return self._run(sql, parameters)

    def row(self, sql: str, parameters: Sequence[object] = ()) -> Row | None:
        """The first row a query yields."""
        return next(iter(self.rows(sql, parameters)), None)

    def write(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run one statement in a transaction; the rows of its RETURNING clause."""
        with self._lock:
            if self._depth:
                return self._run(sql, parameters)  # one statement happens whole or not at all by itself
            with self._outermost(durable=False):
                return self._run(sql, parameters)

    def write_many(self, sql: str, parameters: Iterable[Sequence[object]]) -> None:
        """Run one statement for each set of parameters, all in one transaction."""
        with self.transaction():
            self._still_open()
            try:
                self._sqlite.executemany(sql, parameters)
            except sqlite3.Error as error:
                self._refuse(error)

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """All writes inside happen or none does; an inner transaction joins the outer one, or undoes its own part.

        Survives the death of the process always, and a power cut when `durable` (one fsync, some milliseconds).
        """
        with self._lock:
            if self._depth:
                with self._joined():
                    yield
                self._flush_after |= durable
                return
            with self._outermost(durable=durable):
                yield
            if self._flush_after and not durable:
                # SQLite fixes the safety level when a transaction begins. The next commit at the higher level syncs
                # the whole log, this transaction included.
                with self._outermost(durable=True):
                    self._run("INSERT OR REPLACE INTO meta (key, value) VALUES ('last_sync', random())")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Several queries that see one state, whatever another process writes in between."""
        with self._lock:
            if self._sqlite.in_transaction:
                yield
                return
            self._run("BEGIN")
            try:
                yield
            finally:
                if self._sqlite.in_transaction:
                    self._run("COMMIT")

    def script(self, sql: str) -> None:
        """Run several statements; a transaction around them must be open."""
        statement = ""
        for line in sql.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                self._run(statement)
                statement = ""

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy into the empty file `target`; the state can be read and written meanwhile."""
        try:
            source = sqlite3.connect(_address(self.path, "ro"), uri=True, timeout=BUSY_TIMEOUT_S)
            copy = sqlite3.connect(_address(target, "rw"), uri=True)
            with closing(source), closing(copy):
                source.backup(copy)
        except sqlite3.Error as error:
            self._refuse(error)

    def take_rows(self, source: Path, of: Mapping[str, str]) -> None:
        """Take from another state file, in one moment of it, the rows of each table that meet its condition."""
        with self._lock:
            self._run("ATTACH ? AS source", [_address(source, "ro")])
            self._run("PRAGMA foreign_keys=OFF")  # what the rows left out were referred to by is left out too
            try:
                with self.transaction():
                    for table, condition in of.items():
                        self._run(f"INSERT OR REPLACE INTO main.{table} SELECT * FROM source.{table} WHERE {condition}")
            finally:
                self._run("PRAGMA foreign_keys=ON")
                self._run("DETACH source")

    @contextmanager
    def _outermost(self, *, durable: bool) -> Iterator[None]:
        if self._durable is not durable:
            self._run(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        self._run("BEGIN IMMEDIATE")
        self._depth = 1
        self._flush_after = False
        try:
            yield
            self._run("COMMIT")
        finally:
            self._depth = 0
            if self._sqlite.in_transaction:
                self._sqlite.execute("ROLLBACK")

    @contextmanager
    def _joined(self) -> Iterator[None]:
        name = f"level_{self._depth}"
        self._run(f"SAVEPOINT {name}")
        self._depth += 1
        try:
            yield
        except BaseException:
            # SQLite itself rolls everything back on some errors (a full disk); then there is no savepoint left.
            if self._sqlite.in_transaction:
                self._sqlite.execute(f"ROLLBACK TO {name}")
                self._sqlite.execute(f"RELEASE {name}")
            raise
        else:
            self._run(f"RELEASE {name}")
        finally:
            self._depth -= 1

    def _still_open(self) -> None:
        """Refuse to write on outside a transaction that SQLite has rolled back below us."""
        if self._depth and not self._sqlite.in_transaction:
            raise StateUnavailable(f"A change to the state {self.path} was rolled back", "Nothing of it was kept.")

    def _run(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        self._still_open()
        try:
            return self._sqlite.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            self._refuse(error)

    def _refuse(self, error: sqlite3.Error) -> NoReturn:
        """Say what SQLite's error means to a person; a mistake of ours passes as it is."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            message, hint = f"The disk that holds the state {self.path} is full", "Free some space; nothing was lost."
        elif code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            message, hint = f"The state {self.path} is in use by another process", "Stop that one, or try again."
        elif code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            message = f"The state {self.path} is damaged or not a database"
            hint = "Put it aside and copy the newest file of the folder 'backups' beside it in its place."
        elif code == sqlite3.SQLITE_READONLY:
            message, hint = f"The state {self.path} was opened for reading only", "Check its permissions."
        elif code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM):
            message, hint = f"The state {self.path} cannot be read or written ({error})", "Check its disk and folder."
        else:
            raise error
        raise StateUnavailable(message, hint) from error


def as_json_list(ids: Iterable[int]) -> str:
    """Ids for `IN (SELECT value FROM json_each(?))`: one parameter however many there are, one cached statement."""
    return "[" + ",".join(map(str, ids)) + "]"


def _address(path: Path, mode: str) -> str:
    """What SQLite opens; quoted from bytes, because a state folder may have any name too."""
    return f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}"
