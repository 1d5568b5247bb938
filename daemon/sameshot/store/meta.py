"""Small facts that have no table of their own: key -> JSON value."""

from __future__ import annotations

import json
from typing import Any

from sameshot.store.connection import Connection


class Meta:
    """What sameshot learned or was told, by name."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default`."""
        row = self._connection.row("SELECT value FROM meta WHERE key = ?", [key])
        return default if row is None else json.loads(row[0])

    def set(self, key: str, value: Any) -> None:
        """Remember a value that JSON can hold."""
        self._connection.write("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", [key, json.dumps(value)])
