"""sameshot as its owner runs it: `scan`, then `groups --format json`, with the defaults.

Comes in: a folder of photos. Goes out: groups, what they cost, and the cascade: how many pairs there are at each step
from all pairs down to those in one group.
"""

from __future__ import annotations

import json
import os
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
    """Groups the photos of a flat folder. What the scan printed is kept beside the state, in a file that ends in .txt.

    Raises RuntimeError with what was said where that fails, or where a file was neither grouped nor failed: figures
    of a scan that ended early would count what nobody looked at as told apart.
    """
    state.mkdir(parents=True, exist_ok=True)
    config, kept = state.with_suffix(".yaml"), state.with_suffix(".txt")
    config.write_text("" if threshold is None else f"same_shot: {{threshold: {threshold:.6f}}}\n")
    command = [sys.executable, "-m", "sameshot", "--config", str(config), "--state-dir", str(state)]
    cost = run([*command, "--quiet", "scan", str(photos)], kept=kept)
    if cost.exit_code not in (0, 1):
        raise RuntimeError(f"sameshot scan: {cost.said}")
    there = {path.name for path in photos.iterdir() if path.is_file() and not path.name.startswith(".")}
    if left := sorted(there - _done(state)):
        raise RuntimeError(
            f"sameshot scan ended with {cost.exit_code} and never looked at {len(left)} of {len(there)} photos, "
            f"{left[0]} the first; all it said is in {kept}, at the end: {cost.said or 'no word'}"
        )
    shown = subprocess.run([*command, "groups", "--format", "json"], capture_output=True, text=True, check=True)
    said = json.loads(shown.stdout)
    groups = [[Path(photo["path"]).name for photo in group["photos"]] for group in said["groups"]]
    return Scan(groups, {Path(one["path"]).name: one["reason"] for one in said["failed"]}, cost)


def _done(state: Path) -> set[str]:
    """Names of the files whose photo is grouped or failed."""
    with closing(sqlite3.connect(f"file:{state / 'sameshot.db'}?mode=ro", uri=True)) as store:
        names = store.execute(
            """SELECT name FROM files JOIN photos ON photo = photos.id
               WHERE stage IN ('grouped', 'failed') AND missing_since_s IS NULL"""
        )
        return {os.fsdecode(name) for (name,) in names}


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
