"""The keys of the config, their types and defaults.

Comes in: plain values as a config file holds them. Goes out: a frozen `Config` in which every key has a value.
Refuses, as pydantic does, unknown keys and values of another type: nothing is converted by guess. config.example.yaml
says what each key does.
"""

from __future__ import annotations

import os
import re
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from sameshot.config_file import quoted, scalar_of

PHOTO_EXTENSIONS = (
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "gif", "bmp", "heic", "heif", "hif", "avif",
    "dng", "cr2", "cr3", "crw", "nef", "nrw", "arw", "srf", "sr2", "raf", "orf", "rw2", "rwl", "pef", "srw",
    "x3f", "3fr", "fff", "iiq", "mrw", "erf", "kdc", "dcr", "mos", "mef",
)  # fmt: skip
DEFAULT_LAYOUT = "{date:%Y}/{date:%Y-%m-%d}/{group}/"

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_LONGEST_S = 366 * 86400
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: object) -> timedelta:
    """Returns the time that `90s`, `15m`, `2h` or `1d` says. Raises ValueError, as pydantic wants it."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a number with a unit: 90s, 15m, 2h or 1d")
    seconds = float(match[1]) * _UNIT_S[match[2]]
    if seconds > _LONGEST_S:
        raise ValueError("must be at most 366 days")
    return timedelta(seconds=seconds)


def parse_clock_time(value: object) -> time:
    """Returns the time of day that `04:15` says. Raises ValueError, as pydantic wants it."""
    if isinstance(value, time):
        return value
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a time of day from 00:00 to 23:59, as 04:15")
    return time(int(match[1]), int(match[2]))


def _as_path(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("must be a path; put it in quotes if it looks like a number")
    if "\0" in value or re.search("[\ud800-\udc7f\udd00-\udfff]", value):
        raise ValueError("holds a character that no path can")
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise ValueError(f"names a home folder that is not known: {value.split('/')[0]}") from None
    folder: Path = (info.context or {}).get("folder", Path.cwd())
    return _without_dots(folder / path)


def _without_dots(path: Path) -> Path:
    # Two spellings of one folder become one. What stands before `..` is asked of the disk, since it may be a symlink;
    # other symlinks stay as the owner wrote them.
    parts = path.parts
    if ".." not in parts:
        return path
    after = len(parts) - parts[::-1].index("..")
    return Path(os.path.realpath(Path(*parts[:after])), *parts[after:])


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _as_workers(value: object) -> object:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 256):
        return value
    raise ValueError("must be auto or a number from 1 to 256")


def _as_extension(value: str) -> str:
    extension = value.lower().removeprefix(".")
    if not extension or "/" in extension or "*" in extension:
        raise ValueError("must be a file extension, as jpg")
    return extension


def _or_defaults(value: object) -> object:
    # A section inside a section whose keys are all commented out.
    return {} if value is None else value


def _as_interval(value: timedelta) -> timedelta:
    if not timedelta(minutes=1) <= value <= timedelta(days=7):
        raise ValueError("must be from 1m to 7d")
    return value


def _as_jitter(value: timedelta) -> timedelta:
    if value > timedelta(hours=6):
        raise ValueError("must be at most 6h")
    return value


def _as_chunk_time(value: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= value <= timedelta(hours=1):
        raise ValueError("must be from 1s to 1h")
    return value


def _as_precision(value: float | None, info: ValidationInfo) -> float | None:
    if value is not None and info.data.get("threshold") is not None:
        raise ValueError("must be null where same_shot.threshold is given (keep one of the two)")
    return value


def _as_scale(value: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
    default = (256, 256) if info.data.get("method") == "minhash" else (128, 128)
    width_px, height_px = info.data.get("size") or default
    for side_px, factor in ((width_px, value[0]), (height_px, value[1])):
        if not SMALLEST_SIDE_PX <= round(side_px * factor) <= LARGEST_SIDE_PX:
            raise ValueError(
                f"must leave the {width_px} x {height_px} px of same_shot.size "
                f"from {SMALLEST_SIDE_PX} to {LARGEST_SIDE_PX} px a side"
            )
    return value


def _as_hours(value: tuple[time, ...]) -> tuple[time, ...]:
    if len(value) not in (0, 2) or len(set(value)) != len(value):
        raise ValueError("must be two different times of day, as [09:00, 17:00], or []")
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
ClockTime = Annotated[time, BeforeValidator(parse_clock_time)]
AnyPath = Annotated[Path, BeforeValidator(_as_path)]
Extension = Annotated[str, AfterValidator(_as_extension)]
Pattern = Annotated[str, Field(min_length=1)]
SMALLEST_SIDE_PX, LARGEST_SIDE_PX = 16, 1024
Side = Annotated[int, Field(ge=SMALLEST_SIDE_PX, le=LARGEST_SIDE_PX)]
Factor = Annotated[float, Field(gt=0, le=16)]


class Section(BaseModel):
    """A frozen part of the config; unknown keys and values of another type are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Root(Section):
    """A folder where photos arrive."""

    path: AnyPath
    recursive: bool = True
    remote: Literal["ask", "read"] = "ask"
    """Whether a cloud drive is read, which downloads it; of no meaning for other roots."""


class SameShot(Section):
    """How sure a pair must be."""

    threshold: float | None = Field(default=None, ge=0, le=1)
    """None: as `precision` asks, else what `sameshot calibrate` kept, else the default of the pair score."""
    precision: Annotated[Annotated[float, Field(gt=0, lt=1)] | None, AfterValidator(_as_precision)] = None
    method: Literal[
        "pair_score", "ssim", "minhash", "imagehash", "orb", "template", "embedding", "moment", "camera"
    ] = "pair_score"
    candidates: Literal["shortlist", "all"] = "shortlist"
    batch_size: int = Field(default=1000, ge=2, le=1_000_000)
    linkage: Literal["star", "chain"] = "star"
    size: Annotated[tuple[Side, Side] | None, BeforeValidator(_as_tuple)] = None
    scale: Annotated[tuple[Factor, Factor], BeforeValidator(_as_tuple), AfterValidator(_as_scale)] = (1.0, 1.0)
    hash: Literal["phash", "dhash", "whash", "crop_resistant"] = "phash"
    chunk_time_threshold: Annotated[Duration, AfterValidator(_as_chunk_time)] = timedelta(seconds=60)


class Grouping(Section):
    """Which likeness makes groups."""

    exact: bool = True
    near: bool = True
    burst: bool = True
    sets: bool = True


class Index(Section):
    """How neighbours are found."""

    exact_until: int = Field(default=150_000, ge=0)


class Settle(Section):
    """How long a file must be quiet before it is looked at."""

    quiet_s: float = Field(default=1.0, ge=0, le=3600)
    network_quiet_s: float = Field(default=15.0, ge=0, le=3600)


class Limits(Section):
    """What one look at one photo, and the cache, may cost."""

    worker_memory_mb: int = Field(default=2048, ge=768)
    look_deadline_s: float = Field(default=30.0, gt=0, le=3600)
    cache_mb: int = Field(default=4096, ge=64)


class Filing(Section):
    """When a group's photos may be filed, and how many to a folder."""

    closed_after_s: float = Field(default=300.0, ge=0)
    batch_size: int | None = Field(default=None, ge=1, le=1_000_000)


class Train(Section):
    """Whether an autoencoder is trained by night, and how long that may take."""

    enabled: bool = False
    budget: Annotated[Duration, AfterValidator(_as_interval)] = timedelta(minutes=30)


class Training(Section):
    """How the autoencoder is trained, by day and by night."""

    architecture: Literal["plain", "residual"] = "plain"
    side_px: Literal[16, 32, 64, 128, 256, 512] = 64
    latent: int = Field(default=128, ge=2, le=4096)
    loss: Literal["mse", "mae", "perceptual"] = "mse"
    perceptual_model: Annotated[str, Field(min_length=1)] | None = None
    epochs: int = Field(default=60, ge=1, le=10_000)
    batch_size: int = Field(default=32, ge=2, le=4096)
    learning_rate: float = Field(default=2e-3, gt=0, le=1)
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    scheduler: Literal["constant", "cosine", "step"] = "cosine"
    patience: int = Field(default=12, ge=1, le=10_000)
    seed: int = Field(default=0, ge=0, le=1 << 31)
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    most_photos: int = Field(default=4000, ge=32, le=1_000_000)


class Schedule(Section):
    """What happens by the clock."""

    reconcile_every: Annotated[Duration, AfterValidator(_as_interval)] = timedelta(minutes=15)
    nightly: ClockTime = time(4, 15)
    jitter: Annotated[Duration, AfterValidator(_as_jitter)] = timedelta(minutes=10)
    backup: bool = True
    recluster: bool = True
    learn: bool = False
    train: Annotated[Train, BeforeValidator(_or_defaults)] = Train()


_Counts = Annotated[
    tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...], BeforeValidator(_as_tuple), Field(min_length=1)
]
_Sizes = Annotated[
    tuple[Annotated[int, Field(ge=2, le=1_000_000)], ...], BeforeValidator(_as_tuple), Field(min_length=1)
]


class Recluster(Section):
    """How everything is grouped anew, and the values with which a named method is tried."""

    method: Literal[
        "shot", "auto", "components", "kmeans", "minibatch_kmeans", "agglomerative", "dbscan", "gaussian_mixture",
        "hdbscan",
    ] = "shot"  # fmt: skip
    certificate: bool = True
    number_of_clusters: _Counts = (10,)
    max_iter: _Counts = (200,)
    eps: Annotated[tuple[Annotated[float, Field(gt=0, le=2)], ...], BeforeValidator(_as_tuple), Field(min_length=1)] = (
        0.5,
    )
    min_samples: _Counts = (5,)
    min_cluster_size: _Sizes = (5,)
    max_cluster_size: Annotated[
        tuple[Annotated[int, Field(ge=2, le=1_000_000)] | None, ...], BeforeValidator(_as_tuple), Field(min_length=1)
    ] = (None,)

    @property
    def grid(self) -> dict[str, tuple[float | int | None, ...]]:
        """The values of each parameter."""
        return {name: value for name, value in self if isinstance(value, tuple)}


class Pause(Section):
    """When the service keeps still."""

    on_battery: bool = True
    hours: Annotated[tuple[ClockTime, ...], BeforeValidator(_as_tuple), AfterValidator(_as_hours)] = ()


class Config(Section):
    """The whole config: config.example.yaml says what each key does."""

    roots: Annotated[tuple[Root, ...], BeforeValidator(_as_tuple)] = ()
    extensions: Annotated[tuple[Extension, ...], BeforeValidator(_as_tuple), Field(min_length=1)] = PHOTO_EXTENSIONS
    ignore: Annotated[tuple[Pattern, ...], BeforeValidator(_as_tuple)] = ()
    action: Literal["none", "copy", "move", "hardlink", "symlink", "reflink"] = "none"
    fallback: Annotated[
        tuple[Literal["copy", "move", "hardlink", "symlink", "reflink"], ...], BeforeValidator(_as_tuple)
    ] = ()
    overwrite: bool = False
    apply: Literal["manual", "automatic"] = "manual"
    library: AnyPath | None = None
    layout: str = Field(default=DEFAULT_LAYOUT, min_length=1)
    outliers: Annotated[str, Field(min_length=1)] | None = None
    encoder: str = Field(default="lite0", min_length=1)
    same_shot: SameShot = SameShot()
    group: Grouping = Grouping()
    index: Index = Index()
    settle: Settle = Settle()
    workers: Annotated[Literal["auto"] | int, BeforeValidator(_as_workers)] = "auto"
    limits: Limits = Limits()
    filing: Filing = Filing()
    schedule: Schedule = Schedule()
    train: Training = Training()
    recluster: Recluster = Recluster()
    pause: Pause = Pause()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    desktop_notifications: bool = False

    @property
    def library_dir(self) -> Path | None:
        """Where group folders go: `library`, else `NAME sorted` beside the first root NAME; None without either.

        Beside, and not inside: what is filed there is then in no root's watched area.
        """
        if self.library is not None or not self.roots:
            return self.library
        root = self.roots[0].path
        return root.with_name(f"{root.name} sorted") if root.name else None


def leaf_paths(section: type[BaseModel] = Config, above: str = "") -> list[str]:
    """Returns the YAML path of every key that holds a value, in the file's order: `action`, `settle.quiet_s`, ..."""
    paths: list[str] = []
    for name, info in section.model_fields.items():
        kind: Any = info.annotation
        inner = isinstance(kind, type) and issubclass(kind, BaseModel)
        paths += leaf_paths(kind, f"{above}{name}.") if inner else [above + name]
    return paths


def value_at(config: Config, path: str) -> str:
    """Returns the value at a YAML path as one would write it in the file: `15m`, `null`, `[jpg, png]`."""
    value: Any = config
    for name in path.split("."):
        value = getattr(value, name)
    return _written(value)


def _written(value: Any) -> str:
    text = str(value)
    match value:
        case str() | Path():
            # Bare where that reads as this very text.
            bare = re.fullmatch(r"[\w/.~]([\w/.~ -]*[\w/.~-])?", text) and scalar_of(text) == text
            text = text if bare else quoted(text)
        case None | bool():
            text = {None: "null", True: "true", False: "false"}[value]
        case timedelta():
            seconds = value.total_seconds()
            unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _UNIT_S[unit] == 0 or unit == "s")
            text = f"{seconds / _UNIT_S[unit]:g}{unit}"
        case time():
            text = f"{value:%H:%M}"
        case tuple():
            text = f"[{', '.join(map(_written, value))}]"
        case BaseModel():
            text = f"{{{', '.join(f'{name}: {_written(inner)}' for name, inner in value)}}}"
    return text
