"""Who stands for a group, and what vouches for every other member.

Comes in: a star, the scores among its members, their quality, what the owner chose to keep. Goes out: the
representative and one `Membership` for each member. The representative is the best photo among those that every other
member is provably like, so that the certificate of each member is measured against the photo that people see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet

from sameshot.group.partition import Star
from sameshot.model import Membership

Score = Callable[[int, int], float | None]
"""The measured score of two contents at or above the threshold, else None."""


def certify(
    star: Star,
    score: Score,
    quality: Mapping[int, float],
    order: Mapping[int, bytes],
    kept: AbstractSet[int] = frozenset(),
    *,
    chained: bool = False,
) -> tuple[int, tuple[Membership, ...]]:
    """Chooses the representative of `star` and certifies its members, the representative first.

    A member the owner asked to keep wins outright; what is not measured as like it is then certified by the owner, or
    where groups are `chained` by its strongest link to any member.
    """
    hub_reach = sum(score(star.hub, other) is not None for other in star.members if other != star.hub)

    def reach(content: int) -> int:
        return sum(score(content, other) is not None for other in star.members if other != content)

    wanted = [content for content in star.members if content in kept]
    able = wanted or [content for content in star.members if reach(content) >= hub_reach]
    best = min(able, key=lambda content: (-quality[content], order[content]))
    others = sorted((c for c in star.members if c != best), key=lambda c: (-quality[c], order[c]))
    return best, (
        Membership(best, 1.0, "itself"),
        *(_vouch(best, other, score, star.members if chained else ()) for other in others),
    )


def _vouch(representative: int, member: int, score: Score, chain: Iterable[int]) -> Membership:
    measured = score(representative, member)
    if measured is None:
        near = [found for other in chain if other != member and (found := score(member, other)) is not None]
        if near:
            return Membership(member, max(near), "chain")
        return Membership(member, 0.0, "owner")
    return Membership(member, measured, "measured")
