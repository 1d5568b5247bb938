"""Workers that die: over photos and pairs that a file beside their models names, as long as it does.

`python tests/deadly.py --models DIR` is such a worker. DIR/deadly holds widths in px: two of them in one comparison end
the worker. A photo whose file ends with `DEADLY` ends it when it is measured, while DIR/deadly is there.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from running import CountingWorkers

DEADLY = b"deadly"
NAMED_IN = "deadly"


def deadly_workers(models: Path, widths_px: Iterable[int] = ()) -> CountingWorkers:
    """Returns one worker, over and over, that dies of two of these widths, and counts what it is asked."""
    (models / NAMED_IN).write_text(" ".join(map(str, widths_px)))
    workers = CountingWorkers([sys.executable, os.path.abspath(__file__), "--models", str(models)], 1)
    workers.asked = Counter()
    return workers


def main() -> None:
    from sameshot import worker  # noqa: PLC0415

    named_in = Path(sys.argv[sys.argv.index("--models") + 1]) / NAMED_IN
    compare, measure = worker._HANDLERS["compare"], worker._HANDLERS["measure"]

    def comparing(request, descriptor):
        deadly = named_in.read_text().split() if named_in.exists() else []
        if sum(str(one["width_px"]) in deadly for one in request.header["features"]) > 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return compare(request, descriptor)

    def measuring(request, descriptor):
        end = os.pread(descriptor, len(DEADLY), os.fstat(descriptor).st_size - len(DEADLY))
        if end == DEADLY and named_in.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return measure(request, descriptor)

    worker._HANDLERS.update(compare=comparing, measure=measuring)
    worker.main()


if __name__ == "__main__":
    main()
