"""Why one photo is where it is: its neighbours, the rule that joined it, its rank, and what was done to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.apply.history import StepRecord
from sameshot.errors import BadInput
from sameshot.group.kinds import RECOGNISED_BY
from sameshot.group.quality import reasons as better
from sameshot.model import Group, Membership
from sameshot.store.photos import PhotoRow
from sameshot.way.rating import rated

_NEIGHBOURS = 8


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A photo that looks alike. `score`: of the comparison; None where the two were not compared."""

    path: Path
    score: float | None
    cosine: float
    group: str | None


@dataclass(frozen=True, slots=True)
class WhyResult:
    """`rank`: 1 for the photo that stands for the group; None without a group. `done`: oldest first."""

    file: Path
    group: str | None
    rank: int | None
    members: int
    rule: tuple[str, ...]
    neighbours: tuple[Neighbour, ...]
    done: tuple[StepRecord, ...]


def why(app: App, *, file: Path) -> WhyResult:
    """Tells what is known of a photo. Raises BadInput when it is not known."""
    photo = app.store.photos.at(file)
    if photo is None:
        raise BadInput(f"{file} is not known", "Scan its folder first: `sameshot scan DIR`")
    done = tuple(_done(app, photo))
    content = photo.content_id
    if photo.stage == "failed" or content is None or not app.store.contents.has_vector(content, app.encoder.encoder_id):
        reason = f"It could not be looked at: {photo.reason}." if photo.reason else f"It is only {photo.stage} so far."
        return WhyResult(file, None, None, 0, (reason,), (), done)
    group_id = app.store.groups.of([content]).get(content)
    group = app.store.groups.get([group_id])[0] if group_id is not None else None
    neighbours = tuple(_neighbours(app, content, photo.primary.path))
    if group is None:
        return WhyResult(file, None, None, 0, tuple(_alone(app, neighbours)), neighbours, done)
    place = next(place for place, member in enumerate(group.members, start=1) if member.content == content)
    rule = tuple(_rule(app, group, group.members[place - 1]))
    return WhyResult(file, group.id, place, len(group.members), rule, neighbours, done)


def _neighbours(app: App, content: int, own: Path) -> Iterator[Neighbour]:
    vector = app.store.contents.vector(content, app.encoder.encoder_id)
    near = app.index.nearest(vector, _NEIGHBOURS + 1)
    scores = app.store.links.scores_of(content)
    views = app.store.photos.views(other for other, _ in near)
    groups = app.store.groups.of(views)
    for other, cosine in near:
        for view in views.get(other, ()):
            if view.path != own:
                score = 1.0 if other == content else scores.get(other)
                known = None if score is None else round(score, 4)
                yield Neighbour(view.path, known, round(cosine, 4), groups.get(other))


def _alone(app: App, neighbours: tuple[Neighbour, ...]) -> Iterator[str]:
    yield "It is in no group."
    compared = [n.score for n in neighbours if n.score is not None]
    threshold = app.link_threshold
    if not compared:
        yield "Nothing looks enough like it to be compared with it."
    elif max(compared) < threshold:
        yield f"Of what it was compared with nothing reaches {threshold:.3f}; the most alike has {max(compared):.3f}."
    else:
        yield "What is like it is like the best photo of another group, or you keep them apart."


def _rule(app: App, group: Group, member: Membership) -> Iterator[str]:
    ratings = rated(app.store, [[one.content for one in group.members]])
    names = {content: views[0].path.name for content, views in app.store.photos.views(ratings).items()}
    head = names.get(group.representative, "a photo that is missing now")
    if member.certified_by == "itself":
        yield f"It stands for its group of {len(group.members)}."
        others = [one.content for one in group.members if one.content != member.content]
        if others:
            runner_up = max(others, key=lambda content: ratings[content].value)
            yield f"Before {names.get(runner_up, 'the next')} because " + "; ".join(
                better(ratings[member.content], ratings[runner_up])
            ) + "."  # fmt: skip
            if ratings[runner_up].value > ratings[member.content].value:
                yield "The other is rated higher, but not every member is provably like it, or you chose this one."
        else:
            yield "The others are exact copies of it."
        return
    if member.certified_by == "measured":
        yield (
            f"Its score to {head}, which stands for the group, is {member.score:.3f}: "
            f"at or above the threshold {app.link_threshold:.3f}."
        )
    elif member.certified_by == "chain":
        yield f"It is linked to another member with a score of {member.score:.3f}; you asked for chains."
    elif member.certified_by == "owner":
        yield "You said that it belongs there."
    else:
        yield f"It is a frame of a {member.certified_by}: {RECOGNISED_BY[member.certified_by]}."
    yield f"{head} goes before it because " + "; ".join(
        better(ratings[group.representative], ratings[member.content])
    ) + "."  # fmt: skip


def _done(app: App, photo: PhotoRow) -> Iterator[StepRecord]:
    """The journal's steps that concern the photo's file, followed back through its earlier names."""
    paths = {photo.primary.path}
    found: list[StepRecord] = []
    for batch in reversed(app.journal.batches()):
        for step in reversed(app.journal.steps(batch.batch)):
            if step.target in paths or step.source in paths:
                found.append(step)
                paths |= {step.source, step.target} if step.deed == "move" and step.state != "refused" else set()
    return reversed(found)
