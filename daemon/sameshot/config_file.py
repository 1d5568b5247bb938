"""The config file as plain values, each with the line it stands on.

Comes in: a path. Goes out: a `Document` of dicts, lists and scalars. Scalars mean what YAML 1.2's core schema says, so
`no`, `on`, `3:00`, `1_000` and dates are text, `010` is ten, `1e-3` is a number and `0x1F` is 31. What is quoted is
text. Refused: what is no regular file (a pipe would be waited for), is not UTF-8 or above 1 MB, tags, keys that are not
text or stand twice, aliases that unfold to more than `MOST_VALUES` values. Only this module imports yaml.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sameshot.errors import BadInput

LARGEST_FILE_BYTES = 1_000_000
MOST_VALUES = 20_000

Where = tuple[str | int, ...]
"""The way from the top of the document to a value: keys and list positions."""


@dataclass(frozen=True)
class Document:
    """What a config file says. `lines` counts from 1; a mapping's key and its value share the key's line."""

    value: Any
    lines: dict[Where, int]
    problems: tuple[tuple[Where, int, str], ...]
    """What is wrong with the document itself: place, line, sentence."""


def read_document(path: Path) -> Document:
    """Returns the one document in the file; an empty file is an empty mapping.

    Raises BadInput when the file cannot be read or is not YAML at all.
    """
    text = _read_text(path)
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        raise BadInput(f"{path}{_line_of(error)}: this is not YAML: {_explain(error)}") from error
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: this is not YAML: it holds a character that text cannot have") from error
    except RecursionError as error:
        raise BadInput(f"{path}: this is nested too deeply to be a config") from error
    if node is None:
        return Document({}, {}, ())
    walk = _Walk(path)
    value = walk.value_of(node, ())
    return Document({} if value is None else value, walk.lines, tuple(walk.problems))


def _read_text(path: Path) -> str:
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode) and not os.path.samestat(facts, os.stat(os.devnull)):
                raise BadInput(f"{path} is no regular file", "Give another file with --config")
            content = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", "Give another file with --config") from error
    if len(content) > LARGEST_FILE_BYTES:
        raise BadInput(f"{path} is larger than 1 MB, so it is no config file", "Give another file with --config")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadInput(f"{path}, line {line}: this is not UTF-8 text", "Save the file as UTF-8") from error


def _line_of(error: yaml.MarkedYAMLError) -> str:
    return f", line {error.problem_mark.line + 1}" if error.problem_mark else ""


def _explain(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "it cannot be parsed"
    if "'\\t'" in problem or "\t" in problem:
        return "a tab stands where only spaces may (YAML is indented with spaces)"
    if "single document" in (error.context or ""):
        return "a second document begins here; a config is one document"
    if problem.startswith("expected <block end>"):
        return "a value ends before its line does; text that begins with a brace, bracket or quote stands in quotes"
    context = f" {error.context}" if error.context else ""
    return f"{problem}{context}"


@dataclass
class _Walk:
    path: Path
    lines: dict[Where, int] = field(default_factory=dict)
    problems: list[tuple[Where, int, str]] = field(default_factory=list)
    seen: int = 0

    def value_of(self, node: yaml.Node, where: Where) -> Any:
        """Returns the node's value. Bounded, because aliases may unfold without end."""
        line = node.start_mark.line + 1
        self._count(line, len(where))
        self.lines.setdefault(where, line)
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag[18:] not in ("str", "map", "seq"):
            self.problems.append((where, line, f"tags ({node.tag}) have no meaning here; leave it out"))
        if isinstance(node, yaml.MappingNode):
            return self._mapping_of(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self.value_of(item, (*where, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return scalar_of(node.value) if node.style is None else node.value

    def _count(self, line: int, depth: int) -> None:
        self.seen += 1
        if self.seen > MOST_VALUES or depth > 50:
            raise BadInput(f"{self.path}, line {line}: this is more than a config can hold, each alias unfolded")

    def _mapping_of(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            self._count(line, len(where))
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append((where, line, "a key must be a word"))
                continue
            key = key_node.value
            here = (*where, key)
            if key in values:
                self.problems.append((here, line, f"this key stands on line {self.lines[here]} already; keep one"))
                continue
            self.lines[here] = line
            values[key] = self.value_of(value_node, here)
        return values


_SCALARS: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"(?:|~|null|Null|NULL)"), lambda _: None),
    (re.compile(r"(?:true|True|TRUE)"), lambda _: True),
    (re.compile(r"(?:false|False|FALSE)"), lambda _: False),
    (re.compile(r"[-+]?[0-9]{1,300}"), int),
    (re.compile(r"0o[0-7]{1,300}"), lambda text: int(text, 8)),
    (re.compile(r"0x[0-9a-fA-F]{1,300}"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(?:nan|NaN|NAN)"), lambda _: float("nan")),
)


def scalar_of(text: str) -> Any:
    """Returns what an unquoted scalar means by YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema)."""
    return next((convert(text) for pattern, convert in _SCALARS if pattern.fullmatch(text)), text)


def quoted(text: str) -> str:
    """Returns `text` as YAML in double quotes, which reads back as exactly this text, bytes that are not UTF-8 too."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"
