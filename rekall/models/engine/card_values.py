"""What a value of a model card may be. Each function gives a value or raises ValueError, which says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

MOST_LINES = 16
LARGEST = 1 << 53  # what JSON carries exactly everywhere
LINE_CHARS = 200
"""What a card says about a model is shown beside other things; longer texts are cut."""

PROMPT_CHARS = 4_000
"""Prompts decide what vectors are, so a longer one is refused and not cut. Published ones have up to 600."""


def as_line(text: str) -> str:
    """What somebody else wrote about a model, as a card shows it: one line of visible characters, not too long.

    A model may come from anywhere, and its card is printed on terminals.
    """
    cut = text if len(text) <= LINE_CHARS else text[: LINE_CHARS - 1] + "…"
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in cut)


def table(value: Any, what: str) -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not a JSON object")
    return value


def few(value: Any, what: str) -> Sequence[Any]:
    """A list of not too many things."""
    if not isinstance(value, list) or len(value) > MOST_LINES:
        raise ValueError(f"{what} is not a list of at most {MOST_LINES}")
    return value


def text(value: Any, what: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise ValueError(f"{what} is {shown(value)}, which is no text")
    return value


def line(value: Any, what: str) -> str:
    """One line of visible characters."""
    return as_line(text(value, what))


def prompt(value: Any, what: str) -> str:
    """A text of at most `PROMPT_CHARS`."""
    if len(text(value, what)) > PROMPT_CHARS:
        raise ValueError(f"{what} has {len(value):,} characters")
    return str(value)


def matching(pattern: re.Pattern[str], value: Any, what: str) -> str:
    """A text of a certain form."""
    if not pattern.fullmatch(text(value, what)):
        raise ValueError(f"{what} is {shown(value)}")
    return str(value)


def yes_or_no(value: Any, what: str) -> bool:
    """A truth value."""
    if not isinstance(value, bool):
        raise ValueError(f"{what} is {shown(value)}, not true or false")
    return value


def whole(value: Any, what: str, least: int = 0, most: int = LARGEST) -> int:
    """A whole number within bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{what} is {shown(value)}")
    return value


def number(value: Any, what: str, least: float, most: float) -> float:
    """A number within bounds."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{what} is {shown(value)}")  # NaN compares as False
    return float(value)


def shown(value: Any) -> str:
    """A value of a card as an error shows it."""
    if isinstance(value, int) and abs(value) > LARGEST:
        return "a number beyond all measure"  # its digits may be thousands
    return as_line(repr(value[:40] if isinstance(value, (str, list)) else value))[:60]
