"""BERT's kin, T5 and JinaBERT: what their published configurations and files may say, against the goldens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from support.checkpoints import CASE, TEXTS, Source, refused, vectors_of

from rekall.models.engine.card import GRAPH_FILE, WEIGHTS_FILE
from rekall.models.export.exporter import export_model
from rekall.models.export.options import ExportOptions

Tensors = dict[str, npt.NDArray[Any]]


@pytest.fixture
def source(tmp_path: Path) -> Callable[[str], Source]:
    def copy(name: str) -> Source:
        CASE[name].write(tmp_path / name)
        return Source(tmp_path / name)

    return copy


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "exported" / "tiny"


def distance(checkpoint: Source, out: Path, name: str) -> float:
    """How far the vectors of the edge texts are from the golden ones."""
    export_model(checkpoint.path, out, ExportOptions(precision="fp32"))
    return float(np.abs(vectors_of(out) - CASE[name].golden("document")).max())


# what published configurations hold beside the figures

_OLD = {
    "_name_or_path": "old_models/tiny/0_Transformer",
    "attention_probs_dropout_prob": 0.1,
    "gradient_checkpointing": False,
    "hidden_dropout_prob": 0.1,
    "initializer_range": 0.02,
    "position_embedding_type": "absolute",
    "torch_dtype": "float32",
    "transformers_version": "4.16.2",
    "use_cache": True,
}
_T5 = {
    "_name_or_path": "models/tiny",
    "architectures": ["T5EncoderModel"],
    "decoder_start_token_id": 0,
    "dropout_rate": 0.1,
    "eos_token_id": 1,
    "gradient_checkpointing": False,
    "initializer_factor": 1.0,
    "is_encoder_decoder": True,
    "n_positions": 512,
    "output_past": True,
    "task_specific_params": {"summarization": {"num_beams": 4, "prefix": "summarize: "}},
    "torch_dtype": "float32",
    "transformers_version": "4.7.0",
    "use_cache": True,
}
PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "electra": {
        **_OLD,
        "architectures": ["ElectraForPreTraining"],
        "summary_activation": "gelu",
        "summary_last_dropout": 0.1,
        "summary_type": "first",
        "summary_use_proj": True,
    },
    "albert": {
        **_OLD,
        "architectures": ["AlbertModel"],
        "classifier_dropout_prob": 0.1,
        "down_scale_factor": 1,
        "gap_size": 0,
        "layers_to_keep": [],
        "net_structure_type": 0,
        "num_memory_blocks": 0,
    },
    "ernie": {**_OLD, "architectures": ["ErnieForMaskedLM"], "pool_act": "tanh", "enable_recompute": False},
    "data2vec-text": {**_OLD, "architectures": ["Data2VecTextForMaskedLM"], "classifier_dropout": None},
    "megatron-bert": {**_OLD, "architectures": ["MegatronBertModel"], "tokenizer_type": "BertWordPieceCase"},
    "rembert": {**_OLD, "architectures": ["RemBertModel"], "output_embedding_size": 1664},
    "t5": _T5,
    "umt5": {**_T5, "scalable_attention": True, "classifier_dropout": 0.0, "tokenizer_class": "T5Tokenizer"},
    "jina_bert": {
        **_OLD,
        "position_embedding_type": "alibi",
        "model_max_length": 8192,
        "attn_implementation": "torch",
        "emb_pooler": "mean",
        "classifier_dropout": None,
    },
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_published_configurations_say_is_understood(source, out, name):
    checkpoint = source(name)
    checkpoint.write_json("config.json", {**checkpoint.read_json("config.json"), **PUBLISHED[name]})
    assert distance(checkpoint, out, name) <= 1e-5


# figures that only some of them have


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("albert", {"num_hidden_groups": 4}),
        ("albert", {"num_hidden_groups": 0}),
        ("albert", {"inner_group_num": "two"}),
        ("albert", {"embedding_size": -1}),
        ("electra", {"embedding_size": "narrow"}),
        ("t5", {"feed_forward_proj": "gated-gelu-new"}),
        ("t5", {"feed_forward_proj": "doubled-relu"}),
        ("t5", {"relative_attention_num_buckets": 3}),
        ("t5", {"relative_attention_max_distance": 4}),
        ("t5", {"d_kv": None}),
        ("t5", {"hidden_size": 33}),
        ("t5", {"is_decoder": True}),
        ("jina_bert", {"feed_forward_type": "swiglu"}),
        ("jina_bert", {"auto_map": {"AutoModel": "modeling_bert.AnotherModel"}}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_figures_that_cannot_be_are_refused_by_name(source, out, name, change):
    checkpoint = source(name)
    checkpoint.edit_json("config.json", **change)
    assert "config.json" in refused(checkpoint, out).message


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("albert", {"num_hidden_groups": 1}),
        ("albert", {"inner_group_num": 1}),
        ("ernie", {"use_task_id": False}),
        ("t5", {"dense_act_fn": "gelu"}),
        ("t5", {"relative_attention_max_distance": 20}),
        ("mt5", {"dense_act_fn": "relu"}),
        ("jina_bert", {"feed_forward_type": "reglu"}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_figure_that_changes_gives_another_model(source, out, name, change):
    """What is then left over among the weights is vouched for; the reference computes the same, else the export fails."""
    checkpoint = source(name)
    checkpoint.edit_json("config.json", **change)
    unused = ("encoder.albert_layer_groups.*", "embeddings.task_type_embeddings.*")
    wanted = {"albert": unused[:1], "ernie": unused[1:]}.get(name, ())
    options = ExportOptions(precision="fp32", ignored=wanted)
    export_model(checkpoint.path, out, options)
    assert np.abs(vectors_of(out) - CASE[name].golden("document")).max() > 1e-3


def test_what_t5_says_of_its_activation_may_be_left_to_one_key(source, out):
    checkpoint = source("mt5")
    checkpoint.edit_json("config.json", dense_act_fn=None, is_gated_act=None, feed_forward_proj=None)
    assert distance(checkpoint, out, "mt5") <= 1e-5


# tensors


def test_layers_that_share_their_weights_are_stored_once(source, out):
    export_model(source("albert").path, out, ExportOptions())
    once = (out / WEIGHTS_FILE).stat().st_size
    checkpoint = source("albert")
    checkpoint.edit_json("config.json", num_hidden_layers=24)
    export_model(checkpoint.path, out.with_name("long"), ExportOptions(min_cosine=0.0))
    graphs = [onnx.load(folder / GRAPH_FILE, load_external_data=False) for folder in (out, out.with_name("long"))]
    assert (out.with_name("long") / WEIGHTS_FILE).stat().st_size == once
    assert len(graphs[1].graph.node) > 5 * len(graphs[0].graph.node)


def test_electra_without_a_projection_is_bert(source, out):
    checkpoint = source("bert")
    config = checkpoint.read_json("config.json")
    checkpoint.edit_json("config.json", model_type="electra", embedding_size=config["hidden_size"])
    checkpoint.edit_weights(lambda tensors: {f"electra.{name}": value for name, value in tensors.items()})
    assert distance(checkpoint, out, "bert") <= 1e-5


@pytest.mark.parametrize("name", ["t5", "mt5", "umt5"])
def test_the_table_of_t5_has_two_names(source, out, name):
    checkpoint = source(name)
    table: Tensors = {}

    def renamed(tensors: Tensors) -> Tensors:
        table["encoder.embed_tokens.weight"] = tensors.pop("shared.weight")
        return {**tensors, **table}

    checkpoint.edit_weights(renamed)
    assert distance(checkpoint, out, name) <= 1e-5
    checkpoint.edit_weights(lambda tensors: {**tensors, "shared.weight": tensors["encoder.embed_tokens.weight"].copy()})
    assert distance(checkpoint, out, name) <= 1e-5


def test_two_tables_that_differ_are_refused(source, out):
    checkpoint = source("t5")
    checkpoint.edit_weights(lambda tensors: {**tensors, "encoder.embed_tokens.weight": tensors["shared.weight"] + 1})
    assert "embed_tokens" in refused(checkpoint, out).message


def test_the_decoder_of_t5_is_left_out(source, out):
    checkpoint = source("t5")
    decoder = {
        "decoder.block.0.layer.1.EncDecAttention.q.weight": np.ones((36, 32), dtype=np.float32),
        "decoder.embed_tokens.weight": np.ones((2, 32), dtype=np.float32),
        "lm_head.weight": np.ones((2, 32), dtype=np.float32),
    }
    checkpoint.edit_weights(lambda tensors: {**tensors, **decoder})
    assert distance(checkpoint, out, "t5") <= 1e-5


@pytest.mark.parametrize("name", ["t5", "jina_bert"])
def test_a_text_may_be_as_long_as_is_asked_for(source, out, name):
    """Distances take the place of a table; limits of others are those of their tables."""
    checkpoint = source(name)
    checkpoint.edit_json("config.json", **({"max_position_embeddings": 2048} if name == "jina_bert" else {}))
    checkpoint.edit_json("sentence_bert_config.json", max_seq_length=2048)
    report = export_model(checkpoint.path, out, ExportOptions(precision="fp32", max_tokens=1200))
    assert report.card.max_tokens == 1200
    short = TEXTS.index("a")
    vectors = vectors_of(out, ["word " * 1300, "a"])
    assert np.abs(vectors[1] - CASE[name].golden("document")[short]).max() <= 1e-5
    assert np.linalg.norm(vectors[0]) == pytest.approx(1, abs=1e-5)
