"""Reads a sentence-transformers folder, of either generation of its config schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rekall.engine.card import TOKENIZER_FILE, Prompts
from rekall.errors import ExportFailed
from rekall.files import sha256_of

WEIGHTS = "model.safetensors"
_SBERT_CONFIGS = ("sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json")
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")  # the order sentence-transformers looks them up in
_UNLIMITED = 1 << 20  # tokenizer_config.json says 1e30 when it has no limit

Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a sentence-transformers folder says about its model, weights aside."""

    folder: Path
    name: str
    revision: str | None
    architecture: str
    config: Mapping[str, Any]
    max_tokens: int
    pooling: str
    normalize: bool
    prompts: Prompts
    licence: str
    weights_sha256: str

    @property
    def tokenizer(self) -> Path:
        """The tokenizer file."""
        return self.folder / TOKENIZER_FILE

    def load_weights(self) -> Weights:
        """Every tensor of the checkpoint as float32, by its name without a leading `bert.`.

        Raises:
            ExportFailed: The file is no safetensors file.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.folder / WEIGHTS, framework="numpy") as file:
                return {
                    name.removeprefix(f"{self.architecture}."): file.get_tensor(name).astype(np.float32)
                    for name in file.keys()  # noqa: SIM118 - safe_open is no mapping
                    if not name.endswith("position_ids")
                }
        except SafetensorError as error:
            raise ExportFailed(f"{self.folder / WEIGHTS} is not a safetensors file: {error}") from error


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a sentence-transformers folder.

    Raises:
        ExportFailed: A file is missing or malformed, or the model has a part that is not supported.
    """
    for needed in ("config.json", WEIGHTS, TOKENIZER_FILE):
        if not (folder / needed).is_file():
            raise ExportFailed(
                f"{folder} has no {needed}",
                "give a sentence-transformers folder with safetensors weights and a tokenizer.json",
            )
    config = _read_json(folder / "config.json")
    if "auto_map" in config:
        raise ExportFailed(f"{folder / 'config.json'} asks for remote code (auto_map), which Rekall never runs")
    modules = _read_modules(folder)
    transformer = folder / modules.get("Transformer", "")
    sbert: Mapping[str, Any] = next(
        (_read_json(transformer / name) for name in _SBERT_CONFIGS if (transformer / name).is_file()), {}
    )
    return Checkpoint(
        folder=folder,
        name=folder.resolve().name,
        revision=None,
        architecture=str(config.get("model_type", "")),
        config=config,
        max_tokens=_max_tokens(folder, config, sbert),
        pooling=_pooling(folder / modules["Pooling"]) if "Pooling" in modules else "mean",
        normalize="Normalize" in modules,
        prompts=_prompts(folder),
        licence=_licence(folder),
        weights_sha256=sha256_of(folder / WEIGHTS),
    )


def _read_modules(folder: Path) -> dict[str, str]:
    """Module kind to subfolder, from modules.json; kinds are the last dotted part of `type`.

    Older releases write `sentence_transformers.models.Pooling`, newer ones
    `sentence_transformers.sentence_transformer.modules.pooling.Pooling`.
    """
    path = folder / "modules.json"
    if not path.is_file():
        return {"Transformer": ""}  # sentence-transformers then takes mean pooling, without Normalize
    modules: dict[str, str] = {}
    for module in _read_json(path, list):
        kind = str(module.get("type", "")).rpartition(".")[2]
        if kind not in ("Transformer", "Pooling", "Normalize") or kind in modules:
            raise ExportFailed(
                f"{path} names a module that cannot be exported: {module.get('type')}",
                "supported: Transformer, Pooling, Normalize",
            )
        modules[kind] = str(module.get("path", ""))
        if ".." in Path(modules[kind]).parts or Path(modules[kind]).is_absolute():
            raise ExportFailed(f"{path} points outside its folder: {modules[kind]}")
    return modules


def _pooling(folder: Path) -> str:
    config = _read_json(folder / "config.json")
    if "pooling_mode" in config:
        mode = config["pooling_mode"]
        modes = [mode] if isinstance(mode, str) else list(mode)
    else:
        modes = [
            key.removeprefix("pooling_mode_").removesuffix("_token").removesuffix("_tokens")
            for key, on in config.items()
            if key.startswith("pooling_mode_") and on
        ] or ["mean"]
    if len(modes) != 1 or modes[0] not in ("mean", "cls"):
        raise ExportFailed(f"{folder / 'config.json'} asks for pooling {' + '.join(modes)}", "supported: mean, cls")
    return str(modes[0])


def _max_tokens(folder: Path, config: Mapping[str, Any], sbert: Mapping[str, Any]) -> int:
    """The sequence limit: sentence-transformers' own, else the tokenizer's, within the position table."""
    positions = int(config.get("max_position_embeddings", _UNLIMITED))
    limit = sbert.get("max_seq_length")
    if limit is None and (folder / "tokenizer_config.json").is_file():
        limit = _read_json(folder / "tokenizer_config.json").get("model_max_length")
    return int(min(positions, limit if limit is not None else _UNLIMITED))


def _prompts(folder: Path) -> Prompts:
    path = folder / "config_sentence_transformers.json"
    config = _read_json(path) if path.is_file() else {}
    prompts = config.get("prompts") or {}
    default = prompts.get(config.get("default_prompt_name") or "", "")
    document = next((prompts[name] for name in _DOCUMENT_PROMPTS if name in prompts), default)
    return Prompts(query=prompts.get("query", default), document=document)


def _licence(folder: Path) -> str:
    """The licence of the model card's front matter, or "unknown"."""
    path = folder / "README.md"
    if not path.is_file():
        return "unknown"
    for line in path.read_text("utf-8", "replace").split("---")[1:2]:
        for field in line.splitlines():
            key, _, value = field.partition(":")
            if key.strip() == "license":
                return {"apache-2.0": "Apache-2.0", "mit": "MIT"}.get(value.strip(), value.strip())
    return "unknown"


def _read_json(path: Path, kind: type = dict) -> Any:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ExportFailed(f"cannot read {path}: {error}") from error
    if not isinstance(value, kind):
        raise ExportFailed(f"{path} is not a JSON {'object' if kind is dict else 'array'}")
    return value
