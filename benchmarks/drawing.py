"""What the pictures have in common: an SVG document that follows the reader's light or dark scheme, and its colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 860
MARGIN = 8


@dataclass(frozen=True, slots=True)
class Colour:
    """One colour in both schemes."""

    light: str
    dark: str


OURS = Colour("#1f883d", "#3fb950")
OTHERS = Colour("#b6bfc9", "#4a525c")
LINES = Colour("#d8dee4", "#30363d")
PAPER = Colour("#ffffff", "#0d1117")

_TEXT = Colour("#57606a", "#9198a1")
_STRONG = Colour("#1f2328", "#f0f6fc")


def document(height: float, summary: str, rules: Sequence[tuple[str, str, Colour]], body: Sequence[str]) -> str:
    """A whole picture, `WIDTH` wide.

    Args:
        height: Its height.
        summary: What it shows, for those who cannot see it.
        rules: Colours of its own: a selector, a property, a colour.
        body: The lines of what is in it. Texts are grey, of class `title` or `ours` strong.

    Returns:
        An SVG document.
    """
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}" '
            f'viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(summary)}">',
            "<style>",
            f'text {{ font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: {_TEXT.light}; }}',
            f".title {{ font-size: 14px; font-weight: 600; fill: {_STRONG.light}; }}",
            f".ours {{ font-weight: 600; fill: {_STRONG.light}; }}",
            *(f"{selector} {{ {what}: {colour.light}; }}" for selector, what, colour in rules),
            "@media (prefers-color-scheme: dark) {",
            f"  text {{ fill: {_TEXT.dark}; }}",
            f"  .title, text.ours {{ fill: {_STRONG.dark}; }}",
            *(f"  {selector} {{ {what}: {colour.dark}; }}" for selector, what, colour in rules),
            "}",
            "</style>",
            *body,
            "</svg>\n",
        ]
    )


def text(left: float, base: float, content: str, *, kind: str = "", anchor: str = "") -> str:
    """A line of text.

    Args:
        left: Where it begins, or its middle or end when `anchor` says so.
        base: The height of its base line.
        content: What it says.
        kind: Its class.
        anchor: `middle` or `end`.
    """
    attributes = f' class="{kind}"' * bool(kind) + f' text-anchor="{anchor}"' * bool(anchor)
    return f'<text{attributes} x="{_number(left)}" y="{_number(base)}">{escape(content)}</text>'


def _number(value: float) -> str:
    return f"{round(value, 1):g}"
