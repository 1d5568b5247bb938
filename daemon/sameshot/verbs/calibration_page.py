"""A calibration as a page: a slider from threshold to threshold, what each would mean, and the pairs next to it.

Comes in: points, pairs of photos with their small pictures. Goes out: the text of one HTML file that any browser shows
without a network: it holds all it needs, and its policy lets it load nothing. Without scripts it still shows the curves
and all pairs. What a file's name holds is text on it, never markup, nor what turns the text around it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from sameshot.plan.describe import shown as as_text
from sameshot.way.calibrating import Point

_WIDTH_PX, _HEIGHT_PX, _MARGIN_PX = 720, 400, 60


@dataclass(frozen=True, slots=True)
class ExamplePair:
    """Two photos and their score."""

    score: float
    first: Path
    second: Path


def page(
    points: Sequence[Point], pairs: Sequence[ExamplePair], thumbnails: Mapping[Path, bytes], threshold: float
) -> str:
    """Returns the HTML. `thumbnails`: JPEGs by path; a pair that lacks one is left out. `threshold`: where to begin."""
    shown = [pair for pair in pairs if pair.first in thumbnails and pair.second in thumbnails]
    told = [
        {"at": p.threshold, "pairs": p.pairs, "photos": p.photos, "precision": p.precision, "recall": p.recall}
        for p in points
    ]
    rows = "\n".join(_row(pair, thumbnails) for pair in sorted(shown, key=lambda pair: -pair.score))
    return _PAGE.format(
        curves=curves(points),
        threshold=f"{threshold:.12g}",
        points=json.dumps(told),
        rows=rows,
        left=_MARGIN_PX,
        span=_WIDTH_PX - 2 * _MARGIN_PX,
        width=_WIDTH_PX,
    )


def curves(points: Sequence[Point]) -> str:
    """Returns an SVG: pairs and photos against their own largest, precision and recall from 0 to 1."""
    most_pairs = max((point.pairs for point in points), default=0.0) or 1.0
    most_photos = max((point.photos for point in points), default=0.0) or 1.0
    lines: list[tuple[str, str, Callable[[Point], float | None]]] = [
        (f"similar pairs (most: {most_pairs:,.0f})", "#1f77b4", lambda point: point.pairs / most_pairs),
        (f"clustered photos (most: {most_photos:,.0f})", "#ff7f0e", lambda point: point.photos / most_photos),
        ("expected precision", "#2ca02c", lambda point: point.precision),
        ("changed photos found", "#9467bd", lambda point: point.recall),
    ]
    size = f'width="{_WIDTH_PX}" height="{_HEIGHT_PX + 20 * len(lines)}"'
    frame = f'x="{_MARGIN_PX}" y="20" width="{_x(1) - _MARGIN_PX:g}" height="{_y(0) - 20:g}"'
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<rect {frame} fill="none" stroke="#888"/>',
    ]
    for tenth in range(0, 11, 2):
        drawn.append(f'<text x="{_x(tenth / 10):g}" y="{_y(0) + 18:g}" text-anchor="middle">{tenth / 10:g}</text>')
        drawn.append(f'<text x="{_MARGIN_PX - 8}" y="{_y(tenth / 10) + 4:g}" text-anchor="end">{tenth / 10:g}</text>')
    for number, (name, color, value) in enumerate(lines):
        places = [(_x(p.threshold), _y(v)) for p in points if (v := value(p)) is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        place = _HEIGHT_PX + 20 * number
        said = name if places else f"{name}: unknown"
        drawn.append(f'<text x="{_MARGIN_PX}" y="{place}" fill="{color}">{said}</text>')
    drawn.append(f'<line id="here" y1="20" y2="{_y(0):g}" stroke="#d62728" stroke-dasharray="5 4"/>')
    return "\n".join([*drawn, "</svg>"])


def _row(pair: ExamplePair, thumbnails: Mapping[Path, bytes]) -> str:
    ends = "".join(
        f'<figure><img loading="lazy" alt="" src="data:image/jpeg;base64,{b64encode(thumbnails[path]).decode()}">'
        f"<figcaption>{_readable(path)}</figcaption></figure>"
        for path in (pair.first, pair.second)
    )
    return f'<div class="pair" data-score="{pair.score:g}"><b>{pair.score:.4f}</b>{ends}</div>'


def _readable(path: Path) -> str:
    """What cannot be printed is shown as an escape, as on a terminal."""
    return escape(as_text(path))


def _x(threshold: float) -> float:
    return _MARGIN_PX + threshold * (_WIDTH_PX - 2 * _MARGIN_PX)


def _y(share: float) -> float:
    return 20 + (1 - share) * (_HEIGHT_PX - 2 * _MARGIN_PX)


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>From which score on are photos of one shot?</title>
<style>
body {{ font: 15px/1.5 sans-serif; max-width: {width}px; margin: 2em auto; padding: 0 1em; color: #222 }}
#at {{ width: {span}px; margin: 0 0 1em {left}px; max-width: 80% }}
#exact {{ width: 9em }}
.pair {{ display: flex; gap: 1em; align-items: center; margin: .5em 0; padding: .5em; border-left: 6px solid #999 }}
.pair.one {{ border-color: #2ca02c }}
.pair.two {{ border-color: #d62728 }}
figure {{ margin: 0 }}
img {{ display: block; max-width: 240px; max-height: 240px }}
figcaption {{ font-size: 12px; color: #666; max-width: 240px; overflow-wrap: anywhere }}
code {{ background: #eee; padding: .1em .4em }}
</style>
<h1>From which score on are photos of one shot?</h1>
{curves}
<input id="at" type="range" min="0" max="1" step="0.001" value="{threshold}" aria-label="threshold">
<p>Exactly: <input id="exact" type="number" min="0" max="1" step="any" value="{threshold}" aria-label="exactly"></p>
<p id="meaning"></p>
<p>To keep it: <code id="command">sameshot calibrate --threshold {threshold}</code></p>
<p>Green pairs would be one shot, red ones would not. Those next to the threshold come first.</p>
<div id="pairs">
{rows}
</div>
<script>
const points = {points}, at = document.getElementById("at"), here = document.getElementById("here");
const exact = document.getElementById("exact");
const pairs = [...document.querySelectorAll(".pair")];
const share = value => value === null ? "unknown" : (100 * value).toFixed(2) + " %";
function meant(threshold) {{
  const low = points.findLast(one => one.at <= threshold) ?? points[0];
  const high = points.find(one => one.at >= threshold) ?? points[points.length - 1];
  const part = high.at > low.at ? (threshold - low.at) / (high.at - low.at) : 0;
  const between = name =>
    low[name] === null || high[name] === null ? null : low[name] + part * (high[name] - low[name]);
  return {{pairs: between("pairs"), photos: between("photos"),
    precision: between("precision"), recall: between("recall")}};
}}
function show() {{
  const threshold = Number(exact.value), x = {left} + threshold * {span};
  here.setAttribute("x1", x);
  here.setAttribute("x2", x);
  const point = meant(threshold);
  document.getElementById("meaning").textContent =
    `From ${{threshold}} on: about ${{Math.round(point.pairs)}} pairs, ${{Math.round(point.photos)}} photos in groups; `
    + `expected to be right: ${{share(point.precision)}}; changed photos found again: ${{share(point.recall)}}.`;
  document.getElementById("command").textContent = `sameshot calibrate --threshold ${{threshold}}`;
  const sides = [[], []];
  for (const pair of pairs) {{
    const one = Number(pair.dataset.score) >= threshold;
    pair.className = "pair " + (one ? "one" : "two");
    sides[one ? 0 : 1].push(pair);
  }}
  const near = side => side.sort((a, b) =>
    Math.abs(a.dataset.score - threshold) - Math.abs(b.dataset.score - threshold)).slice(0, 6);
  const chosen = new Set([...near(sides[0]), ...near(sides[1])]);
  for (const pair of pairs) pair.hidden = !chosen.has(pair), pair.style.display = pair.hidden ? "none" : "flex";
}}
at.addEventListener("input", () => {{ exact.value = at.value; show(); }});
exact.addEventListener("input", () => {{
  if (exact.value !== "" && exact.checkValidity()) at.value = exact.value, show();
}});
show();
</script>
</html>
"""
