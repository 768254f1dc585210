"""Draws what `calibration.py` saw as an SVG: how often first hits are right by what speaks for them, and how queries spread over it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from drawing import LINES, MARGIN, OTHERS, OURS, WIDTH, document, text
from evidence import Evidence

AXIS_WIDTH = 38  # for the numbers on the left
TITLE_HEIGHT = 62
CURVE_HEIGHT = 220
SPREAD_HEIGHT = 70
GAP = 26
FOOT_HEIGHT = 44
END = 1.8
STEP = 0.02
WIDE = 0.08
"""Queries count for a point of a curve by their distance, as a bell of this deviation."""
FEWEST = 6.0
"""Queries that a point of a curve stands on, at least."""
PLOT_WIDTH = WIDTH - 2 * MARGIN - AXIS_WIDTH

RULES = (
    (".grid", "stroke", LINES),
    (".set", "stroke", OTHERS),
    (".all", "stroke", OURS),
    (".own", "fill", OURS),
    (".other", "fill", OTHERS),
)


def draw(found: Mapping[str, Evidence], strong: float, likely: float) -> str:
    """The picture.

    Args:
        found: What was seen, by set.
        strong: From which figure a hit is strong.
        likely: From which figure a hit is likely.

    Returns:
        An SVG document that follows the reader's light or dark scheme.
    """
    top = MARGIN + TITLE_HEIGHT
    second = top + CURVE_HEIGHT + GAP
    height = second + SPREAD_HEIGHT + FOOT_HEIGHT
    return document(
        height,
        "Share of right first hits by what speaks for them, a line for each set, and how many queries have how much",
        RULES,
        [
            text(MARGIN, MARGIN + 14, "How often the first hit is right, by what speaks for it", kind="title"),
            text(MARGIN, MARGIN + 31, f"similarity and matching words; {len(found)} sets, and all of them together"),
            *grid(top),
            *(curve("set", points(each), top) for each in found.values()),
            curve("all", [point for each in found.values() for point in points(each)], top),
            *thresholds(strong, likely, top, second + SPREAD_HEIGHT),
            text(MARGIN, second - 8, "own queries, and queries of other subjects"),
            hill("own", [seen.figure for each in found.values() for seen in each.own], second),
            hill("other", [seen.figure for each in found.values() for seen in each.other], second),
            *ticks(second + SPREAD_HEIGHT),
            *legend(height - MARGIN - 2),
        ],
    )


def points(each: Evidence) -> list[tuple[float, bool]]:
    """The figure of each first hit of an own query, and whether it is right."""
    return [(seen.figure, seen.is_right) for seen in each.own]


def x(figure: float) -> float:
    """The place of a figure, from the left."""
    return MARGIN + AXIS_WIDTH + PLOT_WIDTH * min(max(figure, 0.0), END) / END


def steps() -> list[float]:
    """The figures that are drawn."""
    return [place * STEP for place in range(round(END / STEP) + 1)]


def bell(distance: float) -> float:
    """How much a query at a distance counts."""
    return math.exp(-0.5 * (distance / WIDE) ** 2)


def grid(top: float) -> Iterable[str]:
    """The shares on the left, each with a line."""
    for percent in range(0, 101, 25):
        y = top + CURVE_HEIGHT * (1 - percent / 100)
        yield f'<line class="grid" x1="{x(0):g}" y1="{y:.1f}" x2="{WIDTH - MARGIN}" y2="{y:.1f}"/>'
        yield text(MARGIN + AXIS_WIDTH - 6, y + 4, f"{percent} %", anchor="end")


def curve(kind: str, seen: Sequence[tuple[float, bool]], top: float) -> str:
    """The share of right ones around each figure, where enough queries are."""
    path = ""
    for figure in steps():
        weights = [bell(figure - each) for each, _ in seen]
        if sum(weights) >= FEWEST:
            right = sum(weight for weight, (_, is_right) in zip(weights, seen) if is_right) / sum(weights)
            path += f"{'L' if path else 'M'}{x(figure):.1f} {top + CURVE_HEIGHT * (1 - right):.1f}"
    return f'<path class="{kind}" d="{path}" fill="none" stroke-width="{3 if kind == "all" else 1.5}"/>'


def hill(kind: str, figures: Sequence[float], top: float) -> str:
    """How many queries lie around each figure, as a filled line."""
    floor = top + SPREAD_HEIGHT
    high = [sum(bell(figure - each) for each in figures) / max(1, len(figures)) for figure in steps()]
    most = 0.42  # a bell of WIDE over queries that all lie within 0.4
    path = "".join(f"L{x(at):.1f} {floor - SPREAD_HEIGHT * min(1, each / most):.1f}" for at, each in zip(steps(), high))
    return f'<path class="{kind}" d="M{x(0):.1f} {floor:.1f}{path}V{floor:.1f}Z" fill-opacity="0.6"/>'


def thresholds(strong: float, likely: float, top: float, floor: float) -> Iterable[str]:
    """The two figures where a word becomes another, and the words."""
    for figure in (strong, likely):
        yield (
            f'<line class="grid" x1="{x(figure):.1f}" y1="{top - 18:g}" x2="{x(figure):.1f}" y2="{floor:.1f}" '
            'stroke-width="1.5" stroke-dasharray="4 3"/>'
        )
    for begin, end, word in ((0.0, likely, "weak"), (likely, strong, "likely"), (strong, END, "strong")):
        yield text((x(begin) + x(end)) / 2, top - 8, word, kind="ours", anchor="middle")


def ticks(floor: float) -> Iterable[str]:
    """The figures below."""
    for tenth in range(0, round(END * 10) + 1, 2):
        yield text(x(tenth / 10), floor + 16, f"{tenth / 10:g}", anchor="end" if tenth / 10 >= END else "middle")


def legend(base: float) -> Iterable[str]:
    """Which colour is what."""
    left = x(0)
    for kind, name in (("own", "all sets; own queries"), ("other", "one set; queries of other subjects")):
        yield f'<rect class="{kind}" x="{left:g}" y="{base - 10:g}" width="12" height="12" rx="2"/>'
        yield text(left + 18, base, name)
        left += 200
