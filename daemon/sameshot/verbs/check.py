"""Is the config right, and which value comes from where."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sameshot.config import Config, LoadedConfig
from sameshot.config_keys import value_at
from sameshot.config_roots import check_roots
from sameshot.errors import BadInput, StateUnavailable
from sameshot.locations import Locations
from sameshot.plan.layout import check_layout
from sameshot.service.probe import Probe
from sameshot.store.store import Store
from sameshot.way.learned import Lesson, lesson
from sameshot.way.threshold import CALIBRATION, threshold_of

_PATIENCE_S = 5.0
_PROMPTLY_S = 0.5


@dataclass(frozen=True, slots=True)
class Setting:
    """One value and its source: `default`, FILE:LINE or `calibrated on DATE`."""

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
    settings = {key: Setting(key, value_at(loaded.config, key), source) for key, source in loaded.sources.items()}
    problems = [*_root_problems(loaded.config), *template_problems(loaded.config)]
    if loaded.config.library is None and loaded.config.library_dir is not None:
        settings["library"] = Setting("library", str(loaded.config.library_dir), "default: beside the first root")
    try:
        threshold = threshold_of(loaded, *_known(locations))
        settings["same_shot.threshold"] = Setting("same_shot.threshold", f"{threshold.value:g}", threshold.source)
    except BadInput as problem:
        problems.append(str(problem))
    return CheckResult(loaded.path, locations.state_dir, locations.cache_dir, tuple(settings.values()), tuple(problems))


def _root_problems(config: Config) -> list[str]:
    """Asked where waiting hurts nobody: a share whose server is gone never answers."""
    found = Probe(lambda _: check_roots(config)).wait(Path("/"), _PATIENCE_S)
    if found is not None:
        return [str(problem) for problem in found]
    asked = Probe(os.path.isdir)
    return [
        f"roots[{index}].path: {root.path} does not answer; mount it again, or remove it"
        for index, root in enumerate(config.roots)
        if asked.wait(root.path, _PROMPTLY_S) is None
    ]


def _known(locations: Locations) -> tuple[dict[str, Any] | None, Lesson | None]:
    """What `sameshot calibrate` and `learn` kept; nothing where there is no state that can be read."""
    try:
        with Store.open(locations.database, read_only=True) as store:
            return store.meta.get(CALIBRATION), lesson(store, "pair-score")
    except StateUnavailable:
        return None, None


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
