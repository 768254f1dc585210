"""Tiny checkpoints of every architecture, with the vectors that their own libraries give: see `scripts/make_goldens.py`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401 - teaches numpy bfloat16, which some checkpoints are stored in
import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file, save_file

from rekall.errors import ExportFailed
from rekall.models.engine.opening import open_encoder
from rekall.models.export.exporter import export_model
from rekall.models.export.options import ExportOptions
from rekall.models.vectors import Matrix
from support.runs import DATA

CHECKPOINTS = DATA / "checkpoints"
TEXTS: list[str] = json.loads((CHECKPOINTS / "edge_texts.json").read_text("utf-8"))


@dataclass(frozen=True)
class Case:
    """A checkpoint of `cases.json`; one with a base holds only the files in which it differs from that."""

    name: str
    base: str
    architecture: str
    width: int
    pooling: list[str]
    normalize: bool
    max_tokens: int
    query_prompt: str
    document_prompt: str
    dimensions: int | None

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Case:
        prompts = dict(raw.get("prompts", {}))
        return cls(
            name=raw["name"],
            base=raw.get("base", ""),
            architecture=raw["architecture"],
            width=raw["width"],
            pooling=[mode.removesuffix("_tokens") for mode in raw["pooling"]],
            normalize="Normalize" in raw["after"][-1:],
            max_tokens=raw["max_tokens"],
            query_prompt=prompts.pop("query", ""),
            document_prompt=next(iter(prompts.values()), ""),
            dimensions=raw.get("dimensions"),
        )

    def write(self, folder: Path) -> None:
        for name in filter(None, (self.base, self.name)):
            shutil.copytree(CHECKPOINTS / name, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.npy"))

    def golden(self, kind: str) -> Matrix:
        """(n, d) float32 unit rows; a text without a single token has no direction and a row of zeros."""
        path = CHECKPOINTS / self.name / f"{kind}.npy"
        vectors: Matrix = np.load(path if path.exists() else path.with_name("document.npy"), allow_pickle=False)
        return vectors


CASES = [Case.of(case) for case in json.loads((CHECKPOINTS / "cases.json").read_text("utf-8"))]
CASE = {case.name: case for case in CASES}
TRANSFORMERS = [case for case in CASES if case.pooling]


@dataclass(frozen=True)
class Source:
    """A copy of a checkpoint that a test changes."""

    path: Path

    def read_json(self, name: str) -> Any:
        return json.loads((self.path / name).read_text("utf-8"))

    def write_json(self, name: str, value: object) -> None:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(json.dumps(value), "utf-8")

    def edit_json(self, name: str, **changes: object) -> None:
        """Change keys of a JSON file; None takes a key away."""
        value = {**(self.read_json(name) if (self.path / name).exists() else {}), **changes}
        self.write_json(name, {key: item for key, item in value.items() if item is not None})

    def edit_weights(self, edit: Callable[[dict[str, npt.NDArray[Any]]], Mapping[str, npt.NDArray[Any]]]) -> None:
        path = self.path / "model.safetensors"
        save_file(dict(edit(load_file(path))), path)


def vectors_of(folder: Path, texts: list[str] = TEXTS) -> Matrix:
    encoder = open_encoder(folder)
    try:
        return encoder.encode_documents(texts)
    finally:
        encoder.close()


def refused(source: Source, out: Path, **options: Any) -> ExportFailed:
    """The error that the export ends in; it says what to do, and nothing is left behind."""
    with pytest.raises(ExportFailed) as caught:
        export_model(source.path, out, ExportOptions(**{"precision": "fp32", **options}))
    assert caught.value.hint
    assert not out.exists()
    return caught.value
