"""Look at folders once: sweep them, and follow every photo to its group."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.config import Config
from sameshot.config_roots import check_folder, check_roots
from sameshot.errors import BadInput, RootUnavailable
from sameshot.way.sweeping import take_as_it_is


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What is known after the scan. `problems`: folders that could not be read, pairings nobody can decide."""

    photos: int
    groups: int
    failed: int
    newly_failed: int
    problems: tuple[str, ...]


def scan(app: App, *, paths: tuple[Path, ...] = (), believe: bool = False) -> ScanResult:
    """Scans `paths`, or all configured roots, and returns once every photo is grouped or failed.

    `believe`: takes `paths`, which are roots, as they are now, whatever was known of them.

    Raises BadInput when there is nothing to scan or a folder cannot be used, RootUnavailable when no root is what it
    was; where another one is, this one is a problem of the result.
    """
    places = scan_places(app.config, paths=paths, believe=believe)
    take_as_they_are(app, places if believe else ())
    failed_before = set(app.store.photos.failed())
    problems: list[str] = []
    app.flow.resume()
    for place in places:
        try:
            for arrivals in app.sweep(place):
                problems += arrivals.problems
                app.flow.take(arrivals.unsettled)
                app.flow.touch(arrivals.contents)
                app.progress("finding photos", app.flow.pending, None)
        except RootUnavailable as error:
            if len(places) == 1:
                raise
            problems.append(str(error))
    app.run_until_idle("looking at photos")
    if app.flow.pending:
        problems.append(f"{app.flow.pending} files are still being written; scan again when they are complete")
    return scan_result(app, failed_before, problems)


def take_as_they_are(app: App, roots: Collection[Path]) -> None:
    """The owner says that what these roots show is right. Raises RootUnavailable when one cannot be read."""
    for root in roots:
        take_as_it_is(app.store, root)


def scan_places(config: Config, *, paths: tuple[Path, ...] = (), believe: bool = False) -> tuple[Path, ...]:
    """Returns the folders to scan. Raises BadInput when there are none or one cannot be used."""
    if believe and not paths:
        raise BadInput("Nothing says which folder is right as it is", "Name it: `sameshot scan --believe DIR`")
    places = paths or tuple(root.path for root in config.roots)
    if not places:
        raise BadInput("There is nothing to scan", "Name a folder, or put roots into the config: `sameshot init DIR`")
    if paths:
        unusable = [problem.text for place in places if (problem := check_folder("PATH", place)) is not None]
    else:
        # Only looking: a library that cannot be written is no obstacle.
        unusable = [str(problem) for problem in check_roots(config) if problem.key != "library"]
    if unusable:
        raise BadInput("\n".join(unusable))
    return places


def scan_result(app: App, failed_before: Collection[tuple[Path, str]], problems: Sequence[str]) -> ScanResult:
    """Returns what is known now."""
    failed = app.store.photos.failed()
    return ScanResult(
        photos=sum(app.store.photos.count().values()),
        groups=app.store.groups.count(),
        failed=len(failed),
        newly_failed=len(set(failed) - set(failed_before)),
        problems=tuple(problems),
    )
