"""Whether faces and open eyes are told steadily: `python benchmarks/faces/faces.py PHOTOS SHEET.png [NUMBER ...]`.

Looks at each photo below PHOTOS that Pillow opens, at 1024 px, with the Haar cascades in OpenCV 4 (5 ships none).
Prints the CPU time for a photo, and draws what was taken for a face on a sheet, numbered: only eyes can say what is
none. Given the numbers of the true ones, it looks for these again in ten harmless changes of the photo and prints how
often there was none, or another number of open eyes: so often chance chooses among equal frames.
docs/decisions/measures.md has figures.
"""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageOps

SIDE_PX, CELL_PX, COLUMNS = 1024, 120, 15
LEAST_SHARE, LEAST_PX = 0.04, 24
"""Smaller faces, by their share of the long side or in pixels, are not looked for."""
STAYS = np.float32([[1, 0, 0], [0, 1, 0]])

FACE = cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_frontalface_alt2.xml")
EYE = cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_eye.xml")

Pixels = np.ndarray
Box = tuple[int, int, int, int]


def read(path: Path) -> Pixels:
    with Image.open(path) as photo:
        photo.draft("RGB", (SIDE_PX, SIDE_PX))
        upright = ImageOps.exif_transpose(photo).convert("RGB")
    upright.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    return np.asarray(upright)


def faces(picture: Pixels) -> dict[Box, int]:
    """Box of each face (left, top, width, height) -> its open eyes, 0 to 2."""
    gray = cv2.equalizeHist(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    least = max(LEAST_PX, round(max(gray.shape) * LEAST_SHARE))
    found = {}
    for left, top, width, height in FACE.detectMultiScale(gray, 1.1, 5, minSize=(least, least)):
        upper = gray[top : top + int(height * 0.6), left : left + width]
        if width < 100:
            upper = cv2.resize(upper, None, fx=200 / width, fy=200 / width, interpolation=cv2.INTER_CUBIC)
        eyes = EYE.detectMultiScale(upper, 1.1, 5, minSize=(upper.shape[1] // 8,) * 2)
        found[int(left), int(top), int(width), int(height)] = min(2, len(eyes))
    return found


def changed(picture: Pixels) -> list[tuple[Pixels, np.ndarray]]:
    """The ten changes, each with the matrix that says where a place of the photo came to lie."""
    height, width = picture.shape[:2]
    packed = io.BytesIO()
    Image.fromarray(picture).save(packed, "JPEG", quality=70)
    changes = [(np.asarray(Image.open(packed)), STAYS)]
    for stops_ev in (-0.3, 0.3):
        light = np.clip((picture / 255) ** 2.2 * 2**stops_ev, 0, 1) ** (1 / 2.2)
        changes.append(((light * 255 + 0.5).astype(np.uint8), STAYS))
    moves = [np.float32([[1, 0, 3], [0, 1, 0]]), np.float32([[1, 0, 0], [0, 1, 3]])]
    moves += [cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1) for degrees in (-2, 2)]
    for move in moves:
        options = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REFLECT}
        changes.append((cv2.warpAffine(picture, move, (width, height), **options), move))
    for seed in (1, 2):
        noise = np.random.default_rng(seed).normal(0, 4, picture.shape)
        changes.append((np.clip(picture + noise, 0, 255).astype(np.uint8), STAYS))
    smaller = cv2.resize(picture, None, fx=0.9, fy=0.9, interpolation=cv2.INTER_AREA)
    return [*changes, (smaller, STAYS * np.float32(0.9))]


def open_eyes(box: Box, move: np.ndarray, found: dict[Box, int]) -> int | None:
    """Of the face that lies where the box came to lie; None where there is none."""
    x, y = move @ [box[0] + box[2] / 2, box[1] + box[3] / 2, 1]
    width = box[2] * np.hypot(move[0, 0], move[1, 0])
    far = {other: np.hypot(other[0] + other[2] / 2 - x, other[1] + other[3] / 2 - y) for other in found}
    near = [other for other in found if far[other] < 0.4 * width and 0.5 < other[2] / width < 2]
    return found[min(near, key=far.__getitem__)] if near else None


def main() -> None:
    folder, sheet, true = Path(sys.argv[1]), sys.argv[2], {int(word) for word in sys.argv[3:]}
    cv2.setNumThreads(1)
    seen, seconds, crops, looks, without, otherwise = 0, 0.0, [], 0, 0, 0
    for path in sorted(folder.rglob("*")):
        try:
            picture = read(path)
        except OSError:  # a folder, or nothing that Pillow reads
            continue
        start = time.process_time()
        found = faces(picture)
        seen, seconds = seen + 1, seconds + time.process_time() - start
        mine = [box for number, box in enumerate(found, len(crops)) if number in true]
        crops += [Image.fromarray(picture).crop((x, y, x + w, y + h)) for x, y, w, h in found]
        for again, move in changed(picture) if mine else ():
            there = faces(again)
            told = [(found[box], open_eyes(box, move, there)) for box in mine]
            looks += len(told)
            without += sum(after is None for _, after in told)
            otherwise += sum(after is not None and after != before for before, after in told)
    print(f"{seen} photos, {seconds / max(seen, 1) * 1000:.0f} ms of CPU each; {len(crops)} taken for faces")
    if looks:
        print(f"{looks} looks at changes of true faces: {without} found none, {otherwise} other open eyes")
    drawn = Image.new("RGB", (COLUMNS * CELL_PX, (len(crops) // COLUMNS + 1) * CELL_PX), "white")
    for number, crop in enumerate(crops):
        place = (number % COLUMNS * CELL_PX, number // COLUMNS * CELL_PX)
        drawn.paste(crop.resize((CELL_PX - 4, CELL_PX - 4)), place)
        ImageDraw.Draw(drawn).text(place, str(number), "red")
    drawn.save(sheet)


if __name__ == "__main__":
    main()
