"""What could not be compared: left out for the rest of the run, and remembered for the next start.

Comes in: pairs whose workers failed again and again, contents that could not be measured, and why. Goes out: whom to
ask no more in this run, and who is to be linked again at the next start. A pair that is left out has no row: a row
would say that somebody compared it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

from sameshot.index.neighbours import NeighbourIndex
from sameshot.service.workers import FailureKind
from sameshot.store.store import Store

_Told = TypeVar("_Told")

TRIES = 3
"""How often a worker is asked the same before it is taken for what ends workers."""
_PASSING: frozenset[FailureKind] = frozenset({"crash", "killed", "deadline", "memory"})
"""How workers fail that may have met a full machine; one that says no does so the next time too."""
_PAIRS_OF_ONE = 4
"""So many pairs of one content were tried in vain, and its others are tried no more in this run."""


class LeftOut:
    """What this run asks for no more. Not thread-safe: one thread calls it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = set(store.not_compared.all())
        self._contents: set[int] = set()
        self._pairs: set[frozenset[int]] = set()
        self._pairs_of: Counter[int] = Counter()

    def __contains__(self, content: int) -> bool:
        """Whether no pair of this content is to be asked for."""
        return content in self._contents

    def able(self, content: int, others: Mapping[int, _Told]) -> dict[int, _Told]:
        """Returns those of `others` that the content may be compared with."""
        if content in self:
            return {}
        return {o: told for o, told in others.items() if o not in self and frozenset({content, o}) not in self._pairs}

    def leave_content(self, content: int, why: str) -> None:
        """Has a content compared with nothing more in this run."""
        self._contents.add(content)
        self._remember(content, why)

    def leave_pair(self, content: int, other: int, why: str) -> None:
        """Has a pair not asked for in this run, and after some of them the content: it may be what ends workers."""
        self._pairs.add(frozenset({content, other}))
        self._pairs_of[content] += 1
        if self._pairs_of[content] >= _PAIRS_OF_ONE:
            self._contents.add(content)
        self._remember(content, why)

    def complete(self, content: int) -> None:
        """Notes that a content was compared with all that it should be, but for what was left out in this run."""
        if content in self or content in self._pairs_of:
            return
        if content in self._known:
            self._known.discard(content)
            self._store.not_compared.forget(content)

    def to_link_again(self, index: NeighbourIndex) -> list[int]:
        """Returns those contents of present photos that an earlier run left out and `index` holds, in order."""
        return sorted(content for content in self._store.photos.copies(self._known) if content in index)

    def _remember(self, content: int, why: str) -> None:
        self._known.add(content)
        self._store.not_compared.note(content, why)


def may_try_again(kind: FailureKind, tries: int) -> bool:
    """Whether to ask once more what a worker failed at for the `tries`-th time, with nothing else in the task."""
    return kind in _PASSING and tries < TRIES
