"""What was linked lately: sets that more photos may still join.

Comes in: contents when they are linked. Goes out: those of the last while. What is older than sets stay open is
forgotten with the next one: a service that files nothing by itself never asks, and 100,000 photos took 12 MB.
"""

from __future__ import annotations

from collections import OrderedDict


class Lately:
    """Contents by when they were linked last. `open_s`: how long they are of interest."""

    def __init__(self, open_s: float) -> None:
        self._open_s = open_s
        self._linked: OrderedDict[int, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._linked)

    def add(self, content: int, now_s: float) -> None:
        """Notes that a content was linked."""
        self._linked[content] = now_s
        self._linked.move_to_end(content)
        while next(iter(self._linked.values())) < now_s - self._open_s:
            self._linked.popitem(last=False)

    def since(self, moment_s: float) -> set[int]:
        """Returns the contents that were linked after `moment_s`."""
        return {content for content, linked_s in self._linked.items() if linked_s > moment_s}
