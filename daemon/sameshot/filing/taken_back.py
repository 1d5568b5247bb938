"""What the store must learn of an undo whose end it was not told.

Comes in: the store and the journal, when a writer opens the state. Goes out: the store in line with the steps that were
taken back. A crash between the last rename of an undo and the store leaves the files where they belong and the store
with names that are gone; nobody should have to scan for that.
"""

from __future__ import annotations

from pathlib import Path

from sameshot.apply.history import BatchRecord, undone_units
from sameshot.filing.plans import rename_known
from sameshot.store.store import Store
from sameshot.way.arrival import stat_of


def learn_taken_back(store: Store, records: list[BatchRecord]) -> None:
    """Renames in the store what is back under an earlier name, and forgets copies and links that are gone."""
    undone = undone_units(records)
    back: dict[Path, Path] = {}
    with store.transaction():
        for batch in reversed(records):  # the newest first, as they were taken back
            for number, record in batch.units.items():
                if (batch.batch, number) not in undone:
                    continue
                for step in record.unit.operations:
                    if step.deed == "move":
                        back.setdefault(step.target, step.source)
                    elif step.deed != "remove" and stat_of(step.target) is None:
                        _forget_copy(store, step.target)
        for target in back:
            _rename_back(store, target, back)


def _forget_copy(store: Store, copy: Path) -> None:
    photo = store.photos.at(copy)
    if photo is not None and photo.primary.path != copy:
        store.photos.remove_file(copy)


def _rename_back(store: Store, target: Path, back: dict[Path, Path]) -> None:
    if store.photos.at(target) is None or stat_of(target) is not None:
        return
    place, passed = back[target], {target}
    while stat_of(place) is None and place in back and place not in passed:  # taken back by more than one batch
        passed.add(place)
        place = back[place]
    stat = stat_of(place)
    if stat is not None and store.photos.at(place) is None:
        rename_known(store, target, place, stat)
