"""Traces a transformer with torch, for architectures that the graph builders do not know.

The only room that knows torch. Only code that ships with transformers and sentence-transformers runs, and only
safetensors are read.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

os.environ["HF_HUB_OFFLINE"] = "1"  # read once, when the hub's client is imported

import onnxscript  # noqa: F401 - torch's exporter asks for it only in the middle
import torch
from onnx import NodeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from sentence_transformers import SentenceTransformer

from rekall.errors import ExportFailed
from rekall.models.engine.card import TOKENIZER_FILE
from rekall.models.engine.tokenizer import Tokenizer
from rekall.models.export.checkpoint import Checkpoint
from rekall.models.export.graph import GraphBuilder
from rekall.models.export.head import add_head, check_widths
from rekall.models.export.probe_texts import PROBE_TEXTS
from rekall.models.export.weights import Table
from rekall.models.vectors import Matrix, unit_rows

_TRACED_OPSET = 18
"""The lowest that torch writes by itself. Up to ours, operators were given more types and no other meaning."""

_PADDING_TOLERANCE = 1e-3
"""How far padding may move a hidden state, as a share of the largest. Rounding moves it by 1e-6; a model that mixes
neighbouring tokens without a mask (MobileBERT, ConvBERT) by all of it."""


def trace(
    checkpoint: Checkpoint, folder: Path, precision: str, dimensions: int | None
) -> Callable[[Sequence[str]], Matrix]:
    """Write graph, weights and tokenizer of a transformer of any architecture that sentence-transformers can run.

    torch traces the transformer alone; the pooling and what follows it are built as in every other graph.

    Args:
        checkpoint: A chain that begins with a transformer.
        folder: Where to.
        precision: "q8" or "fp32"; biases, normalisations and tables other than that of the tokens stay float32.
        dimensions: Numbers of a vector to keep; None keeps all.

    Returns:
        A function from texts, prompts included, to what sentence-transformers makes of each one alone in float32:
        (n, d) float32, rows of unit length.

    Raises:
        ExportFailed: The model cannot be loaded or traced, lacks a tensor, cannot read as many tokens as it says, or
            gives a text another vector beside a longer one.
    """
    modules = checkpoint.chain.modules
    if checkpoint.chain.kind != "Transformer":
        raise ExportFailed(f"{checkpoint.name} has no transformer to trace", "export it without `--via torch`")
    source = _load(checkpoint)
    states = _States(source[0]).eval()
    row = Tokenizer(checkpoint.tokenizer, checkpoint.max_tokens, trim=checkpoint.trims).encode(PROBE_TEXTS[:1])[0]
    width = check_widths(modules, _check(states, row, checkpoint), dimensions)
    graph = GraphBuilder(precision)
    add_head(modules, _Translation(graph).states_of(_traced(states, row, checkpoint)), graph, width)
    graph.save(folder, width)
    shutil.copyfile(checkpoint.tokenizer, folder / TOKENIZER_FILE)

    def vectors(texts: Sequence[str]) -> Matrix:
        read = [text.strip() if checkpoint.trims else text for text in texts]
        with _silence():
            rows = source.encode(read, batch_size=1, convert_to_numpy=True, show_progress_bar=False)
        return unit_rows(rows[:, :width])

    return vectors


class _States(torch.nn.Module):  # type: ignore[misc]  # a base without types
    """From token ids and mask, (b, t) int64, to the last hidden states, (b, t, h) float32."""

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        features = {"input_ids": input_ids, "attention_mask": attention_mask}
        return self.transformer(features)["token_embeddings"]


def _load(checkpoint: Checkpoint) -> Any:
    """The model as sentence-transformers reads it. Tensors that the file lacks are not a number, where it counts.

    transformers draws them at random and says so in a log; the pooler that few models use is often among them.
    """
    own = {"local_files_only": True, "trust_remote_code": False}
    options = {"use_safetensors": True, "attn_implementation": "eager", "dtype": torch.float32}
    with _silence(), _explained(checkpoint, "load"):
        source = SentenceTransformer(str(checkpoint.folder), device="cpu", model_kwargs=options, **own)
        transformer = source[0].auto_model
        _, found = type(transformer).from_pretrained(
            checkpoint.chain.root, config=transformer.config, output_loading_info=True, **options, **own
        )
        tensors = transformer.state_dict()
        for name in found["missing_keys"]:
            if name in tensors and tensors[name].is_floating_point():
                tensors[name].fill_(torch.nan)
    source.max_seq_length = checkpoint.max_tokens
    source.default_prompt_name = None  # prompts come with the texts
    return source.eval()


def _check(states: _States, row: Sequence[int], checkpoint: Checkpoint) -> int:
    """Run the model at its limit, beside a short text that is padded to it. Returns the width of a hidden state."""
    limit = checkpoint.max_tokens
    full = [row[place % len(row)] for place in range(limit)]
    with torch.no_grad(), _silence():
        alone = states(*_batch([row]))[0]
        if not torch.isfinite(alone).all():
            raise ExportFailed(
                f"{checkpoint.chain.root} lacks tensors of its transformer", "look for another revision of the model"
            )
        try:
            padded = states(*_batch([row, full]))[0, : len(row)]
        except (IndexError, RuntimeError) as error:  # what torch raises beyond the end of a table
            raise ExportFailed(
                f"{checkpoint.architecture} cannot read the {limit} tokens that its configuration names: "
                + _first_line(error),
                f"export with a lower limit: `--max-tokens {max(limit - 2, 1)}`",
            ) from error
    if not (padded - alone).abs().max() <= _PADDING_TOLERANCE * alone.abs().max():
        raise ExportFailed(
            f"{checkpoint.architecture} reads padding: a text would have another vector beside a longer one",
            "`rekall model list` names models that can be exported",
        )
    return int(alone.shape[-1])


def _traced(states: _States, row: Sequence[int], checkpoint: Checkpoint) -> Any:
    """The transformer as an ONNX graph in memory, with free batch and token axes."""
    axes = {0: "batch", 1: "tokens"}
    with torch.no_grad(), _silence(), _explained(checkpoint, "trace"):
        model = torch.onnx.export(
            states,
            _batch([row, row[:-1]]),
            dynamo=True,
            verbose=False,
            opset_version=_TRACED_OPSET,
            dynamic_shapes=(axes, axes),
            input_names=["input_ids", "attention_mask"],
        ).model_proto
    unknown = sorted({node.op_type for node in model.graph.node if not _is_known(node)})
    if unknown or model.functions:
        raise ExportFailed(
            f"the trace of {checkpoint.architecture} has operators that cannot be exported: {', '.join(unknown)}",
            "`rekall model list` names models that can be exported",
        )
    return model.graph


def _is_known(node: NodeProto) -> bool:
    """Whether an operator is one of ONNX's own, without a graph inside."""
    return not node.domain and not any(part.HasField("g") for part in node.attribute)


class _Translation:
    """Moves a traced graph into one of ours, its matrices in the precision of that one.

    What depends on constants alone is computed here: DeBERTa would project its table of positions in every run, which
    is four fifths of the time of a short query.
    """

    def __init__(self, graph: GraphBuilder) -> None:
        self._graph = graph
        self._constants: dict[str, npt.NDArray[Any]] = {}
        self._names = {"": "", "input_ids": "input_ids", "attention_mask": "attention_mask"}  # ours, by the traced ones

    def states_of(self, traced: Any) -> str:
        """Move every node. Returns what the hidden states are called."""
        self._constants.update((tensor.name, numpy_helper.to_array(tensor)) for tensor in traced.initializer)
        for node in traced.node:
            given = {name: self._constants[name] for name in node.input if name in self._constants}
            if all(name in given for name in node.input if name):
                values = ReferenceEvaluator(node, opsets={"": _TRACED_OPSET}).run(None, given)
                self._constants.update(zip(node.output, map(np.asarray, values)))
            else:
                self._names.update(zip(node.output, self._moved(node)))
        return self._names[traced.output[0].name]

    def _moved(self, node: NodeProto) -> list[str]:
        """Add a node. Returns what its outputs are called."""
        graph, inputs = self._graph, list(node.input)
        first, last = self._constants.get(inputs[0]), self._constants.get(inputs[-1])
        if node.op_type == "MatMul" and last is not None and last.ndim == 2:
            return [graph.matrix_product(_content(last), self._names[inputs[0]], last.T)]
        if node.op_type == "Gather" and first is not None and first.ndim == 2 and inputs[1] == "input_ids":
            return [
                graph.table_rows(_content(first), "input_ids", Table(len(first), first.shape[1], lambda: iter([first])))
            ]
        attributes = {part.name: helper.get_attribute_value(part) for part in node.attribute}
        outputs = [f"traced.{name}" for name in node.output]
        graph.node(node.op_type, [self._operand(name) for name in inputs], output=outputs, **attributes)
        return outputs

    def _operand(self, name: str) -> str:
        if name in self._constants:
            return self._graph.constant(_content(self._constants[name]), self._constants[name])
        return self._names[name]


def _content(value: npt.NDArray[Any]) -> str:
    """A name that equal arrays share: ALBERT's layers are one, which a trace writes out twelve times."""
    digest = hashlib.sha256(repr((value.dtype.str, value.shape)).encode())
    digest.update(np.ascontiguousarray(value).data)
    return f"constant_{digest.hexdigest()[:16]}"


def _batch(rows: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Token ids and mask as the encoder pads them, (b, t) int64 each."""
    width = max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return ids, mask


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the progress bars, logs and warnings of torch and transformers from the terminal."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        logging.disable(level)


@contextlib.contextmanager
def _explained(checkpoint: Checkpoint, what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # torch, transformers and the code of a model share no base, and raise anything
        raise ExportFailed(
            f"cannot {what} {checkpoint.architecture} with torch: {_first_line(error)}",
            "a later sentence-transformers may know it; `rekall model list` names models that work",
        ) from error


def _first_line(error: Exception) -> str:
    """What an error says before it goes into details, which torch puts on new lines and in colours."""
    return re.split(r"[\n\x1b]", str(error).strip())[0].strip() or type(error).__name__
