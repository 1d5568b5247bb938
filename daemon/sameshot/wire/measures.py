"""What is on the wire when a photo is measured or inspected, and when a pair is scored by chosen measures.

Comes in: values of `model` and `compare.measures`, or messages of a worker that a photo may have taken over. Goes
out: the other one. As in `wire`, a reader trusts nothing, and BadMessage says what is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sameshot.compare.measures import LARGEST_SIDE_PX, MEASURES, Measure
from sameshot.model import Inspection
from sameshot.service.message import BadMessage, Message

_LARGEST_DESCRIPTOR_BYTES = (LARGEST_SIDE_PX**2) + 64
_LARGEST_FILE_BYTES = 1 << 50


def measure_request(measures: Sequence[Measure]) -> Message:
    """The request "measure": a photo's descriptors of `measures`; its bytes come by descriptor."""
    return Message({"task": "measure", "measures": measures_as_json(measures)})


def measures_as_json(measures: Sequence[Measure]) -> list[dict[str, Any]]:
    """Measures as a header holds them, for "measure" and "compare"."""
    return [{"name": one.name, "descriptor": one.descriptor, "options": dict(one.options)} for one in measures]


def measures_from_json(header: object) -> list[Measure]:
    """What `measures_as_json` wrote. Raises BadMessage."""
    if not isinstance(header, list):
        raise BadMessage("measures are no list")
    found = []
    for one in header:
        match one:
            case {"name": str(name), "descriptor": str(descriptor), "options": dict(options)} if name in MEASURES:
                found.append(Measure(name, descriptor, dear=False, options=options))
            case _:
                raise BadMessage("a measure is not in the table")
    return found


def descriptors_from_message(message: Message, measures: Sequence[Measure]) -> dict[str, bytes]:
    """What "measure" answered, by the names descriptors are stored under. Raises BadMessage."""
    names = [one.descriptor for one in measures]
    if len(message.buffers) != len(names) or any(len(b) > _LARGEST_DESCRIPTOR_BYTES for b in message.buffers):
        raise BadMessage("descriptors are not those of the measures")
    return dict(zip(names, message.buffers, strict=True))


def inspect_request() -> Message:
    """The request "inspect": the second, larger look at a photo; its bytes come by descriptor."""
    return Message({"task": "inspect"})


def inspection_to_message(inspection: Inspection) -> Message:
    """The answer to "inspect"."""
    return Message(
        {
            "long_side_px": inspection.long_side_px,
            "sharpness": [[side_px, float(energy)] for side_px, energy in inspection.sharpness.items()],
            "color": float(inspection.color),
            "size_bytes": inspection.size_bytes,
        }
    )


def inspection_from_message(message: Message) -> Inspection:
    """What "inspect" answered. Raises BadMessage."""
    match message.header:
        case {
            "long_side_px": int(long_side_px),
            "sharpness": [*pairs],
            "color": int() | float() as color,
            "size_bytes": int(size_bytes),
        } if 0 < long_side_px < 1 << 24 and 0 <= size_bytes < _LARGEST_FILE_BYTES and 0 <= color <= 1:
            return Inspection(long_side_px, dict(map(_energy, pairs)), float(color), size_bytes)
    raise BadMessage("a second look told no sense")


def _energy(pair: object) -> tuple[int, float]:
    match pair:
        case [int(side_px), int() | float() as energy] if side_px > 0 and math.isfinite(energy) and energy >= 0:
            return side_px, float(energy)
    raise BadMessage("a sharpness is no number")
