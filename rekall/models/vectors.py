"""Vector arithmetic: the only place that normalises, checks or compares rows.

Letters: n rows, d dimensions. Rows are float32 of unit length unless stated otherwise.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

UNIT_TOLERANCE = 1e-3
"""How far a stored row's length may be from 1; float32 and 8-bit weights stay below 1e-6."""


def unit_rows(rows: npt.NDArray[np.floating]) -> Matrix:
    """Scale rows to unit length.

    Args:
        rows: (n, d), any float dtype. A zero row stays zero.

    Returns:
        (n, d) float32.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # `first_bad_row` finds what came of it
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.maximum(norms, 1e-12), dtype=np.float32)


def first_bad_row(rows: Matrix) -> int | None:
    """The index of the first row that is not finite or not of unit length, or None.

    Args:
        rows: (n, d) float32.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))
        good = np.abs(lengths - 1.0) <= UNIT_TOLERANCE  # NaN and infinity compare as False
    bad = np.flatnonzero(~good)
    return int(bad[0]) if bad.size else None


def row_cosines(left: npt.NDArray[np.floating], right: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Cosine of each row of `left` with the row of `right` at the same place.

    Args:
        left: (n, d), any length of row.
        right: (n, d).

    Returns:
        (n,) float64 in [-1, 1].
    """
    a = left.astype(np.float64)
    b = right.astype(np.float64)
    products = np.einsum("nd,nd->n", a, b)
    return np.asarray(products / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)))


def npy_bytes(rows: Matrix) -> bytes:
    """A matrix as the bytes of a `.npy` file.

    Args:
        rows: (n, d) float32.
    """
    buffer = io.BytesIO()
    np.save(buffer, rows)
    return buffer.getvalue()
