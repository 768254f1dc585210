"""The engines that `footprint.py` compares, and the process that measures one of them.

    python footprint_engines.py ENGINE TASK FOLDER

FOLDER holds work.json, see `Work`. The process prints a line at its first vector and its figures as JSON at the
end. Each engine is used as its own documentation shows, but for the token limit, which is the same for all.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
        onnx: The float32 ONNX file of it with its tokenizer; absent when no engine runs it.
        int8: The same after dynamic quantisation.
        static: A model2vec folder, distilled from the checkpoint: other weights, another kind of model.
    """

    texts: list[str]
    queries: list[str]
    checkpoint: str
    onnx: str
    int8: str
    static: str


class Engine(Protocol):
    """A loaded model."""

    def encode(self, texts: Sequence[str]) -> Any:
        """Returns (n, d) float32, rows of unit length."""

    def close(self) -> None:
        """Drop the model the way a user of the engine would."""


class Rekall:
    """Rekall's public face; its encoder by itself where the arithmetic is not to be chosen by the processor."""

    def __init__(self, work: Work, arithmetic: Literal["auto", "floats"] = "auto") -> None:
        if arithmetic == "auto":
            from rekall.app import load_encoder

            self._encoder = load_encoder(SHIPPED.name)
        else:
            from rekall.models.engine.opening import open_encoder

            self._encoder = open_encoder(SHIPPED, arithmetic=arithmetic)

    def encode(self, texts: Sequence[str]) -> Any:
        """One text is a query, several are documents."""
        return self._encoder.encode_queries(texts) if len(texts) == 1 else self._encoder.encode_documents(texts)

    def close(self) -> None:
        """As the model manager does with an idle model."""
        self._encoder.close()


class SentenceTransformers:
    """sentence-transformers in float32; with torch it is what the others are compared to."""

    def __init__(self, work: Work, backend: str = "torch") -> None:
        # the other backends convert the checkpoint when they load it, which counts as their start
        self._model = import_module("sentence_transformers").SentenceTransformer(
            work.checkpoint, device="cpu", backend=backend
        )
        self._model.max_seq_length = TOKENS

    def encode(self, texts: Sequence[str]) -> Any:
        """In its default batches of 32, sorted by length."""
        return self._model.encode(texts, normalize_embeddings=True)

    def close(self) -> None:
        """It has no method for that."""
        self._model = None
        gc.collect()


class FastEmbed:
    """fastembed's own entry for this model, on local files."""

    def __init__(self, work: Work, batch: int | None = None) -> None:
        self._numpy = import_module("numpy")
        self._options = {} if batch is None else {"batch_size": batch}
        self._model = import_module("fastembed").TextEmbedding(
            "sentence-transformers/all-MiniLM-L6-v2", specific_model_path=work.onnx
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

    def __init__(self, work: Work) -> None:
        self._model = import_module("model2vec").StaticModel.from_pretrained(work.static)

    def encode(self, texts: Sequence[str]) -> Any:
        """In its default batches of 1,024."""
        return self._model.encode(texts, max_length=TOKENS)

    def close(self) -> None:
        """It has no method for that."""
        self._model = None
        gc.collect()


class LlamaCpp:
    """llama.cpp through its wheel, on a GGUF file in the folder of the checkpoint."""

    def __init__(self, work: Work) -> None:
        file = next(Path(work.checkpoint).glob("*.gguf"))
        self._model = import_module("llama_cpp").Llama(str(file), embedding=True, n_ctx=TOKENS, verbose=False)

    def encode(self, texts: Sequence[str]) -> Any:
        """All in one call."""
        return import_module("numpy").array(self._model.embed(list(texts), normalize=True), dtype="float32")

    def close(self) -> None:
        """As its documentation says."""
        self._model.close()


class PlainOnnx:
    """The script that everyone writes: default session, batches in the order given, pooling in numpy."""

    def __init__(self, work: Work) -> None:
        import numpy as np
        import onnxruntime
        from tokenizers import Tokenizer

        self._numpy = np
        self._tokenizer: Any = Tokenizer.from_file(str(Path(work.int8) / "tokenizer.json"))
        self._tokenizer.enable_truncation(TOKENS)
        self._tokenizer.enable_padding()
        self._session = onnxruntime.InferenceSession(
            str(Path(work.int8) / "model.onnx"), providers=["CPUExecutionProvider"]
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
        load: Loads the model.
        distributions: What a user installs; all of them must be here for the engine to run.
        files: Which folder of `Work` holds its model; empty for Rekall, which brings its own.
    """

    name: str
    load: Callable[[Work], Engine]
    distributions: tuple[str, ...]
    files: str


CONTENDERS: Mapping[str, Contender] = {
    "rekall": Contender("Rekall", Rekall, ("rekall-memory",), ""),
    "rekall-floats": Contender("Rekall, floats alone", lambda work: Rekall(work, "floats"), ("rekall-memory",), ""),
    "onnxruntime": Contender("onnxruntime, dynamic int8", PlainOnnx, ("onnxruntime", "tokenizers", "numpy"), "int8"),
    "fastembed": Contender("fastembed", FastEmbed, ("fastembed",), "onnx"),
    "fastembed-small": Contender(
        "fastembed, batches of 8", lambda work: FastEmbed(work, batch=8), ("fastembed",), "onnx"
    ),
    "sentence-transformers": Contender(
        "sentence-transformers", SentenceTransformers, ("sentence-transformers", "torch"), "checkpoint"
    ),
    "sentence-transformers-onnx": Contender(
        "sentence-transformers, ONNX",
        lambda work: SentenceTransformers(work, "onnx"),
        ("sentence-transformers", "torch", "optimum-onnx"),
        "checkpoint",
    ),
    "sentence-transformers-openvino": Contender(
        "sentence-transformers, OpenVINO",
        lambda work: SentenceTransformers(work, "openvino"),
        ("sentence-transformers", "torch", "optimum-intel", "openvino"),
        "checkpoint",
    ),
    "llama.cpp": Contender("llama.cpp", LlamaCpp, ("llama-cpp-python",), "checkpoint"),
    "model2vec": Contender("model2vec, a static model", Model2Vec, ("model2vec",), "static"),
}


def main() -> None:
    name, task, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    work = Work(**json.loads((folder / "work.json").read_text("utf-8")))
    engine = CONTENDERS[name].load(work)
    engine.encode([FIRST_QUERY])
    print("first vector", flush=True)
    figures = after_query(engine, work) if task == "query" else after_bulk(engine, work, folder / f"{name}.npy")
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


def after_bulk(engine: Engine, work: Work, vectors: Path) -> dict[str, float]:
    """Speed and peak of all texts in one call; their vectors go to a file."""
    from rekall.system.resident import peak_bytes

    started = time.perf_counter()
    rows = engine.encode(work.texts)
    seconds = time.perf_counter() - started
    figures = {"texts_per_s": len(work.texts) / seconds, "bulk_peak_bytes": peak_bytes()}
    import_module("numpy").save(vectors, rows)
    return figures


if __name__ == "__main__":
    main()
