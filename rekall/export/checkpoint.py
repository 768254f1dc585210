"""Reads a sentence-transformers folder, of either generation of its config schema."""

from __future__ import annotations

import json
import re
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
_FRONT_MATTER = re.compile(r"\A---\n(?P<fields>.*?)^---$", re.DOTALL | re.MULTILINE)
_UNLIMITED = 1 << 20  # tokenizer_config.json says 1e30 when it has no limit

Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Figures:
    """The sizes of a transformer."""

    hidden: int
    layers: int
    heads: int
    positions: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a sentence-transformers folder says about its model, weights aside.

    `folder` is where the transformer's own files are: the folder itself, or its 0_Transformer.
    """

    folder: Path
    name: str
    revision: str | None
    architecture: str
    config: Mapping[str, Any]
    figures: Figures
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
    modules = _read_modules(folder)
    root = folder / modules.get("Transformer", "")
    for needed in ("config.json", WEIGHTS, TOKENIZER_FILE):
        if not (root / needed).is_file():
            raise ExportFailed(
                f"{root} has no {needed}",
                "give a sentence-transformers folder with safetensors weights and a tokenizer.json",
            )
    config = _read_json(root / "config.json")
    if "auto_map" in config:
        raise ExportFailed(f"{root / 'config.json'} asks for remote code (auto_map), which Rekall never runs")
    sbert: Mapping[str, Any] = next((_read_json(root / name) for name in _SBERT_CONFIGS if (root / name).is_file()), {})
    if sbert.get("do_lower_case") and not _lowers(root / TOKENIZER_FILE):
        raise ExportFailed(f"{root} lowers its texts outside the tokenizer (do_lower_case), which is not supported")
    prompts = _prompts(folder)
    pooling, with_prompt = _pooling(folder / modules["Pooling"]) if "Pooling" in modules else ("mean", True)
    if not with_prompt and (prompts.query or prompts.document):
        raise ExportFailed(f"{folder} leaves its prompts out of the pooling (include_prompt), which is not supported")
    figures = _figures(root / "config.json", config)
    return Checkpoint(
        folder=root,
        name=folder.resolve().name,
        revision=None,
        architecture=str(config.get("model_type", "")),
        config=config,
        figures=figures,
        max_tokens=_max_tokens(root, figures, sbert),
        pooling=pooling,
        normalize="Normalize" in modules,
        prompts=prompts,
        licence=_licence(folder),
        weights_sha256=sha256_of(root / WEIGHTS),
    )


def tensor(weights: Weights, name: str, *shape: int) -> npt.NDArray[np.float32]:
    """A tensor of a checkpoint; -1 in the shape stands for any size.

    Raises:
        ExportFailed: It is missing or has another shape.
    """
    if name not in weights:
        raise ExportFailed(f"the checkpoint lacks {name}")
    found = weights[name]
    if len(found.shape) != len(shape) or any(size not in (-1, real) for size, real in zip(shape, found.shape)):
        raise ExportFailed(f"{name} has shape {found.shape}, expected {shape}")
    return found


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
        if not isinstance(module, dict):
            raise ExportFailed(f"{path} lists something that is not a module: {module!r}")
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


def _pooling(folder: Path) -> tuple[str, bool]:
    """The pooling, and whether the tokens of a prompt take part in it."""
    config = _read_json(folder / "config.json")
    mode = config.get("pooling_mode")
    modes = [mode] if isinstance(mode, str) else list(mode) if isinstance(mode, list) else _legacy_modes(config)
    if len(modes) != 1 or modes[0] not in ("mean", "cls"):
        raise ExportFailed(
            f"{folder / 'config.json'} asks for pooling {' + '.join(map(str, modes))}", "supported: mean, cls"
        )
    return str(modes[0]), bool(config.get("include_prompt", True))


def _legacy_modes(config: Mapping[str, Any]) -> list[str]:
    """The modes that are switched on in the older form, `pooling_mode_mean_tokens: true`; mean when none is."""
    on = [
        key.removeprefix("pooling_mode_") for key, value in config.items() if key.startswith("pooling_mode_") and value
    ]
    return [key.removesuffix("_token").removesuffix("_tokens") for key in on] or ["mean"]


def _figures(path: Path, config: Mapping[str, Any]) -> Figures:
    try:
        figures = Figures(
            hidden=int(config["hidden_size"]),
            layers=int(config["num_hidden_layers"]),
            heads=int(config["num_attention_heads"]),
            positions=int(config["max_position_embeddings"]),
            epsilon=float(config["layer_norm_eps"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ExportFailed(f"{path} lacks a figure or has one that is no number: {error}") from error
    if min(figures.hidden, figures.layers, figures.heads, figures.positions) < 1 or figures.hidden % figures.heads:
        raise ExportFailed(f"{path} describes no transformer: {figures}")
    return figures


def _max_tokens(root: Path, figures: Figures, sbert: Mapping[str, Any]) -> int:
    """The sequence limit: sentence-transformers' own, else the tokenizer's, within the position table."""
    limit = sbert.get("max_seq_length")
    if limit is None and (root / "tokenizer_config.json").is_file():
        limit = _read_json(root / "tokenizer_config.json").get("model_max_length")
    if not isinstance(limit, (int, float, type(None))) or (limit is not None and limit < 1):
        raise ExportFailed(f"{root} limits its texts to {limit!r} tokens")
    return int(min(figures.positions, _UNLIMITED if limit is None else limit))


def _lowers(path: Path) -> bool:
    """Whether a tokenizer lowers its text by itself."""
    normalizer = _read_json(path).get("normalizer") or {}
    return bool(normalizer.get("lowercase"))


def _prompts(folder: Path) -> Prompts:
    path = folder / "config_sentence_transformers.json"
    config = _read_json(path) if path.is_file() else {}
    prompts: Any = config.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(prompt, str) for prompt in prompts.values()):
        raise ExportFailed(f"{path} has prompts that are not text")
    default = prompts.get(config.get("default_prompt_name") or "", "")
    document = next((prompts[name] for name in _DOCUMENT_PROMPTS if name in prompts), default)
    return Prompts(query=str(prompts.get("query", default)), document=str(document))


def _licence(folder: Path) -> str:
    """The licence of the model card's front matter, or "unknown"."""
    import yaml

    path = folder / "README.md"
    head = _FRONT_MATTER.match(path.read_text("utf-8", "replace")) if path.is_file() else None
    try:
        fields = yaml.safe_load(head["fields"]) if head else {}
    except yaml.YAMLError:
        fields = {}  # a card that is no YAML names no licence
    licence = str(fields.get("license") or "unknown") if isinstance(fields, dict) else "unknown"
    return {"apache-2.0": "Apache-2.0", "mit": "MIT"}.get(licence, licence)


def _read_json(path: Path, kind: type = dict) -> Any:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ExportFailed(f"cannot read {path}: {error}") from error
    if not isinstance(value, kind):
        raise ExportFailed(f"{path} is not a JSON {'object' if kind is dict else 'array'}")
    return value
