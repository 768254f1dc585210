"""The registry of the architectures that are exported without torch, and what sets each one apart.

Another one of BERT's kind is one more `Family` here; one of another kind also brings a module like `modernbert`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Any

from rekall.models.export.config_rules import EVERY_TRANSFORMER, FIGURES
from rekall.models.export.figures import Config, Figures, Keys, read_figures
from rekall.models.export.graph import GraphBuilder
from rekall.models.export.modernbert import add_modernbert, modernbert_states, rotary_figures
from rekall.models.export.postnorm import add_postnorm, postnorm_states
from rekall.models.export.reference import States
from rekall.models.export.rules import Rule, honoured, nothing, only, same
from rekall.models.export.weights import Weights


@dataclass(frozen=True, slots=True)
class Family:
    """An architecture: how its configuration and its tensors are read, and how it is built and checked.

    Attributes:
        nodes: Adds the encoder to a graph, given the longest text in tokens. Returns the name of the last hidden
            states, (b, t, h).
        states: The same in plain numpy, from token ids: what an export is measured against.
        prefixes: What may stand before the name of every tensor.
        names: Parts of tensor names, and the part that `nodes` and `states` ask for in its place.
        keys: The configuration's key for each figure.
        defaults: What a configuration may leave out.
        fixed: What the architecture's own code fixes, whatever the configuration says.
        token_types, relative_bias: See `Figures`.
        refine: Adds the figures that this architecture alone has, given the configuration and the file's path.
        rules: What is done with the keys that this architecture alone has, before `EVERY_TRANSFORMER`.
    """

    nodes: Callable[[Figures, int, Weights, GraphBuilder], str]
    states: Callable[[Figures, Weights, Sequence[Sequence[int]]], States]
    prefixes: tuple[str, ...]
    names: tuple[tuple[str, str], ...] = ()
    keys: Keys = field(default_factory=Keys)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    token_types: bool = True
    relative_bias: bool = False
    refine: Callable[[Figures, Config, str], Figures] = lambda figures, config, where: figures
    rules: tuple[Rule, ...] = ()

    @property
    def every_rule(self) -> tuple[Rule, ...]:
        """The table of this architecture's config.json: its own rules, its figures, then what every transformer has."""
        own = (*self.rules, honoured(*filter(None, astuple(self.keys)), said=FIGURES))
        fixed = (nothing(*self.fixed, said="the architecture's own code fixes it"),) if self.fixed else ()
        return (*fixed, *own, *EVERY_TRANSFORMER)

    def figures(self, config: Config, where: str) -> Figures:
        """The figures of a transformer from its configuration.

        Args:
            config: The content of `config.json`.
            where: The file's path, for messages.

        Raises:
            ExportFailed: A figure is missing, not a number, or out of bounds.
        """
        given = {key: value for key, value in config.items() if value is not None}
        complete = {**self.defaults, **given, **self.fixed}
        figures = read_figures(complete, self.keys, where)
        figures = replace(figures, token_types=self.token_types, relative_bias=self.relative_bias)
        return self.refine(figures, complete, where)

    def rename(self, name: str) -> str:
        """The name by which `nodes` and `states` ask for a tensor of a file."""
        for prefix in self.prefixes:
            name = name.removeprefix(prefix)
        for own, asked in self.names:
            name = name.replace(own, asked)
        return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")

    def original(self, name: str) -> str:
        """The name that the architecture itself uses, for messages."""
        for own, asked in sorted(self.names, key=lambda pair: -len(pair[1])):
            name = name.replace(asked, own)
        return name


_BERT = Family(
    nodes=add_postnorm,
    states=postnorm_states,
    prefixes=("bert.",),
    defaults={"hidden_act": "gelu", "layer_norm_eps": 1e-12},
)
_ROBERTA = replace(
    _BERT,
    prefixes=("roberta.",),
    keys=Keys(padding_id="pad_token_id"),
    defaults={"hidden_act": "gelu", "layer_norm_eps": 1e-5, "pad_token_id": 1},
)

FAMILIES: Mapping[str, Family] = {
    "bert": _BERT,
    "distilbert": replace(
        _BERT,
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
        keys=Keys(hidden="dim", inner="hidden_dim", layers="n_layers", heads="n_heads", activation="activation"),
        defaults={"activation": "gelu"},
        fixed={"layer_norm_eps": 1e-12},
        token_types=False,
        rules=(
            same("dim", "hidden_size"),
            same("n_layers", "num_hidden_layers"),
            same("n_heads", "num_attention_heads"),
            nothing("sinusoidal_pos_embds", said="the table of positions is among the weights"),
        ),
    ),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "mpnet": replace(
        _BERT,
        prefixes=("mpnet.",),
        names=(
            (".attention.attn.q.", ".attention.self.query."),
            (".attention.attn.k.", ".attention.self.key."),
            (".attention.attn.v.", ".attention.self.value."),
            (".attention.attn.o.", ".attention.output.dense."),
            (".attention.LayerNorm.", ".attention.output.LayerNorm."),
        ),
        keys=Keys(padding_id="pad_token_id"),
        fixed={"pad_token_id": 1},
        token_types=False,
        relative_bias=True,
        rules=(only(32, keys=["relative_attention_num_buckets"], said="distances would be counted otherwise"),),
    ),
    "modernbert": Family(
        nodes=add_modernbert,
        states=modernbert_states,
        prefixes=("model.",),
        keys=Keys(activation="hidden_activation", epsilon="norm_eps"),
        defaults={"hidden_activation": "gelu", "norm_eps": 1e-5},
        refine=rotary_figures,
        rules=(
            honoured("layer_types", "global_attn_every_n_layers", "local_attention", said="who sees whom"),
            honoured("rope_parameters", "rope_theta", "*_rope_theta", said="the angles of positions"),
            only(keys=["rope_scaling"], said="the angles would be stretched"),
            honoured("attention_bias", "mlp_bias", "norm_bias", said="a bias is added where the weights have one"),
            nothing("layer_norm_eps", said="`norm_eps` is what it reads"),
        ),
    ),
}
"""By the `model_type` of config.json."""
