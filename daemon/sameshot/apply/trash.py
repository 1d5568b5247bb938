"""The freedesktop.org trash, as much of it as a journaled move needs (Trash Specification 1.0).

Comes in: folders of files that shall go to the trash. Goes out: the trash on the same disk, and the notes (`info/`)
from which file managers restore. A file itself goes there by the protocol, as to any folder, so its place is in
the journal. Refuses disks without a trash of this user's: nothing is carried to another disk to be thrown away.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sameshot.apply.ground import Ground
from sameshot.apply.records import Operation
from sameshot.errors import StepRefused


@dataclass(frozen=True, slots=True)
class Trash:
    """One trash folder. `top`: the mount point that the paths in its notes are relative to; None for the home trash."""

    folder: Path
    top: Path | None

    @property
    def files(self) -> Path:
        """Where what was thrown away lies."""
        return self.folder / "files"

    def info_text(self, source: Path, now: datetime) -> str:
        """Returns the note on a file that was at `source`, thrown away `now` (local time)."""
        path = source if self.top is None else Path(os.path.realpath(source.parent), source.name).relative_to(self.top)
        return f"[Trash Info]\nPath={quote(os.fsencode(path))}\nDeletionDate={now:%Y-%m-%dT%H:%M:%S}\n"


def trash_for(folder: Path, environment: Mapping[str, str] = os.environ) -> Trash | None:
    """Returns the trash for files in `folder`, on the same disk; None where there is none and none can be made."""
    device = folder.stat().st_dev
    data = environment.get("XDG_DATA_HOME", "")
    home = Path(data) if data.startswith("/") else Path(environment.get("HOME") or "~").expanduser() / ".local/share"
    there = next(above for above in (home, *home.parents) if above.is_dir())
    if there.stat().st_dev == device and os.access(there, os.W_OK | os.X_OK):
        return Trash(home / "Trash", None)
    top = Path(os.path.realpath(folder))
    while not top.is_mount() and top.parent.stat().st_dev == device:
        top = top.parent
    shared = top / ".Trash"
    with contextlib.suppress(OSError):
        mode = shared.lstat().st_mode
        if stat.S_ISDIR(mode) and mode & stat.S_ISVTX and os.access(shared, os.W_OK | os.X_OK):
            return Trash(shared / str(os.getuid()), top)
    own = top / f".Trash-{os.getuid()}"
    try:
        status = own.lstat()
    except FileNotFoundError:
        return Trash(own, top) if os.access(top, os.W_OK | os.X_OK) else None
    except OSError:
        return None
    return Trash(own, top) if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() else None


def make_ready(trash: Trash) -> None:
    """Makes the trash's folders where they are missing, for this user's eyes alone. Raises OSError."""
    trash.folder.parent.mkdir(parents=True, exist_ok=True)
    for folder in (trash.folder, trash.files, trash.folder / "info"):
        folder.mkdir(mode=0o700, exist_ok=True)


def write_info(operation: Operation, ground: Ground) -> None:
    """Writes the note that takes the name in the trash. Raises StepRefused when it is taken, OSError."""
    path = _info_at(operation.target)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path.name, flags, 0o600, dir_fd=ground.folder(path.parent))
    except FileExistsError as error:
        raise StepRefused(f"the trash already holds a file named {operation.target.name}") from error
    try:
        os.write(descriptor, operation.trash_info.encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    ground.changed(path, there=True)


def remove_info(operation: Operation, ground: Ground, thrown_away: Path) -> None:
    """Removes the note on a file of the trash, if it is the operation's own, or the beginning of it. Raises OSError."""
    path = _info_at(thrown_away)
    folder = ground.folder(path.parent)
    try:
        descriptor = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):  # nothing there, or a link of another's
            return
        raise
    try:
        written = os.read(descriptor, len(operation.trash_info) + 1)
    finally:
        os.close(descriptor)
    if operation.trash_info.encode("ascii").startswith(written):
        os.unlink(path.name, dir_fd=folder)
        ground.changed(path, there=False)


def _info_at(thrown_away: Path) -> Path:
    return thrown_away.parent.parent / "info" / f"{thrown_away.name}.trashinfo"
