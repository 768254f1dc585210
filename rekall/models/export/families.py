"""The architectures that are exported without torch: how each names its tensors and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rekall.errors import ExportFailed

_ELSEWHERE = "fetch the model again, or look for another revision of it"
_WITH_TORCH = "with torch installed try `--via torch`"

_BERT_FIGURES = {
    "hidden": "hidden_size",
    "inner": "intermediate_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "positions": "max_position_embeddings",
    "activation": "hidden_act",
    "epsilon": "layer_norm_eps",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """The sizes and constants of a transformer.

    Attributes:
        positions: The longest text in tokens; what the position table holds beyond that is left out.
        activation: Name of the activation between the two halves of a feed-forward block.
        padding_id: Where positions are counted from this id on, as RoBERTa does; None counts from 0.
        token_types: Whether there is a table of token types; every text is of type 0.
        relative_bias: Whether attention scores get a bias by distance, as MPNet's do.
        thetas: Base of the rotary angles of each layer; empty without rotary positions.
        windows: How many tokens to either side each layer looks at, None for all; empty when all do.
    """

    hidden: int
    inner: int
    layers: int
    heads: int
    positions: int
    activation: str
    epsilon: float
    padding_id: int | None = None
    token_types: bool = True
    relative_bias: bool = False
    thetas: tuple[float, ...] = ()
    windows: tuple[int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """What sets an architecture apart from BERT, whose names the graph builders use.

    Attributes:
        prefixes: What may stand before the name of every tensor.
        names: Parts of tensor names, and the BERT part each stands for.
        figures: The configuration's key for each figure.
        defaults: Figures that a configuration may leave out.
        counts_from_padding, token_types, relative_bias: See `Figures`; the padding id is `pad_token_id`.
    """

    prefixes: tuple[str, ...]
    names: tuple[tuple[str, str], ...] = ()
    figures: Mapping[str, str] = field(default_factory=lambda: _BERT_FIGURES)
    defaults: Mapping[str, Any] = field(default_factory=lambda: {"hidden_act": "gelu", "layer_norm_eps": 1e-12})
    counts_from_padding: bool = False
    token_types: bool = True
    relative_bias: bool = False

    def rename(self, name: str) -> str:
        """The name that a graph builder asks for."""
        for prefix in self.prefixes:
            name = name.removeprefix(prefix)
        for own, of_bert in self.names:
            name = name.replace(own, of_bert)
        return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")

    def original(self, name: str) -> str:
        """The name that the architecture itself uses, for messages."""
        for own, of_bert in sorted(self.names, key=lambda pair: -len(pair[1])):
            name = name.replace(of_bert, own)
        return name


_ROBERTA = Family(
    prefixes=("roberta.",),
    defaults={"hidden_act": "gelu", "layer_norm_eps": 1e-5, "pad_token_id": 1},
    counts_from_padding=True,
)

FAMILIES: Mapping[str, Family] = {
    "bert": Family(prefixes=("bert.",)),
    "distilbert": Family(
        prefixes=("distilbert.",),
        names=(
            ("transformer.layer.", "encoder.layer."),
            (".attention.q_lin.", ".attention.self.query."),
            (".attention.k_lin.", ".attention.self.key."),
            (".attention.v_lin.", ".attention.self.value."),
            (".attention.out_lin.", ".attention.output.dense."),
            (".sa_layer_norm.", ".attention.output.LayerNorm."),
            (".ffn.lin1.", ".intermediate.dense."),
            (".ffn.lin2.", ".output.dense."),
            (".output_layer_norm.", ".output.LayerNorm."),
        ),
        figures={
            "hidden": "dim",
            "inner": "hidden_dim",
            "layers": "n_layers",
            "heads": "n_heads",
            "positions": "max_position_embeddings",
            "activation": "activation",
            "epsilon": "layer_norm_eps",
        },
        defaults={"activation": "gelu", "layer_norm_eps": 1e-12},
        token_types=False,
    ),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "mpnet": Family(
        prefixes=("mpnet.",),
        names=(
            (".attention.attn.q.", ".attention.self.query."),
            (".attention.attn.k.", ".attention.self.key."),
            (".attention.attn.v.", ".attention.self.value."),
            (".attention.attn.o.", ".attention.output.dense."),
            (".attention.LayerNorm.", ".attention.output.LayerNorm."),
        ),
        defaults={"hidden_act": "gelu", "layer_norm_eps": 1e-12},
        counts_from_padding=True,
        token_types=False,
        relative_bias=True,
    ),
    "modernbert": Family(
        prefixes=("model.",),
        figures={**_BERT_FIGURES, "activation": "hidden_activation", "epsilon": "norm_eps"},
        defaults={"hidden_activation": "gelu", "norm_eps": 1e-5},
    ),
}


def figures_of(architecture: str, config: Mapping[str, Any], where: str) -> Figures:
    """The figures of a transformer from its configuration.

    Args:
        architecture: A key of `FAMILIES`.
        config: The content of `config.json`.
        where: The file's path, for messages.

    Raises:
        ExportFailed: A figure is missing, no number, or out of bounds.
    """
    family = FAMILIES[architecture]
    config = {**family.defaults, **{key: value for key, value in config.items() if value is not None}}
    if architecture == "mpnet":
        config["pad_token_id"] = 1  # fixed in its code, whatever the configuration says
    keys = family.figures
    try:
        positions = int(config[keys["positions"]])
        padding_id = int(config["pad_token_id"]) if family.counts_from_padding else None
        layers = int(config[keys["layers"]])
        thetas, windows = _rotary(config, layers, where) if architecture == "modernbert" else ((), ())
        figures = Figures(
            hidden=int(config[keys["hidden"]]),
            inner=int(config[keys["inner"]]),
            layers=layers,
            heads=int(config[keys["heads"]]),
            positions=positions if padding_id is None else positions - padding_id - 1,
            activation=str(config[keys["activation"]]),
            epsilon=float(config[keys["epsilon"]]),
            padding_id=padding_id,
            token_types=family.token_types,
            relative_bias=family.relative_bias,
            thetas=thetas,
            windows=windows,
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ExportFailed(f"{where} lacks a figure or has one that is no number: {error}", _ELSEWHERE) from error
    sizes = (figures.hidden, figures.inner, figures.layers, figures.heads, figures.positions)
    if min(sizes) < 1 or max(sizes) > 1 << 20 or figures.hidden % figures.heads or (padding_id or 0) < 0:
        raise ExportFailed(f"{where} describes no transformer: {figures}", _ELSEWHERE)
    if config.get("position_embedding_type", "absolute") != "absolute":
        raise ExportFailed(f"{where} asks for {config['position_embedding_type']} positions", _WITH_TORCH)
    return figures


def _rotary(config: Mapping[str, Any], layers: int, where: str) -> tuple[tuple[float, ...], tuple[int | None, ...]]:
    """Rotary base and window of each layer, from either generation of ModernBERT's configuration."""
    every = int(config.get("global_attn_every_n_layers", 3))
    kinds = config.get("layer_types") or [
        "sliding_attention" if layer % every else "full_attention" for layer in range(layers)
    ]
    if len(kinds) != layers or not set(kinds) <= {"full_attention", "sliding_attention"}:
        raise ExportFailed(f"{where} asks for layers of other kinds: {kinds}", _WITH_TORCH)
    bases = {
        "full_attention": config.get("global_rope_theta", 160_000.0),
        "sliding_attention": config.get("local_rope_theta", 10_000.0),
    }
    for kind, parameters in (config.get("rope_parameters") or {}).items():
        if parameters and parameters.get("rope_type", "default") != "default":
            raise ExportFailed(f"{where} asks for rotary positions of type {parameters['rope_type']}", _WITH_TORCH)
        if parameters and parameters.get("rope_theta") is not None:
            bases[kind] = parameters["rope_theta"]
    reach = int(config.get("local_attention", 128)) // 2
    return (
        tuple(float(bases[kind]) for kind in kinds),
        tuple(reach if kind == "sliding_attention" else None for kind in kinds),
    )
