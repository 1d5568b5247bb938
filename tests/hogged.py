"""The command line in a process that is busy with other things: `python tests/hogged.py WORDS...`.

Two threads that compute for ever leave the others a third of the interpreter's time, in turns of some milliseconds.
"""

from __future__ import annotations

import sys
import threading


def hog() -> None:
    while True:
        sum(range(1000))


if __name__ == "__main__":
    for _ in range(2):
        threading.Thread(target=hog, daemon=True).start()
    from sameshot import cli

    sys.argv[0] = "sameshot"
    cli.main()
