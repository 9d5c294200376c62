"""The results as one picture: a group of bars per figure, each as long as its value. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.figures import Figure, number

WIDTH, MARGIN, LABEL, BAR, GAP, HEAD = 860, 20, 150, 20, 22, 74
_SCALE = WIDTH - 2 * MARGIN - LABEL - 150  # the longest bar: what name and value leave
# The picture has its own background, to be readable on light and dark pages.
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2933 }
.title { font-size: 20px; font-weight: 600 }
.note, .unit { fill: #616e7c }
.name { text-anchor: end }
.measure { font-weight: 600 }
.ours { fill: #0b7285 }
.peer { fill: #adb5bd }
.limit { stroke: #c92a2a; stroke-width: 2 }
"""


def draw(figures: Sequence[Figure], subtitle: str) -> str:
    """An SVG document of every figure that was measured and has a peer or a target."""
    shown = [figure for figure in figures if figure.ours and (figure.peers or figure.must or figure.wanted)]
    body: list[str] = []
    top: float = HEAD
    for figure in shown:
        elements, height = _group(figure, top)
        body += elements
        top += height + GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img">',
            "<title>Treadle compared with its peers</title>",
            f"<style>{_STYLE}</style>",
            f'<rect width="{WIDTH}" height="{top}" rx="8" fill="#ffffff"/>',
            _text(MARGIN, 32, "Treadle compared with its peers", "title"),
            _text(MARGIN, 54, f"{subtitle}; red line: the target", "note"),
            *body,
            "</svg>",
            "",
        ]
    )


def _group(figure: Figure, top: float) -> tuple[list[str], float]:
    bars = [("Treadle", figure.ours.median, "ours")] if figure.ours else []
    bars += [(name, series.median, "peer") for name, series in figure.peers.items()]
    limit = figure.must or figure.wanted
    # A limit far beyond every bar would turn them into slivers: then it is given in words alone.
    values = [value for _, value, _ in bars]
    longest = max(values) or 1.0
    drawn = limit is not None and limit.value <= longest * 4
    if limit and drawn:
        longest = max(longest, limit.value)
    better = "more is better" if figure.more_is_better else "less is better"
    caption = f"{figure.unit}, {better}" + ("" if drawn or not limit else f"; limit {number(limit.value)}")
    elements = [
        f'<text x="{MARGIN}" y="{top + 10}"><tspan class="measure">{escape(figure.measure)}</tspan>'
        f'<tspan class="unit" dx="8">{escape(caption)}</tspan></text>'
    ]
    start, at = MARGIN + LABEL, top + 20
    for name, value, side in bars:
        length = value / longest * _SCALE
        elements += [
            _text(start - 8, at + 15, name, "name"),
            f'<rect class="{side}" x="{start}" y="{at + 3}" width="{length:.1f}" height="{BAR - 5}" rx="2"/>',
            _text(start + length + 8, at + 15, number(value), "value"),
        ]
        at += BAR
    if limit and drawn:
        x = start + limit.value / longest * _SCALE
        elements.append(f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{top + 20}" y2="{at}"/>')
    return elements, at - top


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
