"""What follows the transformer in a sentence-transformers model: pooling, dense layers, normalisation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rekall.errors import ExportFailed
from rekall.models.export.activations import ACTIVATIONS

WEIGHTS_FILE = "model.safetensors"

POOLINGS = ("cls", "max", "mean", "mean_sqrt_len", "weightedmean", "lasttoken")
"""In the order in which the older form, a switch for each mode, joins several."""

_SUPPORTED = "Transformer, Pooling, Dense, Normalize, StaticEmbedding"
STATIC_KIND = "StaticEmbedding"
_BRANCHING = ("Router", "Asym")
_EMBEDDING = "sentence_embedding"


@dataclass(frozen=True, slots=True)
class Pooling:
    """From the vectors of tokens to that of the text; several modes are joined end to end."""

    modes: tuple[str, ...]


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


Module = Pooling | Dense | Normalize


@dataclass(frozen=True, slots=True)
class Chain:
    """The modules of a model.

    Attributes:
        kind: "Transformer" or "StaticEmbedding".
        root: The folder of that first module.
        modules: What follows it, in order.
        prompt_pooled: Whether the pooling includes the tokens of a prompt.
    """

    kind: str
    root: Path
    modules: tuple[Module, ...]
    prompt_pooled: bool = True

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


def read_chain(folder: Path, *, complete: bool = True) -> Chain:
    """Read `modules.json`, of either generation of its schema, and what it points to.

    Older releases write `sentence_transformers.models.Pooling`, newer ones
    `sentence_transformers.sentence_transformer.modules.pooling.Pooling`: only the last dotted part counts. Without
    `modules.json`, sentence-transformers uses mean pooling.

    Args:
        folder: Where modules.json is.
        complete: Whether weights must be there already.

    Raises:
        ExportFailed: A module is not supported, or its folder is incomplete.
    """
    path = folder / "modules.json"
    if not path.is_file():
        return Chain("Transformer", folder, (Pooling(("mean",)),))
    parts = [_part(path, entry) for entry in read_json(path, list)]
    kinds = [kind for kind, _ in parts]
    if not parts or kinds[0] not in ("Transformer", "StaticEmbedding"):
        raise ExportFailed(f"{path} does not begin with a Transformer or a StaticEmbedding", f"supported: {_SUPPORTED}")
    if (kinds[0] == "Transformer") != (kinds[1:2] == ["Pooling"]) or "Pooling" in kinds[2:] or kinds[0] in kinds[1:]:
        raise ExportFailed(
            f"{path} joins its modules as {', '.join(kinds)}",
            "supported: Transformer, Pooling, or StaticEmbedding; then any Dense and Normalize",
        )
    modules: list[Module] = []
    prompt_pooled = True
    for kind, where in parts[1:]:
        if kind == "Pooling":
            pooling, prompt_pooled = _pooling(where / "config.json")
            modules.append(pooling)
        else:
            modules.append(_dense(where, complete=complete) if kind == "Dense" else Normalize())
    return Chain(kinds[0], parts[0][1], tuple(modules), prompt_pooled)


def read_json(path: Path, kind: type = dict) -> Any:
    """A JSON file of the given kind, `dict` or `list`.

    Raises:
        ExportFailed: It cannot be read, or is of another kind.
    """
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ExportFailed(f"cannot read {path}: {error}") from error
    if not isinstance(value, kind):
        raise ExportFailed(f"{path} is not a JSON {'object' if kind is dict else 'array'}")
    return value


def _part(path: Path, entry: object) -> tuple[str, Path]:
    """Kind and folder of one entry of `modules.json`."""
    if not isinstance(entry, dict):
        raise ExportFailed(f"{path} lists something that is not a module: {entry!r}")
    name, place = str(entry.get("type", "")), str(entry.get("path", ""))
    kind = name.rpartition(".")[2]
    if not name.startswith("sentence_transformers."):
        raise ExportFailed(
            f"{path} asks for remote code ({name or 'a module without a type'}), which Rekall never runs",
            "`rekall model list` names models without it",
        )
    if kind in _BRANCHING:
        raise ExportFailed(
            f"{path} sends queries and documents through different modules ({name}), which is not supported",
            "export one of its branches, which has its own folder",
        )
    if kind not in _SUPPORTED.split(", "):
        raise ExportFailed(
            f"{path} names a module that cannot be exported: {name}",
            f"supported: {_SUPPORTED}; with torch installed try `--via torch`",
        )
    if ".." in Path(place).parts or Path(place).is_absolute():
        raise ExportFailed(f"{path} points outside its folder: {place}")
    return kind, path.parent / place


def _pooling(path: Path) -> tuple[Pooling, bool]:
    """The pooling, and whether it includes the tokens of a prompt."""
    config = read_json(path)
    mode = config.get("pooling_mode")
    named = _switched_on(config) if mode is None else mode if isinstance(mode, list) else [mode]
    modes = [str(name).removesuffix("_tokens").removesuffix("_token") for name in named]
    if not modes or not set(modes) <= set(POOLINGS):
        raise ExportFailed(f"{path} asks for pooling {' + '.join(modes)}", f"supported: {', '.join(POOLINGS)}")
    return Pooling(tuple(modes)), bool(config.get("include_prompt", True))


def _switched_on(config: Mapping[str, Any]) -> Sequence[str]:
    """The modes of the older form, `pooling_mode_mean_tokens: true`; mean when none is on."""
    on = [
        key.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
        for key, value in config.items()
        if key.startswith("pooling_mode_") and value
    ]
    return sorted(on, key=lambda mode: (*POOLINGS, mode).index(mode)) or ["mean"]


def _dense(folder: Path, *, complete: bool) -> Dense:
    path = folder / "config.json"
    config = read_json(path)
    if complete and not (folder / WEIGHTS_FILE).is_file():
        raise ExportFailed(
            f"{folder} has no {WEIGHTS_FILE}; pickled weights can run any code, so Rekall never opens them",
            "look for a revision with safetensors",
        )
    named = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    activation = named.rpartition(".")[2]
    if not named.startswith("torch.nn.") or activation not in ACTIVATIONS:
        raise ExportFailed(
            f"{path} asks for activation {named}", f"supported: {', '.join(sorted(ACTIVATIONS))} of torch.nn"
        )
    odd = [key for key in ("module_input_name", "module_output_name") if (config.get(key) or _EMBEDDING) != _EMBEDDING]
    odd += ["use_residual"] if config.get("use_residual") else []
    if odd:
        raise ExportFailed(
            f"{path} is not a plain dense layer: {', '.join(f'{key} is {config[key]}' for key in odd)}",
            "supported: from the sentence embedding to the sentence embedding, without a residual",
        )
    try:
        inputs, outputs = int(config["in_features"]), int(config["out_features"])
    except (KeyError, TypeError, ValueError) as error:
        raise ExportFailed(f"{path} does not give its sizes: {error}") from error
    return Dense(folder / WEIGHTS_FILE, inputs, outputs, bool(config.get("bias", True)), activation)
