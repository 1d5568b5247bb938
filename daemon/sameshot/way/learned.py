"""What was learned from the owner, as the store keeps it, and what it took the place of.

Comes in: the store, and what was learned. Goes out: the lessons that hold now. There are two: `pair-score`, a shift of
its log odds, and `representative`, weights of what makes a photo the best of its group. One that is forgotten is kept
with the earlier ones, and by night it is not learned again before the owner asks for it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sameshot.store.store import Store

NAMES = ("pair-score", "representative")
_KEY = "learned"
_EARLIER_KEPT = 3


@dataclass(frozen=True, slots=True)
class Lesson:
    """`of`: the method that it corrects. `values`: the shift, or the weights by strength. `why`: how good it is.

    `version` counts the lessons of one name; `words` and `sets` are what it was learned from.
    """

    name: str
    version: int
    learned_at: str
    of: str
    values: dict[str, float]
    words: int
    sets: int
    why: str


def lesson(store: Store, name: str) -> Lesson | None:
    """The lesson that holds now; None where the program is as it was shipped."""
    now = _known(store, name)["now"]
    return None if now is None else Lesson(**now)


def was_forgotten(store: Store, name: str) -> bool:
    """Whether the owner had it forgotten, and did not ask for it since."""
    return bool(_known(store, name)["forgotten"])


def keep(store: Store, name: str, new: Lesson | None, *, forgotten: bool = False) -> bool:
    """Puts a lesson, or none, in the place of the one that held. Returns whether that changes more than its figures."""
    known = _known(store, name)
    before = known["now"]
    if (before and before["values"]) == (new and new.values) and (before and before["of"]) == (new and new.of):
        figures = {} if new is None else {"words": new.words, "sets": new.sets, "why": new.why}
        _write(store, name, known | {"now": before and before | figures, "forgotten": forgotten})
        return False
    earlier = ([before] if before else []) + known["earlier"]
    now = None if new is None else asdict(new) | {"version": known["versions"] + 1}
    versions = known["versions"] + (new is not None)
    changed = {"now": now, "earlier": earlier[:_EARLIER_KEPT], "versions": versions, "forgotten": forgotten}
    _write(store, name, changed)
    return True


def weights(store: Store) -> dict[str, float]:
    """The weight of each strength of a photo by name; those that are not named weigh 1."""
    known = lesson(store, "representative")
    return {} if known is None else known.values


def _known(store: Store, name: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"now": None, "earlier": [], "versions": 0, "forgotten": False}
    known: dict[str, Any] = store.meta.get(_KEY, {}).get(name, empty)
    return known


def _write(store: Store, name: str, known: dict[str, Any]) -> None:
    store.meta.set(_KEY, store.meta.get(_KEY, {}) | {name: known})
