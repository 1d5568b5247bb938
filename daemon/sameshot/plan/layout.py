"""The layout template: where a photo goes beneath the library, written as `{date:%Y-%m-%d}/{group}/{name}`.

Comes in: the owner's template, the facts of one photo. Goes out: folder names and a file name, each safe by itself.
Refuses, when the config loads: unknown fields, attributes, indexes, conversions, formats that a field does not have,
and folders that would leave the library. Values come from inside photos and are hostile; the template is the owner's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from string import Formatter
from typing import TYPE_CHECKING

from sameshot.errors import BadInput
from sameshot.plan.safe_text import plain_value, safe_component, split_name

if TYPE_CHECKING:
    from datetime import datetime

_TEXT_FIELDS = ("group", "camera", "kind", "name", "stem", "extension")
_NUMBER_FIELDS = {"year": 4, "month": 2, "day": 2, "rank": 1, "count": 1, "batch": 2}
"""Field -> digits it is filled up to where the template asks for nothing else."""
FIELDS = ("date", *_NUMBER_FIELDS, *_TEXT_FIELDS)
GROUP_FIELDS = ("group", "rank", "count")
"""What a photo that is alone does not have."""

_NUMBER_SPEC = re.compile(r"0?[1-9]?d?")
_DIRECTIVES = frozenset("YymdjHIMSfpaAbBUVGuw%")
"""Of strftime: those that cannot bring a separator of their own."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a template may say of one photo. `moment` is its group's; `name` its own file name, bytes surviving."""

    moment: datetime
    group: str
    camera: str
    kind: str
    name: str
    rank: int
    count: int
    batch: int = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a photo goes beneath the library. `group_depth`: how many folders belong to the whole group, 0 if none."""

    folders: tuple[str, ...]
    name: str
    group_depth: int


def check_layout(template: str, *, alone: bool = False) -> None:
    """Holds `template` against the rules; `alone` when it is for photos without a group.

    Raises BadInput, naming the field and the nearest right one, when a photo could not be placed by it.
    """
    for _, field, spec in _pieces(template):
        if field is not None:
            _check_field(template, field, spec, alone=alone)
    bare = "".join(literal + ("" if field is None else "x") for literal, field, _ in _pieces(template))
    folders = bare.removesuffix("/").split("/")
    if not bare or any(folder in ("", ".", "..") for folder in folders):
        raise BadInput(
            f"the layout {template!r} names no folder beneath the library", "Write it like {date:%Y-%m-%d}/{group}/"
        )
    if any(ord(character) < 32 or ord(character) == 127 for character in template):
        raise BadInput(f"the layout {template!r} holds a control character", "Write it in plain text")


def has_field(template: str, name: str) -> bool:
    """Whether the template uses the field `name`. Raises BadInput when it cannot be read."""
    return any(field == name for _, field, _ in _pieces(template))


def place(template: str, facts: Facts) -> Place:
    """Fills a checked template. Every component is safe, so the place is beneath the library whatever the facts say."""
    text, group_depth = "", 0
    for literal, field, spec in _pieces(template):
        text += literal
        if field is not None:
            text += _value(field, spec, facts)
            if field == "group":
                group_depth = sum(bool(part) for part in text.split("/"))
    if text.endswith("/"):
        text += _own_text(facts.name)
    *folders, name = [part for part in text.split("/") if part]
    extension = split_name(facts.name)[1]
    if extension and not name.casefold().endswith(extension.casefold()):
        name += extension
    if group_depth > len(folders):
        group_depth = 0  # {group} is in the name of the file: its folder is of no group alone
    return Place(tuple(safe_component(folder) for folder in folders), safe_component(name), group_depth)


def _pieces(template: str) -> list[tuple[str, str | None, str]]:
    try:
        parsed = list(Formatter().parse(template))
    except ValueError as problem:
        raise BadInput(f"the layout {template!r} cannot be read: {problem}", "Each { needs its }") from None
    for _, field, _, conversion in parsed:
        if conversion:
            raise BadInput(f"the layout {template!r} has {{{field}!{conversion}}}", f"Write {{{field}}}")
    return [(literal, field, spec or "") for literal, field, spec, _ in parsed]


def _check_field(template: str, field: str, spec: str, *, alone: bool) -> None:
    fields = tuple(name for name in FIELDS if not (alone and name in GROUP_FIELDS))
    if field not in fields:
        near = get_close_matches(field, fields, 1)
        hint = f"Did you mean {{{near[0]}}}?" if near else "There are: " + " ".join(f"{{{name}}}" for name in fields)
        raise BadInput(f"the layout {template!r} has no field {{{field}}}", hint)
    if field == "date":
        directives = re.findall(r"%(.?)", spec)
        wrong = [letter for letter in directives if letter not in _DIRECTIVES or not letter]
        if wrong or "{" in spec or "}" in spec or ".." in spec.split("/"):
            raise BadInput(
                f"the layout {template!r} has a date format {spec!r} that is unknown", "Write {date:%Y-%m-%d}"
            )
    elif field in _NUMBER_FIELDS:
        if not _NUMBER_SPEC.fullmatch(spec):
            raise BadInput(f"the layout {template!r} has {{{field}:{spec}}}", f"Write {{{field}}} or {{{field}:03}}")
    elif spec:
        raise BadInput(f"the layout {template!r} has {{{field}:{spec}}}", f"Write {{{field}}}")


def _value(field: str, spec: str, facts: Facts) -> str:
    if field == "date":
        # Without a format, the day; literal slashes in a format are the owner's own folders.
        return facts.moment.strftime(spec or "%Y-%m-%d")
    if field in _NUMBER_FIELDS:
        numbers = {"rank": facts.rank, "count": facts.count, "batch": facts.batch}
        number = numbers.get(field) if field in numbers else int(getattr(facts.moment, field))
        return format(number, spec or f"0{_NUMBER_FIELDS[field]}d")
    stem, extension = split_name(facts.name)
    if field in ("camera", "kind"):
        return plain_value(getattr(facts, field)) or "unknown"
    own = {"name": facts.name, "stem": stem, "extension": extension[1:], "group": facts.group}[field]
    return _own_text(own)


def _own_text(text: str) -> str:
    return text.replace("/", "_")
