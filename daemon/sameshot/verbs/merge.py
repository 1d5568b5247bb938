"""Groups that were formed apart become one where they show one shot; and back.

Comes in: the app, and around which contents to look. Goes out: which groups became which, and what certifies each
member. A group made of others passes the same certificate as any: each member is measured as like its representative,
or its set's kind or the owner vouches for it; never is it only like some other member. No file is touched. Each merge
is remembered with the photos that each part had, so it can be taken back: the parts are then kept apart as the owner's
word, until he says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any

from sameshot.app import App
from sameshot.errors import BadInput, StateUnavailable
from sameshot.model import Group
from sameshot.way.reclustering import CLUSTERING, Clustering, merged_from

_REMEMBERED = 2000
MERGES = "merges"


@dataclass(frozen=True, slots=True)
class MergedMember:
    """A photo of a merged group: its score to the representative, and who vouches for it."""

    path: Path
    score: float
    certified_by: str


@dataclass(frozen=True, slots=True)
class Merged:
    """A group that is made of others. `of`: their ids, or of photos that were alone."""

    group: str
    of: tuple[str, ...]
    members: tuple[MergedMember, ...]


@dataclass(frozen=True, slots=True)
class MergeResult:
    """`merged`: by id. `changed`: how many other groups are not what they were. `parted`: ids of merges taken back."""

    merged: tuple[Merged, ...] = ()
    changed: int = 0
    parted: tuple[str, ...] = ()


def merge(
    app: App,
    *,
    contents: tuple[int, ...] | None = None,
    clusters: bool = False,
    undo: bool = False,
    group: str = "",
) -> MergeResult:
    """Groups anew around `contents`, or everything, and tells which groups were merged.

    `clusters`: within the clusters that `recluster` proposed last, and around what it found. `undo`: takes back what
    the last run merged, or the merge that made `group`. Raises BadInput when there is nothing to take back,
    StateUnavailable without a proposal.
    """
    if undo:
        return _taken_back(app, group)
    if clusters:
        proposed = take_clusters(app)
        contents = proposed if contents is None else contents
    around = set(app.store.contents.ids() if contents is None else contents)
    return merged_around(app, around, app.today().isoformat(timespec="seconds"))


def merged_around(app: App, around: set[int], at: str) -> MergeResult:
    """Groups anew around these contents, and tells which groups were merged. `at`: of the run, to take it back by."""
    groups = app.store.groups
    known = {known.id: known for known in groups.get(set(groups.of(around).values()))}
    before = {member.content: one.id for one in known.values() for member in one.members}
    if around:
        app.flow.touch(around)
        app.flow.regroup()
    now = groups.get(set(groups.of({*around, *before}).values()))
    new = [one for one in now if _shot(one) != _shot(known.get(one.id))]
    made = {one.id: of for one in new if len(of := merged_from(before, _shot(one))) > 1}
    _remember(app, [one for one in new if one.id in made], before, at)
    merged = [Merged(one.id, made[one.id], _members(app, one)) for one in new if one.id in made]
    gone = known.keys() - {one.id for one in now} - {name for of in made.values() for name in of}
    return MergeResult(tuple(merged), len(new) - len(merged) + len(gone))


def merges(app: App) -> list[dict[str, Any]]:
    """Returns the merges that are remembered, oldest first: when, which group, of which, the digests of each part."""
    kept: list[dict[str, Any]] = app.store.meta.get(MERGES, [])
    return kept


def take_clusters(app: App) -> tuple[int, ...]:
    """The clustering that was proposed last is in force from now on; returns around what it makes other groups.

    Raises StateUnavailable without one.
    """
    place = app.locations.cache_dir / CLUSTERING
    try:
        proposed = Clustering.load(place)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StateUnavailable("No clustering was proposed", "Run `sameshot recluster` first") from error
    app.store.clusters.replace(proposed.mode, proposed.labels)
    return proposed.differing


def _remember(app: App, groups: Iterable[Group], before: Mapping[int, str], at: str) -> None:
    """One row for each group that was made of others."""
    fresh = []
    for one in groups:
        digests = app.store.contents.get(_shot(one))
        parts: dict[str, list[str]] = {}
        for content in sorted(_shot(one)):
            if content in before:
                parts.setdefault(before[content], []).append(digests[content].digest.hex())
        fresh.append({"at": at, "group": one.id, "of": sorted(parts), "parts": [parts[name] for name in sorted(parts)]})
    if fresh:
        app.store.meta.set(MERGES, [*merges(app), *fresh][-_REMEMBERED:])


def _taken_back(app: App, group: str) -> MergeResult:
    """Keeps apart what the merges joined."""
    kept = merges(app)
    last = kept[-1]["at"] if kept else ""
    chosen = [row for row in kept if (row["group"] == group if group else row["at"] == last)]
    if not chosen:
        raise BadInput(f"No merge made the group {group}" if group else "No merge is left to take back")
    touched: set[int] = set()
    with app.store.transaction(durable=True):
        for row in chosen:
            for one, other in combinations(row["parts"], 2):
                for pair in product(one, other):
                    app.store.verdicts.add("apart", map(bytes.fromhex, pair), app.now())
            found = (app.store.contents.by_digest(bytes.fromhex(digest)) for part in row["parts"] for digest in part)
            touched |= {content.id for content in found if content is not None}
        app.store.meta.set(MERGES, [row for row in kept if row not in chosen])
    app.flow.touch(touched)
    app.flow.regroup()
    return MergeResult(parted=tuple(sorted({row["group"] for row in chosen})))


def _shot(group: Group | None) -> frozenset[int]:
    return frozenset(member.content for member in group.members) if group else frozenset()


def _members(app: App, group: Group) -> tuple[MergedMember, ...]:
    views = app.store.photos.views([member.content for member in group.members])
    return tuple(
        MergedMember(view.path, round(member.score, 4), member.certified_by)
        for member in group.members
        for view in views.get(member.content, ())
    )
