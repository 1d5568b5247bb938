"""What `undo` would take back, without doing it.

Comes in: what was selected. Goes out: the steps as plain values. A copy or link that sameshot made goes again
(`remove`), everything else is moved back.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from sameshot.app import App
from sameshot.apply.undo import Selection, steps_to_undo
from sameshot.model import Step
from sameshot.wording import counted


def plan_undo(app: App, selection: Selection) -> dict[str, Any]:
    """Returns the fields of a `PlanResult`. Raises BadInput when a named batch or file is unknown to the journal."""
    steps = steps_to_undo(app.journal, selection)
    gone = sum(not os.path.lexists(step.target) for step in steps)
    where = "is not where sameshot put it" if gone == 1 else "are not where sameshot put them"
    warnings = [f"{counted(gone, 'file')} {where}: left as is."] if gone else []
    return {
        "kind": "undo",
        "counts": {
            "photos": len({step.unit for step in steps}),
            "files": len(steps),
            "folders": len({step.source.parent for step in steps}),
            "size_bytes": sum(step.stat.size_bytes for step in steps),
        },
        "steps": [_step_dict(step) for step in steps],
        "warnings": warnings,
        "fingerprint": fingerprint(steps),
    }


def fingerprint(steps: list[Step]) -> str:
    """Returns a short text that two selections share only when they would take back the same."""
    parts = "\0\0".join(f"{step.action}\0{step.source}\0{step.target}" for step in steps)
    return hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _step_dict(step: Step) -> dict[str, Any]:
    return {
        "unit": step.unit,
        "action": "move" if step.action == "move" else "remove",
        "source": str(step.target),
        "target": str(step.source),
        "digest": step.digest.hex() if step.digest is not None else None,
        "why": f"undo: {step.why}",
        "kept": None,
    }
