"""Exports a checkpoint: builds, measures, and puts the finished model folder in place or nothing at all."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rekall.errors import ExportFailed, ModelDamaged
from rekall.models.engine.card import (
    CARD_FILE,
    FORMAT,
    INTEGER_FILES,
    INTEGER_GRAPH_FILE,
    PROBES_FILE,
    REFERENCES_FILE,
    TOKENIZER_FILE,
    Fidelity,
    FileRecord,
    ModelCard,
    Source,
    checked_name,
    fingerprint_of,
)
from rekall.models.engine.card_values import as_line
from rekall.models.engine.opening import open_encoder
from rekall.models.engine.probes import Measured, Probes, measure
from rekall.models.engine.session import has_onnxruntime
from rekall.models.engine.tokenizer import Tokenizer
from rekall.models.export.calibration import CALIBRATION_TEXTS
from rekall.models.export.checkpoint import Checkpoint, read_checkpoint
from rekall.models.export.modules import STATIC_KIND
from rekall.models.export.notes import notes_on
from rekall.models.export.options import PLAIN, ExportOptions, Precision
from rekall.models.export.pieces import write_tokenizer
from rekall.models.export.probe_texts import DEGENERATE_TEXTS, PROBE_TEXTS, SPELLED_TEXTS
from rekall.models.export.static import character_limit, write_static
from rekall.models.export.tokenizer_choice import choose_tokenizer, tokenizer_explained
from rekall.models.export.transformer import (
    MINIMUM_ONNXRUNTIME,
    expected_vectors,
    write_graph,
    write_integer_graph,
)
from rekall.models.level import level_of
from rekall.models.proof import GIVEN, READING, SOURCE, named
from rekall.models.vectors import row_cosines
from rekall.system.files import folder_written_whole, make_private_folder
from rekall.system.resident import trim_heap

EXPORTER_VERSION = 2
_FIDELITY_STEP = 0.0005
_KEPT_REFERENCES = 64
_MOST_UNREAD = 16  # what a card holds of a list
_FEWEST_TOKENS = 10  # of all probes: a vocabulary of letters has 60
_OTHER_MODEL = 0.98
"""Eight bits cost a cosine of 0.002 at most, so below this another thing was computed."""

_NATURAL_FLOOR, _DEGENERATE_FLOOR, _MEAN_FLOOR = 0.999, 0.998, 0.9995
"""The cosines that a graph of bytes must reach on natural probes, on others, and on average; else there is none."""

_NEAR = "export with `--precision fp32`, or accept less with `--min-cosine`"
_FAR = (
    "that is more than rounding: compare prompts, limit and revision with those that made the vectors; if they agree, "
    "Rekall reads this checkpoint wrongly, so please report it"
)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export made, with exact figures, and what a person should know of it."""

    folder: Path
    card: ModelCard
    fidelity: Mapping[str, Measured]
    notes: tuple[str, ...] = ()


def export_model(source: Path, out: Path, options: ExportOptions = PLAIN) -> ExportReport:
    """Export a sentence-transformers or model2vec folder to a model folder.

    Args:
        source: Where modules.json, config.json, model.safetensors and tokenizer.json are.
        out: The model folder to make; an earlier model there is replaced.
        options: How to export it.

    Raises:
        ExportFailed: Unsupported checkpoint, or not faithful enough; `out` is as before.
    """
    name = checked_name(options.name or out.name)
    if out.exists() and not (out / CARD_FILE).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ExportFailed(
            f"{out} exists and is not a model", "give a folder that does not exist yet, or a model to replace"
        )
    checkpoint = read_checkpoint(source, options)
    references = _read_reference(options.reference) if options.reference else None
    make_private_folder(out.parent)
    with folder_written_whole(out) as folder:
        probes, told = _write_model(checkpoint, folder, options)
        trim_heap()
        if unused := checkpoint.keys.unused():
            raise ExportFailed(
                f"nothing in {source} is called {', '.join(unused)}",
                "take that `--ignore` away, or spell it as the file does",
            )
        for notice in options.licence_files:
            shutil.copyfile(notice, folder / notice.name)
        dimensions = probes.vectors.shape[1]
        if references is not None and references.vectors.shape[1] != dimensions:
            raise ExportFailed(
                f"{options.reference} has vectors of {references.vectors.shape[1]} dimensions, the model {dimensions}"
            )
        (folder / PROBES_FILE).write_bytes(probes.to_json())
        if references is not None:
            (folder / REFERENCES_FILE).write_bytes(references.some(_KEPT_REFERENCES).to_json())
        card = _card(checkpoint, folder, name, options.precision, dimensions)
        (folder / CARD_FILE).write_bytes(card.to_json())
        measured = _measure(folder, SOURCE if options.via_torch else READING, probes, references, options.min_cosine)
        integers = _measure_integers(folder, card, probes)
        if integers is None:
            for file in INTEGER_FILES:
                (folder / file).unlink(missing_ok=True)
        card = replace(
            card,
            files={file: record for file, record in card.files.items() if integers or file not in INTEGER_FILES},
            integers=integers,
            fidelity={kind: _rounded_down(figures) for kind, figures in measured.items()},
            level=level_of(probes.vectors.tolist()),
        )
        (folder / CARD_FILE).write_bytes(card.to_json())
    return ExportReport(out, card, measured, (*told, *notes_on(checkpoint, options.name, card.fidelity)))


def _write_model(checkpoint: Checkpoint, folder: Path, options: ExportOptions) -> tuple[Probes, tuple[str, ...]]:
    """Write everything but card and probes. Returns the texts with the vectors they should get, and what to tell."""
    bare = PROBE_TEXTS + (SPELLED_TEXTS if _spells(checkpoint.tokenizer) else ())
    texts = [checkpoint.prompts.document + text for text in bare]
    if options.via_torch:
        from rekall.models.export.via_torch import trace  # torch, seconds and hundreds of megabytes

        vectors_of, rows = trace(checkpoint, folder, options)
        ids, notes = _write_tokenizer(checkpoint, folder, options, rows, texts)
        texts = [text for text, row in zip(texts, ids) if row]
        vectors: Any = vectors_of(texts)
    elif checkpoint.chain.kind == STATIC_KIND:
        with tokenizer_explained(checkpoint.tokenizer):
            write_tokenizer(checkpoint.tokenizer, folder)
            ids, notes = _source_ids(checkpoint, checkpoint.tokenizer, texts, special=False), ()
        vectors = write_static(checkpoint, folder, options, ids)
        some = vectors.any(axis=1)  # a table may hold nothing for a probe
        probes = tuple(text for text, has in zip(bare, some) if has)
        return Probes(probes, np.asarray(vectors[some], dtype=np.float32)), notes
    else:
        dimensions, graph = write_graph(checkpoint, folder, options)
        ids, notes = _write_tokenizer(checkpoint, folder, options, graph.vocabulary_rows, texts)
        notes += _sizes_told(checkpoint, graph.vocabulary_rows)
        if options.precision == "q8" and not has_onnxruntime():
            notes += ("without onnxruntime no graph of bytes can be made, which is faster on some processors",)
        elif options.precision == "q8":
            seen = _written_ids(checkpoint, folder, CALIBRATION_TEXTS)
            write_integer_graph(checkpoint, folder, graph, dimensions, seen)
        left_out = 0 if checkpoint.chain.pools_prompt else _opening_tokens(checkpoint, folder)
        vectors = expected_vectors(checkpoint, [row for row in ids if row], dimensions, left_out)
    probes = tuple(text for text, row in zip(bare, ids) if row)
    return Probes(probes, np.asarray(vectors, dtype=np.float32)), notes


def _sizes_told(checkpoint: Checkpoint, rows: int) -> tuple[str, ...]:
    """What to tell where config.json and the table of tokens give their number differently."""
    config = {**checkpoint.config, **(checkpoint.config.get("text_config") or {})}
    said = config.get("vocab_size")
    if said in (None, rows):
        return ()
    return (f"config.json has `vocab_size` {said!r}, and the table of tokens {rows:,} rows: the table counts",)


def _spells(tokenizer: Path) -> bool:
    """Whether a tokenizer.json has a piece for every byte; looked for in the text, which is much less than its content."""
    return re.search(rb'"byte_fallback"\s*:\s*true', tokenizer.read_bytes()) is not None


def _write_tokenizer(
    checkpoint: Checkpoint, folder: Path, options: ExportOptions, rows: int, texts: Sequence[str]
) -> tuple[list[list[int]], tuple[str, ...]]:
    """Write the tokenizer of a transformer. Returns the ids of some texts, and what to tell."""
    with tokenizer_explained(checkpoint.tokenizer):
        chosen = choose_tokenizer(
            checkpoint.chain.root,
            checkpoint.architecture,
            checkpoint.config,
            rows,
            options.tokenizer,
            lowers=checkpoint.lowers,
            elsewhere=checkpoint.figures.decoder.media if checkpoint.figures else (),
            known_otherwise=options.via_torch,
        )
    with tempfile.TemporaryDirectory() as place, tokenizer_explained(checkpoint.tokenizer):
        source = checkpoint.tokenizer
        if chosen.content is not None:
            source = Path(place) / TOKENIZER_FILE
            source.write_text(chosen.content, "utf-8")
        write_tokenizer(source, folder)
        return _source_ids(checkpoint, source, texts, special=True), chosen.notes


def _source_ids(checkpoint: Checkpoint, source: Path, texts: Sequence[str], *, special: bool) -> list[list[int]]:
    """Token ids by a whole tokenizer.json, so that a mistake in the one that is written shows.

    The tokenizer is freed before anything else is loaded: one of 250,000 pieces takes 280 MB.
    """
    try:
        tokenizer = Tokenizer(source, checkpoint.max_tokens, trim=checkpoint.trims, special=special)
    except ModelDamaged as error:
        raise ExportFailed(error.message, "fetch the model again, or give a larger --max-tokens") from error
    limit = character_limit(checkpoint) or None
    ids = tokenizer.encode([text[:limit] for text in texts])
    tokenizer.close()
    del tokenizer
    trim_heap()
    different = len({number for row in ids for number in row})
    if different < _FEWEST_TOKENS:
        raise ExportFailed(
            f"{checkpoint.tokenizer} knows next to nothing of a text: {different} different tokens in {len(texts)} texts",
            "give the weights and the tokenizer of the same model",
        )
    return ids


def _written_ids(checkpoint: Checkpoint, folder: Path, texts: Sequence[str]) -> list[list[int]]:
    """Token ids by the tokenizer that was written."""
    tokenizer = Tokenizer(folder / TOKENIZER_FILE, checkpoint.max_tokens, trim=checkpoint.trims)
    ids = tokenizer.encode([checkpoint.prompts.document + text for text in texts])
    tokenizer.close()
    return ids


def _opening_tokens(checkpoint: Checkpoint, folder: Path) -> int:
    """How many tokens the prompt of a document takes."""
    tokenizer = Tokenizer(folder / TOKENIZER_FILE, checkpoint.max_tokens, trim=checkpoint.trims)
    count = tokenizer.opening_tokens(checkpoint.prompts.document)
    tokenizer.close()
    return count


def _card(checkpoint: Checkpoint, folder: Path, name: str, precision: Precision, dimensions: int) -> ModelCard:
    files = {path.name: FileRecord.of(path) for path in sorted(folder.iterdir()) if path.name != CARD_FILE}
    characters = character_limit(checkpoint)
    return ModelCard(
        format=FORMAT,
        name=name,
        source=Source(as_line(checkpoint.repository), checkpoint.weights_sha256, checkpoint.revision),
        architecture=as_line(checkpoint.architecture),
        dimensions=dimensions,
        max_tokens=checkpoint.max_tokens,
        pooling=checkpoint.chain.pooling,
        normalize=checkpoint.chain.normalizes,
        prompts=checkpoint.prompts,
        precision=precision,
        minimum_onnxruntime=MINIMUM_ONNXRUNTIME,
        licence=as_line(checkpoint.licence),
        exporter=EXPORTER_VERSION,
        files=files,
        fidelity={},
        fingerprint=fingerprint_of(
            files,
            checkpoint.prompts,
            checkpoint.max_tokens,
            checkpoint.trims,
            characters,
            checkpoint.chain.pools_prompt,
        ),
        trims=checkpoint.trims,
        max_characters=characters,
        dense=checkpoint.chain.dense,
        similarity=checkpoint.similarity,
        unread=tuple(sorted(map(as_line, checkpoint.keys.passed)))[:_MOST_UNREAD],
        pools_prompt=checkpoint.chain.pools_prompt,
    )


def _measure(
    folder: Path, kind: str, probes: Probes, references: Probes | None, min_cosine: float
) -> dict[str, Measured]:
    try:
        encoder = open_encoder(folder, arithmetic="floats")
    except ModelDamaged as error:
        raise ExportFailed(f"the exported model cannot be loaded: {error.message}", "please report this") from error
    try:
        measured = {kind: measure(encoder, probes)}
        if references is not None:
            measured[GIVEN] = measure(encoder, references)
    finally:
        encoder.close()
    for kind, figures in measured.items():
        if not figures.min_cosine >= min_cosine:
            raise ExportFailed(
                f"the export is not faithful: cosine {figures.min_cosine:.5f} to {named(kind)} for {figures.worst_text[:60]!r}, below {min_cosine}",
                _FAR if figures.min_cosine < _OTHER_MODEL else _NEAR,
            )
    return measured


def _measure_integers(folder: Path, card: ModelCard, probes: Probes) -> Fidelity | None:
    """How close the graph of bytes comes to the probes; None where there is none that is close enough."""
    if INTEGER_GRAPH_FILE not in card.files:
        return None
    encoder = open_encoder(folder, arithmetic="bytes")
    try:
        cosines = row_cosines(encoder.encode_documents(list(probes.texts)), probes.vectors)
    finally:
        encoder.close()
    floors = [_DEGENERATE_FLOOR if text in DEGENERATE_TEXTS else _NATURAL_FLOOR for text in probes.texts]
    if not (cosines >= floors).all() or not cosines.mean() >= _MEAN_FLOOR:
        return None
    return _rounded_down(Fidelity(len(cosines), float(cosines.min()), float(cosines.mean())))


def _read_reference(path: Path) -> Probes:
    """Texts and vectors from one JSON file, or from NAME.vectors.npy and the NAME.texts.json beside it."""
    try:
        if path.suffix != ".npy":
            return Probes.from_json(path.read_bytes())
        texts = path.with_name(path.name.removesuffix(".npy").removesuffix(".vectors") + ".texts.json")
        return Probes.of(json.loads(texts.read_bytes()), np.load(path, allow_pickle=False))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ExportFailed(
            f"{path} is not a reference file: {error}",
            'give JSON, {"texts": [...], "vectors": [[...], ...]}, or an array with its texts beside it',
        ) from error


def _rounded_down(figures: Fidelity) -> Fidelity:
    def steps(value: float) -> float:
        return round(int(value / _FIDELITY_STEP + 1e-9) * _FIDELITY_STEP, 4)

    return Fidelity(figures.texts, steps(figures.min_cosine), steps(figures.mean_cosine))
