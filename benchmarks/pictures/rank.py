"""Draws rank.png for the README: a folder as a file manager shows it, before and after `sameshot rank`.

Runs the real program on photos that the tests draw, in a folder of its own that is gone afterwards.
`python benchmarks/pictures/rank.py`
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parents[2]
sys.path.insert(0, str(HERE / "tests"))

import drawn  # noqa: E402 - the tests are no package

CELL_PX, PICTURE_PX, COLUMNS = (150, 112), (138, 92), 5


def make_folder(folder: Path) -> None:
    """Two cameras and a telephone at the same three sights, and edits made later."""
    lake, tower, garden, alone = (drawn.scene(seed) for seed in (1, 2, 3, 14))
    start = datetime(2026, 5, 1, 10, 0)  # noqa: DTZ001 - cameras write no zone
    photos = {
        "DSC_0412.jpg": (drawn.burst_frame(lake, 1), 0),
        "DSC_0413.jpg": (drawn.burst_frame(tower, 2), 600),
        "DSC_0414.jpg": (drawn.burst_frame(garden, 3), 1200),
        "IMG_2209.jpg": (drawn.burst_frame(tower, 4), 604),
        "IMG_2210.jpg": (alone, 900),
        "IMG_2211.jpg": (drawn.burst_frame(lake, 5), 3),
        "PXL_1001.jpg": (drawn.burst_frame(garden, 6), 1206),
        "PXL_1002.jpg": (drawn.burst_frame(lake, 7), 5),
        "for Ann.jpg": (drawn.cropped(garden, 0.15), 90_000),
        "web.jpg": (drawn.cropped(tower, 0.1), 95_000),
    }
    for name, (picture, seconds) in photos.items():
        drawn.save(picture, folder / name, taken_at=start + timedelta(seconds=seconds))


def sheet(folder: Path, title: str) -> Image.Image:
    """The folder's photos in the order of their names."""
    files = sorted(folder.glob("*.jpg"), key=lambda path: path.name.lower())
    rows = -(-len(files) // COLUMNS)
    picture = Image.new("RGB", (COLUMNS * CELL_PX[0], 24 + rows * CELL_PX[1]), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(11)
    pen.text((6, 4), title, "black", ImageFont.load_default(14))
    for number, file in enumerate(files):
        x, y = number % COLUMNS * CELL_PX[0] + 6, 24 + number // COLUMNS * CELL_PX[1]
        with Image.open(file) as photo:
            photo.thumbnail(PICTURE_PX)
            picture.paste(photo, (x, y))
        pen.text((x, y + PICTURE_PX[1] + 2), file.name, "black", font)
    return picture


def main() -> None:
    """Writes rank.png and prints both listings."""
    with tempfile.TemporaryDirectory() as place:
        photos = Path(place) / "Pictures"
        make_folder(photos)
        before = sheet(photos, "before")
        names = sorted(os.listdir(photos), key=str.lower)
        for words in (["scan", str(photos)], ["rank", str(photos), "--yes"]):
            subprocess.run([sys.executable, "-m", "sameshot", "--state-dir", f"{place}/state", *words], check=True)
        after = sheet(photos, "after `sameshot rank`")
        for old, new in zip(names, sorted(os.listdir(photos)), strict=True):
            print(f"{old:24}{new}")
    both = Image.new("RGB", (before.width, before.height + after.height + 8), "white")
    both.paste(before, (0, 0))
    both.paste(after, (0, before.height + 8))
    both.quantize(40).save(HERE / "docs" / "pictures" / "rank.png", optimize=True)


if __name__ == "__main__":
    main()
