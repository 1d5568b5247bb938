"""A plan as people and programs read it: lines for a terminal, a dict for JSON.

Comes in: a plan. Goes out: text without control characters, whatever the file names hold; a dict that `json.dumps`
takes. Refuses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sameshot.model import Plan, Step

_DONE = {
    "copy": "copied",
    "move": "moved",
    "hardlink": "hard-linked",
    "symlink": "linked to",
    "reflink": "cloned",
}


def shown(text: object) -> str:
    """`text` for a terminal: what cannot be printed is written as an escape, and bytes that are no text in hex."""
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in str(text))


def _escape(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # surrogateescape: one byte of a name
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode()


def plan_rows(plan: Plan) -> list[tuple[str, str, str]]:
    """One row a step: present path, target path, why."""
    return [(shown(step.source), shown(step.target), shown(step.why)) for step in plan.steps]


def plan_lines(plan: Plan) -> list[str]:
    """What would happen, in sentences: how much in all, each step, what to read before."""
    counts = plan_counts(plan)
    if not plan.steps:
        return ["Nothing to do: every photo is where it belongs.", *(f"Note: {shown(each)}" for each in plan.warnings)]
    if plan.kind == "dedupe":
        size_mb = counts["size_bytes"] / 1e6
        head = f"{counts['photos']} duplicates ({counts['files']} files, {size_mb:,.1f} MB) would go:"
    elif plan.kind == "folders":
        head = f"{counts['photos']} photos ({counts['files']} files, {counts['size_bytes'] / 1e6:,.1f} MB) would be "
        head += f"{_DONE[plan.steps[0].action]} into {counts['folders']} folders:"
    else:
        verb = "get a rank prefix" if plan.kind == "rank" else "get their original names back"
        head = f"{counts['photos']} photos ({counts['files']} files) would {verb}:"
    lines = [f"  {source} -> {target}  ({why})" for source, target, why in plan_rows(plan)]
    return [head, *lines, *(f"Note: {shown(warning)}" for warning in plan.warnings)]


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
