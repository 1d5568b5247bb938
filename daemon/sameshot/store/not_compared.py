"""Contents that could not be compared with all that they should be, and why."""

from __future__ import annotations

from sameshot.store.connection import Connection


class NotCompared:
    """One row for each; whoever compares it in the end removes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> dict[int, str]:
        """Content -> why, in order; the photos of some may be gone meanwhile."""
        return dict(self._connection.rows("SELECT content, why FROM not_compared ORDER BY content"))

    def note(self, content_id: int, why: str) -> None:
        """Remember that a content lacks a comparison; the newest reason stays."""
        self._connection.write("INSERT OR REPLACE INTO not_compared (content, why) VALUES (?, ?)", [content_id, why])

    def forget(self, content_id: int) -> None:
        """The content lacks none any more. Harmless when it lacked none."""
        self._connection.write("DELETE FROM not_compared WHERE content = ?", [content_id])
