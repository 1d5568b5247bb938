"""A calibration as a picture: what each threshold means, as curves.

Comes in: points. Goes out: the text of an SVG file, which any browser shows; nothing needs to be installed to draw it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sameshot.way.calibrating import Point

_WIDTH_PX, _HEIGHT_PX, _MARGIN_PX = 720, 400, 60


def picture(points: Sequence[Point], chosen: float | None) -> str:
    """Returns the SVG: pairs and photos against their own largest, precision and recall from 0 to 1."""
    most_pairs = max((point.pairs for point in points), default=0.0) or 1.0
    most_photos = max((point.photos for point in points), default=0.0) or 1.0
    curves: list[tuple[str, str, Callable[[Point], float | None]]] = [
        (f"similar pairs (most: {most_pairs:,.0f})", "#1f77b4", lambda point: point.pairs / most_pairs),
        (f"clustered photos (most: {most_photos:,.0f})", "#ff7f0e", lambda point: point.photos / most_photos),
        ("expected precision", "#2ca02c", lambda point: point.precision),
        ("changed photos found", "#9467bd", lambda point: point.recall),
    ]
    size = f'width="{_WIDTH_PX}" height="{_HEIGHT_PX + 20 * len(curves)}"'
    frame = f'x="{_MARGIN_PX}" y="20" width="{_x(1) - _MARGIN_PX:g}" height="{_y(0) - 20:g}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<rect {frame} fill="none" stroke="#888"/>',
    ]
    for tenth in range(0, 11, 2):
        lines.append(f'<text x="{_x(tenth / 10):g}" y="{_y(0) + 18:g}" text-anchor="middle">{tenth / 10:g}</text>')
        lines.append(f'<text x="{_MARGIN_PX - 8}" y="{_y(tenth / 10) + 4:g}" text-anchor="end">{tenth / 10:g}</text>')
    for number, (name, color, value) in enumerate(curves):
        places = [(_x(p.threshold), _y(v)) for p in points if (v := value(p)) is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        place = _HEIGHT_PX + 20 * number
        said = name if places else f"{name}: unknown"
        lines.append(f'<text x="{_MARGIN_PX}" y="{place}" fill="{color}">{said}</text>')
    if chosen is not None:
        x = _x(chosen)
        lines.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="20" y2="{_y(0):g}" stroke="#d62728" stroke-dasharray="5 4"/>'
        )
    return "\n".join([*lines, "</svg>", ""])


def _x(threshold: float) -> float:
    return _MARGIN_PX + threshold * (_WIDTH_PX - 2 * _MARGIN_PX)


def _y(share: float) -> float:
    return 20 + (1 - share) * (_HEIGHT_PX - 2 * _MARGIN_PX)
