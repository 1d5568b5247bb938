"""Words that stand beside numbers.

Comes in: a count and what is counted, or two numbers to compare. Goes out: a phrase as people write it.
"""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "") -> str:
    """Returns `1 photo`, `2 photos`, `1,200 photos`; `plural` where an s does not make it."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def told_apart(value: float, other: float) -> tuple[str, str]:
    """Returns both with three digits, or with as many more as it takes to see that they differ."""
    digits = next((digits for digits in range(3, 16) if f"{value:.{digits}f}" != f"{other:.{digits}f}"), 3)
    return f"{value:.{digits}f}", f"{other:.{digits}f}"
