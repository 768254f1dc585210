"""Draws what `idle.py` saw as an SVG: memory over time, one panel a placement, on the same scales."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from drawing import LINES, MARGIN, OTHERS, OURS, PAPER, WIDTH, document, text

AXIS_WIDTH = 30  # for the numbers on the left
TITLE_HEIGHT = 66
PLOT_HEIGHT = 150
PANEL_GAP = 30
FOOT_HEIGHT = 54
STEP_MB = 50
PLOT_WIDTH = WIDTH - 2 * MARGIN - AXIS_WIDTH

RULES = (
    (".parent", "fill", OTHERS),
    (".child", "fill", OURS),
    (".grid", "stroke", LINES),
    ("text.inside", "fill", PAPER),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process and its children held at a moment."""

    at_s: float
    parent_bytes: int
    child_bytes: int


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a run, what was held at its end, and how long its searches took."""

    name: str
    begin_s: float
    end_s: float
    parent_bytes: int
    child_bytes: int
    searched_s: float | None


@dataclass(frozen=True, slots=True)
class Run:
    """All of one process."""

    samples: tuple[Sample, ...]
    phases: tuple[Phase, ...]

    @property
    def end_s(self) -> float:
        """When its last phase ended."""
        return self.phases[-1].end_s


@dataclass(frozen=True, slots=True)
class Scale:
    """Where seconds and bytes lie in a panel."""

    top: float
    end_s: float
    most_bytes: float

    def x(self, at_s: float) -> float:
        """The place of a moment, from the left."""
        return MARGIN + AXIS_WIDTH + PLOT_WIDTH * min(at_s / self.end_s, 1.0)

    def y(self, size_bytes: float) -> float:
        """The place of an amount, from above."""
        return self.top + TITLE_HEIGHT + PLOT_HEIGHT * (1 - size_bytes / self.most_bytes)


def draw(child: Run, here: Run) -> str:
    """The picture.

    Args:
        child: The run whose model lives in a child process.
        here: The run whose model lives in the process itself.

    Returns:
        An SVG document that follows the reader's light or dark scheme.
    """
    end_s = max(child.end_s, here.end_s)
    peak = max(sample.parent_bytes + sample.child_bytes for run in (child, here) for sample in run.samples)
    most = peak * 1.06
    second = MARGIN + TITLE_HEIGHT + PLOT_HEIGHT + PANEL_GAP
    height = second + TITLE_HEIGHT + PLOT_HEIGHT + FOOT_HEIGHT
    bottom = second + TITLE_HEIGHT + PLOT_HEIGHT
    return document(
        height,
        "Resident memory over time of a process that keeps its model in a child, and of one that holds it itself",
        RULES,
        [
            *panel("Model in a child process", child, Scale(MARGIN, end_s, most)),
            *panel("Model in the process itself", here, Scale(second, end_s, most)),
            *ticks(Scale(second, end_s, most), bottom),
            *legend(height - MARGIN - 4),
        ],
    )


def panel(title: str, run: Run, scale: Scale) -> Iterable[str]:
    """The lines of one placement."""
    floor = scale.y(0)
    dropped = next(phase for phase in run.phases if phase.name == "dropped")
    rest = dropped.parent_bytes + dropped.child_bytes
    most = max(sample.parent_bytes + sample.child_bytes for sample in run.samples)
    yield text(MARGIN, scale.top + 14, title, kind="title")
    yield text(
        MARGIN, scale.top + 31, f"resident MB: {megabytes(most)} at most, {megabytes(rest)} once the model is dropped"
    )
    for step in range(0, int(scale.most_bytes / 1e6) + 1, STEP_MB):
        y = scale.y(step * 1e6)
        yield f'<line class="grid" x1="{scale.x(0):g}" y1="{y:.1f}" x2="{WIDTH - MARGIN}" y2="{y:.1f}"/>'
        yield text(MARGIN + AXIS_WIDTH - 8, y + 4, str(step), anchor="end")
    parents = [(scale.x(sample.at_s), scale.y(sample.parent_bytes)) for sample in run.samples]
    for has_child, stretch in groupby(run.samples, lambda sample: sample.child_bytes > 0):
        if has_child:
            sums = [(scale.x(sample.at_s), scale.y(sample.parent_bytes + sample.child_bytes)) for sample in stretch]
            yield area("child", sums, floor)
    yield area("parent", parents, floor)
    for phase in run.phases:
        left, right = scale.x(phase.begin_s), scale.x(phase.end_s)
        held = phase.parent_bytes + phase.child_bytes
        yield text(left + 5, scale.top + TITLE_HEIGHT - 14, phase.name)
        yield text(
            right - 6, scale.y(phase.parent_bytes) + 15, megabytes(phase.parent_bytes), kind="ours", anchor="end"
        )
        if phase.child_bytes:
            yield text(right - 6, scale.y(held) + 15, megabytes(phase.child_bytes), kind="ours inside", anchor="end")
        if phase.begin_s:
            yield (
                f'<line class="grid" x1="{left:.1f}" y1="{scale.top + TITLE_HEIGHT - 24:g}" '
                f'x2="{left:.1f}" y2="{floor:.1f}" stroke-dasharray="2 3"/>'
            )


def area(kind: str, points: Sequence[tuple[float, float]], floor: float) -> str:
    """A filled line, drawn as steps: memory does not slope between two looks."""
    parts = [f"M{points[0][0]:.1f} {floor:.1f}V{points[0][1]:.1f}"]
    level = points[0][1]
    for x, y in points[1:]:
        if abs(y - level) >= 0.3:
            parts.append(f"H{x:.1f}V{y:.1f}")
            level = y
    parts.append(f"H{points[-1][0]:.1f}V{floor:.1f}Z")
    return f'<path class="{kind}" d="{"".join(parts)}"/>'


def ticks(scale: Scale, bottom: float) -> Iterable[str]:
    """The seconds below the last panel."""
    for second in range(int(scale.end_s) + 1):
        yield text(scale.x(second), bottom + 17, f"{second} s", anchor="middle" if second else "")


def megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.0f}"


def legend(base: float) -> Iterable[str]:
    """Which colour is what, and what was set for the picture."""
    left = float(MARGIN + AXIS_WIDTH)
    for kind, name in (("child", "the engine's child process"), ("parent", "the process itself")):
        yield f'<rect class="{kind}" x="{left:g}" y="{base - 10:g}" width="12" height="12" rx="2"/>'
        yield text(left + 18, base, name)
        left += 190
    yield text(WIDTH - MARGIN, base, "dropped after 3 s here, after 10 minutes by default", anchor="end")
