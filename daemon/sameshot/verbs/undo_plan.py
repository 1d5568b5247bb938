"""What `undo` would take back, without doing it.

Comes in: what was selected. Goes out: the steps as plain values. A copy or link that sameshot made goes again
(`remove`), everything else is moved back.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from sameshot.app import App
from sameshot.apply.undo import Selection, steps_to_undo
from sameshot.filing.following import companions_beside
from sameshot.model import Step
from sameshot.wording import counted

_NAMED_AT_MOST = 10


def plan_undo(app: App, selection: Selection) -> dict[str, Any]:
    """Returns the fields of a `PlanResult`. Raises BadInput when a named batch or file is unknown to the journal."""
    steps = steps_to_undo(app.journal, selection, companions_beside())
    returning = {step.source for step in steps if step.action == "move"}
    gone = sum(step.target not in returning and not os.path.lexists(step.target) for step in steps)
    where = "is not where sameshot put it" if gone == 1 else "are not where sameshot put them"
    warnings = [f"{counted(gone, 'file')} {where}: left as is."] if gone else []
    warnings += _stay(steps)
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


def _stay(steps: list[Step]) -> Iterator[str]:
    """A sentence for each of the first files that cannot be taken back as things are, as far as one look tells."""
    leaving = {step.target for step in steps}
    returning = {step.source for step in steps if step.action == "move"}
    staying = [why for step in steps if (why := _why_it_stays(step, leaving, returning))]
    yield from staying[:_NAMED_AT_MOST]
    if len(staying) > _NAMED_AT_MOST:
        yield f"So does what belongs to {counted(len(staying) - _NAMED_AT_MOST, 'more file')}."


def _why_it_stays(step: Step, leaving: Collection[Path], returning: Collection[Path]) -> str:
    there, earlier = _look(step.target), _look(step.source)
    if there is None:
        return ""
    if step.action == "move":
        # A disk that ignores case shows the file itself at either name.
        is_free = earlier is None or step.source in leaving or os.path.samestat(there, earlier)
        return "" if is_free else f"{step.target} stays, with all of its photo: {step.source} is there again."
    if step.action == "symlink":
        return ""
    if earlier is None and step.source not in returning:
        return f"{step.target} stays, with all of its photo: {step.source}, of which it was made, is gone."
    is_other = step.action != "hardlink" and there.st_size != step.stat.size_bytes
    return f"{step.target} stays, with all of its photo: it was changed after it was made." if is_other else ""


def _look(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


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
