"""What can go wrong, by who must act.

Comes in: nothing. Goes out: one exception type for each fact a boundary treats differently. An error about one file
(`PhotoUnreadable`, `StepRefused`) is recorded and the work goes on; every other one ends the verb with its exit code.
"""

from __future__ import annotations

from typing import ClassVar


class SameshotError(Exception):
    """A fact the user must hear of, in one sentence, with what to do about it in `hint`."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = str(self.args[0])
        return f"{message}. {self.hint}" if self.hint else message


class BadInput(SameshotError):
    """The command line, the config or a file named by the user cannot be used. Nothing was changed."""

    exit_code = 2


class StateUnavailable(SameshotError):
    """The state is locked, broken, newer than this program or served under another config. Nothing was changed."""

    exit_code = 3


class RootUnavailable(SameshotError):
    """A watched folder is unmounted, replaced or suddenly empty. Its photos are kept as they are known."""


class PhotoUnreadable(SameshotError):
    """One file cannot be looked at; the message is the reason a person understands."""


class StepRefused(SameshotError):
    """One step on the owner's files was not done, because doing it could lose or overwrite something."""


class FolderUnreadable(SameshotError):
    """One folder cannot be listed. It is told, what is known of it is kept, and the sweep goes on."""


class FolderGone(FolderUnreadable):
    """No folder is there any more. Only while its root is online does that mean that it was removed."""


class WorkersUnavailable(SameshotError):
    """The processes that do the work do not start. What was queued for them waits."""
