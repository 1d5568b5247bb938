"""How often a photo is tried whose look ended badly.

Comes in: how it ended, how often it was tried, the time. Goes out: when to try again, or never. A reader that said no
is right the next time too, so a refusal is final. A worker that crashed, hung or ran out of memory may have met a full
machine: three more tries, further and further apart. A photo that was looked at while the whole service died is
suspected of it: it gets three tries in all, from the second on alone. A death while nothing was looked at clears all
suspects: what ends the service is something else. What is given up stays so until the file changes, or the libraries
that read photos do.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from sameshot.store.photos import PhotoRow
from sameshot.store.store import Store

AFTER_A_FAILURE_S = (60.0, 600.0, 86400.0)
"""Waits after the first, second and third failed look."""
AFTER_A_DEATH_S = (0.0, 600.0)
"""Waits after the first and second death of the service. Power cuts hit innocents: the first costs them nothing."""
DIED = "the service ended while it was looked at"
_READERS = ("sameshot", "pillow", "pillow-heif", "rawpy")
_READ_BY = "failed under"


def next_try_s(kind: str, attempts: int, now_s: float) -> float | None:
    """Returns when a photo is looked at again after its look number `attempts`; None: not until its file changes.

    `kind`: a worker's FailureKind, or "died" where the service ended meanwhile. A worker that was killed from outside,
    as by a machine short of memory, is no fault of its photo the first two times.
    """
    if kind == "refused":
        return None
    if kind == "killed" and attempts < len(AFTER_A_FAILURE_S):
        return now_s
    waits_s = AFTER_A_DEATH_S if kind == "died" else AFTER_A_FAILURE_S
    return now_s + waits_s[attempts - 1] if attempts <= len(waits_s) else None


def blame(store: Store, *, died: bool, now_s: float) -> list[PhotoRow]:
    """Judges how the run before ended, which `died` without a word or not; returns the photos that are to blame."""
    with store.transaction():
        if not died:
            store.photos.set_down()  # a run that ended in order could not say so on a full disk
            return []
        suspects = list(store.photos.get(store.photos.interrupted()).values())
        for photo in suspects:
            store.photos.fail(photo.id, DIED, next_try_s("died", photo.attempts + 1, now_s))
        if not suspects:
            store.photos.forgive(DIED)
    return suspects


class Retries:
    """The failed photos that are to be tried again, each when its wait is over."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._heap: list[tuple[float, int]] = []

    def load(self) -> list[PhotoRow]:
        """Takes up those that the store knows, and returns them; all that failed are new where other libraries read."""
        readers, meta = _readers(), self._store.meta
        if (before := meta.get(_READ_BY)) != readers:
            if before is not None:
                self._store.photos.forgive_all()
            meta.set(_READ_BY, readers)
        self._heap = self._store.photos.retries()
        return list(self._store.photos.get(photo for _, photo in self._heap).values())

    def add(self, when_s: float, photo_id: int) -> None:
        """Has a photo tried again at a time of the wall clock."""
        heapq.heappush(self._heap, (when_s, photo_id))

    @property
    def next_due_s(self) -> float | None:
        """When the next one is due."""
        return self._heap[0][0] if self._heap else None

    def due(self, now_s: float) -> Iterator[tuple[int, bool]]:
        """Takes those whose wait is over; each with whether it may have ended the service.

        Those that may stay failed until they are looked at: their suspicion outlives a restart.
        """
        while self._heap and self._heap[0][0] <= now_s:
            _, photo_id = heapq.heappop(self._heap)
            photo = self._store.photos.get([photo_id]).get(photo_id)
            if photo is None or photo.stage != "failed" or photo.missing_since_s is not None:
                continue
            if photo.reason != DIED:
                self._store.photos.advance(photo_id, "settled")
            yield photo_id, photo.reason == DIED


@functools.cache
def _readers() -> dict[str, str]:
    """What reads photos, with versions: in this process always the same ones."""
    found = {}
    for name in _READERS:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
