"""What sameshot did to files, and why."""

from __future__ import annotations

from dataclasses import dataclass

from sameshot.app import App
from sameshot.apply.history import BatchSummary, StepRecord


@dataclass(frozen=True, slots=True)
class HistoryResult:
    """Batches, oldest first; the steps of one where it was asked for."""

    batches: tuple[BatchSummary, ...]
    steps: tuple[StepRecord, ...]


def history(app: App, *, batch: str | None = None) -> HistoryResult:
    """Returns every batch, or the one named with each of its files. Raises BadInput when there is no such batch."""
    batches = app.journal.batches()
    if batch is None:
        return HistoryResult(tuple(batches), ())
    steps = app.journal.steps(batch)
    return HistoryResult(tuple(known for known in batches if known.batch == batch), tuple(steps))
