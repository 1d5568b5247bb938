"""How many names change when photos come to ranked ones: `python benchmarks/rank/growth.py [PHOTOS] [NEW]`.

Drawn vectors as in order.py. Told are the renames, and how much longer the path is than one made afresh.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from order import drawn_vectors, path_length
from sameshot.plan.rank_insert import insert_order
from sameshot.plan.rank_keys import ascending_keys
from sameshot.plan.rank_order import rank_order


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    new = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    vectors = drawn_vectors(count + new)
    names = [number.to_bytes(4, "big") for number in range(count + new)]
    start = time.process_time()
    old = rank_order(vectors[:count], keys=names[:count])
    middle = time.process_time()
    given = dict(zip(old.tolist(), ascending_keys([None] * count, set()), strict=True))
    grown = insert_order(vectors, old, keys=names)
    keys = ascending_keys([given.get(index) for index in grown.tolist()], set(given.values()))
    renames = sum(given.get(index) != key for index, key in zip(grown.tolist(), keys, strict=True))
    end = time.process_time()
    fresh = rank_order(vectors, keys=names)
    ratio = path_length(vectors, np.asarray(grown)) / path_length(vectors, fresh)
    print(f"{count} photos ranked in {middle - start:.1f} CPU s; {new} more put in in {end - middle:.1f} CPU s:")
    print(f"{renames} renames, path {ratio:.4f} of a fresh one")


if __name__ == "__main__":
    main()
