"""Whether the folders that a config names can be used, asked of the disk.

Comes in: a config. Goes out: a list of problems, empty when all is well. Refuses roots that are no readable folders,
roots that overlap, and a library that is a root or holds one. A library inside a root is allowed: what
is filed there is known to the store, so it is never taken for new photos.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sameshot.config_keys import Config, Root


@dataclass(frozen=True, slots=True)
class RootProblem:
    """One sentence about one key. `may_heal`: an absent folder may be a disk not mounted yet, so a service can wait."""

    key: str
    text: str
    may_heal: bool = False

    def __str__(self) -> str:
        return f"{self.key}: {self.text}"


def check_roots(config: Config) -> list[RootProblem]:
    """Returns what stops the roots and the library from being used by this process's user, in the config's order."""
    problems = [
        problem
        for index, root in enumerate(config.roots)
        if (problem := check_folder(f"roots[{index}].path", root.path)) is not None
    ]
    problems += _overlaps(config.roots)
    return problems + _check_library(config)


def check_folder(key: str, folder: Path) -> RootProblem | None:
    """Returns why this process's user cannot read `folder`, or None. `key` names it in the problem."""
    try:
        mode = folder.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return RootProblem(key, f"{folder} does not exist; make it, mount it, or name another folder", may_heal=True)
    except PermissionError:
        closed = next((above for above in reversed(folder.parents) if not os.access(above, os.X_OK)), folder)
        return RootProblem(key, f"{closed} may not be entered by this user; give it permission to, or run as its owner")
    except OSError as error:
        return RootProblem(
            key, f"{folder} cannot be reached: {error.strerror}; mount it, or name another", may_heal=True
        )
    if not stat.S_ISDIR(mode):
        return RootProblem(key, f"{folder} is not a folder; name the folder that holds it")
    if not os.access(folder, os.R_OK | os.X_OK):
        return RootProblem(key, f"{folder} may not be read by this user; give it permission to, or run as its owner")
    return None


def _overlaps(roots: tuple[Root, ...]) -> list[RootProblem]:
    real = [Path(os.path.realpath(root.path)) for root in roots]
    problems = []
    for index, path in enumerate(real):
        for other, above in enumerate(real):
            if path == above and other < index:
                text = f"{roots[index].path} is the same folder as roots[{other}]; remove one of the two"
                problems.append(RootProblem(f"roots[{index}].path", text))
            elif above in path.parents and roots[other].recursive:
                text = f"{roots[index].path} is inside roots[{other}], which holds it already; remove one of the two"
                problems.append(RootProblem(f"roots[{index}].path", text))
    return problems


def _check_library(config: Config) -> list[RootProblem]:
    library = config.library_dir
    if library is None:
        if config.action == "none":
            return []
        return [RootProblem("library", f"action is {config.action}, so name the folder where groups are filed")]
    if problem := library_problem(config, library):
        return [RootProblem("library", problem)]
    return [] if config.action == "none" else _check_writable(Path(os.path.realpath(library)))


def library_problem(config: Config, library: Path) -> str:
    """Returns why groups cannot be filed beneath `library`: it is a root or holds one. Empty where they can."""
    real = Path(os.path.realpath(library))
    for index, root in enumerate(config.roots):
        real_root = Path(os.path.realpath(root.path))
        if real == real_root or real in real_root.parents:
            relation = "is" if real == real_root else "holds"
            return f"{library} {relation} roots[{index}]; name a folder of its own"
    return ""


def as_met(place: Path, roots: Iterable[Path]) -> Path:
    """Returns the path by which the sweep of a root meets `place`, where one of `roots` holds it by another name.

    A symbolic link that leads into a root would show each photo there at two paths.
    """
    real = Path(os.path.realpath(place))
    for root in roots:
        real_root = Path(os.path.realpath(root))
        if real.is_relative_to(real_root):
            return root / real.relative_to(real_root)
    return place


def _check_writable(library: Path) -> list[RootProblem]:
    above = next((folder for folder in (library, *library.parents) if os.path.lexists(folder)), Path("/"))
    if not above.is_dir():
        return [RootProblem("library", f"{above} is not a folder; name a folder where groups are filed")]
    if not os.access(above, os.W_OK | os.X_OK):
        return [RootProblem("library", f"{above} may not be written by this user; name another folder as library")]
    return []
