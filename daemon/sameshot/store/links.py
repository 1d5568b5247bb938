"""Pairs of contents that were compared, with the scores that say why."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sameshot.model import Link
from sameshot.store.connection import Connection, Row, as_json_list


class Links:
    """One row for each compared pair, `first < second`, whether or not it passed the threshold."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, links: Iterable[Link]) -> None:
        """Remember links; a pair compared anew replaces its row. Raises ValueError on a pair out of order."""
        rows = []
        for link in links:
            if link.first >= link.second:
                raise ValueError(f"a link's first content must be below its second: {link.first}, {link.second}")
            rows.append((link.first, link.second, link.score, json.dumps(link.evidence)))
        sql = """INSERT INTO links (first, second, score, evidence) VALUES (?, ?, ?, ?)
                 ON CONFLICT (first, second) DO UPDATE SET score = excluded.score, evidence = excluded.evidence"""
        self._connection.write_many(sql, rows)

    def among(self, content_ids: Iterable[int]) -> list[Link]:
        """Links with both ends in `content_ids`, in order."""
        # The plus keeps SQLite from probing every possible pair: it walks the links of each first end instead.
        sql = """SELECT first, second, score, evidence FROM links
                 WHERE first IN (SELECT value FROM json_each(?1)) AND +second IN (SELECT value FROM json_each(?1))
                 ORDER BY first, second"""
        return [_link(row) for row in self._connection.rows(sql, [as_json_list(content_ids)])]

    def of(self, content_ids: Iterable[int]) -> list[Link]:
        """Links with at least one end in `content_ids`, in order."""
        sql = """SELECT first, second, score, evidence FROM links WHERE first IN (SELECT value FROM json_each(?1))
                 UNION
                 SELECT first, second, score, evidence FROM links WHERE second IN (SELECT value FROM json_each(?1))
                 ORDER BY first, second"""
        return [_link(row) for row in self._connection.rows(sql, [as_json_list(content_ids)])]

    def component(self, content_ids: Iterable[int], minimum_score: float) -> set[int]:
        """`content_ids` and all that is reached from them over links of at least `minimum_score`."""
        sql = """WITH RECURSIVE reached (content) AS (
                     SELECT value FROM json_each(?1)
                     UNION SELECT second FROM reached JOIN links ON first = content WHERE score >= ?2
                     UNION SELECT first FROM reached JOIN links ON second = content WHERE score >= ?2
                 ) SELECT content FROM reached"""
        return {row[0] for row in self._connection.rows(sql, [as_json_list(content_ids), minimum_score])}

    def compared_with(self, content_id: int) -> set[int]:
        """The contents that this one was compared with."""
        sql = "SELECT second FROM links WHERE first = ?1 UNION SELECT first FROM links WHERE second = ?1"
        return {row[0] for row in self._connection.rows(sql, [content_id])}


def _link(row: Row) -> Link:
    return Link(row[0], row[1], row[2], json.loads(row[3]))
