"""Where the service writes what happens: a file of its own that never grows large, and what its manager reads.

Comes in: log records. Goes out: lines in the state dir's log, turned over at 2 MB with two older ones kept, and on
stderr; under systemd, where stderr is the journal, records go there in its own protocol, with fields to search for, or
else as lines with its priority prefix (sd-daemon(3), `<4>` for a warning). Line breaks and
control characters in names of files are escaped, so that no name can write a line of its own.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path

from sameshot.service.journald import PRIORITY, SOCKET, JournalHandler

_LARGEST_BYTES = 2_000_000
_OLDER_KEPT = 2
_TAIL_BYTES = 1_000_000


class LogFile(RotatingFileHandler):
    """The log in the state dir. What a full disk does not take is in the journal all the same."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record, into a new file where somebody moved the old one away."""
        if self.stream is not None and not os.path.exists(self.baseFilename):
            self.stream.close()
            self.stream = None
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """Says nothing: a traceback for each line would."""


class PlainLines(logging.Formatter):
    """One record, its lines kept apart from what any name holds; with `for_journal`, each with its priority."""

    def __init__(self, form: str, *, for_journal: bool = False) -> None:
        super().__init__(form)
        self._for_journal = for_journal

    def format(self, record: logging.LogRecord) -> str:
        """Returns the text of the record; a traceback keeps its lines."""
        shown = logging.makeLogRecord(record.__dict__ | {"msg": _escaped(record.getMessage()), "args": None})
        text = super().format(shown)
        if not self._for_journal:
            return text
        prefix = f"<{PRIORITY.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in text.splitlines())


def occupy_standard_streams() -> None:
    """Opens onto nothing what is closed of standard input, output and error.

    Else a file of ours got its number, and whatever a library prints would be written into it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  as long as the process


def open_logs(log_file: Path, journal_socket: Path = SOCKET) -> logging.Handler:
    """Has the root logger write to `log_file` and, where the journal reads stderr, to the journal with fields.

    Returns the file's handler, to be removed and closed at the end. Raises OSError when it cannot be written.
    """
    log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = LogFile(
        log_file, maxBytes=_LARGEST_BYTES, backupCount=_OLDER_KEPT, encoding="utf-8", errors="backslashreplace"
    )
    handler.setFormatter(PlainLines("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    journal = is_journal(os.environ, sys.stderr.fileno())
    for other in list(root.handlers):
        if isinstance(other, logging.StreamHandler):
            other.setFormatter(PlainLines("%(message)s" if journal else "sameshot: %(message)s", for_journal=journal))
            if journal:
                fields = JournalHandler(other, journal_socket)
                fields.setFormatter(PlainLines("%(message)s"))
                root.removeHandler(other)
                root.addHandler(fields)
    root.addHandler(handler)
    return handler


def is_journal(environment: Mapping[str, str], descriptor: int) -> bool:
    """Returns whether systemd's journal reads this very stream (`JOURNAL_STREAM` names its device and inode)."""
    try:
        facts = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{facts.st_dev}:{facts.st_ino}"


def tail(log_file: Path, lines: int) -> list[str]:
    """Returns the last lines of the log, those of the one before it too where it is young; none where there is none."""
    found: list[str] = []
    for file in (log_file, log_file.with_name(log_file.name + ".1")):
        try:
            with file.open("rb") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - _TAIL_BYTES))
                found = log.read().decode(errors="replace").splitlines() + found
        except FileNotFoundError:
            break
        if len(found) >= lines:
            break
    return found[-lines:]


def _escaped(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
