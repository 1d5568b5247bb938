"""The brake on mass vanishing: that over half of a root is gone is a fault or a decision, and only the owner knows.

Comes in: the files that one sweep did not find. Goes out: nothing, or RootUnavailable, and the root is paused until its
photos are back, are found elsewhere, or the owner says that it is right (`sameshot scan --believe DIR`). While it is
paused nothing is concluded from what it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sameshot.errors import RootUnavailable
from sameshot.store.files import FileRow
from sameshot.store.store import Store
from sameshot.way.arrival import stat_of

FEW = 20
"""So many photos may always go at once."""
_SAMPLE = 32
_KEY = "vanished"


def brake(store: Store, root: Path, gone: Sequence[FileRow]) -> None:
    """Raises RootUnavailable, and pauses the root, when more than half of its photos and more than a few are gone."""
    if not too_many(store, root, gone):
        return
    paths, known = _photos(gone), store.photos.present_in(root)
    sentence = f"{len(paths)} of the {known} photos in {root} are gone at once; nothing is concluded from that"
    sample = [str(path) for path in paths[:: -(-len(paths) // _SAMPLE)]]
    _note(store, root, {"sentence": sentence, "sample": sample})
    raise _unavailable(root, sentence)


def too_many(store: Store, root: Path, gone: Sequence[FileRow]) -> bool:
    """Whether so many photos of the root are gone that it is not to be believed just so."""
    count = len(_photos(gone))
    if count <= FEW or _paused(store).get(str(root), {}).get("believed"):
        return False
    return 2 * count > store.photos.present_in(root)


def check_not_paused(store: Store, root: Path) -> None:
    """Raises RootUnavailable while the root is paused; half of what was missed being back or elsewhere ends that."""
    pause = _paused(store).get(str(root))
    if pause is None or pause.get("believed"):
        return
    sample = [Path(path) for path in pause["sample"]]
    if 2 * sum(stat_of(path) is None and store.photos.at(path) is not None for path in sample) > len(sample):
        raise _unavailable(root, pause["sentence"])
    _note(store, root, None)


def believe(store: Store, root: Path) -> None:
    """The owner says that what the root shows is right: the next whole sweep takes it as it is."""
    _note(store, root, {"believed": True})


def swept(store: Store, root: Path) -> None:
    """A whole sweep of the root ended: from now on the brake holds again."""
    if str(root) in _paused(store):
        _note(store, root, None)


def why_paused(store: Store, root: Path) -> str:
    """Returns the sentence of a root that is paused; empty for any other."""
    return str(_paused(store).get(str(root), {}).get("sentence", ""))


def _photos(gone: Sequence[FileRow]) -> list[Path]:
    return [row.path for row in gone if row.role == "primary"]


def _paused(store: Store) -> dict[str, dict[str, Any]]:
    paused: dict[str, dict[str, Any]] = store.meta.get(_KEY, {})
    return paused


def _note(store: Store, root: Path, fact: dict[str, Any] | None) -> None:
    others = {path: known for path, known in _paused(store).items() if path != str(root)}
    store.meta.set(_KEY, others if fact is None else others | {str(root): fact})


def _unavailable(root: Path, sentence: str) -> RootUnavailable:
    return RootUnavailable(sentence, f"Bring them back, or, if that is right: `sameshot scan --believe {root}`")
