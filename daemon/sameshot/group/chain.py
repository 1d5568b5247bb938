"""Links to groups that chain: X-A-B-Y is one group, because each is like the next.

Comes in and goes out: the same as in `partition`. Connected components, as the pairwise ancestor made them, built from
the strongest link on, so that where the owner keeps two photos apart the weakest bridge between them is left out. A
member need not be like its representative: groups of a growing collection run together, so this is no default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sameshot.group.constraints import Constraints
from sameshot.group.partition import Star
from sameshot.model import Link


def chains(
    contents: Sequence[int], links: Iterable[Link], constraints: Constraints, order: Mapping[int, bytes]
) -> list[Star]:
    """Divides `contents` into chains; each content is in exactly one. A chain's hub is its member with most links.

    `order` gives each content a key that does not depend on the order of arrival (its digest). Links to contents that
    are not in `contents` are passed over.
    """
    known = set(contents)
    inside = [link for link in links if link.first in known and link.second in known]
    whole: dict[int, set[int]] = {}
    for content in known:
        whole.setdefault(constraints.block(content), set()).add(content)
    part_of = {content: whole[constraints.block(content)] for content in known}
    degree = dict.fromkeys(known, 0)
    inside.sort(key=lambda link: (-link.score, *sorted((order[link.first], order[link.second]))))
    for link in inside:
        degree[link.first] += 1
        degree[link.second] += 1
        one, other = part_of[link.first], part_of[link.second]
        if one is other:
            continue
        blocks = {constraints.block(content) for content in other}
        if any(constraints.forbids(constraints.block(content), blocks) for content in one):
            continue
        smaller, larger = sorted((one, other), key=len)
        larger |= smaller
        part_of.update(dict.fromkeys(smaller, larger))
    found = {id(part): part for part in part_of.values()}.values()
    return [
        Star(
            min(part, key=lambda content: (-degree[content], order[content])),
            tuple(sorted(part, key=order.__getitem__)),
        )
        for part in sorted(found, key=lambda part: min(order[content] for content in part))
    ]
