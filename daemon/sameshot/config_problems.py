"""What pydantic found wrong with a config, in sentences that say what was probably meant.

Comes in: a document and one of pydantic's errors about it. Goes out: place, line and sentence.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from sameshot.config_file import Document, Where
from sameshot.config_keys import Config, Root, leaf_paths

_ROOTS = "roots: [{path: DIR}]"


def yaml_path(where: Where) -> str:
    """Returns the place as people write it: `roots[0].path`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    return text.removeprefix(".")


def describe_problem(document: Document, error: Any) -> tuple[Where, int, str]:
    """Returns the place, the line and the sentence for one of `ValidationError.errors()`."""
    where: Where = error["loc"]
    line = next(document.lines[where[:end]] for end in range(len(where), -1, -1) if where[:end] in document.lines)
    return where, line, _sentence(where, error)


def _sentence(where: Where, error: Any) -> str:
    value, kind, context = error["input"], error["type"], error.get("ctx", {})
    sentences: dict[str, Callable[[], str]] = {
        "extra_forbidden": lambda: f"unknown key{_nearest_key(where)}",
        "missing": lambda: "this key must be there",
        "literal_error": lambda: _one_of(context["expected"], value),
        "bool_type": lambda: f"must be true or false, not {_shown(value)}{_meant_bool(value)}",
        "int_type": lambda: f"must be a whole number, not {_shown(value)}{_meant_number(value)}",
        "float_type": lambda: f"must be a number, not {_shown(value)}{_meant_number(value)}",
        "string_type": lambda: f"must be text, not {_shown(value)}; put it in quotes if it is meant so",
        "string_unicode": lambda: "must be text that UTF-8 can hold",
        "tuple_type": lambda: f"must be a list, as {_ROOTS if where == ('roots',) else '[one, two]'}",
        "model_type": lambda: f"must hold keys with values, as {_ROOTS if 'roots' in where else '{key: value}'}",
        "value_error": lambda: f"{context['error']}, not {_shown(value)}",
        "too_short": lambda: "must not be empty",
        "string_too_short": lambda: "must not be empty",
    }
    if kind in sentences:
        return sentences[kind]()
    return str(error["msg"]).replace("Input should be", "must be") + f", not {_shown(value)}"


def _one_of(expected: str, value: object) -> str:
    allowed = re.findall(r"'([^']*)'", expected)
    return f"must be one of {', '.join(allowed)}, not {_shown(value)}{_did_you_mean(str(value), allowed)}"


def _shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _meant_bool(value: object) -> str:
    words = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
    word = words.get(str(value).lower())
    return f"; write {word}" if word else ""


def _meant_number(value: object) -> str:
    plain = value.replace("_", "").replace(",", "").replace(" ", "") if isinstance(value, str) else ""
    return f"; write {plain} without separators or quotes" if plain.isdecimal() else ""


def _did_you_mean(word: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(word.lower(), allowed, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _nearest_key(where: Where) -> str:
    above, key = where[:-1], str(where[-1])
    model: type[BaseModel] = Config
    if above:
        inner = Config.model_fields[str(above[0])].annotation
        model = Root if above[0] == "roots" else inner  # type: ignore[assignment]  # a section, or it had no keys
    here = _did_you_mean(key, list(model.model_fields))
    elsewhere = [path for path in leaf_paths() if path.split(".")[-1] == key]
    if here or not elsewhere:
        return here
    return f"; did you mean {elsewhere[0]}?"
