"""How far pairs go before it is clear what they are: `python benchmarks/pair_score/stages.py DATABASE`.

Comes in: a sameshot.db after a scan. Every shortlist is made anew by exact search: the nearest above the cosine, up to
the strangers that end it. Goes out, printed: candidate pairs for each photo, how many of them each stage looks at, the
CPU time that it takes of a pair, how many are one shot. Changes nothing.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import cv2
import numpy as np

from sameshot.compare import pair_score
from sameshot.compare.thresholds import LINK_THRESHOLD, SHORTLIST_COSINE
from sameshot.embed.encoders import place_of
from sameshot.store.store import Store
from sameshot.way.linking import STRANGERS

STAGES = ("at a glance", "by corners", "part by part")


def main(database: Path, encoder: str) -> None:
    cv2.setNumThreads(1)
    with Store.open(database, read_only=True) as store:
        features = store.contents.features(store.contents.ids(), place_of(encoder, database.parent).encoder_id)
    contents = sorted(features)
    vectors = np.array([features[content].vector for content in contents])
    scores: dict[tuple[int, int], float] = {}
    seen, spent_s = [0, 0, 0], [0.0, 0.0, 0.0]

    def score(a: int, b: int) -> float:
        pair = (min(a, b), max(a, b))
        if pair not in scores:
            started_s = time.process_time()
            found = pair_score.score_pair(features[contents[a]], features[contents[b]])
            deepest = 2 if "flow" in found.evidence else 1 if "inliers" in found.evidence else 0
            spent_s[deepest] += time.process_time() - started_s
            seen[deepest] += 1
            scores[pair] = found.score
        return scores[pair]

    for one in range(len(contents)):
        cosines = vectors @ vectors[one]
        strangers = 0
        for other in np.argsort(-cosines):
            if cosines[other] < SHORTLIST_COSINE or strangers == STRANGERS:
                break
            if other != one:
                strangers += score(one, int(other)) < LINK_THRESHOLD
    linked = sum(value >= LINK_THRESHOLD for value in scores.values())
    print(f"{len(contents)} photos, {len(scores) / len(contents):.2f} candidate pairs a photo, {linked} links")
    for number, name in enumerate(STAGES):
        reached = sum(seen[number:])
        each_ms = 1000 * spent_s[number] / max(seen[number], 1)
        print(
            f"{name:14} {reached:7} pairs, {reached / len(contents):.2f} a photo; what ends here takes {each_ms:.2f} ms"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "lite0")
