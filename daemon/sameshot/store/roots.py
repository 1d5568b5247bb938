"""The watched folders as they were last seen: what tells a lost mount from an emptied folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sameshot.store.connection import Connection


class Roots:
    """Facts by root; the watch decides what the facts are (device, file system, ...)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def remember(self, path: Path, facts: dict[str, Any]) -> None:
        """Replace what is known of the root `path`."""
        sql = "INSERT OR REPLACE INTO roots (path, facts) VALUES (?, ?)"
        self._connection.write(sql, [os.fsencode(path), json.dumps(facts)])

    def get(self, path: Path) -> dict[str, Any] | None:
        """What is known of the root `path`; None for one never seen."""
        row = self._connection.row("SELECT facts FROM roots WHERE path = ?", [os.fsencode(path)])
        return None if row is None else dict(json.loads(row[0]))

    def all(self) -> dict[Path, dict[str, Any]]:
        """Every root ever remembered, in order of path."""
        rows = self._connection.rows("SELECT path, facts FROM roots ORDER BY path")
        return {Path(os.fsdecode(path)): json.loads(facts) for path, facts in rows}
