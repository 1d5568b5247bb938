"""Look at folders once: sweep them, and follow every photo to its group."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.config_roots import check_folder
from sameshot.errors import BadInput
from sameshot.library import group_views
from sameshot.sweeping import sweep


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What is known after the scan. `problems`: folders that could not be read, pairings nobody can decide."""

    photos: int
    groups: int
    failed: int
    newly_failed: int
    problems: tuple[str, ...]


def scan(app: App, *, paths: tuple[Path, ...] = ()) -> ScanResult:
    """Scans `paths`, or all configured roots, and returns once every photo is grouped or failed.

    Raises BadInput when there is nothing to scan or a folder cannot be used, RootUnavailable when a known root is
    not what it was.
    """
    places = paths or app.roots
    if not places:
        raise BadInput("There is nothing to scan", "Name a folder, or put roots into the config: `sameshot init DIR`")
    unusable = [problem.text for place in places if (problem := check_folder("PATH", place)) is not None]
    if unusable:
        raise BadInput("\n".join(unusable))
    failed_before = set(app.store.photos.failed())
    problems: list[str] = []
    for place in places:
        root = next((root for root in app.roots if place.is_relative_to(root)), place)
        for arrivals in sweep(app.store, root, app.rules_below(root), app.now, place, app.is_recursive(root)):
            problems += arrivals.problems
            app.flow.take(arrivals.unsettled)
            app.flow.touch(arrivals.contents)
            app.progress("finding photos", app.flow.pending, None)
    app.run_until_idle("looking at photos")
    failed = set(app.store.photos.failed())
    return ScanResult(
        photos=sum(app.store.photos.count().values()),
        groups=len(group_views(app.store, app.store.groups.all())),
        failed=len(failed),
        newly_failed=len(failed - failed_before),
        problems=tuple(problems),
    )
