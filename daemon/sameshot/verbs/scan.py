"""Look at folders once: sweep them, and follow every photo to its group."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sameshot.app import App
from sameshot.config import Config
from sameshot.config_roots import as_met, check_folder, check_roots
from sameshot.errors import BadInput, RootUnavailable
from sameshot.store.store import Store
from sameshot.verbs.extent import extent_of
from sameshot.verbs.groups import FailedPhoto
from sameshot.watch.roots import filesystem_of, is_cloud
from sameshot.way.sweeping import take_as_it_is
from sameshot.wording import counted

_ESTIMATED_IN_S = 5.0
_NAMED_AT_MOST = 10


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What is known after the scan.

    `problems`: folders that could not be read, pairings nobody can decide, photos not compared with all others.
    `failures`: the photos that newly failed, each with its reason; `newly_failed`: how many they are.
    """

    photos: int
    groups: int
    failed: int
    newly_failed: int
    failures: tuple[FailedPhoto, ...]
    problems: tuple[str, ...]


def scan(app: App, *, paths: tuple[Path, ...] = (), believe: bool = False, download: bool = False) -> ScanResult:
    """Scans `paths`, or all configured roots, and returns once every photo is grouped or failed.

    `believe`: takes `paths`, which are roots, as they are now, whatever was known of them. `download`: reads cloud
    drives too; without it one of several roots is left out, and is a problem of the result.

    Raises BadInput when there is nothing to scan or a folder cannot be used, RootUnavailable when no root is what it
    was; where another one is, this one is a problem of the result.
    """
    places = scan_places(app.config, paths=paths, believe=believe, download=download)
    take_as_they_are(app, places if believe else ())
    failed_before = set(app.store.photos.failed())
    problems: list[str] = []
    app.resume()
    for place in places:
        if not download and (kind := cloud_to_ask_about(app.config, place)):
            problems.append(_about_cloud(app.config, place, kind))
            continue
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
    for arrivals in chain.from_iterable(map(app.sweep_filed, () if paths else app.filed_places())):
        problems += arrivals.problems
        app.flow.take(arrivals.unsettled)
        app.flow.touch(arrivals.contents)
    app.run_until_idle("looking at photos")
    problems += not_complete(app.flow.unsettled())
    return scan_result(app, failed_before, problems)


def not_complete(files: Mapping[Path, str]) -> list[str]:
    """Returns a sentence for each of the first files that were left for later; `files`: each with why, after `it`."""
    named = sorted(files.items())[:_NAMED_AT_MOST]
    more = [f"and {counted(len(files) - len(named), 'more file')} alike"] if len(files) > len(named) else []
    return [f"{path} was not looked at yet, {why}; scan again when it is complete" for path, why in named] + more


def take_as_they_are(app: App, roots: Collection[Path]) -> None:
    """The owner says that what these roots show is right. Raises RootUnavailable when one cannot be read."""
    for root in roots:
        take_as_it_is(app.store, root)


def scan_places(
    config: Config, *, paths: tuple[Path, ...] = (), believe: bool = False, download: bool = False
) -> tuple[Path, ...]:
    """Returns the folders to scan. Raises BadInput when there are none or one cannot be used."""
    if believe and not paths:
        raise BadInput("Nothing says which folder is right as it is", "Name it: `sameshot scan --believe DIR`")
    roots = tuple(root.path for root in config.roots)
    places = tuple(as_met(path, roots) for path in paths) or roots
    if not places:
        raise BadInput("There is nothing to scan", "Name a folder, or put roots into the config: `sameshot init DIR`")
    if paths:
        unusable = [problem.text for place in places if (problem := check_folder("PATH", place)) is not None]
    else:
        # Only looking: a library that cannot be written is no obstacle.
        problems = [problem for problem in check_roots(config) if problem.key != "library"]
        # An absent root stops nothing where there is another one: it is a problem of the result.
        is_one_there = sum(problem.may_heal for problem in problems) < len(places)
        unusable = [str(problem) for problem in problems if not (problem.may_heal and is_one_there)]
    if unusable:
        raise BadInput("\n".join(unusable))
    clouds = {} if download else {place: kind for place in places if (kind := cloud_to_ask_about(config, place))}
    if clouds and (paths or len(clouds) == len(places)):
        raise BadInput("\n".join(_about_cloud(config, place, kind) for place, kind in clouds.items()))
    return places


def cloud_to_ask_about(config: Config, place: Path) -> str:
    """Returns the kind of cloud drive that holds `place`, empty where there is none or the config allows to read it."""
    root = next((root for root in config.roots if place.is_relative_to(root.path)), None)
    if root is not None and root.remote == "read":
        return ""
    kind = filesystem_of(place)
    return kind if is_cloud(kind) else ""


def _about_cloud(config: Config, place: Path, kind: str) -> str:
    extent = extent_of(place, config, time.monotonic() + _ESTIMATED_IN_S)
    return (
        f"{place} is a cloud drive ({kind}): looking at it downloads {extent.sentence()}. Say --download to do it now, "
        "or allow it for good: `remote: read` beside its path in the config"
    )


def scan_result(app: App, failed_before: Collection[tuple[Path, str]], problems: Sequence[str]) -> ScanResult:
    """Returns what is known now."""
    failed = app.store.photos.failed()
    before = set(failed_before)
    fresh = tuple(FailedPhoto(path, reason) for path, reason in failed if (path, reason) not in before)
    return ScanResult(
        photos=sum(app.store.photos.count().values()),
        groups=app.store.groups.count(),
        failed=len(failed),
        newly_failed=len(fresh),
        failures=fresh,
        problems=(*problems, *_not_compared(app.store)),
    )


def _not_compared(store: Store) -> list[str]:
    """Returns a sentence for each of the first photos that workers failed to compare with all others."""
    known = store.not_compared.all()
    views = store.photos.views(known)
    named = [
        f"{views[content][0].path} was not compared with all others: {why}; it is tried again at the next start"
        for content, why in sorted(known.items())
        if content in views
    ]
    more = len(named) - _NAMED_AT_MOST
    return named[:_NAMED_AT_MOST] + ([f"and {counted(more, 'more photo')} alike"] if more > 0 else [])
