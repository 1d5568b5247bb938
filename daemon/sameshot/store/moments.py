"""Which contents one camera took, one after the other.

Read through an index on what the camera wrote, so that a look at the neighbours in time costs the same in any library.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sameshot.model import Link
from sameshot.store.connection import Connection, as_json_list
from sameshot.store.links import link_of_row

_PAGE = 200
_CAMERA, _TAKEN_AT = "json_extract(capture, '$.camera')", "json_extract(capture, '$.taken_at')"


class Moments:
    """Contents by camera and moment; those that lack either are in none."""

    def __init__(self, connection: Connection, links: str = "links") -> None:
        self._connection, self._links = connection, links

    def timed(self, content_ids: Iterable[int]) -> list[int]:
        """Those of the contents of which both camera and moment are known, in order of id."""
        sql = f"""SELECT id FROM contents WHERE id IN (SELECT value FROM json_each(?))
                  AND {_CAMERA} IS NOT NULL AND {_TAKEN_AT} IS NOT NULL ORDER BY id"""
        return [row[0] for row in self._connection.rows(sql, [as_json_list(content_ids)])]

    def series(self, content_id: int, gap_s: float) -> list[int]:
        """The contents of one camera around this one, in order of time, none further than `gap_s` from the next.

        Empty where the camera or the moment is unknown.
        """
        sql = f"SELECT {_CAMERA}, {_TAKEN_AT} FROM contents WHERE id = ?"
        row = self._connection.row(sql, [content_id])
        if row is None or row[0] is None or row[1] is None:
            return []
        camera, taken_at = row
        same = f"SELECT id FROM contents WHERE {_CAMERA} = ? AND {_TAKEN_AT} = ? ORDER BY id"
        now = [found[0] for found in self._connection.rows(same, [camera, taken_at])]
        before = list(self._walk(camera, taken_at, gap_s, forward=False))
        return before[::-1] + now + list(self._walk(camera, taken_at, gap_s, forward=True))

    def _walk(self, camera: str, taken_at: str, gap_s: float, *, forward: bool) -> Iterator[int]:
        beyond, direction = (">", "ASC") if forward else ("<", "DESC")
        sql = f"""SELECT id, {_TAKEN_AT} FROM contents WHERE {_CAMERA} = ?1 AND {_TAKEN_AT} {beyond} ?2
                  ORDER BY {_TAKEN_AT} {direction}, id LIMIT ?3 OFFSET ?4"""
        last, page_start, gap = datetime.fromisoformat(taken_at), 0, timedelta(seconds=gap_s)
        while page := self._connection.rows(sql, [camera, taken_at, _PAGE, page_start]):
            for content_id, moment in page:
                found = datetime.fromisoformat(moment)
                if abs(found - last) > gap:
                    return
                last = found
                yield content_id
            page_start += _PAGE

    def links_of_pairs(self, pairs: Iterable[tuple[int, int]]) -> list[Link]:
        """Links of just these pairs, each `first < second`, as far as they were compared."""
        sql = f"""SELECT first, second, score, evidence, cosine FROM json_each(?) AS pair
                  JOIN {self._links} ON first = json_extract(pair.value, '$[0]')
                  AND second = json_extract(pair.value, '$[1]')"""
        return [link_of_row(row) for row in self._connection.rows(sql, [json.dumps(list(pairs))])]

    def linked_across(
        self, first_camera: str, second_camera: str, minimum_score: float
    ) -> list[tuple[datetime, datetime]]:
        """The moments of pairs that two cameras took and that are linked by at least `minimum_score`."""
        sql = """SELECT json_extract(a.capture, '$.taken_at'), json_extract(b.capture, '$.taken_at')
                  FROM contents AS a JOIN {links} AS l ON l.{a} = a.id JOIN contents AS b ON b.id = l.{b}
                  WHERE json_extract(a.capture, '$.camera') = ?1 AND json_extract(b.capture, '$.camera') = ?2
                  AND score >= ?3 AND json_extract(a.capture, '$.taken_at') IS NOT NULL
                  AND json_extract(b.capture, '$.taken_at') IS NOT NULL"""
        wanted = [first_camera, second_camera, minimum_score]
        rows = [
            *self._connection.rows(sql.format(links=self._links, a="first", b="second"), wanted),
            *self._connection.rows(sql.format(links=self._links, a="second", b="first"), wanted),
        ]
        return [(datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in rows]
