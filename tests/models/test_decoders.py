"""Decoders as encoders: what published configurations say, which ones are refused, and what a picture's token does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from support.checkpoints import CASE, Source, refused, vectors_of

from rekall.errors import ExportFailed
from rekall.models.export.exporter import export_model
from rekall.models.export.families import FAMILIES
from rekall.models.export.options import ExportOptions
from rekall.models.export.rules import KeyCheck

SLIDING = ["sliding_attention"] * 5
PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "qwen3": {
        "architectures": ["Qwen3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 151643,
        "eos_token_id": 151643,
        "head_dim": 128,
        "hidden_act": "silu",
        "hidden_size": 1024,
        "initializer_range": 0.02,
        "intermediate_size": 3072,
        "max_position_embeddings": 32768,
        "max_window_layers": 28,
        "model_type": "qwen3",
        "num_attention_heads": 16,
        "num_hidden_layers": 28,
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000000,
        "sliding_window": None,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.51.3",
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": 151669,
    },
    "eurobert": {
        "architectures": ["EuroBertForMaskedLM"],
        "auto_map": {
            "AutoConfig": "configuration_eurobert.EuroBertConfig",
            "AutoModel": "modeling_eurobert.EuroBertModel",
        },
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token": "<|begin_of_text|>",
        "bos_token_id": 128000,
        "clf_pooling": "late",
        "eos_token": "<|end_of_text|>",
        "eos_token_id": 128001,
        "pad_token": "<|end_of_text|>",
        "pad_token_id": 128001,
        "mask_token": "<|mask|>",
        "mask_token_id": 128002,
        "hidden_act": "silu",
        "hidden_dropout": 0.0,
        "hidden_size": 768,
        "initializer_range": 0.02,
        "intermediate_size": 3072,
        "is_decoder": False,
        "max_position_embeddings": 8192,
        "model_type": "eurobert",
        "num_attention_heads": 12,
        "num_hidden_layers": 12,
        "num_key_value_heads": 12,
        "pretraining_tp": 1,
        "rms_norm_eps": 1e-05,
        "rope_scaling": None,
        "rope_theta": 250000,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.40.0.dev0",
        "vocab_size": 128256,
    },
    "gemma3_text": {
        "_sliding_window_pattern": 6,
        "architectures": ["Gemma3TextModel"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "attn_logit_softcapping": None,
        "bos_token_id": 2,
        "dtype": "float32",
        "eos_token_id": 1,
        "final_logit_softcapping": None,
        "head_dim": 256,
        "hidden_activation": "gelu_pytorch_tanh",
        "hidden_size": 768,
        "initializer_range": 0.02,
        "intermediate_size": 1152,
        "layer_types": [*SLIDING, "full_attention"] * 4,
        "max_position_embeddings": 2048,
        "model_type": "gemma3_text",
        "num_attention_heads": 3,
        "num_hidden_layers": 24,
        "num_key_value_heads": 1,
        "pad_token_id": 0,
        "query_pre_attn_scalar": 256,
        "rms_norm_eps": 1e-06,
        "rope_local_base_freq": 10000.0,
        "rope_scaling": None,
        "rope_theta": 1000000.0,
        "sliding_window": 512,
        "transformers_version": "4.57.0.dev0",
        "use_bidirectional_attention": True,
        "use_cache": True,
        "vocab_size": 262144,
    },
    "embedding_gemma2": {
        "architectures": ["EmbeddingGemma2Model"],
        "audio_config": {"model_type": "gemma4_audio", "hidden_size": 1024, "rms_norm_eps": 1e-06},
        "audio_token_id": 258881,
        "boa_token_id": 256000,
        "boi_token_id": 255999,
        "dtype": "bfloat16",
        "eoa_token_index": 258883,
        "eoi_token_id": 258882,
        "image_token_id": 258880,
        "initializer_range": 0.02,
        "model_type": "embedding_gemma2",
        "text_config": {
            "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": 2,
            "dtype": "bfloat16",
            "embedding_dim": 768,
            "eos_token_id": 1,
            "head_dim": 256,
            "hidden_activation": "gelu_pytorch_tanh",
            "hidden_size": 512,
            "hidden_size_per_layer_input": 512,
            "initializer_range": 0.02,
            "intermediate_size": 2048,
            "layer_types": [*SLIDING, "full_attention"] * 4,
            "max_position_embeddings": 262144,
            "model_type": "embedding_gemma2_text",
            "num_attention_heads": 4,
            "num_hidden_layers": 24,
            "num_key_value_heads": 2,
            "pad_token_id": 0,
            "per_layer_config": {
                layer: {"head_dim": 512, "num_key_value_heads": 1} for layer in ("05", "11", "17", "23")
            },
            "rms_norm_eps": 1e-06,
            "rope_parameters": {
                "full_attention": {"rope_theta": 1000000.0, "rope_type": "default"},
                "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"},
            },
            "sliding_window": 512,
            "vocab_size": 262144,
        },
        "transformers_version": "5.20.0",
        "video_token_id": 258884,
        "vision_config": {"model_type": "gemma4_vision", "hidden_size": 768, "rms_norm_eps": 1e-06},
    },
}
"""What Qwen3-Embedding-0.6B, EuroBERT-210m, EmbeddingGemma 300M and EmbeddingGemma 2 say of themselves."""


@pytest.fixture(scope="module")
def published() -> Mapping[str, Any]:
    """The figures of each published configuration, none of whose keys is unknown."""
    result = {}
    for name, config in PUBLISHED.items():
        KeyCheck()({key: value for key, value in config.items() if key != "auto_map"}, FAMILIES[name].every_rule, name)
        result[name] = FAMILIES[name].figures(config, name)
    return result


def test_published_configurations_are_read_as_transformers_reads_them(published):
    qwen, euro, gemma, gemma2 = (published[name] for name in PUBLISHED)
    assert (qwen.decoder.causal, qwen.decoder.sizes[0], qwen.decoder.key_heads[0]) == (True, 128, 8)
    assert (qwen.rotary[0].theta, set(qwen.windows)) == (1e6, {None})
    assert (euro.decoder.causal, euro.decoder.sizes[0], euro.rotary[0].theta) == (False, 64, 250_000)
    assert (gemma.decoder.causal, gemma.decoder.scale, gemma.decoder.norm_offset) == (False, 1 / 16, 1)
    assert gemma.windows[4:6] == (256, None)
    assert [gemma.rotary[layer].theta for layer in (4, 5)] == [1e4, 1e6]
    assert [gemma2.decoder.sizes[layer] for layer in (4, 5)] == [256, 512]
    assert [gemma2.decoder.key_heads[layer] for layer in (4, 5)] == [2, 1]
    assert (gemma2.windows[4:6], gemma2.width, gemma2.decoder.media) == ((512, None), 768, (258880, 258884, 258881))


LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 48}
QWEN_ROTARY = {"rope_theta": 1000000, "factor": 4.0}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("qwen3", {"rope_parameters": None, "rope_theta": 1000000.0}),
        ("qwen3", {"rope_parameters": {"rope_type": "dynamic", **QWEN_ROTARY}}),
        ("qwen3", {"layer_types": None, "sliding_window": 6, "max_window_layers": 0}),
        ("llama", {"rope_parameters": None, "rope_theta": 500, "rope_scaling": {"type": "llama3", **LLAMA3}}),
        ("mistral", {"layer_types": ["full_attention"] * 2}),
        ("eurobert", {"is_causal": True, "head_dim": None, "auto_map": {"AutoModel": "a--b.EuroBertModel"}}),
        (
            "gemma3_text",
            {
                "rope_parameters": None,
                "rope_theta": 1000000.0,
                "rope_local_base_freq": 10000.0,
                "layer_types": None,
                "sliding_window_pattern": 2,
                "final_logit_softcapping": 30.0,
            },
        ),
        ("embedding_gemma2_text", {"rope_parameters": None, "layer_types": ["sliding_attention"] * 2}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_other_ways_to_say_the_same_give_the_same_vectors(source, out, name, change):
    checkpoint: Source = source(name)
    checkpoint.edit_json("config.json", **change)
    export_model(checkpoint.path, out, ExportOptions(precision="fp32"))
    assert np.abs(vectors_of(out) - CASE[name].golden("document")).max() <= 1e-5


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("qwen3", {"layer_types": ["sliding_attention", "full_attention"]}),
        ("qwen3", {"use_sliding_window": True}),
        ("qwen3", {"rope_parameters": {"rope_type": "longrope", "long_factor": [1.0], "short_factor": [1.0]}}),
        ("qwen3", {"rope_parameters": {"full_attention": {"rope_theta": 1000000}}}),
        ("qwen3", {"partial_rotary_factor": 0.5}),
        ("qwen3", {"num_key_value_heads": 3}),
        ("qwen3", {"head_dim": 15}),
        ("llama", {"rope_parameters": {"rope_type": "default", "rope_theta": 500, "partial_rotary_factor": 0.5}}),
        ("mistral", {"sliding_window": 0}),
        ("gemma3_text", {"attn_logit_softcapping": 50.0}),
        ("gemma3_text", {"layer_types": ["chunked_attention"] * 2}),
        ("gemma3_text", {"query_pre_attn_scalar": 0}),
        ("gemma3_text", {"query_pre_attn_scalar": -256}),
        ("gemma3_text", {"rope_parameters": {"rope_theta": 10000.0}}),
        ("embedding_gemma2_text", {"per_layer_config": {"1": {"head_dim": 24, "rms_norm_eps": 0.1}}}),
        ("embedding_gemma2_text", {"per_layer_config": {"last": {"head_dim": 24}}}),
        ("embedding_gemma2_text", {"hidden_size_per_layer_input": "wide"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, next(iter(value.items()))))[:40],
)
def test_what_a_decoder_cannot_do_is_refused(source, out, name, change):
    checkpoint: Source = source(name)
    checkpoint.edit_json("config.json", **change)
    assert "config.json" in refused(checkpoint, out).message


@pytest.fixture
def whole_gemma(source) -> Source:
    """EmbeddingGemma 2 with its text part inside, as published, and the weights of a tower for pictures."""
    checkpoint: Source = source("embedding_gemma2_text")
    inner = checkpoint.read_json("config.json")
    outer = {key: value for key, value in PUBLISHED["embedding_gemma2"].items() if key != "text_config"}
    checkpoint.write_json("config.json", {**outer, "text_config": inner})
    tower = {"vision_tower.encoder.norm.weight": np.ones(3, dtype=np.float32)}
    checkpoint.edit_weights(
        lambda weights: {**{f"language_model.{name}": value for name, value in weights.items()}, **tower}
    )
    return checkpoint


def test_the_text_part_of_a_model_of_pictures_and_sounds_gives_its_own_vectors(whole_gemma, out):
    export_model(whole_gemma.path, out, ExportOptions(precision="fp32"))
    assert np.abs(vectors_of(out) - CASE["embedding_gemma2_text"].golden("document")).max() <= 1e-5


def test_tokens_for_pictures_and_sounds_are_read_as_padding(whole_gemma, out):
    pieces = whole_gemma.read_json("tokenizer.json")["model"]["vocab"]
    media = {"image_token_id": pieces["q"], "video_token_id": pieces["z"], "audio_token_id": pieces["j"]}
    whole_gemma.edit_json("config.json", **media)
    export_model(whole_gemma.path, out, ExportOptions(precision="fp32"))
    one, two, three, other = vectors_of(out, ["q", "z", "j", "x"])
    assert np.abs(one - two).max() == np.abs(one - three).max() == 0
    assert np.abs(one - other).max() > 1e-3


def test_a_figure_that_is_missing_is_named(source, out):
    checkpoint: Source = source("qwen3")
    checkpoint.edit_json("config.json", num_attention_heads=None)
    with pytest.raises(ExportFailed, match="num_attention_heads"):
        export_model(checkpoint.path, out, ExportOptions(precision="fp32"))


ODD = [None, "wide", -1, 0, 1, 7, 0.5, 1e300, float("nan"), True, False, [], [None], {}, {"factor": "x"}, "default"]


@pytest.mark.parametrize("name", ["qwen3", "qwen2", "llama", "mistral", "eurobert", "gemma3_text", "embedding_gemma2"])
def test_no_configuration_ends_in_anything_but_figures_or_a_refusal(source, name):
    whole = name == "embedding_gemma2"
    config = PUBLISHED[name] if whole else source(name).read_json("config.json")
    flat = {**config, **config["text_config"]} if whole else config
    for key in (*flat, "rope_theta", "rope_scaling", "is_causal", "sliding_window_pattern", "text_config"):
        for value in ODD:
            asked = {**config, key: value}
            if whole and key != "text_config":
                asked["text_config"] = {**config["text_config"], key: value}
            try:
                figures = FAMILIES[name].figures(asked, "config.json")
            except ExportFailed:
                continue
            assert len(figures.rotary) == len(figures.windows) == figures.layers == len(figures.decoder.sizes)
