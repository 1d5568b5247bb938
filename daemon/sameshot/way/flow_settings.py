"""What the flow needs of the config and of an encoder, and what is made of it for each encoder.

Comes in: values. Goes out: a linker that compares by them, and groups. Everything about comparing that is not of the
photos is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass

from sameshot.group.identity import new_group_id
from sameshot.group.kinds import Switches
from sameshot.index.neighbours import NeighbourIndex
from sameshot.service.workers import Workers
from sameshot.store.store import Store
from sameshot.way.comparing import kind_of_score
from sameshot.way.grouping import Regrouped, regroup
from sameshot.way.linking import PAIR_SCORE_READS, Linker
from sameshot.way.method import Method
from sameshot.way.second_looks import SecondLooks
from sameshot.way.series import neighbours_to_compare
from sameshot.wire.photos import EncoderHeader

GROUPS_ARE_MADE = "with neighbours in time"
"""The way of grouping. Whoever changes it, so that the same links make other groups, writes something else here."""


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """`encoder`: the one that serves."""

    encoder: EncoderHeader
    shortlist_cosine: float
    link_threshold: float
    method: Method
    switches: Switches
    look_deadline_s: float
    quiet_s: float
    network_quiet_s: float
    closed_after_s: float

    @property
    def links_of(self) -> str:
        """What the scores of links are of: those of two kinds are never mixed."""
        return kind_of_score(self.method, self.encoder.encoder_id)

    @property
    def reads(self) -> tuple[str, ...]:
        """The descriptors that comparing wants of each look: without one of them, the look was an older version's."""
        return PAIR_SCORE_READS if self.method.measure is None else ()

    @property
    def comparing(self) -> list[object]:
        """What decides which links and groups there are, besides the photos and the encoder."""
        method = self.method
        switches = list(astuple(self.switches))
        return [method.id, self.link_threshold, method.batch_size, method.linkage, switches, GROUPS_ARE_MADE]

    def regroup(self, store: Store, contents: Iterable[int], now: Callable[[], float]) -> Regrouped:
        """Brings the groups around these contents up to date; fresh ids tell the time."""
        new_id = lambda: new_group_id(int(now() * 1000))  # noqa: E731
        return regroup(store, contents, self.link_threshold, new_id, self.method.linkage, self.switches)

    def to_compare(self, store: Store, contents: Iterable[int]) -> set[tuple[int, int]]:
        """Returns the neighbours in time that grouping these contents would ask for."""
        return neighbours_to_compare(store, contents, self.link_threshold, sets=self.switches.sets)

    def linker(
        self,
        store: Store,
        index: NeighbourIndex,
        workers: Workers,
        second_looks: SecondLooks,
        *,
        linked: Callable[[int], None],
        touched: Callable[[int], None],
    ) -> Linker:
        """Returns what compares by these settings, with what the encoder saw in `index`."""
        return Linker(
            store,
            index,
            workers,
            method=self.method,
            second_looks=second_looks,
            encoder_id=self.encoder.encoder_id,
            shortlist_cosine=self.shortlist_cosine,
            link_threshold=self.link_threshold,
            deadline_s=self.look_deadline_s,
            linked=linked,
            touched=touched,
        )
