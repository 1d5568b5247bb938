"""Is the config right, and which value comes from where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sameshot.config import Config, LoadedConfig
from sameshot.config_keys import value_at
from sameshot.config_roots import check_roots
from sameshot.errors import BadInput
from sameshot.locations import Locations
from sameshot.plan.layout import check_layout


@dataclass(frozen=True, slots=True)
class Setting:
    """One value and its source: `default` or FILE:LINE."""

    key: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`problems` is empty when everything can be used."""

    config: Path | None
    state_dir: Path
    cache_dir: Path
    settings: tuple[Setting, ...]
    problems: tuple[str, ...]


def check(loaded: LoadedConfig, locations: Locations) -> CheckResult:
    """Returns every setting with its source, and a sentence for each one that cannot be used."""
    return CheckResult(
        loaded.path,
        locations.state_dir,
        locations.cache_dir,
        tuple(Setting(key, value_at(loaded.config, key), source) for key, source in loaded.sources.items()),
        (*map(str, check_roots(loaded.config)), *template_problems(loaded.config)),
    )


def template_problems(config: Config) -> list[str]:
    """Returns a sentence for each template that cannot be used."""
    found = []
    for key, template in (("layout", config.layout), ("outliers", config.outliers)):
        try:
            if template is not None:
                check_layout(template, alone=key == "outliers")
        except BadInput as problem:
            found.append(f"{key}: {problem}")
    return found
