"""Whether the kernel really announces what changes in a root.

Comes in: the folders that hints named, and the folders in which a full sweep found files that had come or gone. Goes
out: the roots where such a change was never announced, so that their watch cannot be relied on. Nothing is written
anywhere to find out. Only files that come and go count: a changed mode or a mapped write is not announced by design.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

_GRACE_S = 10.0
"""How long a hint may be on its way: the watch holds renames back for half a second."""
_SLACK_S = 5.0
"""A filesystem stamps with a coarser clock."""
_REMEMBERED = 50_000


@dataclass(slots=True)
class Canary:
    """One for all roots. All times are wall clock seconds, the clock that folders are stamped with."""

    _heard: dict[Path, float] = field(default_factory=dict)
    _found: list[tuple[Path, Path, float, float]] = field(default_factory=list)
    _sure_since_s: float = 0.0

    def heard(self, folder: Path, now_s: float) -> None:
        """A hint named the folder."""
        if len(self._heard) >= _REMEMBERED:
            self._heard.clear()
            self._sure_since_s = now_s
        self._heard[folder] = now_s

    def found(self, root: Path, folder: Path, changed_s: float, now_s: float) -> None:
        """A full sweep found that files came to the folder or went, at `changed_s` by the folder's own stamp.

        Only for roots that were watched then.
        """
        self._found.append((root, folder, changed_s, now_s))

    def missed(self, now_s: float) -> set[Path]:
        """The roots in which a change was not announced in time; each finding is judged once."""
        old = [item for item in self._found if now_s - item[3] >= _GRACE_S]
        self._found = [item for item in self._found if now_s - item[3] < _GRACE_S]
        return {
            root
            for root, folder, changed_s, _ in old
            if changed_s > self._sure_since_s and self._heard.get(folder, 0.0) < changed_s - _SLACK_S
        }
