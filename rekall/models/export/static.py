"""Static models, sentence-transformers' StaticEmbedding and model2vec, as a token table that numpy reads by row."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rekall.errors import ExportFailed
from rekall.models.engine.card import ROWS_FILE, SCALES_FILE, TABLE_FILE
from rekall.models.export.blocks import quantise
from rekall.models.export.checkpoint import MODEL2VEC, Checkpoint
from rekall.models.export.modules import Normalize, read_json
from rekall.models.export.options import Precision
from rekall.models.export.spare import refuse_tensors
from rekall.system.files import write_in_pieces

NO_ROW = -1
_ROWS_AT_ONCE = 4096  # narrowed together: the steps of it take four times a part's memory
_NO_DIRECTION = 1e-12
_MISMATCH = "give the table and the tokenizer of the same model"


@dataclass(frozen=True, slots=True)
class TokenTable:
    """What a static model consists of.

    Attributes:
        vectors: (rows + 1, d) float32; the last row is for a text without tokens.
        rows: (tokens,) int32, the row of each token id, `NO_ROW` for one that is left out of the mean.
    """

    vectors: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int32]

    def mean_vectors(self, ids: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
        """The mean of each text's rows, scaled to unit length: what an exported table is measured against.

        Returns:
            (n, d) float64; a row of zeros for a text whose tokens have rows of zeros.
        """
        means = []
        for text in ids:
            rows = [row for row in self.rows[list(text)] if row != NO_ROW] or [len(self.vectors) - 1]
            means.append(self.vectors[rows].astype(np.float64).mean(axis=0))
        stacked = np.stack(means)
        return np.asarray(stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), _NO_DIRECTION))


def read_table(checkpoint: Checkpoint, dimensions: int | None) -> TokenTable:
    """Read the table of a static model, cut to `dimensions`.

    Tokens that model2vec leaves out of the mean have no row. The row after the last is the opposite of the table's
    mean, so that a text without tokens is far from everything.

    Raises:
        ExportFailed: The table does not match the tokenizer, or a module follows that is not supported.
    """
    if any(not isinstance(module, Normalize) for module in checkpoint.chain.modules):
        raise ExportFailed(f"{checkpoint.source} has more than a table", "supported: StaticEmbedding, Normalize")
    model = read_json(checkpoint.tokenizer)
    tokens = max(_contents(model), default=-1) + 1
    with checkpoint.open_weights() as weights:
        name = "embedding.weight" if "embedding.weight" in weights else "embeddings"
        table = weights.tensor(name, -1, -1)
        rows = weights.whole_numbers("mapping", -1) if "mapping" in weights else np.arange(tokens)
        shares = weights.tensor("weights", -1) if "weights" in weights else None
        refuse_tensors(weights.unread(), str(checkpoint.chain.root), checkpoint.keys)
    for part, size in (("mapping", len(rows)), ("weights", tokens if shares is None else len(shares))):
        if size < tokens:
            raise ExportFailed(f"{part} in {checkpoint.source} has {size:,} rows for {tokens:,} tokens", _MISMATCH)
    if not len(rows) or int(rows[:tokens].min()) < 0 or int(rows[:tokens].max()) >= len(table):
        raise ExportFailed(
            f"{name} in {checkpoint.source} has {len(table):,} rows and needs {int(rows.max(initial=0)) + 1:,}",
            _MISMATCH,
        )
    if not table.size:
        raise ExportFailed(f"{name} in {checkpoint.source} is empty", _MISMATCH)
    table, of_token = table[:, : checkpoint.kept(table.shape[1], dimensions)], rows[:tokens].astype(np.int32)
    if shares is not None:
        table, of_token = table[of_token] * shares[:tokens, None], np.arange(tokens, dtype=np.int32)
    if checkpoint.architecture == MODEL2VEC and (unknown := _unknown_id(model)) is not None:
        of_token[unknown] = NO_ROW
    whole = np.empty((len(table) + 1, table.shape[1]), dtype=np.float32)
    whole[:-1], whole[-1:] = table, _far_row(table)
    return TokenTable(whole, of_token)


def write_table(table: TokenTable, folder: Path, precision: Precision) -> None:
    """Write the files of a static model, except its tokenizer."""
    if precision == "q8":
        starts = range(0, len(table.vectors), _ROWS_AT_ONCE)
        parts = [quantise(table.vectors[start : start + _ROWS_AT_ONCE]) for start in starts]
        _save(folder / TABLE_FILE, np.concatenate([part.values for part in parts]))
        _save(folder / SCALES_FILE, np.concatenate([part.scales for part in parts]))
    else:
        _save(folder / TABLE_FILE, table.vectors)
    if not np.array_equal(table.rows, np.arange(len(table.rows))):
        _save(folder / ROWS_FILE, table.rows)


def character_limit(checkpoint: Checkpoint) -> int:
    """Where model2vec cuts a text before it tokenises it: its token limit times the median length of a token."""
    if checkpoint.architecture != MODEL2VEC or checkpoint.config.get("max_length", 512) is None:
        return 0
    tokens = _contents(read_json(checkpoint.tokenizer))
    return checkpoint.max_tokens * int(statistics.median(len(token) for token in tokens.values()))


def _unknown_id(tokenizer: Any) -> int | None:
    """The id of the unknown token, from the content of a `tokenizer.json`."""
    model = tokenizer.get("model", {})
    if model.get("type") == "Unigram":
        found = model.get("unk_id")
        return None if found is None else int(found)
    vocabulary = model.get("vocab")
    token = model.get("unk_token")
    return vocabulary.get(token) if isinstance(vocabulary, dict) and token is not None else None


def _contents(tokenizer: Any) -> dict[int, str]:
    """Every token by its id, from the content of a `tokenizer.json`."""
    try:
        vocabulary = tokenizer["model"]["vocab"]
        found = (
            {int(number): str(token) for token, number in vocabulary.items()}
            if isinstance(vocabulary, dict)
            else {number: str(piece[0]) for number, piece in enumerate(vocabulary)}
        )
        return found | {int(token["id"]): str(token["content"]) for token in tokenizer.get("added_tokens", [])}
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ExportFailed(f"the tokenizer file is not one Rekall understands: {error}") from error


def _far_row(table: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The mean row times -1, (1, d); the first axis when the mean is near zero."""
    mean: npt.NDArray[np.float32] = -table.mean(axis=0, dtype=np.float64, keepdims=True).astype(np.float32)
    if float(np.linalg.norm(mean)) < 1e-6:
        mean[:] = 0
        mean[0, 0] = 1
    return mean


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    """Write a `.npy` file that numpy can map."""
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        write_in_pieces(file, memoryview(array.reshape(-1).view(np.uint8)))  # type: ignore[arg-type]  # typed from 3.12 on
