"""The encoder of static models: a table of token vectors, averaged. Needs numpy and `tokenizers` alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from rekall.errors import ModelDamaged
from rekall.models.engine.card import (
    ROWS_FILE,
    SCALES_FILE,
    TABLE_FILE,
    TOKENIZER_FILE,
    ModelCard,
    check_checksums,
    check_sizes,
    read_card,
    repair_hint,
)
from rekall.models.engine.folder_encoder import FolderEncoder
from rekall.models.engine.guard import first_line
from rekall.models.engine.tokenizer import Tokenizer
from rekall.models.vectors import Matrix, unit_rows
from rekall.system.mappable import opened_to_map

GATHERED_TOKENS = 4_096
"""Rows of the table widened to float32 at a time: 4 MB at 256 dimensions."""


class StaticEncoder(FolderEncoder):
    """Averages rows of the token table of a model folder, which stays mapped and is read by row.

    A text whose tokens all lack a row gets the table's last row, which the exporter placed far from everything.
    """

    def __init__(self, folder: Path) -> None:
        """Check the folder, then load the tokenizer and map the table.

        Args:
            folder: A model folder with its card.

        Raises:
            ModelDamaged: A file is missing, differs from its checksum, or is not what it should be.
            EngineError: `tokenizers` is missing.
        """
        card = read_card(folder)
        check_sizes(folder, card)
        check_checksums(folder, card)
        tokenizer = Tokenizer(folder / TOKENIZER_FILE, card.max_tokens, trim=card.trims, special=False)
        self._table = _mapped(folder, TABLE_FILE)
        self._scales = _mapped(folder, SCALES_FILE) if SCALES_FILE in card.files else None
        self._rows = _mapped(folder, ROWS_FILE) if ROWS_FILE in card.files else None
        _check_shapes(folder, card, self._table, self._scales)
        super().__init__(folder, card, tokenizer)

    @property
    def runtime(self) -> str:
        """What it runs on, with its version."""
        return f"numpy {np.__version__}"

    def _release(self) -> None:
        del self._table, self._scales, self._rows

    def _finished(self, vectors: Matrix) -> Matrix:
        return unit_rows(vectors)

    def _rows_of(self, ids: Sequence[Sequence[int]], left_out: int) -> Iterator[tuple[Sequence[int], Matrix]]:
        with np.errstate(invalid="ignore", over="ignore"):  # a table may hold anything; the vectors are looked at
            rows = np.stack([self._mean(row) for row in ids])
        yield range(len(ids)), rows

    def _mean(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """The mean of the rows of some tokens, (d,) float32; of the last row when none has a row."""
        rows = np.asarray(ids, dtype=np.int64)
        if self._rows is not None:
            rows = self._rows[rows]
            rows = rows[rows >= 0]
        if not len(rows):
            rows = np.array([len(self._table) - 1])
        total = np.zeros(self.dim, dtype=np.float32)
        for start in range(0, len(rows), GATHERED_TOKENS):
            total += self._wide(rows[start : start + GATHERED_TOKENS]).sum(axis=0)
        return np.asarray(total / np.float32(len(rows)))

    def _wide(self, rows: npt.NDArray[np.int64]) -> Matrix:
        """Rows of the table, (n, d) float32, of any length."""
        if self._scales is None:
            return np.asarray(self._table[rows], dtype=np.float32)
        blocks = self._table[rows] * self._scales[rows][:, :, None]
        return np.asarray(blocks.reshape(len(rows), -1)[:, : self.dim], dtype=np.float32)


def _mapped(folder: Path, name: str) -> npt.NDArray[Any]:
    try:
        with opened_to_map(folder / name) as file:  # as np.load maps it, but for how it is opened
            read = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
            shape, is_fortran, dtype = read(file)
            if dtype.hasobject or dtype.itemsize == 0:
                raise ValueError(f"it holds {dtype}")
            found = np.memmap(file, dtype, "r", file.tell(), shape, "F" if is_fortran else "C")
    except (OSError, ValueError, OverflowError) as error:
        raise ModelDamaged(
            f"{folder / name} cannot be mapped: {first_line(error)}", repair_hint(folder.name)
        ) from error
    return found


def _check_shapes(folder: Path, card: ModelCard, table: npt.NDArray[Any], scales: npt.NDArray[Any] | None) -> None:
    """Check that a table is (rows, d) float32, or (rows, blocks, block) int8 with its (rows, blocks) float32 scales."""
    if scales is None:
        fits = table.dtype == np.float32 and table.shape[1:] == (card.dimensions,)
    else:
        fits = (
            table.dtype == np.int8
            and scales.dtype == np.float32
            and table.ndim == 3
            and scales.shape == table.shape[:2]
            and table.shape[1] * table.shape[2] >= card.dimensions
        )
    if not fits or not len(table):
        raise ModelDamaged(f"{folder / TABLE_FILE} is not a table that Rekall exported", repair_hint(folder.name))
