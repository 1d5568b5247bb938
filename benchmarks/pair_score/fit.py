"""Fits the pair score: `python benchmarks/pair_score/fit.py` reads table.csv and writes compare/pair_score.json.

Comes in: the table of pairs that `table.py` made. Goes out: slopes of an additive model in log odds, each score's
evidence a line that bends at fixed places and never falls (so no score can speak against itself), and the figures on
photos that were held out. Rows of one photo are all fitted on or all held out.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import minimize

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "daemon" / "sameshot" / "compare" / "pair_score.json"

# Where each score's line may bend: at the low end of what unrelated photos reach, and along what same shots reach.
HINGES = {
    "cosine": (0.45, 0.60, 0.75, 0.90),
    "inliers": (6.0, 12.0, 24.0),
    "share": (0.0, 0.05, 0.15),
    "spread": (0.0, 0.1),
    "overlay": (0.1, 0.35),
    "overlay_patches": (0.1, 0.3),
    "frame": (0.15, 0.35, 0.55),
    "frame_patches": (0.1, 0.3, 0.5),
    "phash": (0.6, 0.8),
}
PENALTY = 3e-6
STRANGERS_FOR_EACH_ROW = 10.0
"""A shortlist holds more pairs of strangers than the table does: each row drawn from one stands for this many."""


def main() -> None:
    with (HERE / "table.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    same = np.array([row["same"] == "1" for row in rows])
    held_out = np.array([int(row["photo"]) % 4 == 0 for row in rows])
    pieces = np.column_stack(
        [
            np.maximum(0, np.array([float(row[name]) for row in rows]) - start)
            for name, starts in HINGES.items()
            for start in starts
        ]
    )
    drawn = np.array([row["kind"] in {"alike", "stranger", "stamp", "window", "page"} for row in rows])
    weight = np.where(drawn, STRANGERS_FOR_EACH_ROW, 1.0)
    intercept, slopes = fitted(pieces[~held_out], same[~held_out], weight[~held_out])
    report(rows, intercept + pieces @ slopes, weight, held_out)
    intercept, slopes = fitted(pieces, same, weight)
    hinges: dict[str, list[tuple[float, float]]] = {}
    for (name, start), slope in zip(((n, s) for n, starts in HINGES.items() for s in starts), slopes, strict=True):
        if abs(slope) > 1e-3:
            hinges.setdefault(name, []).append((start, round(float(slope), 3)))
    write(round(float(intercept), 3), hinges)


def fitted(pieces: np.ndarray, same: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """Intercept and slopes of the likeliest model whose lines never fall, with a small penalty on each bend."""
    scale = pieces.std(0) + 1e-9
    starts = np.array([start for starts in HINGES.values() for start in range(len(starts))])
    sign = np.where(same, 1.0, -1.0)
    # A line's slope is the sum of its bends so far: fitted as rises of each stretch, which must not be negative.
    rises_to_bends = np.eye(len(starts))
    for at in range(1, len(starts)):
        if starts[at]:
            rises_to_bends[at, at - 1] = -1.0
    design = pieces @ rises_to_bends / scale

    def cost(solution: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (solution[0] + design @ solution[1:])
        wrong = 1 / (1 + np.exp(np.clip(margin, -50, 50)))
        value = (weight * np.logaddexp(0, -margin)).sum() / weight.sum() + PENALTY * (solution[1:] ** 2).sum()
        pull = -(weight * sign * wrong) / weight.sum()
        return value, np.r_[pull.sum(), design.T @ pull + 2 * PENALTY * solution[1:]]

    bounds = [(None, None)] + [(0, None)] * len(starts)
    solution = minimize(cost, np.r_[-5.0, np.full(len(starts), 0.1)], jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(solution[0]), rises_to_bends @ (solution[1:] / scale)


def report(rows: list[dict[str, str]], log_odds: np.ndarray, weight: np.ndarray, held_out: np.ndarray) -> None:
    score = 1 / (1 + np.exp(-log_odds))
    kinds = np.array([row["kind"] for row in rows])
    print("held out: kind, pairs, share at or above 0.5 / 0.9, lowest, highest score")
    for kind in dict.fromkeys(kinds):
        of_kind = score[held_out & (kinds == kind)]
        print(f"{kind:16} {len(of_kind):5} {np.mean(of_kind >= 0.5):.4f} {np.mean(of_kind >= 0.9):.4f} "
              f"{of_kind.min():.5f} {of_kind.max():.5f}")  # fmt: skip
    draw_reliability(score[held_out], np.array([row["same"] == "1" for row in rows])[held_out], weight[held_out])
    print("reliability, held out: score, pairs, share that is one shot (strangers weighted)")
    same = np.array([row["same"] == "1" for row in rows])
    edges = np.array([0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 1.0001])
    for low, high in itertools.pairwise(edges):
        inside = held_out & (score >= low) & (score < high)
        if inside.any():
            share = (weight * same)[inside].sum() / weight[inside].sum()
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


def write(intercept: float, hinges: dict[str, list[tuple[float, float]]]) -> None:
    lines = [f'    "{name}": {json.dumps(pieces)}' for name, pieces in hinges.items()]
    TARGET.write_text(f'{{\n  "intercept": {intercept},\n  "hinges": {{\n' + ",\n".join(lines) + "\n  }\n}\n")


if __name__ == "__main__":
    main()
