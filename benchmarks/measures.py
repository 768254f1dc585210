"""Ranking measures, each for one query."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

K = 10


def ndcg(ranked: Sequence[str], grades: Mapping[str, int]) -> float:
    """Normalised discounted cumulative gain of the first ten, with gains 2^grade - 1 (Burges et al. 2005)."""
    gained = sum((2 ** grades.get(name, 0) - 1) / math.log2(place + 1) for place, name in enumerate(ranked[:K], 1))
    ideal = sum(
        (2**grade - 1) / math.log2(place + 1)
        for place, grade in enumerate(sorted(grades.values(), reverse=True)[:K], 1)
    )
    return gained / ideal if ideal else 0.0


def recall(ranked: Sequence[str], grades: Mapping[str, int]) -> float:
    """Share of the relevant documents that are among the first ten."""
    relevant = {name for name, grade in grades.items() if grade > 0}
    return len(relevant & set(ranked[:K])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[str], grades: Mapping[str, int]) -> float:
    """One over the place of the first relevant document among the first ten, else 0."""
    return next((1.0 / place for place, name in enumerate(ranked[:K], 1) if grades.get(name, 0) > 0), 0.0)
