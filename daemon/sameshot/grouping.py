"""Groups in the store, made true again around contents that changed.

Comes in: contents whose links, photos or verdicts changed. Goes out: the groups of the whole region they touch,
re-partitioned, with ids that survive. The region is closed under links, under the owner's `together` and under the
groups known before, so what is outside it cannot be affected, and the result is the one a batch run over everything
would give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from sameshot.group.chain import chains
from sameshot.group.constraints import Constraints, Said, resolve
from sameshot.group.identity import lay_over
from sameshot.group.partition import Star, partition
from sameshot.group.representative import certify
from sameshot.model import Group, Link
from sameshot.rating import rated
from sameshot.store.store import Store

_DIVIDED_BY = {"star": partition, "chain": chains}


def regroup(
    store: Store,
    contents: Iterable[int],
    threshold: float,
    new_id: Callable[[], str],
    linkage: Literal["star", "chain"] = "star",
) -> set[int]:
    """Brings the groups around `contents` up to date in one transaction. Returns the contents of the region."""
    with store.transaction():
        region, constraints = _region(store, set(contents), threshold)
        copies = store.photos.copies(region)
        rows = store.contents.get(copies)
        order = {content: row.digest for content, row in rows.items()}
        reaches = store.contents.reaches(copies)
        links = [link for link in store.links.among(copies) if link.score >= threshold and _counts(link, reaches)]
        stars = _DIVIDED_BY[linkage](sorted(copies), links, constraints, order)
        shown = [star for star in stars if sum(copies[content] for content in star.members) > 1]
        known = store.groups.of(region)
        ids = lay_over(known, [star.members for star in shown], new_id)
        groups = _certified(store, list(zip(ids, shown, strict=True)), links, order, chained=linkage == "chain")
        before = store.groups.get(set(known.values()))
        if {group.id: group for group in groups} != {group.id: group for group in before}:
            store.groups.replace(set(known.values()), groups)
    return region


def _counts(link: Link, reaches: Mapping[int, float]) -> bool:
    """Whether the link lies within the reach of either end: see `linking`."""
    return link.cosine >= min(reaches.get(link.first, -1.0), reaches.get(link.second, -1.0))


def _certified(
    store: Store, stars: list[tuple[str, Star]], links: Iterable[Link], order: dict[int, bytes], *, chained: bool
) -> list[Group]:
    contents = [content for _, star in stars for content in star.members]
    scores = {(link.first, link.second): link.score for link in links}
    ratings = rated(store, [star.members for _, star in stars])
    keeps = store.verdicts.keeps(order[content] for content in contents)
    groups = []
    for group_id, star in stars:
        quality = {content: ratings[content].value for content in star.members}
        kept = {content for content in star.members if order[content] in keeps}
        best, members = certify(
            star, lambda a, b: scores.get((min(a, b), max(a, b))), quality, order, kept, chained=chained
        )
        groups.append(Group(group_id, best, members))
    return groups


def _region(store: Store, contents: set[int], threshold: float) -> tuple[set[int], Constraints]:
    """Closes `contents` under links, verdicts and known groups, and returns the constraints that hold inside."""
    region: set[int] = set()
    grown = set(contents)
    said: list[Said] = []
    while grown != region:
        region = grown
        grown = store.links.component(region, threshold)
        said = _said(store, grown)
        grown |= {content for kind, a, b in said if kind == "together" for content in (a, b)}
        for group in store.groups.get(set(store.groups.of(grown).values())):
            grown |= {membership.content for membership in group.members}
    return region, resolve([word for word in said if word[1] in region and word[2] in region])


def _said(store: Store, contents: set[int]) -> list[Said]:
    """The owner's words about pairs that touch `contents`, oldest first; photos that are not known are passed over."""
    digests = [row.digest for row in store.contents.get(contents).values()]
    said: list[Said] = []
    for verdict in store.verdicts.touching(digests):
        ends = [row.id for digest in verdict.digests if (row := store.contents.by_digest(digest)) is not None]
        if verdict.kind != "keep" and len(ends) == 2:
            said.append((verdict.kind, ends[0], ends[1]))
    return said
