"""Photos drawn from two seeds, so that many can share a look without showing one thing.

Comes in: a kind, the seed of a style (palette, layout, texture, furniture: what photos of one place, program or
publisher share) and the seed of a photo (what it shows). Goes out: uint8 RGB pixels. Two photos of one style and
different seeds are strangers, on purpose hard ones; a photo of a style of its own is an ordinary one. The same
numbers draw the same picture. What two strangers share of one place is about half of the frame at most: with more,
people would not agree.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Pixels = np.ndarray
Seeded = np.random.Generator
WIDTH_PX, HEIGHT_PX = 960, 640
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX_SMALL)


def draw(kind: str, style: int, seed: int) -> Pixels:
    """The photo `seed` in the style `style`: uint8 (640, 960, 3)."""
    number = list(KINDS).index(kind)
    shown = KINDS[kind](np.random.default_rng([number, style]), np.random.default_rng([number, style, seed]))
    return as_taken(shown, np.random.default_rng([number, style, seed, 1]))


def as_taken(picture: Pixels, own: Seeded) -> Pixels:
    """With a lens that darkens its corners, a sensor's noise and a little unsharpness."""
    ys, xs = np.linspace(-1, 1, HEIGHT_PX, dtype=np.float32), np.linspace(-1, 1, WIDTH_PX, dtype=np.float32)
    shade = 1 - np.float32(own.uniform(0, 0.2)) * (xs**2 + ys[:, None] ** 2)
    light = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), own.uniform(0.3, 0.9)) * shade[..., None]
    light += np.float32(own.uniform(1, 5)) * own.standard_normal((HEIGHT_PX, WIDTH_PX, 1), np.float32)
    return np.clip(light, 0, 255).astype(np.uint8)


# ---------------------------------------------------------------- pieces


def color(rng: Seeded, low: int = 0, high: int = 255) -> tuple[int, int, int]:
    return tuple(int(value) for value in rng.integers(low, high + 1, 3))


def near(of: tuple[int, ...], rng: Seeded, spread: float) -> tuple[int, int, int]:
    return tuple(int(value) for value in np.clip(np.array(of) + rng.normal(0, spread, 3), 0, 255))


def clouds(rng: Seeded, cells: tuple[float, float], octaves: int = 5, fall: float = 0.5) -> np.ndarray:
    """Noise of several sizes, about 0 +- 1: float32 (640, 960). cells: of the coarsest size, across and down."""
    total = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
    for octave in range(octaves):
        wide, high = (max(2, int(count * 2**octave)) for count in cells)
        noise = rng.standard_normal((min(high, HEIGHT_PX), min(wide, WIDTH_PX)), np.float32)
        total += fall**octave * cv2.resize(noise, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    return total / max(float(total.std()), 1e-6)


def mixed(first: tuple[int, ...], second: tuple[int, ...], share: np.ndarray) -> Pixels:
    """Two colors mixed: `share` of the second, 0..1, (h, w)."""
    start, end = np.array(first, np.float32), np.array(second, np.float32)
    return (start + (end - start) * np.clip(share, 0, 1).astype(np.float32)[..., None]).astype(np.uint8)


def ramp(first: tuple[int, ...], second: tuple[int, ...]) -> Pixels:
    return mixed(first, second, np.repeat(np.linspace(0, 1, HEIGHT_PX)[:, None], WIDTH_PX, 1))


def polygon(picture: Pixels, corners: np.ndarray, fill: tuple[int, ...]) -> None:
    cv2.fillPoly(picture, [corners.astype(np.int32)], fill, cv2.LINE_AA)


def word(rng: Seeded, shortest: int = 2, longest: int = 10) -> str:
    return "".join(chr(letter) for letter in rng.integers(97, 123, rng.integers(shortest, longest)))


def textured(rng: Seeded) -> Callable[[Seeded], Pixels]:
    """A material: what it returns draws one piece of it."""
    first, second = color(rng), color(rng)
    cells = (rng.uniform(2, 40), rng.uniform(2, 40))
    fall, contrast, folded = rng.uniform(0.4, 0.95), rng.uniform(0.15, 0.5), rng.random() < 0.4

    def piece(own: Seeded) -> Pixels:
        noise = clouds(own, cells, 5, fall)
        return mixed(first, second, np.abs(noise) * contrast if folded else 0.5 + noise * contrast)

    return piece


def thing(rng: Seeded, center: tuple[float, float], size: float) -> tuple[np.ndarray, Pixels]:
    """An object of a few parts: its mask (0..1) and its pixels."""
    mask = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    surface = textured(rng)(rng)
    for part in range(int(rng.integers(3, 8))):
        x, y = np.array(center) + rng.normal(0, size * 0.35, 2) * (part > 0)
        span = size * rng.uniform(0.35, 0.9) if part else size
        layer = np.zeros_like(mask)
        if rng.random() < 0.5:
            axes = (int(span), int(span * rng.uniform(0.4, 1)))
            cv2.ellipse(layer, (int(x), int(y)), axes, rng.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA)
        else:
            angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
            corners = np.c_[x + span * np.cos(angles), y + span * np.sin(angles)]
            polygon(layer, corners, (255,))
        tint = np.array(color(rng, 40, 255)) / 255
        inside = layer > 127
        surface[inside] = (surface[inside] * 0.45 + 140 * tint).clip(0, 255)
        mask = np.maximum(mask, layer)
    for _ in range(int(rng.integers(0, 4))):
        spot = tuple(int(value) for value in np.array(center) + rng.normal(0, size * 0.5, 2))
        cv2.putText(surface, word(rng, 3, 9).upper(), spot, FONTS[0], size / 90, color(rng), 2, cv2.LINE_AA)
    return mask.astype(np.float32) / 255, surface


def elsewhere(picture: Pixels, own: Seeded, nearest: float, farthest: float) -> Pixels:
    """As seen by a camera in another hand: a little turned, closer, and aside."""
    turn = cv2.getRotationMatrix2D((WIDTH_PX / 2, HEIGHT_PX / 2), own.normal(0, 3), own.uniform(nearest, farthest))
    turn[:, 2] += own.uniform(-50, 50, 2)
    return cv2.warpAffine(picture, turn, (WIDTH_PX, HEIGHT_PX), borderMode=cv2.BORDER_REFLECT)


def put(picture: Pixels, mask: np.ndarray, surface: Pixels) -> Pixels:
    """`surface` in front of the picture where the mask says so, with a soft shadow."""
    shadow = cv2.GaussianBlur(np.roll(mask, (10, 14), (0, 1)), (0, 0), 12)[..., None] * 0.35
    mask = mask[..., None]
    return (picture * (1 - shadow) * (1 - mask) + surface * mask).astype(np.uint8)


# ---------------------------------------------------------------- what photos show


def hills(style: Seeded, own: Seeded) -> Pixels:
    """Hills under a sky; the light, the palette and the height of the horizon are the style's."""
    high, low, ground = color(style, 60, 255), color(style, 120, 255), color(style, 20, 160)
    horizon, cells = style.uniform(0.25, 0.6), (style.uniform(2, 6), style.uniform(2, 8))
    material = textured(style)
    picture = ramp(high, low)
    cover = clouds(own, cells)
    picture = (picture + np.clip(cover - 0.3, 0, 1)[..., None] * 60).clip(0, 255).astype(np.uint8)
    grown = material(own)
    for ridge in range(5):
        xs = np.linspace(-20, WIDTH_PX + 20, 14)
        ys = HEIGHT_PX * (horizon + 0.12 * ridge) + own.normal(0, 45, 14)
        mask = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
        polygon(mask, np.vstack([np.c_[xs, ys], [[WIDTH_PX + 20, HEIGHT_PX], [-20, HEIGHT_PX]]]), (255,))
        tint = np.array(near(ground, own, 25), np.float32) * (0.3 + 0.1 * ridge)
        inside = mask > 127
        picture[inside] = (np.roll(grown, 97 * ridge, 1)[inside] * np.float32(0.5) + tint).clip(0, 255)
        for _ in range(int(own.integers(4, 30))):
            x = own.uniform(0, WIDTH_PX)
            y, tall = np.interp(x, xs, ys) + own.uniform(0, 60), own.uniform(8, 18) * (1 + ridge)
            polygon(picture, np.array([[x, y - tall], [x + tall / 3, y], [x - tall / 3, y]]), near(ground, own, 30))
    return picture


def sky(style: Seeded, own: Seeded) -> Pixels:
    """Little but clouds."""
    picture = ramp(color(style, 40, 200), color(style, 120, 255)).astype(np.float32)
    cover = clouds(own, (style.uniform(1.5, 5), style.uniform(1.5, 8)), 6, style.uniform(0.45, 0.65))
    return (picture + np.clip(cover - style.uniform(-0.5, 0.8), 0, 2)[..., None] * 55).clip(0, 255).astype(np.uint8)


def texture(style: Seeded, own: Seeded) -> Pixels:
    """One material from edge to edge."""
    return textured(style)(own)


def facade(style: Seeded, own: Seeded) -> Pixels:
    """A house front: the same windows, and behind each of them something else."""
    columns, rows = int(style.integers(5, 12)), int(style.integers(3, 8))
    wall, frame, glass = color(style, 60, 240), color(style), color(style, 10, 120)
    picture = (textured(style)(own) * 0.25 + np.array(wall) * 0.75).astype(np.uint8)
    wide, high = WIDTH_PX / columns, HEIGHT_PX / rows
    shift = own.uniform(-0.3, 0.3, 2) * [wide, high]
    for column in range(-1, columns + 1):
        for row in range(-1, rows + 1):
            left, top = int((column + 0.2) * wide + shift[0]), int((row + 0.2) * high + shift[1])
            right, bottom = int(left + 0.6 * wide), int(top + 0.65 * high)
            inside = near(glass, own, 20) if own.random() < 0.6 else color(own, 80, 255)
            cv2.rectangle(picture, (left, top), (right, bottom), inside, -1)
            if own.random() < 0.5:
                cloth = int(left + (right - left) * own.uniform(0.1, 0.9))
                cv2.rectangle(picture, (left, top), (cloth, bottom), color(own, 100, 255), -1)
            if own.random() < 0.3:
                spot = (int(own.uniform(left, right)), bottom)
                cv2.circle(picture, spot, int(high * 0.12), color(own), -1, cv2.LINE_AA)
            cv2.rectangle(picture, (left, top), (right, bottom), frame, 3)
    return picture


def bricks(style: Seeded, own: Seeded) -> Pixels:
    """A wall of one bond; every stone has its own shade."""
    wide, high = int(style.integers(30, 110)), int(style.integers(16, 60))
    stone, joint, spread = color(style, 40, 220), color(style, 100, 230), style.uniform(6, 30)
    picture = np.full((HEIGHT_PX, WIDTH_PX, 3), joint, np.uint8)
    x_shift, y_shift = int(own.integers(0, wide)), int(own.integers(0, high))
    for row in range(-1, HEIGHT_PX // high + 1):
        for column in range(-2, WIDTH_PX // wide + 2):
            x, y = column * wide + (row % 2) * wide // 2 + x_shift, row * high + y_shift
            cv2.rectangle(picture, (x + 2, y + 2), (x + wide - 2, y + high - 2), near(stone, own, spread), -1)
    return (picture * 0.8 + textured(style)(own) * 0.2).astype(np.uint8)


def page(style: Seeded, own: Seeded) -> Pixels:
    """A page of one layout: not a word is the same but the publisher's."""
    picture = np.full((HEIGHT_PX, WIDTH_PX, 3), near((240, 238, 230), style, 8), np.uint8)
    margin, size, font = int(style.integers(30, 130)), style.uniform(0.4, 0.7), int(style.integers(0, 4))
    ink, title = color(style, 0, 70), word(style, 6, 14).title()
    cv2.putText(picture, title, (margin, 48), FONTS[font], 1.3, ink, 2, cv2.LINE_AA)
    cv2.rectangle(picture, (margin, 60), (WIDTH_PX - margin, 62), ink, -1)
    for y in range(90, HEIGHT_PX - 30, int(size * 44)):
        if own.random() < 0.12:
            continue
        line = ""
        while cv2.getTextSize(line, FONTS[font], size, 1)[0][0] < WIDTH_PX - 2 * margin - 60 * own.random():
            line += word(own) + " "
        cv2.putText(picture, line, (margin, y), FONTS[font], size, ink, 1, cv2.LINE_AA)
    return picture


def screen(style: Seeded, own: Seeded) -> Pixels:
    """A screenshot: one program, another document in its window."""
    dark = style.random() < 0.5
    shade = int(style.integers(15, 60) if dark else style.integers(215, 250))
    ink, accent = ((230,) * 3, color(style, 90, 255)) if dark else ((25,) * 3, color(style, 0, 160))
    picture = np.full((HEIGHT_PX, WIDTH_PX, 3), shade, np.uint8)
    top, left = int(style.integers(36, 90)), int(style.integers(0, 240))
    inner = cv2.resize(anything(own), (WIDTH_PX - left - 16, HEIGHT_PX - top - 30), interpolation=cv2.INTER_AREA)
    picture[top : HEIGHT_PX - 30, left : WIDTH_PX - 16] = inner
    for button in range(int(style.integers(4, 10))):
        cv2.circle(picture, (24 + 60 * button, top // 2), 9, near(accent, style, 40), -1, cv2.LINE_AA)
        cv2.putText(picture, word(style, 3, 7), (36 + 60 * button, top // 2 + 4), FONTS[0], 0.35, ink, 1, cv2.LINE_AA)
    for line in range(16 if left > 80 else 0):
        cv2.putText(picture, word(own, 4, 14), (10, top + 20 + 34 * line), FONTS[0], 0.45, ink, 1, cv2.LINE_AA)
    return picture


def ticket(style: Seeded, own: Seeded) -> Pixels:
    """A printed form, scanned or held in a hand: one issuer, other numbers, other names, another code."""
    picture = textured(style)(own)
    paper = near((235, 232, 220), style, 12)
    left, right = int(style.integers(60, 200)), WIDTH_PX - int(style.integers(60, 200))
    cv2.rectangle(picture, (left, 50), (right, HEIGHT_PX - 50), paper, -1)
    cv2.rectangle(picture, (left, 50), (right, 130), color(style, 0, 160), -1)
    cv2.putText(picture, word(style, 5, 10).upper(), (left + 20, 110), FONTS[1], 1.8, (250,) * 3, 3, cv2.LINE_AA)
    for row in range(int(style.integers(5, 9))):
        y = 180 + 40 * row
        cv2.putText(picture, word(style, 4, 8), (left + 20, y), FONTS[0], 0.6, (90,) * 3, 1, cv2.LINE_AA)
        said = f"{word(own, 4, 10).title()} {own.integers(10, 99999)}"
        cv2.putText(picture, said, (left + 180, y), FONTS[0], 0.9, (20,) * 3, 2, cv2.LINE_AA)
    code = (own.random((24, 24)) < 0.5).astype(np.uint8) * 255
    picture[HEIGHT_PX - 230 : HEIGHT_PX - 70, right - 190 : right - 30] = cv2.resize(
        code, (160, 160), interpolation=cv2.INTER_NEAREST
    )[..., None]
    return elsewhere(picture, own, 0.95, 1.1) if style.random() < 0.5 else picture


def plain(style: Seeded, own: Seeded) -> Pixels:
    """A wall, a table, a sheet: next to nothing to see, and a stain that is its own."""
    base, far = color(style, 30, 235), None
    far = near(base, style, 20)
    angle = own.uniform(0, 2 * np.pi)
    ys, xs = np.mgrid[0 : 1 : HEIGHT_PX * 1j, 0 : 1 : WIDTH_PX * 1j]
    picture = mixed(base, far, 0.5 + (np.cos(angle) * (xs - 0.5) + np.sin(angle) * (ys - 0.5)))
    for _ in range(int(own.integers(1, 6))):
        spot = (int(own.uniform(0, WIDTH_PX)), int(own.uniform(0, HEIGHT_PX)))
        axes = (int(own.uniform(4, 90)), int(own.uniform(4, 50)))
        cv2.ellipse(picture, spot, axes, own.uniform(0, 180), 0, 360, near(base, own, 14), -1, cv2.LINE_AA)
    return (picture + 4 * clouds(own, (3, 2), 6, 0.8)[..., None]).clip(0, 255).astype(np.uint8)


def portrait(style: Seeded, own: Seeded) -> Pixels:
    """A head before the backdrop of one studio: each photo another person."""
    picture = textured(style)(style) if style.random() < 0.5 else ramp(color(style, 60, 230), color(style, 60, 230))
    picture = cv2.GaussianBlur(picture, (0, 0), 6)
    skin, hair, shirt = near((215, 170, 140), own, 30), color(own, 0, 150), near(color(style), own, 60)
    x, y = WIDTH_PX // 2 + int(own.normal(0, 25)), 290 + int(own.normal(0, 20))
    wide, high = int(own.uniform(95, 140)), int(own.uniform(135, 180))
    cv2.ellipse(picture, (x, HEIGHT_PX + 40), (int(own.uniform(230, 320)), 220), 0, 180, 360, shirt, -1, cv2.LINE_AA)
    cv2.putText(picture, word(own, 3, 6), (x - 80, HEIGHT_PX - 40), FONTS[2], 2, color(own), 3, cv2.LINE_AA)
    above = int(own.uniform(10, 70))
    cv2.ellipse(picture, (x, y - above // 2), (wide + int(own.uniform(5, 40)), high + above), 0, 0, 360, hair, -1)
    cv2.ellipse(picture, (x, y), (wide, high), 0, 0, 360, skin, -1, cv2.LINE_AA)
    cv2.ellipse(picture, (x, y - high), (wide, int(own.uniform(40, 110))), own.normal(0, 12), 0, 360, hair, -1)
    apart, eye_y = int(wide * own.uniform(0.35, 0.5)), y - int(high * own.uniform(0.05, 0.2))
    iris = color(own, 20, 160)
    for side in (-1, 1):
        spot = (x + side * apart, eye_y)
        cv2.ellipse(picture, spot, (int(wide * 0.2), int(own.uniform(9, 16))), 0, 0, 360, (245,) * 3, -1, cv2.LINE_AA)
        cv2.circle(picture, spot, int(own.uniform(7, 11)), iris, -1, cv2.LINE_AA)
        cv2.line(picture, (spot[0] - 26, eye_y - 26), (spot[0] + 26, eye_y - 26 - int(own.normal(4, 5))), hair, 6)
    nose = int(high * own.uniform(0.2, 0.35))
    polygon(picture, np.array([[x, eye_y], [x - nose // 3, y + nose], [x + nose // 3, y + nose]]), near(skin, own, 12))
    mouth = (x, y + int(high * 0.55))
    cv2.ellipse(
        picture, mouth, (int(wide * own.uniform(0.3, 0.5)), int(own.uniform(6, 22))), 0, 0, 180, (150, 60, 70), -1
    )
    return elsewhere(cv2.GaussianBlur(picture, (0, 0), 1.2), own, 1.35, 1.7)


def product(style: Seeded, own: Seeded) -> Pixels:
    """Things for sale, one after the other, on one table before one backdrop."""
    picture = ramp(color(style, 120, 255), color(style, 120, 255))
    picture[430:] = (textured(style)(style)[430:] * 0.5 + 90).astype(np.uint8)
    place = (WIDTH_PX / 2 + own.normal(0, 30), 360 + own.normal(0, 20))
    return put(elsewhere(picture, own, 1.0, 1.2), *thing(own, place, own.uniform(260, 320)))


def room(style: Seeded, own: Seeded) -> Pixels:
    """One room, seen from somewhere else each time, with something else in front of most of it."""
    picture = (textured(style)(style) * 0.2 + np.array(color(style, 90, 230)) * 0.8).astype(np.uint8)
    picture[460:] = (textured(style)(style)[460:] * 0.4 + np.array(color(style, 30, 120)) * 0.6).astype(np.uint8)
    for _ in range(int(style.integers(5, 10))):
        corner = style.integers([0, 40], [WIDTH_PX - 80, 480])
        size = style.integers(40, 240, 2)
        inside = tuple(int(value) for value in np.minimum(corner + size, [WIDTH_PX - 1, 540]))
        cv2.rectangle(picture, tuple(int(value) for value in corner), inside, color(style), -1)
        cv2.rectangle(picture, tuple(int(value) for value in corner), inside, color(style), 4)
    return put(elsewhere(picture, own, 1.1, 1.5), *thing(own, (480 + own.normal(0, 60), 330), own.uniform(270, 340)))


def meadow(style: Seeded, own: Seeded) -> Pixels:
    """Hundreds of the same small things, each time elsewhere: flowers, gravel, heads of a crowd."""
    picture = textured(style)(own)
    petals, size, round_ = [color(style) for _ in range(3)], style.uniform(6, 22), style.random() < 0.5
    for _ in range(int(style.integers(150, 700))):
        x, y = own.uniform(0, WIDTH_PX), own.uniform(0, HEIGHT_PX)
        span = size * own.uniform(0.6, 1.4) * (0.4 + y / HEIGHT_PX)
        fill = near(petals[int(own.integers(3))], own, 15)
        if round_:
            cv2.circle(picture, (int(x), int(y)), int(span), fill, -1, cv2.LINE_AA)
            cv2.circle(picture, (int(x), int(y)), int(span / 3) + 1, near(petals[0], own, 30), -1, cv2.LINE_AA)
        else:
            angles = own.uniform(0, 2 * np.pi) + np.arange(5) * 2 * np.pi / 5
            polygon(picture, np.c_[x + span * np.cos(2 * angles), y + span * np.sin(2 * angles)], fill)
    return picture


def night(style: Seeded, own: Seeded) -> Pixels:
    """Lights in the dark."""
    picture = ramp(color(style, 0, 30), color(style, 0, 45)).astype(np.float32)
    lamps = [color(style, 120, 255) for _ in range(3)]
    glow = np.zeros_like(picture)
    for _ in range(int(style.integers(25, 120))):
        spot = (int(own.uniform(0, WIDTH_PX)), int(HEIGHT_PX * own.beta(4, 3)))
        cv2.circle(glow, spot, int(own.gamma(2, 3)) + 2, near(lamps[int(own.integers(3))], own, 12), -1, cv2.LINE_AA)
    for _ in range(int(own.integers(2, 8))):
        x, wide = own.uniform(0, WIDTH_PX), own.uniform(30, 160)
        roof = own.uniform(200, 500)
        cv2.rectangle(glow, (int(x), int(roof)), (int(x + wide), HEIGHT_PX), near((12, 12, 18), own, 5), -1)
    return (picture + glow + cv2.GaussianBlur(glow, (0, 0), 14)).clip(0, 255).astype(np.uint8)


def stamped(style: Seeded, own: Seeded) -> Pixels:
    """Unrelated photos with one publisher's frame, caption and logo."""
    picture = anything(own)
    edge, shade = int(style.integers(0, 60)), color(style)
    cv2.rectangle(picture, (0, 0), (WIDTH_PX - 1, HEIGHT_PX - 1), shade, 2 * edge + 1)
    x, y, size = int(style.integers(40, 780)), int(style.integers(40, 480)), int(style.integers(50, 130))
    logo = style.integers(0, 255, (6, 6, 3)).astype(np.uint8)
    picture[y : y + size, x : x + size] = cv2.resize(logo, (size, size), interpolation=cv2.INTER_NEAREST)
    caption = f"{word(style, 4, 9)} {word(style, 4, 9)}".upper()
    spot = (int(style.integers(40, 200)), int(style.integers(90, 600)))
    cv2.putText(picture, caption, spot, FONTS[1], style.uniform(1, 2.4), (255,) * 3, 3, cv2.LINE_AA)
    return picture


ORDINARY = ("hills", "facade", "portrait", "product", "room", "meadow", "night", "screen", "ticket", "page")
"""Kinds with enough to see that a photo of a style of its own is one that people would take."""


def anything(own: Seeded) -> Pixels:
    """A photo with a style of its own: nothing of it is shared with another."""
    kind = ("hills", "facade", "portrait", "product", "meadow", "night", "texture")[int(own.integers(7))]
    return KINDS[kind](own, own)


KINDS: dict[str, Callable[[Seeded, Seeded], Pixels]] = {
    "hills": hills, "sky": sky, "texture": texture, "facade": facade, "bricks": bricks, "page": page, "screen": screen,
    "ticket": ticket, "plain": plain, "portrait": portrait, "product": product, "room": room, "meadow": meadow,
    "night": night, "stamped": stamped,
}  # fmt: skip
