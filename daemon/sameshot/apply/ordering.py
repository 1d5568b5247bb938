"""Which steps go together, and in which order, so that every name is free when it is needed.

Comes in: the steps of a plan. Goes out: lists of steps, each to happen all or not at all. Units that wait for each
other's names in a circle are strongly connected in the graph 'needs a name that ... gives up'; Tarjan's algorithm
(1972) finds them, and gives them in an order in which a unit comes after those it waits for. Units that have nothing to
do with each other make chunks, which are waited for together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sameshot.apply.records import Unit, folded
from sameshot.model import Step

_CHUNK_FILES = 256
_CHUNK_FOLDERS = 200  # each is held open, and a process may hold a thousand
_CHUNK_COPIED_BYTES = 256 << 20


def ordered_units(steps: Sequence[Step]) -> list[list[Step]]:
    """The steps by unit, in the order of the plan as far as names allow; units in a circle become one."""
    units: dict[int, list[Step]] = {}
    for step in steps:
        units.setdefault(step.unit, []).append(step)
    gives_up = {folded(step.source): step.unit for step in steps if step.action == "move"}
    needs = {
        number: [gives_up[place] for step in unit if (place := folded(step.target)) in gives_up]
        for number, unit in units.items()
    }
    return [[step for number in sorted(circle) for step in units[number]] for circle in _connected(needs)]


def chunks(units: Sequence[Unit], copied_bytes: Callable[[Unit], int]) -> Iterator[list[Unit]]:
    """Neighbouring units of which none touches what another changes, so many as can be checked and begun together.

    `copied_bytes`: how much room the copies of a unit take before its names change; asked when its turn comes.
    """
    chunk: list[Unit] = []
    files, size_bytes = 0, 0
    folders: set[Path] = set()
    reads: set[str] = set()
    writes: set[str] = set()
    for unit in units:
        entangled = not (writes.isdisjoint(unit.reads()) and reads.isdisjoint(unit.writes()))
        full = files >= _CHUNK_FILES or len(folders) >= _CHUNK_FOLDERS or size_bytes >= _CHUNK_COPIED_BYTES
        if chunk and (entangled or full):
            yield chunk
            chunk, files, size_bytes, folders, reads, writes = [], 0, 0, set(), set(), set()
        chunk.append(unit)
        files += len(unit.operations)
        size_bytes += copied_bytes(unit)
        for step in unit.operations:
            folders |= {path.parent for path in (step.source, step.target, step.kept) if path is not None}
        reads |= unit.reads()
        writes |= unit.writes()
    if chunk:
        yield chunk


def _connected(needs: dict[int, list[int]]) -> Iterator[list[int]]:
    found: dict[int, int] = {}
    lowest: dict[int, int] = {}
    stack: list[int] = []
    waiting: set[int] = set()
    for start, first in needs.items():
        path = [] if start in found else [(start, iter(first))]
        while path:
            node, rest = path[-1]
            if node not in found:
                found[node] = lowest[node] = len(found)
                stack.append(node)
                waiting.add(node)
            following = next(rest, None)
            if following is None:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[node])
                if lowest[node] == found[node]:
                    circle = _popped_until(stack, node)
                    waiting.difference_update(circle)
                    yield circle
            elif following not in found:
                path.append((following, iter(needs[following])))
            elif following in waiting:
                lowest[node] = min(lowest[node], found[following])


def _popped_until(stack: list[int], node: int) -> list[int]:
    popped = [stack.pop()]
    while popped[-1] != node:
        popped.append(stack.pop())
    return popped
