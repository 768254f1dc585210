"""The exporter, on checkpoints of a few kilobytes that are made here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import tokenizers
from safetensors.numpy import load_file, save_file
from support import CHECKOUT
from support.systems import WINDOWS

from rekall.errors import EngineError, ExportFailed
from rekall.models.engine.card import read_card
from rekall.models.engine.onnx_encoder import OnnxEncoder
from rekall.models.engine.tokenizer import Tokenizer
from rekall.models.export.checkpoint import read_checkpoint
from rekall.models.export.exporter import export_model
from rekall.models.export.options import ExportOptions
from rekall.models.export.transformer import expected_vectors
from rekall.models.vectors import Matrix, row_cosines
from rekall.system.files import sha256_of

TEXTS = [
    "the lock is held",
    "a",
    "",
    "deploy failed again and again " * 5,
    "unknown 漢字 !",
    "why does the deploy wait for the lock",
]
POSITIONS = 40
OLD, NEW = "old", "new"

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """A sentence-transformers folder that a test may change."""

    path: Path

    def write_json(self, name: str, value: object) -> None:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(json.dumps(value), "utf-8")

    def edit_json(self, name: str, **changes: object) -> None:
        """Change keys of a JSON file; None takes a key away."""
        value = {**json.loads((self.path / name).read_text("utf-8")), **changes}
        self.write_json(name, {key: item for key, item in value.items() if item is not None})

    def edit_weights(self, edit: Callable[[dict[str, npt.NDArray[Any]]], object]) -> None:
        weights = load_file(self.path / "model.safetensors")
        edit(weights)
        save_file(weights, self.path / "model.safetensors")


def vocabulary() -> dict[str, int]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *letters,
        *(f"##{letter}" for letter in letters),
        *"0123456789.,!?:;'\"()-_/",
    ]
    words += [
        "the",
        "lock",
        "is",
        "held",
        "deploy",
        "fail",
        "##ed",
        "again",
        "and",
        "why",
        "does",
        "wait",
        "for",
        "query",
        "passage",
        "##ing",
    ]
    return {word: place for place, word in enumerate(words)}


def bert_tokenizer() -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary(), unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    made.enable_truncation(7)  # as published files are: with the limit of whoever saved them
    made.enable_padding(length=7)
    return made


def bert_weights(config: Json, prefix: str = "") -> dict[str, npt.NDArray[np.float32]]:
    random = np.random.default_rng(7)
    hidden, inner = int(config["hidden_size"]), int(config["intermediate_size"])
    shapes = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], hidden),
    }
    shapes |= {
        "embeddings.token_type_embeddings.weight": (2, hidden),
        "embeddings.LayerNorm.weight": (hidden,),
        "embeddings.LayerNorm.bias": (hidden,),
    }
    for layer in (f"encoder.layer.{number}" for number in range(int(config["num_hidden_layers"]))):
        dense = {f"attention.self.{part}": (hidden, hidden) for part in ("query", "key", "value")}
        dense |= {
            "attention.output.dense": (hidden, hidden),
            "intermediate.dense": (inner, hidden),
            "output.dense": (hidden, inner),
        }
        for name, (rows, columns) in dense.items():
            shapes |= {f"{layer}.{name}.weight": (rows, columns), f"{layer}.{name}.bias": (rows,)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{layer}.{name}.weight": (hidden,), f"{layer}.{name}.bias": (hidden,)}
    weights = {prefix + name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    for name, value in weights.items():
        if name.endswith("LayerNorm.weight"):
            value += 1
    return {**weights, f"{prefix}pooler.dense.weight": np.zeros((hidden, hidden), dtype=np.float32)}


@pytest.fixture
def make_source(tmp_path: Path) -> Callable[..., Source]:
    """Makes a folder as either generation of sentence-transformers writes it."""

    def make(
        generation: str = OLD,
        pooling: str = "mean",
        normalize: bool = True,
        hidden: int = 32,
        prefix: str = "",
        name: str = "tiny",
    ) -> Source:
        source = Source(tmp_path / "sources" / name)
        config = {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_act": "gelu",
            "hidden_size": hidden,
            "intermediate_size": 2 * hidden,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "layer_norm_eps": 1e-12,
            "max_position_embeddings": POSITIONS,
            "vocab_size": len(vocabulary()),
            "position_embedding_type": "absolute",
        }
        module = {OLD: "sentence_transformers.models.{}", NEW: "sentence_transformers.{}"}[generation]
        parts = {
            OLD: {"Transformer": "Transformer", "Pooling": "Pooling", "Normalize": "Normalize"},
            NEW: {
                "Transformer": "base.modules.transformer.Transformer",
                "Pooling": "sentence_transformer.modules.pooling.Pooling",
                "Normalize": "sentence_transformer.modules.normalize.Normalize",
            },
        }[generation]
        modules = [("Transformer", ""), ("Pooling", "1_Pooling")] + (
            [("Normalize", "2_Normalize")] if normalize else []
        )
        pooling_config = {
            OLD: {
                "word_embedding_dimension": hidden,
                "pooling_mode_cls_token": pooling == "cls",
                "pooling_mode_mean_tokens": pooling == "mean",
                "pooling_mode_max_tokens": False,
                "pooling_mode_mean_sqrt_len_tokens": False,
            },
            NEW: {"embedding_dimension": hidden, "pooling_mode": pooling, "include_prompt": True},
        }[generation]
        source.write_json("config.json", config)
        source.write_json(
            "modules.json",
            [
                {"idx": place, "name": str(place), "path": path, "type": module.format(parts[kind])}
                for place, (kind, path) in enumerate(modules)
            ],
        )
        source.write_json("1_Pooling/config.json", pooling_config)
        source.write_json("sentence_bert_config.json", {"max_seq_length": 16, "do_lower_case": False})
        source.write_json(
            "config_sentence_transformers.json",
            {"__version__": {"sentence_transformers": "5.0.0"}, "prompts": {}, "default_prompt_name": None},
        )
        source.write_json("tokenizer_config.json", {"model_max_length": 24, "tokenizer_class": "BertTokenizer"})
        bert_tokenizer().save(str(source.path / "tokenizer.json"))
        save_file(bert_weights(config, prefix), source.path / "model.safetensors")
        (source.path / "README.md").write_text(
            "---\nlanguage: en\nlicense: apache-2.0\ntags:\n- test\n---\n\n# Tiny\n\nlicense: not this one\n", "utf-8"
        )
        return source

    return make


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "exported" / "tiny"


def vectors_of(folder: Path, texts: list[str], method: str = "encode_documents") -> Matrix:
    encoder = OnnxEncoder(folder)
    try:
        vectors: Matrix = getattr(encoder, method)(texts)
    finally:
        encoder.close()
    return vectors


def reference_of(source: Source, texts: list[str]) -> npt.NDArray[np.float64]:
    checkpoint = read_checkpoint(source.path)
    ids = Tokenizer(source.path / "tokenizer.json", checkpoint.max_tokens).encode(texts)
    return expected_vectors(checkpoint, ids, checkpoint.figures.hidden)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def refused(source: Source, out: Path, **options: Any) -> ExportFailed:
    """The error that the export ends in; nothing may be left of it."""
    with pytest.raises(ExportFailed) as caught:
        export_model(source.path, out, ExportOptions(**options))
    assert not out.exists()
    assert not out.parent.exists() or list(out.parent.iterdir()) == []
    return caught.value


@pytest.mark.parametrize("normalize", [True, False], ids=["normalize", "plain"])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("generation", [OLD, NEW])
def test_fp32_equals_the_float64_reference(make_source, out, generation, pooling, normalize):
    source = make_source(generation, pooling, normalize)
    report = export_model(source.path, out, ExportOptions(precision="fp32"))
    assert vectors_of(out, TEXTS) == pytest.approx(reference_of(source, TEXTS), abs=1e-5)
    assert (report.card.pooling, report.card.normalize, report.card.precision) == (pooling, normalize, "fp32")


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("generation", [OLD, NEW])
def test_q8_is_near_the_float64_reference(make_source, out, generation, pooling):
    source = make_source(generation, pooling, hidden=64)
    report = export_model(source.path, out, ExportOptions(min_cosine=0.99))
    assert row_cosines(vectors_of(out, TEXTS), reference_of(source, TEXTS)).min() >= 0.99
    assert report.card.precision == "q8"


def test_the_reference_itself_agrees_with_attention_written_out(source):
    """One layer, one token: softmax over one key is 1, so attention is the value projection alone."""
    source.edit_json("config.json", num_hidden_layers=1)
    checkpoint = read_checkpoint(source.path)
    stored = load_file(source.path / "model.safetensors")
    weights = {name.removeprefix("bert."): value.astype(np.float64) for name, value in stored.items()}

    def norm(row: Any, name: str) -> Any:
        return (row - row.mean()) / np.sqrt(row.var() + 1e-12) * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def dense(row: Any, name: str) -> Any:
        return weights[f"{name}.weight"] @ row + weights[f"{name}.bias"]

    from math import erf

    row = (
        weights["embeddings.word_embeddings.weight"][9]
        + weights["embeddings.position_embeddings.weight"][0]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    row = norm(row, "embeddings.LayerNorm")
    layer = "encoder.layer.0"
    row = norm(
        row + dense(dense(row, f"{layer}.attention.self.value"), f"{layer}.attention.output.dense"),
        f"{layer}.attention.output.LayerNorm",
    )
    inner = dense(row, f"{layer}.intermediate.dense")
    row = norm(
        row + dense(np.array([x * 0.5 * (1 + erf(x / 2**0.5)) for x in inner]), f"{layer}.output.dense"),
        f"{layer}.output.LayerNorm",
    )
    assert expected_vectors(checkpoint, [[9]], checkpoint.figures.hidden)[0] == pytest.approx(
        row / np.linalg.norm(row), abs=1e-12
    )


def test_both_poolings_differ(make_source, out):
    mean, cls = make_source(pooling="mean", name="mean"), make_source(pooling="cls", name="cls")
    assert row_cosines(reference_of(mean, TEXTS[:1]), reference_of(cls, TEXTS[:1]))[0] < 0.99


def test_names_with_the_architecture_in_front_are_the_same_weights(make_source, out):
    plain, prefixed = make_source(name="plain"), make_source(prefix="bert.", name="prefixed")
    export_model(plain.path, out / "a", ExportOptions(precision="fp32", name="tiny"))
    export_model(prefixed.path, out / "b", ExportOptions(precision="fp32", name="tiny"))
    assert (out / "a" / "model.weights").read_bytes() == (out / "b" / "model.weights").read_bytes()
    assert (out / "a" / "model.onnx").read_bytes() == (out / "b" / "model.onnx").read_bytes()


def test_half_precision_weights_are_widened(source, out):
    source.edit_weights(
        lambda weights: weights.update({name: value.astype(np.float16) for name, value in weights.items()})
    )
    export_model(source.path, out, ExportOptions(precision="fp32"))
    assert vectors_of(out, TEXTS) == pytest.approx(reference_of(source, TEXTS), abs=1e-5)


def test_bfloat16_weights_are_widened(source, out):
    path = source.path / "model.safetensors"
    weights = {name: value.astype(np.float32) for name, value in load_file(path).items()}
    halves = {
        name: (np.ascontiguousarray(value).view(np.uint32) >> 16).astype("<u2") for name, value in weights.items()
    }
    header, place = {}, 0
    for name, value in halves.items():
        header[name] = {"dtype": "BF16", "shape": value.shape, "data_offsets": [place, place + value.nbytes]}
        place += value.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(value.tobytes() for value in halves.values()))
    with read_checkpoint(source.path).open_weights() as loaded:
        for name, value in halves.items():
            wide = (value.astype(np.uint32) << 16).view(np.float32)
            assert np.array_equal(loaded.tensor(name.removeprefix("bert."), *value.shape), wide), name
    export_model(source.path, out, ExportOptions(precision="fp32"))


@pytest.mark.parametrize("precision", ["q8", "fp32"])
def test_the_same_source_gives_the_same_bytes(make_source, tmp_path, precision):
    for place in ("first", "second"):
        export_model(
            make_source(hidden=64).path, tmp_path / place / "tiny", ExportOptions(precision=precision, min_cosine=0.99)
        )
    assert contents(tmp_path / "first" / "tiny") == contents(tmp_path / "second" / "tiny")


def test_a_model_folder_holds_graph_weights_tokenizer_probes_and_card(source, out):
    report = export_model(source.path, out, ExportOptions(precision="fp32"))
    assert sorted(contents(out)) == ["model.json", "model.onnx", "model.weights", "probes.json", "tokenizer.json"]
    assert read_card(out) == report.card
    assert set(report.card.files) == {"model.onnx", "model.weights", "probes.json", "tokenizer.json"}


def test_the_card_says_what_the_source_says(source, out):
    card = export_model(source.path, out, ExportOptions(precision="fp32")).card
    assert (card.name, card.architecture, card.dimensions, card.max_tokens, card.licence) == (
        "tiny",
        "bert",
        32,
        16,
        "Apache-2.0",
    )
    assert (card.source.name, card.source.sha256) == ("tiny", sha256_of(source.path / "model.safetensors"))
    assert card.fidelity["float64"].min_cosine >= 0.9995


def test_a_name_may_be_given(source, out):
    assert export_model(source.path, out, ExportOptions(precision="fp32", name="other")).card.name == "other"


def test_a_notice_is_carried_along(source, out, tmp_path):
    (tmp_path / "LICENSE").write_text("Terms", "utf-8")
    card = export_model(source.path, out, ExportOptions(precision="fp32", licence_files=(tmp_path / "LICENSE",))).card
    assert (out / "LICENSE").read_text("utf-8") == "Terms"
    assert "LICENSE" in card.files


@pytest.mark.parametrize("precision", ["q8", "fp32"])
def test_the_graph_has_two_inputs_and_one_output(source, out, precision):
    export_model(source.path, out, ExportOptions(precision=precision, min_cosine=0.9))
    graph = onnx.load(str(out / "model.onnx"), load_external_data=False).graph
    kinds = {item.name: item.type.tensor_type.elem_type for item in (*graph.input, *graph.output)}
    assert kinds == {
        "input_ids": onnx.TensorProto.INT64,
        "attention_mask": onnx.TensorProto.INT64,
        "sentence_embedding": onnx.TensorProto.FLOAT,
    }


def test_large_weights_lie_aligned_outside_the_graph(make_source, out):
    export_model(make_source(hidden=128).path, out, ExportOptions(precision="fp32"))
    graph = onnx.load(str(out / "model.onnx"), load_external_data=False).graph
    outside = [
        {item.key: item.value for item in tensor.external_data} for tensor in graph.initializer if tensor.external_data
    ]
    assert outside
    for place in outside:
        assert place["location"] == "model.weights"
        assert int(place["offset"]) % (64 * 1024 if int(place["length"]) >= 64 * 1024 else 4096) == 0
    assert (out / "model.onnx").stat().st_size < (out / "model.weights").stat().st_size


def test_q8_never_widens_the_embedding_table(source, out):
    export_model(source.path, out, ExportOptions(min_cosine=0.9))
    graph = onnx.load(str(out / "model.onnx")).graph
    assert not [
        tensor.name
        for tensor in graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and list(tensor.dims) == [len(vocabulary()), 32]
    ]


PROMPT_CASES = [
    ({"query": "query: ", "document": "passage: "}, None, "query: ", "passage: "),
    ({"query": "query: ", "passage": "passage: "}, None, "query: ", "passage: "),
    ({"query": "query: ", "corpus": "passage: "}, None, "query: ", "passage: "),
    ({"query": "query: "}, None, "query: ", ""),
    ({"query": "query: ", "other": "the "}, "other", "query: ", "the "),
    ({"other": "the "}, "other", "the ", "the "),
    ({"other": "the "}, None, "", ""),
    ({}, None, "", ""),
    (None, None, "", ""),
]


@pytest.mark.parametrize(("prompts", "default", "query", "document"), PROMPT_CASES)
def test_prompts_are_read_and_put_before_the_text(source, out, prompts, default, query, document):
    source.write_json("config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": default})
    card = export_model(source.path, out, ExportOptions(precision="fp32")).card
    assert (card.prompts.query, card.prompts.document) == (query, document)
    assert vectors_of(out, TEXTS, "encode_queries") == pytest.approx(
        reference_of(source, [query + text for text in TEXTS]), abs=1e-5
    )
    assert vectors_of(out, TEXTS) == pytest.approx(reference_of(source, [document + text for text in TEXTS]), abs=1e-5)


def test_fidelity_is_measured_without_the_prompt_getting_in_the_way(source, out):
    source.write_json(
        "config_sentence_transformers.json",
        {"prompts": {"query": "query: ", "document": "why does the deploy wait: "}, "default_prompt_name": None},
    )
    assert export_model(source.path, out, ExportOptions(precision="fp32")).card.fidelity["float64"].min_cosine >= 0.9995


@pytest.mark.parametrize(
    ("sbert", "tokenizer_config", "expected"),
    [
        ({"max_seq_length": 16}, {"model_max_length": 24}, 16),
        ({"max_seq_length": None}, {"model_max_length": 24}, 24),
        ({}, {"model_max_length": 24}, 24),
        (None, {"model_max_length": 24}, 24),
        (None, {"model_max_length": 1e30}, POSITIONS),
        (None, {}, POSITIONS),
        (None, None, POSITIONS),
        ({"max_seq_length": 512}, {"model_max_length": 24}, POSITIONS),
    ],
)
def test_the_token_limit_comes_from_the_first_that_knows_it(source, out, sbert, tokenizer_config, expected):
    for name, value in (("sentence_bert_config.json", sbert), ("tokenizer_config.json", tokenizer_config)):
        (source.path / name).unlink()
        if value is not None:
            source.write_json(name, value)
    card = export_model(source.path, out, ExportOptions(precision="fp32")).card
    assert card.max_tokens == expected
    long = "the lock is held " * 30
    assert vectors_of(out, [long]) == pytest.approx(reference_of(source, [long]), abs=1e-5)


def test_without_modules_the_mean_is_taken(source, out):
    (source.path / "modules.json").unlink()
    shutil.rmtree(source.path / "1_Pooling")
    card = export_model(source.path, out, ExportOptions(precision="fp32")).card
    assert (card.pooling, card.normalize) == ("mean", False)


@pytest.mark.parametrize(
    ("readme", "licence"),
    [
        ("---\nlicense: apache-2.0\n---\n", "Apache-2.0"),
        ("---\nlanguage: en\nlicense: mit\n---\n# Model\n", "MIT"),
        ("---\nlicense: 'mit'\n---\n", "MIT"),
        ("---\nlicense: cc-by-4.0\n---\n", "cc-by-4.0"),
        ("---\r\nlicense: mit\r\n---\r\n", "MIT"),
        ("---\nlanguage: en\n---\nlicense: mit\n", "unknown"),
        ("# Model\n\nWords.\n\n---\n\nlicense: mit\n\n---\n", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_licence_stands_in_the_front_matter(source, out, readme, licence):
    (source.path / "README.md").unlink()
    if readme is not None:
        (source.path / "README.md").write_bytes(readme.encode())
    assert export_model(source.path, out, ExportOptions(precision="fp32")).card.licence == licence


@pytest.mark.parametrize(
    "module",
    [
        "sentence_transformers.models.Router",
        "sentence_transformers.models.Asym",
        "sentence_transformers.models.LSTM",
        "custom_st.Transformer2",
        "",
    ],
)
def test_a_module_that_is_not_supported_is_named(source, out, module):
    modules = json.loads((source.path / "modules.json").read_text("utf-8"))
    source.write_json("modules.json", [*modules, {"idx": 3, "name": "3", "path": "3_More", "type": module}])
    assert module in refused(source, out).message


ON_WINDOWS = ("C:1_Pooling", "C:\\etc", "\\\\other\\share", "..\\1_Pooling") if WINDOWS else ()


@pytest.mark.parametrize("path", ["../1_Pooling", "..", "1_Pooling/../../elsewhere", "/etc", *ON_WINDOWS])
@pytest.mark.parametrize("place", [0, 1])
def test_a_module_outside_the_folder_is_refused(source, out, path, place):
    modules = json.loads((source.path / "modules.json").read_text("utf-8"))
    modules[place]["path"] = path
    source.write_json("modules.json", modules)
    assert "modules.json" in refused(source, out).message


@pytest.mark.parametrize("modules", [{}, "text", None, ["Transformer"], [None], [[]]], ids=json.dumps)
def test_modules_of_another_shape_are_refused(source, out, modules):
    source.write_json("modules.json", modules)
    assert "modules.json" in refused(source, out).message


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json"])
def test_a_missing_file_is_named(source, out, name):
    (source.path / name).unlink()
    assert Path(name).name in refused(source, out).message


def test_pickled_weights_alone_are_refused(source, out):
    (source.path / "model.safetensors").replace(source.path / "pytorch_model.bin")
    assert "safetensors" in refused(source, out).hint


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "modules.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
        "tokenizer_config.json",
    ],
)
@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"7"], ids=["empty", "cut", "not UTF-8", "number"])
def test_a_file_that_is_not_its_kind_of_json_is_named(source, out, name, data):
    (source.path / "sentence_bert_config.json").unlink()
    (source.path / name).write_bytes(data)
    assert Path(name).name in refused(source, out).message


def test_deeply_nested_json_is_refused(source, out):
    (source.path / "config.json").write_bytes(b"[" * 200_000)
    assert "config.json" in refused(source, out).message


@pytest.mark.parametrize("config", ["config.json", "tokenizer_config.json"])
def test_remote_code_is_never_asked_for(source, out, config):
    source.edit_json(config, auto_map={"AutoModel": "modeling.Custom"})
    if config == "config.json":
        assert "auto_map" in refused(source, out).message
    else:  # a tokenizer's code is not needed: tokenizer.json holds it all
        export_model(source.path, out, ExportOptions(precision="fp32"))


@pytest.mark.parametrize("architecture", ["deberta-v2", "xlnet", "", "__class__"])
def test_another_architecture_is_named(source, out, architecture):
    source.edit_json("config.json", model_type=architecture)
    refusal = refused(source, out)
    assert repr(architecture) in refusal.message
    assert "bert" in refusal.hint


@pytest.mark.parametrize(
    "changes",
    [{"hidden_act": "xielu"}, {"position_embedding_type": "relative_key"}],
    ids=str,
)
def test_another_kind_of_bert_is_refused(source, out, changes):
    source.edit_json("config.json", **changes)
    assert next(iter(changes.values())) in refused(source, out).message


@pytest.mark.parametrize("missing", ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"])
def test_a_config_that_lacks_a_figure_is_refused(source, out, missing):
    source.edit_json("config.json", **{missing: None})
    refused(source, out)


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": "wide"},
        {"hidden_size": 48},
        {"num_hidden_layers": 3},
        {"num_attention_heads": 5},
        {"num_attention_heads": 0},
        {"layer_norm_eps": "small"},
        {"max_position_embeddings": "many"},
    ],
    ids=str,
)
def test_a_config_that_does_not_fit_the_weights_is_refused(source, out, changes):
    source.edit_json("config.json", **changes)
    refused(source, out, precision="fp32")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (
            {"pooling_mode_mean_tokens": True, "pooling_mode_attention": True},
            {"pooling_mode": ["mean", "attention"]},
            "attention",
        ),
        (
            {"pooling_mode_mean_tokens": False, "pooling_mode_attention": True},
            {"pooling_mode": "attention"},
            "attention",
        ),
    ],
)
@pytest.mark.parametrize("generation", [OLD, NEW])
def test_another_pooling_is_named(make_source, out, generation, old, new, named):
    source = make_source(generation)
    source.edit_json("1_Pooling/config.json", **(old if generation == OLD else new))
    assert named in refused(source, out).message


def test_pooling_that_leaves_the_prompt_out_does_not_matter_without_one(source, out):
    source.edit_json("1_Pooling/config.json", include_prompt=False)
    export_model(source.path, out, ExportOptions(precision="fp32"))


@pytest.mark.parametrize("damage", ["empty", "cut header", "cut tensors", "garbage"])
def test_weights_that_are_no_safetensors_file_are_named(source, out, damage):
    path = source.path / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes(
        {"empty": b"", "cut header": data[:100], "cut tensors": data[:-1], "garbage": b"\xff" * 4096}[damage]
    )
    assert "model.safetensors" in refused(source, out).message


def test_a_missing_tensor_is_named(source, out):
    source.edit_weights(lambda weights: weights.pop("encoder.layer.1.output.dense.weight"))
    assert "encoder.layer.1.output.dense.weight" in refused(source, out).message


def test_a_tensor_of_another_shape_is_refused(source, out):
    name = "encoder.layer.1.output.dense.weight"
    source.edit_weights(lambda weights: weights.update({name: np.ascontiguousarray(weights[name].T)}))
    refused(source, out, precision="fp32")


def test_weights_that_are_not_finite_are_refused(source, out):
    source.edit_weights(lambda weights: weights["encoder.layer.1.output.dense.weight"].fill(np.nan))
    with pytest.raises(EngineError):
        export_model(source.path, out, ExportOptions(precision="fp32"))
    assert not out.exists()
    assert list(out.parent.iterdir()) == []


def test_a_width_that_does_not_divide_into_blocks_is_filled_up(make_source, out):
    source = make_source(hidden=40)
    assert export_model(source.path, out).fidelity["float64"].min_cosine > 0.999
    assert read_card(out).dimensions == 40


def test_a_file_in_place_of_the_tokenizer_is_refused(source, out):
    (source.path / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(EngineError, match=r"tokenizer\.json"):
        export_model(source.path, out)
    assert list(out.parent.iterdir()) == []


def test_an_unfaithful_export_leaves_nothing_behind(source, out):
    failure = refused(source, out, min_cosine=1.5)
    assert "cosine" in failure.message
    assert "--min-cosine" in failure.hint


def test_an_unfaithful_export_leaves_an_older_one_as_it_was(source, out):
    export_model(source.path, out, ExportOptions(precision="fp32"))
    before = contents(out.parent)
    with pytest.raises(ExportFailed):
        export_model(source.path, out, ExportOptions(min_cosine=1.5))
    assert contents(out.parent) == before


def test_a_new_export_replaces_an_older_one(source, out):
    export_model(source.path, out, ExportOptions(precision="fp32"))
    export_model(source.path, out, ExportOptions(min_cosine=0.9))
    assert read_card(out).precision == "q8"
    assert [path.name for path in out.parent.iterdir()] == ["tiny"]


def test_a_folder_that_is_no_model_is_never_replaced(source, tmp_path):
    mine = tmp_path / "notes"
    mine.mkdir()
    (mine / "precious.md").write_text("years of work", "utf-8")
    with pytest.raises(ExportFailed, match="notes"):
        export_model(source.path, mine, ExportOptions(precision="fp32"))
    assert contents(mine) == {"precious.md": b"years of work"}


def test_the_source_is_never_replaced_by_its_export(source):
    before = contents(source.path)
    with pytest.raises(ExportFailed):
        export_model(source.path, source.path, ExportOptions(precision="fp32"))
    assert contents(source.path) == before


def test_an_empty_folder_may_be_exported_to(source, out):
    out.mkdir(parents=True)
    export_model(source.path, out, ExportOptions(precision="fp32"))
    assert read_card(out).name == "tiny"


def reference_file(path: Path, texts: list[str], vectors: Any) -> Path:
    path.write_text(json.dumps({"texts": texts, "vectors": np.asarray(vectors).tolist()}), "utf-8")
    return path


def test_reference_vectors_are_measured_and_recorded(source, out, tmp_path):
    reference = reference_file(tmp_path / "reference.json", TEXTS, reference_of(source, TEXTS))
    report = export_model(source.path, out, ExportOptions(precision="fp32", reference=reference))
    assert report.fidelity["reference"].texts == len(TEXTS)
    assert report.card.fidelity["reference"].min_cosine >= 0.9995


def test_an_export_far_from_its_reference_vectors_fails_and_names_the_worst_text(source, out, tmp_path):
    vectors = reference_of(source, TEXTS)
    vectors[3] = -vectors[3]
    failure = refused(
        source, out, precision="fp32", reference=reference_file(tmp_path / "reference.json", TEXTS, vectors)
    )
    assert TEXTS[3][:30] in failure.message


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"texts": ["a"], "vectors": []}',
        '{"texts": [], "vectors": []}',
        '{"texts": ["a"], "vectors": [["x"]]}',
        '{"texts": ["a"], "vectors": [[1.0, 0.0]]}',
        json.dumps({"texts": ["a"], "vectors": [[0.0] * 32]}),
        '{"texts": 7, "vectors": [[1.0]]}',
    ],
    ids=[
        "empty",
        "array",
        "no keys",
        "fewer vectors",
        "no texts",
        "no numbers",
        "other dimensions",
        "zero vector",
        "texts no list",
    ],
)
def test_a_reference_file_of_another_shape_is_refused(source, out, tmp_path, content):
    (tmp_path / "reference.json").write_text(content, "utf-8")
    refused(source, out, precision="fp32", reference=tmp_path / "reference.json")


def test_a_missing_reference_file_is_named(source, out, tmp_path):
    assert "none.json" in refused(source, out, reference=tmp_path / "none.json").message


def test_the_command_exports_into_the_models_folder_and_the_model_can_be_used(source, home, rekall):
    ran = rekall("model", "export", str(source.path), "--precision", "fp32", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["fidelity"]["float64"]["min_cosine"] >= 0.999
    assert (home / "models" / "tiny" / "model.json").is_file()
    assert "tiny" in [model["name"] for model in rekall("model", "list", "--json").json["models"]]
    assert rekall("model", "verify", "tiny").code == 0
    assert len(json.loads(rekall("embed", "--model", "tiny", "the lock").out)["vector"]) == 32


def test_the_command_says_what_it_measured(source, out, rekall):
    ran = rekall("model", "export", str(source.path), "--out", str(out), "--min-cosine", "0.9")
    assert ran.code == 0, ran.err
    assert str(out) in ran.out
    assert "cosine" in ran.out


def test_the_command_fails_below_the_wanted_cosine(source, out, rekall):
    ran = rekall("model", "export", str(source.path), "--out", str(out), "--min-cosine", "0.99999999")
    assert ran.code == 6
    assert "error:" in ran.err
    assert "hint:" in ran.err
    assert not out.exists()


@pytest.mark.parametrize("name", ["../outside", "a/b", ".hidden", "two words", ".."])
def test_a_name_under_which_no_model_would_be_found_is_refused(source, home, tmp_path, rekall, name):
    before = sorted(tmp_path.rglob("model.json"))
    ran = rekall("model", "export", str(source.path), "--name", name, "--precision", "fp32")
    assert ran.code in (2, 4, 6)
    assert sorted(tmp_path.rglob("model.json")) == before


def test_without_the_extra_the_command_says_how_to_get_it(source, rekall, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    ran = rekall("model", "export", str(source.path))
    assert ran.code == 6
    assert "onnx" in ran.err
    extra = '"rekall-memory[export]"' if WINDOWS else "'rekall-memory[export]'"
    assert f"pip install {extra}" in ran.err


def test_the_script_in_the_checkout_does_the_same(source, out):
    command = [
        sys.executable,
        str(CHECKOUT / "scripts" / "export_onnx.py"),
        str(source.path),
        "--out",
        str(out),
        "--precision",
        "fp32",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert read_card(out).name == "tiny"
