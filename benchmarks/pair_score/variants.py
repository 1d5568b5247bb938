"""What cameras and people do to a photo, done on purpose: the kinds of pairs that the pair score is fitted on.

Comes in: uint8 RGB pixels and a seeded generator. Goes out: one changed picture (an edit) or two frames of one scene (a
burst, a bracket, a step aside).
"""

from __future__ import annotations

import cv2
import numpy as np

Pixels = np.ndarray


def recompressed(picture: Pixels, quality: int) -> Pixels:
    _, packed = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)[:, :, ::-1])


def resized(picture: Pixels, long_side_px: int) -> Pixels:
    height, width = picture.shape[:2]
    factor = long_side_px / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)


def cropped(picture: Pixels, share: float, rng: np.random.Generator) -> Pixels:
    height, width = picture.shape[:2]
    dy, dx = int(height * share), int(width * share)
    y, x = int(rng.integers(0, dy + 1)), int(rng.integers(0, dx + 1))
    return np.ascontiguousarray(picture[y : y + height - dy, x : x + width - dx])


def turned(picture: Pixels, degrees: float) -> Pixels:
    """Rotated within its frame, and cut so that no empty corner shows."""
    height, width = picture.shape[:2]
    radians = abs(np.deg2rad(degrees))
    zoom = np.cos(radians) + np.sin(radians) * max(width / height, height / width)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, zoom)
    return cv2.warpAffine(picture, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def noisy(picture: Pixels, deviation: float, rng: np.random.Generator) -> Pixels:
    return np.clip(picture + rng.normal(0, deviation, picture.shape), 0, 255).astype(np.uint8)


def gray(picture: Pixels) -> Pixels:
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def developed(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Contrast, warmth and saturation as an editor sets them."""
    gamma = (
        np.exp(rng.normal(0, 0.3, 3) * [1, 0.3, 0.3]).cumprod() if rng.random() < 0.5 else np.exp(rng.normal(0, 0.3))
    )
    light = (picture / 255.0) ** gamma
    light = light.mean(2, keepdims=True) + (light - light.mean(2, keepdims=True)) * rng.uniform(0.4, 1.6)
    light = 0.5 + (light - 0.5) * rng.uniform(0.8, 1.4)
    return (np.clip(light, 0, 1) * 255).astype(np.uint8)


def captioned(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """With a frame around it and a line of text on it."""
    height, width = picture.shape[:2]
    edge = int(width * rng.uniform(0.01, 0.05))
    color = [int(c) for c in rng.choice([[255, 255, 255], [0, 0, 0], [230, 225, 210]])]
    framed = cv2.copyMakeBorder(picture, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=color)
    text = "".join(chr(c) for c in rng.integers(97, 122, 14))
    spot = (int(width * rng.uniform(0.05, 0.5)), int(height * rng.uniform(0.1, 0.95)))
    cv2.putText(framed, text, spot, cv2.FONT_HERSHEY_SIMPLEX, width / 600, (255, 255, 255), max(1, width // 300))
    return framed


def stamped(picture: Pixels, seed: int) -> Pixels:
    """With the frame, logo and caption of publisher `seed`: unrelated photos with one stamp stay unrelated."""
    rng = np.random.default_rng(seed)
    picture = captioned(resized(picture, 900), rng)
    height, width = picture.shape[:2]
    size = width // 10
    y, x = (height - size - 20, width - size - 20) if seed % 2 else (20, 20)
    logo = rng.integers(0, 255, (8, 8, 3)).astype(np.uint8)
    picture[y : y + size, x : x + size] = cv2.resize(logo, (size, size), interpolation=cv2.INTER_NEAREST)
    cv2.putText(
        picture, f"PHOTO {seed} / www", (width // 20, height // 2), cv2.FONT_HERSHEY_DUPLEX, width / 500, (255,) * 3, 2
    )
    return picture


def windowed(picture: Pixels, seed: int) -> Pixels:
    """Shown in the window of program `seed`: bars, buttons and a list beside it, as on a screenshot."""
    rng = np.random.default_rng(seed + 1000)
    width, height = (540, 960) if seed % 3 == 0 else (960, 600)
    screen = np.full((height, width, 3), rng.choice([24, 60, 235, 250]), np.uint8)
    top, left = int(height * rng.uniform(0.06, 0.16)), int(width * rng.uniform(0.0, 0.25))
    bottom = int(height * rng.uniform(0.84, 0.97))
    ink = (255,) * 3 if screen[0, 0, 0] < 128 else (20,) * 3
    for line in range(14):
        spot = (6 + int(rng.integers(0, 12)), top + line * (height - top) // 14)
        word = "".join(chr(c) for c in rng.integers(97, 122, rng.integers(4, 12)))
        cv2.putText(screen, word, spot, cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, 1, cv2.LINE_AA)
    for button in range(int(rng.integers(3, 9))):
        color = [int(c) for c in rng.integers(0, 255, 3)]
        for y in (top // 2, (bottom + height) // 2):
            cv2.circle(screen, (30 + button * width // 9, y), top // 4, color, -1, cv2.LINE_AA)
    screen[top:bottom, left:] = cv2.resize(picture, (width - left, bottom - top), interpolation=cv2.INTER_AREA)
    return screen


def page(rng: np.random.Generator, style: int) -> Pixels:
    """A page of text: two pages of one style share their layout and not a word."""
    margin, size = 40 + 8 * (style % 4), 0.45 + 0.1 * (style % 3)
    paper = np.full((900, 640, 3), 235 + style, np.uint8)
    for y in range(margin + 20, 900 - margin, int(size * 44)):
        line = ""
        while cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, size, 1)[0][0] < 560 - 2 * margin:
            line += "".join(chr(c) for c in rng.integers(97, 122, rng.integers(2, 10))) + " "
        if rng.random() < 0.85:
            cv2.putText(paper, line, (margin, y), cv2.FONT_HERSHEY_SIMPLEX, size, (30,) * 3, 1, cv2.LINE_AA)
    return paper


def exposed(picture: Pixels, stops_ev: float, rng: np.random.Generator, contrast: float = 1.0) -> Pixels:
    """The scene with more or less light: highlights that the picture compressed come back before the sensor clips.

    contrast: above 1 the scene holds more range than the picture did, as a room with a window does.
    """
    linear = (picture / 255.0) ** (2.2 * contrast)
    scene = linear / (1.15 - linear)  # what a gentle shoulder had compressed
    captured = scene * 0.6 * 2.0**stops_ev
    captured = captured + rng.normal(0, 1, captured.shape) * np.sqrt(captured * 2e-4 + 4e-6)
    return (np.clip(captured, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def stepped_aside(picture: Pixels, amount: float, rng: np.random.Generator) -> Pixels:
    """Seen from a little further: a tilt of the frame, and depth that shifts its layers against each other."""
    height, width = picture.shape[:2]
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = frame + rng.normal(0, amount, (4, 2)).astype(np.float32) * [width, height] * 0.6
    moved = frame + (moved - frame) + rng.normal(0, amount, 2) * [width, height]
    projective = cv2.getPerspectiveTransform(moved.astype(np.float32), frame)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    homogeneous = projective @ np.stack([xs.ravel(), ys.ravel(), np.ones(xs.size)])
    xs, ys = (homogeneous[:2] / homogeneous[2]).reshape(2, height, width)
    depth = cv2.resize(rng.normal(0, 1, (4, 5)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    depth = np.tanh(2 * depth)  # layers with steep borders
    direction = rng.normal(0, 1, 2)
    direction *= amount * width / 2 / np.linalg.norm(direction)
    xs, ys = xs + depth * direction[0], ys + depth * direction[1] * 0.3
    return cv2.remap(
        picture, xs.astype(np.float32), ys.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )


def passed_by(picture: Pixels, passer: Pixels, rng: np.random.Generator) -> Pixels:
    """With something of `passer` in front of a part of it."""
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.float32)
    center = (int(rng.uniform(0.1, 0.9) * width), int(rng.uniform(0.3, 0.9) * height))
    axes = (int(width * rng.uniform(0.05, 0.16)), int(height * rng.uniform(0.1, 0.3)))
    cv2.ellipse(mask, center, axes, rng.uniform(-20, 20), 0, 360, 1, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), width / 300)[..., None]
    other = cv2.resize(passer, (width, height))
    return (picture * (1 - mask) + other * mask).astype(np.uint8)


def moved_blur(picture: Pixels, length_px: int, degrees: float) -> Pixels:
    kernel = np.zeros((length_px, length_px), np.float32)
    kernel[length_px // 2] = 1
    turn = cv2.getRotationMatrix2D((length_px / 2 - 0.5, length_px / 2 - 0.5), degrees, 1)
    kernel = cv2.warpAffine(kernel, turn, (length_px, length_px))
    return cv2.filter2D(picture, -1, kernel / max(kernel.sum(), 1e-6))


def frames(kind: str, picture: Pixels, passer: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Two pictures that show one shot, as `kind` says. Sizes differ; a decoder brings them to one."""
    if kind.startswith("exposure"):
        low, high = -rng.uniform(0, 3.5), rng.uniform(0, 3.0)
        contrast = 1.0
        if kind == "exposure-c":
            low, high, contrast = -rng.uniform(2, 4), rng.uniform(2, 4), rng.uniform(1.0, 1.6)
        high = max(high, low + 2)
        shift = 0.002 if rng.random() < 0.7 else 0.01
        darker = exposed(stepped_aside(picture, shift, rng), low, rng, contrast)
        return recompressed(darker, 90), recompressed(exposed(picture, high, rng, contrast), 90)
    if kind == "view":
        return stepped_aside(picture, 0.02, rng), noisy(stepped_aside(picture, rng.uniform(0.01, 0.04), rng), 4, rng)
    if kind == "burst":
        second = passed_by(stepped_aside(picture, 0.008, rng), passer, rng)
        if rng.random() < 0.3:
            second = moved_blur(second, int(rng.integers(3, 12)), rng.uniform(0, 180))
        return noisy(stepped_aside(picture, 0.003, rng), 5, rng), noisy(second, rng.uniform(2, 10), rng)
    if kind == "framing":
        return noisy(picture, 8, rng), cv2.GaussianBlur(recompressed(picture, 60), (0, 0), rng.uniform(0.5, 3))
    edit = kind.removeprefix("edit-")
    changed = {
        "recompress": lambda: recompressed(resized(picture, 700), 15),
        "resize": lambda: resized(picture, int(rng.integers(120, 300))),
        "crop5": lambda: cropped(picture, 0.05, rng),
        "crop15": lambda: cropped(picture, 0.15, rng),
        "crop30": lambda: cropped(picture, 0.30, rng),
        "turn5": lambda: turned(picture, rng.choice([-5, -3, 3, 5])),
        "turn10": lambda: turned(picture, rng.choice([-10, 10])),
        "quarter": lambda: np.ascontiguousarray(np.rot90(picture, rng.integers(1, 4))),
        "gray": lambda: gray(picture),
        "flip": lambda: np.ascontiguousarray(picture[:, ::-1]),
        "develop": lambda: developed(picture, rng),
        "caption": lambda: captioned(picture, rng),
    }[edit]()
    return picture, recompressed(changed, 85)


KINDS = (
    "exposure-a", "exposure-b", "exposure-c", "view", "burst", "framing",
    *(f"edit-{edit}" for edit in (
        "recompress", "resize", "crop5", "crop15", "crop30", "turn5",
        "turn10", "quarter", "gray", "flip", "develop", "caption",
    )),
)  # fmt: skip
