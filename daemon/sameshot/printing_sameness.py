"""Results about sameness for a terminal.

Comes in: the plain values that verbs answer with. Goes out: text through a `Printer`, which escapes what names hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sameshot.printing import Printer, done
from sameshot.wording import counted

_BAR, _EXAMPLES = 30, 4
_SHOWN_THRESHOLDS = {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99}


def why(out: Printer, result: dict[str, Any]) -> None:
    """The rule, then the neighbours, then what was done."""
    if result["group"]:
        place = "missing now" if result["rank"] is None else f"number {result['rank']} of {result['members']}"
        out.say(f"{result['group']}: {place}.", style="bold")
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
    done(out, result["done"])
    if not result["done"]:
        out.say("Nothing was done to it.")


def calibrate(out: Printer, result: dict[str, Any]) -> None:
    """A row for every tenth and the threshold in question, with a bar for its pairs, then the pairs at that one."""
    if not result["enough"]:
        kept(out, result)
        return
    at = next((at for at in (result["kept"], result["suggested"], result["in_force"]) if at is not None), None)
    most = max((point["pairs"] for point in result["points"]), default=0) or 1
    rows = [
        (
            f"{point['threshold']:.3f}",
            f"{point['pairs']:,.0f}",
            f"{point['photos']:,.0f}",
            _share(point["precision"], 4),
            _share(point["recall"], 2),
            "\u2588" * round(_BAR * point["pairs"] / most),
        )
        for point in result["points"]
        if point["threshold"] in _SHOWN_THRESHOLDS or point["threshold"] == at
    ]
    out.table(("threshold", "pairs", "photos", "precision", "found", ""), rows)
    out.say(
        f"From {counted(result['photos'], 'photo')} and {counted(result['pairs'], 'pair')}, by {result['method']}. "
        "pairs, photos: expected in the whole library."
    )
    out.say("precision: pairs that are right; found: photos changed on purpose that are found again.")
    if result["suggested"] is not None:
        out.say(f"Suggested: {result['suggested']:g}.")
    if at is not None:
        examples(out, result["examples"], at)
    kept(out, result)
    if result["page"]:
        out.say(f"With pictures, for a browser: {result['page']}")


def examples(out: Printer, pairs: Sequence[dict[str, Any]], threshold: float) -> None:
    """The pairs nearest to a threshold, those that would be grouped first."""
    above = [pair for pair in pairs if pair["score"] >= threshold][:_EXAMPLES]
    below = [pair for pair in pairs if pair["score"] < threshold][-_EXAMPLES:]
    for name, side in (("the same shot", reversed(above)), ("not the same shot", reversed(below))):
        for pair in side:
            out.say(f"{pair['score']:.3f}  {name}: {pair['first']}  {pair['second']}")


def kept(out: Printer, result: dict[str, Any]) -> None:
    """What was kept, and what to know."""
    if result["kept"] is not None:
        out.say(f"Kept: {result['kept']:g}.", style="bold")
    for note in result["notes"]:
        out.say(note)


def _share(value: float | None, digits: int) -> str:
    return "?" if value is None else f"{value:.{digits}f}"
