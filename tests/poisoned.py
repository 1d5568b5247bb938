"""The real service with real workers that meet poison: files whose first bytes say what the decoder does with them.

`python tests/poisoned.py worker --models DIR` is such a worker, `python tests/poisoned.py WORDS...` the command line
whose service has such workers. POISON_WAITS, seconds with commas between, shortens the waits between tries.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time

POISON = b"poison: "


def poison(what: str, number: int = 0) -> bytes:
    """Returns a file that does `what` to its decoder: crash, hang, bomb, kill (itself), or end the service."""
    return POISON + f"{what} {number}\n".encode()


def _suffer(descriptor: int | None) -> None:
    head = os.pread(descriptor, 64, 0) if descriptor is not None else b""
    if not head.startswith(POISON):
        return
    match head.removeprefix(POISON).split()[0]:
        case b"crash":
            ctypes.string_at(1)
        case b"hang":
            time.sleep(1000)
        case b"bomb":
            kept = []
            while True:
                kept.append(bytearray(50_000_000))
        case b"kill":
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    if sys.argv[1:2] == ["worker"]:
        del sys.argv[1]
        from sameshot import worker  # noqa: PLC0415

        def suffering(handler):
            def handle(request, descriptor):
                _suffer(descriptor)
                return handler(request, descriptor)

            return handle

        worker._HANDLERS.update({task: suffering(handler) for task, handler in worker._HANDLERS.items()})
        worker.main()
        return
    from sameshot import app, cli  # noqa: PLC0415
    from sameshot.way import attempts, flow  # noqa: PLC0415

    if "POISON_WAITS" in os.environ:
        waits = tuple(map(float, os.environ["POISON_WAITS"].split(",")))
        attempts.AFTER_A_FAILURE_S, attempts.AFTER_A_DEATH_S = waits, (0.0, waits[1])
    answered = flow.Flow._answered

    def struck(self, photo_id, root, path, *rest) -> None:
        # No worker can signal the service, so what ends it stands for a fault of its own that this photo brings out.
        if path.read_bytes().startswith(poison("end").rstrip(b" 0\n")):
            os.kill(os.getpid(), signal.SIGKILL)
        answered(self, photo_id, root, path, *rest)

    flow.Flow._answered = struck
    clean = app.worker_command
    app.worker_command = lambda models, *, makes_models=False: (
        clean(models, makes_models=True) if makes_models else poisoned_command(models)
    )
    sys.argv[0] = "sameshot"
    cli.main()


def poisoned_command(models) -> list[str]:
    return [sys.executable, os.path.abspath(__file__), "worker", "--models", str(models)]


if __name__ == "__main__":
    main()
