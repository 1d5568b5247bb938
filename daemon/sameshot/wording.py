"""Words that stand beside numbers.

Comes in: a count and what is counted. Goes out: a phrase as people write it.
"""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "") -> str:
    """Returns `1 photo`, `2 photos`, `1,200 photos`; `plural` where an s does not make it."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
