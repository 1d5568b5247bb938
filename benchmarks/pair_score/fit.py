"""Fits the pair score: `python benchmarks/pair_score/fit.py` reads table.csv and writes compare/pair_score.json.

Tables named after it are judged by what was fitted, and nothing is fitted on them.

Comes in: the table of pairs that `table.py` made. Goes out: for each stage of the comparison the slopes of an additive
model in log odds, each score's evidence a line that bends at fixed places and never falls (so no score speaks against
itself), what is left undecided by it, and the figures on photos that were held out: rows of one photo are all fitted on
or all held out, each photo once. Each kind of pair is scored once more by a model that saw none of its kind.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from sameshot.compare.pair_score import believed
from sameshot.compare.thresholds import LINK_THRESHOLD

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "daemon" / "sameshot" / "compare" / "pair_score.json"

# Where each score's line may bend: at the low end of what unrelated photos reach, and along what same shots reach.
STAGES = (
    {"cosine": (0.45, 0.60, 0.75, 0.90), "phash": (0.6, 0.8),
     "frame": (0.15, 0.35, 0.55, 0.75, 0.9, 0.97), "frame_patches": (0.1, 0.3, 0.5, 0.8)},
    {"inliers": (6.0, 12.0, 24.0), "share": (0.0, 0.05, 0.15), "spread": (0.0, 0.1),
     "overlay": (0.1, 0.35), "overlay_patches": (0.1, 0.3)},
    {"common": (0.25, 0.33, 0.4, 0.45, 0.6, 0.8), "flow": (0.1, 0.3, 0.5, 0.65, 0.8),
     "flow_most": (0.0, 0.3, 0.6, 0.75), "steady": (0.6, 0.75, 0.85, 0.93, 0.97),
     "hues": (0.2, 0.4, 0.6, 0.8, 0.9),
     "guided": (0.0, 0.02, 0.06, 0.15, 0.3), "guided_parts": (0.0, 0.1, 0.2, 0.3, 0.45, 0.6)},
)  # fmt: skip
PENALTY = 3e-6
HALF_ALIKE = ("form", "studio", "room", "stamp-soft")
WEIGHTS = {
    **dict.fromkeys(("alike", "stranger", "stamp", "window", "page", "soft-apart"), 10.0),
    "chart": 4.0,
    "pattern": 2.0,
    "plain": 0.5,
    "plain-apart": 5.0,
    **dict.fromkeys(HALF_ALIKE, 0.1),
}
"""What a row counts. A shortlist holds more pairs of strangers than the table does, and charts and patterns are many in
it. Plain pictures are rare, and at 1 they cost bursts. Pairs that share about half of what can be seen cost exposures
and steps aside the more, the more they count."""
BY_CHANCE = {"alike", "stranger"}
"""What a shortlist is full of."""
PARTS = 4
"""Each photo is judged by what was fitted on the other three parts of them."""
GIVEN_UP = 2 / 3
MARGIN = 10.0
"""The first stage gives up two in three pairs that are alike by chance: corners are kept for the others. The second
gives up what has a tenth of the odds of any pair of one shot that the last stage would find, and believes what has ten
times the odds of any two different ones. The first believes nothing: what tells a burst from a panorama comes from the
second."""

Line = tuple[str, float]
Model = tuple[float, np.ndarray]


def main(unseen: list[Path]) -> None:
    table = read(HERE / "table.csv")
    rows = np.ones(len(table.kinds), np.bool_)
    parts = np.array([int(photo) % PARTS for photo in table.photos])
    score, reached = np.zeros(len(rows)), np.zeros(len(rows), int)
    for part in range(PARTS):
        held_out = parts == part
        judged, stages = cascaded(cascade(table, ~held_out), table.scores)
        score[held_out], reached[held_out] = judged[held_out], stages[held_out]
    report("held out", table, score, reached)
    draw_reliability(score, table.same, table.weight)
    ordinary = ~np.isin(table.kinds, HALF_ALIKE)
    print("held out, but for the half-alike: from this score on, share that is one shot, of those of one shot found")
    for least in (0.5, 0.8, 0.85, 0.9, 0.95, 0.98):
        reach = ordinary & (score >= least)
        share = (table.weight * table.same)[reach].sum() / table.weight[reach].sum()
        print(f"{least:.2f} {share:.4f} {np.mean(score[table.same] >= least):.4f}")
    print("kinds of pairs that a model saw none of: pairs, share at or above 0.5 / 0.9")
    for kind in dict.fromkeys(table.kinds):
        of_kind = table.kinds == kind
        score, _ = cascaded(cascade(table, ~of_kind), table.scores)
        print(f"{kind:16} {of_kind.sum():5} {np.mean(score[of_kind] >= 0.5):.4f} {np.mean(score[of_kind] >= 0.9):.4f}")
    final = cascade(table, rows)
    write(final)
    for path in unseen:
        other = read(path)
        score, reached = cascaded(final, other.scores)
        report(path.stem, other, score, reached)


@dataclass(frozen=True)
class Table:
    """Rows of pairs: kind, whether they are one shot, their photo, what they count, and each score by name."""

    kinds: np.ndarray
    same: np.ndarray
    photos: list[str]
    weight: np.ndarray
    scores: dict[str, np.ndarray]


def read(path: Path) -> Table:
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    kinds = np.array([row["kind"] for row in rows])
    return Table(
        kinds,
        np.array([row["same"] == "1" for row in rows]),
        [row["photo"] for row in rows],
        np.array([WEIGHTS.get(kind, 1.0) for kind in kinds]),
        believed({name: np.array([float(row[name]) for row in rows]) for stage in STAGES for name in stage}),
    )


@dataclass(frozen=True)
class Stage:
    """One stage of the comparison: slopes of its lines, and between which scores a pair goes on to the next."""

    lines: list[Line]
    intercept: float
    slopes: np.ndarray
    undecided: tuple[float, float]


def lines_until(number: int) -> list[Line]:
    """The lines of this stage and the ones before, as (score, where it bends)."""
    return [(name, start) for stage in STAGES[: number + 1] for name, starts in stage.items() for start in starts]


def pieces(table: dict[str, np.ndarray], lines: list[Line]) -> np.ndarray:
    return np.column_stack([np.maximum(0, table[name] - start) for name, start in lines])


def cascade(table: Table, chosen: np.ndarray) -> list[Stage]:
    """Fits all stages on the chosen rows, the last first, and finds what each of the others leaves undecided."""
    stages: list[Stage] = []
    findable = chosen & table.same
    for number in reversed(range(len(STAGES))):
        lines = lines_until(number)
        design = pieces(table.scores, lines)
        intercept, slopes = fitted(lines, design[chosen], table.same[chosen], table.weight[chosen])
        log_odds = intercept + design @ slopes
        undecided = (0.0, 1.0)
        if not stages:
            findable &= probability(log_odds) >= LINK_THRESHOLD
        else:
            apart = log_odds[chosen & ~table.same]
            if number:
                bounds = log_odds[findable].min() - math.log(MARGIN), apart.max() + math.log(MARGIN)
            else:
                by_chance = log_odds[chosen & np.isin(table.kinds, list(BY_CHANCE))]
                bounds = np.quantile(by_chance, GIVEN_UP) + 0.01, np.inf  # ties are given up
            undecided = tuple(float(probability(bound)) for bound in bounds)
        stages.insert(0, Stage(lines, intercept, slopes, undecided))
    return stages


def probability(log_odds: np.ndarray | float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(log_odds, -50, 50)))


def cascaded(stages: list[Stage], table: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The score of every row and the number of the stage that gave it, as the comparison does it."""
    score = np.zeros(len(next(iter(table.values()))))
    reached = np.zeros(len(score), int)
    open_ = np.ones(len(score), np.bool_)
    for number, one in enumerate(stages):
        now = probability(one.intercept + pieces(table, one.lines) @ one.slopes)
        score[open_], reached[open_] = now[open_], number
        open_ &= (now >= one.undecided[0]) & (now <= one.undecided[1])
    return score, reached


def fitted(lines: list[Line], pieces: np.ndarray, same: np.ndarray, weight: np.ndarray) -> Model:
    """Intercept and slopes of the likeliest model whose lines never fall, with a small penalty on each bend."""
    scale = pieces.std(0) + 1e-9
    sign = np.where(same, 1.0, -1.0)
    # A line's slope is the sum of its bends so far: fitted as rises of each stretch, which must not be negative.
    rises_to_bends = np.eye(len(lines))
    for at in range(1, len(lines)):
        if lines[at][0] == lines[at - 1][0]:
            rises_to_bends[at, at - 1] = -1.0
    design = pieces @ rises_to_bends / scale

    def cost(solution: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (solution[0] + design @ solution[1:])
        wrong = 1 / (1 + np.exp(np.clip(margin, -50, 50)))
        value = (weight * np.logaddexp(0, -margin)).sum() / weight.sum() + PENALTY * (solution[1:] ** 2).sum()
        pull = -(weight * sign * wrong) / weight.sum()
        return value, np.r_[pull.sum(), design.T @ pull + 2 * PENALTY * solution[1:]]

    bounds = [(None, None)] + [(0, None)] * len(lines)
    solution = minimize(cost, np.r_[-5.0, np.full(len(lines), 0.1)], jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(solution[0]), rises_to_bends @ (solution[1:] / scale)


def report(name: str, table: Table, score: np.ndarray, reached: np.ndarray) -> None:
    kinds, weight = table.kinds, table.weight
    print(f"{name}: kind, pairs, share at or above 0.5 / 0.9, lowest, highest score, share that each stage sees")
    for kind in dict.fromkeys(kinds):
        chosen = kinds == kind
        of_kind = score[chosen]
        seen = " ".join(f"{np.mean(reached[chosen] >= number):.2f}" for number in range(len(STAGES)))
        print(f"{kind:20} {len(of_kind):5} {np.mean(of_kind >= 0.5):.4f} {np.mean(of_kind >= 0.9):.4f} "
              f"{of_kind.min():.5f} {of_kind.max():.5f}  {seen}")  # fmt: skip
    print("reliability: score, pairs, share that is one shot (strangers weighted)")
    edges = np.array([0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.9, 0.95, 0.99, 1.0001])
    for low, high in itertools.pairwise(edges):
        inside = (score >= low) & (score < high)
        if inside.any():
            share = (weight * table.same)[inside].sum() / weight[inside].sum()
            print(f"{low:.2f}-{high:.2f} {inside.sum():5} {share:.3f}")


def draw_reliability(score: np.ndarray, same: np.ndarray, weight: np.ndarray) -> None:
    """Draws what share of the pairs with a score are one shot, against the score; the diagonal is a perfect model."""
    side, edge = 320, 40
    canvas = np.full((side + 2 * edge, side + 2 * edge, 3), 255, np.uint8)

    def spot(x: float, y: float) -> tuple[int, int]:
        return edge + round(x * side), edge + side - round(y * side)

    cv2.rectangle(canvas, spot(0, 1), spot(1, 0), (0, 0, 0), 1)
    cv2.line(canvas, spot(0, 0), spot(1, 1), (190, 190, 190), 1, cv2.LINE_AA)
    for low, high in itertools.pairwise(np.linspace(0, 1.0001, 11)):
        inside = (score >= low) & (score < high)
        if inside.any():
            at = spot(
                np.average(score[inside], weights=weight[inside]), np.average(same[inside], weights=weight[inside])
            )
            cv2.circle(canvas, at, 3 + round(math.log10(inside.sum()) * 2), (160, 80, 0), -1, cv2.LINE_AA)
    cv2.putText(
        canvas, "score; bigger dot: more pairs", (edge, side + 2 * edge - 12), 0, 0.45, (0, 0, 0), 1, cv2.LINE_AA
    )
    cv2.putText(canvas, "share that is one shot, held out", (edge, 24), 0, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.imwrite(str(HERE / "reliability.png"), canvas)


def write(stages: list[Stage]) -> None:
    parts = []
    for one in stages:
        hinges: dict[str, list[tuple[float, float]]] = {}
        for name in dict.fromkeys(name for name, _ in one.lines):
            bends = [(line[1], slope) for line, slope in zip(one.lines, one.slopes, strict=True) if line[0] == name]
            # It is the rises that are rounded: none of them may become less than nothing.
            rises = np.maximum(np.round(np.cumsum([slope for _, slope in bends]), 3), 0)
            changes = np.round(np.diff(rises, prepend=0.0), 3)
            kept = [(start, float(change)) for (start, _), change in zip(bends, changes, strict=True) if change]
            if kept:
                hinges[name] = kept
        lines = ",\n".join(f'      "{name}": {json.dumps(bends)}' for name, bends in hinges.items())
        undecided = json.dumps([float(f"{bound:.8g}") for bound in one.undecided])
        parts.append(
            f'  {{\n    "intercept": {one.intercept:.3f},\n    "undecided": {undecided},\n'
            f'    "hinges": {{\n{lines}\n    }}\n  }}'
        )
    TARGET.write_text("[\n" + ",\n".join(parts) + "\n]\n")


if __name__ == "__main__":
    with threadpool_limits(1):  # the last digits depend on how many threads sum
        main([Path(path) for path in sys.argv[1:]])
