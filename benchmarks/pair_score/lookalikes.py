"""Pairs of photos that look alike and are two shots, made on purpose: what the pair score must not fall for.

Comes in: uint8 RGB pixels of different photos, a seeded generator, and the number of a publisher: what photos of one
publisher, program, issuer, studio or room share is drawn from it. Goes out: two pictures. What they share of one place
is about half of the frame at most.
"""

from __future__ import annotations

import cv2
import numpy as np
import variants
from variants import Pixels

PUBLISHERS = 12
DRAWN = ("chart", "pattern")
Pair = tuple[Pixels, Pixels]


def stamped(picture: Pixels, seed: int) -> Pixels:
    """With the frame, logo and caption of publisher `seed`: unrelated photos with one stamp stay unrelated."""
    rng = np.random.default_rng(seed)
    picture = variants.captioned(variants.resized(picture, 900), rng)
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
        if style % 2 or rng.random() < 0.85:  # every other style has a line on every line
            cv2.putText(paper, line, (margin, y), cv2.FONT_HERSHEY_SIMPLEX, size, (30,) * 3, 1, cv2.LINE_AA)
    return paper


def beside(picture: Pixels, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """Two pictures of one place that share less than four tenths of what they show."""
    height, width = picture.shape[:2]
    if height > width:
        one, other = beside(np.rot90(picture), rng)
        return np.ascontiguousarray(np.rot90(one, -1)), np.ascontiguousarray(np.rot90(other, -1))
    part = int(width * rng.uniform(0.5, 0.6))
    start = int(min(width - part, part * rng.uniform(0.62, 0.8)))
    return np.ascontiguousarray(picture[:, :part]), np.ascontiguousarray(picture[:, start : start + part])


def form(rng: np.random.Generator, issuer: int) -> Pixels:
    """A form of one issuer, scanned or held in a hand: its words are printed, what was filled in is its own."""
    printed = np.random.default_rng(issuer + 2000)
    wide, high = (640, 900) if issuer % 2 else (900, 600)
    paper = np.full((high, wide, 3), int(printed.integers(215, 250)), np.uint8)
    font = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)[issuer % 3]
    band = int(high * printed.uniform(0.08, 0.2))
    cv2.rectangle(paper, (0, 0), (wide, band), [int(c) for c in printed.integers(0, 190, 3)], -1)
    cv2.putText(paper, _word(printed, 6, 12).upper(), (20, band - 16), font, 1.2, (250,) * 3, 2, cv2.LINE_AA)
    rows = int(printed.integers(6, 14))
    filled_from = int(wide * printed.uniform(0.25, 0.45))
    size = printed.uniform(0.6, 1.1)
    for row in range(rows):
        y = band + (row + 1) * (high - band) // (rows + 2)
        cv2.putText(paper, _word(printed, 4, 9), (20, y), font, 0.6, (90,) * 3, 1, cv2.LINE_AA)
        cv2.line(paper, (filled_from, y + 8), (wide - 20, y + 8), (160,) * 3, 1)
        written = " ".join(_word(rng, 3, 10) for _ in range(int(rng.integers(1, 4)))) + f" {rng.integers(10, 9999)}"
        cv2.putText(paper, written, (filled_from, y), font, size, (20,) * 3, 2, cv2.LINE_AA)
    if issuer % 4 < 2:
        code = cv2.resize(
            (rng.random((24, 24)) * 2).astype(np.uint8) * 255, (150, 150), interpolation=cv2.INTER_NEAREST
        )
        paper[high - 165 : high - 15, wide - 165 : wide - 15] = code[..., None]
    return seen_elsewhere(paper, rng, 0.95, 1.1) if issuer % 3 == 0 else paper


def studio(pictures: Pair, backdrop: Pixels, rng: np.random.Generator) -> Pair:
    """Two sitters of one studio: its backdrop and one outline of head and shoulders, each of another surface."""
    height, width = 600, 480 + 320 * int(rng.integers(2))
    behind = cv2.resize(backdrop, (width, height))
    if rng.random() < 0.5:  # others hang a cloth with a pattern
        behind = cv2.GaussianBlur(behind, (0, 0), rng.uniform(8, 60))

    def sitting(surface: Pixels) -> Pixels:
        mask = np.zeros((height, width), np.float32)
        x, y = width // 2 + int(rng.normal(0, 18)), int(height * 0.42 + rng.normal(0, 14))
        across, down = int(rng.uniform(95, 135)), int(rng.uniform(135, 175))
        cv2.ellipse(mask, (x, height + 30), (int(rng.uniform(190, 260)), 210), 0, 0, 360, 1, -1)
        cv2.ellipse(mask, (x, y), (across, down), rng.normal(0, 4), 0, 360, 1, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
        sitter = cv2.GaussianBlur(cv2.resize(surface, (width, height)), (0, 0), 2.0) * 0.5
        face = np.zeros((height, width), np.float32)
        cv2.ellipse(face, (x, y), (across - 12, down - 12), 0, 0, 360, 1, -1)
        skin = np.array([215, 170, 140]) * rng.uniform(0.5, 1.1)
        sitter = sitter + cv2.GaussianBlur(face, (0, 0), 4)[..., None] * (skin - sitter) * rng.uniform(0.4, 0.8)
        for side in (-1, 1):  # everyone has eyes, at about one place
            eye = (int(x + side * across * rng.uniform(0.33, 0.48)), int(y - down * rng.uniform(0.05, 0.2)))
            cv2.ellipse(sitter, eye, (int(across * 0.18), int(rng.uniform(8, 15))), 0, 0, 360, (240,) * 3, -1)
            cv2.circle(sitter, eye, int(rng.uniform(6, 11)), [int(c) for c in rng.integers(10, 140, 3)], -1)
        mouth = (x, y + int(down * rng.uniform(0.45, 0.65)))
        cv2.ellipse(
            sitter, mouth, (int(across * rng.uniform(0.3, 0.5)), int(rng.uniform(5, 18))), 0, 0, 180, (150, 60, 70), -1
        )
        seen = seen_elsewhere(behind, rng, 1.05, 1.15) if rng.random() < 0.5 else behind
        return variants.noisy((seen * (1 - mask) + sitter * mask).clip(0, 255).astype(np.uint8), 3, rng)

    return sitting(pictures[0]), sitting(pictures[1])


def one_room(things: Pair, place: Pixels, rng: np.random.Generator) -> Pair:
    """One place from two steps apart, each time with another thing in front of about half of it."""
    place = variants.resized(place, 640)
    height, width = place.shape[:2]

    def taken(thing: Pixels) -> Pixels:
        behind = seen_elsewhere(place, rng, 1.1, 1.5)
        mask = np.zeros((height, width), np.float32)
        middle = np.array([width, height]) * (0.5 + rng.normal(0, 0.06, 2))
        span = np.sqrt(width * height) * rng.uniform(0.36, 0.46)
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 12))))
        corners = middle + span * np.c_[np.cos(angles), np.sin(angles)] * rng.uniform(0.8, 1.1, (len(angles), 1))
        cv2.fillPoly(mask, [corners.astype(np.int32)], 1)
        cv2.ellipse(mask, [int(c) for c in middle], [int(span * 0.85), int(span * 0.75)], 0, 0, 360, 1, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), 1.2)[..., None]
        return (behind * (1 - mask) + cv2.resize(thing, (width, height)) * mask).astype(np.uint8)

    return taken(things[0]), taken(things[1])


def chart(rng: np.random.Generator, program: int) -> Pixels:
    """A chart of one program: its letters, grid and colours; values, words and margins are its own."""
    drawn = np.random.default_rng(program + 3000)
    wide, high = ((900, 560), (640, 480), (700, 700))[program % 3]
    dark = program % 5 == 0
    paper = np.full((high, wide, 3), 30 if dark else int(drawn.integers(240, 256)), np.uint8)
    ink, faint = ((220,) * 3, (70,) * 3) if dark else ((50,) * 3, (215,) * 3)
    font, size = (cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_SIMPLEX)[program % 2], drawn.uniform(0.4, 0.6)
    size *= 2 if font == cv2.FONT_HERSHEY_PLAIN else 1
    colors = drawn.integers(0, 256, (8, 3)).tolist()
    left, right = int(rng.uniform(0.06, 0.16) * wide), int(rng.uniform(0.75, 0.97) * wide)
    top, bottom = int(rng.uniform(0.08, 0.2) * high), int(rng.uniform(0.78, 0.92) * high)
    title = " ".join(_word(rng, 3, 9) for _ in range(int(rng.integers(2, 6))))
    cv2.putText(paper, title, (left, top - 14), font, size * 1.4, ink, 1, cv2.LINE_AA)
    count = int(rng.integers(3, 16))
    if program % 4 == 3:
        _cake(paper, rng.dirichlet(np.ones(count)), (left, top, right, bottom), colors)
        return paper
    for y in np.linspace(bottom, top, int(rng.integers(4, 9))).astype(int):
        cv2.line(paper, (left, y), (right, y), faint, 1)
        cv2.putText(paper, f"{rng.integers(0, 5000)}", (4, y + 5), font, size * 0.8, ink, 1, cv2.LINE_AA)
    xs = np.linspace(left, right, count + 1)
    for series in range(1 if program % 4 == 0 else int(rng.integers(1, 5))):
        color = colors[series]
        ys = (bottom - (bottom - top) * rng.uniform(0.02, 1, count)).astype(int)
        for at, (x, y) in enumerate(zip(xs[:-1].astype(int), ys, strict=True)):
            if program % 4 == 0:
                cv2.rectangle(paper, (x + 4, y), (int(xs[at + 1]) - 4, bottom), color, -1)
            elif program % 4 == 1:
                cv2.circle(paper, (int(rng.uniform(left, right)), y), 5, color, -1, cv2.LINE_AA)
        if program % 4 == 2:
            cv2.polylines(paper, [np.c_[xs[:-1].astype(int), ys]], False, color, 2, cv2.LINE_AA)
    for x in xs[:-1]:
        cv2.putText(paper, _word(rng, 2, 6), (int(x), bottom + 20), font, size * 0.8, ink, 1, cv2.LINE_AA)
    cv2.rectangle(paper, (left, top), (right, bottom), ink, 1)
    return paper


def _cake(paper: Pixels, shares: np.ndarray, box: tuple[int, int, int, int], colors: list[list[int]]) -> None:
    left, top, right, bottom = box
    radius = min(right - left, bottom - top) // 2
    ends = np.cumsum(shares) * 360
    for at, (begin, end) in enumerate(zip([0.0, *ends], ends, strict=False)):
        middle = ((left + right) // 2, (top + bottom) // 2)
        cv2.ellipse(paper, middle, (radius, radius), -90, begin, end, colors[at % len(colors)], -1, cv2.LINE_AA)


def pattern(period_px: float, angle: float, kind: int, rng: np.random.Generator) -> Pixels:
    """A regular pattern: stripes, crossing stripes or dots, of any colours, somewhere under the camera."""
    wide, high = ((720, 480), (480, 720), (600, 600), (640, 480))[int(rng.integers(4))]
    ys, xs = np.mgrid[0:high, 0:wide].astype(np.float32)
    angle += rng.normal(0, 0.02)
    period_px *= np.exp(rng.normal(0, 0.03))
    along = (xs * np.cos(angle) + ys * np.sin(angle)) / period_px + rng.random()
    across = (ys * np.cos(angle) - xs * np.sin(angle)) / period_px + rng.random()
    one, other = np.sin(2 * np.pi * along), np.sin(2 * np.pi * across)
    values = (one, np.maximum(one, other), one * other, one + 0.5 * np.sin(4 * np.pi * along))[kind % 4]
    if kind >= 4:  # with sharp borders
        values = np.sign(values - rng.uniform(-0.4, 0.4))
    share = ((values - values.min()) / np.ptp(values))[..., None]
    ground, ink = rng.integers(0, 256, (2, 3))
    return variants.noisy((ground * (1 - share) + ink * share).astype(np.uint8), rng.uniform(0, 6), rng)


def seen_elsewhere(picture: Pixels, rng: np.random.Generator, nearest: float, farthest: float) -> Pixels:
    """By a camera in another hand: a little turned, closer, and aside."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 3), rng.uniform(nearest, farthest))
    turn[:, 2] += rng.uniform(-0.05, 0.05, 2) * width
    return cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REFLECT)


def pairs(picture: Pixels, stranger: Pixels, place: Pixels, photo: int, rng: np.random.Generator) -> dict[str, Pair]:
    """Kind -> two shots. `stranger`, `place`: two photos that show something else."""
    publisher = photo % PUBLISHERS
    both = picture, stranger
    return {
        "halves": tuple(np.array_split(picture, 2, axis=int(rng.integers(2)))),
        "beside": beside(picture, rng),
        "stamp": tuple(stamped(each, publisher) for each in both),
        "stamp-soft": tuple(stamped(variants.soft(each, rng), publisher) for each in both),
        "window": tuple(windowed(each, publisher) for each in both),
        "soft-apart": tuple(variants.noisy(variants.soft(each, rng), 2, rng) for each in both),
        "plain-apart": tuple(variants.plain(each, rng) for each in both),
        "page": (page(rng, publisher), page(rng, publisher)),
        "form": (form(rng, publisher), form(rng, publisher)),
        "studio": studio(both, place, rng),
        "room": one_room(both, place, rng),
    }


def drawn_pair(kind: str, rng: np.random.Generator) -> Pair:
    """Two charts of one program, or two regular patterns of about one period and direction."""
    if kind == "chart":
        program = int(rng.integers(60))
        if rng.random() < 0.5:
            program = 4 * (program // 4) + 3  # more than half are cakes: theirs is the simplest outline
        return chart(rng, program), chart(rng, program)
    regular = rng.uniform(12, 120), rng.uniform(0, np.pi), int(rng.integers(8))
    return pattern(*regular, rng), pattern(*regular, rng)


def _word(rng: np.random.Generator, shortest: int, longest: int) -> str:
    return "".join(chr(letter) for letter in rng.integers(97, 123, rng.integers(shortest, longest)))
