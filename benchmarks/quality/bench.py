"""How well sameshot groups, beside other tools, on a collection that this command makes.

`make bench` (some ten minutes on two cores), `make bench-full` (hours: more photos, 20,000 distractors of many kinds,
and 1,500 look-alikes). `SAMESHOT_PHOTOS=DIR` adds your own; see README.md beside this file. Prints tables; writes
`quality.json`, `quality.png` and, of distractors and look-alikes, every false pair's two files to the folder `--out`.
Ends with 2 where `SAMESHOT_PHOTOS` cannot be used.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import collection
import ours
import strangers
from collection import Label
from measuring import Cost, run
from peers import PEERS, NotHere, Peer
from picture import Point, write
from rich.console import Console
from rich.table import Table
from scoring import Figures, pairs_of, score, together

from sameshot.compare.thresholds import LINK_THRESHOLD, SHORTLIST_COSINE

HERE = Path(__file__).parent
SMALL = collection.Wanted(photos=60, changes=6, strangers=200)
FULL = collection.Wanted(photos=400, changes=5, strangers=1500)
FULL_DISTRACTORS, FULL_LOOK_ALIKES, FAMILY = 20_000, 1500, 25
GENERATORS = (
    "changes.py", "collection.py", "distractors.py", "drawing.py", "drawn_pages.py", "drawn_patterns.py",
    "drawn_places.py", "drawn_things.py", "scenes.py", "strangers.py",
)  # fmt: skip
"""What `collection.py` is and imports."""
STAGES = HERE.parent / "pair_score" / "stages.py"


@dataclass(slots=True)
class Result:
    """What a tool reached: at its defaults, and along its threshold. `why_not`: why it did not run."""

    figures: Figures | None = None
    cost: Cost | None = None
    curve: list[tuple[float, Figures]] = field(default_factory=list)
    why_not: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="as `make bench-full` does")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--peers", type=Path, default=Path("build/peers"))
    parser.add_argument("--only", help="tools whose names begin so, and sameshot")
    parser.add_argument("--distractors", type=int, help=f"how many; with --full {FULL_DISTRACTORS}")
    parser.add_argument("--look-alikes", type=int, help=f"how many; with --full {FULL_LOOK_ALIKES}")
    parser.add_argument("--strangers-alone", action="store_true", help="leaves the comparison with other tools out")
    wanted = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 180, log_path=False)
    wanted.out.mkdir(parents=True, exist_ok=True)
    outcome: dict[str, object] = {}
    if not wanted.strangers_alone:
        try:
            outcome |= compare(
                wanted.out.resolve(), wanted.peers.resolve(), full=wanted.full, only=wanted.only, to=console
            )
        except collection.BadPhotos as error:
            print(f"bench: {error}", file=sys.stderr)
            sys.exit(2)
        (wanted.out / "quality.json").write_text(json.dumps(outcome, indent=1))
    sets: dict[str, tuple[int | None, int, Callable[[Path, int], list[Path]]]] = {
        "distractors": (wanted.distractors, FULL_DISTRACTORS, strangers.write_distractors),
        "look-alikes": (wanted.look_alikes, FULL_LOOK_ALIKES, partial(strangers.write, family=FAMILY)),
    }
    for name, (asked, of_full, draw) in sets.items():
        count = of_full * wanted.full if asked is None else asked
        if count:
            console.log(f"drawing {count} {name}")
            photos = wanted.out.resolve() / name
            drawn = {path.name for path in draw(photos, count)}
            outcome[name] = among_strangers(photos, drawn, console)
            (wanted.out / "quality.json").write_text(json.dumps(outcome, indent=1))


def compare(out: Path, peers: Path, *, full: bool, only: str | None, to: Console) -> dict[str, object]:
    """Has all tools group one collection. Returns the figures. Raises BadPhotos, see `collection.labelled`."""
    yours = Path(os.environ["SAMESHOT_PHOTOS"]) if os.environ.get("SAMESHOT_PHOTOS") else None
    size = FULL if full else SMALL
    wanted = replace(size, yours=yours)
    to.log("making the collection")
    folder = out / f"collection-{_version(wanted)}"
    labels = collection.make(folder, wanted)
    to.log(f"sameshot, {len(labels)} photos in {folder}")
    results = {"sameshot": _ours(folder / "photos", labels, out, to)}
    for peer in PEERS:
        if only is None or peer.name.startswith(only):
            to.log(peer.name)
            results[peer.name] = _peer(peer, folder / "photos", labels, peers, out)
    steps = ours.cascade(out / "state", SHORTLIST_COSINE, LINK_THRESHOLD)
    _print_tools(results, to)
    _print_kinds(results, to)
    _print_cascade(steps, to)
    title = f"{len(labels)} photos, {sum(_first(results).true.values())} pairs of an original and its change"
    write(out / "quality.png", {name: _points(one) for name, one in results.items() if one.figures}, title)
    return {"photos": len(labels), "tools": {name: asdict(one) for name, one in results.items()}, "cascade": steps}


def _version(wanted: collection.Wanted) -> str:
    """Changes with everything that goes into the collection, so that an old one is never scored with new labels.

    A photo has changed where its path, size, time of change or label has. Raises BadPhotos.
    """
    digest = hashlib.sha256(repr(wanted).encode())
    photos = collection.labelled(wanted.yours) if wanted.yours else []
    for path, label in [*photos, *((path, None) for path in collection.packaged() if wanted.packaged)]:
        stat = path.stat()
        digest.update(repr((path, label, stat.st_size, stat.st_mtime_ns)).encode())
    for name in GENERATORS:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:12]


def _ours(photos: Path, labels: list[Label], out: Path, to: Console) -> Result:
    state = out / "state"
    ours.begin(state)
    first = ours.scan(photos, state)
    _print_failed(first.failed, to)
    figures = score(labels, together(labels, first.groups, []))
    curve = [(LINK_THRESHOLD, figures)]
    for threshold in ours.THRESHOLDS:
        groups = ours.scan(photos, state, threshold).groups
        curve.append((threshold, score(labels, together(labels, groups, []))))
    ours.scan(photos, state)
    return Result(figures, first.cost, sorted(curve, key=lambda point: -point[0]))


def _peer(peer: Peer, photos: Path, labels: list[Label], peers: Path, out: Path) -> Result:
    said = out / "said.json"
    said.unlink(missing_ok=True)
    try:
        command = [*peer.install(peers), peer.package.split()[0], peer.method, str(photos), str(said)]
    except NotHere as reason:
        return Result(why_not=str(reason))
    cost = run(command, limit_s=3600)
    if cost.exit_code or not said.exists():
        last = (cost.said or "no word").splitlines()[-1][:200]
        return Result(why_not=f"it ended with {cost.exit_code}: {last}")
    told = json.loads(said.read_text())
    curve = [
        (one["threshold"], score(labels, together(labels, one.get("groups", []), one.get("pairs", []))))
        for one in told["points"]
    ]
    return Result(curve[0][1], replace(cost, cpu_s=told["cpu_s"]), curve[1:] or curve)


def among_strangers(photos: Path, drawn: set[str], to: Console) -> dict[str, object]:
    """Scans photos that all show different things, and returns how many pairs were put together all the same."""
    state = photos.with_name(f"state-{photos.name}")
    ours.begin(state)
    to.log(f"sameshot, {len(drawn)} photos in {photos}")
    found = ours.scan(photos, state)
    _print_failed(found.failed, to)
    pairs = sorted(pair for pair in pairs_of(found.groups) if drawn.issuperset(pair))
    kept = photos.with_name(f"false-{photos.name}")
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    for name in {name for pair in pairs for name in pair}:
        shutil.copyfile(photos / name, kept / name)
    (kept / "pairs.txt").write_text("".join(f"{one} {other}\n" for one, other in pairs))
    kinds = Counter("/".join(sorted({name.partition("-")[0] for name in pair})) for pair in pairs)
    to.print(f"{len(drawn)} {photos.name}: {len(pairs)} false pairs; their files are in {kept}")
    for kind, count in kinds.most_common():
        to.print(f"  {kind}: {count}")
    to.print(f"{found.cost.cpu_s / len(drawn) * 1000:.0f} CPU ms a photo, {found.cost.peak_mb:.0f} MB at most")
    steps = ours.cascade(state, SHORTLIST_COSINE, LINK_THRESHOLD)
    _print_cascade(steps, to)
    looks = subprocess.run([sys.executable, STAGES, state / "sameshot.db"], capture_output=True, text=True, check=True)
    to.print(looks.stdout, highlight=False)
    return {
        "photos": len(drawn),
        "failed": found.failed,
        "false_pairs": len(pairs),
        "by_kind": dict(kinds),
        "cost": asdict(found.cost),
        "cascade": steps,
        "stages": looks.stdout.splitlines(),
    }


# ---------------------------------------------------------------- what is shown


def _print_tools(results: dict[str, Result], to: Console) -> None:
    first = results["sameshot"].cost
    table = Table(
        "", "precision", "recall", "F1", "false pairs", "CPU", "memory", title="Pairs after each tool's own grouping"
    )
    for name, one in results.items():
        if one.figures is None or one.cost is None or first is None:
            table.add_row(name, "not run")
            continue
        figures, cost = one.figures, one.cost
        quality = [f"{value:.4f}" for value in (figures.precision, figures.recall, figures.f1)]
        ratios = [f"{cost.cpu_s / first.cpu_s:.2f} x", f"{cost.peak_mb / first.peak_mb:.2f} x"]
        table.add_row(name, *quality, str(figures.false), *ratios)
    to.print(table)
    for name, one in results.items():
        if one.why_not:
            to.print(f"{name} did not run: {one.why_not}", highlight=False, markup=False)
    if first is not None:
        to.print(f"1 x: {first.cpu_s:.0f} CPU seconds, {first.peak_mb:.0f} MB for all processes together")


def _print_failed(failed: dict[str, str], to: Console) -> None:
    """How many photos could not be read, and why; nothing where all could."""
    if failed:
        to.print(f"{len(failed)} photos could not be read, and stand in no group:")
    for reason, count in Counter(failed.values()).most_common():
        to.print(f"  {count}: {reason}", highlight=False, markup=False)


def _print_kinds(results: dict[str, Result], to: Console) -> None:
    shown = {name: one.figures for name, one in results.items() if one.figures}
    table = Table("recall of", "pairs", *(name.replace(" ", "\n", 1) for name in shown), title="By kind of change")
    for kind, true in sorted(_first(results).true.items()):
        rates = {name: figures.found.get(kind, 0) / true for name, figures in shown.items()}
        best = max(rates.values())
        table.add_row(
            kind, str(true), *(f"[bold]{rate:.3f}" if rate == best else f"{rate:.3f}" for rate in rates.values())
        )
    to.print(table)


def _print_cascade(steps: dict[str, float], to: Console) -> None:
    table = Table("step", "pairs for each photo", title=f"How many pairs reach each step, {steps['photos']:.0f} photos")
    for step, value in steps.items():
        if step != "photos":
            table.add_row(step, f"{value:.2f}")
    to.print(table)


def _first(results: dict[str, Result]) -> Figures:
    figures = results["sameshot"].figures
    assert figures is not None
    return figures


def _points(one: Result) -> list[Point]:
    """In the order of the threshold, strict ones first."""
    return [Point(figures.recall, figures.precision, default=figures == one.figures) for _, figures in one.curve]


if __name__ == "__main__":
    main()
