"""How often a photo is tried whose look ended badly.

Comes in: how it ended, how often it was tried, the time. Goes out: when to try again, or never. A reader that said no
is right the next time too, so a refusal is final. A worker that crashed, hung or ran out of memory may have met a full
machine: three more tries, further and further apart. A photo that was looked at while the whole service died is
suspected of it: it gets three tries in all. What is given up stays so until the file changes.
"""

from __future__ import annotations

AFTER_A_FAILURE_S = (60.0, 600.0, 86400.0)
"""Waits after the first, second and third failed look."""
AFTER_A_DEATH_S = (0.0, 600.0)
"""Waits after the first and second death of the service. Power cuts hit innocents: the first costs them nothing."""


def next_try_s(kind: str, attempts: int, now_s: float) -> float | None:
    """Returns when a photo is looked at again after its look number `attempts`; None: not until its file changes.

    `kind`: a worker's FailureKind, or "died" where the service ended meanwhile. A worker that was killed from outside,
    as by a machine short of memory, is no fault of its photo the first two times.
    """
    if kind == "refused":
        return None
    if kind == "killed" and attempts < len(AFTER_A_FAILURE_S):
        return now_s
    waits_s = AFTER_A_DEATH_S if kind == "died" else AFTER_A_FAILURE_S
    return now_s + waits_s[attempts - 1] if attempts <= len(waits_s) else None
