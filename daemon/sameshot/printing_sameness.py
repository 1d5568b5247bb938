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

_MEANINGS = {
    "pair_score": "how likely it is one shot, by all of the following down to the measures",
    "cosine": "how alike the encoder finds them",
    "phash": "equal bits of their perceptual hashes, turned if that fits",
    "frame": "light and shade of the whole frames, one laid on the other",
    "frame_patches": "the same, what two in three patches of them reach",
    "moment": "how near in time one camera took both; 0: not known; a measure too",
    "inliers": "corners that agree on how one lies over the other",
    "share": "these, of the corners that they could share",
    "spread": "how much of the frame these corners span",
    "overlay": "light and shade, laid over each other as the corners say",
    "overlay_patches": "the same, what two in three patches reach",
    "common": "how much of the frames both show",
    "flow": "parts found again near where their neighbours are, two in three",
    "flow_most": "the same, four in five",
    "steady": "parts that both show strongly and that are alike",
    "hues": "what both show in colour and is of one colour; light of another colour is taken out",
    "guided": "corners found again where all else says they should be",
    "guided_parts": "parts of the frame in which such corners are",
    "shift_x": "how far the scene moved right from the photo taken first to the other, in widths of the frame",
    "shift_y": "how far it moved down, in heights",
    "ssim": "measure: structural similarity",
    "minhash": "measure: corners at the same places",
    "imagehash": "measure: the chosen perceptual hash",
    "orb": "measure: matching corners, of all",
    "template": "measure: one inside the other as a template",
    "embedding": "measure: the encoder's cosine",
    "camera": "measure: both by one camera",
}


def explain(out: Printer, result: dict[str, Any]) -> None:
    """The evidence and what it means, then what follows from it."""
    out.table(
        ("measure", "value", "what it says"),
        [(name, f"{value:.4f}", _MEANINGS[name]) for name, value in result["evidence"].items()],
    )
    out.say("The same shot." if result["same_shot"] else "Not the same shot.", style="bold")
    for reason in result["reasons"]:
        out.say(reason)


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
    shown = _SHOWN_THRESHOLDS | (set() if at is None else {at})
    told = [_point_at(result["points"], threshold) for threshold in sorted(shown)]
    rows = [
        (
            _exactly(point["threshold"]),
            f"{point['pairs']:,.0f}",
            f"{point['photos']:,.0f}",
            _share(point["precision"], 4),
            _share(point["recall"], 2),
            "\u2588" * round(_BAR * point["pairs"] / most),
        )
        for point in told
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


def looked_at(out: Printer, result: dict[str, Any], threshold: float) -> None:
    """What a threshold would mean, and the pairs nearest to it."""
    point = _point_at(result["points"], threshold)
    out.say(
        f"From {_exactly(threshold)} on: about {counted(round(point['pairs']), 'pair')}, "
        f"{counted(round(point['photos']), 'photo')} in groups; precision {_share(point['precision'], 4)}, "
        f"found {_share(point['recall'], 2)}."
    )
    examples(out, result["examples"], threshold)


def examples(out: Printer, pairs: Sequence[dict[str, Any]], threshold: float) -> None:
    """The pairs nearest to a threshold, those that would be grouped first."""
    above = [pair for pair in pairs if pair["score"] >= threshold][:_EXAMPLES]
    below = [pair for pair in pairs if pair["score"] < threshold][-_EXAMPLES:]
    for name, side in (("the same shot", reversed(above)), ("not the same shot", reversed(below))):
        for pair in side:
            out.say(f"{pair['score']:.4f}  {name}: {pair['first']}  {pair['second']}")


def kept(out: Printer, result: dict[str, Any]) -> None:
    """What was kept, and what to know."""
    if result["kept"] is not None:
        out.say(f"Kept: {result['kept']:g}.", style="bold")
    for note in result["notes"]:
        out.say(note)


def _point_at(points: Sequence[dict[str, Any]], threshold: float) -> dict[str, Any]:
    """What a threshold means: what lies between the two points next to it, None where one of them does not say."""
    low = max((p for p in points if p["threshold"] <= threshold), key=_threshold, default=points[0])
    high = min((p for p in points if p["threshold"] >= threshold), key=_threshold, default=points[-1])
    apart = _threshold(high) - _threshold(low)
    part = (threshold - _threshold(low)) / apart if apart > 0 else 0.0
    told: dict[str, Any] = {"threshold": threshold}
    for name in ("pairs", "photos", "precision", "recall"):
        unknown = low[name] is None or high[name] is None
        told[name] = None if unknown else low[name] + part * (high[name] - low[name])
    return told


def _threshold(point: dict[str, Any]) -> float:
    return float(point["threshold"])


def _exactly(threshold: float) -> str:
    """With three digits, or as many as it has."""
    return f"{threshold:.3f}" if round(threshold, 3) == threshold else f"{threshold:.12g}"


def _share(value: float | None, digits: int) -> str:
    return "?" if value is None else f"{value:.{digits}f}"
