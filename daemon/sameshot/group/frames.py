"""One camera's photos in the order in which they were taken, as recognising kinds of sets needs them.

Comes in: what the camera wrote of each content, and how bright it came out. Goes out: frames, each a moment with the
contents that show it (a photo and its edits keep one moment). Contents without a moment are left out. The order is a
function of what is written, never of arrival.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from sameshot.model import Capture, Link

Pair = Callable[[int, int], Link | None]
"""What is known of two contents; None where they were never compared."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One press of the shutter. `brightness`: mean luma 0..1. `contents` in order of their digests."""

    taken_at: datetime
    capture: Capture
    brightness: float
    contents: tuple[int, ...]

    @property
    def exposure_ev(self) -> float | None:
        """log2(N^2 / t) - log2(ISO / 100), the larger the darker; unknown without an exposure time.

        A lens or camera that writes no aperture or ISO is taken to have kept it.
        """
        if self.capture.exposure_time_s is None:
            return None
        aperture, iso = self.capture.f_number or 1.0, self.capture.iso or 100.0
        return math.log2(aperture**2 / self.capture.exposure_time_s) - math.log2(iso / 100)


def frames_of(
    captures: Mapping[int, Capture], brightness: Mapping[int, float], order: Mapping[int, bytes]
) -> list[Frame]:
    """Returns the frames of one camera's contents by moment, those of one moment by exposure, the darkest first."""
    together: dict[tuple[object, ...], list[int]] = {}
    for content in sorted(captures, key=order.__getitem__):
        if captures[content].taken_at is not None and content in brightness:
            together.setdefault((captures[content].taken_at, *settings(captures[content])), []).append(content)
    frames = []
    for contents in together.values():
        capture = captures[contents[0]]
        assert capture.taken_at is not None
        usual = median(brightness[content] for content in contents)
        frames.append(Frame(capture.taken_at, capture, usual, tuple(contents)))
    return sorted(frames, key=lambda frame: (frame.taken_at, -(frame.exposure_ev or 0.0), order[frame.contents[0]]))


def settings(capture: Capture) -> tuple[float | None, ...]:
    """What the camera was set to; equal for frames of one exposure."""
    return (
        capture.f_number,
        capture.exposure_time_s,
        capture.iso,
        capture.exposure_bias_ev,
        capture.focal_length_mm,
    )


def stretches(frames: Iterable[Frame], goes_on: Callable[[Frame, Frame], bool]) -> Iterator[list[Frame]]:
    """Yields the longest stretches in which each frame goes on from the one before."""
    stretch: list[Frame] = []
    for frame in frames:
        if stretch and not goes_on(stretch[-1], frame):
            yield stretch
            stretch = []
        stretch.append(frame)
    if stretch:
        yield stretch


def pause_s(earlier: Frame, later: Frame) -> float:
    """Seconds between the end of one exposure and the beginning of the next; never below 0."""
    apart_s = (later.taken_at - earlier.taken_at).total_seconds()
    return max(0.0, apart_s - (earlier.capture.exposure_time_s or 0.0))


def best_pair(earlier: Frame, later: Frame, pair: Pair) -> Link | None:
    """Returns the strongest of what is known between the contents of two frames."""
    known = [link for a in earlier.contents for b in later.contents if (link := pair(a, b)) is not None]
    return max(known, key=lambda link: link.score, default=None)


def contents_of(frames: Sequence[Frame]) -> tuple[int, ...]:
    """Returns all contents of the frames, in their order."""
    return tuple(content for frame in frames for content in frame.contents)
