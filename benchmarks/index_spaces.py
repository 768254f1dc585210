"""Kinds of vector spaces that models make, and some that none should: what an index of any model must find its way in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from rekall.models.vectors import unit_rows

if TYPE_CHECKING:
    from numpy.random import Generator

    from rekall.models.vectors import Matrix

CLUSTERS = 400
SPREAD = 0.9
DIM = 384


def in_clusters(random: Generator, count: int, dim: int, clusters: int = CLUSTERS, spread: float = SPREAD) -> Matrix:
    """(count, dim) around so many centres, as the vectors of notes are: a length of about 1.3, not yet 1."""
    centres = unit_rows(random.standard_normal((clusters, dim)))
    noise = random.standard_normal((count, dim)) / np.sqrt(dim)
    found: Matrix = (centres[random.integers(0, clusters, count)] + spread * noise).astype(np.float32)
    return found


def _scattered(random: Generator, count: int, dim: int) -> Matrix:
    return unit_rows(random.standard_normal((count, dim)))


def _clustered(random: Generator, count: int, dim: int) -> Matrix:
    return unit_rows(in_clusters(random, count, dim))


def _one_sided(random: Generator, count: int, dim: int) -> Matrix:
    """Every two have a cosine of about 0.85, as those of multilingual-e5-small."""
    shared = unit_rows(random.standard_normal((1, dim))) * np.sqrt(0.85 / 0.15)
    return unit_rows(unit_rows(in_clusters(random, count, dim)) + shared)


def _one_sided_few(random: Generator, count: int, dim: int) -> Matrix:
    """The same, but what they share lies in three dimensions."""
    shared = np.zeros(dim)
    shared[:3] = 2.0, -1.0, 0.8
    return unit_rows(unit_rows(in_clusters(random, count, dim)) + shared)


def _rectified(random: Generator, count: int, dim: int) -> Matrix:
    return unit_rows(np.maximum(in_clusters(random, count, dim) * np.sqrt(dim) + 1.0, 0.0))


def _rectified_sparse(random: Generator, count: int, dim: int) -> Matrix:
    """Most numbers are next to nothing, none is below it."""
    return unit_rows(np.maximum(in_clusters(random, count, dim) * np.sqrt(dim) - 1.5, 0.0) + 1e-6)


def _sigmoid(random: Generator, count: int, dim: int) -> Matrix:
    return unit_rows(1.0 / (1.0 + np.exp(-in_clusters(random, count, dim) * np.sqrt(dim))))


def _decaying(random: Generator, count: int, dim: int) -> Matrix:
    """The first dimensions say most, as after a principal component analysis."""
    return unit_rows(in_clusters(random, count, dim) * (np.arange(dim) + 1.0) ** -0.5)


def _copies(random: Generator, count: int, dim: int) -> Matrix:
    """Ten of each, with a breath of difference."""
    once = in_clusters(random, -(-count // 10), dim)
    found = np.repeat(once, 10, axis=0)[random.permutation(10 * len(once))][:count]
    return unit_rows(found + 1e-4 * random.standard_normal(found.shape))


def _crowded(random: Generator, count: int, dim: int) -> Matrix:
    """Five subjects, and within each next to no difference."""
    return unit_rows(in_clusters(random, count, dim, clusters=5, spread=0.05))


def _drifting(random: Generator, count: int, dim: int) -> Matrix:
    """The subjects of the last three fifths are others, on another side of the space."""
    sides = unit_rows(random.standard_normal((2, dim))) * 1.5
    late = np.arange(count) >= 0.4 * count
    late[-QUERIES:] = random.random(min(QUERIES, count)) < 0.5
    return unit_rows(unit_rows(in_clusters(random, count, dim)) + sides[late.astype(int)])


QUERIES = 40
"""The last so many rows are asked for; they are not in the index."""

KINDS: dict[str, Callable[[Generator, int, int], Matrix]] = {
    "clustered, centred": _clustered,
    "scattered, no neighbours": _scattered,
    "one-sided (cosine 0.85)": _one_sided,
    "one-sided in three numbers": _one_sided_few,
    "rectified": _rectified,
    "rectified, sparse": _rectified_sparse,
    "sigmoid": _sigmoid,
    "decaying": _decaying,
    "near duplicates": _copies,
    "crowded": _crowded,
    "drifting": _drifting,
}


def vectors_of(kind: str, count: int, dim: int = DIM) -> tuple[Matrix, Matrix]:
    """The vectors of a kind of space, (count, dim), and queries, (QUERIES, dim)."""
    rows = KINDS[kind](np.random.default_rng(20260101), count + QUERIES, dim)
    return rows[:count], rows[count:]


def recall(found: list[int], cosines: Matrix, k: int = 10) -> float:
    """The share of the k nearest that were found, where equally near ones count alike.

    Args:
        found: Rows, the nearest first.
        cosines: (n,) of every row.
        k: How many count.
    """
    last = np.partition(cosines, -k)[-k]
    return min(k, int((cosines[found[:k]] >= last - 1e-6).sum())) / k
