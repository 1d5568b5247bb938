"""`sameshot install-service`: the systemd unit for this installation, and its removal.

Comes in: whose systemd, the program, the config and the folders that filing touches. Goes out: the unit's text and
place, and the commands that start it. Refuses folders that share no folder but `/`, text that a unit file cannot hold,
and to replace a unit that somebody else wrote. The units themselves stand in systemd/.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import platformdirs

from sameshot.errors import BadInput

Manager = Literal["user", "system"]

_MARK = "# Written by `sameshot install-service`; put changes into a drop-in, this file is replaced.\n"


@dataclass(frozen=True, slots=True)
class ServiceUnit:
    """A unit before it is written: where it goes, what it says, and the commands to run after writing and removing."""

    path: Path
    text: str
    after_writing: tuple[str, ...]
    before_removing: tuple[str, ...]


def service_unit(manager: Manager, executable: Path, config: Path | None, folders: Sequence[Path]) -> ServiceUnit:
    """Returns the unit that runs `executable` for the current user.

    `folders`: every root and the library; a system unit may write in the one folder that holds them all.
    Raises BadInput when there is no such folder, or when a path cannot stand in a unit.
    """
    program = _program(executable)
    if manager == "user":
        chosen = f" --config {_quote(config)}" if config else ""
        text = _replace(_template("sameshot.service"), "ExecStart", f"{program}{chosen} watch")
        commands = "systemctl --user", "sameshot"
        path = platformdirs.user_config_path("systemd") / "user" / "sameshot.service"
        linger: tuple[str, ...] = ("loginctl enable-linger",)
    else:
        user = pwd.getpwuid(_owner(folders)).pw_name
        chosen = _quote(config) if config else "%E/sameshot/%i.yaml"
        start = f"{program} --state-dir %S/sameshot/%i --config {chosen} watch"
        text = _replace(_template("sameshot@.service"), "ExecStart", start)
        text = _replace(text, "ReadWritePaths", _quote(shared_folder(folders), "-"))
        commands = "systemctl", f"sameshot@{_escape_instance(user)}"
        path = Path("/etc/systemd/system") / f"{commands[1]}.service"
        linger = ()
    control, name = commands
    return ServiceUnit(
        path=path,
        text=_MARK + text,
        after_writing=(f"{control} daemon-reload", f"{control} enable --now {name}", *linger),
        before_removing=(f"{control} disable --now {name}",),
    )


def install_service(unit: ServiceUnit) -> None:
    """Writes the unit. Raises BadInput when a unit that sameshot did not write is there, or it cannot be written."""
    _refuse_foreign(unit.path)
    try:
        unit.path.parent.mkdir(parents=True, exist_ok=True)
        unit.path.write_text(unit.text)
    except OSError as error:
        hint = "Use --user, or run it with sudo" if isinstance(error, PermissionError) else ""
        raise BadInput(f"The unit {unit.path} cannot be written: {error.strerror}", hint) from error


def remove_service(unit: ServiceUnit) -> bool:
    """Removes the unit and returns whether there was one. Raises BadInput as `install_service` does."""
    if not unit.path.exists():
        return False
    _refuse_foreign(unit.path)
    try:
        unit.path.unlink()
    except OSError as error:
        raise BadInput(f"The unit {unit.path} cannot be removed: {error.strerror}", "Run it with sudo") from error
    return True


def shared_folder(folders: Sequence[Path]) -> Path:
    """Returns the deepest folder that holds them all. Raises BadInput when that is `/` or there are none."""
    if not folders:
        raise BadInput("The config names no root, so the service would have nothing to watch", "Add one under roots")
    shared = Path(os.path.commonpath([os.path.realpath(folder) for folder in folders]))
    if shared == Path(shared.anchor):
        named = ", ".join(str(folder) for folder in folders)
        raise BadInput(
            f"These share no folder but /, and a system service may write in one only: {named}",
            "Put roots and library under one folder, set library to a folder inside a root, or use --user",
        )
    return shared


def _owner(folders: Sequence[Path]) -> int:
    # Under sudo the photos' owner is meant and not root.
    if not folders:
        return os.getuid()
    try:
        return folders[0].stat().st_uid
    except OSError as error:
        raise BadInput(f"{folders[0]} cannot be read: {error.strerror}", "Mount it first; its owner runs it") from error


def _template(name: str) -> str:
    return (resources.files("sameshot") / "units" / name).read_text("utf-8")


def _replace(text: str, key: str, value: str) -> str:
    replaced, count = re.subn(rf"^{key}=.*$", lambda _: f"{key}={value}", text, flags=re.MULTILINE)
    assert count == 1, f"the unit has {count} lines {key}="
    return replaced


def _program(path: Path) -> str:
    if "'" in str(path):
        raise BadInput(f"systemd starts no program with a quote in its path: {path}", "Install sameshot elsewhere")
    # A command's first word knows no variables, so its dollars stand for themselves.
    return _quote(path).replace("$$", "$")


def _quote(path: Path, prefix: str = "") -> str:
    text = str(path)
    if not path.is_absolute() or not text.isprintable() or '"' in text or "\\" in text:
        hint = "Name an absolute path of printable characters, without double quotes and backslashes"
        raise BadInput(f"{text!r} cannot stand in a systemd unit", hint)
    escaped = text.replace("%", "%%")
    # A dollar is a variable in a command and nothing special in a list of paths.
    escaped = escaped if prefix else escaped.replace("$", "$$")
    return f'"{prefix}{escaped}"' if re.search(r"[^\w/.,:@+%$-]", escaped) else prefix + escaped


def _escape_instance(user: str) -> str:
    return re.sub(r"[^\w.:]", lambda match: "".join(f"\\x{byte:02x}" for byte in match[0].encode()), user)


def _refuse_foreign(path: Path) -> None:
    if path.exists() and not path.read_text(errors="replace").startswith(_MARK):
        raise BadInput(f"{path} was not written by sameshot", "Move it away first, or edit it by hand")
