"""A file and the sidecar that vouches for it: nothing is handed on whose bytes are not known to be right.

The data file is named after its SHA-256; the sidecar is replaced last and atomically. So a crash at any instant leaves
the old pair or the new one, and a flipped bit, a cut, or a file of other content is found before anybody reads it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SIDECAR = "neighbours.json"
_SUFFIX = ".graph"
_UNFINISHED = ".unfinished"


def write_vouched(folder: Path, write: Callable[[Path], int], facts: dict[str, Any]) -> None:
    """Let `write` fill a file and return the size it must have; then let a sidecar vouch for it and `facts`.

    Raises OSError when the folder cannot be written or the file came out at another size, as on a full disk; what was
    there before stays valid.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = folder / f"data{_UNFINISHED}"
    size_bytes = write(unfinished)
    if not unfinished.exists() or unfinished.stat().st_size != size_bytes:
        unfinished.unlink(missing_ok=True)
        raise OSError(errno.ENOSPC, "the index was not written whole; is the disk full?", str(unfinished))
    digest = _sha256(unfinished)
    data = folder / f"{digest}{_SUFFIX}"
    _sync(unfinished)
    unfinished.replace(data)
    sidecar = folder / f"{_SIDECAR}{_UNFINISHED}"
    sidecar.write_bytes(_canonical({**facts, "size_bytes": size_bytes, "sha256": digest}))
    _sync(sidecar)
    _sync(folder)  # the data's name is on the disk before anything points to it
    sidecar.replace(folder / _SIDECAR)
    _sync(folder)
    for other in folder.glob(f"*{_SUFFIX}"):
        if other != data:
            other.unlink(missing_ok=True)


def vouched(folder: Path, facts: dict[str, Any]) -> tuple[Path, dict[str, Any]] | None:
    """The data file and all facts of its sidecar; None when anything at all differs from `facts` or from the bytes."""
    try:
        text = (folder / _SIDECAR).read_bytes()
        known = json.loads(text)
        if not isinstance(known, dict) or _canonical(known) != text:
            return None
        if any(known.get(name) != value for name, value in facts.items()):
            return None
        data = folder / f"{known['sha256']}{_SUFFIX}"
        if data.stat().st_size != known["size_bytes"] or _sha256(data) != known["sha256"]:
            return None
    except (OSError, ValueError, KeyError):  # absent, unreadable, or not what `write_vouched` writes
        return None
    return data, known


def forget(folder: Path) -> None:
    """Remove the pair, if there is one. Raises OSError where the folder cannot be written."""
    (folder / _SIDECAR).unlink(missing_ok=True)
    for data in folder.glob(f"*{_SUFFIX}"):
        data.unlink(missing_ok=True)


def _canonical(facts: dict[str, Any]) -> bytes:
    """The one spelling a sidecar may have: its own digest first, so that no byte of it can differ unnoticed."""
    facts = {name: value for name, value in facts.items() if name != "self_sha256"}
    body = json.dumps(facts, sort_keys=True)
    return json.dumps({**facts, "self_sha256": hashlib.sha256(body.encode()).hexdigest()}, sort_keys=True).encode()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
