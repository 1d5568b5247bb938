"""sameshot as its owner runs it: `scan`, then `groups --format json`, with the defaults.

Comes in: a folder of photos. Goes out: groups, what they cost, and the cascade: how many pairs there are at each step
from all pairs down to those in one group.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measuring import Cost, run
from PIL import Image

THRESHOLDS = [0.001, 0.05, 0.9, 0.99, 0.999, 0.99999]


@dataclass(frozen=True, slots=True)
class Scan:
    """`groups`: names of photos. `failed`: names with reasons."""

    groups: list[list[str]]
    failed: dict[str, str]
    cost: Cost


def begin(state: Path) -> None:
    """An empty state that has its encoder already: making that, once in a lifetime, is no part of a scan's cost."""
    shutil.rmtree(state, ignore_errors=True)
    trial = state.with_name(f"{state.name}-trial")
    shutil.rmtree(trial, ignore_errors=True)
    (trial / "photos").mkdir(parents=True)
    Image.new("RGB", (64, 64), (120, 90, 60)).save(trial / "photos" / "one.png")
    scan(trial / "photos", trial / "state")
    state.mkdir(parents=True)
    shutil.move(trial / "state" / "models", state / "models")
    shutil.rmtree(trial)


def scan(photos: Path, state: Path, threshold: float | None = None) -> Scan:
    """Groups the photos. Raises RuntimeError with what was said where that fails."""
    state.mkdir(parents=True, exist_ok=True)
    config = state.with_suffix(".yaml")
    config.write_text("" if threshold is None else f"same_shot: {{threshold: {threshold:.6f}}}\n")
    command = [sys.executable, "-m", "sameshot", "--config", str(config), "--state-dir", str(state)]
    cost = run([*command, "--quiet", "scan", str(photos)])
    if cost.exit_code not in (0, 1):
        raise RuntimeError(f"sameshot scan: {cost.said}")
    shown = subprocess.run([*command, "groups", "--format", "json"], capture_output=True, text=True, check=True)
    said = json.loads(shown.stdout)
    groups = [[Path(photo["path"]).name for photo in group["photos"]] for group in said["groups"]]
    return Scan(groups, {Path(one["path"]).name: one["reason"] for one in said["failed"]}, cost)


def cascade(state: Path, shortlist_cosine: float, threshold: float) -> dict[str, float]:
    """How many pairs reach each step, for each photo (each pair counts once)."""
    with closing(sqlite3.connect(f"file:{state / 'sameshot.db'}?mode=ro", uri=True)) as store:
        vectors = np.array([np.frombuffer(row[0], np.float32) for row in store.execute("SELECT vector FROM vectors")])
        scores = [row[0] for row in store.execute("SELECT score FROM links")]
        sizes = [row[0] for row in store.execute("SELECT COUNT(*) FROM members GROUP BY group_id")]
    count = max(1, len(vectors))
    near = sum(
        int((vectors[start : start + 1000] @ vectors.T >= shortlist_cosine).sum()) for start in range(0, count, 1000)
    )
    return {
        "photos": count,
        "all pairs": (count - 1) / 2,
        f"cosine {shortlist_cosine:.2f} or more": (near - count) / 2 / count,
        "compared": len(scores) / count,
        "same shot": sum(score >= threshold for score in scores) / count,
        "in one group": sum(size * (size - 1) / 2 for size in sizes) / count,
    }
