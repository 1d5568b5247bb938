"""Why one photo is where it is: its neighbours, the rule that joined it, its rank, and what was done to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.apply.history import StepRecord
from sameshot.errors import BadInput
from sameshot.model import Group, GroupView, Membership
from sameshot.store.photos import PhotoRow
from sameshot.verbs.merge import merges
from sameshot.way.certificates import certificate, goes_before
from sameshot.way.comparing import stored_scores
from sameshot.way.library import check_known, group_views
from sameshot.way.rating import rated
from sameshot.wording import counted

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
    """`rank`: 1 for the photo that stands for the group; None without a group, or where the photo is missing now.

    `members`: photos of the group, as `groups` shows them. `done`: oldest first.
    """

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
        if next(app.store.photos.folders_under(file), None) is not None:
            raise BadInput(f"{file} is a folder", "Name one photo, or see `sameshot groups DIR`")
        check_known(app.store, [file])
        raise BadInput(f"sameshot knows no photo at {file}", "If there is one, scan again: `sameshot scan`")
    done = tuple(_done(app, photo))
    content = photo.content_id
    if photo.stage == "failed" or content is None or not app.store.contents.has_vector(content, app.encoder.encoder_id):
        reason = f"It could not be looked at: {photo.reason}." if photo.reason else f"It is only {photo.stage} so far."
        return WhyResult(file, None, None, 0, (reason,), (), done)
    group_id = app.store.groups.of([content]).get(content)
    group = app.store.groups.get([group_id])[0] if group_id is not None else None
    neighbours = tuple(_neighbours(app, content, photo.primary.path))
    seen = group_views(app.store, [group]) if group is not None else []
    if group is None or not seen:
        gone = photo.missing_since_s is not None
        rule = ("The file is not there any more.",) if gone else tuple(_alone(app, content, neighbours))
        return WhyResult(file, None, None, 0, rule, neighbours, done)
    place = next((place for place, view in enumerate(seen[0].photos, start=1) if view.id == photo.id), None)
    member = next(member for member in group.members if member.content == content)
    rule = (*_rule(app, group, seen[0], member, stands=place == 1), *_merges(app, group))
    return WhyResult(file, group.id, place, len(seen[0].photos), rule, neighbours, done)


def _neighbours(app: App, content: int, own: Path) -> Iterator[Neighbour]:
    vector = app.store.contents.vector(content, app.encoder.encoder_id)
    near = app.index.nearest(vector, _NEIGHBOURS + 1)
    scores = stored_scores(app.store, content, app.method.id, app.encoder.encoder_id)
    views = app.store.photos.views(other for other, _ in near)
    groups = app.store.groups.of(views)
    for other, cosine in near:
        for view in views.get(other, ()):
            if view.path != own:
                score = 1.0 if other == content else scores.get(other)
                known = None if score is None else round(score, 4)
                yield Neighbour(view.path, known, round(cosine, 4), groups.get(other))


def _alone(app: App, content: int, neighbours: tuple[Neighbour, ...]) -> Iterator[str]:
    yield "It is in no group."
    if (why_not := app.store.not_compared.all().get(content)) is not None:
        yield f"It was not compared with all others: {why_not}; it is tried again at the next start."
        return
    compared = [n.score for n in neighbours if n.score is not None]
    threshold = app.link_threshold
    if not compared:
        yield "Nothing looks enough like it to be compared with it."
    elif max(compared) < threshold:
        yield f"Of what it was compared with nothing reaches {threshold:.3f}; the most alike has {max(compared):.3f}."
    else:
        yield "What is like it is like the best photo of another group, or you keep them apart."


def _rule(app: App, group: Group, seen: GroupView, member: Membership, *, stands: bool) -> Iterator[str]:
    head = seen.representative
    if member.content == head.content:
        if not stands:
            yield f"It is an exact copy of {head.path.name}, which stands for the group."
            return
        yield f"It stands for its group of {counted(len(seen.photos), 'photo')}."
        yield from _why_it_stands(app, group, seen)
        yield from certificate(app, group, member)
        return
    yield from certificate(app, group, member)
    present = _present(seen)
    if member.content in present:
        name = head.path.name
        yield f"{name} goes before it {goes_before(app, present, (head.content, name), (member.content, 'it'))}."


def _merges(app: App, group: Group) -> Iterator[str]:
    for made in merges(app):
        if made["group"] == group.id:
            yield (
                f"On {made['at'][:10]} this group was made of {' and '.join(made['of'])}; "
                f"`sameshot merge --undo --group {group.id}` parts them."
            )


def _why_it_stands(app: App, group: Group, seen: GroupView) -> Iterator[str]:
    head, present = seen.representative, _present(seen)
    others = [view for view in seen.photos if view.content != head.content]
    if not others:
        yield "The others are exact copies of it."
        return
    if head.content != group.representative:
        yield "The photo that stands for the group otherwise is missing or looked at anew."
        return
    ratings = rated(app.store, [present])
    next_one = max(others, key=lambda view: ratings[view.content].value)
    name, behind = head.path.name, next_one.path.name
    reason = goes_before(app, present, (head.content, name), (next_one.content, behind))
    yield f"{name} goes before {behind} {reason}."


def _present(seen: GroupView) -> list[int]:
    return list(dict.fromkeys(view.content for view in seen.photos))


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
