"""8-bit block quantisation: one float32 scale for every 32 neighbouring weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BLOCK = 32
"""Weights that share a scale. 16 would add 12 % to the file, 64 loses a third of the fidelity margin."""

_LEVELS = 127.0


@dataclass(frozen=True, slots=True)
class Blocks:
    """A matrix in 8 bits: (rows, n, BLOCK) int8 and (rows, n) float32, where n blocks hold a row.

    The last block of a row is filled up with zeros where the width is not a multiple of `BLOCK`.
    """

    values: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]

    @property
    def width(self) -> int:
        """Numbers in a row, filling included."""
        return int(self.values.shape[1]) * BLOCK


def quantise(matrix: npt.NDArray[np.float32]) -> Blocks:
    """Quantise each block symmetrically: the largest weight of a block becomes ±127.

    Args:
        matrix: (rows, columns) float32.
    """
    rows, columns = matrix.shape
    blocks = -(-columns // BLOCK)
    filled = np.zeros((rows, blocks * BLOCK), dtype=np.float32)
    filled[:, :columns] = matrix
    wide = filled.reshape(rows, blocks, BLOCK)
    scales = np.abs(wide).max(axis=2) / np.float32(_LEVELS)
    safe = np.where(scales == 0, np.float32(1), scales)
    values = np.clip(np.rint(wide / safe[:, :, None]), -_LEVELS, _LEVELS).astype(np.int8)
    return Blocks(values, scales.astype(np.float32))
