"""Every architecture and module, on tiny checkpoints whose vectors sentence-transformers computed.

`tests/data/checkpoints` is made by `scripts/make_goldens.py`; nothing here needs torch.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tokenizers
from safetensors.numpy import load_file
from support.checkpoints import CASE, CASES, CHECKPOINTS, TEXTS, TRANSFORMERS, Case, Source, refused, vectors_of
from support.depth import some

from rekall.models.engine.arithmetic import Arithmetic
from rekall.models.engine.card import PIECES_FILE, ModelCard, read_card
from rekall.models.engine.opening import open_encoder
from rekall.models.export.exporter import export_model
from rekall.models.export.options import ExportOptions
from rekall.models.vectors import Matrix, row_cosines

ARCHITECTURES = [
    "bert",
    "distilbert",
    "roberta",
    "xlm-roberta",
    "camembert",
    "mpnet",
    "modernbert",
    "electra",
    "ernie",
    "rembert",
    "albert",
    "megatron-bert",
    "data2vec-text",
    "xlm-roberta-xl",
    "roberta-prelayernorm",
    "t5",
    "mt5",
    "umt5",
    "jina_bert",
    "nomic_bert",
    "gte",
    "jina_embeddings_v3",
    "roformer",
    "qwen3",
    "qwen2",
    "llama",
    "mistral",
    "eurobert",
    "gemma3_text",
    "embedding_gemma2_text",
]

pytestmark = some(0.4, by="case")

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_transformer = pytest.mark.parametrize("case", TRANSFORMERS, ids=lambda case: case.name)
both_kinds = pytest.mark.parametrize("kind", ["document", "query"])


@dataclass(frozen=True)
class Exported:
    """What a model folder gives: its card, and the vectors of the edge texts in one call and one by one.

    `vectors` and `alone` come from products of floats; `bytes_` and `bytes_alone` from those of bytes, where it has them;
    `numpy` from numpy, which is never asked for bytes.
    """

    card: ModelCard
    vectors: Mapping[str, Matrix]
    alone: Matrix
    bytes_: Mapping[str, Matrix]
    bytes_alone: Matrix
    numpy: Matrix


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case, str], Exported]:
    """Exports a case in a precision, once for the whole session."""

    @cache
    def export(name: str, precision: str) -> Exported:
        folder = tmp_path_factory.mktemp(name)
        CASE[name].write(folder / "source")
        report = export_model(
            folder / "source", folder / "tiny", ExportOptions(precision=precision, dimensions=CASE[name].dimensions)
        )
        figures = [*given(folder / "tiny", "floats"), *given(folder / "tiny", "bytes")]
        by_numpy = open_encoder(folder / "tiny", backend="numpy")
        figures.append(by_numpy.encode_documents(TEXTS))
        by_numpy.close()
        shutil.rmtree(folder, ignore_errors=True)
        return Exported(report.card, *figures)

    def given(folder: Path, arithmetic: Arithmetic) -> tuple[Mapping[str, Matrix], Matrix]:
        encoder = open_encoder(folder, arithmetic=arithmetic)
        vectors = {"document": encoder.encode_documents(TEXTS), "query": encoder.encode_queries(TEXTS)}
        alone = np.concatenate([encoder.encode_documents([text]) for text in TEXTS])
        encoder.close()
        return vectors, alone

    return lambda case, precision: export(case.name, precision)


# the vectors


@both_kinds
@every_case
def test_fp32_gives_the_vectors_of_the_source(exported, case, kind):
    golden = case.golden(kind)
    vectors = exported(case, "fp32").vectors[kind]
    known = golden.any(axis=1)
    far = np.abs(vectors - golden).max(axis=1) * known
    assert far.max() <= 1e-5, f"{far.max()} for {TEXTS[int(far.argmax())][:60]!r}"


@both_kinds
@every_case
def test_q8_stays_near_the_vectors_of_the_source(exported, case, kind):
    golden = case.golden(kind)
    known = np.flatnonzero(golden.any(axis=1))
    cosines = row_cosines(exported(case, "q8").vectors[kind][known], golden[known])
    assert cosines.min() >= 0.999, f"{cosines.min()} for {TEXTS[known[int(cosines.argmin())]][:60]!r}"


@every_transformer
def test_products_of_bytes_stay_near_the_vectors_of_the_source(exported, case):
    """The edge texts are none that a person would search for."""
    model = exported(case, "q8")
    golden = case.golden("document")
    known = np.flatnonzero(golden.any(axis=1))
    cosines = row_cosines(model.bytes_["document"][known], golden[known])
    assert cosines.min() >= 0.998, f"{cosines.min()} for {TEXTS[known[int(cosines.argmin())]][:60]!r}"
    assert row_cosines(model.bytes_alone, model.bytes_["document"]).min() >= 0.99999


@pytest.mark.parametrize("precision", ["fp32", "q8"])
@every_transformer
def test_numpy_gives_the_vectors_of_onnxruntime(exported, case, precision):
    model = exported(case, precision)
    assert np.abs(model.numpy - model.vectors["document"]).max() <= 2e-6


def test_most_models_have_a_graph_of_bytes(exported):
    """Else the test above would prove nothing."""
    have = [case.name for case in TRANSFORMERS if exported(case, "q8").card.integers is not None]
    assert len(have) > len(TRANSFORMERS) / 2, have
    assert "bert" in have


@pytest.mark.parametrize("precision", ["fp32", "q8"])
@every_case
def test_vectors_have_unit_length_whatever_the_text(exported, case, precision):
    vectors = exported(case, precision).vectors["document"]
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), case.width)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


@every_case
def test_fp32_gives_the_same_vector_alone_and_among_others(exported, case):
    model = exported(case, "fp32")
    assert np.abs(model.alone - model.vectors["document"]).max() <= 1e-6


@every_case
def test_q8_gives_the_same_vector_alone_and_among_others(exported, case):
    model = exported(case, "q8")
    assert row_cosines(model.alone, model.vectors["document"]).min() >= 0.99999


@every_transformer
def test_the_goldens_tell_texts_apart(case):
    """Else the comparisons above would prove nothing."""
    texts = ["a", "7", "the worker closes the connection when the cache is full"]
    one, two, three = case.golden("document")[[TEXTS.index(text) for text in texts]]
    assert min(np.abs(one - two).max(), np.abs(two - three).max(), np.abs(one - three).max()) > 0.02


@pytest.mark.parametrize(
    "name",
    [
        "xlm-roberta",
        "camembert",
        "static-normalize",
        "model2vec-clusters",
        "roberta",
        "modernbert",
        "qwen3",
        "gemma3_text",
    ],
)
def test_a_vocabulary_in_a_file_of_its_own_gives_the_same_vectors(source, out, monkeypatch, name):
    monkeypatch.setattr("rekall.models.export.pieces.MIN_ROWS", 1)
    export_model(source(name).path, out, ExportOptions(precision="fp32"))
    assert (out / PIECES_FILE).is_file()
    golden = CASE[name].golden("document")
    known = golden.any(axis=1)
    assert np.abs(vectors_of(out)[known] - golden[known]).max() <= 1e-5


# the card


@every_case
def test_the_card_says_what_the_checkpoint_is(exported, case):
    card = exported(case, "fp32").card
    assert card.dimensions == case.width
    assert (card.prompts.query, card.prompts.document) == (case.query_prompt, case.document_prompt)
    assert card.normalize == case.normalize


@every_transformer
def test_the_card_says_how_a_transformer_reads_and_pools(exported, case):
    card = exported(case, "fp32").card
    assert card.architecture == case.architecture
    assert card.max_tokens == case.max_tokens
    assert [mode.removesuffix("_tokens") for mode in re.findall(r"[a-z_]+", card.pooling)] == case.pooling


@pytest.mark.parametrize(
    ("name", "sbert", "tokenizer", "expected"),
    [
        ("bert", None, 1e30, 80),
        ("bert", None, None, 80),
        ("bert", None, 30, 30),
        ("bert", {}, 30, 30),
        ("bert", {"max_seq_length": 24}, 30, 24),
        ("bert", {"max_seq_length": 512}, 512, 80),
        ("distilbert", None, 1e30, 80),
        ("roberta", None, 1e30, 64),
        ("roberta", None, 512, 64),
        ("roberta", {"max_seq_length": 66}, 512, 64),
        ("xlm-roberta", None, 1e30, 88),
        ("camembert", None, 1e30, 64),
        ("mpnet", None, 1e30, 168),
        ("modernbert", None, 1e30, 96),
        ("modernbert", {"transformer_task": "feature-extraction"}, 8192, 96),
    ],
)
def test_the_token_limit_lies_within_the_position_table(source, out, name, sbert, tokenizer, expected):
    checkpoint = source(name)
    for path in checkpoint.path.glob("sentence_*_config.json"):
        path.unlink()
    if sbert is not None:
        checkpoint.write_json("sentence_bert_config.json", sbert)
    checkpoint.edit_json("tokenizer_config.json", model_max_length=tokenizer)
    assert export_model(checkpoint.path, out, ExportOptions(precision="fp32")).card.max_tokens == expected


def test_a_lower_token_limit_may_be_asked_for(source, out):
    report = export_model(source("bert").path, out, ExportOptions(precision="fp32", max_tokens=24))
    assert report.card.max_tokens == read_card(out).max_tokens == 24
    short, long = TEXTS.index("a"), int(np.argmax([len(text.split()) for text in TEXTS]))
    golden, vectors = CASE["bert"].golden("document"), vectors_of(out)
    assert vectors[short] == pytest.approx(golden[short], abs=1e-5)
    assert np.abs(vectors[long] - golden[long]).max() > 1e-3


@pytest.mark.parametrize("dimensions", [0, -1, 33])
def test_dimensions_that_the_model_does_not_have_are_refused(source, out, dimensions):
    assert "32" in refused(source("bert"), out, dimensions=dimensions).message


@pytest.mark.parametrize("tokens", [0, 1, 81])
def test_a_token_limit_that_the_model_cannot_keep_is_refused(source, out, tokens):
    refused(source("bert"), out, max_tokens=tokens)


# static models


@pytest.mark.parametrize("name", ["static", "static-normalize", "model2vec", "model2vec-clusters"])
@pytest.mark.parametrize("precision", ["fp32", "q8"])
def test_a_static_model_never_imports_onnxruntime(source, out, name, precision):
    script = (
        "import sys, pathlib\n"
        "from rekall.models.export.exporter import export_model\n"
        "from rekall.models.export.options import ExportOptions\n"
        "from rekall.models.engine.opening import open_encoder\n"
        f"export_model(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), ExportOptions(precision={precision!r}))\n"
        "encoder = open_encoder(pathlib.Path(sys.argv[2]))\n"
        "assert encoder.encode_documents(['the lock', '']).shape == (2, encoder.dim)\n"
        "print(sorted({'onnxruntime', 'onnx', 'torch'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", script, str(source(name).path), str(out)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (ran.stdout.strip(), ran.stderr) == ("[]", "")


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_a_static_table_of_another_precision_is_the_same_model(source, out, dtype):
    checkpoint = source("model2vec")
    checkpoint.edit_weights(lambda weights: {name: value.astype(dtype) for name, value in weights.items()})
    export_model(checkpoint.path, out, ExportOptions(precision="fp32"))
    golden = CASE["model2vec"].golden("document")
    known = golden.any(axis=1)
    assert row_cosines(vectors_of(out)[known], golden[known]).min() >= 0.999999


def test_an_int8_static_table_is_read_as_numbers(source, out):
    """model2vec stores quantised tables as they are; their scale is lost to a direction."""
    checkpoint = source("model2vec")
    tables: list[npt.NDArray[Any]] = []

    def narrow(weights: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        tables.append(np.rint(weights["embeddings"] / np.abs(weights["embeddings"]).max() * 127).astype(np.int8))
        return {"embeddings": tables[0]}

    checkpoint.edit_weights(narrow)
    export_model(checkpoint.path, out, ExportOptions(precision="fp32"))
    row = checkpoint.read_json("tokenizer.json")["model"]["vocab"]["lock"]
    assert row_cosines(vectors_of(out, ["lock"]), tables[0][[row]].astype(np.float32))[0] >= 0.999999


def folded(checkpoint: Source, text: str) -> Matrix:
    """What model2vec's formula gives for a text without a limit: the mean of its tokens' rows, unknown ones left out."""
    tokenizer = tokenizers.Tokenizer.from_file(str(checkpoint.path / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    table = load_file(checkpoint.path / "model.safetensors")["embeddings"]
    mean: Matrix = table[[number for number in ids if number != tokenizer.token_to_id("[UNK]")]].mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_a_model2vec_model_without_a_limit_reads_every_text_whole(source, out):
    checkpoint = source("model2vec")
    checkpoint.write_json("config.json", {"normalize": True, "max_length": None})
    export_model(checkpoint.path, out, ExportOptions(precision="fp32"))
    longest = max(TEXTS, key=len)
    text = " ".join([longest, longest, "the last words count too"])
    assert vectors_of(out, [text])[0] == pytest.approx(folded(checkpoint, text), abs=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "model2vec", "architectures": ["StaticModel"], "normalize": True, "seq_length": 1000000},
        {"model_type": "model2vec", "architectures": ["StaticModel"], "hidden_dim": 32},
        {"normalize": False, "max_length": 512, "embedding_dtype": "float32"},
    ],
    ids=["older", "without normalize", "not normalised"],
)
@pytest.mark.parametrize("modules", [True, False], ids=["with modules", "alone"])
def test_every_generation_of_model2vec_folders_is_read_as_model2vec_does(source, out, config, modules):
    checkpoint = source("model2vec")
    checkpoint.write_json("config.json", config)
    if not modules:
        (checkpoint.path / "modules.json").unlink()
    export_model(checkpoint.path, out, ExportOptions(precision="fp32"))
    golden = CASE["model2vec"].golden("document")
    known = golden.any(axis=1)
    assert np.abs(vectors_of(out)[known] - golden[known]).max() <= 1e-5


def test_a_static_model_with_a_dense_layer_is_refused(source, out):
    checkpoint = source("static")
    shutil.copytree(CHECKPOINTS / "bert-dense" / "2_Dense", checkpoint.path / "1_Dense")
    modules = checkpoint.read_json("modules.json")
    modules.append({"idx": 1, "name": "1", "path": "1_Dense", "type": "sentence_transformers.models.Dense"})
    checkpoint.write_json("modules.json", modules)
    refused(checkpoint, out)


# older ways to say the same


def same_vectors(checkpoint: Source, out: Path, name: str) -> bool:
    export_model(checkpoint.path, out, ExportOptions(precision="fp32"))
    return bool(np.abs(vectors_of(out) - CASE[name].golden("document")).max() <= 1e-5)


def test_a_modernbert_config_of_transformers_4_is_understood(source, out):
    checkpoint = source("modernbert")
    rope = checkpoint.read_json("config.json")["rope_parameters"]
    checkpoint.edit_json(
        "config.json",
        layer_types=None,
        rope_parameters=None,
        global_attn_every_n_layers=3,
        global_rope_theta=rope["full_attention"]["rope_theta"],
        local_rope_theta=rope["sliding_attention"]["rope_theta"],
    )
    assert same_vectors(checkpoint, out, "modernbert")


def test_the_layers_of_modernbert_are_read_from_its_config(source, out):
    checkpoint = source("modernbert")
    types = checkpoint.read_json("config.json")["layer_types"]
    checkpoint.edit_json("config.json", layer_types=["full_attention" for _ in types])
    assert not same_vectors(checkpoint, out, "modernbert")


def test_biases_and_first_norms_that_modernbert_may_have_take_part(source, out):
    checkpoint = source("modernbert")

    def add_biases(weights: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        projections = {name: value for name, value in weights.items() if re.search(r"\.W(qkv|o|i)\.weight$", name)}
        biases = {
            name.replace("weight", "bias"): np.zeros(len(value), np.float32) for name, value in projections.items()
        }
        norms = {
            name.replace("weight", "bias"): np.zeros_like(value) for name, value in weights.items() if value.ndim == 1
        }
        return {**weights, **biases, **norms}

    checkpoint.edit_json("config.json", attention_bias=True, mlp_bias=True, norm_bias=True)
    checkpoint.edit_weights(add_biases)
    assert same_vectors(checkpoint, out, "modernbert")
    checkpoint.edit_weights(lambda weights: {**weights, "layers.1.attn.Wqkv.bias": np.ones(96, np.float32)})
    assert not same_vectors(checkpoint, out, "modernbert")


def test_mpnet_counts_positions_from_the_id_fixed_in_its_code(source, out):
    checkpoint = source("mpnet")
    checkpoint.edit_json("config.json", pad_token_id=5)
    assert same_vectors(checkpoint, out, "mpnet")


PREFIXES = {
    "bert": "bert.",
    "distilbert": "distilbert.",
    "roberta": "roberta.",
    "xlm-roberta": "roberta.",
    "camembert": "roberta.",
    "mpnet": "mpnet.",
    "modernbert": "model.",
    "electra": "electra.",
    "ernie": "ernie.",
    "rembert": "rembert.",
    "albert": "albert.",
    "megatron-bert": "bert.",
    "data2vec-text": "data2vec_text.",
    "xlm-roberta-xl": "roberta.",
    "roberta-prelayernorm": "roberta_prelayernorm.",
    "t5": "transformer.",
    "mt5": "transformer.",
    "umt5": "transformer.",
    "jina_bert": "bert.",
    "nomic_bert": "bert.",
    "gte": "new.",
    "jina_embeddings_v3": "roberta.",
    "roformer": "roformer.",
    **dict.fromkeys(("qwen3", "qwen2", "llama", "mistral", "eurobert", "gemma3_text"), "model."),
    "embedding_gemma2_text": "language_model.",
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_saved_with_a_language_model_head_are_found(source, out, name):
    checkpoint = source(name)
    head = {"lm_head.bias": np.zeros(7, dtype=np.float32), "cls.predictions.bias": np.zeros(7, dtype=np.float32)}
    checkpoint.edit_weights(lambda weights: {**{PREFIXES[name] + key: value for key, value in weights.items()}, **head})
    assert same_vectors(checkpoint, out, name)


@pytest.mark.parametrize("name", ["bert", "roberta", "mpnet"])
def test_norms_named_gamma_and_beta_are_understood(source, out, name):
    checkpoint = source(name)
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}

    def rename(weights: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        for new, former in old.items():
            weights = {key.replace(new, former): value for key, value in weights.items()}
        return weights

    checkpoint.edit_weights(rename)
    assert same_vectors(checkpoint, out, name)


@pytest.mark.parametrize("name", ["bert", "roberta", "xlm-roberta", "camembert", "mpnet"])
def test_buffers_that_older_releases_saved_are_left_alone(source, out, name):
    checkpoint = source(name)
    buffer = np.arange(66, dtype=np.int64)[None]
    checkpoint.edit_weights(lambda weights: {**weights, "embeddings.position_ids": buffer})
    assert same_vectors(checkpoint, out, name)


@pytest.mark.parametrize("name", ["bert", "roberta", "modernbert"])
def test_a_transformer_in_a_folder_of_its_own_is_found(source, out, name):
    checkpoint = source(name)
    inner = checkpoint.path / "0_Transformer"
    inner.mkdir()
    for path in list(checkpoint.path.iterdir()):
        if path.is_file() and path.name not in ("modules.json", "config_sentence_transformers.json"):
            path.rename(inner / path.name)
    modules = checkpoint.read_json("modules.json")
    modules[0]["path"] = "0_Transformer"
    checkpoint.write_json("modules.json", modules)
    assert same_vectors(checkpoint, out, name)


@pytest.mark.parametrize("name", ["bert", "mpnet"])
def test_a_plain_transformer_without_modules_is_mean_pooled(source, out, name):
    checkpoint = source(name)
    (checkpoint.path / "modules.json").unlink()
    shutil.rmtree(checkpoint.path / "1_Pooling")
    assert same_vectors(checkpoint, out, name)


@pytest.mark.parametrize("name", ["bert-max", "bert-mean_sqrt_len", "bert-weightedmean", "bert-lasttoken", "bert"])
def test_both_ways_to_write_a_pooling_are_the_same(source, out, name):
    checkpoint = source(name)
    (mode,) = CASE[name].pooling
    written = "mean_sqrt_len_tokens" if mode == "mean_sqrt_len" else mode
    checkpoint.write_json("1_Pooling/config.json", {"embedding_dimension": 32, "pooling_mode": written})
    assert same_vectors(checkpoint, out, name)


def test_a_pooling_with_no_mode_switched_on_is_the_mean(source, out):
    checkpoint = source("bert")
    switches = {key: False for key in checkpoint.read_json("1_Pooling/config.json") if key.startswith("pooling_mode")}
    checkpoint.edit_json("1_Pooling/config.json", **switches)
    assert same_vectors(checkpoint, out, "bert")


def test_the_ends_of_a_text_count_from_release_5_4_on(source, out):
    """A byte-level tokenizer sees blanks."""
    checkpoint = source("roberta")
    texts = ["the lock", "  the lock\n"]
    versions = [({"sentence_transformers": "5.3.9"}, True), ({"transformers": "4.9.0"}, True), (None, True)]
    versions += [({"sentence_transformers": release}, False) for release in ("5.4.0", "5.10.1", "6.0.0.dev0")]
    for version, same in versions:
        checkpoint.edit_json("config_sentence_transformers.json", __version__=version)
        export_model(checkpoint.path, out, ExportOptions(precision="fp32"))
        first, second = vectors_of(out, texts)
        assert bool(np.abs(first - second).max() <= 1e-6) == same, version


# refusals


def test_a_router_is_refused(source, out):
    checkpoint = source("bert")
    modules = checkpoint.read_json("modules.json")
    modules[0]["type"] = "sentence_transformers.base.modules.router.Router"
    checkpoint.write_json("modules.json", modules)
    assert "Router" in refused(checkpoint, out).message


def test_a_module_from_a_package_of_its_own_is_refused(source, out):
    checkpoint = source("bert")
    modules = checkpoint.read_json("modules.json")
    modules[1]["type"] = "custom_st.Pooling"
    checkpoint.write_json("modules.json", modules)
    assert "custom_st.Pooling" in refused(checkpoint, out).message


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_remote_code_is_refused(source, out, name):
    checkpoint = source(name)
    checkpoint.edit_json("config.json", auto_map={"AutoModel": "modeling_custom.CustomModel"})
    assert "auto_map" in refused(checkpoint, out).message


@pytest.mark.parametrize("name", ["bert", "modernbert", "static"])
def test_pickled_weights_are_refused(source, out, name):
    checkpoint = source(name)
    (checkpoint.path / "model.safetensors").rename(checkpoint.path / "pytorch_model.bin")
    failure = refused(checkpoint, out)
    assert "pytorch_model.bin" in failure.message
    assert "safetensors" in failure.hint


def test_pickled_weights_of_a_dense_layer_are_refused(source, out):
    checkpoint = source("bert-dense")
    (checkpoint.path / "2_Dense" / "model.safetensors").rename(checkpoint.path / "2_Dense" / "pytorch_model.bin")
    failure = refused(checkpoint, out)
    assert "2_Dense" in failure.message
    assert "safetensors" in failure.hint


@pytest.mark.parametrize("activation", ["torch.nn.modules.activation.Softshrink", "custom.Swish", "os.system", 7])
def test_an_activation_that_is_not_known_is_refused(source, out, activation):
    checkpoint = source("bert-dense")
    checkpoint.edit_json("2_Dense/config.json", activation_function=activation)
    assert str(activation) in refused(checkpoint, out).message


@pytest.mark.parametrize(
    "change",
    [{"use_residual": True}, {"module_input_name": "token_embeddings"}, {"module_output_name": "other"}],
    ids=lambda change: next(iter(change)),
)
def test_a_dense_layer_that_does_more_than_project_the_vector_is_refused(source, out, change):
    checkpoint = source("bert-dense")
    checkpoint.edit_json("2_Dense/config.json", **change)
    assert next(iter(change)) in refused(checkpoint, out).message


@pytest.mark.parametrize("tensor", ["linear.weight", "linear.bias"])
@pytest.mark.parametrize("damage", ["missing", "reshaped"])
def test_a_damaged_dense_layer_is_refused(source, out, tensor, damage):
    layer = Source(source("bert-dense").path / "2_Dense")

    def harm(weights: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        value = weights.pop(tensor)
        return weights if damage == "missing" else {**weights, tensor: np.ascontiguousarray(value.T[:20])}

    layer.edit_weights(harm)
    assert tensor in refused(Source(layer.path.parent), out).message


def test_an_architecture_that_is_not_known_is_refused_with_the_way_through_torch(source, out):
    checkpoint = source("bert")
    checkpoint.edit_json("config.json", model_type="deberta-v2")
    failure = refused(checkpoint, out)
    assert "deberta-v2" in failure.message
    assert "--via torch" in failure.hint


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_transformer_with_an_activation_that_is_not_known_is_refused(source, out, name):
    checkpoint = source(name)
    key = next(
        key
        for key in ("feed_forward_type", "hidden_act", "hidden_activation", "activation", "dense_act_fn")
        if key in checkpoint.read_json("config.json")
    )
    checkpoint.edit_json("config.json", **{key: "xielu"})
    assert "xielu" in refused(checkpoint, out).message


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("bert", {"position_embedding_type": "relative_key"}),
        ("modernbert", {"layer_types": ["full_attention"]}),
        ("modernbert", {"layer_types": ["chunked_attention"] * 5}),
        ("modernbert", {"rope_parameters": {"full_attention": {"rope_type": "longrope", "factor": 4.0}}}),
        ("modernbert", {"num_attention_heads": 5}),
        ("roberta", {"max_position_embeddings": 2}),
        ("mpnet", {"hidden_size": "wide"}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_configuration_that_asks_for_something_else_is_refused(source, out, name, change):
    checkpoint = source(name)
    checkpoint.edit_json("config.json", **change)
    assert "config.json" in refused(checkpoint, out).message


@pytest.mark.parametrize("mode", ["first", "MEAN", ["mean", "first"], [], 3])
def test_a_pooling_that_is_not_known_is_refused(source, out, mode):
    checkpoint = source("bert-cls")
    checkpoint.edit_json("1_Pooling/config.json", pooling_mode=mode)
    refused(checkpoint, out)


TENSORS = {
    "bert": "encoder.layer.1.attention.output.LayerNorm.bias",
    "distilbert": "transformer.layer.1.ffn.lin2.weight",
    "roberta": "embeddings.token_type_embeddings.weight",
    "xlm-roberta": "embeddings.position_embeddings.weight",
    "camembert": "encoder.layer.0.attention.self.key.bias",
    "mpnet": "encoder.relative_attention_bias.weight",
    "modernbert": "layers.2.attn.Wqkv.weight",
    "electra": "embeddings_project.bias",
    "ernie": "embeddings.task_type_embeddings.weight",
    "rembert": "encoder.embedding_hidden_mapping_in.weight",
    "albert": "encoder.albert_layer_groups.1.albert_layers.1.ffn_output.weight",
    "megatron-bert": "encoder.ln.weight",
    "data2vec-text": "encoder.layer.1.attention.self.key.weight",
    "xlm-roberta-xl": "encoder.layer.1.LayerNorm.bias",
    "roberta-prelayernorm": "LayerNorm.weight",
    "t5": "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
    "mt5": "encoder.block.1.layer.1.DenseReluDense.wi_1.weight",
    "jina_bert": "encoder.layer.1.mlp.gated_layers.weight",
    "jina_bert-code": "encoder.layer.0.attention.self.layer_norm_k.weight",
    "umt5": "encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight",
    "nomic_bert": "encoder.layers.1.attn.Wqkv.weight",
    "gte": "encoder.layer.1.mlp.up_gate_proj.weight",
    "jina_embeddings_v3": "encoder.layers.1.norm1.weight",
    "roformer": "encoder.layer.1.attention.output.LayerNorm.bias",
    "qwen3": "layers.1.self_attn.q_norm.weight",
    "qwen2": "layers.0.self_attn.k_proj.bias",
    "llama": "layers.1.mlp.down_proj.bias",
    "mistral": "norm.weight",
    "eurobert": "layers.0.self_attn.v_proj.weight",
    "gemma3_text": "layers.1.pre_feedforward_layernorm.weight",
    "embedding_gemma2_text": "ple.per_layer_model_projection.weight",
    "static": "embedding.weight",
    "model2vec": "embeddings",
}


@pytest.mark.parametrize("name", [name for name in TENSORS if name != "static"])
def test_a_missing_tensor_is_named(source, out, name):
    checkpoint = source(name)

    def harm(weights: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        del weights[TENSORS[name]]
        return {**weights, "other": np.zeros(1, dtype=np.float32)}

    checkpoint.edit_weights(harm)
    assert TENSORS[name] in refused(checkpoint, out).message


@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_of_another_shape_is_named(source, out, name):
    checkpoint = source(name)
    checkpoint.edit_weights(lambda weights: {**weights, TENSORS[name]: weights[TENSORS[name]][:-1]})
    assert TENSORS[name] in refused(checkpoint, out).message


def test_a_static_folder_without_a_table_is_refused(source, out):
    checkpoint = source("static")
    checkpoint.edit_weights(lambda weights: {"other": weights["embedding.weight"]})
    assert "embedding" in refused(checkpoint, out).message


@pytest.mark.parametrize("tensor", ["weights", "mapping"])
def test_a_mapped_table_whose_parts_do_not_fit_is_refused(source, out, tensor):
    checkpoint = source("model2vec-clusters")
    checkpoint.edit_weights(lambda weights: {**weights, tensor: weights[tensor][:-1]})
    assert tensor in refused(checkpoint, out).message


def test_a_mapping_beyond_the_table_is_refused(source, out):
    checkpoint = source("model2vec-clusters")
    checkpoint.edit_weights(lambda weights: {**weights, "mapping": weights["mapping"] + 1000})
    assert "mapping" in refused(checkpoint, out).message
