"""Groups in the store, made true again around contents that changed.

Comes in: contents whose links, photos or verdicts changed. Goes out: the groups of the whole region they touch,
re-partitioned, with ids that survive. The region is closed under links, under the owner's `together`, under the sets
that are recognised by what the cameras wrote and under the groups known before, so what is outside it cannot be
affected, and the result is the one a batch run over everything would give. Where the owner asked for a clustering, a
link between two clusters does not count, or each cluster is held whole; his words go before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Literal, NamedTuple

from sameshot.group.chain import chains
from sameshot.group.constraints import Constraints, Said, resolve
from sameshot.group.identity import lay_over
from sameshot.group.kinds import SET_KINDS, Switches, belongs_together, kind_of
from sameshot.group.partition import Star, partition
from sameshot.group.representative import certify
from sameshot.model import Group, Link
from sameshot.store.contents import ContentRow
from sameshot.store.store import Store
from sameshot.way.rating import rated
from sameshot.way.series import SeriesReader, counts

_DIVIDED_BY = {"star": partition, "chain": chains}
_EVERYTHING = Switches()
_AT_ONCE = 512


class Regrouped(NamedTuple):
    """`contents`: of the region that was grouped. `to_compare`: pairs of them to compare before that is final."""

    contents: set[int]
    to_compare: set[tuple[int, int]]


def regroup(
    store: Store,
    contents: Iterable[int],
    threshold: float,
    new_id: Callable[[], str],
    linkage: Literal["star", "chain"] = "star",
    switches: Switches = _EVERYTHING,
) -> Regrouped:
    """Brings the groups around `contents` up to date in one transaction.

    A part is taken up at a time: each region is closed, so what is found is the same, and memory stays that of a part.
    """
    done = Regrouped(set(), set())
    with store.transaction():
        left = sorted(set(contents))
        for start in range(0, len(left), _AT_ONCE):
            part = set(left[start : start + _AT_ONCE]) - done.contents
            if part:
                found = _regroup_around(store, part, threshold, new_id, linkage, switches)
                done.contents.update(found.contents)
                done.to_compare.update(found.to_compare)
    return done


def _regroup_around(
    store: Store,
    contents: set[int],
    threshold: float,
    new_id: Callable[[], str],
    linkage: Literal["star", "chain"],
    switches: Switches,
) -> Regrouped:
    series = SeriesReader(store, threshold, sets=switches.sets)
    region, constraints = _region(store, contents, threshold, series)
    mode = store.clusters.mode
    cluster_of = store.clusters.of(region) if mode else {}
    copies = store.photos.copies(region)
    rows = store.contents.get(copies)
    order = {content: row.digest for content, row in rows.items()}
    reaches = store.contents.reaches(copies)
    links = [
        link
        for link in store.links.among(copies, threshold)
        if counts(link, reaches) and _wanted(link, rows, series, switches) and _may_meet(link, cluster_of)
    ]
    stars = _DIVIDED_BY[linkage](sorted(copies), links, constraints, order)
    shown = [star for star in stars if _is_group(star, copies, switches)]
    known = store.groups.of(region)
    ids = lay_over(known, [star.members for star in shown], new_id)
    stars_by_id = list(zip(ids, shown, strict=True))
    whole = cluster_of if mode == "whole" else {}
    groups = _certified(store, stars_by_id, links, rows, series, constraints, whole, chained=linkage == "chain")
    before = store.groups.get(set(known.values()))
    if {group.id: group for group in groups} != {group.id: group for group in before}:
        store.groups.replace(set(known.values()), groups)
    return Regrouped(region, series.to_compare)


def regroup_all(
    store: Store,
    threshold: float,
    new_id: Callable[[], str],
    linkage: Literal["star", "chain"] = "star",
    switches: Switches = _EVERYTHING,
) -> Regrouped:
    """Clusters everything anew. Of a library in which nothing changed no group changes, and no id."""
    return regroup(store, store.contents.ids(), threshold, new_id, linkage, switches)


def kept_whole(store: Store, contents: Iterable[int]) -> set[int]:
    """Returns those of the contents whose group is one whole: none of them may be proposed for culling."""
    group_of = store.groups.of(contents)
    whole = {group.id for group in store.groups.get(set(group_of.values())) if belongs_together(group.kind)}
    return {content for content, group_id in group_of.items() if group_id in whole}


def _wanted(link: Link, rows: Mapping[int, ContentRow], series: SeriesReader, switches: Switches) -> bool:
    """Whether the owner wants groups for what makes these two alike."""
    if rows[link.first].pixel_digest == rows[link.second].pixel_digest:
        return switches.exact
    if switches.burst == switches.near:
        return switches.near
    return switches.burst if series.are_burst(link.first, link.second) else switches.near


def _may_meet(link: Link, cluster_of: Mapping[int, int]) -> bool:
    """Whether no clustering parts the two. A content that came after it is in no cluster, and may meet all."""
    first, second = cluster_of.get(link.first), cluster_of.get(link.second)
    return first is None or second is None or first == second


def _is_group(star: Star, copies: Mapping[int, int], switches: Switches) -> bool:
    shown = len(star.members) if not switches.exact else sum(copies[content] for content in star.members)
    return shown > 1


def _certified(
    store: Store,
    stars: list[tuple[str, Star]],
    links: Iterable[Link],
    rows: Mapping[int, ContentRow],
    series: SeriesReader,
    constraints: Constraints,
    cluster_of: Mapping[int, int],
    *,
    chained: bool,
) -> list[Group]:
    order = {content: row.digest for content, row in rows.items()}
    pictures = {content: row.pixel_digest for content, row in rows.items()}
    near: dict[int, dict[int, float]] = {}
    for link in links:
        near.setdefault(link.first, {})[link.second] = link.score
        near.setdefault(link.second, {})[link.first] = link.score
    ratings = rated(store, [star.members for _, star in stars])
    keeps = store.verdicts.keeps(order[content] for _, star in stars for content in star.members)
    groups = []
    for group_id, star in stars:
        quality = {content: ratings[content].value for content in star.members}
        kept = {content: keeps[order[content]] for content in star.members if order[content] in keeps}
        best, members = certify(
            star, near, quality, order, kept,
            block=constraints.block, frame_of=series.frame_of, cluster_of=cluster_of, chained=chained,
        )  # fmt: skip
        kind = kind_of(star.members, series.frame_of, pictures, series.captures, series.bursts)
        groups.append(Group(group_id, best, members, kind))
    return groups


def _region(store: Store, contents: set[int], threshold: float, series: SeriesReader) -> tuple[set[int], Constraints]:
    """Closes `contents` under all that holds photos together, and returns the constraints that hold inside."""
    region: set[int] = set()
    grown = set(contents)
    said: list[Said] = []
    clusters: dict[int, list[int]] = {}
    whole = store.clusters.mode == "whole"
    while grown != region:
        region = grown
        grown = store.links.component(region, threshold)
        said = _said(store, grown)
        grown |= {content for kind, a, b in said if kind == "together" for content in (a, b)}
        if whole:
            grown |= store.clusters.members(set(store.clusters.of(grown).values()))
        beside = series.read(grown)
        grown |= {content for known in series.sets for content in known.contents}
        # A frame that came may end a set that was one: those that were in it are grouped anew without it.
        for group in store.groups.get(set(store.groups.of(grown | beside).values())):
            members = {membership.content for membership in group.members}
            if not members.isdisjoint(grown) or group.kind in SET_KINDS:
                grown |= members
    # What is recognised counts as said before all else: the owner's word is newer.
    held: list[Said] = [("together", a, b) for known in series.sets for a, b in pairwise(known.contents)]
    if whole:
        for content, label in sorted(store.clusters.of(store.photos.copies(region)).items()):
            clusters.setdefault(label, []).append(content)
        held = [("together", a, b) for inside in clusters.values() for a, b in pairwise(inside)] + held
    return region, resolve([word for word in (*held, *said) if word[1] in region and word[2] in region])


def _said(store: Store, contents: set[int]) -> list[Said]:
    """The owner's words about pairs that touch `contents`, oldest first; photos that are not known are passed over."""
    if not store.verdicts.any():
        return []
    digests = [row.digest for row in store.contents.get(contents).values()]
    said: list[Said] = []
    for verdict in store.verdicts.touching(digests):
        ends = [row.id for digest in verdict.digests if (row := store.contents.by_digest(digest)) is not None]
        if verdict.kind != "keep" and len(ends) == 2:
            said.append((verdict.kind, ends[0], ends[1]))
    return said
