"""Why two photos are, or are not, of one shot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.compare.pair_score import SHORTLIST_COSINE
from sameshot.looking import compare_one, features_of


@dataclass(frozen=True, slots=True)
class ExplainResult:
    """`evidence`: each measure's value. `reasons`: sentences, from the measured to what would have to change."""

    first: Path
    second: Path
    score: float
    threshold: float
    same_shot: bool
    evidence: dict[str, float]
    reasons: tuple[str, ...]


def explain(app: App, *, first: Path, second: Path) -> ExplainResult:
    """Compares two files now and tells what their groups say. Raises BadInput when one cannot be looked at."""
    one, features = features_of(app, first)
    other, other_features = features_of(app, second)
    pair = compare_one(app, features, [other_features])[0]
    exact = one is not None and one == other
    score = 1.0 if exact else pair.score
    groups = app.store.groups.of([content for content in (one, other) if content is not None])
    together = exact or (one in groups and other in groups and groups[one] == groups[other])
    return ExplainResult(
        first, second, round(score, 4), app.link_threshold, together if one and other else score >= app.link_threshold,
        {name: round(value, 4) for name, value in pair.evidence.items()},
        tuple(_reasons(app, one, other, score, pair.evidence["cosine"], exact=exact, together=together)),
    )  # fmt: skip


def _reasons(
    app: App, one: int | None, other: int | None, score: float, cosine: float, *, exact: bool, together: bool
) -> list[str]:
    threshold = app.link_threshold
    reasons = []
    if exact:
        return ["They are exact copies: the same bytes."]
    passes = score >= threshold
    reasons.append(f"Their score {score:.3f} is {'at or above' if passes else 'below'} the threshold {threshold:.3f}.")
    if one is None or other is None:
        reasons.append("At least one of them is not in the library, so the score alone decides.")
        return reasons
    digests = [row.digest for row in app.store.contents.get([one, other]).values()]
    said = app.store.verdicts.pairs_among(digests)
    if said.together:
        reasons.append("You said that they belong together.")
    if said.apart:
        reasons.append("You said that they are different shots.")
    if together:
        reasons += _certificates(app, one, other)
        reasons.append("To have them apart: `sameshot apart FILE FILE`.")
        return reasons
    if passes and not said.apart and cosine < SHORTLIST_COSINE:
        reasons.append(
            f"Nobody compared them before: their cosine {cosine:.3f} is below {SHORTLIST_COSINE:.3f}, where a photo's "
            "neighbours are looked for."
        )
    elif passes and not said.apart:
        reasons.append(
            "They are alike, but the best photo of the one's group is not provably like the other: groups never chain."
        )
    if not passes and not said.apart:
        reasons.append(f"They would be grouped from a score of {threshold:.3f} on.")
    reasons.append("To have them together: `sameshot together FILE FILE`.")
    return reasons


def _certificates(app: App, one: int, other: int) -> list[str]:
    group_id = app.store.groups.of([one])[one]
    group = app.store.groups.get([group_id])[0]
    views = app.store.photos.views([group.representative])
    name = views[group.representative][0].path.name if group.representative in views else "a photo that is missing now"
    sentences = [f"Both are in group {group.id}, which {name} stands for."]
    for member in group.members:
        if member.content in (one, other) and member.certified_by == "owner":
            sentences.append("One of them is in it because you said so.")
        elif member.content in (one, other) and member.certified_by == "measured":
            sentences.append(f"A member's score to the representative is {member.score:.3f}.")
    return sentences
