"""When and with what a photo was taken, as the bytes that measures of a pair read.

Comes in: a capture. Goes out: bytes with its moment and its camera, or from such bytes a capture with these two alone.
"""

from __future__ import annotations

from datetime import datetime

from sameshot.model import Capture


def pack(capture: Capture) -> bytes:
    """Returns what is known of moment and camera."""
    moment = "" if capture.taken_at is None else capture.taken_at.isoformat()
    return f"{moment}\n{capture.camera or ''}".encode("utf-8", "surrogatepass")


def unpack(packed: bytes) -> Capture:
    """Returns what `pack` was given, as far as it keeps that. Raises ValueError where it packed something else."""
    moment, _, camera = packed.decode("utf-8", "surrogatepass").partition("\n")
    return Capture(taken_at=datetime.fromisoformat(moment) if moment else None, camera=camera or None)
