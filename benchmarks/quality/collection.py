"""Makes the collection that the tools are asked to group, and the labels that say what is right.

Comes in: how much of what. Goes out: a flat folder of renamed photos in no order, and beside it `labels.csv` with the
header `path,group,scene,kind`: photos of one group belong together; of one scene and different groups nobody judges;
all others belong apart. Kind is `original`, the name of a change, a tier of a labelled set, or `stranger`. The same
settings make the same files.

Photos that are changed: drawn ones (`scenes.py`), each of a style of its own; the photographs that scikit-image and
scikit-learn ship; and those of the reader's folder, `SAMESHOT_PHOTOS`. If that folder has a `labels.csv`
(`path,group` and, if known, `scene,tier`; UTF-8), its photos come in as they are labelled, and those that are alone are
changed as well. If it has none, nobody judges pairs among the reader's own photos, for nobody knows. A folder that
cannot be used is told at once, by BadPhotos.
"""

from __future__ import annotations

import csv
import importlib.util
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import scenes
import strangers
from changes import CHANGES, suffix_of
from PIL import Image, ImageOps
from pillow_heif import register_heif_opener

SEED = 20261121
LONG_SIDE_PX = 1600
FAMILY = 5
"""How many strangers share a style: one large family would outweigh all else where pairs are counted."""
PACKAGED = {
    "skimage": [
        f"data/{name}" for name in (
            "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png",
            "gravel.png", "ihc.png", "hubble_deep_field.jpg", "motorcycle_left.png", "page.png", "retina.jpg",
            "rocket.jpg",
        )
    ],
    "sklearn": ["datasets/images/china.jpg", "datasets/images/flower.jpg"],
}  # fmt: skip
"""Photographs that come with packages which the tests need anyway. Nothing of them is passed on."""
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".tif", ".tiff", ".bmp"}


class BadPhotos(Exception):
    """The reader's folder cannot be used: one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """`photos`: how many are drawn; `changes`: how many of each photo; `strangers`: how many that nothing is like.

    `packaged`: whether the photographs of installed packages come in. `yours`: the reader's folder.
    """

    photos: int
    changes: int
    strangers: int
    packaged: bool = True
    yours: Path | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """`path`: the photo's name in the folder."""

    path: str
    group: str
    scene: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Base:
    """A photo to change: its file, or what to draw."""

    number: int
    group: str
    scene: str
    source: Path | None


def make(folder: Path, wanted: Wanted) -> list[Label]:
    """Writes `folder/photos` and `folder/labels.csv` unless they are there, and returns the labels.

    Raises BadPhotos where the reader's folder cannot be used.
    """
    labels = folder / "labels.csv"
    if not labels.exists():
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "photos").mkdir(parents=True)
        written = _write(folder, wanted)
        with labels.open("w", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(["path", "group", "scene", "kind"])
            rows.writerows((one.path, one.group, one.scene, one.kind) for one in sorted(written, key=lambda o: o.path))
    with labels.open(newline="") as stream:
        return [Label(**row) for row in csv.DictReader(stream)]


def _write(folder: Path, wanted: Wanted) -> list[Label]:
    told = labelled(wanted.yours) if wanted.yours else []
    alone = [(source, label) for source, label in told if label.kind == "original"]
    bases = [_Base(number, f"drawn {number}", "", None) for number in range(wanted.photos)]
    sources = [(path, f"packaged {path.stem}", "") for path in packaged() if wanted.packaged]
    sources += [(source, label.group, label.scene) for source, label in alone]
    bases += [_Base(len(bases) + at, group, scene, path) for at, (path, group, scene) in enumerate(sources)]
    with strangers.workers(_begin) as pool:
        count = len(bases)
        written = [
            one for some in pool.map(_write_base, [folder] * count, [wanted.changes] * count, bases) for one in some
        ]
    for at, (source, label) in enumerate(one for one in told if one[1].kind != "original"):
        name = _name(1_000_000 + at, source.suffix.lower())
        shutil.copyfile(source, folder / "photos" / name)
        written.append(Label(name, label.group, label.scene, label.kind))
    for at, source in enumerate(strangers.write(folder / "strangers", wanted.strangers, FAMILY)):
        name = _name(2_000_000 + at, ".jpg")
        source.rename(folder / "photos" / name)
        written.append(Label(name, f"stranger {source.stem}", "", "stranger"))
    return written


def packaged() -> list[Path]:
    """The photographs that installed packages ship."""
    found = []
    for package, names in PACKAGED.items():
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            found += [Path(spec.submodule_search_locations[0], name) for name in names]
    return [path for path in found if path.exists()]


def labelled(yours: Path) -> list[tuple[Path, Label]]:
    """The reader's photos with their labels; `original`: alone, or not labelled, and thus free to be changed.

    Raises BadPhotos where the folder is none or holds no photo, or its labels.csv cannot be used.
    """
    if not yours.is_dir():
        raise BadPhotos(f"SAMESHOT_PHOTOS names {yours}, which is no folder")
    if (yours / "labels.csv").exists():
        found = list(_listed(yours, yours / "labels.csv"))
    else:
        paths = sorted(path for path in yours.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        found = [(path, Label("", f"yours {path.relative_to(yours)}", "yours", "original")) for path in paths]
    if not found:
        raise BadPhotos(f"SAMESHOT_PHOTOS names {yours}, which holds no photo")
    return found


def _listed(yours: Path, labels: Path) -> Iterator[tuple[Path, Label]]:
    """As `labelled`, of a folder with labels.csv: UTF-8, with or without the mark that Excel begins it with."""
    try:
        with labels.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream)
            header, lines = rows.fieldnames or [], [(rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadPhotos(f"{labels} cannot be read as CSV in UTF-8: {error}") from error
    if not {"path", "group"} <= set(header):
        raise BadPhotos(f"{labels} must begin with the header path,group and not with {','.join(header) or 'nothing'}")
    for line, row in lines:
        path = yours / (row["path"] or "")  # nothing: a short row
        if not path.is_file():
            raise BadPhotos(f"{labels} lists {row['path'] or 'no path'} in line {line}, and there is no such file")
        alone = not row["group"]
        group = f"yours {row['path'] if alone else row['group']}"
        kind = "original" if alone and not row.get("scene") else row.get("tier") or "labelled"
        yield path, Label("", group, row.get("scene") or "", kind)


def _begin() -> None:
    cv2.setNumThreads(1)
    register_heif_opener()


def _write_base(folder: Path, changes: int, base: _Base) -> list[Label]:
    """A photo and its changes. Each photo gets the next ones in the list, so all kinds come up equally often."""
    if base.source is None:
        kind = scenes.ORDINARY[base.number % len(scenes.ORDINARY)]
        photo = Image.fromarray(scenes.draw(kind, base.number, 0))
    else:
        try:
            with Image.open(base.source) as opened:
                upright = ImageOps.exif_transpose(opened).convert("RGB")
        except OSError:  # one of the reader's that this library cannot open
            return []
        photo = ImageOps.contain(upright, (LONG_SIDE_PX, LONG_SIDE_PX)) if max(upright.size) > LONG_SIDE_PX else upright
    kinds = list(CHANGES)
    chosen = [kinds[(base.number * changes + at) % len(kinds)] for at in range(changes)]
    written = []
    for at, change in enumerate(["original", *chosen]):
        rng = np.random.default_rng([SEED, base.number, at])
        changed = CHANGES[change](photo, rng) if change in CHANGES else photo
        name = _name(base.number * 100 + at, suffix_of(change))
        changed.save(folder / "photos" / name, quality=92 if at == 0 else 88)
        written.append(Label(name, base.group, base.scene, change))
    return written


def _name(number: int, suffix: str) -> str:
    """A name that tells nothing, and an order that follows nothing."""
    return f"x{int(np.random.default_rng([SEED, number]).integers(10**11)):011d}{suffix}"
