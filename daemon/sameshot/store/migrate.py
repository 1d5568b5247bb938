"""Brings a state file to the newest version, or says why it cannot be used.

Each step is one transaction that ends in the new version number, so that a crash leaves the old or the new version,
never half of one. A file that already holds something is copied to the folder `backups` beside it first.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sameshot.errors import StateUnavailable
from sameshot.store.connection import Connection
from sameshot.store.schema import APPLICATION_ID


def migrate(connection: Connection, steps: Sequence[str]) -> None:
    """Leave the file at version `len(steps)`.

    Raises StateUnavailable when the file is another program's or a newer version's, or older and opened for reading.
    """
    version = version_of(connection)
    newest = len(steps)
    if version > newest:
        raise StateUnavailable(
            f"The state {connection.path} was written by a newer sameshot (version {version}, this one knows {newest})",
            "Install that version again, or start with another --state-dir.",
        )
    if not connection.read_only:
        connection.log_ahead()
    if version == newest:
        return
    if connection.read_only:
        raise StateUnavailable(
            f"The state {connection.path} is of an older version", "Start the service once; it brings the state up."
        )
    if version > 0:
        back_up(connection, _free_name(connection.path.parent / "backups", f"{connection.path.stem}-version-{version}"))
    for number, step in enumerate(steps[version:], start=version + 1):
        with connection.transaction(durable=True):
            if version_of(connection) >= number:  # another process was faster
                continue
            connection.script(step)
            connection.script(f"PRAGMA application_id={APPLICATION_ID};")
            connection.script(f"PRAGMA user_version={number};")


def version_of(connection: Connection) -> int:
    """The version of the state in this file, 0 for an empty one.

    Raises StateUnavailable when it holds something else.
    """
    version = int(connection.rows("PRAGMA user_version")[0][0])
    application = connection.rows("PRAGMA application_id")[0][0]
    tables = connection.rows("SELECT count(*) FROM sqlite_master")[0][0]
    if tables and (application != APPLICATION_ID or version < 1):
        raise StateUnavailable(f"{connection.path} belongs to another program", "Choose another --state-dir.")
    return version


def back_up(connection: Connection, target: Path) -> None:
    """Put a complete copy of the state at `target`, replacing an earlier one only once the new one is on the disk."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = target.with_name(target.name + ".unfinished")
        unfinished.unlink(missing_ok=True)
        # Made beforehand for its mode: what the owner photographed, and where, is nobody else's business.
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection.copy_to(unfinished)
        _sync(unfinished)
        unfinished.replace(target)
        _sync(target.parent)
    except OSError as error:
        message = f"No backup of the state could be written to {target}: {error.strerror}"
        raise StateUnavailable(message, "Nothing was changed. Free some space or check the folder.") from error


def _free_name(folder: Path, stem: str) -> Path:
    target, number = folder / f"{stem}.db", 1
    while target.exists():
        number += 1
        target = folder / f"{stem}-{number}.db"
    return target


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
