"""What cosine two texts have that have nothing to do with each other: it differs from model to model."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from rekall.models.engine.card import PROBES_FILE

_MOST_BYTES = 1 << 24
"""Probes are 0.1 MB; they are read for every search with an older model."""

USUAL = 0.05
"""That of all-MiniLM-L6-v2, for a model that does not say. That of multilingual-e5-small is about 0.8."""


def level_of(vectors: Iterable[Sequence[float]]) -> float:
    """The mean cosine between two different ones of n vectors of any length, (|Σ unit vectors|² - n) / (n (n - 1)).

    Rounded to two decimals, which are the same on every processor; `USUAL` of fewer than two.
    """
    units = []
    for vector in vectors:
        length = math.sqrt(math.fsum(number * number for number in vector))
        units.append([number / length for number in vector])
    n = len(units)
    if n < 2:
        return USUAL
    total = math.fsum(math.fsum(column) ** 2 for column in zip(*units))
    return round((total - n) / (n * (n - 1)), 2)


def level_in(folder: Path) -> float:
    """The level of a model whose card does not say it, from the vectors of its probe texts."""
    path = folder / PROBES_FILE
    try:
        if path.stat().st_size > _MOST_BYTES:
            return USUAL
        vectors = json.loads(path.read_bytes())["vectors"]
        level = level_of([[float(number) for number in vector] for vector in vectors])
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
        return USUAL  # without probes, or with damaged ones: `rekall model verify` is who says so
    return level if -1.0 <= level <= 1.0 else USUAL
