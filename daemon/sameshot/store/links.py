"""Pairs of contents that were compared, with the scores that say why."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sameshot.model import Link
from sameshot.store.connection import Connection, Row, as_json_list


class Links:
    """One row for each compared pair, `first < second`, whether or not it passed the threshold."""

    def __init__(self, connection: Connection, table: str = "links") -> None:
        self._connection, self._table = connection, table

    def save(self, links: Iterable[Link]) -> None:
        """Remember links; a pair compared anew replaces its row. Raises ValueError on a pair out of order."""
        rows = []
        for link in links:
            if link.first >= link.second:
                raise ValueError(f"a link's first content must be below its second: {link.first}, {link.second}")
            rows.append((link.first, link.second, link.score, json.dumps(link.evidence), link.cosine))
        sql = f"""INSERT INTO {self._table} (first, second, score, evidence, cosine) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT (first, second) DO UPDATE
                 SET score = excluded.score, evidence = excluded.evidence, cosine = excluded.cosine"""
        self._connection.write_many(sql, rows)

    def among(self, content_ids: Iterable[int], minimum_score: float = 0.0) -> list[Link]:
        """Links of at least `minimum_score` with both ends in `content_ids`, in order, without their evidence."""
        # The plus keeps SQLite from probing every possible pair: it walks the links of each first end instead.
        sql = f"""SELECT first, second, score, cosine FROM {self._table}
                 WHERE first IN (SELECT value FROM json_each(?1)) AND +second IN (SELECT value FROM json_each(?1))
                 AND score >= ?2 ORDER BY first, second"""
        rows = self._connection.rows(sql, [as_json_list(content_ids), minimum_score])
        return [Link(first, second, score, {}, cosine) for first, second, score, cosine in rows]

    def of(self, content_ids: Iterable[int]) -> list[Link]:
        """Links with at least one end in `content_ids`, in order."""
        sql = f"""SELECT first, second, score, evidence, cosine FROM {self._table}
                 WHERE first IN (SELECT value FROM json_each(?1))
                 UNION
                 SELECT first, second, score, evidence, cosine FROM {self._table}
                 WHERE second IN (SELECT value FROM json_each(?1))
                 ORDER BY first, second"""
        return [link_of_row(row) for row in self._connection.rows(sql, [as_json_list(content_ids)])]

    def component(self, content_ids: Iterable[int], minimum_score: float) -> set[int]:
        """`content_ids` and all that is reached from them over links of at least `minimum_score`."""
        sql = f"""WITH RECURSIVE reached (content) AS (
                     SELECT value FROM json_each(?1)
                     UNION SELECT second FROM reached JOIN {self._table} ON first = content WHERE score >= ?2
                     UNION SELECT first FROM reached JOIN {self._table} ON second = content WHERE score >= ?2
                 ) SELECT content FROM reached"""
        return {row[0] for row in self._connection.rows(sql, [as_json_list(content_ids), minimum_score])}

    def sample(self, count: int) -> dict[tuple[int, int], float]:
        """Up to `count` compared pairs, the lower content first, and their scores; the same ones each time."""
        sql = """SELECT first, second, score FROM links
                 ORDER BY (first * 7919 + second * 104729) % 1000003, first, second LIMIT ?"""
        return {(first, second): score for first, second, score in self._connection.rows(sql, [count])}

    def clear(self) -> None:
        """Forget all links, because what their scores mean has changed."""
        self._connection.write(f"DELETE FROM {self._table}")

    def scores_of(self, content_id: int) -> dict[int, float]:
        """The contents that this one was compared with, and the scores."""
        sql = f"""SELECT second, score FROM {self._table} WHERE first = ?1
                 UNION SELECT first, score FROM {self._table} WHERE second = ?1"""
        return dict(self._connection.rows(sql, [content_id]))

    def stranger_cosines(self, content_ids: Iterable[int], threshold: float, count: int) -> dict[int, float | None]:
        """For each content the cosine of the `count`-th nearest that it was compared with and is not the same shot.

        That is: with a score below `threshold`. None where there are fewer.
        """
        sql = f"""SELECT value, (SELECT cosine FROM (
                     SELECT cosine FROM {self._table} WHERE first = value AND score < ?2
                     UNION ALL SELECT cosine FROM {self._table} WHERE second = value AND score < ?2
                 ) ORDER BY cosine DESC LIMIT 1 OFFSET ?3) FROM json_each(?1)"""
        return dict(self._connection.rows(sql, [as_json_list(content_ids), threshold, count - 1]))


def link_of_row(row: Row) -> Link:
    """The link in a row of first, second, score, evidence, cosine."""
    return Link(row[0], row[1], row[2], json.loads(row[3]), row[4])
