"""From which score on are photos of one shot, judged by a sample of the owner's own."""

from __future__ import annotations

import contextlib
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from sameshot.app import App
from sameshot.errors import BadInput
from sameshot.service.message import BadMessage
from sameshot.store.whole_file import write_whole
from sameshot.verbs.calibration_page import ExamplePair, page
from sameshot.way.calibrating import Point, ScoredPair, measure_sample
from sameshot.way.learned import lesson
from sameshot.way.looking import ask_of_each
from sameshot.way.threshold import CALIBRATION, Threshold, held_by, reaching
from sameshot.wire.small_pictures import thumbnail_from_message, thumbnail_request
from sameshot.wording import counted

_EXAMPLES_FROM = (*(step / 20 for step in range(1, 20)), 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998, 0.999)
"""From each of these scores on other pairs are shown: close to 1, where most thresholds worth choosing are, many."""
_EXAMPLES_A_STEP = 4
_THUMBNAIL_PX = 240
_FEWEST_PAIRS = 10
"""Of fewer pairs nobody can see where one shot ends."""
_WORTH_PROMISING, _WORTH_FINDING = 0.99, 0.95


@dataclass(frozen=True, slots=True)
class CalibrateResult:
    """`kept`: the threshold that holds from now on, None where none was chosen. `suggested`: None where nobody can say.

    `in_force`: the one that holds, None where a single measure has none yet. `pairs`: how many were compared;
    `enough`: whether the points say anything about a threshold. `examples`: by score, some of every height.
    `page`: an HTML file with the curves and the examples as pictures, None where the sample was not measured anew or it
    cannot be written. Where the choice was forgotten nothing was measured: no photos, no points.
    """

    method: str
    photos: int
    pairs: int
    enough: bool
    points: tuple[Point, ...]
    examples: tuple[ExamplePair, ...]
    suggested: float | None
    kept: float | None
    in_force: float | None
    notes: tuple[str, ...]
    page: Path | None


def calibrate(
    app: App,
    *,
    sample: int = 1000,
    threshold: float | None = None,
    precision: float | None = None,
    again: bool = True,
    forget: bool = False,
) -> CalibrateResult:
    """Measures a sample and keeps a threshold where one is given, or asked for by the precision it shall have.

    Not `again`: what was measured last serves. `forget`: nothing is measured, and what was kept is forgotten.
    Raises BadInput, and keeps nothing, when no photo is known, no threshold promises that, nothing was kept that can be
    forgotten, or these cannot be asked for together.
    """
    _check(threshold, precision, forget=forget)
    if forget:
        return _forgotten(app)
    threshold = None if threshold is None else abs(threshold)  # -0.0 is 0
    method = app.method.id
    last = app.store.meta.get("calibration_measured")
    examples: tuple[ExamplePair, ...] = ()
    contradictions: tuple[ExamplePair, ...] = ()
    anew = again or last is None or last["method"] != method or "pairs" not in last
    if anew:
        points, pairs, drawn = measure_sample(app, sample, [threshold] if threshold is not None else [])
        if not drawn:
            raise BadInput("No photo is known to calibrate with", _how_to_begin(app))
        compared = len({frozenset((pair.first, pair.second)) for pair in pairs})
        told = [list(astuple(point)) for point in points]
        last = {"method": method, "photos": drawn, "pairs": compared, "points": told}
        examples = _examples(app, pairs)
        contradictions = _contradictions(app, pairs)
    else:
        points = [Point(*values) for values in last["points"]]
    known = [(p.threshold, p.precision) for p in points if p.precision is not None]
    enough = last["pairs"] >= _FEWEST_PAIRS
    notes = _notes(app, last["pairs"], contradictions, chosen=threshold is not None, known=bool(known))
    if precision is not None:
        if not known:
            raise BadInput("No precision can be promised", notes[0])
        threshold = reaching(known, precision)
    suggested = _suggested(points) if enough else None
    file: Path | None = None
    if anew:
        begin = next((at for at in (threshold, suggested, _in_force(app)) if at is not None), 0.5)
        file, why_not = _written(app, page(points, examples, _thumbnails(app, examples), begin))
        notes += why_not
        app.store.meta.set("calibration_measured", last)
    if threshold is not None:  # last of all: whatever stops before has kept nothing
        kept = {"method": method, "threshold": threshold, "on": f"{app.today():%Y-%m-%d}", "points": known}
        app.store.meta.set(CALIBRATION, kept)
        notes += _what_follows(app, threshold)
    return CalibrateResult(
        method=method,
        photos=last["photos"],
        pairs=last["pairs"],
        enough=enough,
        points=tuple(points),
        examples=examples,
        suggested=suggested,
        kept=threshold,
        in_force=_in_force(app),
        notes=tuple(notes),
        page=file,
    )


def _check(threshold: float | None, precision: float | None, *, forget: bool) -> None:
    if (threshold is not None) + (precision is not None) + forget > 1:
        raise BadInput("Only one can be asked for at a time: a threshold, a precision, or to forget")
    if threshold is not None and not 0 <= threshold <= 1:
        raise BadInput(f"A threshold is a number from 0 to 1, not {threshold:g}")
    if precision is not None and not 0 < precision < 1:
        raise BadInput(f"A precision is more than 0 and less than 1, not {precision:g}")


def _forgotten(app: App) -> CalibrateResult:
    if app.store.meta.get(CALIBRATION) is None:
        raise BadInput("No threshold was kept that could be forgotten", "`sameshot check` shows which holds, and why")
    before = _in_force(app)
    app.store.meta.set(CALIBRATION, None)
    try:
        holds = _held(app)
        if holds.value == before:
            notes = [f"Forgotten. The threshold stays {holds.value:g} ({holds.source})."]
        else:
            notes = [f"Forgotten. The threshold is {holds.value:g} again ({holds.source}).", _when(app)]
    except BadInput as problem:
        notes = [f"Forgotten. {problem}."]
    return CalibrateResult(app.method.id, 0, 0, False, (), (), None, None, _in_force(app), tuple(notes), None)


def _what_follows(app: App, threshold: float) -> list[str]:
    """What to know of a threshold that was kept."""
    notes = []
    if threshold == 0:
        notes.append("From 0 on all photos that are compared are of one shot: with this, groups mean nothing.")
    holds = _held(app)
    if holds.note:
        notes.append(f"Kept, but {holds.note}.")
    elif holds.value != threshold:
        notes.append(f"Kept, but {holds.source} says {holds.value:g}, and the config file wins.")
    else:
        notes.append(_when(app))
    return notes


def _when(app: App) -> str:
    if app.activity is not None:
        return "The running service takes it up when it is reloaded or started again."
    return "The next scan groups by it."


def _how_to_begin(app: App) -> str:
    if _in_force(app) is not None:
        return "Scan some first: `sameshot scan DIR`"
    return "Scan some first: for that, write a same_shot.threshold into the config, and take it out again afterwards"


def _written(app: App, text: str) -> tuple[Path | None, list[str]]:
    """Writes the page. Returns its place, or a note why it has none: it is no reason not to keep a threshold."""
    file = app.locations.cache_dir / "calibration.html"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text.encode())
    except OSError as error:
        return None, [f"The page with pictures could not be written to {file}: {error.strerror}."]
    return file, []


def _suggested(points: list[Point]) -> float | None:
    """The lowest threshold from which on 999 of 1000 pairs are right, or as many as any promises that is worth it.

    Those that find far fewer of the changed photos again than the lowest are none to suggest.
    """
    most = max((p.recall or 0.0 for p in points), default=0.0)
    useful = [p for p in points if p.recall is None or p.recall >= _WORTH_FINDING * most]
    known = [(p.threshold, p.precision) for p in useful if p.precision is not None]
    best = max((expected for _, expected in known), default=0.0)
    return reaching(known, min(0.999, best)) if best >= _WORTH_PROMISING else None


def _notes(app: App, pairs: int, contradictions: Sequence[ExamplePair], *, chosen: bool, known: bool) -> list[str]:
    if pairs < _FEWEST_PAIRS:
        too_little = f"of these photos {counted(pairs, 'pair')} can be compared, and at least {_FEWEST_PAIRS} must be"
        return [f"Too little to choose a threshold by: {too_little}.{'' if chosen else f' {_what_stays(app)}'}"]
    notes = []
    if not known:
        notes.append("Too few alike photos were taken more than a day apart to say what a threshold's precision is.")
    if contradictions:
        first = contradictions[0]
        notes.append(
            f"{counted(len(contradictions), 'pair')} taken more than a day apart would be of one shot, which counts "
            f"against the precision, as {first.first} and {first.second}. If a date is wrong: `sameshot together` both."
        )
    if app.method.measure is None:
        notes.append("The pair score is a probability: 0.5 is where same and different are equally likely.")
    return notes


def _what_stays(app: App) -> str:
    try:
        return f"The threshold stays {_held(app).value:g}."
    except BadInput as problem:
        return f"{problem}."


def _held(app: App) -> Threshold:
    """The threshold in force, with what is to know of it, which is told here and need not be in the log."""
    return held_by(app.loaded, app.store.meta.get(CALIBRATION), lesson(app.store, "pair-score"))


def _in_force(app: App) -> float | None:
    try:
        return _held(app).value
    except BadInput:
        return None


def _contradictions(app: App, pairs: Sequence[ScoredPair]) -> tuple[ExamplePair, ...]:
    """The pairs that the threshold in force makes one shot although days lie between them, the surest first."""
    threshold = _in_force(app)
    if threshold is None:
        return ()
    return _named(app, sorted((p for p in pairs if p.far and p.score >= threshold), key=lambda p: -p.score))


def _examples(app: App, pairs: Sequence[ScoredPair]) -> tuple[ExamplePair, ...]:
    """Some pairs of every height, by score: few lie between a clear yes and a clear no, and one looks for those."""
    chosen: dict[int, list[ScoredPair]] = defaultdict(list)
    for pair in pairs:
        step = chosen[bisect(_EXAMPLES_FROM, pair.score)]
        if len(step) < _EXAMPLES_A_STEP:
            step.append(pair)
    return _named(app, sorted((pair for step in chosen.values() for pair in step), key=lambda p: p.score))


def _named(app: App, pairs: Iterable[ScoredPair]) -> tuple[ExamplePair, ...]:
    """Each pair of contents once, with a path of each; those that have none now are left out."""
    once = {(min(pair.first, pair.second), max(pair.first, pair.second)): pair.score for pair in pairs}
    views = app.store.photos.views({content for ends in once for content in ends})
    return tuple(
        ExamplePair(round(score, 4), views[first][0].path, views[second][0].path)
        for (first, second), score in once.items()
        if first in views and second in views
    )


def _thumbnails(app: App, examples: Iterable[ExamplePair]) -> dict[Path, bytes]:
    paths = {path for pair in examples for path in (pair.first, pair.second)}
    contents = {path: photo.content_id for path in paths if (photo := app.store.photos.at(path)) is not None}
    requests = {path: (content, thumbnail_request(_THUMBNAIL_PX)) for path, content in contents.items() if content}
    thumbnails: dict[Path, bytes] = {}
    for path, reply in ask_of_each(app, requests, "making small pictures").items():
        with contextlib.suppress(BadMessage):
            thumbnails[path] = thumbnail_from_message(reply, _THUMBNAIL_PX)
    return thumbnails
