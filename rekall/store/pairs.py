"""The part of a store that remembers what a person said of two entries; see `contract`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol


class Verdict(str, Enum):
    """What a person said of two entries."""

    FINE = "fine"
    """They neither contradict nor repeat each other."""
    NO_LINK = "no link"
    """They need no link."""


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """Two entries, in the order of their ids, and what a person said of them.

    Attributes:
        first: The smaller id.
        second: The larger id.
        verdict: What was said.
        judged_at: When.
    """

    first: str
    second: str
    verdict: Verdict
    judged_at: datetime


class Pairs(Protocol):
    """What was said of pairs of entries, whether they are there, deleted or to come. Writing belongs inside a transaction."""

    def judge(self, one: str, other: str, verdict: Verdict, judged_at: datetime) -> None:
        """Remember what was said of two entries, named by their ids in any order; said again it is new."""
        ...

    def take_back(self, one: str, other: str, verdict: Verdict) -> bool:
        """Forget what was said of two entries. Returns whether that was known."""
        ...

    def forget(self, entry_id: str) -> None:
        """Forget what was said of an entry and any other."""
        ...

    def all(self, verdict: Verdict) -> list[JudgedPair]:
        """The pairs of which a verdict is known, what was said last first."""
        ...

    def among(self, ids: Iterable[str], verdict: Verdict) -> set[tuple[str, str]]:
        """The pairs with a verdict of which at least one entry is among some, each in the order of the ids."""
        ...
