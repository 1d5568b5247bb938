"""What the owner asked for, checked and frozen.

Comes in: the path of a YAML file, or nothing. Goes out: a `Config` in which every key has a value, and where each came
from. Refuses the whole file with one `BadInput` whose message has a line for each problem: line number, YAML path, what
is wrong, and what was probably meant. Whether the folders it names can be used is asked by `sameshot.config_roots`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from sameshot.config_file import Document, Where, read_document
from sameshot.config_keys import Config, Root, leaf_paths, value_at
from sameshot.config_problems import describe_problem, yaml_path
from sameshot.errors import BadInput
from sameshot.locations import default_config_file

__all__ = ["Config", "LoadedConfig", "Root", "load_config", "load_with_sources", "value_at", "without_file"]

_MOST_SHOWN = 50


@dataclass(frozen=True)
class LoadedConfig:
    """`sources`: YAML path of each value -> `default` or `FILE:LINE`. `path` is None where no file was read.

    `is_whole`: false where there is a file that cannot be used, so that nobody knows what the owner wants.
    """

    config: Config
    path: Path | None
    sources: dict[str, str]
    is_whole: bool = True


def load_with_sources(path: Path | None) -> LoadedConfig:
    """Returns the config in `path`, or in the default file, or where that is absent the defaults.

    Raises BadInput when there is any problem; the message lists them all.
    """
    if path is None:
        path = default_config_file()
        if not path.exists():
            return without_file()
    path = path.absolute()
    document = read_document(path)
    problems = list(document.problems)
    config = Config()
    if isinstance(document.value, dict):
        try:
            config = Config.model_validate(_without_empty(document.value), context={"folder": path.parent})
        except ValidationError as error:
            problems += [describe_problem(document, item) for item in error.errors(include_url=False)]
    else:
        problems.append(((), 1, "a config is keys with values, as `action: copy`"))
    if problems:
        raise BadInput(_message(path, problems))
    return LoadedConfig(config, path, {name: _source(path, document, name) for name in leaf_paths()})


def without_file(*, is_whole: bool = True) -> LoadedConfig:
    """Returns the defaults; not `is_whole` for what must work although the file cannot be used."""
    return LoadedConfig(Config(), None, dict.fromkeys(leaf_paths(), "default"), is_whole)


def _without_empty(value: dict[str, Any]) -> dict[str, Any]:
    # A section whose keys are all commented out reads as null, and means its defaults.
    return {key: inner for key, inner in value.items() if inner is not None or not _is_section(key)}


def _is_section(key: str) -> bool:
    field = Config.model_fields.get(key)
    kind = field.annotation if field else None
    return key == "roots" or (isinstance(kind, type) and issubclass(kind, BaseModel))


def _source(path: Path, document: Document, name: str) -> str:
    line = document.lines.get(tuple(name.split(".")))
    return f"{path}:{line}" if line else "default"


def load_config(path: Path | None) -> Config:
    """Returns the config alone; see `load_with_sources`."""
    return load_with_sources(path).config


def _message(path: Path, problems: list[tuple[Where, int, str]]) -> str:
    ordered = sorted(problems, key=lambda problem: problem[1])
    count = "1 problem" if len(ordered) == 1 else f"{len(ordered)} problems"
    rows = [f"  line {line}, {yaml_path(where) or 'the file'}: {text}" for where, line, text in ordered[:_MOST_SHOWN]]
    if len(ordered) > _MOST_SHOWN:
        rows.append(f"  and {len(ordered) - _MOST_SHOWN} more")
    return "\n".join([f"{path} has {count}, so nothing of it is used:", *rows])
