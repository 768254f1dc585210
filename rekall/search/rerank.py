"""The stage that may put the best candidates into another order, before they are cut and read.

A reranker is a class of this shape and one line in `wiring.build`; the one that ships is in `second_stage`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rekall.search.legs import Asking
from rekall.search.query import ParsedQuery


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best entries so far, as a reranker sees them.

    Attributes:
        keys: The entries, best first.
        fused: The score of each so far.
        scores: What each leg that answered says of them, by its name, in figures that compare (`Asking.comparable`).
        asking: The legs that answered, by name.
    """

    keys: Sequence[int]
    fused: Mapping[int, float]
    scores: Mapping[str, Mapping[int, float]]
    asking: Mapping[str, Asking]


@dataclass(frozen=True, slots=True)
class Reranked:
    """What a reranker says.

    Attributes:
        scores: A score for each candidate, higher better; they are put in the order of these.
        reasons: Fields of `results.Why` for each that there is something to say of.
    """

    scores: Mapping[int, float]
    reasons: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)


class Reranker(Protocol):
    """Orders the best candidates by looking at query and entries together."""

    name: str
    """As `--explain` names it."""

    most: int
    """How many of the best candidates it looks at; the others stay behind them as they are."""

    def order(self, query: ParsedQuery, candidates: Candidates) -> Reranked:
        """Score the candidates. It is called inside the snapshot of the search."""
        ...
