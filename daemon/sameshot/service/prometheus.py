"""`status` as Prometheus reads it (https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

_FACTS = {
    "photos": "Photos that are known.",
    "groups": "Groups of photos of one shot.",
    "pending": "Photos on their way.",
    "failed": "Photos that could not be looked at.",
}
_STATES = ("starting", "idle", "busy", "paused", "degraded")
_ROOT_STATES = ("watching", "polling", "deaf", "offline", "asking", "unwatched")


def exposition(status: dict[str, Any]) -> str:
    """Returns the text for one status as plain JSON values; each state is a series that is 1 where it holds."""
    lines: list[str] = []
    for name, meaning in _FACTS.items():
        lines += _gauge(name, meaning, [("", status[name])])
    lines += _gauge("resident_bytes", "Resident memory of the process that answered.", [("", status["rss_mb"] * 1e6)])
    lines += _gauge("up", "Whether a service runs.", [("", int(status["service"]))])
    lines += _gauge(
        "state",
        "What the service does.",
        [(f'{{state="{state}"}}', int(state == status["state"])) for state in _STATES],
    )
    roots = [
        (f'{{root="{_label(root["path"])}",state="{state}"}}', int(state == root["state"]))
        for root in status["roots"]
        for state in _ROOT_STATES
    ]
    lines += _gauge("root_state", "How each watched folder is.", roots)
    watched = [(f'{{root="{_label(root["path"])}"}}', root["folders_watched"]) for root in status["roots"]]
    lines += _gauge("folders_watched", "Folders below it of which the kernel tells changes.", watched)
    if status["reconciled_at"] is not None:
        at_s = datetime.fromisoformat(status["reconciled_at"]).timestamp()
        meaning = "When the last whole sweep of all roots began that ended well."
        lines += _gauge("last_reconcile_timestamp_seconds", meaning, [("", at_s)])
    return "\n".join(lines) + "\n"


def _gauge(name: str, meaning: str, values: Sequence[tuple[str, float]]) -> list[str]:
    head = [f"# HELP sameshot_{name} {meaning}", f"# TYPE sameshot_{name} gauge"]
    return [
        *head,
        *(
            f"sameshot_{name}{labels} {value:g}" if value < 1e6 else f"sameshot_{name}{labels} {value:.0f}"
            for labels, value in values
        ),
    ]


def _label(text: str) -> str:
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
