"""Where sameshot keeps what is its own: config, state, cache, and the socket.

Comes in: `--state-dir` and the environment. Goes out: four paths; nothing is made here. systemd's `$STATE_DIRECTORY`,
`$CACHE_DIRECTORY` and `$RUNTIME_DIRECTORY` come before the XDG folders. The socket's folder is private to one state
dir, so that two services with two states never meet.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True, slots=True)
class Locations:
    """The folders of one service. `state_dir` is truth, `cache_dir` can be lost."""

    state_dir: Path
    cache_dir: Path

    @property
    def database(self) -> Path:
        """The store."""
        return self.state_dir / "sameshot.db"

    @property
    def journal_dir(self) -> Path:
        """What undo needs."""
        return self.state_dir / "journal"

    @property
    def models_dir(self) -> Path:
        """Encoders made ready to serve."""
        return self.state_dir / "models"

    @property
    def lock_file(self) -> Path:
        """Who serves this state."""
        return self.state_dir / "lock"

    @property
    def log_file(self) -> Path:
        """What the service wrote down."""
        return self.state_dir / "service.log"

    @property
    def socket(self) -> Path:
        """Where a running service answers."""
        return self.state_dir / "control.socket"


def find_locations(state_dir: Path | None = None, environment: Mapping[str, str] = os.environ) -> Locations:
    """Returns the folders: `state_dir` when given (its cache inside it), else systemd's, else XDG's."""
    if state_dir is not None:
        state = Path(os.path.abspath(state_dir))
        return Locations(state, state / "cache")
    state = _first_folder(environment.get("STATE_DIRECTORY")) or platformdirs.user_state_path("sameshot")
    cache = _first_folder(environment.get("CACHE_DIRECTORY")) or platformdirs.user_cache_path("sameshot")
    return Locations(state, cache)


def default_config_file() -> Path:
    """Returns the file that is read when no other is named: `~/.config/sameshot/config.yaml` or XDG's place for it."""
    return platformdirs.user_config_path("sameshot") / "config.yaml"


def _first_folder(value: str | None) -> Path | None:
    # systemd separates several folders with colons; the units of this project name one.
    return Path(value.split(":")[0]) if value else None
