"""What cameras and people do to a photo, done on purpose: the kinds of pairs that the pair score is fitted on.

Comes in: uint8 RGB pixels and a seeded generator. Goes out: one changed picture (an edit) or two frames of one scene (a
burst, a bracket, a step aside).
"""

from __future__ import annotations

import io

import cv2
import numpy as np
import pillow_heif
from PIL import Image

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
    return np.clip(picture + np.float32(deviation) * noise(picture, rng), 0, 255).astype(np.uint8)


def noise(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Of deviation 1, in the picture's shape, float32."""
    return rng.standard_normal(picture.shape, np.float32)


def shown(light: np.ndarray, gamma: float) -> np.ndarray:
    """Linear light, clipped to 0..1, as a file holds it, 0..1."""
    return cv2.pow(np.clip(light, 0, 1, dtype=np.float32), 1 / gamma)


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


def exposed(picture: Pixels, stops_ev: float, rng: np.random.Generator, contrast: float = 1.0) -> Pixels:
    """The scene with more or less light: highlights that the picture compressed come back before the sensor clips.

    contrast: above 1 the scene holds more range than the picture did, as a room with a window does.
    """
    linear = linear_light(picture, 2.2 * contrast)
    scene = linear / (1.15 - linear)  # what a gentle shoulder had compressed
    captured = scene * np.float32(0.6 * 2.0**stops_ev)
    captured = captured + noise(captured, rng) * np.sqrt(captured * 2e-4 + 4e-6, dtype=np.float32)
    return (shown(captured, 2.2) * 255).astype(np.uint8)


def linear_light(picture: Pixels, gamma: float) -> np.ndarray:
    """The light behind a picture, 0..1, float32."""
    return cv2.LUT(picture, ((np.arange(256) / 255.0) ** gamma).astype(np.float32))


def lit_unevenly(picture: Pixels, range_ev: float, rng: np.random.Generator) -> np.ndarray:
    """The scene in linear light, up to `range_ev` brighter in some parts, as a room with a window is; 1: white."""
    height, width = picture.shape[:2]
    light = cv2.resize(rng.normal(0, 1, (3, 4)), (width, height), interpolation=cv2.INTER_CUBIC)
    light = np.tanh(rng.uniform(1, 3) * light)  # bright and dark parts with borders between
    linear = linear_light(picture, 2.2 * rng.uniform(1, 1.4))
    return np.asarray(linear / (1.1 - linear) * 2.0 ** (light[..., None] * range_ev / 2), np.float32)


def photographed(scene: np.ndarray, stops_ev: float, curve: tuple[float, float], rng: np.random.Generator) -> Pixels:
    """What a camera makes of linear light: its noise, its tone curve (gamma, strength of an S), its JPEG."""
    captured = scene * np.asarray(2.0**stops_ev * rng.normal(1, 0.03, 3), np.float32)
    captured = captured + noise(captured, rng) * np.sqrt(np.maximum(captured, 0) * 4e-4 + 1e-5, dtype=np.float32)
    if rng.random() < 0.5:
        captured = cv2.GaussianBlur(captured, (0, 0), 1.0)  # a camera that smooths its noise away
    plain = shown(captured, curve[0])
    bent = plain + curve[1] * (plain * plain * (3 - 2 * plain) - plain)
    return recompressed((bent * 255).astype(np.uint8), int(rng.integers(60, 96)))


def walked_on(picture: Pixels, zoom: float, rng: np.random.Generator) -> Pixels:
    """Seen from a step further on: what is near grows by `zoom`, what is far hardly, and some of it to one side."""
    height, width = picture.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    depth = cv2.resize(rng.normal(0, 1, (4, 5)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    ground = 2 * np.maximum(0, ys / height - 0.5)  # the ground is nearer the lower it is seen
    near = np.clip(0.25 + 0.5 * ground + 0.25 * np.tanh(2 * depth), 0.05, 1)
    grown = 1 + (zoom - 1) * near
    x, y = width * rng.uniform(0.35, 0.65), height * rng.uniform(0.4, 0.6)
    aside = rng.normal(0, 0.015) * width * near
    return cv2.remap(
        picture, x + (xs - x) / grown + aside, y + (ys - y) / grown, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )


def as_heic(picture: Pixels, quality: int) -> Pixels:
    packed = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(picture)).save(packed, quality=quality)
    return np.array(pillow_heif.open_heif(packed).to_pillow().convert("RGB"))


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


def moving(picture: Pixels, other: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """A subject, a piece of `other`, that moves and turns before one background from frame to frame."""
    height, width = picture.shape[:2]
    surface = cv2.resize(other, (width, height))
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(6, 16))))
    span = np.sqrt(width * height) * rng.uniform(0.12, 0.28)
    middle = np.array([width, height]) * rng.uniform(0.3, 0.7, 2)
    outline = middle + span * rng.uniform(0.6, 1.2, (len(angles), 1)) * np.c_[np.cos(angles), np.sin(angles)]
    mask = np.zeros((height, width), np.float32)
    cv2.fillPoly(mask, [outline.astype(np.int32)], 1)
    mask = cv2.GaussianBlur(mask, (0, 0), width / 500)

    def taken() -> Pixels:
        move = cv2.getRotationMatrix2D(tuple(map(float, middle)), rng.normal(0, 8), rng.normal(1, 0.05))
        move[:, 2] += rng.normal(0, 0.05, 2) * width
        there = cv2.warpAffine(mask, move, (width, height))[..., None]
        subject = cv2.warpAffine(surface, move, (width, height), borderMode=cv2.BORDER_REFLECT)
        behind = stepped_aside(picture, 0.005, rng)
        return noisy((behind * (1 - there) + subject * there).astype(np.uint8), rng.uniform(2, 8), rng)

    return taken(), taken()


def soft(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Without a corner, as skies, walls and what is out of focus."""
    return cv2.GaussianBlur(picture, (0, 0), max(picture.shape) * rng.uniform(0.02, 0.05))


def plain(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Hardly more than a gradient: a clear sky at dusk, a wall in a window's light."""
    return cv2.GaussianBlur(picture, (0, 0), max(picture.shape) * rng.uniform(0.06, 0.15))


def plain_copy(picture: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    smaller = resized(picture, int(max(picture.shape) * rng.uniform(0.3, 0.9)))
    return picture, recompressed(smaller, int(rng.integers(85, 96)))


def moved_blur(picture: Pixels, length_px: int, degrees: float) -> Pixels:
    kernel = np.zeros((length_px, length_px), np.float32)
    kernel[length_px // 2] = 1
    turn = cv2.getRotationMatrix2D((length_px / 2 - 0.5, length_px / 2 - 0.5), degrees, 1)
    kernel = cv2.warpAffine(kernel, turn, (length_px, length_px))
    return cv2.filter2D(picture, -1, kernel / max(kernel.sum(), 1e-6))


def bracket_in_even_light(picture: Pixels, rng: np.random.Generator, *, far: bool) -> tuple[Pixels, Pixels]:
    """Two exposures of a scene; far: some 4 to 8 EV apart."""
    low, high = -rng.uniform(0, 3.5), rng.uniform(0, 3.0)
    contrast = 1.0
    if far:
        low, high, contrast = -rng.uniform(2, 4), rng.uniform(2, 4), rng.uniform(1.0, 1.6)
    high = max(high, low + 2)
    shift = 0.002 if rng.random() < 0.7 else 0.01
    darker = exposed(stepped_aside(picture, shift, rng), low, rng, contrast)
    return recompressed(darker, 90), recompressed(exposed(picture, high, rng, contrast), 90)


def bracketed(picture: Pixels, rng: np.random.Generator, *, hard: bool) -> tuple[Pixels, Pixels]:
    """Two exposures of a scene with more range than a camera has; hard: hardly a part of it is shown by both."""
    scene = lit_unevenly(stepped_aside(picture, 0.002, rng), rng.uniform(4, 9) if hard else rng.uniform(2, 7), rng)
    curve = rng.uniform(1.8, 2.6), rng.uniform(0, 0.8)
    middle_ev, apart_ev = rng.normal(0, 1), rng.uniform(2.5, 7)
    dark_ev, bright_ev = middle_ev - apart_ev / 2, middle_ev + apart_ev / 2
    if hard:  # the one for the lights, the other for the shadows: most is black in the one or burnt in the other
        luma = scene.mean(2)
        dark_ev = float(np.log2(0.8 / np.quantile(luma, rng.uniform(0.9, 0.99))))
        bright_ev = float(np.log2(rng.uniform(0.15, 0.5) / np.quantile(luma, rng.uniform(0.1, 0.4))))
        bright_ev = max(bright_ev, dark_ev + 3)
    moved = stepped_aside(np.clip(scene * 8, 0, 255).astype(np.float32), 0.004, rng) / 8
    return (
        photographed(scene, dark_ev, curve, rng),
        photographed(moved if rng.random() < 0.3 else scene, bright_ev, curve, rng),
    )


def layered(picture: Pixels, other: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """A place with things of `other` before it, from two places: what is near moves further, and covers other parts."""
    height, width = picture.shape[:2]
    surface = cv2.resize(other, (width, height))
    step = rng.normal(0, 1, 2) * [1, 0.4]
    step *= rng.uniform(0.02, 0.07) * width / np.linalg.norm(step)
    frames = [stepped_aside(picture, rng.uniform(0.005, 0.02), rng).astype(np.float32) for _ in range(2)]
    for near in np.sort(rng.uniform(0.2, 1, int(rng.integers(2, 6)))):
        mask = np.zeros((height, width), np.float32)
        x, y = rng.uniform(0.05, 0.95) * width, rng.uniform(0.35, 1) * height
        span = rng.uniform(0.06, 0.2) * width * (0.6 + near)
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 14))))
        outline = span * rng.uniform(0.6, 1.2, (len(angles), 1)) * np.c_[np.cos(angles), np.sin(angles)]
        cv2.fillPoly(mask, [(outline + np.array([x, y])).astype(np.int32)], 1)
        mask = cv2.GaussianBlur(mask, (0, 0), width / 500)
        for at, frame in enumerate(frames):
            grown = 1 + (0.02 * near * rng.normal() if at else 0)
            move = np.array([[grown, 0, at * near * step[0]], [0, grown, at * near * step[1]]])
            shown_mask = cv2.warpAffine(mask, move, (width, height))[..., None]
            moved = cv2.warpAffine(surface, move, (width, height), borderMode=cv2.BORDER_REFLECT)
            frame[:] = frame * (1 - shown_mask) + moved * shown_mask
    first, second = (frame.astype(np.uint8) for frame in frames)
    return noisy(first, 3, rng), recompressed(exposed(second, rng.uniform(-0.5, 0.7), rng), 85)


def tilted(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Seen by a camera in another hand: tilted, turned by some degrees, and nearer."""
    height, width = picture.shape[:2]
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    zoom = rng.uniform(1.1, 1.4)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 4), zoom)
    moved = cv2.transform(frame[None], turn)[0] + rng.normal(0, 0.05, (4, 2)) * [width, height]
    seen = cv2.getPerspectiveTransform(frame, moved.astype(np.float32))
    return cv2.warpPerspective(picture, seen, (width, height), borderMode=cv2.BORDER_REFLECT)


def viewed(kind: str, picture: Pixels, passer: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """One scene from two places near each other."""
    if kind == "view-layers":
        return layered(picture, passer, rng)
    if kind == "view-tilt":
        return noisy(picture, 3, rng), recompressed(exposed(tilted(picture, rng), rng.uniform(-0.7, 0.7), rng), 85)
    if kind == "view-on":
        second = stepped_aside(walked_on(picture, rng.uniform(1.05, 1.35), rng), 0.008, rng)
        return noisy(picture, 3, rng), recompressed(exposed(second, rng.uniform(-0.7, 0.7), rng), 85)
    if kind == "view-walk":
        second = stepped_aside(walked_on(picture, rng.uniform(1.3, 1.7), rng), 0.012, rng)
        return noisy(picture, 3, rng), recompressed(exposed(second, rng.uniform(-0.7, 0.7), rng), 85)
    if kind == "view-far":
        return stepped_aside(picture, 0.025, rng), recompressed(
            stepped_aside(picture, rng.uniform(0.02, 0.05), rng), 85
        )
    return stepped_aside(picture, 0.02, rng), noisy(stepped_aside(picture, rng.uniform(0.01, 0.04), rng), 4, rng)


def frames(kind: str, picture: Pixels, passer: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Two pictures that show one shot, as `kind` says. Sizes differ; a decoder brings them to one."""
    if kind in {"exposure-d", "exposure-e"}:
        return bracketed(picture, rng, hard=kind == "exposure-e")
    if kind.startswith("exposure"):
        return bracket_in_even_light(picture, rng, far=kind == "exposure-c")
    if kind == "soft":
        blurred = soft(picture, rng)
        return noisy(blurred, 2, rng), recompressed(exposed(blurred, rng.uniform(-1, 1), rng), 85)
    if kind == "plain":
        return plain_copy(plain(picture, rng), rng)
    if kind.startswith("view"):
        return viewed(kind, picture, passer, rng)
    if kind == "burst-moving":
        return moving(picture, passer, rng)
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
        "heic": lambda: as_heic(picture, int(rng.integers(20, 60))),
        "quarter-flip": lambda: np.ascontiguousarray(np.rot90(picture, rng.integers(1, 4))[:, ::-1]),
        "quarter-develop": lambda: developed(np.ascontiguousarray(np.rot90(picture, rng.integers(1, 4))), rng),
    }[edit]()
    return picture, recompressed(changed, 85)


KINDS = (
    "exposure-a", "exposure-b", "exposure-c", "exposure-d", "exposure-e",
    "view", "view-on", "view-walk", "view-far", "view-layers", "view-tilt", "burst", "burst-moving", "framing",
    "soft", "plain",
    *(f"edit-{edit}" for edit in (
        "recompress", "resize", "crop5", "crop15", "crop30", "turn5",
        "turn10", "quarter", "gray", "flip", "develop", "caption",
        "heic", "quarter-flip", "quarter-develop",
    )),
)  # fmt: skip
