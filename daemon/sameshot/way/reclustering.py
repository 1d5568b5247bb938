"""What grouping everything anew would give, found on a copy of the state that is thrown away.

Comes in: a store, which is only read. Goes out: the groups as they are known, as they would be, and the contents around
which the two differ: to make it so, only these need be grouped anew.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sameshot.group.identity import new_group_id
from sameshot.group.kinds import Switches
from sameshot.store.store import Store
from sameshot.way.grouping import regroup_all

Shots = frozenset[frozenset[int]]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Groups as sets of contents."""

    known: Shots
    found: Shots

    @property
    def differing(self) -> tuple[int, ...]:
        """The contents of every group that is not in both, ascending."""
        return tuple(sorted({content for shot in self.known ^ self.found for content in shot}))


def propose(
    store: Store, threshold: float, linkage: Literal["star", "chain"], switches: Switches, folder: Path
) -> Proposal:
    """Groups a copy of `store` anew, which is in `folder` meanwhile. Raises StateUnavailable when it has no room."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="recluster-", dir=folder) as temporary:
        place = Path(temporary) / "copy.db"
        store.backup(place)
        with Store.open(place) as copy:
            known = shots_of(copy)
            regroup_all(copy, threshold, lambda: new_group_id(0), linkage, switches)
            return Proposal(known, shots_of(copy))


def shots_of(store: Store) -> Shots:
    """The groups of a store as sets of contents."""
    return frozenset(frozenset(member.content for member in group.members) for group in store.groups.all())


def merged_from(before: dict[int, str], members: Iterable[int]) -> tuple[str, ...]:
    """The earlier groups of which a group has members. `before`: content -> the group it was in."""
    return tuple(sorted({before[content] for content in members if content in before}))
