"""How good each photo of a group is, against the others of that group.

Comes in: technical facts of the members. Goes out: a number 0..1 for each, comparable inside the group and nowhere
else. It ranks; it never justifies removing a photo.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median

from sameshot.model import Quality


def relative_quality(facts: Mapping[int, tuple[Quality, int]]) -> dict[int, float]:
    """Rates members by content. `facts`: technical quality and number of pixels of each.

    The product of four shares, so that no strength buys off a weakness: pixels and sharpness against the best of the
    group (square roots: halving one costs less than losing it), what is not clipped, and nearness to the group's
    usual brightness, since of one scene the odd exposure is the mistake.
    """
    most_pixels = max((pixels for _, pixels in facts.values()), default=1) or 1
    sharpest = max((quality.sharpness for quality, _ in facts.values()), default=0.0) or 1.0
    usual = median([quality.brightness for quality, _ in facts.values()] or [0.5])
    return {
        content: math.sqrt(pixels / most_pixels)
        * math.sqrt(max(quality.sharpness, 0.0) / sharpest)
        * (1.0 - quality.clipped)
        * (1.0 - abs(quality.brightness - usual))
        for content, (quality, pixels) in facts.items()
    }
