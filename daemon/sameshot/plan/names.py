"""Target names that meet nothing: neither each other nor what lies in the folder already.

Comes in: the name a photo should have, its files, and what each folder holds. Goes out: one name for each file, all
with the same new stem, with ` (2)` before the extension where the name was taken. Names are compared casefolded and
NFC, so that a library copied to a share or a stick loses nothing. Refuses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from sameshot.plan.safe_text import LIMIT_BYTES, cut, folded, safe_component, size_bytes, split_name

Taken = Callable[[Path], Collection[str]]
"""The names that exist in a folder; none where the folder does not exist."""

_TAIL_LIMIT_BYTES = 100
"""What a companion may add to the stem it shares (`.cr3.xmp`); a longer one is named by itself."""


class Names:
    """The names in use while one plan is made."""

    def __init__(self, taken: Taken) -> None:
        self._taken = taken
        self._used: dict[str, set[str]] = {}
        self._next_number: dict[tuple[str, str], int] = {}

    def is_used(self, folder: Path, name: str) -> bool:
        """Whether `name` exists in `folder`, or was given out by this plan."""
        return folded(name) in self._names_in(folder)

    def use(self, folder: Path, name: str) -> None:
        """Takes `name` in `folder`, as a file or as a folder."""
        self._names_in(folder).add(folded(name))

    def free(self, folder: Path, name: str) -> None:
        """Gives `name` back: an earlier step of this plan takes the file away."""
        self._names_in(folder).discard(folded(name))

    def claim(self, folder: Path, name: str, primary: str, companions: Sequence[str]) -> tuple[str, ...]:
        """Names for the files of one photo in `folder`: of the primary, then of each companion in order.

        `name` is what the primary should be called, `primary` and `companions` are the present file names.
        """
        key = (folded(str(folder)), folded(name))
        number = self._next_number.get(key, 1)
        while True:
            names = unit_names(name, primary, companions, f" ({number})" if number > 1 else "")
            folds = {folded(each) for each in names}
            number += 1
            if self._names_in(folder).isdisjoint(folds):
                self._names_in(folder).update(folds)
                self._next_number[key] = number
                return names

    def _names_in(self, folder: Path) -> set[str]:
        key = folded(str(folder))
        if key not in self._used:
            self._used[key] = {folded(name) for name in self._taken(folder)}
        return self._used[key]


def unit_names(name: str, primary: str, companions: Sequence[str], suffix: str) -> tuple[str, ...]:
    """The names of one photo's files when the primary is called `name`: one stem, one suffix, every tail kept."""
    old_stem, extension = split_name(primary)
    if extension and name.casefold().endswith(extension.casefold()):
        new_stem, extension = name[: -len(extension)], name[-len(extension) :]
    else:
        new_stem, extension = split_name(name)
    tails = [_tail(old_stem, companion) for companion in companions]
    longest = max(size_bytes(tail) for tail in (extension, *filter(None, tails)))
    shared = cut(new_stem, LIMIT_BYTES - longest - size_bytes(suffix))
    parts = [(shared, extension)]
    for companion, tail in zip(companions, tails, strict=True):
        stem, own_extension = split_name(companion)
        before, found, after = new_stem.partition(old_stem)
        own_stem = before + stem + after if found else f"{new_stem} {stem}"
        parts.append((own_stem, own_extension) if tail is None else (shared, tail))
    names: dict[str, str] = {}
    for stem, tail in parts:
        name, twin = _fitted(stem, suffix, tail), 1
        while folded(name) in names:
            # Two companions that differ in case only.
            twin += 1
            name = _fitted(stem, f"{suffix} {twin}", tail)
        names[folded(name)] = name
    return tuple(names.values())


def _fitted(stem: str, suffix: str, tail: str) -> str:
    return safe_component(cut(stem, LIMIT_BYTES - size_bytes(suffix + tail)).rstrip(" .") + suffix + tail)


def _tail(stem: str, companion: str) -> str | None:
    head, tail = companion[: len(stem)], companion[len(stem) :]
    shares = folded(head) == folded(stem) and tail.startswith(".") and size_bytes(tail) <= _TAIL_LIMIT_BYTES
    return tail if shares else None
