"""The engines that `footprint.py` compares, and the process that measures one of them.

    python footprint_engines.py ENGINE TASK FOLDER

FOLDER holds work.json, see `Work`; TASK is query, bulk, or one, which is bulk with one thread. The process prints a
line at its first vector and its figures as JSON at the end. Each engine is used as its own documentation shows, but for
the token limit, which is the same for all.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

TOKENS = 256
SHIPPED = Path(__file__).parent.parent / "models" / "all-MiniLM-L6-v2"
FIRST_QUERY = "safari blocks my api call"
PLAIN_BATCH = 32


@dataclass(frozen=True, slots=True)
class Work:
    """What every engine is given: the texts, the queries, and where its weights lie.

    Attributes:
        texts: Encoded in one call, in this order.
        queries: Encoded one by one.
        checkpoint: The sentence-transformers folder.
        build: A folder of each other form of it, see `footprint_files.MAKERS`.
    """

    texts: list[str]
    queries: list[str]
    checkpoint: str
    build: str

    def folder(self, files: str) -> Path:
        """Where the weights of a form lie."""
        return Path(self.checkpoint) if files == "checkpoint" else Path(self.build) / files


class Engine(Protocol):
    """A loaded model."""

    def encode(self, texts: Sequence[str]) -> Any:
        """Returns (n, d) float32, rows of unit length."""

    def close(self) -> None:
        """Drop the model the way a user of the engine would."""


class Rekall:
    """Rekall's public face; its encoder by itself where the arithmetic is not to be chosen by the processor."""

    def __init__(self, threads: int, arithmetic: Literal["auto", "floats"] = "auto") -> None:
        if arithmetic == "auto":
            from rekall.face import load_encoder

            os.environ["REKALL_ENGINE_THREADS"] = str(threads)
            self._encoder = load_encoder(SHIPPED.name)
        else:
            from rekall.models.engine.opening import open_encoder

            self._encoder = open_encoder(SHIPPED, threads, arithmetic)

    def encode(self, texts: Sequence[str]) -> Any:
        """One text is a query, several are documents."""
        return self._encoder.encode_queries(texts) if len(texts) == 1 else self._encoder.encode_documents(texts)

    def close(self) -> None:
        """As the model manager does with an idle model."""
        self._encoder.close()


class SentenceTransformers:
    """sentence-transformers in float32; with torch it is what the others are compared to."""

    def __init__(self, folder: Path, threads: int, backend: str = "torch") -> None:
        options: dict[str, Any] = {}
        if threads and backend == "torch":
            import_module("torch").set_num_threads(threads)
        elif threads and backend == "onnx":
            session = import_module("onnxruntime").SessionOptions()
            session.intra_op_num_threads = threads
            options = {"session_options": session}
        elif threads:
            options = {"ov_config": {"INFERENCE_NUM_THREADS": str(threads)}}
        self._model = import_module("sentence_transformers").SentenceTransformer(
            str(folder), device="cpu", backend=backend, model_kwargs=options
        )
        self._model.max_seq_length = TOKENS

    def encode(self, texts: Sequence[str]) -> Any:
        """In its default batches of 32, sorted by length."""
        return self._model.encode(texts, normalize_embeddings=True, show_progress_bar=False)

    def close(self) -> None:
        """It has no method for that."""
        self._model = None
        gc.collect()


class FastEmbed:
    """fastembed's own entry for this model, on local files."""

    def __init__(self, folder: Path, threads: int, batch: int | None = None) -> None:
        self._numpy = import_module("numpy")
        self._options = {} if batch is None else {"batch_size": batch}
        self._model = import_module("fastembed").TextEmbedding(
            "sentence-transformers/all-MiniLM-L6-v2", specific_model_path=str(folder), threads=threads or None
        )

    def encode(self, texts: Sequence[str]) -> Any:
        """In batches of 256 by default, in the order given."""
        return self._numpy.stack(list(self._model.embed(texts, **self._options)))

    def close(self) -> None:
        """It has no method for that."""
        self._model = None
        gc.collect()


class Model2Vec:
    """model2vec's static model: a table instead of a transformer."""

    def __init__(self, folder: Path, _: int) -> None:
        self._model = import_module("model2vec").StaticModel.from_pretrained(str(folder))

    def encode(self, texts: Sequence[str]) -> Any:
        """In its default batches of 1,024."""
        return self._model.encode(texts, max_length=TOKENS)

    def close(self) -> None:
        """It has no method for that."""
        self._model = None
        gc.collect()


class LlamaCpp:
    """llama.cpp through its Python package, on a GGUF file of halves."""

    def __init__(self, folder: Path, threads: int) -> None:
        counts = {"n_threads": threads or os.cpu_count(), "n_threads_batch": threads or os.cpu_count()}
        file = folder / "model.gguf"
        self._model = import_module("llama_cpp").Llama(str(file), embedding=True, n_ctx=TOKENS, verbose=False, **counts)

    def encode(self, texts: Sequence[str]) -> Any:
        """All in one call."""
        return import_module("numpy").array(self._model.embed(list(texts), normalize=True), dtype="float32")

    def close(self) -> None:
        """As its documentation says."""
        self._model.close()


class PlainOnnx:
    """The script that everyone writes: default session, batches in the order given, pooling in numpy."""

    def __init__(self, folder: Path, threads: int) -> None:
        import numpy as np
        import onnxruntime
        from tokenizers import Tokenizer

        self._numpy = np
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(TOKENS)
        self._tokenizer.enable_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def encode(self, texts: Sequence[str]) -> Any:
        """In batches of 32, each padded to its longest text."""
        np, rows = self._numpy, []
        for start in range(0, len(texts), PLAIN_BATCH):
            encodings = self._tokenizer.encode_batch(texts[start : start + PLAIN_BATCH])
            ids = np.array([encoding.ids for encoding in encodings], dtype=np.int64)
            mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64)
            given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            hidden = self._session.run(None, given)[0]
            weights = mask[:, :, None].astype(np.float32)
            pooled = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
            rows.append(pooled / np.linalg.norm(pooled, axis=1, keepdims=True))
        return np.concatenate(rows)

    def close(self) -> None:
        """Drop both references."""
        self._session = self._tokenizer = None
        gc.collect()


@dataclass(frozen=True, slots=True)
class Contender:
    """One engine of the comparison.

    Attributes:
        name: As the tables call it.
        load: Loads the model of a folder for some threads; 0 leaves their number to the engine.
        distributions: What a user installs; all of them must be in one Python for the engine to run.
        files: The form of the weights, see `Work.folder`; empty for Rekall, which brings its own.
    """

    name: str
    load: Callable[[Path, int], Engine]
    distributions: tuple[str, ...]
    files: str


CONTENDERS: Mapping[str, Contender] = {
    "rekall": Contender("Rekall", lambda _, threads: Rekall(threads), ("rekall-memory",), ""),
    "rekall-floats": Contender(
        "Rekall, floats alone", lambda _, threads: Rekall(threads, "floats"), ("rekall-memory",), ""
    ),
    "onnxruntime": Contender("onnxruntime, dynamic int8", PlainOnnx, ("onnxruntime", "tokenizers", "numpy"), "int8"),
    "fastembed": Contender("fastembed", FastEmbed, ("fastembed",), "onnx"),
    "fastembed-8": Contender("fastembed, batches of 8", partial(FastEmbed, batch=8), ("fastembed",), "onnx"),
    "fastembed-1": Contender("fastembed, one by one", partial(FastEmbed, batch=1), ("fastembed",), "onnx"),
    "sentence-transformers": Contender(
        "sentence-transformers", SentenceTransformers, ("sentence-transformers", "torch"), "checkpoint"
    ),
    "sentence-transformers-onnx": Contender(
        "sentence-transformers, ONNX",
        partial(SentenceTransformers, backend="onnx"),
        ("sentence-transformers", "torch", "optimum-onnx", "onnxruntime"),
        "st-onnx",
    ),
    "sentence-transformers-openvino": Contender(
        "sentence-transformers, OpenVINO",
        partial(SentenceTransformers, backend="openvino"),
        ("sentence-transformers", "torch", "optimum-intel", "openvino"),
        "st-openvino",
    ),
    "llama.cpp": Contender("llama.cpp", LlamaCpp, ("llama-cpp-python",), "gguf"),
    "model2vec": Contender("model2vec, a static model", Model2Vec, ("model2vec",), "static"),
}


def main() -> None:
    name, task, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    work = Work(**json.loads((folder / "work.json").read_text("utf-8")))
    engine = CONTENDERS[name].load(work.folder(CONTENDERS[name].files), 1 if task == "one" else 0)
    engine.encode([FIRST_QUERY])
    print("first vector", flush=True)
    figures = after_query(engine, work) if task == "query" else after_bulk(engine, work, task, folder / f"{name}.npy")
    print(json.dumps(figures))


def after_query(engine: Engine, work: Work) -> dict[str, float]:
    """Peak of one query, time of further ones, what stays resident when the model is dropped."""
    import statistics  # late, like the next one: not part of an engine's start

    from rekall.system.resident import peak_bytes, resident_bytes

    peak = peak_bytes()
    seconds = []
    for query in work.queries:
        started = time.perf_counter()
        engine.encode([query])
        seconds.append(time.perf_counter() - started)
    engine.close()
    return {"query_s": statistics.median(seconds), "query_peak_bytes": peak, "dropped_bytes": resident_bytes()}


def after_bulk(engine: Engine, work: Work, task: str, vectors: Path) -> dict[str, float]:
    """Speed and peak of all texts in one call, by the clock and by the time of all processors; the vectors go to a file."""
    from rekall.system.resident import peak_bytes

    started, used = time.perf_counter(), time.process_time()
    rows = engine.encode(work.texts)
    seconds, used = time.perf_counter() - started, time.process_time() - used
    figures = {
        f"{task}_texts_per_s": len(work.texts) / seconds,
        f"{task}_texts_per_cpu_s": len(work.texts) / used,
        f"{task}_peak_bytes": peak_bytes(),
    }
    import_module("numpy").save(vectors, rows)
    return figures


if __name__ == "__main__":
    main()
