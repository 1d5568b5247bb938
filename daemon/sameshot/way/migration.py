"""One encoder takes the place of another: beside all else, and at one instant.

Comes in: the encoder that is coming, and contents as they arrive and change meanwhile. Goes out: all that depends on it
(vectors, links, reaches, groups, an index) made beside what serves, from the newest photo on, and then one transaction
in which the two change places. Until then every answer comes from the one encoder, from then on from the other. What
was made is in the store, so a run that was interrupted goes on; links of the encoder that goes stay beside, so that
going back compares nothing twice and looks at no photo again. A photo that cannot be had now holds up nothing.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from sameshot.group.identity import lay_over, new_group_id
from sameshot.index.neighbours import NeighbourIndex
from sameshot.service.workers import Workers
from sameshot.store.store import Store
from sameshot.way.flow_settings import FlowSettings
from sameshot.way.second_looks import SecondLooks
from sameshot.wording import counted

_log = logging.getLogger(__name__)
_STEP_S = 0.02
"""How long one step may take of the thread in which everything else waits."""
_GROUPED_AT_ONCE = 16
_FEW = 32
"""So few contents left, and new photos wait for them: else a steady stream would put the end off for ever."""
_FEW_TO_GROUP = 512
_REMOVED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Progress:
    """How far another encoder is: contents done of all, the seconds it will take, if that can be told, all in words."""

    encoder_id: str
    done: int
    all: int
    left_s: float | None
    sentence: str


class Migration:
    """The encoder of `settings` on its way. Not thread-safe: one thread calls it and pumps its workers."""

    def __init__(
        self,
        store: Store,
        index: NeighbourIndex,
        workers: Workers,
        settings: FlowSettings,
        *,
        answers: Callable[[Path], bool],
        now: Callable[[], float],
    ) -> None:
        """`index`: of this encoder, empty. `answers`: whether a root may be asked anything."""
        self.settings, self.index, self.gone = settings, index, set[int]()
        self._store, self._workers, self._now = store, workers, now
        self._encoder_id = settings.encoder.encoder_id
        self._looks = SecondLooks(store, workers, settings.look_deadline_s, answers)
        self._linker = settings.linker(
            store.other, index, workers, self._looks, linked=self._touch_one, touched=self._touch_one
        )
        self._prepare()
        self._reaches = store.other.contents.reaches()
        seen, unseen = store.contents.seen_by(self._encoder_id), store.contents.looked_without(self._encoder_id)
        self._todo = deque((*seen, *unseen))
        self._met = set(self._todo)
        self._dirty = set(store.contents.ids())
        self._unseen, self._looked, self._looking_since_s = len(unseen), 0, 0.0
        self._stopped = False

    def _prepare(self) -> None:
        """What lies beside is of this encoder from now on: what was found out before is kept where it is of it too."""
        with self._store.transaction():
            if self._store.meta.get("other_links_of") != self.settings.links_of:
                self._store.other.links.clear()
                self._store.other.contents.clear_reaches()
                self._store.meta.set("other_links_of", self.settings.links_of)
            self._store.other.groups.clear()

    # ---------------------------------------------------------------- in

    def arrived(self, content: int) -> None:
        """The encoder that serves has seen this content, or its file is back."""
        self._dirty.add(content)
        if content not in self._met or content in self.gone:
            self._met.add(content)
            self.gone.discard(content)
            self._todo.appendleft(content)

    def touch(self, contents: Iterable[int]) -> None:
        """Has the groups around these made anew, as the flow has those that serve."""
        self._dirty.update(contents)

    def stop(self) -> bool:
        """Begins nothing more; whether no answer is out that would still be written to what lies beside."""
        self._stopped = True
        return not self._under_way

    # ---------------------------------------------------------------- on

    @property
    def progress(self) -> Progress:
        """How far it is."""
        waiting = min(self._unseen, len(self._todo))
        left_s = (self._now() - self._looking_since_s) / self._looked * waiting if self._looked and waiting else None
        done, known = len(self._met) - len(self._todo), len(self._met)
        left = "" if left_s is None else f", about {_about(left_s)} left"
        sentence = f"{self._encoder_id} is getting ready to serve: {done:,} of {counted(known, 'photo')}{left}"
        return Progress(self._encoder_id, done, known, left_s, sentence)

    @property
    def _under_way(self) -> int:
        return self._looks.under_way + self._linker.under_way

    @property
    def is_nearly_done(self) -> bool:
        """Whether new photos should wait for the rest of it."""
        few = len(self._todo) + self._under_way <= _FEW and len(self._dirty) <= _FEW_TO_GROUP
        return few and not self._stopped

    @property
    def is_ready(self) -> bool:
        """Whether everything is made."""
        return not (self._todo or self._under_way or self._dirty or self._stopped)

    def may_go_on(self, at_once: int) -> bool:
        """Whether `step` would do something now, with `at_once` tasks out at most."""
        waits = (self._todo and self._under_way < at_once) or (self._dirty and not self._under_way)
        return bool(waits and not self._stopped)

    def step(self, at_once: int) -> None:
        """Does a little of what is left."""
        until_s = time.monotonic() + _STEP_S
        while self._todo and self._under_way < at_once and time.monotonic() < until_s:
            content = self._todo.popleft()
            if self._store.contents.has_vector(content, self._encoder_id):
                self._enter(content)
            else:
                self._looking_since_s = self._looking_since_s or self._now()
                self._looks.embed(content, self.settings.encoder, partial(self._seen, content))
        while self._dirty and not self._todo and not self._under_way and time.monotonic() < until_s:
            self._regroup(set(islice(self._dirty, _GROUPED_AT_ONCE)))

    def _seen(self, content: int, succeeded: bool) -> None:
        self._looked += 1
        self._unseen = max(self._unseen - 1, 0)
        if self._stopped:
            return
        if succeeded:
            self._enter(content)
        else:
            self.gone.add(content)

    def _enter(self, content: int) -> None:
        """The content goes the way of one that was just looked at, beside."""
        self.index.add(content, self._store.contents.vector(content, self._encoder_id))
        self.index.set_reach(content, self._reaches.get(content, -1.0))
        self._linker.relink(content)

    def _touch_one(self, content: int) -> None:
        self._dirty.add(content)

    def _regroup(self, contents: set[int]) -> None:
        self._dirty -= contents
        region, to_compare = self.settings.regroup(self._store.other, contents, self._now)
        self._dirty -= region
        self._linker.compare_neighbours(to_compare)

    def _new_id(self) -> str:
        return new_group_id(int(self._now() * 1000))

    # ---------------------------------------------------------------- out

    def take_over(self) -> None:
        """What was made and what serves change places, at one instant. Groups keep their ids by largest overlap."""
        store, meta = self._store, self._store.meta
        known = {member.content: group.id for group in store.groups.all() for member in group.members}
        found = list(store.other.groups.all())
        ids = lay_over(known, [[member.content for member in group.members] for group in found], self._new_id)
        with store.transaction(durable=True):
            store.groups.replace(
                {*known.values()}, [replace(group, id=one) for group, one in zip(found, ids, strict=True)]
            )
            store.other.groups.clear()
            store.clusters.replace(None, {})  # of vectors that serve no more
            store.exchange_links()
            meta.set("other_links_of", meta.get("links_of"))
            meta.set("links_of", self.settings.links_of)
            meta.set("serving_encoder", self._encoder_id)


def forget_others(store: Store) -> bool:
    """Removes some vectors that neither serve, nor are coming, nor served before; whether there may be more."""
    told = (store.meta.get("links_of"), store.meta.get("other_links_of"))
    kept = {kind.rpartition(" ")[2] for kind in told if kind}
    return bool(kept) and store.contents.forget_vectors(kept, _REMOVED_AT_ONCE)


def _about(seconds: float) -> str:
    if seconds < 90:
        return counted(max(round(seconds), 1), "second")
    return counted(round(seconds / 60), "minute") if seconds < 5400 else counted(round(seconds / 3600), "hour")
