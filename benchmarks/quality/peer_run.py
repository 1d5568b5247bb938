"""Runs one other tool on one folder, in the Python it is installed for: needs nothing of sameshot.

`peer_run.py [--at FOLDER] TOOL METHOD PHOTOS OUT` writes to OUT, as JSON, what the tool says at its defaults and then
at other thresholds: `{"cpu_s": ..., "points": [{"threshold": t, "groups": [[name, ...]]}]}`, the defaults first; or
`"pairs": [[name, name]]` where the tool names pairs and makes no groups. `cpu_s` is that of the defaults alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

SIMILARITIES = [1.0, 0.97, 0.95, 0.92, 0.9, 0.87, 0.84, 0.81, 0.78, 0.75, 0.72, 0.69, 0.66]
DISTANCES = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24]
COSINES = [0.99, 0.97, 0.95, 0.93, 0.9, 0.87, 0.84, 0.8, 0.76, 0.72, 0.68]


Point = dict[str, object]


def image_dedup_ai(method: str, photos: Path) -> Iterator[Point]:
    from image_dedup_ai import Index  # noqa: PLC0415 - each tool is there for itself

    with Index() as index:
        index.add(str(photos))
        for threshold in (0.9, *SIMILARITIES):
            found = index.find_duplicates(threshold=threshold, method=method)
            yield {"threshold": threshold, "groups": [[Path(path).name for path in group] for group in found.groups]}


def imagededup(method: str, photos: Path) -> Iterator[Point]:
    from imagededup.methods import CNN, AHash, DHash, PHash, WHash  # noqa: PLC0415 - each tool is there for itself

    if method == "cnn":
        encoder, keyword, thresholds = CNN(verbose=False), "min_similarity_threshold", (0.9, *COSINES)
    else:
        encoder = {"phash": PHash, "dhash": DHash, "whash": WHash, "ahash": AHash}[method](verbose=False)
        keyword, thresholds = "max_distance_threshold", (10, *DISTANCES)
    encodings = encoder.encode_images(str(photos))
    for threshold in thresholds:
        found = encoder.find_duplicates(encoding_map=encodings, **{keyword: threshold})
        pairs = {tuple(sorted((one, other))) for one, others in found.items() for other in others}
        yield {"threshold": threshold, "pairs": sorted(pairs)}


def immaculate(method: str, photos: Path) -> Iterator[Point]:
    from immaculate import find_duplicates  # noqa: PLC0415 - each tool is there for itself

    found = find_duplicates(photos, method=method)
    yield {"threshold": None, "groups": [[Path(path).name for path in group] for group in (*found.exact, *found.near)]}


def perception(method: str, photos: Path) -> Iterator[Point]:
    from perception.local_descriptor_deduplication import AKAZE, SIFT, deduplicate  # noqa: PLC0415 - each tool is there for itself

    hasher = SIFT() if method == "sift" else AKAZE()
    pairs = deduplicate([str(path) for path in sorted(photos.iterdir())], hasher=hasher)
    names = {tuple(sorted((Path(pair[0]).name, Path(pair[1]).name))) for pair in pairs}
    yield {"threshold": None, "pairs": sorted(names)}


RUNNERS = {
    "image-dedup-ai": image_dedup_ai, "imagededup": imagededup, "immaculate": immaculate, "perception": perception,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at")
    parser.add_argument("tool", choices=RUNNERS)
    parser.add_argument("method")
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    wanted = parser.parse_args()
    if wanted.at:
        sys.path.append(wanted.at)
    warnings.filterwarnings("ignore")
    points = RUNNERS[wanted.tool](wanted.method, wanted.photos)
    said = [next(points)]
    usages = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    wanted.out.write_text(json.dumps({"cpu_s": cpu_s, "points": said + list(points)}))


if __name__ == "__main__":
    main()
