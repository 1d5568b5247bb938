"""What around sameshot keeps the service from its work, or will: state, disk, limits of the kernel, memory, its unit.

Comes in: the config, the locations, how many folders are watched. Goes out: findings, each bad one with its remedy.
Nothing is changed.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from sameshot.config import Config
from sameshot.errors import SameshotError
from sameshot.locations import Locations
from sameshot.service.worker_sandbox import landlock_version
from sameshot.store.store import Store
from sameshot.watch.roots import filesystem_of, is_network
from sameshot.wording import counted

Level = Literal["bad", "note", "good"]
_LITTLE_ROOM_BYTES = 1_000_000_000
_INOTIFY = Path("/proc/sys/fs/inotify")
_LINGER = Path("/var/lib/systemd/linger")


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact. `level`: bad keeps the service from its work; a note is worth knowing; the rest is as it should be."""

    level: Level
    about: str
    fact: str
    remedy: str = ""


def state_findings(locations: Locations) -> Iterator[Finding]:
    """The folders of the state: room, filesystem, permissions, and whether the store can be opened."""
    above = _nearest(locations.state_dir)
    if is_network(kind := filesystem_of(above)):
        fact = f"{locations.state_dir} is on {kind}, where a database is not safe"
        yield Finding("bad", "state", fact, "Keep it on a disk of this machine: --state-dir")
    yield _room(above, f"the state in {locations.state_dir}")
    if not locations.cache_dir.is_relative_to(locations.state_dir):
        yield _room(_nearest(locations.cache_dir), f"the cache in {locations.cache_dir}")
    for folder in {above, _nearest(locations.journal_dir), _nearest(locations.cache_dir)}:
        if not os.access(folder, os.W_OK | os.X_OK):
            owner = _name_of(folder.stat().st_uid)
            fact = f"{folder} belongs to {owner} and may not be written by this user"
            yield Finding("bad", "state", fact, f"Run it as {owner}, chown it, or name another: --state-dir")
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
        remedy = f"Newest backup: {locations.state_dir / 'backups'}"
        yield Finding("bad", "state", f"its check failed: {newest['outcome']}", remedy)
    else:
        yield Finding("good", "state", "it can be opened")


def limit_findings(config: Config, folders_watched: int) -> Iterator[Finding]:
    """What the kernel and the memory allow. `folders_watched`: of all roots that announce their changes."""
    watches, instances = _number(_INOTIFY / "max_user_watches"), _number(_INOTIFY / "max_user_instances")
    if watches is not None and folders_watched > watches:
        advised = max(524_288, 1 << (2 * folders_watched).bit_length())
        fact = (
            f"{counted(folders_watched, 'folder')}, but only {watches:,} can be watched; the rest is swept on a timer"
        )
        yield Finding("bad", "limits", fact, f"sudo sysctl fs.inotify.max_user_watches={advised}")
    elif watches is not None:
        fact = f"{counted(folders_watched, 'folder')} to watch of {watches:,} that the kernel allows"
        yield Finding("good", "limits", fact)
    if instances == 0:
        remedy = "sudo sysctl fs.inotify.max_user_instances=1024"
        yield Finding("bad", "limits", "the kernel lets nobody watch folders", remedy)
    memory_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    workers = len(os.sched_getaffinity(0)) if config.workers == "auto" else config.workers
    if workers * config.limits.worker_memory_mb > memory_mb:
        fact = (
            f"{counted(workers, 'worker')} may take {config.limits.worker_memory_mb:,} MB each at the very most, "
            f"and the machine has {memory_mb:,} MB"
        )
        fewer = max(1, memory_mb // config.limits.worker_memory_mb)
        yield Finding("note", "limits", fact, f"For very large photos put `workers: {fewer}` into the config")
    if not Path("/proc/pressure/io").exists():
        fact = "the kernel does not tell when memory or disk are short, so the service cannot give way then"
        yield Finding("note", "kernel", fact, "Start it with psi=1")
    if landlock_version() < 1:
        yield Finding("note", "kernel", "it has no Landlock, so workers are confined less", "Linux 5.13 or newer")
    else:
        yield Finding("good", "kernel", f"workers are confined (Landlock {landlock_version()})")


def installed_units() -> list[tuple[Path, str]]:
    """The units of sameshot on this machine, each with the word that systemctl wants for it."""
    user = platformdirs.user_config_path("systemd") / "user" / "sameshot.service"
    system = sorted(Path("/etc/systemd/system").glob("sameshot@*.service"))
    return [(unit, word) for unit, word in [(user, "--user "), *((unit, "") for unit in system)] if unit.exists()]


def unit_findings() -> Iterator[Finding]:
    """Whether each installed unit starts a program that is there, and goes on when its user logs out."""
    for unit, word in installed_units():
        started = re.search(r"^ExecStart=(.*)$", unit.read_text(errors="replace"), re.MULTILINE)
        with suppress(ValueError):
            program = Path(shlex.split(started[1])[0]) if started and started[1] else None
            if program is not None and program.is_absolute() and not os.access(program, os.X_OK):
                again = "--user" if word else "--system"
                remedy = f"Write it anew: sameshot install-service {again}"
                yield Finding("bad", "unit", f"{unit} starts {program}, which is not there", remedy)
                continue
        if word and _LINGER.is_dir() and not (_LINGER / _name_of(os.geteuid())).exists():
            yield Finding("note", "unit", f"{unit} ends when you log out", "loginctl enable-linger")
        else:
            yield Finding("good", "unit", f"{unit} is installed")


def _room(folder: Path, what: str) -> Finding:
    free = shutil.disk_usage(folder).free
    if free < _LITTLE_ROOM_BYTES:
        return Finding("bad", "disk", f"{free / 1e6:.0f} MB are left for {what}", "Make room")
    return Finding("good", "disk", f"{free / 1e9:.1f} GB are left for {what}")


def _nearest(folder: Path) -> Path:
    return next(above for above in (folder, *folder.parents) if above.exists())


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
