"""What the owner said about sameness, and what is known to belong together, made consistent.

Comes in: `together` and `apart` pairs, newest last. Goes out: sets that must stay whole and pairs that must not meet.
A pair that contradicts a newer one, directly or through others, is left out: the newest word wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Said = tuple[Literal["together", "apart"], int, int]


@dataclass(frozen=True, slots=True)
class Constraints:
    """`block_of` maps a content to the smallest content of its must-stay-whole set; `apart` holds pairs of blocks."""

    block_of: dict[int, int]
    apart: frozenset[tuple[int, int]]

    def block(self, content: int) -> int:
        """Returns the block of `content`: itself where nothing was said."""
        return self.block_of.get(content, content)

    def forbids(self, block: int, others: Iterable[int]) -> bool:
        """Tells whether the owner keeps `block` apart from any of the blocks `others`."""
        return bool(self.apart) and any(_pair(block, other) in self.apart for other in others)


def resolve(said: Sequence[Said]) -> Constraints:
    """Turns what was said, oldest first, into consistent constraints. O(words), times the few that say `apart`."""
    whole: dict[int, set[int]] = {}
    apart: list[tuple[int, int]] = []
    for kind, a, b in reversed(said):
        one, other = whole.get(a, {a}), whole.get(b, {b})
        if kind == "apart" and b not in one:
            apart.append((a, b))
        elif kind == "together" and b not in one and not any(_meet(pair, one, other) for pair in apart):
            smaller, larger = sorted((one, other), key=len)
            larger |= smaller
            whole.update(dict.fromkeys((*smaller, a, b), larger))
    least = {id(block): min(block) for block in whole.values()}
    root = {content: least[id(block)] for content, block in whole.items()}
    return Constraints(block_of=root, apart=frozenset(_pair(root.get(a, a), root.get(b, b)) for a, b in apart))


def _meet(pair: tuple[int, int], one: set[int], other: set[int]) -> bool:
    a, b = pair
    return (a in one and b in other) or (a in other and b in one)


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
