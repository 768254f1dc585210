"""Exports through torch, on tiny random models that transformers makes here; skipped where torch is not installed.

Two tests at the end need no torch: they are about its absence.
"""

from __future__ import annotations

import json
import shutil
import socket
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support import DATA

from rekall.errors import ExportFailed
from rekall.models.engine.card import GRAPH_FILE, WEIGHTS_FILE, ModelCard
from rekall.models.engine.opening import open_encoder
from rekall.models.export.exporter import export_model
from rekall.models.export.options import ExportOptions
from rekall.models.vectors import Matrix, row_cosines, unit_rows

BERT = DATA / "checkpoints" / "bert"
TEXTS: list[str] = json.loads((DATA / "checkpoints" / "edge_texts.json").read_text("utf-8"))
LIMIT = 48
SIZES = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": LIMIT,
}
ARCHITECTURES: Mapping[str, Mapping[str, Any]] = {
    "albert": {"embedding_size": 32},  # one layer, twice
    "electra": {"embedding_size": 32},
    "deberta-v2": {  # relative positions, a table of them that depends on nothing, a convolution over tokens
        "relative_attention": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_buckets": 16,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "position_biased_input": False,
        "type_vocab_size": 0,
        "conv_kernel_size": 3,
        "conv_act": "gelu",
    },
    "nomic_bert": {},  # rotary positions: nodes with several outputs
    "t5": {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4},  # reductions whose form changed
    "mobilebert": {"embedding_size": 32, "intra_bottleneck_size": 32},  # joins neighbouring tokens, padding too
    "ibert": {},  # positions begin behind the padding id: the table is shorter than it says
}
FOLLOWED = ["albert", "electra", "deberta-v2", "nomic_bert", "t5"]

every_architecture = pytest.mark.parametrize("architecture", FOLLOWED)
needs_torch = pytest.mark.slow


@pytest.fixture(scope="session")
def torch() -> Any:
    """The library, loaded without its warnings; a test that asks for it is skipped where it is not there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pytest.importorskip("torch")
        pytest.importorskip("onnxscript")
        pytest.importorskip("sentence_transformers")
    return found


@pytest.fixture(scope="session")
def checkpoint(torch: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a checkpoint around a random transformer; ALBERT's has prompts and a release that trimmed its texts."""
    import transformers  # noqa: TID251 - what is traced

    @cache
    def make(architecture: str) -> Path:
        folder = tmp_path_factory.mktemp(architecture)
        for name in ("modules.json", "tokenizer.json", "tokenizer_config.json", "1_Pooling"):
            copy = shutil.copytree if (BERT / name).is_dir() else shutil.copyfile
            copy(BERT / name, folder / name)
        vocabulary = len(json.loads((BERT / "tokenizer.json").read_text("utf-8"))["model"]["vocab"])
        config = transformers.AutoConfig.for_model(
            architecture, vocab_size=vocabulary, pad_token_id=0, **{**SIZES, **ARCHITECTURES[architecture]}
        )
        model_class = transformers.T5EncoderModel if architecture == "t5" else transformers.AutoModel
        model = model_class._from_config(config) if architecture == "t5" else model_class.from_config(config)
        random = np.random.default_rng(1)
        with torch.no_grad():
            for name, tensor in sorted(model.named_parameters()):
                middle = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
                spread = 1 / np.sqrt(tensor.shape[1]) if tensor.dim() == 2 else 0.1
                tensor.copy_(torch.from_numpy(random.normal(middle, spread, tuple(tensor.shape))))
        model.save_pretrained(folder)
        asked = {"query": "find: ", "document": "note: "} if architecture == "albert" else {}
        release = "3.0.1" if architecture == "albert" else "6.2.0"
        about = {"__version__": {"sentence_transformers": release}, "prompts": asked}
        (folder / "config_sentence_transformers.json").write_text(json.dumps(about))
        (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": LIMIT}))
        return folder

    return make


@pytest.fixture(scope="session")
def source(checkpoint: Callable[[str], Path]) -> Callable[[str], Any]:
    """Loads a checkpoint with sentence-transformers, as anybody would."""
    from sentence_transformers import SentenceTransformer  # noqa: TID251 - the reference

    return cache(lambda architecture: SentenceTransformer(str(checkpoint(architecture)), device="cpu"))


@dataclass(frozen=True)
class Exported:
    """A model folder, with the vectors of the edge texts in one call and one by one, and the hosts that were asked."""

    folder: Path
    card: ModelCard
    vectors: Matrix
    queries: Matrix
    alone: Matrix
    contacted: list[object]


@pytest.fixture(scope="session")
def exported(
    checkpoint: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Exported]:
    """Exports a checkpoint in a precision, once for the whole session."""
    import huggingface_hub  # noqa: F401 - before the exporter forbids it the network, as `rekall model pull` does

    @cache
    def export(architecture: str, precision: str) -> Exported:
        folder = tmp_path_factory.mktemp("exported") / "tiny"
        contacted: list[object] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HF_HUB_OFFLINE", "1")  # restored, whatever the exporter sets
            patch.setattr(socket.socket, "connect", lambda self, address: contacted.append(address))
            patch.setattr(socket, "getaddrinfo", lambda *address, **_: contacted.append(address) or [])
            report = export_model(checkpoint(architecture), folder, ExportOptions(precision=precision, via_torch=True))
        encoder = open_encoder(folder)
        vectors, queries = encoder.encode_documents(TEXTS), encoder.encode_queries(TEXTS)
        alone = np.concatenate([encoder.encode_documents([text]) for text in TEXTS])
        encoder.close()
        return Exported(folder, report.card, vectors, queries, alone, contacted)

    return export


def by_source(source: Any, texts: list[str]) -> Matrix:
    return np.concatenate([source.encode([text], show_progress_bar=False) for text in texts])


@needs_torch
@every_architecture
@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.99999), ("q8", 0.999)])
def test_the_vectors_are_those_of_the_source(exported, source, architecture, precision, least):
    texts = TEXTS if architecture != "albert" else [f"note: {text}".strip() for text in TEXTS]
    expected = by_source(source(architecture), texts)
    assert row_cosines(exported(architecture, precision).vectors, expected).min() >= least


@needs_torch
@every_architecture
def test_the_vectors_tell_texts_apart(source, architecture):
    """Else the comparisons above would prove nothing."""
    one, two = by_source(source(architecture), ["a", "the worker closes the connection when the cache is full"])
    assert row_cosines(one[None], two[None])[0] < 0.99


@needs_torch
def test_prompts_are_put_before_texts_and_ends_are_trimmed(exported, source):
    expected = by_source(source("albert"), [f"find: {text}".strip() for text in TEXTS])
    assert row_cosines(exported("albert", "fp32").queries, expected).min() >= 0.99999


@needs_torch
@every_architecture
@pytest.mark.parametrize("precision", ["fp32", "q8"])
def test_a_text_has_the_same_vector_alone_and_among_others(exported, architecture, precision):
    model = exported(architecture, precision)
    assert row_cosines(model.alone, model.vectors).min() >= 0.99999


@needs_torch
@every_architecture
def test_every_length_and_any_padding_is_read(exported, source, torch, architecture):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(exported(architecture, "fp32").folder / GRAPH_FILE))
    random = np.random.default_rng(2)
    for lengths in ([1], [2], [LIMIT], [1, 2], [LIMIT, 1, 7, 2], [5] * 6):
        ids = np.zeros((len(lengths), max(lengths)), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, length in enumerate(lengths):
            ids[row, :length] = random.integers(5, 300, length)
            mask[row, :length] = 1
        (vectors,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
        for row, length in enumerate(lengths):
            features = {"input_ids": ids[row : row + 1, :length], "attention_mask": mask[row : row + 1, :length]}
            with torch.no_grad():
                made = source(architecture)({name: torch.from_numpy(value) for name, value in features.items()})
            assert row_cosines(vectors[row][None], made["sentence_embedding"].numpy())[0] >= 0.99999, (lengths, length)


@needs_torch
def test_only_the_dimensions_asked_for_are_kept(checkpoint, source, tmp_path):
    report = export_model(
        checkpoint("electra"), tmp_path / "tiny", ExportOptions(precision="fp32", via_torch=True, dimensions=16)
    )
    encoder = open_encoder(tmp_path / "tiny")
    vectors = encoder.encode_documents(TEXTS)
    encoder.close()
    assert report.card.dimensions == vectors.shape[1] == 16
    assert row_cosines(vectors, unit_rows(by_source(source("electra"), TEXTS)[:, :16])).min() >= 0.99999


@needs_torch
def test_the_card_says_what_was_traced(exported):
    card = exported("deberta-v2", "q8").card
    assert (card.architecture, card.precision, card.pooling) == ("deberta-v2", "q8", "mean")
    assert (card.dimensions, card.max_tokens) == (64, LIMIT)


@needs_torch
def test_no_connection_is_opened(exported):
    assert exported("electra", "fp32").contacted == []


@needs_torch
def test_large_weights_lie_where_they_can_be_mapped(exported):
    import onnx

    graph = onnx.load(exported("nomic_bert", "fp32").folder / GRAPH_FILE, load_external_data=False).graph
    outside = [{part.key: part.value for part in tensor.external_data} for tensor in graph.initializer]
    large = [part for part in outside if part and int(part["length"]) >= 64 * 1024]
    assert large
    assert {(part["location"], int(part["offset"]) % (64 * 1024)) for part in large} == {(WEIGHTS_FILE, 0)}


@needs_torch
def test_q8_stores_matrices_and_the_table_of_tokens_in_8_bits(exported):
    import onnx

    graph = onnx.load(exported("electra", "q8").folder / GRAPH_FILE, load_external_data=False).graph
    floats = [tensor for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]
    assert sum(node.op_type == "DequantizeLinear" for node in graph.node) == 13  # six a layer, and one from 32 to 64
    assert max(np.prod(tensor.dims) for tensor in floats) <= LIMIT * 32  # the table of positions


@needs_torch
def test_layers_that_share_their_weights_are_stored_once(exported):
    import onnx

    graph = onnx.load(exported("albert", "fp32").folder / GRAPH_FILE, load_external_data=False).graph
    assert sum(list(tensor.dims) == [64, 128] for tensor in graph.initializer) == 1


@needs_torch
def test_the_same_checkpoint_gives_the_same_bytes(checkpoint, exported, tmp_path):
    again = export_model(checkpoint("electra"), tmp_path / "tiny", ExportOptions(precision="q8", via_torch=True))
    assert again.card.files == exported("electra", "q8").card.files


def refused(folder: Path, out: Path, **options: Any) -> ExportFailed:
    with pytest.raises(ExportFailed) as caught:
        export_model(folder, out, ExportOptions(via_torch=True, **options))
    assert caught.value.hint
    assert not out.exists()
    return caught.value


@needs_torch
def test_a_model_that_reads_padding_is_refused(checkpoint, tmp_path):
    assert "padding" in refused(checkpoint("mobilebert"), tmp_path / "tiny").message


@needs_torch
def test_a_limit_that_the_model_cannot_read_is_refused_with_one_that_it_can(checkpoint, tmp_path):
    failure = refused(checkpoint("ibert"), tmp_path / "tiny")
    assert f"{LIMIT} tokens" in failure.message
    assert f"--max-tokens {LIMIT - 2}" in failure.hint
    report = export_model(checkpoint("ibert"), tmp_path / "tiny", ExportOptions(via_torch=True, max_tokens=LIMIT - 2))
    assert report.card.max_tokens == LIMIT - 2


@needs_torch
@pytest.mark.parametrize("kind", ["weight", "bias"])
def test_a_checkpoint_that_lacks_a_tensor_is_refused(checkpoint, tmp_path, kind):
    shutil.copytree(checkpoint("electra"), tmp_path / "source")
    weights = load_file(tmp_path / "source" / "model.safetensors")
    lost = next(name for name in weights if name.endswith(f"layer.1.output.dense.{kind}"))
    kept = {name: value for name, value in weights.items() if name != lost}
    save_file(kept, tmp_path / "source" / "model.safetensors", metadata={"format": "pt"})
    assert "lacks" in refused(tmp_path / "source", tmp_path / "tiny").message


@needs_torch
def test_an_architecture_that_transformers_does_not_know_is_refused(checkpoint, tmp_path):
    shutil.copytree(checkpoint("electra"), tmp_path / "source")
    config = json.loads((tmp_path / "source" / "config.json").read_text())
    (tmp_path / "source" / "config.json").write_text(json.dumps({**config, "model_type": "unheard-of"}))
    assert "unheard-of" in refused(tmp_path / "source", tmp_path / "tiny").message


@needs_torch
def test_weights_of_another_shape_are_refused(checkpoint, tmp_path):
    shutil.copytree(checkpoint("electra"), tmp_path / "source")
    config = json.loads((tmp_path / "source" / "config.json").read_text())
    (tmp_path / "source" / "config.json").write_text(json.dumps({**config, "intermediate_size": 96}))
    assert "electra" in refused(tmp_path / "source", tmp_path / "tiny").message


@needs_torch
def test_a_static_model_has_nothing_to_trace(torch, tmp_path):
    assert "--via torch" in refused(DATA / "checkpoints" / "static", tmp_path / "tiny").hint


@needs_torch
@pytest.mark.parametrize(("model", "taken"), [("NomicBertModel", True), ("CustomModel", False)])
def test_code_of_a_repository_is_taken_where_transformers_has_the_class(checkpoint, tmp_path, model, taken):
    shutil.copytree(checkpoint("nomic_bert"), tmp_path / "source")
    config = json.loads((tmp_path / "source" / "config.json").read_text())
    code = {"AutoConfig": "modeling.Configuration", "AutoModel": f"modeling.{model}"}
    (tmp_path / "source" / "config.json").write_text(json.dumps({**config, "auto_map": code}))
    (tmp_path / "source" / "modeling.py").write_text("raise SystemExit('it ran')\n")
    if taken:
        export_model(tmp_path / "source", tmp_path / "tiny", ExportOptions(via_torch=True))
    else:
        failure = refused(tmp_path / "source", tmp_path / "tiny")
        assert model in failure.message
        assert "--via torch" not in failure.hint


def unknown(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    shutil.copytree(BERT, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "deberta-v2"}), "utf-8")
    return folder


def test_the_error_for_an_unknown_architecture_names_the_way_through_torch(rekall, tmp_path):
    ran = rekall("model", "export", str(unknown(tmp_path)), "--out", str(tmp_path / "tiny"))
    assert ran.code == 6
    assert "deberta-v2" in ran.err
    assert "--via torch" in ran.err
    assert not (tmp_path / "tiny").exists()


def test_without_torch_the_error_names_the_extra(rekall, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "rekall.models.export.via_torch", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    ran = rekall("model", "export", str(unknown(tmp_path)), "--out", str(tmp_path / "tiny"), "--via", "torch")
    assert ran.code == 6
    assert "rekall-memory[export-torch]" in ran.err
    assert not (tmp_path / "tiny").exists()
