"""What the owner said, by digest: it outlives files, contents and groups.

A verdict on several photos is kept as one row for each pair, so that a later word on two of them displaces exactly
what it contradicts. The newest wins; what it displaced, and what was taken back, stays on record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from sameshot.model import VerdictKind
from sameshot.store.connection import Connection, Row

_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Verdict:
    """One standing word. `digests`: the two contents it is about in ascending order, or the one of a `keep`."""

    id: int
    kind: VerdictKind
    digests: tuple[bytes, ...]
    at_s: float


@dataclass(frozen=True, slots=True)
class VerdictPairs:
    """Pairs of digests, each in ascending order, that belong together and that do not."""

    together: frozenset[tuple[bytes, bytes]]
    apart: frozenset[tuple[bytes, bytes]]


class Verdicts:
    """The owner's verdicts; writing one is durable once the call returns."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, kind: VerdictKind, digests: Iterable[bytes], now_s: float) -> list[Verdict]:
        """Record a verdict on all pairs of `digests` (or on each, for `keep`); the opposite verdicts it displaced.

        A `keep` that is said again counts from now on: of several in one group the newest wins.

        Raises ValueError when `together` or `apart` is said of fewer than two different contents.
        """
        distinct = sorted(set(digests))
        pairs = [(digest, digest) for digest in distinct] if kind == "keep" else list(combinations(distinct, 2))
        if not pairs:
            raise ValueError(
                f"the verdict {kind!r} needs at least {'one' if kind == 'keep' else 'two different'} photos"
            )
        displaced: list[Verdict] = []
        with self._connection.transaction(durable=True):
            for first, second in pairs:
                standing = self._connection.row(f"{_STANDING} AND first = ? AND second = ?", [first, second])
                said_again = standing is not None and standing[1] == kind
                if said_again and kind != "keep":
                    continue
                if standing is not None:
                    displaced += [] if said_again else [_verdict(standing)]
                    # Set aside under its own id until the new one has an id: one standing verdict a pair.
                    self._connection.write("UPDATE verdicts SET displaced_by = id WHERE id = ?", [standing[0]])
                new = self._connection.write(
                    "INSERT INTO verdicts (kind, first, second, at_s) VALUES (?, ?, ?, ?) RETURNING id",
                    [kind, first, second, now_s],
                )
                if standing is not None:
                    self._connection.write(
                        "UPDATE verdicts SET displaced_by = ? WHERE id = ?", [new[0][0], standing[0]]
                    )
        return displaced

    def withdraw(self, digests: Iterable[bytes], *, wholly: bool) -> list[Verdict]:
        """Take back the words on pairs of these contents, or `wholly` all that was said of any; what stood till now."""
        about = set(digests)
        words = self.touching(about)
        if not wholly:
            words = [word for word in words if len(word.digests) == 2 and about.issuperset(word.digests)]
        with self._connection.transaction(durable=True):
            for word in words:
                self._connection.write("UPDATE verdicts SET displaced_by = id WHERE id = ?", [word.id])
        return words

    def any(self) -> bool:
        """Whether any verdict stands."""
        # The bound lets the index of standing ones be searched.
        return self._connection.row(f"{_STANDING} AND first >= x'' LIMIT 1") is not None

    def standing(self) -> list[Verdict]:
        """Every standing verdict, oldest first."""
        return [_verdict(row) for row in self._connection.rows(f"{_STANDING} ORDER BY id")]

    def touching(self, digests: Iterable[bytes]) -> list[Verdict]:
        """Standing verdicts about at least one of `digests`, oldest first."""
        found: dict[int, Verdict] = {}
        wanted = list(digests)
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            for end in ("first", "second"):
                for row in self._connection.rows(f"{_STANDING} AND {end} IN ({marks})", chunk):
                    found[row[0]] = _verdict(row)
        return [found[number] for number in sorted(found)]

    def pairs_among(self, digests: Iterable[bytes]) -> VerdictPairs:
        """The standing pairs with both ends in `digests`."""
        wanted = set(digests)
        pairs = [
            (verdict.kind, (verdict.digests[0], verdict.digests[1]))
            for verdict in self.touching(wanted)
            if verdict.kind != "keep" and wanted.issuperset(verdict.digests)
        ]
        return VerdictPairs(
            together=frozenset(pair for kind, pair in pairs if kind == "together"),
            apart=frozenset(pair for kind, pair in pairs if kind == "apart"),
        )

    def keeps(self, digests: Iterable[bytes]) -> dict[bytes, int]:
        """Those of `digests` that the owner wants to stand for their groups, and a number: the greater, the newer.

        What was said of several at once has one number.
        """
        words = [verdict for verdict in self.touching(digests) if verdict.kind == "keep"]
        newest = {word.at_s: word.id for word in words}  # the clock may have been set back since
        return {word.digests[0]: newest[word.at_s] for word in words}

    def chosen(self, digests: Iterable[bytes]) -> set[bytes]:
        """Of those of one group whom the owner wants to stand for it the ones that he named last."""
        keeps = self.keeps(digests)
        newest = max(keeps.values(), default=0)
        return {digest for digest, number in keeps.items() if number == newest}


_STANDING = "SELECT id, kind, first, second, at_s FROM verdicts WHERE displaced_by IS NULL"


def _verdict(row: Row) -> Verdict:
    number, kind, first, second, at_s = row
    return Verdict(number, kind, (first,) if kind == "keep" else (first, second), at_s)
