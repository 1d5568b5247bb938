"""What the owner said and did, learned: a proposal is made beside the service, and taken up, or forgotten, by it.

Comes in: the app, and what is to be forgotten. Goes out: the lessons that hold, and how good each is. What is proposed
was judged by words that it was not learned from; what does not hold for them is as it was shipped, even where an
earlier lesson held. A lesson about the score moves the threshold, and groups are made anew by it; nothing is compared
again. No file of the owner's is touched.
By night proposed as `python -P -m sameshot.verbs.learn learn CONFIG STATE_DIR CACHE_DIR`.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sameshot.app import App, Progress, open_app
from sameshot.config import LoadedConfig, load_with_sources, without_file
from sameshot.errors import BadInput, SameshotError, StateUnavailable
from sameshot.group.quality import rate
from sameshot.locations import Locations
from sameshot.service.chore import be_a_chore
from sameshot.store.whole_file import write_whole
from sameshot.way.learned import NAMES, Lesson, keep, lesson, was_forgotten
from sameshot.way.learning import teach
from sameshot.way.rating import facts_of, rated

_PROPOSED = {"of", "values", "words", "sets", "why", "differing"}


@dataclass(frozen=True, slots=True)
class LearnResult:
    """`lessons`: those that hold now. `said`: a sentence for each lesson that was looked at, without its stop."""

    lessons: tuple[Lesson, ...]
    said: tuple[str, ...]


def learn(app: App, *, forget: Literal["", "pair-score", "representative"] = "", by_night: bool = False) -> LearnResult:
    """Takes up what was proposed last, or has one lesson forgotten.

    `by_night`: what was forgotten stays so. Raises BadInput where there is nothing to forget.
    """
    if forget:
        said = [_forgotten(app, forget)]
    else:
        proposed = _proposed(app.locations.cache_dir)
        said = [_taken(app, name, proposed[name], by_night=by_night) for name in NAMES if name in proposed]
    return LearnResult(tuple(known for name in NAMES if (known := lesson(app.store, name)) is not None), tuple(said))


def propose(loaded: LoadedConfig, locations: Locations, progress: Progress) -> None:
    """Learns from what the store knows, beside a running service, and leaves what came of it in the cache folder.

    Raises StateUnavailable without a state, or where that cannot be written.
    """
    with open_app(loaded, locations, progress, verb="learn", writing=False) as app:
        proposed = {
            one.name: {"of": one.of, "values": one.values, **asdict(one.told), "differing": _differing(app, one.values)
                       if one.name == "representative" else []}
            for one in teach(app)
        }  # fmt: skip
    try:
        locations.cache_dir.mkdir(parents=True, exist_ok=True)
        write_whole(_place(locations.cache_dir), json.dumps(proposed).encode())
    except OSError as error:
        raise StateUnavailable(f"What was learned cannot be written: {error.strerror}", "Make room") from error


def _place(cache_dir: Path) -> Path:
    return cache_dir / "learned.json"


def _proposed(cache_dir: Path) -> dict[str, dict[str, Any]]:
    """What `propose` left; nothing where that is not readable, or not of this version."""
    try:
        found = json.loads(_place(cache_dir).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    whole = isinstance(found, dict) and all(isinstance(one, dict) and one.keys() >= _PROPOSED for one in found.values())
    return found if whole else {}


def _differing(app: App, weights: dict[str, float]) -> list[int]:
    """One content of each group for which another photo would stand by these weights."""
    found = []
    for group in app.store.groups.all():
        members = [member.content for member in group.members]
        before, after = rated(app.store, [members]), rate(facts_of(app.store, members), weights)
        if max(before, key=lambda c: before[c].value, default=0) != max(after, key=lambda c: after[c].value, default=0):
            found.append(group.representative)
    return found


def _taken(app: App, name: str, proposed: dict[str, Any], *, by_night: bool) -> str:
    why = proposed["why"]
    if by_night and was_forgotten(app.store, name):
        return f"{name}: you had it forgotten, and by night it stays so"
    new = None
    if proposed["values"]:
        when = app.today().isoformat(timespec="seconds")
        counts = proposed["words"], proposed["sets"]
        new = Lesson(name, 0, when, proposed["of"], proposed["values"], *counts, why)
    before = lesson(app.store, name)
    if keep(app.store, name, new):
        _follow(app, name, proposed["differing"])
    if new is not None:
        stays = name == "pair-score" and app.link_threshold == app.unlearned_threshold
        but = "; the threshold that you chose stays all the same" if stays else ""
        return f"{name}: learned from {proposed['words']} words about {proposed['sets']} sets of photos: {why}{but}"
    return f"{name}: {'as shipped again' if before else 'nothing learned'}: {why}"


def _forgotten(app: App, name: str) -> str:
    known = lesson(app.store, name)
    if known is None:
        raise BadInput(f"Nothing was learned about {name}", "`sameshot models` shows what was")
    differing = _differing(app, {}) if name == "representative" else []
    keep(app.store, name, None, forgotten=True)
    _follow(app, name, differing)
    return f"{name} is as shipped again; `sameshot learn` would learn it anew"


def _follow(app: App, name: str, differing: list[int]) -> None:
    """Makes groups true by what was learned or forgotten."""
    if name == "representative":
        app.flow.touch(differing)
        app.flow.regroup()
    elif app.activity is not None:
        signal.raise_signal(signal.SIGHUP)  # the service begins anew, by the other threshold


def main(words: Sequence[str]) -> int:
    """Proposes as the night does; returns the exit code."""
    be_a_chore()
    _, config, state_dir, cache_dir = words
    try:
        loaded = load_with_sources(Path(config)) if config else without_file()
        propose(loaded, Locations(Path(state_dir), Path(cache_dir)), lambda *_: None)
    except SameshotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
