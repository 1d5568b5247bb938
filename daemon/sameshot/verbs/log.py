"""What the service wrote down: the end of its log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sameshot.errors import BadInput
from sameshot.locations import Locations
from sameshot.service.logs import tail


@dataclass(frozen=True, slots=True)
class LogResult:
    """`lines`: the last ones, oldest first; none where nothing was written yet, `exists` or not."""

    file: Path
    exists: bool
    lines: tuple[str, ...]


def log(locations: Locations, *, lines: int = 50) -> LogResult:
    """Returns the last lines. Raises BadInput when the log may not be read."""
    try:
        return LogResult(locations.log_file, locations.log_file.exists(), tuple(tail(locations.log_file, lines)))
    except OSError as error:
        raise BadInput(f"The log {locations.log_file} cannot be read: {error.strerror}") from error
