"""How sure a difference is: the paired bootstrap over queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 1000
_SEED = 11
_LOW, _HIGH = 2.5, 97.5


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference with its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        """As tables show it."""
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def difference(after: Mapping[str, float], before: Mapping[str, float]) -> Difference:
    """What queries gained, each drawn with both of its figures; those that only one side asked are left out."""
    return mean_difference([(after, before)])


def mean_difference(pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]) -> Difference:
    """The mean over several sets, of which each counts alike: queries are drawn within their set."""
    random = np.random.default_rng(_SEED)
    means, drawn = [], []
    for after, before in pairs:
        gains = np.array([after[query] - before[query] for query in sorted(after.keys() & before.keys())])
        if len(gains):
            means.append(gains.mean())
            drawn.append(gains[random.integers(0, len(gains), (DRAWS, len(gains)))].mean(axis=1))
    if not means:
        return Difference(0.0, 0.0, 0.0)
    low, high = np.percentile(np.mean(drawn, axis=0), [_LOW, _HIGH])
    return Difference(float(np.mean(means)), float(low), float(high))


def auroc(answerable: Sequence[float], unanswerable: Sequence[float]) -> float:
    """How often an answerable query has the higher figure; one of each drawn by chance, ties count half."""
    ranks = _ranks(np.array([*answerable, *unanswerable]))
    count = len(answerable)
    above = ranks[:count].sum() - count * (count + 1) / 2
    return float(above / (count * len(unanswerable)))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, the mean of them where values are equal."""
    order = np.sort(values)
    return (np.searchsorted(order, values, "left") + np.searchsorted(order, values, "right") + 1) / 2
