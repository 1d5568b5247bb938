"""How any caller gets a verb done: by the running service when there is one, else here.

Comes in: a verb's name and plain arguments. Goes out: its result as plain JSON values, the same either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sameshot.app import Progress, open_app
from sameshot.config import LoadedConfig
from sameshot.locations import Locations
from sameshot.service.client import ServiceAbsent, call
from sameshot.verbs.table import VERBS, as_json, bind


def perform(
    name: str, arguments: Mapping[str, Any], loaded: LoadedConfig, locations: Locations, progress: Progress
) -> Any:
    """Returns what the verb `name` answers. Raises SameshotError as the verb does, from here or from the service."""
    verb = VERBS[name]
    try:
        return call(
            locations.socket,
            name,
            as_json(arguments),
            loaded.path,
            lambda told: progress(told["label"], told["done"], told["total"]),
        )
    except ServiceAbsent:
        pass
    with open_app(loaded, locations, progress, verb=name, writing=verb.needs == "writing") as app:
        function = verb.load()
        return as_json(function(app, **bind(function, arguments)))
