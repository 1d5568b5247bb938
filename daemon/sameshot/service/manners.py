"""When the service keeps still, so that nobody notices it: the owner's word, battery, hours, a strained machine.

Comes in: what the owner said and the time; /proc and /sys, at paths that can be given. Goes out: why to keep still now,
in words, or nothing. Keeping still means that no look begins; what arrives is recorded all the same. Where the kernel
does not tell (no battery, no pressure stall information), nothing is in the way.

Pressure is the kernel's own measure, the share of the last ten seconds in which work stood still for want of memory or
of the disk (https://docs.kernel.org/accounting/psi.html). The service's own reading presses too: when the disk recovers
as soon as it keeps still, it was the cause itself, and the disk is no reason for a while.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, time
from pathlib import Path

MEMORY_STALLED_PERCENT = 20.0
DISK_STALLED_PERCENT = 40.0
RECOVERED_PERCENT = 10.0
_OWN_FAULT_S = 900.0
_LOOK_AGAIN_S = 20.0


class Manners:
    """Asked every few seconds by one service. Times are arguments: `now` with the owner's zone, monotonic `now_s`.

    `hours`: none, or the two times of day between which it keeps still.
    """

    def __init__(
        self,
        *,
        on_battery: bool,
        hours: Sequence[time],
        power: Path = Path("/sys/class/power_supply"),
        pressure: Path = Path("/proc/pressure"),
    ) -> None:
        self._on_battery, self._hours = on_battery, hours
        self._power, self._pressure = power, pressure
        self._pressed_since_s: float | None = None
        self._not_the_disk_until_s = 0.0

    def reason(self, asked: str, now: datetime, now_s: float) -> str:
        """Returns why no look may begin now, or nothing. `asked`: what the owner's word says, from `asked_to_pause`."""
        if asked:
            return asked
        if self._on_battery and runs_on_battery(self._power):
            return "the machine runs on battery"
        if self._hours and is_within(now.time(), *self._hours):
            return f"the config says so until {self._hours[1]:%H:%M}"
        return self._strain(now_s)

    def _strain(self, now_s: float) -> str:
        if self._pressed_since_s is None:
            memory = stalled_percent(self._pressure / "memory", "some") >= MEMORY_STALLED_PERCENT
            disk = stalled_percent(self._pressure / "io", "full") >= DISK_STALLED_PERCENT
            if not memory and not (disk and now_s >= self._not_the_disk_until_s):
                return ""
            self._pressed_since_s = now_s
        memory = stalled_percent(self._pressure / "memory", "some") >= RECOVERED_PERCENT
        disk = stalled_percent(self._pressure / "io", "full") >= RECOVERED_PERCENT
        if memory or disk:
            return f"the machine is short of {'memory' if memory else 'disk time'}"
        if now_s - self._pressed_since_s <= _LOOK_AGAIN_S:
            self._not_the_disk_until_s = now_s + _OWN_FAULT_S
        self._pressed_since_s = None
        return ""


def asked_to_pause(said: dict[str, str | None] | None, now: datetime) -> str:
    """Returns the owner's word as a reason, or nothing. `said`: {"until": ISO time, or None for no end}, or nothing."""
    if said is None:
        return ""
    until = said.get("until")
    if until is None:
        return "you said so; `sameshot resume` ends it"
    return f"you said so, until {until[:16].replace('T', ' ')}" if now < datetime.fromisoformat(until) else ""


def is_within(moment: time, begin: time, end: time) -> bool:
    """Returns whether a time of day lies between two others; from a later to an earlier one goes past midnight."""
    return begin <= moment < end if begin <= end else moment >= begin or moment < end


def runs_on_battery(power: Path) -> bool:
    """Returns whether a battery of this machine is being emptied and no mains supply is there."""
    emptied = False
    for supply in _entries(power):
        kind = _word(supply / "type")
        if kind in ("Mains", "USB") and _word(supply / "online") == "1":
            return False
        # The battery of a mouse has a scope of its own.
        if kind == "Battery" and _word(supply / "scope") != "Device" and _word(supply / "status") == "Discharging":
            emptied = True
    return emptied


def stalled_percent(file: Path, who: str) -> float:
    """Returns the share of the last ten seconds; `some`: in which a task stood still, `full`: in which all did."""
    try:
        found = re.search(rf"^{who} avg10=([0-9.]+)", file.read_text(encoding="ascii"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return 0.0
    return float(found[1]) if found else 0.0


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _word(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
