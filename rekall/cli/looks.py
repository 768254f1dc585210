"""What `rekall doctor` says of one thing."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Health(str, enum.Enum):
    """How a thing is."""

    GOOD = "good"
    WARN = "warn"
    """It works, and could be better."""
    BAD = "bad"
    """Something does not work."""


@dataclass(frozen=True, slots=True)
class Look:
    """One line of the page.

    Attributes:
        topic: What was looked at.
        health: How it is.
        text: What was seen, one line.
        hint: What to type; empty where there is nothing to do.
    """

    topic: str
    health: Health
    text: str
    hint: str = ""
