"""A plan as plain values, and any text as a terminal may show it.

Comes in: a plan, or a text. Goes out: a dict that `json.dumps` takes; text without control characters, whatever the
file names hold. Refuses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sameshot.model import Plan, Step


def shown(text: object) -> str:
    """`text` for a terminal: what cannot be printed is written as an escape, and bytes that are no text in hex."""
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in str(text))


def _escape(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # surrogateescape: one byte of a name
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode()


def plan_counts(plan: Plan) -> dict[str, int]:
    """How many photos, files, target folders and bytes the plan concerns."""
    return {
        "photos": len({step.unit for step in plan.steps}),
        "files": len(plan.steps),
        "folders": len({step.target.parent for step in plan.steps}),
        "size_bytes": sum(step.stat.size_bytes for step in plan.steps),
    }


def plan_dict(plan: Plan) -> dict[str, Any]:
    """The plan for `--format json`. Bytes of a path that are not UTF-8 are lone surrogates, which JSON escapes."""
    return {
        "kind": plan.kind,
        "counts": plan_counts(plan),
        "steps": [_step_dict(step) for step in plan.steps],
        "warnings": list(plan.warnings),
    }


def _step_dict(step: Step) -> dict[str, Any]:
    return {
        "unit": step.unit,
        "action": step.action,
        "source": str(step.source),
        "target": str(step.target),
        "digest": step.digest.hex() if step.digest is not None else None,
        "why": step.why,
        "kept": str(step.kept) if step.kept is not None else None,
    }
