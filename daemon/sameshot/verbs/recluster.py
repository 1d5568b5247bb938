"""What clustering everything anew would give, beside what is known; nothing is changed.

Comes in: the config, the locations, which methods. Goes out: a row for each candidate with the three measures and its
ranks, the best first, and every change that the best would make. `shot` is the certified grouping itself, over all that
is known. Groups of the other methods must pass the same certificate: a cluster only parts what is linked, so no photo
is grouped by the shape of a cloud of vectors alone; the config may say that each cluster is a group as it is. All of it
is tried on a copy of the state. What is proposed is left in the cache folder for `merge`, which makes it true.
By night run as `python -P -m sameshot.verbs.recluster recluster CONFIG STATE_DIR CACHE_DIR`, for the config's method:
what would change is then listed in the state folder before it is made so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sameshot.app import App, Progress, open_app
from sameshot.compare.thresholds import SHORTLIST_COSINE
from sameshot.config import LoadedConfig, load_with_sources, without_file
from sameshot.errors import BadInput, SameshotError, StateUnavailable
from sameshot.group.kinds import Switches
from sameshot.locations import Locations
from sameshot.service.chore import be_a_chore
from sameshot.store.whole_file import write_whole
from sameshot.verbs.table import as_json
from sameshot.way.reclustering import CLUSTERING, Clustering, Proposal, merged_from, propose

NEIGHBOURHOODS_FROM = 20_000
"""From more photos on some methods run inside neighbourhoods, if at all."""
NIGHTS_LIST = "recluster.json"
"""The file in the state folder that lists what the last night changed."""
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
class Change:
    """A group that is not known as it is. `of`: the groups that its photos are in now; `alone`: how many are in none.

    Without `photos` the group `of` would be no group any more.
    """

    of: tuple[str, ...]
    alone: int
    photos: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class ReclusterResult:
    """`chosen`: the method that is best by the sum of its ranks, or `shot`. `groups`: how many it gives.

    `kept`: those that are as they are known; `new`, `gone`: those that are not. `changes`: each of these. `differing`:
    the contents around which they differ, for `merge`. `why`: where the measures lead away from what is known.
    """

    photos: int
    chosen: str
    candidates: tuple[CandidateRow, ...]
    groups: int
    kept: int
    new: int
    gone: int
    changes: tuple[Change, ...]
    differing: tuple[int, ...]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What the methods found. `labels`: of the best, by content."""

    rows: tuple[CandidateRow, ...]
    labels: dict[int, int]
    why: tuple[str, ...]


def recluster(
    loaded: LoadedConfig,
    locations: Locations,
    progress: Progress,
    *,
    method: str | None = None,
    of: Literal["photos", "representatives"] = "photos",
    grid: Mapping[str, tuple[float | int | None, ...]] | None = None,
) -> ReclusterResult:
    """Clusters all known photos by `method`: `shot`, one of the table, or `auto` for the best of all of them.

    `method`, `grid`: as the config has them where not given. `of` representatives: only these are clustered, and their
    groups go with them, so that groups can become one and none is divided; `shot` then leaves a clustering that is in
    force as it is. Raises BadInput when there is no such method or none can be used, StateUnavailable without a state.
    """
    settings = loaded.config.recluster
    method = method or settings.method
    if method not in (*METHODS, "shot", "auto"):
        raise BadInput(f"There is no method {method!r}", f"Choose shot, auto, {', '.join(METHODS)}")
    with open_app(loaded, locations, progress, verb="recluster", writing=False) as app:
        present = sorted(app.store.photos.copies(app.store.contents.ids()))
        if method == "shot":
            clustering = Clustering() if of == "photos" else None
            return _result(app, len(present), "shot", clustering, _Found((), {}, ()))
        heads = present if of == "photos" else sorted(set(_heads(app, present).values()))
        methods = METHODS if method == "auto" else (method,)
        found = _by_methods(app, heads, methods, {**settings.grid, **(grid or {})})
        chosen = next((row for row in found.rows if row.ranks), None)
        if chosen is None:
            reasons = "; ".join(sorted({f"{row.method}: {row.excluded}" for row in found.rows}))
            raise BadInput(f"No method gave clusters that mean anything: {reasons}", "Try other parameters")
        labels = found.labels
        if of == "representatives":
            labels = {content: labels[head] for content, head in _heads(app, present).items() if head in labels}
        clustering = Clustering("certified" if settings.certificate else "whole", labels)
        return _result(app, len(present), f"{chosen.method} {chosen.parameters}", clustering, found)


def _result(app: App, photos: int, chosen: str, clustering: Clustering | None, found: _Found) -> ReclusterResult:
    switches = Switches(**app.config.group.model_dump())
    cache = app.locations.cache_dir
    room = Path(os.environ.get("TMPDIR", cache))  # else not where files are in memory: it may be large
    proposal = propose(app.store, app.link_threshold, app.method.linkage, switches, room, clustering)
    try:
        replace(clustering or Clustering.of(app.store), differing=proposal.differing).save(cache / CLUSTERING)
    except OSError as error:
        raise StateUnavailable(f"{cache} cannot be written: {error.strerror}", "Make room or give access") from error
    known, new = proposal.known, proposal.found
    return ReclusterResult(
        photos, chosen, found.rows, len(new), len(new & known), len(new - known), len(known - new),
        tuple(_changes(app, proposal)), proposal.differing, found.why,
    )  # fmt: skip


def _changes(app: App, proposal: Proposal) -> Iterator[Change]:
    """Every group that would be new, by its first path, then those that would be none."""
    group_of = app.store.groups.of(proposal.differing)
    views = app.store.photos.views(proposal.differing)
    new = []
    for shot in proposal.found - proposal.known:
        paths = sorted(view.path for content in shot for view in views.get(content, ()))
        alone = sum(content not in group_of for content in shot)
        new.append(Change(merged_from(group_of, shot), alone, tuple(paths)))
    yield from sorted(new, key=lambda change: change.photos)
    left = {name for change in new for name in change.of}
    yield from (Change((name,), 0, ()) for name in sorted(set(group_of.values()) - left))


def _heads(app: App, present: list[int]) -> dict[int, int]:
    """Content -> the representative of its group; itself where it is alone, or that one is missing."""
    there = set(present)
    heads = {content: content for content in present}
    for group in app.store.groups.get(set(app.store.groups.of(present).values())):
        members = [member.content for member in group.members if member.content in there]
        head = group.representative if group.representative in there else members[0]
        heads |= dict.fromkeys(members, head)
    return heads


def _by_methods(app: App, present: list[int], methods: tuple[str, ...], grid: Mapping[str, Any]) -> _Found:
    """Every candidate, the best first, and the labels of the best, found by a process that has scikit-learn."""
    known = dict(app.store.contents.vectors(app.encoder.encoder_id))
    present = [content for content in present if content in known]
    vectors = np.array([known[content] for content in present], np.float32)
    digests = app.store.contents.get(present)
    with tempfile.TemporaryDirectory(prefix="sameshot-recluster-") as folder:
        np.save(Path(folder) / "vectors.npy", vectors)
        if len(present) > NEIGHBOURHOODS_FROM:
            place = {content: place for place, content in enumerate(present)}
            links = app.store.links.among(present)
            pairs = [(place[link.first], place[link.second]) for link in links if link.cosine >= SHORTLIST_COSINE]
            np.save(Path(folder) / "alike.npy", np.array(pairs, np.int64).reshape(-1, 2))
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
        for one in found["rows"]
    )
    return _Found(rows, dict(zip(present, found["labels"], strict=False)), tuple(found["why"]))


def main(words: Sequence[str]) -> int:
    """Clusters anew as the night does; returns the exit code."""
    be_a_chore()
    _, config, state_dir, cache_dir = words
    try:
        loaded = load_with_sources(Path(config)) if config else without_file()
        locations = Locations(Path(state_dir), Path(cache_dir))
        # By night `shot` leaves a clustering in force that somebody applied by hand.
        of: Literal["photos", "representatives"] = (
            "representatives" if loaded.config.recluster.method == "shot" else "photos"
        )
        result = recluster(loaded, locations, lambda *_: None, of=of)
        if result.differing:  # listed before it is done; the list of the last night that changed anything is kept
            told = {name: value for name, value in as_json(result).items() if name != "differing"}
            write_whole(locations.state_dir / NIGHTS_LIST, json.dumps(told, indent=1).encode())
        write_whole(locations.cache_dir / "recluster.json", json.dumps(result.differing).encode())
    except SameshotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"What was found cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
