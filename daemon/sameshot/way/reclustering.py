"""What grouping everything anew would give, found on a copy of the state that is thrown away.

Comes in: a store, which is only read, and within which clusters to group, if any. Goes out: the groups as they are
known, as they would be, and the contents around which the two differ: to make it so, only these need be grouped anew.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from sameshot.group.identity import new_group_id
from sameshot.group.kinds import Switches
from sameshot.store.clusters import Mode
from sameshot.store.store import Store
from sameshot.store.whole_file import write_whole
from sameshot.way.grouping import regroup_all

CLUSTERING = "clusters.json"
"""The file in the cache folder that holds the clustering proposed last."""
Shots = frozenset[frozenset[int]]


@dataclass(frozen=True, slots=True)
class Clustering:
    """Within which clusters to group: content -> label. Without a `mode` within none.

    `differing`: the contents around which groups are others then, where that was found out.
    """

    mode: Mode | None = None
    labels: Mapping[int, int] = field(default_factory=dict)
    differing: tuple[int, ...] = ()

    @classmethod
    def of(cls, store: Store) -> Self:
        """The one that is in force."""
        return cls(store.clusters.mode, store.clusters.of(store.contents.ids()))

    def save(self, path: Path) -> None:
        """Leaves it for who makes it true. Raises OSError."""
        kept = {"mode": self.mode, "labels": list(self.labels.items()), "differing": self.differing}
        write_whole(path, json.dumps(kept).encode())

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` left. Raises OSError, or ValueError when it is no clustering."""
        kept = json.loads(path.read_text("utf-8"))
        if kept["mode"] not in (None, "certified", "whole"):
            raise ValueError("no clustering")
        labels = {int(content): int(label) for content, label in kept["labels"]}
        return cls(kept["mode"], labels, tuple(map(int, kept["differing"])))


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
    store: Store,
    threshold: float,
    linkage: Literal["star", "chain"],
    switches: Switches,
    folder: Path,
    clustering: Clustering | None = None,
) -> Proposal:
    """Groups a copy of `store` anew, which is in `folder` meanwhile. Raises StateUnavailable when it has no room.

    `clustering`: to group within, in the place of what the store has; None leaves that as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="recluster-", dir=folder) as temporary:
        place = Path(temporary) / "copy.db"
        store.copy_for_grouping(place)
        with Store.open(place) as copy:
            known = shots_of(copy)
            if clustering is not None:
                copy.clusters.replace(clustering.mode, clustering.labels)
            regroup_all(copy, threshold, lambda: new_group_id(0), linkage, switches)
            return Proposal(known, shots_of(copy))


def shots_of(store: Store) -> Shots:
    """The groups of a store as sets of contents."""
    return frozenset(frozenset(member.content for member in group.members) for group in store.groups.all())


def merged_from(before: Mapping[int, str], members: Iterable[int]) -> tuple[str, ...]:
    """The earlier groups of which a group has members. `before`: content -> the group it was in."""
    return tuple(sorted({before[content] for content in members if content in before}))
