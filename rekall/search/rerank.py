"""The stage that may put the best candidates into another order, before they are cut and read.

Rekall ships none: a reranker is a class of this shape and one line in `app.build`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rekall.entry.fields import Entry


class Reranker(Protocol):
    """Orders the best candidates by looking at query and entry together."""

    name: str
    """As `--explain` names it."""

    most: int
    """How many of the best candidates it looks at; the others stay behind them as they are."""

    def order(self, query: str, candidates: Sequence[Entry]) -> Sequence[float]:
        """A score for each candidate, higher better; they are put in the order of these.

        Args:
            query: The text of the query, without filters and exclusions.
            candidates: The best entries, best first.
        """
        ...
