"""systemd's journal, spoken to in its own protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/).

Comes in: log records, and what they are about: `extra={"about": {"photo": path, ...}}`. Goes out: one datagram for
each, with the message, its priority, where in the code it was written, and SAMESHOT_PHOTO, SAMESHOT_ROOT, SAMESHOT_JOB
and SAMESHOT_BATCH to search for: `journalctl SAMESHOT_PHOTO=/photos/a.jpg`. Values are sent with their length, so that
no name can write a field of its own.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""The numbers of syslog(3)."""
_LONGEST_BYTES = 60_000


class JournalHandler(logging.Handler):
    """Writes to the journal; what it does not take goes to `otherwise`."""

    def __init__(self, otherwise: logging.Handler, path: Path = SOCKET) -> None:
        super().__init__()
        self._otherwise, self._path = otherwise, str(path)
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.settimeout(1.0)

    def emit(self, record: logging.LogRecord) -> None:
        """Sends one record."""
        try:
            message = self.format(record)[:_LONGEST_BYTES]
            self._line.sendto(datagram(fields_of(record, message)), self._path)
        except OSError:
            self._otherwise.handle(record)

    def close(self) -> None:
        """Ends the line."""
        self._line.close()
        super().close()


def fields_of(record: logging.LogRecord, message: str) -> dict[str, bytes]:
    """Returns the fields of one record by their names in the journal."""
    about: Mapping[str, object] = getattr(record, "about", {})
    facts = {
        "MESSAGE": message,
        "PRIORITY": PRIORITY.get(record.levelno, 6),
        "SYSLOG_IDENTIFIER": "sameshot",
        "CODE_FILE": record.pathname,
        "CODE_LINE": record.lineno,
        "CODE_FUNC": record.funcName or "",
    }
    found = {name: str(value).encode("utf-8", "backslashreplace") for name, value in facts.items()}
    return found | {f"SAMESHOT_{name.upper()}": os.fsencode(str(value)) for name, value in about.items()}


def datagram(fields: Mapping[str, bytes]) -> bytes:
    """Returns the fields as the journal reads them: name, line feed, length, value, line feed."""
    return b"".join(
        name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n" for name, value in fields.items()
    )
