"""Rotary encoders: what their published configurations and files may say, against the goldens of transformers' classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support.checkpoints import CASE, Source, refused, vectors_of

from rekall.errors import ExportFailed
from rekall.models.export.exporter import export_model
from rekall.models.export.options import ExportOptions
from rekall.models.export.rotary import read_rotary, rotary_angles, turn
from rekall.models.vectors import row_cosines

Tensors = Mapping[str, npt.NDArray[Any]]


def distance(checkpoint: Source, out: Path, name: str) -> float:
    """How far the vectors of the edge texts are from the golden ones."""
    export_model(checkpoint.path, out, ExportOptions(precision="fp32"))
    return float(np.abs(vectors_of(out) - CASE[name].golden("document")).max())


def renamed(pairs: Mapping[str, str]) -> Callable[[Tensors], Tensors]:
    """Gives tensors other names, by regular expressions; one that becomes `a.(b|c).d` is cut in two, `a.b.d` and `a.c.d`."""

    def rename(tensors: Tensors) -> Tensors:
        result = {}
        for name, value in tensors.items():
            for pattern, other in pairs.items():
                name = re.sub(pattern, other, name)
            head, _, rest = name.partition("(")
            several, _, tail = rest.partition(")")
            parts = several.split("|")
            for part, numbers in zip(parts, np.split(value, len(parts)) if several else [value]):
                result[f"{head}{part}{tail}"] = np.ascontiguousarray(numbers)
        return result

    return rename


NOMIC_OF_TODAY = {
    r"encoder\.layers": "layers",
    r"emb_ln": "embeddings.LayerNorm",
    r"attn\.out_proj": "self_attn.o_proj",
    r"attn\.Wqkv": "self_attn.(q_proj|k_proj|v_proj)",
    "fc11": "up_proj",
    "fc12": "gate_proj",
    "fc2": "down_proj",
    "norm1": "post_attention_layernorm",
    "norm2": "post_mlp_layernorm",
}
GTE_OF_TODAY = {
    r"encoder\.layer": "layers",
    r"attention\.o_proj": "self_attn.o_proj",
    r"attention\.qkv_proj": "self_attn.(q_proj|k_proj|v_proj)",
    r"mlp\.up_gate_proj": "mlp.(up_proj|gate_proj)",
    "attn_ln": "post_attention_layernorm",
    "mlp_ln": "post_mlp_layernorm",
}
JINA_OF_TODAY = {
    r"encoder\.layers": "layers",
    r"emb_ln": "embeddings.LayerNorm",
    r"mixer\.out_proj": "self_attn.o_proj",
    r"mixer\.Wqkv": "self_attn.(q_proj|k_proj|v_proj)",
    "norm1": "post_attention_layernorm",
    "norm2": "post_mlp_layernorm",
}
PUBLISHED_NOMIC: Mapping[str, Any] = {
    "activation_function": "swiglu",
    "architectures": ["NomicBertModel"],
    "attn_pdrop": 0.0,
    "auto_map": {
        "AutoConfig": "somebody/nomic-bert--configuration_hf_nomic_bert.NomicBertConfig",
        "AutoModel": "somebody/nomic-bert--modeling_hf_nomic_bert.NomicBertModel",
        "AutoModelForMaskedLM": "somebody/nomic-bert--modeling_hf_nomic_bert.NomicBertForPreTraining",
    },
    "bos_token_id": None,
    "causal": False,
    "dense_seq_output": True,
    "embd_pdrop": 0.0,
    "eos_token_id": None,
    "fused_bias_fc": True,
    "fused_dropout_add_ln": True,
    "initializer_range": 0.02,
    "layer_norm_epsilon": 0.001,
    "max_trained_positions": 96,
    "mlp_fc1_bias": False,
    "mlp_fc2_bias": False,
    "model_type": "nomic_bert",
    "n_embd": 32,
    "n_head": 4,
    "n_inner": 48,
    "n_layer": 2,
    "n_positions": 128,
    "pad_vocab_size_multiple": 64,
    "parallel_block": False,
    "parallel_block_tied_norm": False,
    "prenorm": False,
    "qkv_proj_bias": False,
    "reorder_and_upcast_attn": False,
    "resid_pdrop": 0.0,
    "rotary_emb_base": 1000,
    "rotary_emb_fraction": 1.0,
    "rotary_emb_interleaved": False,
    "rotary_emb_scale_base": None,
    "rotary_scaling_factor": 2,
    "scale_attn_by_inverse_layer_idx": False,
    "scale_attn_weights": True,
    "summary_activation": None,
    "summary_first_dropout": 0.0,
    "summary_proj_to_labels": True,
    "summary_type": "cls_index",
    "summary_use_proj": True,
    "torch_dtype": "float32",
    "transformers_version": "4.37.2",
    "type_vocab_size": 2,
    "use_cache": True,
    "use_flash_attn": True,
    "use_rms_norm": False,
    "use_xentropy": True,
    "vocab_size": 376,
}
PUBLISHED_NEW: Mapping[str, Any] = {
    "architectures": ["NewModel"],
    "attention_probs_dropout_prob": 0.0,
    "auto_map": {
        "AutoConfig": "somebody/new-impl--configuration.NewConfig",
        "AutoModel": "somebody/new-impl--modeling.NewModel",
        "AutoModelForMaskedLM": "somebody/new-impl--modeling.NewForMaskedLM",
    },
    "classifier_dropout": None,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 48,
    "layer_norm_eps": 0.001,
    "layer_norm_type": "layer_norm",
    "logn_attention_clip1": False,
    "logn_attention_scale": False,
    "max_position_embeddings": 96,
    "model_type": "new",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pack_qkv": True,
    "pad_token_id": 1,
    "position_embedding_type": "rope",
    "rope_scaling": {"factor": 8.0, "type": "ntk"},
    "rope_theta": 500,
    "torch_dtype": "float16",
    "transformers_version": "4.39.1",
    "type_vocab_size": 1,
    "unpad_inputs": False,
    "use_memory_efficient_attention": False,
    "vocab_size": 468,
}


@pytest.mark.parametrize(
    ("name", "names"),
    [("nomic_bert", NOMIC_OF_TODAY), ("gte", GTE_OF_TODAY), ("jina_embeddings_v3", JINA_OF_TODAY)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tensors_by_the_names_of_transformers_are_found(source, out, name, names):
    checkpoint = source(name)
    checkpoint.edit_weights(renamed(names))
    assert distance(checkpoint, out, name) <= 1e-5


def test_a_nomic_configuration_as_published_is_understood(source, out):
    checkpoint = source("nomic_bert")
    checkpoint.write_json("config.json", PUBLISHED_NOMIC)
    assert distance(checkpoint, out, "nomic_bert") <= 1e-5


def test_both_generations_of_nomic_names_may_stand_side_by_side(source, out):
    checkpoint = source("nomic_bert")
    checkpoint.write_json("config.json", {**checkpoint.read_json("config.json"), **PUBLISHED_NOMIC})
    assert distance(checkpoint, out, "nomic_bert") <= 1e-5


def test_a_gte_configuration_as_published_with_its_scaled_angles_is_understood(source, out):
    """The golden's linear factor and base are those that NTK scaling by 8 comes down to in heads of 8 numbers."""
    checkpoint = source("gte")
    checkpoint.write_json("config.json", PUBLISHED_NEW)
    checkpoint.edit_weights(renamed({"^": "new."}))
    assert distance(checkpoint, out, "gte") <= 1e-5


def test_gte_without_token_types_is_another_model(source, out):
    checkpoint = source("gte")
    checkpoint.edit_json("config.json", type_vocab_size=0)
    checkpoint.edit_weights(lambda tensors: {k: v for k, v in tensors.items() if "token_type" not in k})
    assert distance(checkpoint, out, "gte") > 1e-3


def test_angles_that_a_roformer_file_holds_itself_are_refused_unless_they_are_the_usual_ones(source, out):
    checkpoint = source("roformer")
    name = "encoder.embed_positions.weight"
    checkpoint.edit_weights(lambda tensors: {**tensors, name: tensors[name] + np.float32(0.01)})
    assert name in refused(checkpoint, out).message
    checkpoint.edit_weights(lambda tensors: {other: value for other, value in tensors.items() if other != name})
    assert distance(checkpoint, out, "roformer") <= 1e-5


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_a_part_of_each_head_may_turn(source, out, share):
    checkpoint = source("nomic_bert")
    checkpoint.edit_json("config.json", rotary_emb_fraction=share)
    assert distance(checkpoint, out, "nomic_bert") > 1e-3  # and as the reference has it, else the export fails


def test_neighbours_may_turn_together(source, out):
    """Interleaved pairs are halves in another order: with the rows of queries and keys reordered, it is the same model."""
    checkpoint = source("nomic_bert")
    checkpoint.edit_json("config.json", rotary_emb_interleaved=True)
    order = np.arange(8).reshape(2, 4).T.ravel()

    def interleave(tensors: Tensors) -> Tensors:
        result = dict(tensors)
        for name in filter(lambda name: "Wqkv" in name, tensors):
            parts = tensors[name].reshape(3, 4, 8, -1).copy()
            parts[:2] = parts[:2][:, :, order]
            result[name] = parts.reshape(tensors[name].shape)
        return result

    checkpoint.edit_weights(interleave)
    assert distance(checkpoint, out, "nomic_bert") <= 1e-5


def test_a_plain_feed_forward_block_is_built_where_nothing_gates(source, out):
    checkpoint = source("nomic_bert")
    checkpoint.edit_json("config.json", activation_function="gelu_new", hidden_act=None)
    checkpoint.edit_weights(renamed({"fc11": "fc1", "fc12": "other"}))
    assert "other" in refused(checkpoint, out).message
    checkpoint.edit_weights(lambda tensors: {k: v for k, v in tensors.items() if "other" not in k})
    assert distance(checkpoint, out, "nomic_bert") > 1e-3


@pytest.mark.parametrize(
    ("name", "change", "named"),
    [
        ("nomic_bert", {"moe_every_n_layers": 2, "num_experts": 8}, "mixture of experts"),
        ("nomic_bert", {"prenorm": True}, "prenorm"),
        ("nomic_bert", {"use_rms_norm": True}, "use_rms_norm"),
        ("nomic_bert", {"causal": True}, "causal"),
        ("nomic_bert", {"rotary_emb_scale_base": 512}, "rotary_emb_scale_base"),
        ("nomic_bert", {"rotary_emb_fraction": 0.0}, "rotary"),
        ("nomic_bert", {"n_embd": 64}, "n_embd"),
        ("nomic_bert", {"rotary_emb_base": 500}, "two bases"),
        ("nomic_bert", {"layer_norm_epsilon": 1e-12}, "layer_norm_epsilon"),
        ("nomic_bert", {"activation_function": "geglu"}, "activation_function"),
        ("nomic_bert", {"head_dim": 16}, "16"),
        ("gte", {"layer_norm_type": "rms_norm"}, "layer_norm_type"),
        ("gte", {"logn_attention_scale": True}, "logn_attention_scale"),
        ("gte", {"position_embedding_type": "absolute"}, "position_embedding_type"),
        ("gte", {"rope_parameters": {"rope_type": "longrope", "long_factor": [1.0]}}, "longrope"),
        ("gte", {"rope_parameters": {"rope_type": "ntk", "factor": 2.0, "mixed_b": 0.5}}, "mixed_b"),
        ("gte", {"rope_parameters": {"rope_type": "linear"}}, "factor"),
        ("gte", {"rope_parameters": {"rope_type": "linear", "factor": 0}}, "rotary"),
        ("gte", {"rope_parameters": [8]}, "config.json"),
        ("gte", {"rope_scaling": {"type": "ntk", "factor": 8.0}}, "twice"),
        ("roformer", {"rotary_value": True}, "rotary_value"),
        ("roformer", {"embedding_size": "narrow"}, "narrow"),
        ("modernbert", {"rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 2.0}}, "factor"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_rotary_encoder_cannot_honour_is_refused_by_name(source, out, name, change, named):
    checkpoint = source(name)
    checkpoint.edit_json("config.json", **change)
    assert named in refused(checkpoint, out).message


@pytest.mark.parametrize(("scaling", "limit"), [(None, 128), (2, 96)])
def test_a_nomic_model_reads_as_far_as_its_angles_stay_the_same(source, out, scaling, limit):
    checkpoint = source("nomic_bert")
    (checkpoint.path / "sentence_bert_config.json").unlink()
    checkpoint.write_json("config.json", {**PUBLISHED_NOMIC, "rotary_scaling_factor": scaling})
    assert export_model(checkpoint.path, out, ExportOptions(precision="fp32")).card.max_tokens == limit


# ModernBERT

PUBLISHED_MODERNBERT: Mapping[str, Any] = {
    "architectures": ["ModernBertForMaskedLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 2,
    "classifier_activation": "gelu",
    "classifier_bias": False,
    "classifier_dropout": 0.0,
    "classifier_pooling": "mean",
    "cls_token_id": 1,
    "decoder_bias": True,
    "deterministic_flash_attn": False,
    "dtype": "float32",
    "embedding_dropout": 0.0,
    "eos_token_id": 1,
    "global_attn_every_n_layers": 3,
    "global_rope_theta": 20000,
    "gradient_checkpointing": False,
    "hidden_activation": "gelu",
    "hidden_size": 32,
    "initializer_cutoff_factor": 2.0,
    "initializer_range": 0.02,
    "intermediate_size": 48,
    "layer_norm_eps": 1e-05,
    "layer_types": ["full_attention", *["sliding_attention"] * 2, "full_attention", "sliding_attention"],
    "local_attention": 8,
    "local_rope_theta": 500,
    "mask_token_id": 4,
    "max_position_embeddings": 96,
    "mlp_bias": False,
    "mlp_dropout": 0.0,
    "model_type": "modernbert",
    "norm_bias": False,
    "norm_eps": 0.001,
    "num_attention_heads": 2,
    "num_hidden_layers": 5,
    "pad_token_id": 0,
    "position_embedding_type": "sans_pos",
    "repad_logits_with_grad": False,
    "sep_token_id": 1,
    "sparse_pred_ignore_index": -100,
    "sparse_prediction": False,
    "tie_word_embeddings": True,
    "transformers_version": "4.48.0",
    "vocab_size": 420,
}


def test_a_modernbert_configuration_as_published_is_understood(source, out):
    checkpoint = source("modernbert")
    checkpoint.write_json("config.json", PUBLISHED_MODERNBERT)
    assert distance(checkpoint, out, "modernbert") <= 1e-5


def test_layers_may_be_pruned_from_a_modernbert(source, out):
    """Those that are left name their own kinds, and the first one keeps no normalisation."""
    checkpoint = source("modernbert")
    checkpoint.edit_json("config.json", num_hidden_layers=2, layer_types=["full_attention", "sliding_attention"])
    checkpoint.edit_weights(lambda tensors: {k: v for k, v in tensors.items() if not re.match(r"layers\.[234]\.", k)})
    assert distance(checkpoint, out, "modernbert") > 1e-3


@pytest.mark.parametrize("added", ["layers.0.attn_norm.weight", "layers.1.attn.Wqkv.bias", "final_norm.bias"])
def test_a_tensor_that_the_configuration_gives_no_place_is_refused(source, out, added):
    """transformers leaves it out; whoever saved it meant something by it."""
    checkpoint = source("modernbert")
    checkpoint.edit_weights(lambda tensors: {**tensors, added: np.ones(96 if "Wqkv" in added else 32, np.float32)})
    assert re.sub(r"\d+", "*", added) in refused(checkpoint, out).message


def test_stretched_angles_of_modernbert_are_those_of_every_layer(source, out):
    checkpoint = source("modernbert")
    stretched = {"rope_type": "linear", "factor": 2.0}
    checkpoint.edit_json("config.json", rope_scaling=stretched)
    export_model(checkpoint.path, out, ExportOptions(precision="fp32"))
    vectors = vectors_of(out)
    assert np.abs(vectors - CASE["modernbert"].golden("document")).max() > 1e-3
    given = checkpoint.read_json("config.json")["rope_parameters"]
    both = {kind: {**parameters, "rope_type": "linear", "factor": 2.0} for kind, parameters in given.items()}
    checkpoint.edit_json("config.json", rope_scaling=None, rope_parameters=both)
    export_model(checkpoint.path, out, ExportOptions(precision="fp32"))
    assert vectors_of(out) == pytest.approx(vectors, abs=1e-6)


def test_angles_for_no_kind_of_layer_are_refused(source, out):
    checkpoint = source("modernbert")
    checkpoint.edit_json("config.json", rope_parameters={"rope_type": "default", "rope_theta": 5000.0})
    assert "rope_theta" in refused(checkpoint, out).message


# remote code


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("nomic_bert", "NewModel"),
        ("gte", "NomicBertModel"),
        ("bert", "NomicBertModel"),
        ("bert", "BertModel"),
        ("xlm-roberta", "XLMRobertaLoRA"),
    ],
)
def test_code_that_is_not_built_in_is_refused_and_never_run(source, out, name, model):
    checkpoint = source(name)
    checkpoint.edit_json("config.json", auto_map={"AutoModel": f"modeling.{model}"})
    (checkpoint.path / "modeling.py").write_text("raise SystemExit('it ran')\n")
    failure = refused(checkpoint, out)
    assert model in failure.message
    assert "--via torch" not in failure.hint  # transformers would only run another class of that name


def test_code_of_an_architecture_that_is_not_known_leads_to_torch_once(source, out):
    checkpoint = source("bert")
    checkpoint.edit_json("config.json", model_type="deberta-v2", auto_map={"AutoModel": "modeling.DebertaV2Model"})
    assert "--via torch" in refused(checkpoint, out).hint


@pytest.mark.parametrize(
    "said", ["modeling.NomicBertModel", {"AutoConfig": "x.NomicBertConfig"}, [1], {"AutoModel": 7}]
)
def test_an_auto_map_that_names_no_encoder_is_refused(source, out, said):
    checkpoint = source("nomic_bert")
    checkpoint.edit_json("config.json", auto_map=said)
    assert "auto_map" in refused(checkpoint, out).message


# adapters

TASKS = ["retrieval.query", "retrieval.passage", "separation", "classification", "text-matching"]
PUBLISHED_JINA: Mapping[str, Any] = {
    "architectures": ["XLMRobertaModel"],
    "attention_probs_dropout_prob": 0.1,
    "auto_map": {
        "AutoConfig": "somebody/flash--configuration_xlm_roberta.XLMRobertaFlashConfig",
        "AutoModel": "somebody/flash--modeling_lora.XLMRobertaLoRA",
    },
    "bos_token_id": 0,
    "classifier_dropout": None,
    "emb_pooler": None,
    "eos_token_id": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 48,
    "layer_norm_eps": 0.001,
    "load_trained_adapters": True,
    "lora_adaptations": TASKS,
    "lora_alpha": 3,
    "lora_dropout_p": 0.0,
    "lora_main_params_trainable": False,
    "lora_rank": 2,
    "matryoshka_dimensions": [16, 32],
    "max_position_embeddings": 98,
    "model_type": "xlm-roberta",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "output_past": True,
    "pad_token_id": 1,
    "position_embedding_type": "rotary",
    "rotary_emb_base": 20000.0,
    "task_instructions": {task: f"Ask {task}: " if "retrieval" in task else "" for task in TASKS},
    "torch_dtype": "bfloat16",
    "transformers_version": "4.40.0",
    "truncate_dim": None,
    "type_vocab_size": 1,
    "use_cache": True,
    "use_flash_attn": True,
    "vocab_size": 468,
}


def with_adapters(merged: str) -> Callable[[Tensors], Tensors]:
    """Takes an adapter of rank 2 for each task out of the weights, so that those with `merged` are what they were."""
    random = np.random.default_rng(7)

    def split(tensors: Tensors) -> Tensors:
        result = {}
        for name, value in tensors.items():
            stem = f"roberta.{name.removesuffix('.weight')}"
            if value.ndim == 1:
                result[f"roberta.{name}"] = value
                continue
            table = "embeddings" in name
            (rows, columns), tasks = value.shape, len(TASKS)
            first = random.normal(0, 0.1, (tasks, rows, 2) if table else (tasks, 2, columns)).astype(np.float32)
            second = random.normal(0, 0.1, (tasks, 2, columns) if table else (tasks, rows, 2)).astype(np.float32)
            left, right = (first, second) if table else (second, first)
            place = TASKS.index(merged)
            result[f"{stem}.parametrizations.weight.original"] = value - 1.5 * left[place] @ right[place]
            result[f"{stem}.parametrizations.weight.0.lora_A"] = first
            result[f"{stem}.parametrizations.weight.0.lora_B"] = second
        return result

    return split


@pytest.fixture
def jina(source: Callable[[str], Source]) -> Source:
    """jina-embeddings-v3 as published; merged with the adapter of text-matching, it is the golden model."""
    checkpoint = source("jina_embeddings_v3")
    checkpoint.write_json("config.json", PUBLISHED_JINA)
    checkpoint.edit_weights(with_adapters("text-matching"))
    modules = checkpoint.read_json("modules.json")
    checkpoint.write_json("modules.json", [{**modules[0], "type": "custom_st.Transformer"}, *modules[1:]])
    return checkpoint


@pytest.mark.parametrize("precision", ["fp32", "q8"])
def test_the_adapter_of_a_task_is_merged(jina, out, precision):
    card = export_model(jina.path, out, ExportOptions(precision=precision, task="text-matching")).card
    assert (card.architecture, card.prompts.query, card.prompts.document) == ("jina_embeddings_v3", "", "")
    cosines = row_cosines(vectors_of(out), CASE["jina_embeddings_v3"].golden("document"))
    assert cosines.min() >= {"fp32": 0.9999999, "q8": 0.999}[precision]


def test_another_task_is_another_model_with_its_prompt(jina, out):
    card = export_model(jina.path, out, ExportOptions(precision="fp32", task="retrieval.passage")).card
    assert card.prompts.query == card.prompts.document == "Ask retrieval.passage: "
    assert row_cosines(vectors_of(out), CASE["jina_embeddings_v3"].golden("document")).min() < 0.99


def test_no_adapter_at_all_may_be_asked_for(jina, out):
    export_model(jina.path, out, ExportOptions(precision="fp32", task="none"))
    apart = vectors_of(out)
    jina.edit_json("config.json", lora_adaptations=None, task_instructions=None)
    jina.edit_weights(lambda tensors: {k: v for k, v in tensors.items() if "lora_" not in k})
    jina.edit_weights(renamed({r"parametrizations\.weight\.original": "weight"}))
    export_model(jina.path, out, ExportOptions(precision="fp32"))
    assert vectors_of(out) == pytest.approx(apart, abs=1e-6)


def test_a_model_with_adapters_asks_for_a_task(jina, out):
    failure = refused(jina, out)
    assert "5 tasks" in failure.message
    assert "--task text-matching" in failure.hint
    assert "none" in failure.hint


@pytest.mark.parametrize(
    ("change", "task"),
    [
        ({}, "clustering"),
        ({"lora_rank": 0}, "text-matching"),
        ({"lora_alpha": "much"}, "text-matching"),
        ({"lora_adaptations": "text-matching"}, "text-matching"),
        ({"lora_adaptations": [*TASKS, "more"]}, "more"),
        ({"emb_pooler": None, "truncate_dim": 16}, "text-matching"),
        ({"position_embedding_type": "alibi"}, "text-matching"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_adapter_that_is_not_there_or_does_not_fit_is_refused(jina, out, change, task):
    jina.edit_json("config.json", **change)
    refused(jina, out, task=task)


def test_a_task_of_a_model_without_adapters_is_refused(source, out):
    assert "--task" in refused(source("bert"), out, task="text-matching").hint


def test_code_in_the_place_of_the_first_module_is_taken_only_where_it_is_known(source, out):
    checkpoint = source("gte")
    modules = checkpoint.read_json("modules.json")
    checkpoint.write_json("modules.json", [{**modules[0], "type": "custom_st.Transformer"}, *modules[1:]])
    assert "custom_st.Transformer" in refused(checkpoint, out).message


# angles, against what transformers computes


@pytest.mark.parametrize(
    ("parameters", "speeds", "gain"),
    [
        (
            {"rope_type": "linear", "factor": 4.0},
            [0.25, 0.114965819, 0.05286856, 0.024312312, 0.01118034, 0.005141428, 0.002364354, 0.00108728],
            1.0,
        ),
        (
            {
                "rope_type": "llama3",
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
            [1.0, 0.459863275, 0.097616628, 0.012156156, 0.00559017, 0.002570714, 0.001182177, 0.00054364],
            1.0,
        ),
        (
            {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
            [1.0, 0.344897449, 0.10573712, 0.024312312, 0.01118034, 0.005141428, 0.002364354, 0.00108728],
            1.1386294,
        ),
        (
            {
                "type": "yarn",
                "factor": 4.0,
                "original_max_position_embeddings": 4096,
                "beta_fast": 16,
                "beta_slow": 2,
                "attention_factor": 1.25,
            },
            [1.0, 0.459863275, 0.21147424, 0.097249247, 0.044721361, 0.016709642, 0.005910885, 0.001902739],
            1.25,
        ),
        (
            {"rope_type": "dynamic", "factor": 2.0},
            [1.0, 0.459863275, 0.21147424, 0.097249247, 0.044721361, 0.020565713, 0.009457416, 0.004349119],
            1.0,
        ),
    ],
    ids=["linear", "llama3", "yarn", "yarn with figures of its own", "dynamic"],
)
def test_scaled_angles_are_those_of_transformers(parameters, speeds, gain):
    rotary = read_rotary(parameters, "config.json", theta=500.0)
    assert rotary_angles(rotary, 3, 16)[2] == pytest.approx(2 * np.array(speeds), rel=1e-6, abs=1e-8)
    assert rotary.gain == pytest.approx(gain)
    turned = turn(np.tile([1.0] * 8 + [0.0] * 8, (3, 1)), 1, rotary)[2]
    assert turned[:8] == pytest.approx(gain * np.cos(2 * np.array(speeds)), abs=1e-6)
    assert turned[8:] == pytest.approx(gain * np.sin(2 * np.array(speeds)), abs=1e-6)


@pytest.mark.parametrize(
    "parameters",
    [
        {"rope_type": "proportional"},
        {"rope_type": "yarn", "factor": 4.0},
        {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "mscale": 1.0},
        {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "truncate": False},
        {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 64},
        {"rope_theta": "wide"},
        {"rope_theta": 1.0},
        {"partial_rotary_factor": 1.5},
        {"mrope_section": [16, 24, 24]},
    ],
    ids=str,
)
def test_angles_that_are_not_known_are_refused(parameters):
    with pytest.raises(ExportFailed, match=r"config\.json") as caught:
        read_rotary(parameters, "config.json", theta=500.0)
    assert caught.value.hint
