"""What keeps the service from its work, or will: each finding with its remedy.

Comes in: the config file and the locations. Goes out: findings, bad ones first. Nothing is changed, no photo is read; a
folder that does not answer is waited for a few seconds and told.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sameshot.config import Config, load_with_sources
from sameshot.config_roots import check_roots
from sameshot.embed.encoders import place_of
from sameshot.errors import SameshotError
from sameshot.locations import Locations
from sameshot.service.client import ServiceAbsent, call
from sameshot.service.probe import Probe
from sameshot.verbs.check import template_problems
from sameshot.verbs.extent import Extent, extent_of
from sameshot.verbs.surroundings import Finding, installed_units, limit_findings, state_findings, unit_findings
from sameshot.watch.roots import RootFacts, check_root, is_cloud
from sameshot.wording import counted

_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class DoctorResult:
    """`well`: nothing bad was found."""

    well: bool
    findings: tuple[Finding, ...]


def doctor(config_file: Path | None, locations: Locations) -> DoctorResult:
    """Returns every finding."""
    findings: list[Finding] = []
    try:
        loaded = load_with_sources(config_file)
    except SameshotError as error:
        # The first line says which file and how many; each of the others is a finding of its own.
        lines = [line.strip() for line in str(error.args[0]).splitlines()]
        remedy = error.hint or "Correct it; `sameshot check` helps"
        findings += [Finding("bad", "config", line, remedy) for line in lines[1:] or lines]
    else:
        findings += _of_config(loaded.config)
        findings += _of_model(loaded.config, locations)
        findings += _of_service(locations)
        folders_watched = 0
        for root in loaded.config.roots:
            found, folders = _of_root(root.path, loaded.config, asks=root.remote == "ask")
            findings += found
            folders_watched += folders
        findings += limit_findings(loaded.config, folders_watched)
    findings += state_findings(locations)
    findings += unit_findings()
    order = ("bad", "note", "good")
    return DoctorResult(
        all(finding.level != "bad" for finding in findings),
        tuple(sorted(findings, key=lambda finding: order.index(finding.level))),
    )


def _of_config(config: Config) -> Iterator[Finding]:
    asked = _in_time(lambda _: check_roots(config), Path("/"))
    # Folders that do not answer are told one by one.
    problems = [*map(str, asked if isinstance(asked, list) else []), *template_problems(config)]
    yield from (
        Finding("bad", "config", problem, "`sameshot check` shows where each value comes from") for problem in problems
    )
    if not config.roots:
        yield Finding("bad", "config", "it names no folder to watch", "sameshot init DIR")
    elif not problems:
        yield Finding("good", "config", "all of it can be used")


def _of_model(config: Config, locations: Locations) -> Iterator[Finding]:
    try:
        file = place_of(config.encoder, locations.models_dir).path
    except SameshotError as error:
        yield Finding("bad", "encoder", str(error.args[0]), error.hint)
        return
    if file.exists():
        yield Finding("good", "encoder", f"{config.encoder} is ready")
    else:
        yield Finding("note", "encoder", f"{config.encoder} is made ready by the first scan", "")


def _of_service(locations: Locations) -> Iterator[Finding]:
    try:
        status: dict[str, Any] = call(locations.socket, "status", {}, silence_s=_PATIENCE_S)
    except ServiceAbsent:
        remedy = "sameshot watch, or sameshot install-service --user"
        for unit, word in installed_units()[:1]:
            remedy = f"See why: systemctl {word}status {unit.stem}"
        yield Finding("note", "service", "it does not run", remedy)
        return
    except SameshotError as error:
        yield Finding("bad", "service", str(error.args[0]), error.hint)
        return
    if status["state"] == "degraded":
        yield Finding("bad", "service", f"it runs, but {status['why']}", "`sameshot status` shows each folder")
    elif status["state"] == "paused":
        yield Finding("note", "service", f"it keeps still: {status['why']}")
    else:
        yield Finding("good", "service", f"it runs and is {status['state']}")


def _of_root(root: Path, config: Config, *, asks: bool) -> tuple[list[Finding], int]:
    """What there is to say of a root, and how many of its folders are watched."""
    about = str(root)
    facts = _in_time(check_root, root)
    if isinstance(facts, SameshotError):
        return [Finding("bad", about, str(facts.args[0]), facts.hint or "Mount its disk, or correct the config")], 0
    if not isinstance(facts, RootFacts):
        remedy = f"Mount it again: its server, or {root}'s disk, is gone"
        return [Finding("bad", about, "it does not answer", remedy)], 0
    extent = _in_time(lambda folder: extent_of(folder, config), root)
    if not isinstance(extent, Extent):
        fact = f"listing it takes longer than {_PATIENCE_S:g} s"
        return [Finding("note", about, fact, "The first scan will take long")], 0
    size, kind = extent.sentence(), facts.filesystem_type
    if is_cloud(kind) and asks:
        remedy = "Looking at them downloads all of that; to allow it, put `remote: read` beside its path in the config"
        return [Finding("note", about, f"a cloud drive ({kind}): {size}; it is left alone", remedy)], 0
    findings = [Finding("good", about, f"{size}, on {kind}")]
    if facts.is_network:
        remedy = "Nothing needs to be done; a scan finds new photos at once"
        findings.append(Finding("note", about, f"{kind} announces no changes, so it is swept on a timer", remedy))
    if extent.unreadable:
        fact = f"{counted(extent.unreadable, 'folder')} below it may not be read, so photos there are not seen"
        findings.append(Finding("note", about, fact, f"See which: find {shlex.quote(about)} -type d ! -readable"))
    if not facts.is_writable and config.action != "none":
        fact = "it cannot be written, so nothing can be filed from it by moving"
        findings.append(Finding("bad", about, fact, "Remount it, or chown"))
    return findings, 0 if facts.is_network else extent.folders


def _in_time(question: Callable[[Path], object], folder: Path) -> object:
    """The answer, the error, or None when neither came in time."""
    try:
        return Probe(question).wait(folder, _PATIENCE_S)
    except SameshotError as error:
        return error
    except OSError as error:
        return SameshotError(f"it cannot be read: {error.strerror}", "Check its mount and its permissions")
