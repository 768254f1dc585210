"""Reports about kinds of models, weights, processes and architectures; the further rows of docs/engine-cases.md."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import PurePosixPath
from threading import Event, Thread
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load_file, save_file

from rekall.models.engine.opening import open_encoder
from rekall.models.export.hub_files import LONE_TRANSFORMER, Listing, RemoteFile, is_weights, needed_files
from rekall.system.processors import usable_processors
from support.field_stage import Stage, case, golden

if TYPE_CHECKING:
    from rekall.models.contract import Encoder
    from support.checkpoints import Source

WORDS = ["the index is rebuilt", "a lock is held while the deploy waits"]


def of_module(module: str, kind: str) -> Callable[[Stage], str]:
    """A repository with a module of another kind of model, which must be called what it is."""

    def run(stage: Stage) -> str:
        source = stage.source("bert")
        entries = source.read_json("modules.json")
        source.write_json("modules.json", [*entries, {"idx": 9, "name": "9", "path": "9_It", "type": module}])
        return stage.refused(source, kind)

    return run


SPARSE = "sentence_transformers.sparse_encoder.modules.splade_pooling.SpladePooling"
MULTI = "sentence_transformers.multi_vector_encoder.modules.multi_vector_mask.MultiVectorMask"
case("a sparse model's SpladePooling", "sentence-transformers 6")(of_module(SPARSE, "sparse"))
case("a multi-vector model's mask", "sentence-transformers 6, PyLate")(of_module(MULTI, "multi-vector"))


def in_parts(stage: Stage) -> Source:
    """A checkpoint whose weights lie in three files and an index."""
    source = stage.source("bert")
    tensors = load_file(source.path / "model.safetensors")
    (source.path / "model.safetensors").unlink()
    places = {}
    for number in range(3):
        part = f"model-0000{number + 1}-of-00003.safetensors"
        names = sorted(tensors)[number::3]
        save_file({name: tensors[name] for name in names}, source.path / part)
        places |= dict.fromkeys(names, part)
    source.write_json("model.safetensors.index.json", {"metadata": {}, "weight_map": places})
    return source


@case("weights in several parts", "candle#1481, raven#136, SafeTensors.jl#6")
def _(stage: Stage) -> str:
    whole = stage.export(stage.source("bert", "whole"), "one").card
    assert stage.export(in_parts(stage)).card.fingerprint == whole.fingerprint
    return "exported; the same model as from one file"


@case("the same in a repository that is pulled", "candle#1481")
def _(stage: Stage) -> str:
    source = in_parts(stage)
    paths = [path for path in source.path.rglob("*") if path.is_file()]
    names = {path.relative_to(source.path).as_posix(): path.stat().st_size for path in paths}
    listing = Listing("someone/it", "0" * 40, {name: RemoteFile(name, size, "") for name, size in names.items()})
    split = {PurePosixPath(): source.read_json("model.safetensors.index.json")["weight_map"].values()}
    needed = needed_files(listing, LONE_TRANSFORMER, {place: tuple(parts) for place, parts in split.items()})
    assert sum(is_weights(file) for file in needed) == 3, needed
    return "the index and its 3 parts are fetched"


@case("a CrossEncoder that sentence-transformers 6 saved", "sentence-transformers 6")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    source.edit_json("config_sentence_transformers.json", model_type="CrossEncoder")
    return stage.refused(source, "reranker")


@case("an old CrossEncoder", "cross-encoder/ms-marco-*")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    (source.path / "modules.json").unlink()
    source.edit_json("config.json", architectures=["BertForSequenceClassification"])
    return stage.refused(source, "reranker")


@case("`auto_map` where the class is built in", "transformers#43067, CodexA#25")
def _(stage: Stage) -> str:
    source = stage.source("nomic_bert")
    remote = "nomic-ai/nomic-bert-2048--modeling_hf_nomic_bert.NomicBertModel"
    source.edit_json("config.json", auto_map={"AutoModel": remote})
    stage.export(source)
    return "exported; the code of the repository is never run"


@case("`auto_map` of a class that is not", "its kind")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    source.edit_json("config.json", auto_map={"AutoModel": "someone/mine--modeling_mine.MineModel"})
    return stage.refused(source, "MineModel")


@case("a folder with a blank or an umlaut in its name", "its own report")
def _(stage: Stage) -> str:
    for name in ("my model", "größe"):
        source = stage.source("bert", name)
        assert "--name" in stage.rekall("model", "export", str(source.path), code=6)
        stage.rekall("model", "export", str(source.path), "--name", "mine")
    return "refused with the way on: `--name`, which works"


@case("`do_lower_case` outside the tokenizer", "sentence-transformers")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    described = source.read_json("tokenizer.json")
    described["normalizer"]["lowercase"] = False
    source.write_json("tokenizer.json", described)
    source.write_json("tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": False})
    source.edit_json("sentence_bert_config.json", do_lower_case=True)
    stage.export(source)
    encoder = open_encoder(stage.place / "out")
    one, other = encoder.encode_documents(["The LOCK is HELD", "the lock is held"])
    encoder.close()
    assert np.allclose(one, other)
    return "texts are lowercased first"


@case("gelu_python, gelu_fast, quick_gelu, swish", "transformers' ACT2FN")
def _(stage: Stage) -> str:
    for name in ("gelu_python", "gelu_fast", "quick_gelu", "swish"):
        source = stage.source("bert", name)
        source.edit_json("config.json", hidden_act=name)
        assert stage.export(source, f"out-{name}").fidelity["float64"].min_cosine > 1 - 1e-6
    return "taken, each as what it is"


@case("weights in a pickle alone", "bge-m3")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    (source.path / "model.safetensors").rename(source.path / "pytorch_model.bin")
    return stage.refused(source, "pickled weights can run any code")


def encoder_of(stage: Stage) -> Encoder:
    stage.export(stage.source("bert"))
    return open_encoder(stage.place / "out")


@case("a fork of a process that is encoding", "its own report")
def _(stage: Stage) -> str:
    encoder = encoder_of(stage)
    expected = encoder.encode_documents(WORDS)
    stop = Event()

    def work() -> None:
        while not stop.is_set():
            encoder.encode_documents(WORDS * 20)

    thread = Thread(target=work)
    thread.start()
    said = []
    for _ in range(4):
        reading, writing = os.pipe()
        if (pid := os.fork()) == 0:
            try:
                same = np.allclose(encoder.encode_documents(WORDS), expected)
                os.write(writing, b"the same vectors" if same else b"others")
            except Exception as error:
                os.write(writing, str(error).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said.append(pipe.read().decode())
        os.waitpid(pid, 0)
    stop.set()
    thread.join()
    encoder.close()
    assert all(said)
    assert "others" not in said
    return f"4 children answer: {', '.join(sorted(set(said)))}"


@case("a pool of spawned processes", "its own report")
def _(stage: Stage) -> str:
    encoder = encoder_of(stage)
    expected = encoder.encode_documents(WORDS)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        for found in pool.map(encoder.encode_documents, [WORDS] * 4):
            assert np.allclose(found, expected)
    encoder.close()
    return "an encoder travels; the same vectors"


@case("many threads, one encoder", "its own report")
def _(stage: Stage) -> str:
    encoder = encoder_of(stage)
    expected = encoder.encode_documents(WORDS)
    wrong: list[int] = []

    def work() -> None:
        wrong.extend(not np.allclose(encoder.encode_documents(WORDS), expected) for _ in range(20))

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    encoder.close()
    assert len(wrong) == 160
    assert not any(wrong)
    return "8 threads, the same vectors"


@case("a process that may use one processor of many", "its own report")
def _(stage: Stage) -> str:
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(mine)})
    try:
        assert usable_processors() == 1
    finally:
        os.sched_setaffinity(0, mine)
    return "one thread; control groups count as well"


ASKED_FOR: Sequence[tuple[str, str, str]] = (
    (
        "EmbeddingGemma's architecture, in both directions",
        "zotero-mcp#59, TEI#711, transformers.js#1418",
        "gemma3_text",
    ),
    ("the same in one direction", "humla#41, grepai#28", "gemma3_text-causal"),
    ("EmbeddingGemma 2's text part", "mempalace#2114", "embedding_gemma2_text"),
    ("nomic_bert", "transformers#43067, CodexA#25, exocortex#1354", "nomic_bert"),
    ("qwen3", "TEI#667, ollama#16076", "qwen3"),
    ("gte, `new`", "fastembed#323, CTranslate2#1879, TEI#375", "gte"),
    ("eurobert", "transformers.js#1628, mem0#4110, vllm#47660", "eurobert"),
    ("jina_embeddings_v3", "fastembed#372", "jina_embeddings_v3"),
    ("jina v2", "fastembed#297", "jina_bert"),
    ("t5", "safetensors#520", "t5"),
    ("albert", "paraphrase-albert", "albert"),
)
for situation, reported, name in ASKED_FOR:
    case(situation, reported)(golden(name))
