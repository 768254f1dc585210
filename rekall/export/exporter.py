"""Exports a checkpoint: builds, measures, and puts the finished model folder in place or nothing at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rekall.engine.card import (
    CARD_FILE,
    FORMAT,
    PROBES_FILE,
    TOKENIZER_FILE,
    Fidelity,
    FileRecord,
    ModelCard,
    Source,
    checked_name,
    fingerprint_of,
)
from rekall.engine.onnx_encoder import OnnxEncoder
from rekall.engine.probes import Measured, Probes, measure
from rekall.engine.tokenizer import Tokenizer
from rekall.errors import ExportFailed
from rekall.export.bert import build_bert
from rekall.export.checkpoint import Checkpoint, Weights, read_checkpoint
from rekall.export.graph import GraphBuilder
from rekall.export.probe_texts import PROBE_TEXTS
from rekall.export.reference import bert_vectors
from rekall.files import folder_written_whole, make_private_folder

EXPORTER_VERSION = 1
MINIMUM_ONNXRUNTIME = "1.23"  # the first whose 8-bit MatMulNBits is right on every processor
_FIDELITY_STEP = 0.0005

_ARCHITECTURES: Mapping[str, tuple[Callable[[Checkpoint, Weights, GraphBuilder], None], Callable[..., Any]]] = {
    "bert": (build_bert, bert_vectors),
}


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export made, with its exact figures."""

    folder: Path
    card: ModelCard
    fidelity: Mapping[str, Measured]


def export_model(
    checkpoint_folder: Path,
    out: Path,
    *,
    name: str = "",
    precision: str = "q8",
    reference: Path | None = None,
    min_cosine: float = 0.999,
    licence_files: tuple[Path, ...] = (),
) -> ExportReport:
    """Export a sentence-transformers folder to a model folder.

    Args:
        checkpoint_folder: Where modules.json, config.json, model.safetensors and tokenizer.json are.
        out: The model folder to make; replaced when it exists.
        name: The model's name; by default that of `out`.
        precision: "q8" or "fp32".
        reference: A JSON file `{"texts": [...], "vectors": [[...], ...]}` to measure against as well, or
            NAME.vectors.npy with NAME.texts.json beside it.
        min_cosine: The export fails when any measured text comes out further from its reference.
        licence_files: Notices to carry along.

    Raises:
        ExportFailed: Unsupported checkpoint, or not faithful enough; `out` is as before.
    """
    name = checked_name(name or out.name)
    if out.exists() and not (out / CARD_FILE).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ExportFailed(
            f"{out} exists and is not a model", "give a folder that does not exist yet, or a model to replace"
        )
    checkpoint = read_checkpoint(checkpoint_folder)
    if checkpoint.architecture not in _ARCHITECTURES:
        raise ExportFailed(
            f"cannot export architecture {checkpoint.architecture!r}", f"supported: {', '.join(sorted(_ARCHITECTURES))}"
        )
    references = _read_reference(reference) if reference else None
    build, forward = _ARCHITECTURES[checkpoint.architecture]
    weights = checkpoint.load_weights()
    dimensions = checkpoint.figures.hidden
    if references is not None and references.vectors.shape[1] != dimensions:
        raise ExportFailed(
            f"{reference} has vectors of {references.vectors.shape[1]} dimensions, the model {dimensions}"
        )
    make_private_folder(out.parent)
    with folder_written_whole(out) as folder:
        graph = GraphBuilder(precision)
        build(checkpoint, weights, graph)
        graph.save(folder, dimensions)
        shutil.copyfile(checkpoint.tokenizer, folder / TOKENIZER_FILE)
        for notice in licence_files:
            shutil.copyfile(notice, folder / notice.name)
        tokenizer = Tokenizer(folder / TOKENIZER_FILE, checkpoint.max_tokens)
        ids = tokenizer.encode([checkpoint.prompts.document + text for text in PROBE_TEXTS])
        probes = Probes(PROBE_TEXTS, forward(checkpoint, weights, ids).astype(np.float32))
        (folder / PROBES_FILE).write_bytes(probes.to_json())
        card = _card(checkpoint, folder, name, precision, dimensions)
        (folder / CARD_FILE).write_bytes(card.to_json())
        measured = _measure(folder, probes, references, min_cosine)
        card = replace(card, fidelity={kind: _rounded_down(figures) for kind, figures in measured.items()})
        (folder / CARD_FILE).write_bytes(card.to_json())
    return ExportReport(out, card, measured)


def _card(checkpoint: Checkpoint, folder: Path, name: str, precision: str, dimensions: int) -> ModelCard:
    files = {path.name: FileRecord.of(path) for path in sorted(folder.iterdir()) if path.name != CARD_FILE}
    return ModelCard(
        format=FORMAT,
        name=name,
        source=Source(checkpoint.name, checkpoint.weights_sha256, checkpoint.revision),
        architecture=checkpoint.architecture,
        dimensions=dimensions,
        max_tokens=checkpoint.max_tokens,
        pooling=checkpoint.pooling,
        normalize=checkpoint.normalize,
        prompts=checkpoint.prompts,
        precision=precision,
        minimum_onnxruntime=MINIMUM_ONNXRUNTIME,
        licence=checkpoint.licence,
        exporter=EXPORTER_VERSION,
        files=files,
        fidelity={},
        fingerprint=fingerprint_of(files, checkpoint.prompts, checkpoint.max_tokens),
    )


def _measure(folder: Path, probes: Probes, references: Probes | None, min_cosine: float) -> dict[str, Measured]:
    encoder = OnnxEncoder(folder)
    try:
        measured = {"float64": measure(encoder, probes)}
        if references is not None:
            measured["reference"] = measure(encoder, references)
    finally:
        encoder.close()
    for kind, figures in measured.items():
        if not figures.min_cosine >= min_cosine:
            raise ExportFailed(
                f"the export is not faithful: cosine {figures.min_cosine:.5f} to {kind} for {figures.worst_text[:60]!r}, below {min_cosine}",
                "export with `--precision fp32`, or accept less with `--min-cosine`",
            )
    return measured


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
            'it holds JSON, {"texts": [...], "vectors": [[...], ...]}, or is an array with its texts beside it',
        ) from error


def _rounded_down(figures: Measured) -> Fidelity:
    def steps(value: float) -> float:
        return round(int(value / _FIDELITY_STEP + 1e-9) * _FIDELITY_STEP, 4)

    return Fidelity(figures.texts, steps(figures.min_cosine), steps(figures.mean_cosine))
