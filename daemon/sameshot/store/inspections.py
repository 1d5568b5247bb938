"""What second looks told of contents that have others beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from sameshot.model import Inspection
from sameshot.store.connection import Connection, as_json_list


class Inspections:
    """One row for each content that was looked at twice."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, content_id: int, inspection: Inspection) -> None:
        """Remember a second look; it replaces an earlier one."""
        sql = "INSERT OR REPLACE INTO inspections (content, facts) VALUES (?, ?)"
        self._connection.write(sql, [content_id, json.dumps(asdict(inspection))])

    def wanted(self, content_ids: Iterable[int] | None = None) -> list[int]:
        """Contents that have others beside them in their group, all or of these, and had no second look; by id."""
        sql = """SELECT content FROM members AS one
                 WHERE NOT EXISTS (SELECT 1 FROM inspections WHERE inspections.content = one.content)
                 AND EXISTS (SELECT 1 FROM members WHERE group_id = one.group_id AND content <> one.content)"""
        if content_ids is None:
            return [row[0] for row in self._connection.rows(f"{sql} ORDER BY content")]
        sql = f"{sql} AND content IN (SELECT value FROM json_each(?)) ORDER BY content"
        return [row[0] for row in self._connection.rows(sql, [as_json_list(content_ids)])]

    def get(self, content_ids: Iterable[int]) -> dict[int, Inspection]:
        """The second looks at those contents that had one."""
        sql = "SELECT content, facts FROM inspections WHERE content IN (SELECT value FROM json_each(?))"
        found = {}
        for content_id, text in self._connection.rows(sql, [as_json_list(content_ids)]):
            facts = json.loads(text)
            sharpness = {int(side_px): energy for side_px, energy in facts["sharpness"].items()}
            found[content_id] = Inspection(facts["long_side_px"], sharpness, facts["color"], facts["size_bytes"])
        return found
