"""What each camera took one after the other, read from the store, and the sets that are recognised in it.

Comes in: contents. Goes out: the series around them (one camera, no pause longer than two minutes), each whole, so that
what is recognised does not depend on which of its photos came last. Only photos that are present count. Two frames that
follow each other count however many strangers look more like either (see `linking`): time says what to compare with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise, product

from sameshot.group.frames import Frame, frames_of
from sameshot.group.kinds import SERIES_GAP_S, KnownSet, bursts_of, recognise
from sameshot.group.sweeps import may_overlap
from sameshot.model import Capture, Link, SetKind
from sameshot.store.store import Store

_AT_ONCE = 512
_OF_A_FRAME = 4
"""So many contents of one frame stand for it beside its neighbours in time: a photo and a few edits."""


class SeriesReader:
    """Reads each series once. `threshold`: the score from which two contents are the same shot."""

    def __init__(self, store: Store, threshold: float, *, sets: bool) -> None:
        self._store, self._threshold, self._recognises = store, threshold, sets
        self._seen: set[int] = set()
        self._read: set[int] = set()  # those of them that are in a series, and need not be read again
        self._found: dict[bytes, KnownSet] = {}  # digest of the set's first content -> set
        self._links: dict[tuple[int, int], Link | None] = {}
        self.captures: dict[int, Capture] = {}
        self.bursts: dict[int, tuple[int, int]] = {}
        """Content -> what the contents of one burst share."""
        self.frame_of: dict[int, SetKind] = {}
        self.to_compare: set[tuple[int, int]] = set()
        """Neighbours in time that may overlap, which nobody has found out yet; the smaller first."""

    @property
    def sets(self) -> list[KnownSet]:
        """All sets of the series that were read, in an order that is not that of arrival."""
        return [known for _, known in sorted(self._found.items())]

    def read(self, contents: Iterable[int]) -> set[int]:
        """Reads the series around these contents; returns all contents of all series read so far."""
        fresh = {content for content in contents if content not in self._seen}
        self._seen |= fresh
        for content in self._store.moments.timed(fresh):
            if content not in self._read:
                series = self._store.moments.series(content, SERIES_GAP_S)
                self._read.update(series)
                if len(series) > 1:
                    self._take(series)
        self._seen |= self._read
        return self._seen

    def are_burst(self, first: int, second: int) -> bool:
        """Whether two contents are different frames of one burst."""
        burst = self.bursts.get(first)
        if burst is None or burst != self.bursts.get(second):
            return False
        return self.captures[first].taken_at != self.captures[second].taken_at

    def _take(self, series: Sequence[int]) -> None:
        present = self._store.photos.copies(series)
        captures = self._store.contents.captures(present)
        brightness = {c: quality.brightness for c, quality in self._store.contents.qualities(present).items()}
        order = {content: row.digest for content, row in self._store.contents.get(present).items()}
        frames = frames_of(captures, brightness, order)
        self.captures |= captures
        self.bursts |= {content: (series[0], burst) for content, burst in bursts_of(frames).items()}
        if not self._recognises or len(frames) < 3:
            return
        self._fetch(product_pairs(frames), neighbours_in_time(frames))
        for known in recognise(frames, self._pair, self._threshold, self._focus):
            self._found[order[known.contents[0]]] = known
            self.frame_of |= dict.fromkeys(known.contents, known.kind)

    def _pair(self, first: int, second: int) -> Link | None:
        pair = (min(first, second), max(first, second))
        if pair not in self._links:  # frames between them turned out to be another set's
            self._fetch([pair], frozenset())
        return self._links[pair]

    def _focus(self, content: int) -> bytes | None:
        return self._store.contents.descriptor(content, "focus")

    def _fetch(self, pairs: list[tuple[int, int]], neighbours: AbstractSet[tuple[int, int]]) -> None:
        self._links |= dict.fromkeys(pairs)
        known = {(link.first, link.second): link for link in self._store.moments.links_of_pairs(pairs)}
        reaches = self._store.contents.reaches({end for pair in pairs for end in pair})
        self._links |= {pair: link for pair, link in known.items() if pair in neighbours or counts(link, reaches)}
        self.to_compare |= neighbours - known.keys()


def counts(link: Link, reaches: Mapping[int, float]) -> bool:
    """Whether the link lies within the reach of either end: see `linking`."""
    return within_reach(link.first, link.second, link.cosine, reaches)


def within_reach(one: int, other: int, cosine: float, reaches: Mapping[int, float]) -> bool:
    """Whether two contents of this cosine lie within the reach of either; `reaches`: of those that are bounded."""
    return cosine >= min(reaches.get(one, -1.0), reaches.get(other, -1.0))


def neighbours_in_time(frames: Sequence[Frame]) -> set[tuple[int, int]]:
    """The contents of each frame with those of the next where the two may overlap, the smaller first.

    Of the many edits that a frame may have some are enough, or each would be compared with each.
    """
    return {
        pair
        for earlier, later in pairwise(frames)
        if may_overlap(earlier, later)
        for pair in _across(earlier.contents[:_OF_A_FRAME], later.contents[:_OF_A_FRAME])
    }


def neighbours_to_compare(
    store: Store, contents: Iterable[int], threshold: float, *, sets: bool
) -> set[tuple[int, int]]:
    """Returns the neighbours in time around these contents that are to be compared before sets can be told."""
    found: set[tuple[int, int]] = set()
    done: set[int] = set()
    left = sorted(contents)
    for start in range(0, len(left), _AT_ONCE):  # memory stays that of a part
        part = SeriesReader(store, threshold, sets=sets)
        done |= part.read(set(left[start : start + _AT_ONCE]) - done)
        found |= part.to_compare
    return found


def product_pairs(frames: Sequence[Frame]) -> list[tuple[int, int]]:
    """Every content of each frame with every one of the next, the smaller first."""
    return [pair for earlier, later in pairwise(frames) for pair in _across(earlier.contents, later.contents)]


def _across(some: Sequence[int], others: Sequence[int]) -> list[tuple[int, int]]:
    return [(min(a, b), max(a, b)) for a, b in product(some, others)]
