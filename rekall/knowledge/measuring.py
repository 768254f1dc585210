"""How well a search found what answers judged queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from rekall.knowledge.judged import Judged
from rekall.search.measures import K, first_hit, ndcg, recall, reciprocal_rank


@dataclass(frozen=True, slots=True)
class Figures:
    """The measures of one query, or their means.

    Attributes:
        first_hit: Share of queries whose first hit is right.
        recall: Share of the right answers among the first ten hits.
        ndcg: The same with the order in mind, nDCG@10.
        mrr: One over the place of the first right answer among the first ten.
    """

    first_hit: float
    recall: float
    ndcg: float
    mrr: float


ASKED = K + 1
"""How many hits to ask for: the document that a query was taken from may be among them."""


def judge(query: Judged, found: Sequence[str]) -> Figures:
    """The measures of what one query found, best first."""
    ranked = [name for name in found if name != query.itself]
    grades = query.grades
    return Figures(
        first_hit(ranked, grades), recall(ranked, grades), ndcg(ranked, grades), reciprocal_rank(ranked, grades)
    )


def mean(figures: Sequence[Figures]) -> Figures:
    """The means over several queries."""
    return Figures(
        fmean(each.first_hit for each in figures),
        fmean(each.recall for each in figures),
        fmean(each.ndcg for each in figures),
        fmean(each.mrr for each in figures),
    )
