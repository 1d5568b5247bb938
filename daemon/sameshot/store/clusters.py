"""The clustering that groups are made within, where the owner asked for one: content -> its cluster.

It holds until another one, or none, is put in its place. Contents that came later are in no cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from sameshot.store.connection import Connection, as_json_list
from sameshot.store.meta import Meta

Mode = Literal["certified", "whole"]
"""certified: a group lies within one cluster. whole: a cluster is a group, however alike its photos are."""
_MODE = "clusters"


class Clusters:
    """The clusters in force; none where nobody asked for any."""

    def __init__(self, connection: Connection, *, in_force: bool = True) -> None:
        """`in_force`: false where they are of another encoder than the one that is asked about."""
        self._connection, self._in_force = connection, in_force
        self._meta = Meta(connection)

    @property
    def mode(self) -> Mode | None:
        """What a cluster means; None where there are none."""
        mode: Mode | None = self._meta.get(_MODE) if self._in_force else None
        return mode

    def of(self, content_ids: Iterable[int]) -> dict[int, int]:
        """The cluster of each content that is in one."""
        sql = "SELECT content, label FROM clusters WHERE content IN (SELECT value FROM json_each(?))"
        return dict(self._connection.rows(sql, [as_json_list(content_ids)]))

    def members(self, labels: Iterable[int]) -> set[int]:
        """All contents of these clusters."""
        sql = "SELECT content FROM clusters WHERE label IN (SELECT value FROM json_each(?))"
        return {row[0] for row in self._connection.rows(sql, [as_json_list(labels)])}

    def replace(self, mode: Mode | None, labels: Mapping[int, int]) -> None:
        """Put other clusters in the place of those in force, or none. Contents that are not known are passed over."""
        if mode is None and self.mode is None:
            return
        with self._connection.transaction(durable=True):
            self._connection.write("DELETE FROM clusters")
            self._connection.write_many(
                "INSERT INTO clusters (content, label) SELECT id, ?2 FROM contents WHERE id = ?1",
                list(labels.items()) if mode else [],
            )
            self._meta.set(_MODE, mode)
