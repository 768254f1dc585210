"""The registry of the architectures that are exported without torch, and what sets each one apart.

Another one of BERT's kind is one more `Family` in `bert_families`; one of another kind also brings a module like
`modernbert`.
"""

from __future__ import annotations

from collections.abc import Mapping

from rekall.models.export.bert_families import BERT_KIN
from rekall.models.export.decoder_families import DECODERS
from rekall.models.export.family import Family
from rekall.models.export.figures import Config, Keys
from rekall.models.export.modernbert import add_modernbert, modernbert_states, rotary_figures
from rekall.models.export.rotary_families import ROTARY_KIN
from rekall.models.export.rules import honoured, nothing
from rekall.models.export.t5_families import T5_KIN

FAMILIES: Mapping[str, Family] = {
    **BERT_KIN,
    **T5_KIN,
    **DECODERS,
    **ROTARY_KIN,
    "modernbert": Family(
        nodes=add_modernbert,
        states=modernbert_states,
        prefixes=("model.",),
        keys=Keys(activation="hidden_activation", epsilon="norm_eps"),
        defaults={"hidden_activation": "gelu", "norm_eps": 1e-5, "max_position_embeddings": 8192},
        fixed={"position_embedding_type": "absolute"},
        refine=rotary_figures,
        rules=(
            honoured("layer_types", "global_attn_every_n_layers", "local_attention", said="who sees whom"),
            honoured("rope_parameters", "*_rope_theta", said="the angles of positions"),
            nothing("rope_theta", said="each kind of layer has a base of its own"),
            honoured("rope_scaling", said="how the angles are stretched"),
            honoured("attention_bias", "mlp_bias", "norm_bias", said="which blocks have biases"),
            nothing("layer_norm_eps", said="`norm_eps` is what it reads"),
        ),
    ),
}
"""By architecture: the `model_type` of config.json, but for what `architecture_of` tells apart."""

_BY_POSITIONS: Mapping[tuple[str, str], str] = {
    ("bert", "alibi"): "jina_bert",
    ("xlm-roberta", "rotary"): "jina_embeddings_v3",
}
"""Architectures that go by the `model_type` of another one, which has another `position_embedding_type`."""


def architecture_of(config: Config) -> str:
    """The architecture of a transformer, given its `config.json`: a key of `FAMILIES`, or one that needs torch."""
    kind = str(config.get("model_type", ""))
    return _BY_POSITIONS.get((kind, str(config.get("position_embedding_type"))), kind)
