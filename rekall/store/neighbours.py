"""Which vectors of a space are nearest to which: all pairs of many, a block at a time, with numpy.

Ten thousand vectors of 384 dimensions are a hundred million cosines: some seconds of a processor, and 40 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rekall.db import Row

if TYPE_CHECKING:
    import numpy.typing as npt

CHUNK_BYTES = 4 << 20
"""Vectors that are compared with all others at once."""

_MOST_IN_CHUNK = 2_048
_LONGEST = 1.01
"""No cosine is larger between vectors of unit length; a damaged vector is passed over."""

Blocks = Callable[[Sequence[int] | None], Iterator[list[Row]]]
"""Reads vectors a block at a time, rows of id and (d,) float32 as bytes: those of some ids, or all."""


def near_pairs(
    blocks: Blocks, asked: Sequence[int], among: Sequence[int] | None, dim: int, at_least: float, most_each: int
) -> list[tuple[int, int, float]]:
    """Pairs of vectors whose cosine is at least so much, of each asked one with the nearest; see `VectorIndex.neighbours`."""
    size = max(1, min(_MOST_IN_CHUNK, CHUNK_BYTES // (4 * dim)))
    ordered = sorted(set(asked))
    pairs: dict[tuple[int, int], float] = {}
    for begin in range(0, len(ordered), size):
        rows = [row for block in blocks(ordered[begin : begin + size]) for row in block]
        if not rows:
            continue
        ids, matrix = _matrix(rows)
        found = [_near(ids, matrix, *_matrix(block), at_least, most_each) for block in blocks(among)]
        for one, other, cosine in _nearest_of_each(found, most_each):
            pairs[min(one, other), max(one, other)] = cosine
    return sorted(((*pair, cosine) for pair, cosine in pairs.items()), key=lambda each: (-each[2], each[0], each[1]))


def _matrix(rows: Sequence[Row]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Ids, (n,) int64, and vectors, (n, d) float32."""
    ids = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
    return ids, np.frombuffer(b"".join(row[1] for row in rows), dtype=np.float32).reshape(len(rows), -1)


_Near = tuple["npt.NDArray[np.int64]", "npt.NDArray[np.int64]", "npt.NDArray[np.float32]"]
"""The one ids, the other ids and the cosines of pairs."""


def _near(
    ids: npt.NDArray[np.int64],
    matrix: npt.NDArray[np.float32],
    others: npt.NDArray[np.int64],
    against: npt.NDArray[np.float32],
    at_least: float,
    most_each: int,
) -> _Near:
    """The pairs of two blocks that are near enough, of each of the one block at most so many."""
    with np.errstate(invalid="ignore", over="ignore"):
        cosines = matrix @ against.T
        near = (cosines >= at_least) & (cosines <= _LONGEST)
    near &= ids[:, None] != others[None, :]
    full = np.flatnonzero(near.sum(axis=1) > most_each)
    if len(full):
        crowd = np.where(near[full], cosines[full], -2.0)
        least = -np.partition(-crowd, most_each - 1, axis=1)[:, most_each - 1 : most_each]
        near[full] &= crowd >= least
    one, other = np.nonzero(near)
    return ids[one], others[other], cosines[one, other]


def _nearest_of_each(found: Sequence[_Near], most: int) -> Iterator[tuple[int, int, float]]:
    """The nearest of each one over all blocks; of equally near ones those of the smaller ids."""
    if not found:
        return
    one, other, cosine = (np.concatenate(parts) for parts in zip(*found))
    order = np.lexsort((other, -cosine, one))
    one, other, cosine = one[order], other[order], cosine[order]
    begins = np.flatnonzero(np.r_[True, one[1:] != one[:-1]]) if len(one) else np.empty(0, dtype=np.int64)
    place = np.arange(len(one)) - np.repeat(begins, np.diff(np.r_[begins, len(one)]))
    kept = place < most
    yield from zip(one[kept].tolist(), other[kept].tolist(), cosine[kept].tolist())
