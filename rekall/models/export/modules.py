"""What follows the transformer in a sentence-transformers model: pooling, dense layers, normalisations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rekall.errors import ExportFailed
from rekall.models.export.activations import TORCH_NAMES
from rekall.models.export.file_rules import BY_MODULE, MODULES
from rekall.models.export.kinds import ELSEWHERE, check_module
from rekall.models.export.rules import KeyCheck
from rekall.models.export.shards import DAMAGED, FETCH_LFS, POINTER, WEIGHTS_FILE, is_pointer

MODULES_FILE = "modules.json"

POOLINGS = ("cls", "max", "mean", "mean_sqrt_len", "weightedmean", "lasttoken")
"""In the order in which the older form, a switch for each mode, joins several."""

STATIC_KIND = "StaticEmbedding"
_FIRST = ("Transformer", STATIC_KIND)
_SUPPORTED = (*_FIRST, *BY_MODULE)
_BRANCHING = ("Router", "Asym")


@dataclass(frozen=True, slots=True)
class Pooling:
    """From the vectors of tokens to that of the text; several modes are joined end to end.

    Attributes:
        modes: Some of `POOLINGS`.
        prompts: Whether the tokens of a prompt take part.
    """

    modes: tuple[str, ...]
    prompts: bool = True


@dataclass(frozen=True, slots=True)
class Dense:
    """A linear layer and an activation. `weights` holds `linear.weight` (o, i) and, with a bias, `linear.bias` (o,)."""

    weights: Path
    inputs: int
    outputs: int
    bias: bool
    activation: str


@dataclass(frozen=True, slots=True)
class Normalize:
    """Scales the vector to unit length."""


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """Shifts and scales the vector to mean 0 and variance 1. `weights` holds `norm.weight` and `norm.bias` (width,)."""

    weights: Path
    width: int

    EPSILON = 1e-5


Module = Pooling | Dense | Normalize | LayerNorm


@dataclass(frozen=True, slots=True)
class Chain:
    """The modules of a model.

    Attributes:
        kind: "Transformer" or "StaticEmbedding".
        root: The folder of that first module.
        modules: What follows it, in order.
        remote: What modules.json calls the first module, where that is code in the repository; whether it is needed
            depends on the architecture.
    """

    kind: str
    root: Path
    modules: tuple[Module, ...]
    remote: str = ""

    @property
    def pools_prompt(self) -> bool:
        """Whether the tokens of a prompt take part in the pooling."""
        return all(module.prompts for module in self.modules if isinstance(module, Pooling))

    def with_prompts(self, pooled: bool) -> Chain:
        """The same, but for whether the tokens of a prompt take part in the pooling."""
        modules = [
            replace(module, prompts=pooled) if isinstance(module, Pooling) else module for module in self.modules
        ]
        return replace(self, modules=tuple(modules))

    @property
    def pooling(self) -> str:
        """The names of the pooling modes, "mean" for a static model."""
        return (
            "+".join(mode for module in self.modules if isinstance(module, Pooling) for mode in module.modes) or "mean"
        )

    @property
    def normalizes(self) -> bool:
        """Whether the last module scales to unit length."""
        return bool(self.modules) and isinstance(self.modules[-1], Normalize)

    @property
    def dense(self) -> tuple[str, ...]:
        """The dense layers in words."""
        return tuple(f"{m.inputs}x{m.outputs} {m.activation}" for m in self.modules if isinstance(m, Dense))


def read_chain(folder: Path, keys: KeyCheck, *, complete: bool = True) -> Chain:
    """Read `modules.json`, of either generation of its schema, and what it points to.

    Older releases write `sentence_transformers.models.Pooling`, newer ones
    `sentence_transformers.sentence_transformer.modules.pooling.Pooling`: only the last dotted part counts. Without
    `modules.json`, sentence-transformers uses mean pooling.

    Args:
        folder: Where modules.json is.
        keys: Checks every file against its table.
        complete: Whether weights must be there already.

    Raises:
        ExportFailed: A module is not supported, or its folder is incomplete.
    """
    path = folder / MODULES_FILE
    if not path.is_file():
        return Chain("Transformer", folder, (Pooling(("mean",)),))
    entries = read_json(path, list)
    parts = [_part(path, entry, keys) for entry in entries]
    kinds = [kind for kind, _ in parts]
    if not parts or kinds[0] not in _FIRST:
        raise ExportFailed(
            f"{path} does not begin with a Transformer or a StaticEmbedding", f"supported: {', '.join(_SUPPORTED)}"
        )
    if (kinds[0] == "Transformer") != (kinds[1:2] == ["Pooling"]) or "Pooling" in kinds[2:] or kinds[0] in kinds[1:]:
        raise ExportFailed(
            f"{path} joins its modules as {', '.join(kinds)}",
            "supported: Transformer, Pooling, or StaticEmbedding; then any Dense, LayerNorm, Dropout and Normalize",
        )
    modules: list[Module] = []
    for kind, where in parts[1:]:
        config = _config(where / "config.json", kind, keys)
        if kind == "Pooling":
            modules.append(_pooling(where / "config.json", config))
        elif kind == "Dense":
            modules.append(_dense(where, config, complete=complete))
        elif kind == "LayerNorm":
            modules.append(_layer_norm(where, config, complete=complete))
        elif kind == "Normalize":
            modules.append(Normalize())  # a Dropout drops nothing but in training
    first = str(entries[0]["type"])
    remote = "" if first.startswith("sentence_transformers.") else first
    return Chain(kinds[0], parts[0][1], tuple(modules), remote)


def read_json(path: Path, kind: type = dict) -> Any:
    """A JSON file of the given kind, `dict` or `list`.

    Raises:
        ExportFailed: It cannot be read, or is of another kind.
    """
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        if is_pointer(path):
            raise ExportFailed(POINTER.format(path), FETCH_LFS) from error
        raise ExportFailed(f"cannot read {path}: {error}", DAMAGED) from error
    if not isinstance(value, kind):
        raise ExportFailed(f"{path} is not a JSON {'object' if kind is dict else 'array'}", DAMAGED)
    return value


def _part(path: Path, entry: object, keys: KeyCheck) -> tuple[str, Path]:
    """Kind and folder of one entry of `modules.json`."""
    if not isinstance(entry, dict):
        raise ExportFailed(f"{path} lists something that is not a module: {entry!r}")
    name, place = str(entry.get("type", "")), str(entry.get("path", ""))
    kind = name.rpartition(".")[2]
    check_module(str(path.parent), name)
    if not name.startswith("sentence_transformers.") and kind != "Transformer":  # see `Chain.remote`
        raise ExportFailed(
            f"{path} asks for remote code ({name or 'a module without a type'}), which Rekall never runs", ELSEWHERE
        )
    if kind in _BRANCHING:
        raise ExportFailed(
            f"{path} sends queries and documents through different modules ({name}), which is not supported", ELSEWHERE
        )
    if kind not in _SUPPORTED:
        raise ExportFailed(
            f"{path} names a module that cannot be exported: {name}", f"supported: {', '.join(_SUPPORTED)}"
        )
    keys(entry, MODULES, str(path))
    if ".." in Path(place).parts or Path(place).anchor:  # on Windows `/etc` and `C:etc` are not absolute
        raise ExportFailed(f"{path} points outside its folder: {place}", ELSEWHERE)
    return kind, path.parent / place


def _config(path: Path, kind: str, keys: KeyCheck) -> Mapping[str, Any]:
    """A module's config.json, held against its table; Normalize and Dropout need none."""
    if kind in ("Normalize", "Dropout") and not path.is_file():
        return {}
    config: Mapping[str, Any] = read_json(path)
    keys(config, BY_MODULE[kind], str(path), ELSEWHERE)
    return config


def _pooling(path: Path, config: Mapping[str, Any]) -> Pooling:
    mode = config.get("pooling_mode")
    switched = _switched_on(config)
    named = (switched or ["mean"]) if mode is None else mode if isinstance(mode, list) else [mode]
    modes = [_plain(str(name)) for name in named]
    if not modes or not set(modes) <= set(POOLINGS):
        raise ExportFailed(f"{path} asks for pooling {' + '.join(modes)}", f"supported: {', '.join(POOLINGS)}")
    if mode is not None and switched and sorted(switched) != sorted(modes):
        raise ExportFailed(
            f"{path} contradicts itself: `pooling_mode` says {' + '.join(modes)}, its older switches {' + '.join(switched)}",
            "take out what is wrong of the two",
        )
    return Pooling(tuple(modes), bool(config.get("include_prompt", True)))


def _switched_on(config: Mapping[str, Any]) -> Sequence[str]:
    """The modes of the older form, `pooling_mode_mean_tokens: true`."""
    on = [
        _plain(key.removeprefix("pooling_mode_"))
        for key, on in config.items()
        if key.startswith("pooling_mode_") and on
    ]
    return sorted(on, key=lambda mode: (*POOLINGS, mode).index(mode))


def _plain(mode: str) -> str:
    return mode.removesuffix("_tokens").removesuffix("_token")


def _dense(folder: Path, config: Mapping[str, Any], *, complete: bool) -> Dense:
    path = folder / "config.json"
    weights = _weights(folder, complete=complete)
    named = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    activation = named.rpartition(".")[2]
    if not named.startswith("torch.nn.") or activation not in TORCH_NAMES:
        raise ExportFailed(
            f"{path} asks for activation {named}", f"supported: {', '.join(sorted(TORCH_NAMES))} of torch.nn"
        )
    inputs, outputs = _size(config, "in_features", path), _size(config, "out_features", path)
    return Dense(weights, inputs, outputs, bool(config.get("bias", True)), activation)


def _layer_norm(folder: Path, config: Mapping[str, Any], *, complete: bool) -> LayerNorm:
    return LayerNorm(_weights(folder, complete=complete), _size(config, "dimension", folder / "config.json"))


def _weights(folder: Path, *, complete: bool) -> Path:
    if complete and not (folder / WEIGHTS_FILE).is_file():
        raise ExportFailed(
            f"{folder} has no {WEIGHTS_FILE}; pickled weights can run any code, so Rekall never opens them",
            "look for a revision with safetensors",
        )
    return folder / WEIGHTS_FILE


def _size(config: Mapping[str, Any], key: str, path: Path) -> int:
    try:
        return int(config[key])
    except (KeyError, TypeError, ValueError) as error:
        raise ExportFailed(f"{path} does not give its sizes: {error}") from error
