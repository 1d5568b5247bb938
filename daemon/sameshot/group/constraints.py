"""What the owner said about sameness, made consistent.

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
        """Returns the block of `content`: itself where the owner said nothing."""
        return self.block_of.get(content, content)

    def forbids(self, block: int, others: Iterable[int]) -> bool:
        """Tells whether the owner keeps `block` apart from any of the blocks `others`."""
        return any(_pair(block, other) in self.apart for other in others)


def resolve(said: Sequence[Said]) -> Constraints:
    """Turns what was said, oldest first, into consistent constraints. O(words^2) in the worst case; words are few."""
    kept: list[Said] = []
    for word in reversed(said):
        if _consistent([*kept, word]):
            kept.append(word)
    root = _union(kept)
    return Constraints(
        block_of=dict(root),
        apart=frozenset(_pair(root.get(a, a), root.get(b, b)) for kind, a, b in kept if kind == "apart"),
    )


def _consistent(said: Sequence[Said]) -> bool:
    root = _union(said)
    return all(root.get(a, a) != root.get(b, b) for kind, a, b in said if kind == "apart")


def _union(said: Iterable[Said]) -> dict[int, int]:
    members: dict[int, set[int]] = {}
    for kind, a, b in said:
        if kind == "together":
            whole = members.get(a, {a}) | members.get(b, {b})
            members.update(dict.fromkeys(whole, whole))
    return {content: min(whole) for content, whole in members.items()}


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
