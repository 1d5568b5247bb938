"""The values that pass between stages.

Frozen, without behaviour beyond what their fields say. Paths are `pathlib.Path` whose text is surrogateescape, so any
bytes survive; the store keeps them as bytes. Times that come from a camera are the camera's wall clock, without a zone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Action = Literal["copy", "move", "hardlink", "symlink", "reflink"]
Role = Literal["primary", "companion"]
Stage = Literal["seen", "settled", "looked", "linked", "grouped", "planned", "applied", "failed"]
VerdictKind = Literal["together", "apart", "keep"]
SetKind = Literal["bracket", "focus-stack", "time-lapse", "panorama"]
"""Sets whose photos are parts of one whole, and need not look alike."""
Kind = Literal["exact", "edits", "burst", "near", "bracket", "focus-stack", "time-lapse", "panorama"]
"""What kind of set a group is: exact copies, edits of one photo, a burst, near (nothing tells more), or a `SetKind`."""


# ---------------------------------------------------------------- files


@dataclass(frozen=True, slots=True)
class FileStat:
    """What the filesystem says of one file. Two equal stats mean the file was not touched in between."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file that a sweep saw."""

    path: Path
    stat: FileStat


@dataclass(frozen=True, slots=True)
class Shot:
    """One photo on disk: its primary file and the companions that travel with it."""

    primary: FoundFile
    companions: tuple[FoundFile, ...] = ()


# ---------------------------------------------------------------- looking


@dataclass(frozen=True, slots=True)
class Identity:
    """What a file contains: the digest of all its bytes, and of its picture data without metadata (SHA-256 each).

    `pixel_digest` is equal for two files that differ in metadata only, where the format lets that be known cheaply;
    elsewhere it equals `digest`. `format` is the container found in the bytes ("JPEG", "HEIF", "RAW", ...), never the
    one the name promises.
    """

    digest: bytes
    pixel_digest: bytes
    format: str


@dataclass(frozen=True, slots=True)
class Capture:
    """What the camera wrote about the moment: every field may be unknown."""

    taken_at: datetime | None = None
    """Wall clock of the camera with sub-seconds; naive."""
    utc_offset_minutes: int | None = None
    camera: str | None = None
    """Make, model and, where written, the body's serial number: two bodies of one model differ."""
    f_number: float | None = None
    exposure_time_s: float | None = None
    iso: float | None = None
    exposure_bias_ev: float | None = None
    focal_length_mm: float | None = None
    rating: int | None = None
    software: str | None = None
    focus_distance_m: float | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """Decoded, upright pixels: uint8 (height, width, 3), sRGB, long side at most what was asked for."""

    pixels: NDArray[np.uint8]
    full_width_px: int
    full_height_px: int
    format: str
    capture: Capture


@dataclass(frozen=True, slots=True)
class Quality:
    """Technical facts that rank photos *within* one group; never a reason to remove one.

    sharpness: energy of the sharpest tile, any unit that compares at one decode size. brightness: mean luma 0..1.
    clipped: share of pixels at either end of the range, 0..1.
    """

    sharpness: float
    brightness: float
    clipped: float


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a second look at full size tells of a photo that has others beside it; ranks within one group only.

    sharpness: long side in px -> energy of the sharpest tile when the picture is so large; its own size is among them.
    color: mean distance of the channels from each other, 0..1; about 0 for a gray picture. size_bytes: of the file.
    """

    long_side_px: int
    sharpness: dict[int, float]
    color: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Look:
    """All that one look at a content yields. `vector`: float32 (dimension,), unit norm, of encoder `encoder_id`.

    `descriptors`: measure name -> packed bytes that only that measure's code under describe/ and compare/ reads.
    """

    width_px: int
    height_px: int
    format: str
    capture: Capture
    quality: Quality
    encoder_id: str
    vector: NDArray[np.float32]
    descriptors: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Features:
    """What comparing one content with another needs of it. Same fields as in `Look`."""

    vector: NDArray[np.float32]
    descriptors: dict[str, bytes]
    capture: Capture
    width_px: int
    height_px: int


# ---------------------------------------------------------------- sameness


@dataclass(frozen=True, slots=True)
class PairScore:
    """How sure it is that two contents show the same shot, 0..1, with the scores that say why (name -> value)."""

    score: float
    evidence: dict[str, float]


@dataclass(frozen=True, slots=True)
class Link:
    """A pair of contents that was compared, `first < second`, whether or not it passed the threshold."""

    first: int
    second: int
    score: float
    evidence: dict[str, float] = field(default_factory=dict)
    cosine: float = 1.0
    """Of the two vectors, as the index computes it."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Why a content is in its group: its score to the representative, and who vouches for it.

    chain: linked to some other member, whom the score is about; only where the owner asked for chains. A `SetKind`: it
    is a frame of such a set, whether or not it looks like the representative. cluster: of one cluster with it, where
    the owner asked for groups without a certificate. kept: the owner chose the representative, and the score is to the
    member that all were gathered around.
    """

    content: int
    score: float
    certified_by: Literal["measured", "kept", "owner", "chain", "cluster", "itself"] | SetKind


@dataclass(frozen=True, slots=True)
class Group:
    """The contents of one shot. `id` survives re-clustering; `representative` is one of the members."""

    id: str
    representative: int
    members: tuple[Membership, ...]
    kind: Kind = "near"


# ---------------------------------------------------------------- photos as people see them


@dataclass(frozen=True, slots=True)
class PhotoView:
    """One photo with all that planning and printing need. `content` is shared by exact copies."""

    id: int
    content: int
    path: Path
    stat: FileStat
    digest: bytes
    companions: tuple[FoundFile, ...]
    width_px: int
    height_px: int
    format: str
    capture: Capture
    quality: float
    """0..1, comparable within one group."""
    membership: Membership | None = None
    """Why it is in its group, where it is shown in one."""


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group with at least two photos; the representative's photo is first, the others follow by quality."""

    id: str
    photos: tuple[PhotoView, ...]
    kind: Kind = "near"

    @property
    def representative(self) -> PhotoView:
        """The photo that stands for the group."""
        return self.photos[0]


# ---------------------------------------------------------------- filing


@dataclass(frozen=True, slots=True)
class Step:
    """One file to bring to one place. Steps of one `unit` happen all or not at all.

    `stat` and `digest` (SHA-256; None where the file was never digested, as with a companion) are what the plan was
    made for: a file that differs is refused, not moved. `target` is absolute, its folder may not exist yet.
    """

    unit: int
    action: Action
    source: Path
    target: Path
    stat: FileStat
    digest: bytes | None
    why: str
    kept: Path | None = None
    """Of a duplicate that goes: the copy that stays, which must have `kept_digest` once this one is out of the way."""
    kept_digest: bytes | None = None
    trash_info: str = ""
    """Of a file that goes to the trash: what the trash notes of it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order, and sentences the owner should read before they happen. Pure: nothing has happened yet."""

    kind: Literal["folders", "rank", "rank-remove", "dedupe"]
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What became of one step: done, or refused with the reason."""

    step: Step
    done: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """A plan that happened, under the id that `undo` takes. Every step has an outcome."""

    batch: str
    outcomes: tuple[StepOutcome, ...]
