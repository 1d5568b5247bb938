"""Draws precision against recall, one line for each tool: `write` is all there is to call.

Comes in: for each tool its points. Goes out: a PNG without a background, in shades that show on white and on black.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH_PX, HEIGHT_PX, FINER = 1120, 560, 3
LEFT, TOP, RIGHT, BOTTOM = 76, 30, 700, 490
INK = (128, 128, 128, 255)
COLORS = (
    (224, 86, 36), (64, 132, 214), (52, 160, 96), (150, 108, 200), (190, 140, 30),
    (214, 96, 140), (30, 160, 170), (120, 140, 60), (160, 110, 90), (120, 120, 200),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """`default`: what the tool does when nobody asks for anything else."""

    recall: float
    precision: float
    default: bool


def write(path: Path, tools: Mapping[str, Sequence[Point]], title: str) -> None:
    """The first tool is drawn last and strongest. Points come in the order of the threshold; dots are the defaults."""
    picture = Image.new("RGBA", (WIDTH_PX * FINER, HEIGHT_PX * FINER), (128, 128, 128, 0))
    pen = ImageDraw.Draw(picture)
    _axes(pen, title)
    for rank, name in reversed(list(enumerate(tools))):
        color = (*COLORS[rank % len(COLORS)], 255)
        line = [_at(point.recall, point.precision) for point in tools[name]]
        if len(line) > 1:
            pen.line(line, color, (2 if rank else 4) * FINER, "curve")
        for x, y in (_at(point.recall, point.precision) for point in tools[name] if point.default):
            radius = (5 if rank else 7) * FINER
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), color)
    _legend(pen, tools)
    small = picture.resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.LANCZOS)
    path.parent.mkdir(parents=True, exist_ok=True)
    small.quantize(128, Image.Quantize.FASTOCTREE).save(path, optimize=True)


def _at(recall: float, precision: float) -> tuple[float, float]:
    x = LEFT + recall * (RIGHT - LEFT)
    y = BOTTOM - precision * (BOTTOM - TOP)
    return x * FINER, y * FINER


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * FINER)


def _axes(pen: ImageDraw.ImageDraw, title: str) -> None:
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        x, y = _at(share, 0)
        pen.line([(x, y), _at(share, 1)], (*INK[:3], 60), FINER)
        pen.text((x, y + 8 * FINER), f"{share:.1f}", INK, _font(13), "ma")
        x, y = _at(0, share)
        pen.line([(x, y), _at(1, share)], (*INK[:3], 60), FINER)
        pen.text((x - 8 * FINER, y), f"{share:.1f}", INK, _font(13), "rm")
    pen.text(((LEFT + RIGHT) / 2 * FINER, (BOTTOM + 32) * FINER), "recall of pairs", INK, _font(15), "ma")
    pen.text((LEFT * FINER, 4 * FINER), "precision of pairs", INK, _font(15), "la")
    pen.text((LEFT * FINER, (HEIGHT_PX - 8) * FINER), title, INK, _font(13), "ld")


def _legend(pen: ImageDraw.ImageDraw, tools: Mapping[str, Sequence[Point]]) -> None:
    left = (RIGHT + 30) * FINER
    for rank, (name, points) in enumerate(tools.items()):
        color, y = (*COLORS[rank % len(COLORS)], 255), (TOP + 14 + 44 * rank) * FINER
        pen.ellipse((left, y, left + 12 * FINER, y + 12 * FINER), color)
        pen.text((left + 22 * FINER, y - 3 * FINER), name, color, _font(15))
        for point in points:
            if point.default:
                said = f"precision {point.precision:.3f}, recall {point.recall:.3f} at its defaults"
                pen.text((left + 22 * FINER, y + 16 * FINER), said, INK, _font(13))
