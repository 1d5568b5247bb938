"""What a command costs: CPU seconds of it and all its children, and the most memory they held at one time.

Comes in: a command. Goes out: its cost. Memory is the proportional share (PSS) of the whole tree of processes, so
what they share counts once; it is sampled five times a second, so a shorter peak is missed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLED_EVERY_S = 0.2
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Cost:
    """`peak_mb`: in 10^6 bytes."""

    exit_code: int
    cpu_s: float
    wall_s: float
    peak_mb: float
    said: str


def run(command: Sequence[str], limit_s: float = 7200, kept: Path | None = None) -> Cost:
    """Runs the command to its end, or kills it and its children after `limit_s`.

    `said`: the end of what it printed. `kept`: a file that holds all of it afterwards, written anew.
    """
    started_s, peak_mb = time.monotonic(), 0.0
    with kept.open("w+b") if kept else tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            command, stdout=printed, stderr=subprocess.STDOUT, env={**os.environ, **ONE_THREAD}, process_group=0
        )
        try:
            while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
                peak_mb = max(peak_mb, tree_mb(process.pid))
                if time.monotonic() - started_s > limit_s:
                    os.killpg(process.pid, signal.SIGKILL)
                time.sleep(SAMPLED_EVERY_S)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        _, status, usage = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        text = printed.read().decode("utf-8", "replace").strip()[-2000:]
    cpu_s = usage.ru_utime + usage.ru_stime
    return Cost(process.returncode, cpu_s, time.monotonic() - started_s, peak_mb, text)


def tree_mb(root: int) -> float:
    """Memory of a process and all below it, in 10^6 bytes."""
    total_kb, waiting = 0, [root]
    while waiting:
        process = Path("/proc", str(waiting.pop()))
        try:
            waiting += [
                int(one) for task in (process / "task").iterdir() for one in (task / "children").read_text().split()
            ]
            lines = (process / "smaps_rollup").read_text().splitlines()
        except OSError:  # it has ended
            continue
        total_kb += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return total_kb * 1024 / 1e6
