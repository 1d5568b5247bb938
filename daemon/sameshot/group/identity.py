"""Group ids that survive re-clustering.

Comes in: the groups known before and the sets found now. Goes out: an id for each set. A set keeps the id of the known
group it shares most members with; what is new gets a new id, which sorts by time and holds nothing of its photos.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def lay_over(known: Mapping[int, str], sets: Sequence[Sequence[int]], new_id: Callable[[], str]) -> list[str]:
    """Returns one id for each of `sets`, in their order. `known` maps a content to the id of the group it was in.

    Largest overlap first; between equals the older id, then the set that comes first.
    """
    overlaps = sorted(
        (-shared, group, index)
        for index, contents in enumerate(sets)
        for group, shared in Counter(known[c] for c in contents if c in known).items()
    )
    chosen: dict[int, str] = {}
    taken: set[str] = set()
    for _, group, index in overlaps:
        if index not in chosen and group not in taken:
            chosen[index] = group
            taken.add(group)
    return [chosen.get(index) or new_id() for index in range(len(sets))]


def new_group_id(now_ms: int) -> str:
    """Returns a fresh id: `g`, ten digits of milliseconds since 1970 and ten of chance, in Crockford's base 32."""
    return "g" + _base32(now_ms, 10) + _base32(secrets.randbits(50), 10)


def _base32(number: int, digits: int) -> str:
    return "".join(_CROCKFORD[(number >> (5 * place)) & 31] for place in reversed(range(digits)))
