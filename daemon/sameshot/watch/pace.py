"""How often a root is swept that nobody announces changes of, and when a sweep would be for nothing.

Comes in: how long sweeps took and whether they found anything; for disks of this machine the kernel's count of writes.
Goes out: when the next sweep is due, and whether a disk was written to at all since the last one. A root in which
nothing changes is swept less and less often, and never more than a twentieth of the time. A disk that was not written
to holds what it held: sweeping it would only keep it awake.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

SHORTEST_S = 60.0
_SHARE = 20


@dataclass(slots=True)
class Pace:
    """The pace of one root. All times are monotonic seconds and are arguments."""

    longest_s: float
    interval_s: float = SHORTEST_S
    due_s: float = 0.0

    def swept(self, began_s: float, ended_s: float, *, changed: bool) -> None:
        """A sweep ended; `changed`: it found something new."""
        self.interval_s = SHORTEST_S if changed else min(2 * self.interval_s, self.longest_s)
        self.due_s = ended_s + max(self.interval_s, _SHARE * (ended_s - began_s))


def writes_to(root: Path, kernel: Path = Path("/sys"), mounts: Path = Path("/proc/self/mountinfo")) -> int | None:
    """How many writes the disk under `root` has completed; None where that says nothing about its files.

    That is: on filesystems without a disk of their own (network, btrfs, memory), and when another one is mounted below
    `root`. A write that the kernel still holds back counts when it reaches the disk, half a minute later.
    """
    try:
        device = root.stat().st_dev
        below = (os.path.realpath(root).rstrip("/") + "/").replace("\\", "\\134").replace(" ", "\\040")
        text = mounts.read_text(encoding="utf-8", errors="surrogateescape")
        if any(line.split(" ")[4].startswith(below) for line in text.splitlines()):
            return None
        counts = (kernel / "dev" / "block" / f"{os.major(device)}:{os.minor(device)}" / "stat").read_text().split()
        return int(counts[4])
    except (OSError, IndexError, ValueError):
        return None
