"""The decoders among the architectures: see `decoder` for their blocks and `decoder_figures` for their configurations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rekall.models.export.config_rules import FIGURES
from rekall.models.export.decoder import add_decoder
from rekall.models.export.decoder_figures import (
    eurobert_figures,
    gemma3_figures,
    gemma_embedding_figures,
    llama_figures,
    mistral_figures,
    qwen2_figures,
    qwen3_figures,
)
from rekall.models.export.decoder_reference import decoder_states
from rekall.models.export.family import Family
from rekall.models.export.figures import Config, Keys
from rekall.models.export.rules import honoured, nothing, only

_EPSILON = Keys(epsilon="rms_norm_eps")


def _text_part(config: Config) -> Config:
    """The part of a configuration that reads texts, and what stands around it."""
    part = config.get("text_config")
    return {**config, **part} if isinstance(part, dict) else config


_SHARED = (
    honoured("head_dim", "num_key_value_heads", said=FIGURES),
    honoured(
        "rope_parameters", "rope_scaling", "rope_theta", "original_max_position_embeddings", said="how positions turn"
    ),
    only(1.0, keys=["partial_rotary_factor"], said="only a share of each head would turn"),
    honoured("is_causal", said="whether a token sees only those before it"),
    nothing("is_decoder", said="transformers' class does not look at it"),
    nothing("pretraining_tp", said="how it was trained"),
)
_BIASES = honoured("attention_bias", said="which projections have biases")
_INNER_BIASES = honoured("attention_bias", "mlp_bias", said="which projections have biases")
_WINDOWS = honoured("layer_types", "sliding_window", said="which layers have a window, and how many tokens it spans")
_QWEN_WINDOWS = honoured("use_sliding_window", "max_window_layers", said="which layers have a window")

_DECODER = Family(
    nodes=add_decoder,
    states=decoder_states,
    prefixes=("model.",),
    keys=_EPSILON,
    defaults={"hidden_act": "silu", "rms_norm_eps": 1e-6},
    token_types=False,
)
_LLAMA = replace(_DECODER, refine=llama_figures, rules=(_INNER_BIASES, *_SHARED))
_GEMMA = replace(
    _DECODER,
    keys=replace(_EPSILON, activation="hidden_activation"),
    defaults={
        "hidden_activation": "gelu_pytorch_tanh",
        "rms_norm_eps": 1e-6,
        "head_dim": 256,
        "num_key_value_heads": 4,
        "query_pre_attn_scalar": 256,
        "sliding_window": 4096,
    },
    refine=gemma3_figures,
)
_GEMMA_EMBEDDING = replace(
    _GEMMA,
    prefixes=("model.", "language_model."),
    defaults={
        "hidden_activation": "gelu_pytorch_tanh",
        "rms_norm_eps": 1e-6,
        "head_dim": 256,
        "num_key_value_heads": 2,
        "global_head_dim": 512,
        "num_global_key_value_heads": 1,
        "hidden_size_per_layer_input": 512,
        "embedding_dim": 768,
        "sliding_window": 512,
        "pad_token_id": 0,
    },
    refine=gemma_embedding_figures,
    rules=(
        _BIASES,
        _WINDOWS,
        honoured("sliding_window_pattern", said="which layers have a window, where `layer_types` does not say"),
        honoured("per_layer_config", "global_head_dim", "num_global_key_value_heads", said="the heads of some layers"),
        honoured("hidden_size_per_layer_input", "embedding_dim", said=FIGURES),
        nothing("is_causal", said="every token sees all"),
        *_SHARED,
    ),
)

DECODERS: Mapping[str, Family] = {
    "qwen3": replace(
        _DECODER,
        defaults={**_DECODER.defaults, "head_dim": 128, "max_window_layers": 28},
        refine=qwen3_figures,
        rules=(_BIASES, _WINDOWS, _QWEN_WINDOWS, *_SHARED),
    ),
    "qwen2": replace(
        _DECODER,
        defaults={**_DECODER.defaults, "max_window_layers": 28},
        refine=qwen2_figures,
        rules=(_WINDOWS, _QWEN_WINDOWS, *_SHARED),
    ),
    "llama": _LLAMA,
    "mistral": replace(
        _DECODER,
        refine=mistral_figures,
        rules=(
            honoured("sliding_window", said="how many tokens each layer sees"),
            nothing("layer_types", said="all layers have the same window"),
            *_SHARED,
        ),
    ),
    "eurobert": replace(
        _LLAMA,
        defaults={"hidden_act": "silu", "rms_norm_eps": 1e-5},
        refine=eurobert_figures,
        rules=(
            nothing("is_causal", said="every token sees all"),
            nothing("clf_pooling", said="a classifier alone"),
            nothing(
                "bos_token", "eos_token", "pad_token", "mask_token", said="tokenizer.json says which tokens there are"
            ),
            *_LLAMA.rules,
        ),
        remote=("EuroBertModel",),
    ),
    "gemma3_text": replace(
        _GEMMA,
        rules=(
            _BIASES,
            _WINDOWS,
            honoured("use_bidirectional_attention", said="whether a token sees those after it"),
            honoured("sliding_window_pattern", said="which layers have a window, where `layer_types` does not say"),
            honoured("query_pre_attn_scalar", said="what attention scores are divided by the root of"),
            honoured("rope_local_base_freq", said="how positions turn in layers with a window"),
            only(keys=["attn_logit_softcapping"], said="attention scores would be capped"),
            nothing("_sliding_window_pattern", said="`layer_types` says it"),
            nothing("final_logit_softcapping", said="the language model's head alone"),
            nothing("cache_implementation", said="generating text alone"),
            *_SHARED,
        ),
    ),
    "embedding_gemma2_text": _GEMMA_EMBEDDING,
    "embedding_gemma2": replace(
        _GEMMA_EMBEDDING,
        defaults={
            **_GEMMA_EMBEDDING.defaults,
            "image_token_id": 258_880,
            "audio_token_id": 258_881,
            "video_token_id": 258_884,
        },
        today=_text_part,
        rules=(
            honoured("text_config", said="the part that reads texts", inside=_GEMMA_EMBEDDING.every_rule),
            honoured("*_token_id", said="tokens that stand for pictures and sounds are read as padding"),
            nothing("vision_config", "audio_config", "*_token_index", said="pictures and sounds are not read"),
        ),
        spare=("vision_tower.*", "embed_vision.*", "audio_tower.*", "embed_audio.*"),
    ),
}
"""By the `model_type` of config.json."""
