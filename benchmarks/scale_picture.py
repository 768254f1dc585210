"""Draws what `scale.py` measured as an SVG: time and memory of searches and commands against the number of notes, both by tens."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drawing import LINES, MARGIN, OTHERS, OURS, WIDTH, document, text

GAP, TOP, HEIGHT, FOOT, AXIS = 44, 48, 190, 54, 50
PANEL_WIDTH = (WIDTH - 2 * MARGIN - GAP) / 2
LABEL = 15

RULES = (
    ("line", "stroke", LINES),
    ("path", "stroke", OTHERS),
    ("path.ours", "stroke", OURS),
    ("circle", "fill", OTHERS),
    ("circle.ours", "fill", OURS),
)

Measured = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Curve:
    """What a line of a chart stands for: its name, and what of the measured belongs to it, by how that begins."""

    name: str
    of: tuple[str, ...]
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: a figure, how one is made of several, and between which powers of ten it lies."""

    title: str
    remark: str
    field: str
    low: int
    high: int
    is_most: bool
    curves: tuple[Curve, ...]


SEARCHES = (
    Curve("words", ("words ",)),
    Curve("meaning", ("meaning ",)),
    Curve("words and meaning", ("hybrid ",), True),
)
COMMANDS = (
    Curve("lists and counts", ("verb list", "verb tags", "verb projects", "verb stats"), True),
    Curve("add", ("verb add",)),
    Curve("terminal UI", ("verb terminal UI",)),
    Curve("delete", ("verb delete",)),
)
CHARTS = (
    Chart(
        "Time of a search", "ms of the processor, the median of eight kinds of lines", "warm_ms", 0, 3, False, SEARCHES
    ),
    Chart("Memory of a search", "peak MB of the process, without the model's own", "peak_mb", 0, 3, True, SEARCHES),
    Chart("Time of a command", "ms of the processor, the whole process; the slowest", "cpu_ms", 1, 4, True, COMMANDS),
    Chart("Memory of a command", "peak MB of the process", "peak_mb", 0, 3, True, COMMANDS),
)


def draw(measured: Measured) -> str:
    """The picture.

    Args:
        measured: Figures by "notes mode line", or "notes verb command".

    Returns:
        An SVG document that follows the reader's light or dark scheme.
    """
    body = [line for place, chart in enumerate(CHARTS) for line in _panel(chart, measured, place)]
    summary = "Time and memory of searches and commands from a thousand notes to a million"
    return document(2 * MARGIN + (TOP + HEIGHT + FOOT) * (len(CHARTS) // 2), summary, RULES, body)


def _panel(chart: Chart, measured: Measured, place: int) -> Sequence[str]:
    row, column = divmod(place, 2)
    left, head = MARGIN + column * (PANEL_WIDTH + GAP), MARGIN + row * (TOP + HEIGHT + FOOT)
    top = head + TOP
    sizes = sorted({int(key.split()[0]) for key in measured})
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])
    start, room = left + AXIS, PANEL_WIDTH - AXIS - 10

    def across(size: int) -> float:
        return start + room * (math.log10(size) - first) / max(last - first, 1)

    def down(figure: float) -> float:
        return top + HEIGHT * (1 - (math.log10(max(figure, 1)) - chart.low) / (chart.high - chart.low))

    lines = [text(left, head + 14, chart.title, kind="title"), text(left, head + 31, chart.remark)]
    for power in range(chart.low, chart.high + 1):
        height = down(10**power)
        lines.append(f'<line x1="{start:g}" x2="{start + room:.1f}" y1="{height:.1f}" y2="{height:.1f}"/>')
        lines.append(text(start - 6, height + 4, f"{10**power:,}", anchor="end"))
    lines += [text(across(size), top + HEIGHT + 18, f"{size:,}", anchor="middle") for size in sizes]
    lines.append(text(start + room / 2, top + HEIGHT + 36, "notes", anchor="middle"))
    ends: list[tuple[float, Curve, float]] = []
    for curve in chart.curves:
        points = [
            (across(size), down(figure), figure) for size in sizes if (figure := _figure(chart, measured, size, curve))
        ]
        if not points:
            continue
        own = ' class="ours"' * curve.is_ours
        way = " L".join(f"{x:.1f} {y:.1f}" for x, y, _ in points)
        lines.append(f'<path{own} d="M{way}" fill="none" stroke-width="2"/>')
        lines += [f'<circle{own} cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y, _ in points]
        ends.append((points[-1][1], curve, points[-1][2]))
    return [*lines, *_labels(start + room, ends)]


def _labels(right: float, ends: Sequence[tuple[float, Curve, float]]) -> list[str]:
    """What each line stands for and where it ends: all of them above the highest, in the order of the lines."""
    ordered = sorted(ends, key=lambda end: (end[0], end[1].name))
    above = ordered[0][0] - 10 - LABEL * (len(ordered) - 1) if ordered else 0
    return [
        text(
            right,
            above + LABEL * place,
            f"{curve.name}: {figure:,.0f}",
            kind="ours" if curve.is_ours else "",
            anchor="end",
        )
        for place, (_, curve, figure) in enumerate(ordered)
    ]


def _figure(chart: Chart, measured: Measured, size: int, curve: Curve) -> float:
    beginnings = tuple(f"{size} {each}" for each in curve.of)
    figures = [each[chart.field] for key, each in measured.items() if key.startswith(beginnings)]
    if not figures:
        return 0.0
    return max(figures) if chart.is_most else statistics.median(figures)
