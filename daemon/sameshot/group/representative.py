"""Who stands for a group, and what vouches for every other member.

Comes in: a star, the scores among its members, their quality, what the owner chose to keep, what must stay whole. Goes
out: the representative and one `Membership` for each member. The representative is the best photo among those that
every other member is provably like, so that the certificate of each member is measured against the photo that people
see; of a set that must stay whole it is enough to be like one frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sameshot.group.partition import Star
from sameshot.model import Membership, SetKind

Near = Mapping[int, Mapping[int, float]]
"""Content -> the contents it is linked to, and the scores; symmetric."""
_NOTHING: Mapping[int, int] = {}


def certify(
    star: Star,
    near: Near,
    quality: Mapping[int, float],
    order: Mapping[int, bytes],
    kept: Mapping[int, int] = _NOTHING,
    *,
    block: Callable[[int], int] = lambda content: content,
    frame_of: Mapping[int, SetKind] | None = None,
    cluster_of: Mapping[int, int] | None = None,
    chained: bool = False,
) -> tuple[int, tuple[Membership, ...]]:
    """Chooses the representative of `star` and certifies its members, the representative first.

    `block`: content -> the set that must stay whole that it is in. `frame_of`: of which kind of set a content is a
    frame. `kept`: members that the owner wants to stand for it, each with a number; the greatest, said last, wins
    outright. What is not measured as like it is then certified by the set that it is a frame of, where groups are
    `chained` by its strongest link to any member, by the cluster that it shares with it, by the member that all were
    gathered around (`kept`, with the score to that one), else by the owner. `cluster_of`: content -> its cluster, where
    clusters are groups as they are.
    """
    members = set(star.members)
    blocks = {block(content) for content in members}
    hub_reach = len(members & near.get(star.hub, {}).keys())

    def stands_for_all(content: int) -> bool:
        linked = members & near.get(content, {}).keys()
        return len(linked) >= hub_reach and (chained or {block(content), *map(block, linked)} == blocks)

    newest = max((kept[content] for content in star.members if content in kept), default=0)
    wanted = [content for content in star.members if kept.get(content) == newest]
    able = wanted or [content for content in star.members if stands_for_all(content)] or [star.hub]
    best = min(able, key=lambda content: (-quality[content], order[content]))

    def vouch(member: int) -> Membership:
        linked = near.get(member, {})
        if best in linked:
            return Membership(member, linked[best], "measured")
        if frame_of and member in frame_of:
            return Membership(member, 0.0, frame_of[member])
        inside = [score for other, score in linked.items() if other in members] if chained else []
        if inside:
            return Membership(member, max(inside), "chain")
        cluster = (cluster_of or {}).get(best)
        shared = cluster is not None and (cluster_of or {}).get(member) == cluster
        if shared:
            return Membership(member, 0.0, "cluster")
        if wanted and (member == star.hub or star.hub in linked):
            return Membership(member, linked.get(star.hub, 1.0), "kept")
        return Membership(member, 0.0, "owner")

    others = sorted(members - {best}, key=lambda content: (-quality[content], order[content]))
    return best, (Membership(best, 1.0, "itself"), *map(vouch, others))
