"""From which score on are photos of one shot, judged by a sample of the owner's own."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.errors import BadInput
from sameshot.verbs.calibration_picture import picture
from sameshot.way.calibrating import Point, ScoredPair, measure_sample
from sameshot.way.threshold import CALIBRATION, reaching, threshold_of
from sameshot.wording import counted

_EXAMPLES = 120
_FEWEST_PAIRS = 10
"""Of fewer pairs nobody can see where one shot ends."""
_WORTH_PROMISING = 0.99


@dataclass(frozen=True, slots=True)
class ExamplePair:
    """Two photos and their score."""

    score: float
    first: Path
    second: Path


@dataclass(frozen=True, slots=True)
class CalibrateResult:
    """`kept`: the threshold that holds from now on, None where none was chosen. `suggested`: None where nobody can say.

    `pairs`: how many were compared; `enough`: whether the points say anything about a threshold.
    `examples`: by score, spread over all scores. `picture`: an SVG file, None where nothing was measured.
    """

    method: str
    photos: int
    pairs: int
    enough: bool
    points: tuple[Point, ...]
    examples: tuple[ExamplePair, ...]
    suggested: float | None
    kept: float | None
    notes: tuple[str, ...]
    picture: Path | None


def calibrate(
    app: App,
    *,
    sample: int = 1000,
    threshold: float | None = None,
    precision: float | None = None,
    again: bool = True,
) -> CalibrateResult:
    """Measures a sample and keeps a threshold where one is given, or asked for by the precision it shall have.

    Not `again`: what was measured last serves. Raises BadInput when no photo is known, or no threshold promises that.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise BadInput(f"A threshold is a number from 0 to 1, not {threshold:g}")
    method = app.method.id
    last = app.store.meta.get("calibration_measured")
    if again or last is None or last["method"] != method or "pairs" not in last:
        points, pairs, drawn = measure_sample(app, sample)
        if not drawn:
            raise BadInput("No photo is known to calibrate with", "Scan some first: `sameshot scan DIR`")
        compared = len({frozenset((pair.first, pair.second)) for pair in pairs})
        told = [list(astuple(point)) for point in points]
        last = {"method": method, "photos": drawn, "pairs": compared, "points": told}
        app.store.meta.set("calibration_measured", last)
        examples = tuple(_examples(app, pairs))
    else:
        points, examples = [Point(*values) for values in last["points"]], ()
    known = [(p.threshold, p.precision) for p in points if p.precision is not None]
    enough = last["pairs"] >= _FEWEST_PAIRS
    notes = _notes(app, last["pairs"], enough=enough, known=bool(known))
    if precision is not None:
        if not known:
            raise BadInput("No precision can be promised", notes[0])
        threshold = reaching(known, precision)
    if threshold is not None:
        kept = {"method": method, "threshold": threshold, "on": f"{app.today():%Y-%m-%d}", "points": known}
        app.store.meta.set(CALIBRATION, kept)
        in_force = threshold_of(app.loaded, app.store.meta.get(CALIBRATION))
        if in_force.value != threshold:
            notes.append(f"Kept, but {in_force.source} says {in_force.value:g}, and the config file wins.")
        elif app.activity is not None:
            notes.append("The running service takes it up when it is reloaded or started again.")
        else:
            notes.append("The next scan groups by it.")
    file = app.locations.cache_dir / "calibration.svg"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(picture(points, threshold), "utf-8")
    return CalibrateResult(
        method,
        last["photos"],
        last["pairs"],
        enough,
        tuple(points),
        examples,
        _suggested(points) if enough else None,
        threshold,
        tuple(notes),
        file,
    )


def _suggested(points: list[Point]) -> float | None:
    """The lowest threshold from which on 999 of 1000 pairs are right, or as many as any promises that is worth it."""
    known = [(p.threshold, p.precision) for p in points if p.precision is not None]
    best = max((expected for _, expected in known), default=0.0)
    return reaching(known, min(0.999, best)) if best >= _WORTH_PROMISING else None


def _notes(app: App, pairs: int, *, enough: bool, known: bool) -> list[str]:
    if not enough:
        too_little = f"of these photos {counted(pairs, 'pair')} can be compared, and at least {_FEWEST_PAIRS} must be"
        return [f"Too little to choose a threshold by: {too_little}. {_what_stays(app)}"]
    notes = []
    if not known:
        notes.append("Too few alike photos were taken more than a day apart to say what a threshold's precision is.")
    if app.method.measure is None:
        notes.append("The pair score is a probability: 0.5 is where same and different are equally likely.")
    return notes


def _what_stays(app: App) -> str:
    try:
        return f"The threshold stays {app.link_threshold:g}."
    except BadInput as problem:
        return f"{problem}."


def _examples(app: App, pairs: list[ScoredPair]) -> list[ExamplePair]:
    ordered = sorted(
        {(min(p.first, p.second), max(p.first, p.second)): p for p in pairs}.values(), key=lambda p: p.score
    )
    step = max(1, -(-len(ordered) // _EXAMPLES))
    chosen = ordered[::step]
    views = app.store.photos.views({end for pair in chosen for end in (pair.first, pair.second)})
    return [
        ExamplePair(round(pair.score, 4), views[pair.first][0].path, views[pair.second][0].path)
        for pair in chosen
        if pair.first in views and pair.second in views
    ]
