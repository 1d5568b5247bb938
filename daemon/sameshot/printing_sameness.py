"""Results about sameness for a terminal.

Comes in: the plain values that verbs answer with. Goes out: text through a `Printer`, which escapes what names hold.
"""

from __future__ import annotations

from typing import Any

from sameshot.printing import Printer


def why(out: Printer, result: dict[str, Any]) -> None:
    """The rule, then the neighbours, then what was done."""
    if result["group"]:
        out.say(f"{result['group']}: number {result['rank']} of {result['members']}.", style="bold")
    for sentence in result["rule"]:
        out.say(sentence)
    rows = [
        (
            "not compared" if n["score"] is None else f"{n['score']:.3f}",
            f"{n['cosine']:.3f}",
            n["path"],
            n["group"] or "",
        )
        for n in result["neighbours"]
    ]
    if rows:
        out.table(("score", "cosine", "neighbour", "group"), rows)
    for step in result["done"]:
        out.say(f"{step['state']} {step['deed']} {step['source']}")
        out.say(f"    -> {step['target']}   ({step['why']})")
    if not result["done"]:
        out.say("Nothing was done to it.")
