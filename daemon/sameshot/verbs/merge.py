"""Groups that were formed apart become one where they show one shot.

Comes in: the app, and around which contents to look. Goes out: which groups became which, and what certifies each
member. A group made of others passes the same certificate as any: each member is measured as like its representative,
or its set's kind or the owner vouches for it; never is it only like some other member. No file is touched, and
`sameshot apart` takes a merge back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.model import Group
from sameshot.way.reclustering import merged_from


@dataclass(frozen=True, slots=True)
class MergedMember:
    """A photo of a merged group: its score to the representative, and who vouches for it."""

    path: Path
    score: float
    certified_by: str


@dataclass(frozen=True, slots=True)
class Merged:
    """A group that is made of others. `of`: their ids, or of photos that were alone."""

    group: str
    of: tuple[str, ...]
    members: tuple[MergedMember, ...]


@dataclass(frozen=True, slots=True)
class MergeResult:
    """`merged`: by id. `changed`: how many other groups are not what they were."""

    merged: tuple[Merged, ...]
    changed: int


def merge(app: App, *, contents: tuple[int, ...] | None = None) -> MergeResult:
    """Groups anew around `contents`, or everything, and tells which groups were merged."""
    around = set(app.store.contents.ids() if contents is None else contents)
    known = {group.id: group for group in app.store.groups.all()}
    before = {member.content: group.id for group in known.values() for member in group.members}
    if around:
        app.flow.touch(around)
        app.flow.regroup()
    new = [group for group in app.store.groups.all() if _shot(group) != _shot(known.get(group.id))]
    merged = [
        Merged(group.id, of, _members(app, group))
        for group in new
        if len(of := merged_from(before, (member.content for member in group.members))) > 1
    ]
    gone = known.keys() - {group.id for group in app.store.groups.all()} - {name for one in merged for name in one.of}
    return MergeResult(tuple(merged), len(new) - len(merged) + len(gone))


def _shot(group: Group | None) -> frozenset[int]:
    return frozenset(member.content for member in group.members) if group else frozenset()


def _members(app: App, group: Group) -> tuple[MergedMember, ...]:
    views = app.store.photos.views([member.content for member in group.members])
    return tuple(
        MergedMember(view.path, round(member.score, 4), member.certified_by)
        for member in group.members
        for view in views.get(member.content, ())
    )
