"""Static models, sentence-transformers' StaticEmbedding and model2vec, as a token table that numpy reads by row."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rekall.errors import ExportFailed
from rekall.models.engine.card import ROWS_FILE, SCALES_FILE, TABLE_FILE
from rekall.models.export.blocks import BLOCK, quantise
from rekall.models.export.checkpoint import MODEL2VEC, Checkpoint
from rekall.models.export.modules import Normalize, read_json
from rekall.models.export.options import ExportOptions
from rekall.models.export.spare import refuse_tensors
from rekall.models.export.weights import Table, Weights
from rekall.system.files import write_in_pieces

NO_ROW = -1
_ROWS_AT_ONCE = 4096
_NO_DIRECTION = 1e-12
_MISMATCH = "give the table and the tokenizer of the same model"


@dataclass(frozen=True, slots=True)
class TokenTable:
    """What a static model consists of, read some rows at a time while its weights are open.

    Attributes:
        vectors: The rows that tokens have.
        rows: (tokens,) int32, the row of each token id, `NO_ROW` for one that is left out of the mean.
    """

    vectors: Table
    rows: npt.NDArray[np.int32]


def write_static(
    checkpoint: Checkpoint, folder: Path, options: ExportOptions, ids: Sequence[Sequence[int]]
) -> npt.NDArray[np.float64]:
    """Write the files of a static model, except its tokenizer, in one reading of its table.

    Tokens that model2vec leaves out of the mean have no row. The row after the last is the opposite of the table's
    mean, so that a text without tokens is far from everything.

    Returns:
        What the exported table is measured against: the mean of each text's rows, scaled to unit length, (n, d)
        float64; a row of zeros for a text whose tokens have rows of zeros.

    Raises:
        ExportFailed: The table does not match the tokenizer, or a module follows that is not supported.
    """
    if any(not isinstance(module, Normalize) for module in checkpoint.chain.modules):
        raise ExportFailed(f"{checkpoint.source} has more than a table", "supported: StaticEmbedding, Normalize")
    with checkpoint.open_weights() as weights:
        table = _read_table(weights, checkpoint, options.dimensions)
        far = table.vectors.rows
        rows_of = [[row for row in table.rows[list(text)].tolist() if row != NO_ROW] or [far] for text in ids]
        seen: dict[int, npt.NDArray[np.float32]] = {}
        _write(_whole(table.vectors, {row for rows in rows_of for row in rows}, seen), table.vectors, folder, options)
    if not np.array_equal(table.rows, np.arange(len(table.rows))):
        _save(folder / ROWS_FILE, table.rows.shape, table.rows.dtype, [table.rows])
    means = np.stack([np.stack([seen[row] for row in rows]).astype(np.float64).mean(axis=0) for rows in rows_of])
    return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), _NO_DIRECTION))


def _read_table(weights: Weights, checkpoint: Checkpoint, dimensions: int | None) -> TokenTable:
    """The table of a static model, cut to `dimensions`."""
    model = read_json(checkpoint.tokenizer)
    tokens = max(_contents(model), default=-1) + 1
    name = "embedding.weight" if "embedding.weight" in weights else "embeddings"
    table = weights.table(name, -1)
    clustered = "mapping" in weights
    rows = weights.whole_numbers("mapping", -1) if clustered else np.arange(tokens)
    shares = weights.tensor("weights", -1) if "weights" in weights else None
    refuse_tensors(weights.unread(), str(checkpoint.chain.root), checkpoint.keys)
    for part, size in (("mapping", len(rows)), ("weights", tokens if shares is None else len(shares))):
        if size < tokens:
            raise ExportFailed(f"{part} in {checkpoint.source} has {size:,} rows for {tokens:,} tokens", _MISMATCH)
    if not len(rows) or int(rows[:tokens].min()) < 0 or int(rows[:tokens].max()) >= table.rows:
        raise ExportFailed(
            f"{name} in {checkpoint.source} has {table.rows:,} rows and needs {int(rows.max(initial=0)) + 1:,}",
            _MISMATCH,
        )
    of_token = rows[:tokens].astype(np.int32)
    table = table.cut(checkpoint.kept(table.width, dimensions))
    if shares is not None:
        table = _shared(table, of_token if clustered else None, shares[:tokens])
        of_token = np.arange(tokens, dtype=np.int32)
    if checkpoint.architecture == MODEL2VEC and (unknown := _unknown_id(model)) is not None:
        of_token[unknown] = NO_ROW
    return TokenTable(table, of_token)


def _shared(table: Table, of_token: npt.NDArray[np.int32] | None, shares: npt.NDArray[np.float32]) -> Table:
    """A table of tokens, each its row times its share; tokens have the rows of their ids where nothing else is said."""

    def parts() -> Iterator[npt.NDArray[np.float32]]:
        if of_token is not None:  # tokens that share rows: then there are few
            whole = table.whole()
            for start in range(0, len(shares), _ROWS_AT_ONCE):
                stop = start + _ROWS_AT_ONCE
                yield whole[of_token[start:stop]] * shares[start:stop, None]
            return
        start = 0
        for part in table.parts():
            some = shares[start : start + len(part)]
            if len(some):
                yield part[: len(some)] * some[:, None]
            start += len(part)

    return Table(len(shares), table.width, parts)


def _whole(
    table: Table, wanted: Collection[int], seen: dict[int, npt.NDArray[np.float32]]
) -> Iterator[npt.NDArray[np.float32]]:
    """The parts of a table, and its last row, the far one; puts the rows that are wanted into `seen`."""
    total = np.zeros(table.width, dtype=np.float64)
    start = 0
    for part in table.parts():
        total += part.sum(axis=0, dtype=np.float64)
        seen.update({row: part[row - start].copy() for row in wanted if start <= row < start + len(part)})
        start += len(part)
        yield part
    seen[table.rows] = _far_row(total / table.rows)
    yield seen[table.rows][None]


def _write(parts: Iterator[npt.NDArray[np.float32]], table: Table, folder: Path, options: ExportOptions) -> None:
    """Write a table and its far row."""
    count = table.rows + 1
    if options.precision != "q8":
        _save(folder / TABLE_FILE, (count, table.width), np.float32, parts)
        return
    blocks = -(-table.width // BLOCK)
    scales: list[npt.NDArray[np.float32]] = []

    def narrowed() -> Iterator[npt.NDArray[np.int8]]:
        for part in parts:
            narrow = quantise(part)
            scales.append(narrow.scales)
            yield narrow.values

    _save(folder / TABLE_FILE, (count, blocks, BLOCK), np.int8, narrowed())
    _save(folder / SCALES_FILE, (count, blocks), np.float32, scales)


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


def _far_row(mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """The mean row times -1, (d,); the first axis when the mean is near zero."""
    far: npt.NDArray[np.float32] = -mean.astype(np.float32)
    if float(np.linalg.norm(far)) < 1e-6:
        far[:] = 0
        far[0] = 1
    return far


def _save(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike, parts: Iterable[npt.NDArray[Any]]) -> None:
    """Write a `.npy` file that numpy can map."""
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            write_in_pieces(file, memoryview(np.ascontiguousarray(part).reshape(-1).view(np.uint8)))  # type: ignore[arg-type]  # typed from 3.12 on
