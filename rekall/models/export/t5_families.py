"""The encoders of T5's kind, which differ in what their configurations may leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rekall.models.export.config_rules import FIGURES
from rekall.models.export.family import Family
from rekall.models.export.figures import Keys
from rekall.models.export.rules import honoured, nothing, same
from rekall.models.export.t5 import add_t5, t5_figures, t5_states

_ENDLESS = 1 << 20
"""Distances take the place of positions, so no text is too long."""

_T5 = Family(
    nodes=add_t5,
    states=t5_states,
    prefixes=("transformer.",),
    names=(("encoder.embed_tokens.", "shared."),),
    keys=Keys(
        hidden="d_model",
        inner="d_ff",
        layers="num_layers",
        heads="num_heads",
        activation="feed_forward_proj",
        epsilon="layer_norm_epsilon",
    ),
    defaults={
        "feed_forward_proj": "relu",
        "layer_norm_epsilon": 1e-6,
        "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128,
    },
    fixed={"max_position_embeddings": _ENDLESS},
    refine=t5_figures,
    rules=(
        honoured("d_kv", "dense_act_fn", "is_gated_act", said=FIGURES),
        honoured("relative_attention_num_buckets", "relative_attention_max_distance", said="what distances add"),
        same("d_model", "hidden_size"),
        same("d_kv", "head_dim"),
        same("num_layers", "num_hidden_layers"),
        same("num_heads", "num_attention_heads"),
        nothing("n_positions", said="distances take the place of positions"),
        nothing("scalable_attention", said="transformers has no code for it"),
        nothing("is_encoder_decoder", "num_decoder_layers", "scale_decoder_outputs", said="the decoder is left out"),
    ),
    spare=("decoder.*",),
)
_GATED = replace(_T5, defaults={**_T5.defaults, "feed_forward_proj": "gated-gelu"})

T5_KIN: Mapping[str, Family] = {"t5": _T5, "mt5": _GATED, "umt5": _GATED}
"""By the `model_type` of config.json."""
