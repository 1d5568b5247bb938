"""Fetches the photos that the table is made of: `python benchmarks/pair_score/photos.py DIR`, on Debian 12.

Comes in: photos.txt, a package and a file in it on each line; in a Qt resource file, a photo is the WebP picture that
begins at the byte its name tells. Goes out: DIR/photos, one PNG for each line, numbered as they stand. The packages are
fetched by `apt-get download` and unpacked under DIR, nothing is installed, and what is there already is not fetched
again. The photos' own licences stand in each package's /usr/share/doc/*/copyright.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import variants

LIST = Path(__file__).parent / "photos.txt"
LONG_SIDE_PX = 700
_WEBP_HEAD = 8
"""Bytes before what the size in a WebP file counts."""


def fetched(folder: Path) -> Path:
    """Returns the folder of the photos, made where it is not there yet. Raises CalledProcessError without apt."""
    lines = [line.split(" ", 1) for line in LIST.read_text("utf-8").splitlines()]
    photos = folder / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    targets = [photos / f"{number:03}.png" for number in range(len(lines))]
    if all(target.exists() for target in targets):
        return photos
    for package in sorted({package for package, _ in lines}):
        _unpack(package, folder)
    for (package, path), target in zip(lines, targets, strict=True):
        packed = np.frombuffer(_packed(folder / package, path), np.uint8)
        picture = cv2.imdecode(packed, cv2.IMREAD_COLOR)
        if picture is None:
            sys.exit(f"{path} of {package} is no picture: is it of another version?")
        if max(picture.shape) > LONG_SIDE_PX:
            picture = variants.resized(picture, LONG_SIDE_PX)
        cv2.imwrite(str(target), picture)
    return photos


def _unpack(package: str, folder: Path) -> None:
    if (folder / package).exists():
        return
    subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True)
    archive = max(folder.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime_ns)
    unpacked = folder / f"{package}.part"
    shutil.rmtree(unpacked, ignore_errors=True)
    subprocess.run(["dpkg", "-x", archive, unpacked], check=True)
    unpacked.rename(folder / package)
    archive.unlink()


def _packed(root: Path, path: str) -> bytes:
    """The bytes of a photo's file, also of one inside a Qt resource file: `erase.rcc 416838.webp`."""
    resource, _, name = path.partition(" ")
    if not name:
        return (root / path).read_bytes()
    data = (root / "usr/share/gcompris-qt/rcc" / resource).read_bytes()
    start = int(name.removesuffix(".webp"))
    size = _WEBP_HEAD + int.from_bytes(data[start + 4 : start + 8], "little")
    return data[start : start + size]


if __name__ == "__main__":
    print(fetched(Path(sys.argv[1])))
