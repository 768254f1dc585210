"""Ranking measures, each for one query: what was found, best first, against what is relevant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

K = 10
"""How many results are looked at where nothing else is said."""


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], most: int = K) -> float:
    """Normalised discounted cumulative gain, with gains 2^grade - 1 (Burges et al. 2005)."""
    gained = sum((2 ** grades.get(name, 0) - 1) / math.log2(place + 1) for place, name in enumerate(ranked[:most], 1))
    ideal = sum(
        (2**grade - 1) / math.log2(place + 1)
        for place, grade in enumerate(sorted(grades.values(), reverse=True)[:most], 1)
    )
    return gained / ideal if ideal else 0.0


def recall(ranked: Sequence[str], grades: Mapping[str, int], most: int = K) -> float:
    """Share of the relevant that was found."""
    relevant = _relevant(grades)
    return len(relevant & set(ranked[:most])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[str], grades: Mapping[str, int], most: int = K) -> float:
    """One over the place of the first relevant, 0 where none was found."""
    return next((1.0 / place for place, name in enumerate(ranked[:most], 1) if grades.get(name, 0) > 0), 0.0)


def found_any(ranked: Sequence[str], grades: Mapping[str, int], most: int = K) -> float:
    """1 when something relevant was found."""
    return float(bool(_relevant(grades) & set(ranked[:most])))


def found_all(ranked: Sequence[str], grades: Mapping[str, int], most: int = K) -> float:
    """1 when everything relevant was found."""
    relevant = _relevant(grades)
    return float(bool(relevant) and relevant <= set(ranked[:most]))


def first_hit(ranked: Sequence[str], grades: Mapping[str, int]) -> float:
    """1 when the first result is relevant."""
    return found_any(ranked, grades, 1)


def _relevant(grades: Mapping[str, int]) -> set[str]:
    return {name for name, grade in grades.items() if grade > 0}
