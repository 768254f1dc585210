"""Nothing that a checkpoint says is passed over: every key and tensor is followed, known to change nothing, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.checkpoints import CHECKPOINTS, Source, refused
from support.runs import DATA

from rekall.errors import ExportFailed
from rekall.models.engine.opening import open_encoder
from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.checkpoint import read_checkpoint
from rekall.models.export.exporter import export_model
from rekall.models.export.families import FAMILIES, architecture_of
from rekall.models.export.options import ExportOptions
from rekall.models.export.probe_texts import SPELLED_TEXTS
from rekall.models.export.rules import KeyCheck, Verdict
from rekall.models.vectors import row_cosines

Copy = Callable[[str], Source]
PLAIN = ExportOptions(precision="fp32")
TEXTS = ["the index is rebuilt", "why", "a lock is held while the deploy waits"]

FILES = (
    ("bert", "config.json"),
    ("bert", "config_sentence_transformers.json"),
    ("bert", "sentence_bert_config.json"),
    ("bert", "tokenizer_config.json"),
    ("bert", "1_Pooling/config.json"),
    ("bert", "2_Normalize/config.json"),
    ("bert-dense", "2_Dense/config.json"),
    ("bert-layer-norm", "2_Dropout/config.json"),
    ("bert-layer-norm", "3_LayerNorm/config.json"),
    ("model2vec", "config.json"),
    ("static", "config_sentence_transformers.json"),
)


def vectors_of(folder: Path) -> Any:
    encoder = open_encoder(folder)
    try:
        return encoder.encode_documents(TEXTS)
    finally:
        encoder.close()


@pytest.mark.parametrize(("case", "file"), FILES, ids=[f"{case}-{file}" for case, file in FILES])
def test_a_key_that_nobody_knows_is_refused_by_its_name_and_file(source: Copy, out: Path, case: str, file: str) -> None:
    checkpoint = source(case)
    checkpoint.edit_json(file, mystery_knob=3, other_knob={"a": 1})
    failure = refused(checkpoint, out)
    assert str(Path(file)) in failure.message
    assert "`mystery_knob`" in failure.message
    assert "`other_knob`" in failure.message
    assert "--ignore mystery_knob --ignore other_knob" in failure.hint


def test_sizes_that_the_configuration_and_the_table_give_differently_are_told(source: Copy, out: Path) -> None:
    checkpoint = source("bert")
    assert not [note for note in export_model(checkpoint.path, out, PLAIN).notes if "vocab_size" in note]
    checkpoint.edit_json("config.json", vocab_size=999)
    (note,) = (note for note in export_model(checkpoint.path, out, PLAIN).notes if "vocab_size" in note)
    assert "999" in note
    assert "376 rows" in note


def test_a_key_of_a_module_in_the_list_of_modules_is_refused_too(source: Copy, out: Path) -> None:
    checkpoint = source("bert")
    modules = checkpoint.read_json("modules.json")
    checkpoint.write_json("modules.json", [{**modules[0], "mystery_knob": 1}, *modules[1:]])
    failure = refused(checkpoint, out)
    assert "modules.json" in failure.message
    assert "`mystery_knob`" in failure.message


def test_who_knows_that_a_key_changes_nothing_goes_on_and_the_card_says_so(source: Copy, out: Path) -> None:
    checkpoint = source("bert")
    checkpoint.edit_json("config.json", mystery_knob=3)
    report = export_model(checkpoint.path, out, ExportOptions(ignored=("mystery_knob",)))
    assert report.card.unread == ("mystery_knob",)
    assert any("mystery_knob" in note for note in report.notes)
    assert any("--reference" in note for note in report.notes)


def test_a_name_to_ignore_that_is_nowhere_is_told(source: Copy, out: Path) -> None:
    assert "mistery" in refused(source("bert"), out, ignored=("mistery",)).message


@pytest.mark.parametrize(
    ("case", "file", "changes"),
    [
        ("bert", "config.json", {"is_decoder": True}),
        ("bert", "config.json", {"add_cross_attention": True}),
        ("bert", "config.json", {"is_encoder_decoder": True}),
        ("bert", "config.json", {"position_embedding_type": "relative_key_query"}),
        ("bert", "config.json", {"pruned_heads": {"0": [1]}}),
        ("bert", "config.json", {"quantization_config": {"quant_method": "bitsandbytes"}}),
        ("bert", "config.json", {"per_layer_config": {"0": {"hidden_act": "relu"}}}),
        ("bert", "config.json", {"adapters": {"adapters": {"sts": "houlsby"}}}),
        ("bert", "config.json", {"is_decoder": 1}),
        ("mpnet", "config.json", {"relative_attention_num_buckets": 64}),
        ("bert", "sentence_bert_config.json", {"query_length": 32}),
        ("bert", "sentence_bert_config.json", {"module_output_name": "sentence_embedding"}),
        ("bert", "sentence_bert_config.json", {"processing_kwargs": {"text": {"max_length": 8}}}),
        ("bert", "sentence_bert_config.json", {"modality_config": {"text": {"method": "get_text_features"}}}),
        ("bert", "sentence_bert_config.json", {"do_lower_case": "yes"}),
        ("bert", "tokenizer_config.json", {"truncation_side": "left"}),
        ("bert", "2_Normalize/config.json", {"module_input_name": "token_embeddings"}),
        ("bert-dense", "2_Dense/config.json", {"use_residual": True}),
        ("bert", "config_sentence_transformers.json", {"truncate_dim": 0}),
        ("bert", "config_sentence_transformers.json", {"truncate_dim": "all"}),
        ("bert", "config_sentence_transformers.json", {"similarity_fn_name": "hamming"}),
        ("bert", "config_sentence_transformers.json", {"similarity_fn_name": ["dot"]}),
        ("bert", "config.json", {"emb_size": 16}),
        ("bert", "config_sentence_transformers.json", {"default_prompt_name": "nowhere"}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_a_value_that_would_change_vectors_is_refused_by_its_key(
    source: Copy, out: Path, case: str, file: str, changes: dict[str, Any]
) -> None:
    checkpoint = source(case)
    checkpoint.edit_json(file, **changes)
    failure = refused(checkpoint, out, ignored=("*",))  # what is known cannot be ignored
    assert next(iter(changes)) in failure.message


@pytest.mark.parametrize(
    ("case", "file", "changes", "named"),
    [
        ("distilbert", "config.json", {"hidden_size": 64}, ("hidden_size", "dim")),
        ("bert", "1_Pooling/config.json", {"pooling_mode": "cls"}, ("contradicts itself",)),
        ("bert", "tokenizer_config.json", {"max_len": 99}, ("max_len", "model_max_length")),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    source: Copy, out: Path, case: str, file: str, changes: dict[str, Any], named: tuple[str, ...]
) -> None:
    checkpoint = source(case)
    checkpoint.edit_json(file, **changes)
    message = refused(checkpoint, out).message
    assert all(name in message for name in named), message


PUBLISHED: dict[str, Any] = {
    "_name_or_path": "old_models/model/0_Transformer",
    "torch_dtype": "float16",
    "transformers_version": "4.8.2",
    "gradient_checkpointing": False,
    "id2label": {"0": "LABEL_0"},
    "label2id": {"LABEL_0": 0},
    "directionality": "bidi",
    "pooler_fc_size": 768,
    "pooler_num_attention_heads": 12,
    "pooler_num_fc_layers": 3,
    "pooler_size_per_head": 128,
    "pooler_type": "first_token_transform",
    "output_past": True,
    "classifier_dropout": None,
    "position_embedding_type": "absolute",
    "adapters": {"adapters": {}, "config_map": {}, "fusion_config_map": {}, "fusions": {}},
    "finetuning_task": "sts",
    "num_labels": 3,
    "pruned_heads": {},
    "use_bfloat16": False,
    "torchscript": False,
    "chunk_size_feed_forward": 128,
    "matryoshka_dimensions": [16],
    "bad_words_ids": None,
    "max_length": 20,
    "temperature": 1.0,
    "tokenizer_class": "BertTokenizer",
}
"""What configurations of published models hold beside figures; none of it changes a vector."""


def test_what_published_configurations_hold_beside_figures_changes_nothing(source: Copy, tmp_path: Path) -> None:
    checkpoint = source("bert")
    plain = export_model(checkpoint.path, tmp_path / "plain" / "tiny", PLAIN).card
    checkpoint.edit_json("config.json", **{key: value for key, value in PUBLISHED.items() if value is not None})
    checkpoint.edit_json(
        "config_sentence_transformers.json", similarity_fn_name="cosine", model_type="SentenceTransformer"
    )
    assert export_model(checkpoint.path, tmp_path / "full" / "tiny", PLAIN).card.fingerprint == plain.fingerprint


def test_what_is_refused_with_the_way_through_torch_is_not_refused_there_again(source: Copy, out: Path) -> None:
    checkpoint = source("bert")
    checkpoint.edit_json("config.json", position_embedding_type="relative_key")
    assert "--via torch" in refused(checkpoint, out).hint
    assert read_checkpoint(checkpoint.path, ExportOptions(via_torch=True)).architecture == "bert"


def test_every_rule_can_be_reached_and_says_why() -> None:
    for name, family in FAMILIES.items():
        for rule in family.every_rule:
            assert rule.said, (name, rule.keys)
            assert rule.verdict is not Verdict.SAME or rule.other


def test_a_goldens_own_files_are_known_whole() -> None:
    """What transformers itself saves today of every architecture is in the tables."""
    for path in sorted(CHECKPOINTS.glob("*/config.json")):
        config = json.loads(path.read_text("utf-8"))
        if family := FAMILIES.get(architecture_of(config)):
            KeyCheck()(config, family.every_rule, str(path))


@pytest.mark.parametrize("case", ["bert", "static"])
def test_the_cut_that_a_model_asks_for_is_made(source: Copy, out: Path, tmp_path: Path, case: str) -> None:
    checkpoint = source(case)
    export_model(checkpoint.path, tmp_path / "whole" / "tiny", PLAIN)
    checkpoint.edit_json("config_sentence_transformers.json", truncate_dim=16)
    assert export_model(checkpoint.path, out, PLAIN).card.dimensions == 16
    cut = vectors_of(tmp_path / "whole" / "tiny")[:, :16]
    assert row_cosines(vectors_of(out), cut).min() > 1 - 1e-6
    assert export_model(checkpoint.path, out, ExportOptions(dimensions=24)).card.dimensions == 24
    checkpoint.edit_json("config_sentence_transformers.json", truncate_dim=4096)
    assert export_model(checkpoint.path, out, PLAIN).card.dimensions == 32


@pytest.mark.parametrize("similarity", ["dot", "dot_score", "euclidean", "manhattan"])
def test_a_model_for_another_similarity_is_said_to_be_one(source: Copy, out: Path, similarity: str) -> None:
    checkpoint = source("bert-cls")  # does not normalise
    checkpoint.edit_json("config_sentence_transformers.json", similarity_fn_name=similarity)
    report = export_model(checkpoint.path, out, PLAIN)
    assert report.card.similarity == similarity.removesuffix("_score")
    assert any("by cosine" in note for note in report.notes)


def test_dot_products_of_normalised_vectors_are_cosines(source: Copy, out: Path) -> None:
    checkpoint = source("bert")
    checkpoint.edit_json("config_sentence_transformers.json", similarity_fn_name="dot")
    assert not any("cosine" in note for note in export_model(checkpoint.path, out, PLAIN).notes)


# what is no encoder


@pytest.mark.parametrize(
    ("file", "changes", "kind"),
    [
        ("config_sentence_transformers.json", {"model_type": "CrossEncoder"}, "reranker"),
        ("config_sentence_transformers.json", {"model_type": "SparseEncoder"}, "sparse"),
        ("config_sentence_transformers.json", {"model_type": "MultiVectorEncoder"}, "multi-vector"),
        ("config_sentence_transformers.json", {"query_prefix": "[Q] "}, "multi-vector"),
        ("config_sentence_transformers.json", {"model_type": "Oracle"}, "Oracle"),
        ("sentence_bert_config.json", {"transformer_task": "sequence-classification"}, "reranker"),
        ("sentence_bert_config.json", {"transformer_task": "fill-mask"}, "sparse"),
        ("config.json", {"architectures": ["HF_ColBERT"]}, "multi-vector"),
    ],
)
def test_another_kind_of_model_is_called_what_it_is(
    source: Copy, out: Path, file: str, changes: dict[str, Any], kind: str
) -> None:
    checkpoint = source("bert")
    checkpoint.edit_json(file, **changes)
    failure = refused(checkpoint, out)
    assert kind in failure.message
    assert "rekall model list" in failure.hint


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"architectures": ["BertForSequenceClassification"]}, "reranker"),
        ({"architectures": ["BertForTokenClassification"]}, "classes"),
        ({"architectures": ["BertLMHeadModel"]}, "language model"),
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}}, "reranker"),
    ],
)
def test_a_lone_transformer_of_another_task_is_called_what_it_is(
    source: Copy, out: Path, changes: dict[str, Any], kind: str
) -> None:
    checkpoint = source("bert")
    (checkpoint.path / "modules.json").unlink()
    checkpoint.edit_json("config.json", **changes)
    assert kind in refused(checkpoint, out).message


def test_a_lone_transformer_with_a_classifier_is_a_reranker(source: Copy, out: Path) -> None:
    checkpoint = source("bert")
    (checkpoint.path / "modules.json").unlink()
    checkpoint.edit_weights(lambda tensors: {**tensors, "classifier.weight": np.ones((1, 32), dtype=np.float32)})
    assert "reranker" in refused(checkpoint, out).message


def test_a_lone_transformer_is_taken_and_its_guess_is_told(source: Copy, out: Path) -> None:
    checkpoint = source("bert")
    (checkpoint.path / "modules.json").unlink()
    notes = export_model(checkpoint.path, out, PLAIN).notes
    assert any("mean pooling is assumed" in note for note in notes)
    assert any("--reference" in note for note in notes)


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        ("sentence_transformers.sparse_encoder.modules.splade_pooling.SpladePooling", "sparse"),
        ("sentence_transformers.multi_vector_encoder.modules.multi_vector_mask.MultiVectorMask", "multi-vector"),
        ("sentence_transformers.cross_encoder.modules.logit_score.LogitScore", "reranker"),
        ("pylate.models.Dense.Dense", "multi-vector"),
        ("sentence_transformers.models.CLIPModel", "pictures"),
        ("sentence_transformers.models.BoW", "before transformers"),
    ],
)
def test_a_module_of_another_kind_of_model_names_that_kind(source: Copy, out: Path, module: str, kind: str) -> None:
    checkpoint = source("bert")
    entries = checkpoint.read_json("modules.json")
    checkpoint.write_json("modules.json", [*entries, {"idx": 9, "name": "9", "path": "9_It", "type": module}])
    failure = refused(checkpoint, out)
    assert kind in failure.message
    assert "--via torch" not in failure.hint


# tensors


FOREIGN = {
    "a further layer": "encoder.layer.7.output.dense.weight",
    "an adapter": "encoder.layer.0.output.adapters.sts.adapter_down.0.weight",
    "a low-rank change": "encoder.layer.0.attention.self.query.lora_A.default.weight",
    "a second tower": "query_model.encoder.layer.0.output.dense.weight",
    "cross attention": "encoder.layer.0.crossattention.self.query.weight",
}


@pytest.mark.parametrize("name", FOREIGN.values(), ids=FOREIGN)
def test_a_tensor_that_nothing_reads_is_refused_by_its_name(source: Copy, out: Path, name: str) -> None:
    checkpoint = source("bert")
    checkpoint.edit_weights(lambda tensors: {**tensors, name: np.ones((2, 2), dtype=np.float32)})
    failure = refused(checkpoint, out)
    pattern = name.replace("7", "*").replace("layer.0", "layer.*").replace(".0.weight", ".*.weight")
    assert pattern in failure.message
    assert "--ignore" in failure.hint
    assert export_model(checkpoint.path, out, ExportOptions(ignored=(pattern,))).card.unread == (name,)


@pytest.mark.parametrize(
    "name", ["cls.predictions.bias", "pooler.dense.bias", "lm_head.weight", "embeddings.position_ids"]
)
def test_heads_that_an_embedding_never_reads_are_left_out_quietly(source: Copy, out: Path, name: str) -> None:
    checkpoint = source("bert")
    checkpoint.edit_weights(lambda tensors: {**tensors, name: np.ones((2, 2), dtype=np.float32)})
    report = export_model(checkpoint.path, out, PLAIN)
    assert (report.card.unread, report.notes) == ((), ())


def test_two_tensors_that_mean_the_same_must_be_the_same(source: Copy, out: Path) -> None:
    checkpoint = source("bert")
    name = "embeddings.LayerNorm.bias"
    checkpoint.edit_weights(lambda tensors: {**tensors, f"bert.{name}": tensors[name].copy()})
    export_model(checkpoint.path, out, PLAIN)
    checkpoint.edit_weights(lambda tensors: {**tensors, f"bert.{name}": tensors[name] + 1})
    with pytest.raises(ExportFailed, match=f"{name}.*which mean the same, with different numbers|different numbers"):
        export_model(checkpoint.path, out, PLAIN)


def split(folder: Path, count: int) -> None:
    """Save the weights of a folder in several parts, as transformers does with a large model."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    places = {}
    for number in range(count):
        part = f"model-{number + 1:05}-of-{count:05}.safetensors"
        names = sorted(tensors)[number::count]
        save_file({name: tensors[name] for name in names}, folder / part)
        places |= dict.fromkeys(names, part)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}), "utf-8")


@pytest.mark.parametrize("case", ["bert", "static"])
def test_weights_in_several_parts_are_the_same_model(source: Copy, tmp_path: Path, case: str) -> None:
    checkpoint = source(case)
    whole = export_model(checkpoint.path, tmp_path / "whole" / "tiny", PLAIN).card
    split(checkpoint.path, 3 if case == "bert" else 1)
    parts = export_model(checkpoint.path, tmp_path / "parts" / "tiny", PLAIN).card
    assert parts.fingerprint == whole.fingerprint


def test_a_part_that_is_missing_or_elsewhere_is_named(source: Copy, out: Path) -> None:
    checkpoint = source("bert")
    split(checkpoint.path, 2)
    (checkpoint.path / "model-00002-of-00002.safetensors").unlink()
    assert "model-00002-of-00002.safetensors" in refused(checkpoint, out).message
    checkpoint.write_json("model.safetensors.index.json", {"weight_map": {"a": "../other.safetensors"}})
    assert "../other.safetensors" in refused(checkpoint, out).message


@pytest.mark.parametrize("name", ["encoder.layer.0.output.dense.weight", "embeddings.word_embeddings.weight"])
def test_weights_of_whole_numbers_are_refused(source: Copy, out: Path, name: str) -> None:
    checkpoint = source("bert")
    checkpoint.edit_weights(lambda tensors: {**tensors, name: np.round(tensors[name] * 100).astype(np.int8)})
    assert f"{name} in" in refused(checkpoint, out).message


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json", "1_Pooling/config.json"])
def test_what_a_clone_without_large_files_left_is_named_with_the_way_to_get_it(
    source: Copy, out: Path, file: str
) -> None:
    checkpoint = source("bert")
    path = checkpoint.path / file
    path.unlink()  # a link to shared data, maybe
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:c0ffee\nsize 1040\n", "utf-8")
    failure = refused(checkpoint, out)
    assert f"{Path(file)} is a Git LFS pointer" in failure.message
    assert "git lfs pull" in failure.hint


@pytest.mark.parametrize(
    ("key", "value"),
    [("num_attention_heads", 0), ("num_attention_heads", 5), ("num_hidden_layers", -1), ("layer_norm_eps", -1.0)],
)
def test_a_figure_out_of_bounds_is_named(source: Copy, out: Path, key: str, value: float) -> None:
    checkpoint = source("bert")
    checkpoint.edit_json("config.json", **{key: value})
    failure = refused(checkpoint, out)
    assert f"`{key}` " in failure.message
    assert len(failure.message.partition("config.json")[2]) < 120


# activations


GOLDEN = json.loads((DATA / "activations.json").read_text("utf-8"))


def test_every_activation_has_golden_values() -> None:
    assert set(ACTIVATIONS) == set(GOLDEN["values"])


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation_is_that_of_its_source(name: str) -> None:
    points = np.array(GOLDEN["points"])
    assert ACTIVATIONS[name].values(points) == pytest.approx(np.array(GOLDEN["values"][name]), abs=1e-6)


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"Identity", "Tanh"}))
def test_the_graph_of_an_activation_computes_it(name: str, source: Copy, out: Path) -> None:
    checkpoint = source("bert")
    checkpoint.edit_json("config.json", hidden_act=name)
    measured = export_model(checkpoint.path, out, PLAIN).fidelity["float64"]
    assert measured.min_cosine > 1 - 1e-6


# prompts


@pytest.mark.parametrize(
    ("folder", "name", "query"),
    [
        ("bge-small-en-v1.5", "", "Represent this sentence for searching relevant passages: "),
        ("copy", "BGE-Small-EN-v1.5", "Represent this sentence for searching relevant passages: "),
        ("E5_small_v2", "", "query: "),
        ("models--intfloat--e5-base-v2/snapshots/0123456789abcdef", "", "query: "),
        ("snowflake-arctic-embed-m-v2.0", "", "query: "),
        ("embeddinggemma-300m", "", "task: search result | query: "),
        ("granite-embedding-small-english-r2", "", ""),
    ],
)
def test_published_prompts_are_found_by_any_of_a_models_names(
    source: Copy, tmp_path: Path, folder: str, name: str, query: str
) -> None:
    place = tmp_path / folder
    place.parent.mkdir(parents=True, exist_ok=True)
    source("bert").path.rename(place)
    assert read_checkpoint(place, ExportOptions(name=name)).prompts.query == query


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (
            {"_name_or_path": "/home/someone/.cache/torch/sentence_transformers/BAAI_bge-small-en/"},
            "bge-small-en, which expects",
        ),
        ({"_name_or_path": "someone/my-e5-for-laws"}, "family e5"),
        ({"_name_or_path": "BAAI/bge-m3"}, ""),
    ],
)
def test_a_model_that_may_lack_its_prompts_is_said_to(source: Copy, out: Path, edit: dict[str, Any], told: str) -> None:
    checkpoint = source("bert")
    checkpoint.edit_json("config.json", **edit)
    notes = " ".join(export_model(checkpoint.path, out, PLAIN).notes)
    assert told in notes if told else notes == ""


def test_prompts_under_other_names_are_told(source: Copy, out: Path) -> None:
    checkpoint = source("bert")
    checkpoint.edit_json("config_sentence_transformers.json", prompts={"s2p_query": "Find: ", "query": None})
    report = export_model(checkpoint.path, out, PLAIN)
    assert report.card.prompts.query == ""
    assert any("s2p_query" in note for note in report.notes)


@pytest.mark.parametrize("name", ["my model", "größe", ".hidden", ""])
def test_a_folder_whose_name_no_model_can_have_leads_to_the_option(source: Copy, tmp_path: Path, name: str) -> None:
    place = tmp_path / "out" / (name or "-")
    with pytest.raises(ExportFailed) as caught:
        export_model(source("bert").path, place, PLAIN)
    assert "--name" in caught.value.hint
    assert export_model(tmp_path / "source", place, ExportOptions(name="mine")).card.name == "mine"


# proof


def test_a_reference_travels_with_the_model_and_is_verified_again(source: Copy, out: Path, tmp_path: Path) -> None:
    from rekall.models.library import ModelLibrary

    checkpoint = source("bert")
    export_model(checkpoint.path, out, PLAIN)
    reference = tmp_path / "reference.json"
    reference.write_text(json.dumps({"texts": TEXTS, "vectors": vectors_of(out).tolist()}), "utf-8")
    export_model(checkpoint.path, out, ExportOptions(reference=reference))
    card, measured, _ = ModelLibrary([out.parent]).verify(out.name)
    assert set(card.fidelity) == {"float64", "reference"}
    assert measured["reference"].texts == len(TEXTS)
    assert measured["reference"].min_cosine > 0.999


def test_a_reference_of_another_model_is_more_than_rounding(source: Copy, out: Path, tmp_path: Path) -> None:
    vectors = np.random.default_rng(3).normal(size=(len(TEXTS), 32)).tolist()
    reference = tmp_path / "reference.json"
    reference.write_text(json.dumps({"texts": TEXTS, "vectors": vectors}), "utf-8")
    failure = refused(source("bert"), out, reference=reference)
    assert "--reference" in failure.message
    assert "more than rounding" in failure.hint


@pytest.mark.parametrize(("case", "spells"), [("gemma3_text", True), ("bert", False)])
def test_what_a_vocabulary_spells_byte_by_byte_is_probed(source: Copy, out: Path, case: str, spells: bool) -> None:
    export_model(source(case).path, out, PLAIN)
    texts = json.loads((out / "probes.json").read_text("utf-8"))["texts"]
    assert [text in texts for text in SPELLED_TEXTS] == [spells] * len(SPELLED_TEXTS)
