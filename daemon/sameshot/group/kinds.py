"""What kind of set a group is, and which sets are one although not all their frames look alike.

Comes in: frames of one camera, what is known of pairs, the contents of a group. Goes out: recognised sets, and the
name of a group's kind. Pure: times, exposures, links and shifts are arguments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from sameshot.group.brackets import brackets
from sameshot.group.focus_stacks import Focus, focus_stacks
from sameshot.group.frames import Frame, Pair, contents_of, pause_s, stretches
from sameshot.group.sweeps import panoramas, time_lapses
from sameshot.model import Capture, Kind, SetKind

SET_KINDS: tuple[SetKind, ...] = get_args(SetKind)
SERIES_GAP_S = 120.0
"""Frames of one camera further apart are never of one set."""
BURST_PAUSE_S = 2.0


RECOGNISED_BY: Mapping[SetKind, str] = {
    "bracket": "one camera took them within seconds, and their exposures make an even ladder",
    "focus-stack": "one camera took them within seconds at one exposure, and what is sharp moves one way",
    "time-lapse": "one camera took them at one interval, each the same shot as the one before",
    "panorama": "one camera took them within seconds, and each overlaps the one before, further on in one direction",
}
"""What vouches for the frames of each kind of set, for people."""


@dataclass(frozen=True, slots=True)
class KnownSet:
    """Contents that belong together because of what they are: its kind vouches for each."""

    kind: SetKind
    contents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Switches:
    """Which likeness makes groups. `sets`: brackets, focus stacks, panoramas and time-lapses."""

    exact: bool = True
    near: bool = True
    burst: bool = True
    sets: bool = True


def belongs_together(kind: Kind) -> bool:
    """Whether each photo of such a group is a part of one whole, so that none is ever proposed for culling."""
    return kind in SET_KINDS


def recognise(frames: Sequence[Frame], pair: Pair, threshold: float, focus: Focus) -> list[KnownSet]:
    """Returns the sets among one camera's frames, which are in order; no content is in two of them."""
    found: list[KnownSet] = []
    for kind in SET_KINDS:
        taken = {content for known in found for content in known.contents}
        left = [frame for frame in frames if frame.contents[0] not in taken]
        stacks: Iterable[list[Frame]]
        match kind:
            case "bracket":
                stacks = brackets(left)
            case "focus-stack":
                stacks = focus_stacks(left, pair, threshold, focus)
            case "time-lapse":
                stacks = time_lapses(left, pair, threshold)
            case "panorama":
                stacks = panoramas(left, pair)
        found += [KnownSet(kind, contents_of(stack)) for stack in stacks]
    return found


def bursts_of(frames: Sequence[Frame]) -> dict[int, int]:
    """Returns for each content the number of the burst it is in: a number is shared while the shutter was kept busy."""
    runs = stretches(frames, lambda earlier, later: pause_s(earlier, later) <= BURST_PAUSE_S)
    return {content: number for number, run in enumerate(runs) for content in contents_of(run)}


def kind_of(
    members: Sequence[int],
    frame_of: Mapping[int, SetKind],
    pictures: Mapping[int, bytes],
    captures: Mapping[int, Capture],
    burst: Mapping[int, object],
) -> Kind:
    """Names the kind of a group.

    `frame_of`: of which kind of set a content is a frame. `pictures`: digest of the pixels. `burst`: which burst a
    content is in, where known. A group that holds frames of a set is of the set's kind; `near` is said where nothing
    tells more.
    """
    held = Counter(frame_of[content] for content in members if content in frame_of)
    for kind in SET_KINDS:
        if held[kind] > 1:
            return kind
    if len({pictures[content] for content in members}) == 1:
        return "exact"
    timed = [content for content in members if content in burst]
    moments = {(captures[content].camera, captures[content].taken_at) for content in timed}
    if len(moments) > 1 and len({burst[content] for content in timed}) == 1:
        return "burst"
    return "edits" if len(moments) == 1 and len(timed) > 1 else "near"
