"""What each measure keeps of a photo, computed once from its upright pixels.

Comes in: uint8 RGB pixels, long side LONG_SIDE_PX. Goes out: measure name -> bytes, each with its layout's version in
the first byte. The files of `compare/` that share a measure's name read them; `group/focus_stacks.py` reads "focus".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sameshot.describe import focus, hues, orb, phash, relief

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONG_SIDE_PX = 512

_MEASURES = {
    "orb": orb.describe,
    "phash": phash.describe,
    "relief": relief.describe,
    "hues": hues.describe,
    "focus": focus.describe,
}


def describe(pixels: NDArray[np.uint8]) -> dict[str, bytes]:
    """The packed descriptor of every measure. pixels: uint8 (h, w, 3), RGB, upright."""
    return {name: describe_one(pixels) for name, describe_one in _MEASURES.items()}
