"""8-bit block quantisation: one float32 scale for every 32 neighbouring weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rekall.errors import ExportFailed

BLOCK = 32
"""Weights that share a scale. 16 would add 12 % to the file, 64 loses a third of the fidelity margin."""

_LEVELS = 127.0


@dataclass(frozen=True, slots=True)
class Blocks:
    """A matrix in 8 bits: (rows, columns / BLOCK, BLOCK) int8 and (rows, columns / BLOCK) float32."""

    values: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]


def quantise(matrix: npt.NDArray[np.float32]) -> Blocks:
    """Quantise each block symmetrically: the largest weight of a block becomes ±127.

    Args:
        matrix: (rows, columns) float32, columns a multiple of `BLOCK`.

    Raises:
        ExportFailed: They are not.
    """
    rows, columns = matrix.shape
    if columns % BLOCK:
        raise ExportFailed(
            f"a matrix of width {columns} does not divide into blocks of {BLOCK}", "export with `--precision fp32`"
        )
    blocks = matrix.reshape(rows, columns // BLOCK, BLOCK)
    scales = np.abs(blocks).max(axis=2) / np.float32(_LEVELS)
    safe = np.where(scales == 0, np.float32(1), scales)
    values = np.clip(np.rint(blocks / safe[:, :, None]), -_LEVELS, _LEVELS)
    return Blocks(values.astype(np.int8), scales.astype(np.float32))
