"""Which encoder serves, and which one comes after it.

Comes in: the encoder that is wanted, and how busy the flow is. Goes out: steps of a migration behind all that is new,
the word that another one serves from now on, and vectors that nobody will ask for removed. There is at most one
migration; who changes his mind begins another, or goes on with what served.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from sameshot.index.neighbours import NeighbourIndex
from sameshot.service.workers import Workers
from sameshot.store.store import Store
from sameshot.way.flow_settings import FlowSettings
from sameshot.way.migration import Migration, Progress, forget_others
from sameshot.wire.photos import EncoderHeader
from sameshot.wording import counted

_log = logging.getLogger(__name__)


class Succession:
    """`settings` and `index` are of the encoder that serves. One thread calls it."""

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
        self.settings, self.index = settings, index
        self.note: Callable[[str], None] = _log.info
        """Is called with what happened, a sentence."""
        self.took_over: Callable[[EncoderHeader, NeighbourIndex], None] = lambda *_: None
        """Is called when another encoder took the place of the one that served, before anybody asks it anything."""
        self.in_a_hurry = False
        """While set, a migration takes all workers; else one is left for who asks something."""
        self._store, self._workers, self._answers, self._now = store, workers, answers, now
        self._coming: Migration | None = None
        self._has_litter = False

    def go_over_to(self, encoder: EncoderHeader) -> None:
        """Has this encoder take the place of the one that serves, in its own time; does nothing if it is on its way.

        Where another one is, that is stopped; asked again once its last answers are in, this one begins.
        """
        before = self._coming.settings.encoder if self._coming is not None else self.settings.encoder
        if encoder.encoder_id == before.encoder_id:
            return
        if self._coming is not None and not self._coming.stop():
            return
        self._coming = None
        if encoder.encoder_id == self.settings.encoder.encoder_id:
            self.note(f"{encoder.encoder_id} serves on, and {before.encoder_id} is not wanted any more")
            return
        self._coming = Migration(
            self._store,
            self.index.of_another(encoder.encoder_id, encoder.dimension),
            self._workers,
            replace(self.settings, encoder=encoder),
            answers=self._answers,
            now=self._now,
        )
        self.note(f"{self._coming.progress.sentence}; until then {self.settings.encoder.encoder_id} serves")

    def clear_up(self) -> None:
        """Has vectors removed that nobody will ask for, when there is time."""
        self._has_litter = True

    @property
    def is_idle(self) -> bool:
        """Whether no encoder is on its way and nothing is left to remove."""
        return self._coming is None and not self._has_litter

    @property
    def progress(self) -> Progress | None:
        """How far the encoder is that comes; None where none does."""
        return None if self._coming is None else self._coming.progress

    def arrived(self, content: int) -> None:
        """The encoder that serves has seen this content, or its file is back."""
        if self._coming is not None:
            self._coming.arrived(content)

    def touch(self, contents: Iterable[int]) -> None:
        """The photos, links or verdicts of these contents changed."""
        if self._coming is not None:
            self._coming.touch(contents)

    @property
    def holds_back(self) -> bool:
        """Whether new photos wait a moment: so little is left that it comes first."""
        return self._coming is not None and self._coming.is_nearly_done

    def may_go_on(self, *, is_free: bool, is_drained: bool, is_paused: bool) -> bool:
        """Whether `step` would do something now.

        `is_free`: nothing else is to be done. `is_drained`: no task is out that asks the encoder that serves.
        """
        coming = self._coming
        if is_paused:
            return False
        if coming is None:
            return self._has_litter and is_free
        if coming.is_ready:
            return is_drained
        return (is_free or coming.is_nearly_done) and coming.may_go_on(self._at_once)

    def step(self) -> bool:
        """Goes on a little, where it may; whether another encoder serves from now on."""
        coming = self._coming
        if coming is None:
            self._has_litter = forget_others(self._store)
            return False
        if not coming.is_ready:
            coming.step(self._at_once)
            return False
        coming.take_over()
        left_out = f"; {counted(len(coming.gone), 'photo')} could not be had" if coming.gone else ""
        self.clear_up()
        before, self._coming = self.settings.encoder, None
        self.settings, self.index = coming.settings, coming.index
        self.took_over(self.settings.encoder, self.index)
        self.note(
            f"{self.settings.encoder.encoder_id} serves from now on, in the place of {before.encoder_id}{left_out}"
        )
        return True

    @property
    def _at_once(self) -> int:
        count = self._workers.count
        return 2 * count if self.in_a_hurry else max(1, count - 1)
