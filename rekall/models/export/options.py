"""What an export can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Precision = Literal["q8", "fp32"]
"""Weights in 8-bit blocks, or in float32 as they are."""

TokenizerReading = Literal["agreed", "file", "class"]
"""A tokenizer by its tokenizer.json, as transformers 4 reads one, or as its class in transformers 5 builds it; only where
both agree is there nothing to choose."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How to export a model; by default the whole model, in 8 bits, under the name of its folder.

    Attributes:
        name: The model's name here; by default that of the folder it is written to.
        precision: See `Precision`.
        dimensions: Numbers of a vector to keep, for a model trained to be cut; None keeps all.
        max_tokens: A limit below the model's own.
        query_prompt: Put before every query in place of the model's own; None keeps that one.
        document_prompt: The same before every document.
        repository: Where the source folder came from, "owner/name"; by default the folder's name.
        revision: The repository's commit, where it is known.
        licence_files: Notices to carry along.
        reference: A JSON file `{"texts": [...], "vectors": [[...], ...]}` to measure against as well, or
            NAME.vectors.npy with NAME.texts.json beside it.
        min_cosine: The export fails when any measured text comes out further from its reference.
        ignored: Keys of the checkpoint's files and tensors that are passed over although Rekall does not know them; `*`
            stands for any text.
        tokenizer: What is followed where transformers 4 and 5 read a tokenizer differently; see `TokenizerReading`.
        task: Of a model with an adapter for each of several tasks, the one that is merged; see `adapters`.
        via_torch: Trace the model with torch, for an architecture that the exporter does not know.
    """

    name: str = ""
    precision: Precision = "q8"
    dimensions: int | None = None
    max_tokens: int | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    repository: str = ""
    revision: str | None = None
    licence_files: tuple[Path, ...] = ()
    reference: Path | None = None
    min_cosine: float = 0.999
    ignored: tuple[str, ...] = ()
    tokenizer: TokenizerReading = "agreed"
    task: str = ""
    via_torch: bool = False


PLAIN = ExportOptions()
"""Nothing in particular."""
