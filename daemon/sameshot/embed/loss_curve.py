"""The losses of a training as a picture (SVG), to be kept with the model."""

from __future__ import annotations

from collections.abc import Sequence

_WIDTH, _HEIGHT, _EDGE = 640, 320, 48


def picture(curve: Sequence[tuple[float, float]]) -> str:
    """Returns an SVG of (training, validation) losses by epoch, with the epoch whose weights are kept."""
    highest = max((loss for losses in curve for loss in losses), default=1.0) or 1.0
    lines = []
    for series, (name, color) in enumerate((("training", "#888"), ("validation", "#0a58a8"))):
        points = " ".join(
            f"{_x(epoch, len(curve)):.1f},{_y(losses[series] / highest):.1f}" for epoch, losses in enumerate(curve)
        )
        lines.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        lines.append(f'<text x="{_WIDTH - _EDGE - 90}" y="{_EDGE + 18 * series}" fill="{color}">{name}</text>')
    if curve:
        best = min(range(len(curve)), key=lambda epoch: curve[epoch][1])
        at, loss = _x(best, len(curve)), curve[best][1]
        lines.append(f'<circle cx="{at:.1f}" cy="{_y(loss / highest):.1f}" r="4" fill="#0a58a8"/>')
        anchor = "end" if at > _WIDTH / 2 else "start"
        lines.append(
            f'<text x="{at:.1f}" y="{_y(loss / highest) - 10:.1f}" text-anchor="{anchor}" fill="#0a58a8">'
            f"kept: epoch {best + 1}, {loss:.3g}</text>"
        )
    lines.append(f'<text x="{_EDGE}" y="{_HEIGHT - 14}">1</text>')
    lines.append(f'<text x="{_WIDTH - _EDGE}" y="{_HEIGHT - 14}" text-anchor="end">epoch {len(curve)}</text>')
    lines.append(f'<text x="6" y="{_y(1.0):.0f}">{highest:.3g}</text><text x="6" y="{_y(0.0):.0f}">0</text>')
    inside = "\n".join(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="13">\n<rect width="100%" height="100%" fill="white"/>\n{inside}\n</svg>\n'
    )


def _x(epoch: int, count: int) -> float:
    return _EDGE + (_WIDTH - 2 * _EDGE) * epoch / max(count - 1, 1)


def _y(share: float) -> float:
    return _HEIGHT - _EDGE + (2 * _EDGE - _HEIGHT) * share
