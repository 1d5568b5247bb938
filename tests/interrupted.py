"""The program that the crash tests kill: it imports apply/ once, then forks one child for each scene to be played.

A request is one line of JSON: {"play": scene, "folder": DIR, "library": DIR}. The child waits until its tracer is there
(a line on standard input says so), plays the scene and ends. Lines on standard output: the child's process id, then the
exit status (negative: killed by that signal).
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from filed import NOW, plan, step
from sameshot.apply.filing import file_plan
from sameshot.apply.journal import Journal
from sameshot.apply.recovery import recover
from sameshot.apply.undo import Selection, undo
from sameshot.errors import StateUnavailable
from sameshot.model import Step

_LET_ANYONE_TRACE = (0x59616D61, ctypes.c_ulong(-1).value)


def _units(photos: Path, library: Path, action: str) -> tuple[Step, ...]:
    if action == "rank":
        first, second, third = photos / "a.jpg", photos / "b.jpg", photos / "in" / "c.jpg"
        return (
            step(1, "move", first, second),
            step(2, "move", second, first),
            step(3, "move", third, photos / "in" / "0001_c.jpg"),
        )
    group = library / "2026" / "sea"
    if action in ("quarantine", "put-back"):
        photo, sidecar = (_duplicate(photos / name, group / name) for name in ("a.jpg", "a.xmp"))
        return photo, sidecar if action == "quarantine" else replace(sidecar, kept_digest=photo.digest)
    if action == "trash":
        names = [(photos / name, library / "files" / name) for name in ("a.jpg", "a.xmp")]
        return tuple(replace(_duplicate(*one), trash_info=f"[Trash Info]\nPath={one[0]}\n") for one in names)
    return (
        step(1, action, photos / "a.jpg", group / "a.jpg", digest=True),
        step(1, action, photos / "a.xmp", group / "a.xmp"),
        step(2, action, photos / "in" / "c.jpg", library / "kept" / "c.jpg"),
    )


def _duplicate(source: Path, target: Path) -> Step:
    kept = source.parent / "copies" / source.name
    wanted = step(1, "move", source, target, digest=True)
    return replace(wanted, kept=kept, kept_digest=wanted.digest)


def play(scene: str, folder: Path, library: Path) -> None:
    """`apply-ACTION`, `undo` or `recover` on the tree in `folder`."""
    photos, journal = folder / "photos", Journal(folder / "journal")
    if scene == "recover":
        recover(journal, now=NOW)
    elif scene == "undo":
        undo(journal, Selection(all=True), now=NOW)
    else:
        steps = _units(photos, library, scene.removeprefix("apply-"))
        file_plan(plan(*steps), journal, roots=[photos, library], now=NOW)


def _child(request: dict[str, str], may_start: int) -> None:
    ctypes.CDLL(None).prctl(*_LET_ANYONE_TRACE)
    os.read(may_start, 1)
    play(request["play"], Path(request["folder"]), Path(request["library"]))


def _forked(act: Callable[[], None]) -> int:
    if (child := os.fork()) == 0:
        status = 70
        try:
            act()
            status = 0
        except StateUnavailable:
            status = StateUnavailable.exit_code
        finally:
            os._exit(status)
    return child


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        may_start, go = os.pipe()
        child = _forked(partial(_child, request, may_start))
        os.close(may_start)
        print(child, flush=True)
        sys.stdin.readline()
        os.write(go, b"\n")
        os.close(go)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
