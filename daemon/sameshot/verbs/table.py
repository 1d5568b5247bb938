"""The verbs by name: the one table that the command line, the control socket and library callers read.

A verb is a function of its own module with keyword parameters of a few plain types and a dataclass as its result.
Over the socket arguments and results travel as JSON; `bind` and `as_json` are the two ends of that.
"""

from __future__ import annotations

import importlib
import os
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from sameshot.errors import BadInput

Needs = Literal["nothing", "reading", "writing"]


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb is found and what state it needs open: nothing, the store to read, or the whole app to write.

    `wants_config`: false where the state says all there is to know, and a config that cannot be used is no obstacle.
    """

    module: str
    needs: Needs
    wants_config: bool = True

    def load(self) -> Callable[..., Any]:
        """Imports the verb's function, which bears its module's last name."""
        name = self.module.rpartition(".")[2]
        function: Callable[..., Any] = getattr(importlib.import_module(self.module), name)
        return function


def _row(name: str, needs: Needs, *, wants_config: bool = True) -> tuple[str, Verb]:
    return name.replace("_", "-"), Verb(f"sameshot.verbs.{name}", needs, wants_config)


VERBS: Mapping[str, Verb] = dict(
    (
        _row("init", "nothing"),
        _row("check", "nothing"),
        _row("watch", "writing"),
        _row("scan", "writing"),
        _row("status", "reading", wants_config=False),
        _row("activity", "reading", wants_config=False),
        _row("jobs", "reading", wants_config=False),
        _row("pause", "writing", wants_config=False),
        _row("resume", "writing", wants_config=False),
        _row("log", "nothing"),
        _row("doctor", "nothing"),
        _row("groups", "reading"),
        _row("similar", "reading"),
        _row("explain", "reading"),
        _row("why", "reading"),
        _row("calibrate", "writing"),
        _row("plan", "reading"),
        _row("apply", "writing"),
        _row("rank", "writing"),
        _row("dedupe", "writing"),
        _row("undo", "writing", wants_config=False),
        _row("history", "reading", wants_config=False),
        _row("recover", "writing", wants_config=False),
        _row("together", "writing"),
        _row("apart", "writing"),
        _row("keep", "writing"),
        _row("unsay", "writing"),
        _row("learn", "writing"),
        _row("models", "nothing"),
        _row("train", "nothing"),
        _row("recluster", "nothing"),
        _row("merge", "writing"),
        _row("install_service", "nothing"),
    )
)


def bind(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Turns plain JSON arguments into what the function's annotations ask for.

    Raises BadInput when a name or a value does not fit: whoever writes to the socket is not trusted to be sameshot.
    """
    hints = typing.get_type_hints(function)
    unknown = set(arguments) - set(hints)
    if unknown:
        raise BadInput(f"This verb takes no argument {', '.join(sorted(unknown))}")
    return {name: _convert(value, hints[name], name) for name, value in arguments.items()}


def _convert(value: Any, kind: Any, name: str) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        return _convert(value, next(choice for choice in inner if choice is not type(None)), name)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_convert(item, inner[0], name) for item in value)
    if origin is Literal and value in inner:
        return value
    if kind is Path and isinstance(value, str | Path) and "\0" not in str(value):
        return Path(value)
    if kind is datetime and isinstance(value, datetime):
        return value
    if kind is datetime and isinstance(value, str):
        return datetime.fromisoformat(value)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, type) and type(value) is kind:
        return value
    raise BadInput(f"The argument {name} cannot be {value!r}")


def as_json(value: Any) -> Any:
    """Turns a verb's result into plain JSON values. Paths become text whose surrogates stand for undecodable bytes."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, date):
        return value.isoformat()
    return value
