"""The measures by name: where each is computed for a photo, and where for a pair.

Comes in: a measure's name and how the owner wants it read. Goes out: a `Measure`, its functions loaded on first use. A
measure is a file under describe/, a file under compare/ and a row here. Heavy libraries come with the functions only,
so the table may be read anywhere; a library that is not installed is one sentence that names the extra.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sameshot.errors import SameshotError

HashKind = Literal["phash", "dhash", "whash", "crop_resistant"]
LARGEST_SIDE_PX = 1024
"""A picture of this size is 1 MiB in gray: one and all that it is compared with at once fit into one message."""


@dataclass(frozen=True, slots=True)
class Row:
    """Where a measure's functions are. `size_px`: the size it is read at, for those that have one.

    `descriptor`: the name its descriptor is stored under; a dear one is no part of a look and computed on first use.
    `reads`: what of a photo its score reads; only a descriptor is described.
    """

    describe: str
    score: str
    descriptor: str
    dear: bool = False
    size_px: tuple[int, int] | None = None
    reads: Literal["descriptor", "vector", "capture"] = "descriptor"


MEASURES: Mapping[str, Row] = {
    "ssim": Row("describe.gray", "compare.ssim", "gray", dear=True, size_px=(128, 128)),
    "minhash": Row("describe.minhash", "compare.minhash", "minhash", dear=True, size_px=(256, 256)),
    "imagehash": Row("describe.imagehash", "compare.imagehash", "imagehash", dear=True),
    "orb": Row("describe.orb", "compare.orb_ratio", "orb"),
    "template": Row("describe.gray", "compare.template", "gray", dear=True, size_px=(128, 128)),
    "embedding": Row("", "compare.embedding", "", reads="vector"),
    "moment": Row("", "compare.moment", "", reads="capture"),
    "camera": Row("", "compare.camera", "", reads="capture"),
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure as the owner wants it taken. `descriptor` names what is stored of a photo beside its look, if any."""

    name: str
    descriptor: str
    dear: bool
    options: Mapping[str, Any]

    @property
    def reads(self) -> Literal["descriptor", "vector", "capture"]:
        """What of a photo `score` reads."""
        return MEASURES[self.name].reads

    def describe(self, pixels: Any) -> bytes:
        """Returns what is kept of a photo. pixels: uint8 (h, w, 3), RGB. Raises SameshotError as `function_at` does."""
        packed: bytes = function_at(f"{MEASURES[self.name].describe}:describe")(pixels, **self.options)
        return packed

    def score(self, a: bytes, b: bytes) -> float:
        """Returns 0..1, 1 for identical photos, the same in either order. Raises as `function_at` does.

        a, b: descriptors, vectors of unit norm as little-endian float32 or what `compare.captures` packs, as `reads`.
        """
        value: float = function_at(f"{MEASURES[self.name].score}:score")(a, b)
        return value


def measure(
    name: str,
    size_px: tuple[int, int] | None = None,
    scale: tuple[float, float] = (1.0, 1.0),
    kind: HashKind = "phash",
) -> Measure:
    """Returns the measure of this name, read at `size_px` (default: its own) times `scale`, width before height.

    `kind` chooses the hash of `imagehash`. Raises KeyError on a name that is not in the table.
    """
    row = MEASURES[name]
    if name == "imagehash" and kind == "phash":
        return Measure(name, "phash", dear=False, options={"kind": kind})  # every look yields it
    if name == "imagehash":
        return Measure(name, f"{row.descriptor}_{kind}", row.dear, {"kind": kind})
    if row.size_px is None:
        return Measure(name, row.descriptor, row.dear, {})
    width_px, height_px = (
        min(LARGEST_SIDE_PX, max(16, round(side * factor)))
        for side, factor in zip(size_px or row.size_px, scale, strict=True)
    )
    options = {"width_px": width_px, "height_px": height_px}
    return Measure(name, f"{row.descriptor}_{width_px}x{height_px}", row.dear, options)


def function_at(location: str) -> Callable[..., Any]:
    """Returns the function at `module:name` below this package, loaded on first use.

    Raises SameshotError when a library it needs is not installed.
    """
    module, _, name = location.partition(":")
    try:
        function: Callable[..., Any] = getattr(importlib.import_module(f"sameshot.{module}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("sameshot"):
            raise
        raise SameshotError(
            "What this measures with is not installed", "Install the extra: pip install '.[all]'"
        ) from error
    return function
