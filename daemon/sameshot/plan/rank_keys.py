"""Sort keys with room between them, so that a new photo finds a place without renaming the others.

Comes in: the keys that the photos have, in the order wanted. Goes out: keys that ascend in that order, as many kept as
can be. Between two neighbours whose room is used up, the smallest window around them is spread anew. (Order
maintenance by list labelling: Dietz and Sleator 1987.) A key stands before the name as eight digits, a letter that is
computed from them, and `~`: `54321987k~IMG_1234.jpg`.

Digits of fixed width that never begin with 0 sort alike by bytes, by any locale and by the "natural" order of file
managers and Windows (no leading zeros to drop, small enough for 32 bits), and every pair is told apart within the
digits, before a letter or sign is looked at. The letter makes it one chance in 13 that even a name of just this odd
shape is taken for one of ours; dates and counters never are.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

FIRST_KEY = 10_000_000
LAST_KEY = 99_999_999
_LETTERS = "bcghjkmnpqrst"  # no vowels, so no words; no d, e, f, x, which some readers take for part of a number
_RANKED = re.compile(rf"([1-9][0-9]{{7}})([{_LETTERS}])~(.+)", re.DOTALL | re.ASCII)
_ROOM_EACH = 8
"""A window that is spread anew ends with at least this many keys for each photo, so that it does not fill at once."""


def ranked_name(key: int, name: str) -> str:
    """`name` behind the prefix of `key`."""
    return f"{key}{_LETTERS[key % len(_LETTERS)]}~{name}"


def parse_ranked_name(name: str) -> tuple[int, str] | None:
    """The key and the original name, None when `name` has no prefix of ours."""
    match = _RANKED.fullmatch(name)
    if match is None or _LETTERS[int(match[1]) % len(_LETTERS)] != match[2]:
        return None
    return int(match[1]), match[3]


def unranked_name(name: str) -> str:
    """`name` without a prefix of ours."""
    parsed = parse_ranked_name(name)
    return parsed[1] if parsed else name


def ascending_keys(present: Sequence[int | None], forbidden: Collection[int] = ()) -> list[int]:
    """Keys that ascend in the order given, `present` ones kept where they can be.

    present: the key each photo has, None for a new one. A photo that gets a new key never gets one that is `present`
    or `forbidden`: two names must not meet while the renames are under way.

    Raises ValueError when there are more photos than keys.
    """
    keys = _longest_ascending(present)
    blocked = sorted({key for key in present if key is not None} | set(forbidden))
    start = 0
    while start < len(keys):
        if keys[start] is not None:
            start += 1
            continue
        first, after = _window(keys, start, blocked)
        low, high = _bounds(keys, first, after)
        keys[first:after] = _spread(low, high, after - first, blocked)
        start = after
    return [key for key in keys if key is not None]


def _longest_ascending(present: Sequence[int | None]) -> list[int | None]:
    """The same, with None wherever a key breaks the longest ascending run. Patience sorting, Fredman 1975."""
    tails: list[int] = []
    tail_at: list[int] = []
    previous: list[int] = [-1] * len(present)
    for position, key in enumerate(present):
        if key is None:
            continue
        length = bisect_left(tails, key)
        previous[position] = tail_at[length - 1] if length else -1
        if length == len(tails):
            tails.append(key)
            tail_at.append(position)
        else:
            tails[length], tail_at[length] = key, position
    kept: list[int | None] = [None] * len(present)
    position = tail_at[-1] if tail_at else -1
    while position >= 0:
        kept[position] = present[position]
        position = previous[position]
    return kept


def _window(keys: Sequence[int | None], start: int, blocked: Sequence[int]) -> tuple[int, int]:
    """The smallest stretch around the unassigned run at `start` that has room for its photos."""
    first = after = start
    after = _run_end(keys, after)
    wanted_each = 1
    while True:
        low, high = _bounds(keys, first, after)
        if _free(low, high, blocked) >= (after - first) * wanted_each:
            return first, after
        wanted_each = _ROOM_EACH
        if first == 0 and after == len(keys):
            if _free(low, high, blocked) >= len(keys):
                return first, after
            raise ValueError(f"there are {LAST_KEY - FIRST_KEY + 1} sort keys, too few for {len(keys)} photos")
        # Give way on the side where a step gains more room.
        gain_left = low - _bounds(keys, first - 1, after)[0] if first > 0 else -1
        end = _run_end(keys, after + 1)
        gain_right = _bounds(keys, first, end)[1] - high if after < len(keys) else -1
        if gain_left >= gain_right:
            first -= 1
        else:
            after = end


def _run_end(keys: Sequence[int | None], position: int) -> int:
    while position < len(keys) and keys[position] is None:
        position += 1
    return min(position, len(keys))


def _bounds(keys: Sequence[int | None], first: int, after: int) -> tuple[int, int]:
    low = keys[first - 1] if first > 0 else FIRST_KEY - 1
    high = keys[after] if after < len(keys) else LAST_KEY + 1
    assert low is not None
    assert high is not None
    return low, high


def _free(low: int, high: int, blocked: Sequence[int]) -> int:
    return max(0, high - low - 1 - (bisect_left(blocked, high) - bisect_left(blocked, low + 1)))


def _spread(low: int, high: int, count: int, blocked: Sequence[int]) -> list[int | None]:
    """`count` keys between `low` and `high`, evenly among those that are not blocked."""
    free, pointer = _free(low, high, blocked), bisect_left(blocked, low + 1)
    passed, keys = 0, []
    for number in range(1, count + 1):
        wanted = number * (free + 1) // (count + 1)
        while pointer < len(blocked) and blocked[pointer] <= low + wanted + passed:
            pointer += 1
            passed += 1
        keys.append(low + wanted + passed)
    return list(keys)
