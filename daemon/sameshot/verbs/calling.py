"""How any caller gets a verb done: by the running service when there is one, else here.

Comes in: a verb's name and plain arguments. Goes out: its result as plain JSON values, the same either way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sameshot.config import LoadedConfig
from sameshot.locations import Locations
from sameshot.service.client import ServiceAbsent, call
from sameshot.verbs.table import VERBS, as_json, bind

if TYPE_CHECKING:
    from sameshot.app import Progress

_AT_ONCE = ("status", "activity", "jobs")
_PATIENCE_S = 30.0
"""How long a service may be silent that is asked how it is. It may stand before a disk that never answers."""


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
            silence_s=_PATIENCE_S if name in _AT_ONCE else None,
        )
    except ServiceAbsent:
        pass
    # Only now: most of what it imports is not needed to ask a service.
    from sameshot.app import open_app  # noqa: PLC0415

    function = verb.load()
    wanted = bind(function, arguments)
    if name == "scan":  # what cannot be scanned is told before a state is made for it
        from sameshot.verbs.scan import scan_places  # noqa: PLC0415

        scan_places(loaded.config, **wanted)
    writing = verb.needs == "writing"
    with contextlib.ExitStack() as opened:
        app = opened.enter_context(open_app(loaded, locations, progress, verb=name, writing=writing))
        if not writing:  # a scan may go on beside it, and give its place to another encoder: an answer is of one moment
            opened.enter_context(app.store.snapshot())
        return as_json(function(app, **wanted))
