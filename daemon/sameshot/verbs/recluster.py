"""What clustering everything anew would give, beside what is known; nothing is changed.

Comes in: the config, the locations, which methods. Goes out: a row for each candidate with the three measures and its
ranks, the best first, and what the groups of the best would change. `shot` is the certified grouping itself, over all
that is known, done on a copy of the state. Groups of the other methods must pass the same certificate: a cluster is
divided into stars by the links inside it, so no photo is grouped by the shape of a cloud of vectors alone.
By night run as `python -P -m sameshot.verbs.recluster recluster CONFIG STATE_DIR CACHE_DIR`, for `shot`; the contents
around which groups differ are left in the cache folder, and the service groups anew around those.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sameshot.app import App, Progress, open_app
from sameshot.config import LoadedConfig, load_with_sources, without_file
from sameshot.embed.cards import write_whole
from sameshot.errors import BadInput, SameshotError
from sameshot.group.constraints import Said, resolve
from sameshot.group.kinds import Switches
from sameshot.group.partition import partition
from sameshot.locations import Locations
from sameshot.way.reclustering import Proposal, Shots, propose, shots_of

METHODS = ("components", "kmeans", "minibatch_kmeans", "agglomerative", "dbscan", "gaussian_mixture", "hdbscan")


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """One clustering, its silhouette, Calinski-Harabasz and Davies-Bouldin, and its rank by each (1 is best)."""

    method: str
    parameters: str
    clusters: int
    alone: int
    scores: tuple[float, ...]
    ranks: tuple[float, ...]
    excluded: str
    agreement: float | None
    """Adjusted Rand index with the groups as they are known: 1 is the same, 0 what chance would give."""


@dataclass(frozen=True, slots=True)
class ReclusterResult:
    """`chosen`: the method that is best by the sum of its ranks, or `shot`. `groups`: how many it gives, certified.

    `kept`: those that are as they are known; `new`, `gone`: those that are not. `differing`: with `shot`, the contents
    around which they differ, for `merge`.
    """

    photos: int
    chosen: str
    candidates: tuple[CandidateRow, ...]
    groups: int
    kept: int
    new: int
    gone: int
    differing: tuple[int, ...]


def recluster(
    loaded: LoadedConfig,
    locations: Locations,
    progress: Progress,
    *,
    method: str = "shot",
    grid: Mapping[str, tuple[float | int | None, ...]] | None = None,
) -> ReclusterResult:
    """Clusters all known photos by `method`: `shot`, one of the table, or `auto` for the best of all of them.

    Raises BadInput when there is no such method or none can be used, StateUnavailable without a state.
    """
    if method not in (*METHODS, "shot", "auto"):
        raise BadInput(f"There is no method {method!r}", f"Choose shot, auto, {', '.join(METHODS)}")
    with open_app(loaded, locations, progress, verb="recluster", writing=False) as app:
        present = sorted(app.store.photos.copies(app.store.contents.ids()))
        if method == "shot":
            proposal = _proposal(app)
            return _compared(len(present), "shot", (), proposal)
        rows, labels = _by_methods(app, present, METHODS if method == "auto" else (method,), grid or {})
        chosen = next((row for row in rows if row.ranks), None)
        if chosen is None:
            reasons = "; ".join(sorted({f"{row.method}: {row.excluded}" for row in rows}))
            raise BadInput(f"No method gave clusters that mean anything: {reasons}", "Try other parameters")
        proposal = Proposal(shots_of(app.store), _certified(app, present, labels))
        return _compared(len(present), f"{chosen.method} {chosen.parameters}", rows, proposal)


def _compared(photos: int, chosen: str, rows: tuple[CandidateRow, ...], proposal: Proposal) -> ReclusterResult:
    known, found = proposal.known, proposal.found
    differing = proposal.differing if chosen == "shot" else ()
    return ReclusterResult(
        photos, chosen, rows, len(found), len(found & known), len(found - known), len(known - found), differing
    )


def _proposal(app: App) -> Proposal:
    switches = Switches(**app.config.group.model_dump())
    return propose(app.store, app.link_threshold, app.method.linkage, switches, app.locations.cache_dir)


def _by_methods(
    app: App, present: list[int], methods: tuple[str, ...], grid: Mapping[str, Any]
) -> tuple[tuple[CandidateRow, ...], list[int]]:
    """Every candidate, the best first, and the labels of the best, in the order of `present`."""
    encoder_id = app.encoder.encoder_id
    known = dict(app.store.contents.vectors(encoder_id))
    vectors = np.array([known[content] for content in present], np.float32)
    digests = app.store.contents.get(present)
    with tempfile.TemporaryDirectory(prefix="sameshot-recluster-") as folder:
        np.save(Path(folder) / "vectors.npy", vectors)
        group_of = app.store.groups.of(present)
        numbers = {name: number for number, name in enumerate(sorted({*group_of.values()}))}
        known_as = [numbers.get(group_of.get(one, ""), len(numbers) + place) for place, one in enumerate(present)]
        request = {
            "known": known_as,
            "keys": [digests[one].digest.hex() for one in present],
            "methods": methods,
            "grid": grid,
        }
        (Path(folder) / "request.json").write_text(json.dumps(request), "utf-8")
        app.progress("clustering", 0, None)
        command = [sys.executable, "-P", "-m", "sameshot.group.selection_job", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            if "No module named 'sklearn" in done.stderr:
                raise BadInput("scikit-learn is not installed", "Install the extra: pip install '.[all]'")
            raise SameshotError(f"The clustering ended with status {done.returncode}: {done.stderr.strip()[-300:]}")
        found = json.loads((Path(folder) / "candidates.json").read_text("utf-8"))
    rows = tuple(
        CandidateRow(
            one["name"],
            ", ".join(f"{name} {value}" for name, value in one["parameters"].items()),
            one["clusters"],
            one["alone"],
            tuple(one["scores"] or ()),
            tuple(one["ranks"] or ()),
            one["excluded"],
            one["agreement"],
        )
        for one in found
    )
    return rows, found[0]["labels"] or []


def _certified(app: App, present: list[int], labels: list[int]) -> Shots:
    """Each cluster divided into stars by the links inside it; photos that no link holds are alone."""
    label_of = dict(zip(present, labels, strict=True))
    links = [
        link
        for link in app.store.links.among(present, app.link_threshold)
        if label_of[link.first] == label_of[link.second]
    ]
    order = {content: row.digest for content, row in app.store.contents.get(present).items()}
    content_of = {digest: content for content, digest in order.items()}
    said = app.store.verdicts.pairs_among(order.values())
    words: list[Said] = [("together", content_of[one], content_of[two]) for one, two in sorted(said.together)]
    words += [("apart", content_of[one], content_of[two]) for one, two in sorted(said.apart)]
    stars = partition(present, links, resolve(words), order)
    return frozenset(frozenset(star.members) for star in stars if len(star.members) > 1)


def main(words: Sequence[str]) -> int:
    """Clusters anew as the night does; returns the exit code."""
    os.nice(10)
    _, config, state_dir, cache_dir = words
    try:
        loaded = load_with_sources(Path(config)) if config else without_file()
        locations = Locations(Path(state_dir), Path(cache_dir))
        differing = recluster(loaded, locations, lambda *_: None).differing
        write_whole(locations.cache_dir / "recluster.json", json.dumps(differing).encode())
    except SameshotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"What was found cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
