"""Draws what `scale.py` measured as an SVG: time and memory of a search against the number of notes, both by tens."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drawing import LINES, MARGIN, OTHERS, OURS, WIDTH, document, text

GAP, TOP, HEIGHT, FOOT, AXIS = 44, 48, 190, 46, 44
PANEL_WIDTH = (WIDTH - 2 * MARGIN - GAP) / 2

RULES = (
    ("line", "stroke", LINES),
    ("path", "stroke", OTHERS),
    ("path.ours", "stroke", OURS),
    ("circle", "fill", OTHERS),
    ("circle.ours", "fill", OURS),
)


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: a figure of the searches, and between which powers of ten it lies."""

    title: str
    remark: str
    field: str
    low: int
    high: int


CHARTS = (
    Chart("Time of a search", "milliseconds of the processor, the median of eight kinds of lines", "warm_ms", 0, 3),
    Chart("Memory of the process", "peak MB, the most of eight kinds, without the model's own", "peak_mb", 0, 3),
)
NAMES = {"words": "words", "hybrid": "words and meaning"}

Measured = Mapping[str, Mapping[str, float]]


def draw(measured: Measured) -> str:
    """The picture.

    Args:
        measured: Figures by "notes mode line".

    Returns:
        An SVG document that follows the reader's light or dark scheme.
    """
    body = [line for place, chart in enumerate(CHARTS) for line in _panel(chart, measured, place)]
    summary = "Time and memory of searches from a thousand notes to a million"
    return document(2 * MARGIN + TOP + HEIGHT + FOOT, summary, RULES, body)


def _panel(chart: Chart, measured: Measured, place: int) -> Sequence[str]:
    left, top = MARGIN + place * (PANEL_WIDTH + GAP), MARGIN + TOP
    sizes = sorted({int(key.split()[0]) for key in measured})
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])
    start, room = left + AXIS, PANEL_WIDTH - AXIS - 10

    def across(size: int) -> float:
        return start + room * (math.log10(size) - first) / max(last - first, 1)

    def down(figure: float) -> float:
        return top + HEIGHT * (1 - (math.log10(max(figure, 1)) - chart.low) / (chart.high - chart.low))

    lines = [text(left, MARGIN + 14, chart.title, kind="title"), text(left, MARGIN + 31, chart.remark)]
    for power in range(chart.low, chart.high + 1):
        height = down(10**power)
        lines.append(f'<line x1="{start:g}" x2="{start + room:.1f}" y1="{height:.1f}" y2="{height:.1f}"/>')
        lines.append(text(start - 6, height + 4, f"{10**power:,}", anchor="end"))
    lines += [text(across(size), top + HEIGHT + 18, f"{size:,}", anchor="middle") for size in sizes]
    lines.append(text(start + room / 2, top + HEIGHT + 36, "notes", anchor="middle"))
    for mode, name in NAMES.items():
        points = [
            (across(size), down(figure), figure) for size in sizes if (figure := _figure(chart, measured, size, mode))
        ]
        own = ' class="ours"' * (mode == "hybrid")
        way = " L".join(f"{x:.1f} {y:.1f}" for x, y, _ in points)
        lines.append(f'<path{own} d="M{way}" fill="none" stroke-width="2"/>')
        lines += [f'<circle{own} cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y, _ in points]
        x, y, figure = points[-1]
        side = 18 if mode == "words" else -10
        lines.append(text(x, y + side, f"{name}: {figure:,.0f}", kind="ours" if own else "", anchor="end"))
    return lines


def _figure(chart: Chart, measured: Measured, size: int, mode: str) -> float:
    figures = [each[chart.field] for key, each in measured.items() if key.startswith(f"{size} {mode} ")]
    if not figures:
        return 0.0
    return max(figures) if chart.field == "peak_mb" else statistics.median(figures)
