"""The state of sameshot, composed of one small class for each family of tables.

Comes in: the path of the state file. Goes out: values of `model` and rows named after them. Refuses what it cannot
trust, with a sentence and exit code 3: a newer version, another program's file, a damaged one.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from sameshot.errors import StateUnavailable
from sameshot.store.clusters import Clusters
from sameshot.store.connection import Connection
from sameshot.store.contents import Contents
from sameshot.store.groups import Groups
from sameshot.store.inspections import Inspections
from sameshot.store.links import Links
from sameshot.store.meta import Meta
from sameshot.store.migrate import back_up, migrate
from sameshot.store.moments import Moments
from sameshot.store.not_compared import NotCompared
from sameshot.store.photos import Photos
from sameshot.store.roots import Roots
from sameshot.store.schema import STEPS
from sameshot.store.verdicts import Verdicts


class Store:
    """One open state file. Threads may share it; one process at a time writes."""

    def __init__(self, connection: Connection, prefix: str = "") -> None:
        self._connection = connection
        self.photos = Photos(connection)
        self.contents = Contents(connection, f"{prefix}reach")
        self.inspections = Inspections(connection)
        self.links = Links(connection, f"{prefix}links")
        self.moments = Moments(connection, f"{prefix}links")
        self.groups = Groups(connection, prefix)
        self.clusters = Clusters(connection, in_force=not prefix)
        self.verdicts = Verdicts(connection)
        self.not_compared = NotCompared(connection)
        self.roots = Roots(connection)
        self.meta = Meta(connection)

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open the state at `path`; one that is to be written is made where there is none, and brought up to date.

        Raises StateUnavailable when it is locked, damaged, newer than this program, another program's or, for
        reading, absent.
        """
        if read_only and not path.exists():
            raise StateUnavailable(f"There is no state at {path}", "Run `sameshot scan` or start the service first.")
        connection = Connection(path, read_only=read_only)
        try:
            migrate(connection, STEPS)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    @cached_property
    def other(self) -> Store:
        """The same state, but for what depends on the encoder: with the links, reaches and groups of another one.

        It is the one that is coming, or the one that served before. Close the store itself only.
        """
        return Store(self._connection, "other_")

    def exchange_links(self) -> None:
        """The links and reaches change places with those of `other`; inside a transaction. Groups stay."""
        with self.transaction():
            for old, new in (("links", "links_going"), ("other_links", "links"), ("links_going", "other_links")):
                self._connection.write(f"ALTER TABLE {old} RENAME TO {new}")
            self._connection.write(
                "UPDATE contents SET reach = other_reach, other_reach = reach WHERE reach IS NOT other_reach"
            )

    def snapshot(self) -> AbstractContextManager[None]:
        """Everything that is read inside is of one moment, whatever another process writes in between."""
        return self._connection.snapshot()

    def transaction(self, *, durable: bool = False) -> AbstractContextManager[None]:
        """Writes inside happen all or not at all; inner transactions join the outer one.

        `durable`: they survive a power cut once the block has ended, not only the death of this process.
        """
        return self._connection.transaction(durable=durable)

    def backup(self, target: Path) -> None:
        """Write a complete, consistent copy to `target`. Raises StateUnavailable when that cannot be done."""
        back_up(self._connection, target)

    def copy_for_grouping(self, target: Path) -> None:
        """Write what groups are made of to `target`. Raises StateUnavailable when that cannot be done.

        Vectors stay behind, and descriptors but those of focus: pairs are compared already. The rest is a tenth.
        """
        tables = self._connection.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        wanted = {name: "TRUE" for (name,) in tables} | {"vectors": "FALSE", "descriptors": "measure = 'focus'"}
        with closing(Connection(target)) as copy:
            migrate(copy, STEPS)
            copy.take_rows(self._connection.path, wanted)

    def damage(self) -> list[str]:
        """What SQLite finds wrong in the file; empty for a sound one. Reads all of it."""
        rows = self._connection.rows("PRAGMA quick_check") + self._connection.rows("PRAGMA foreign_key_check")
        return [str(row[0]) for row in rows if row != ("ok",)]

    def close(self) -> None:
        """Close the file. Harmless when it is closed already."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
