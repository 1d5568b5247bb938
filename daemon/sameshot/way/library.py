"""Groups as people see them: the store's groups with their present photos, the best first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from sameshot.errors import BadInput
from sameshot.model import Group, GroupView, PhotoView
from sameshot.store.store import Store
from sameshot.way.rating import rated


def group_views(store: Store, groups: Iterable[Group]) -> list[GroupView]:
    """Returns the groups that have at least two present photos now; the representative's photo is first.

    A photo's quality is relative to its group. A content with several exact copies shows them all.
    """
    known = list(groups)
    contents = [membership.content for group in known for membership in group.members]
    photos = store.photos.views(contents)
    ratings = rated(store, [[m.content for m in group.members if m.content in photos] for group in known])
    shown = []
    for group in known:
        views = [
            replace(view, quality=round(ratings[member.content].value, 4), membership=member)
            for member in group.members
            for view in photos.get(member.content, ())
        ]
        views.sort(key=lambda view: (view.content != group.representative, -view.quality, str(view.path)))
        if len(views) > 1:
            shown.append(GroupView(group.id, tuple(views), group.kind))
    return shown


def everything(store: Store, below: Sequence[Path] = ()) -> tuple[list[GroupView], list[PhotoView]]:
    """Returns all groups, ordered by their representative's path, and the photos that are alone, by path.

    `below` keeps the groups that have a photo, and the photos that are, in one of these folders.
    """
    groups = group_views(store, store.groups.all())
    grouped = {view.id for group in groups for view in group.photos}
    looked = store.photos.views(store.contents.ids())
    alone = [view for views in looked.values() for view in views if view.id not in grouped]
    if below:
        groups = [group for group in groups if any(_inside(view.path, below) for view in group.photos)]
        alone = [view for view in alone if _inside(view.path, below)]
    groups.sort(key=lambda group: str(group.representative.path))
    alone.sort(key=lambda view: str(view.path))
    return groups, alone


def check_known(store: Store, paths: Iterable[Path], roots: Iterable[Path] = ()) -> None:
    """Raises BadInput when sameshot knows no photo at or below one of `paths`; an empty root is known all the same.

    `roots`: those of the config; what was scanned by name is known as well. No disk is asked.
    """
    folders = {*roots, *store.roots.all()}
    for path in paths:
        if path in folders or store.photos.at(path) or next(store.photos.folders_under(path), None) is not None:
            continue
        if _inside(path, list(folders)):
            raise BadInput(f"sameshot knows no photo at {path}", "If there is one, scan again: `sameshot scan`")
        raise BadInput(f"{path} is not in any folder that sameshot knows", "Scan it first: `sameshot scan DIR`")


def _inside(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
