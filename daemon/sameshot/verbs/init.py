"""Write a first config."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from sameshot.config_roots import check_folder
from sameshot.errors import BadInput
from sameshot.locations import default_config_file

_TEXT = """\
# sameshot's config. Every key is optional: config.example.yaml of the project lists them all with their defaults,
# `sameshot check` shows what each one is now.
roots:
{roots}
# What to do with groups: none (only look), copy, move, hardlink, symlink, reflink.
action: none
"""


@dataclass(frozen=True, slots=True)
class InitResult:
    """Where the config was written."""

    config: Path


def init(*, folders: tuple[Path, ...], config: Path | None = None) -> InitResult:
    """Writes a config that watches `folders`, to `config` or the default place.

    Raises BadInput when a folder cannot be used or there is a config already; nothing is overwritten.
    """
    target = config or default_config_file()
    unusable = [problem.text for folder in folders if (problem := check_folder("DIR", folder)) is not None]
    if unusable:
        raise BadInput("\n".join(unusable))
    text = _TEXT.format(
        roots="\n".join(f"  - path: {json.dumps(str(folder), ensure_ascii=False)}" for folder in folders)
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise BadInput(f"There is a config at {target} already", "Edit it, or name another with --config") from None
    except (OSError, UnicodeEncodeError) as error:
        raise BadInput(f"The config {target} cannot be written: {error}") from error
    return InitResult(target)
