"""What keeps the service from its work, or will: each finding with its remedy.

Comes in: the config file and the locations. Goes out: findings, bad ones first. Nothing is changed, no photo is read; a
folder that does not answer is waited for a few seconds and told.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import platformdirs

from sameshot.config import Config, load_with_sources
from sameshot.config_roots import check_roots
from sameshot.embed.encoders import place_of
from sameshot.errors import SameshotError
from sameshot.locations import Locations
from sameshot.service.client import ServiceAbsent, call
from sameshot.service.probe import Probe
from sameshot.service.worker_sandbox import landlock_version
from sameshot.store.store import Store
from sameshot.verbs.check import template_problems
from sameshot.verbs.extent import Extent, extent_of
from sameshot.watch.roots import RootFacts, check_root, is_cloud

Level = Literal["bad", "note", "good"]
_PATIENCE_S = 5.0
_LITTLE_ROOM_BYTES = 1_000_000_000
_WATCH_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact. `level`: bad keeps the service from its work; a note is worth knowing; the rest is as it should be."""

    level: Level
    about: str
    fact: str
    remedy: str = ""


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
        findings.append(
            Finding("bad", "config", str(error.args[0]), error.hint or "Correct it; `sameshot check` helps")
        )
    else:
        findings += _of_config(loaded.config)
        findings += _of_model(loaded.config, locations)
        findings += _of_service(locations)
        for root in loaded.config.roots:
            findings += _of_root(root.path, loaded.config, asks=root.remote == "ask")
    findings += _of_state(locations)
    findings += _of_machine()
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
        units = [platformdirs.user_config_path("systemd") / "user" / "sameshot.service"]
        units += sorted(Path("/etc/systemd/system").glob("sameshot@*.service"))
        if installed := [unit for unit in units if unit.exists()]:
            scope = "--user " if installed[0] == units[0] else ""
            remedy = f"See why: systemctl {scope}status {installed[0].stem}"
        else:
            remedy = "sameshot watch, or sameshot install-service --user"
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


def _of_root(root: Path, config: Config, *, asks: bool) -> Iterator[Finding]:
    about = str(root)
    facts = _in_time(check_root, root)
    if isinstance(facts, SameshotError):
        yield Finding("bad", about, str(facts.args[0]), facts.hint)
        return
    if not isinstance(facts, RootFacts):
        yield Finding("bad", about, "it does not answer", f"Mount it again: its server, or {root}'s disk, is gone")
        return
    extent = _in_time(lambda folder: extent_of(folder, config), root)
    if not isinstance(extent, Extent):
        yield Finding("note", about, f"listing it takes longer than {_PATIENCE_S:g} s", "The first scan will take long")
        return
    size = extent.sentence()
    if is_cloud(facts.filesystem_type) and asks:
        remedy = "Looking at them downloads all of that; to allow it, put `remote: read` beside its path in the config"
        yield Finding("note", about, f"a cloud drive ({facts.filesystem_type}): {size}; it is left alone", remedy)
        return
    yield Finding("good", about, f"{size}, on {facts.filesystem_type}")
    if facts.is_network:
        remedy = "Nothing needs to be done; a scan finds new photos at once"
        yield Finding("note", about, f"{facts.filesystem_type} announces no changes, so it is swept on a timer", remedy)
    elif (limit := _watch_limit()) is not None and extent.folders > limit:
        remedy = f"sudo sysctl fs.inotify.max_user_watches={max(524288, 2 * extent.folders)}"
        yield Finding("bad", about, f"{extent.folders} folders, but only {limit} can be watched", remedy)
    if not facts.is_writable and config.action != "none":
        yield Finding(
            "bad", about, "it cannot be written, so nothing can be filed from it by moving", "Remount it, or chown"
        )


def _of_state(locations: Locations) -> Iterator[Finding]:
    above = next(folder for folder in (locations.state_dir, *locations.state_dir.parents) if folder.exists())
    free = shutil.disk_usage(above).free
    if free < _LITTLE_ROOM_BYTES:
        yield Finding(
            "bad", "disk", f"{free / 1e6:.0f} MB are left for the state in {locations.state_dir}", "Make room"
        )
    else:
        yield Finding("good", "disk", f"{free / 1e9:.1f} GB are left for the state in {locations.state_dir}")
    if not os.access(above, os.W_OK | os.X_OK):
        yield Finding(
            "bad", "state", f"{above} may not be written by this user", "chown it, or name another: --state-dir"
        )
    if not locations.database.exists():
        yield Finding("note", "state", "nothing was scanned yet", "sameshot scan")
        return
    if locations.database.stat().st_mode & 0o077:
        yield Finding("note", "state", "others may read what you photographed", f"chmod 600 {locations.database}")
    try:
        with Store.open(locations.database, read_only=True) as store:
            newest = store.meta.get("job check")
    except SameshotError as error:
        yield Finding("bad", "state", str(error.args[0]), error.hint)
        return
    if newest and newest["outcome"] not in ("done", "running"):
        yield Finding(
            "bad",
            "state",
            f"its check failed: {newest['outcome']}",
            f"Newest backup: {locations.state_dir / 'backups'}",
        )
    else:
        yield Finding("good", "state", "it can be opened")


def _of_machine() -> Iterator[Finding]:
    if landlock_version() < 1:
        yield Finding("note", "kernel", "it has no Landlock, so workers are confined less", "Linux 5.13 or newer")
    else:
        yield Finding("good", "kernel", f"workers are confined (Landlock {landlock_version()})")


def _in_time(question: Callable[[Path], object], folder: Path) -> object:
    """The answer, the error, or None when neither came in time."""
    try:
        return Probe(question).wait(folder, _PATIENCE_S)
    except SameshotError as error:
        return error
    except OSError as error:
        return SameshotError(f"it cannot be read: {error.strerror}", "Check its mount and its permissions")


def _watch_limit() -> int | None:
    try:
        return int(_WATCH_LIMIT.read_text())
    except (OSError, ValueError):
        return None
