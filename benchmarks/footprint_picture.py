"""Draws the results of `footprint.py` as an SVG: four small charts of bars, the same bytes for the same results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drawing import MARGIN, OTHERS, OURS, WIDTH, document, text

GAP = 44  # between the two columns
NAME_WIDTH = 168
VALUE_WIDTH = 64
TITLE_HEIGHT = 44
ROW_HEIGHT = 24
BAR_HEIGHT = 14
PANEL_GAP = 26
FOOT_HEIGHT = 34
COLUMN_WIDTH = (WIDTH - 2 * MARGIN - GAP) / 2

RULES = (("rect", "fill", OTHERS), ("rect.ours", "fill", OURS))


@dataclass(frozen=True, slots=True)
class Chart:
    """One small chart: a figure of every engine.

    Attributes:
        title: What is shown.
        remark: Its unit, and which way is better.
        field: The figure's name in the results.
        scale: Multiplies the figure.
        digits: Decimals shown.
    """

    title: str
    remark: str
    field: str
    scale: float
    digits: int


CHARTS = (
    Chart("Memory for a query", "peak MB, less is better", "query_peak_bytes", 1e-6, 0),
    Chart("Cold start to the first vector", "seconds, less is better", "cold_s", 1, 2),
    Chart("Memory in bulk", "peak MB, less is better", "bulk_peak_bytes", 1e-6, 0),
    Chart("Speed in bulk", "texts a second of a processor, one thread, more is better", "one_texts_per_cpu_s", 1, 1),
)


def draw(engines: Mapping[str, Mapping[str, object]], ours: str) -> str:
    """The picture.

    Args:
        engines: The figures of every engine, by its name.
        ours: The engine that is set off.

    Returns:
        An SVG document that follows the reader's light or dark scheme.
    """
    panel_height = TITLE_HEIGHT + ROW_HEIGHT * len(engines)
    height = 2 * MARGIN + 2 * panel_height + PANEL_GAP + FOOT_HEIGHT
    body: list[str] = []
    for number, chart in enumerate(CHARTS):
        left = MARGIN + number % 2 * (COLUMN_WIDTH + GAP)
        top = MARGIN + number // 2 * (panel_height + PANEL_GAP)
        body += panel(chart, engines, ours, left, top)
    summary = f"Memory, cold start and speed of {', '.join(engines)}"
    body.append(text(MARGIN, height - MARGIN - 4, fidelity(engines)))
    return document(height, summary, RULES, body)


def fidelity(engines: Mapping[str, Mapping[str, object]]) -> str:
    """The line below the charts: speed means little if the vectors differ."""
    cosines = {name: f"{float(str(row['mean_cosine'])):.4f}" for name, row in engines.items() if row["mean_cosine"]}
    if not cosines:
        return ""
    told = "; ".join(f"{name} {cosine}" for name, cosine in cosines.items() if cosine != "1.0000")
    return f"Mean cosine to the vectors of float32 torch: {told}; all others 1.0000"


def panel(
    chart: Chart, engines: Mapping[str, Mapping[str, object]], ours: str, left: float, top: float
) -> Sequence[str]:
    """The lines of one chart."""
    figures = {name: float(str(row[chart.field])) * chart.scale for name, row in engines.items()}
    longest = max(figures.values())
    start = left + NAME_WIDTH
    room = COLUMN_WIDTH - NAME_WIDTH - VALUE_WIDTH
    lines = [
        text(left, top + 14, chart.title, kind="title"),
        text(left, top + 31, chart.remark),
    ]
    for place, (name, figure) in enumerate(figures.items()):
        kind = "ours" if name == ours else ""
        own = ' class="ours"' if kind else ""
        middle = top + TITLE_HEIGHT + ROW_HEIGHT * (place + 0.5)
        length = max(room * figure / longest, 1)
        lines += [
            text(left, middle + 4, name, kind=kind),
            f'<rect{own} x="{start:g}" y="{middle - BAR_HEIGHT / 2:g}" width="{length:.1f}" height="{BAR_HEIGHT}" rx="2"/>',
            text(start + length + 6, middle + 4, f"{figure:,.{chart.digits}f}", kind=kind),
        ]
    return lines
