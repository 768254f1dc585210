"""Traces a transformer with torch, for architectures that the graph builders do not know.

The only room that knows torch. It runs only code that ships with transformers and sentence-transformers, and reads
only safetensors.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

os.environ["HF_HUB_OFFLINE"] = "1"  # read once, when the hub's client is imported

import onnxscript  # noqa: F401 - torch's exporter imports it late, halfway through
import torch
from onnx import NodeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from sentence_transformers import SentenceTransformer
from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

from rekall.errors import ExportFailed
from rekall.models.engine.tokenizer import Tokenizer
from rekall.models.export.checkpoint import Checkpoint
from rekall.models.export.graph import GraphBuilder
from rekall.models.export.head import add_head, check_widths
from rekall.models.export.options import ExportOptions
from rekall.models.export.probe_texts import PROBE_TEXTS
from rekall.models.export.remote_code import check_remote_code
from rekall.models.export.weights import Table
from rekall.models.vectors import Matrix, unit_rows

_TRACED_OPSET = 18
"""The lowest that torch writes by itself. From there to ours, operators gained types but kept their meaning."""

_PADDING_TOLERANCE = 1e-3
"""How far padding may move a hidden state, as a share of the largest. Rounding moves it by 1e-6; in a model that mixes
neighbouring tokens without a mask (MobileBERT, ConvBERT) it changes completely."""


def trace(
    checkpoint: Checkpoint, folder: Path, options: ExportOptions
) -> tuple[Callable[[Sequence[str]], Matrix], int]:
    """Write graph and weights of a transformer of any architecture that sentence-transformers can run.

    torch traces only the transformer; the pooling and what follows it are built as in every other graph.

    Args:
        checkpoint: A chain that begins with a transformer.
        folder: Where to.
        options: Precision and dimensions are read; biases, normalisations and tables other than that of the tokens
            stay float32.

    Returns:
        A function from texts, prompts included, to what sentence-transformers makes of each one alone in float32:
        (n, d) float32, rows of unit length. And the rows of the table of tokens.

    Raises:
        ExportFailed: The model cannot be loaded or traced, lacks a tensor, cannot read as many tokens as it says, or
            gives a text another vector next to a longer one.
    """
    modules = checkpoint.chain.modules
    if checkpoint.chain.kind != "Transformer":
        raise ExportFailed(f"{checkpoint.repository} has no transformer to trace", "export it without `--via torch`")
    own = MODEL_MAPPING_NAMES.get(str(checkpoint.config.get("model_type")), "")
    where = str(checkpoint.chain.root / "config.json")
    check_remote_code(checkpoint.config, (own,) if isinstance(own, str) else own, where, torch_may_help=False)
    model = _load(checkpoint)
    states = _States(model[0]).eval()
    row = Tokenizer(checkpoint.tokenizer, checkpoint.max_tokens, trim=checkpoint.trims).encode(PROBE_TEXTS[:1])[0]
    dimensions = checkpoint.kept(check_widths(modules, _check(states, row, checkpoint)), options.dimensions)
    graph = GraphBuilder(options.precision, folder)
    add_head(modules, _Translation(graph).states_of(_traced(states, row, checkpoint)), graph, dimensions)
    graph.save(dimensions)

    def vectors(texts: Sequence[str]) -> Matrix:
        read = [text.strip() if checkpoint.trims else text for text in texts]
        with _silence():
            rows = model.encode(read, batch_size=1, convert_to_numpy=True, show_progress_bar=False)
        return unit_rows(rows[:, :dimensions])

    return vectors, graph.vocabulary_rows


class _States(torch.nn.Module):  # type: ignore[misc]  # a base without types
    """From token ids and mask, (b, t) int64, to the last hidden states, (b, t, h) float32."""

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        features = {"input_ids": input_ids, "attention_mask": attention_mask}
        return self.transformer(features)["token_embeddings"]


def _load(checkpoint: Checkpoint) -> Any:
    """The model as sentence-transformers reads it. Tensors that the file lacks are NaN, so that it shows if they count.

    transformers draws them at random and only logs that; often they belong to the pooler, which few models use.
    """
    own = {"local_files_only": True, "trust_remote_code": False}
    how = {"use_safetensors": True, "attn_implementation": "eager", "dtype": torch.float32}
    with _silence(), _explained(checkpoint, "load"):
        model = SentenceTransformer(str(checkpoint.source), device="cpu", model_kwargs=how, **own)
        transformer = model[0].auto_model
        _, found = type(transformer).from_pretrained(
            checkpoint.chain.root, config=transformer.config, output_loading_info=True, **how, **own
        )
        tensors = transformer.state_dict()
        for name in found["missing_keys"]:
            if name in tensors and tensors[name].is_floating_point():
                tensors[name].fill_(torch.nan)
    model.max_seq_length = checkpoint.max_tokens
    model.default_prompt_name = None  # the texts contain their prompts
    return model.eval()


def _check(states: _States, row: Sequence[int], checkpoint: Checkpoint) -> int:
    """Run the model at its limit, with a short text padded to it. Returns the width of a hidden state."""
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
        except (IndexError, RuntimeError) as error:  # raised by torch beyond the end of a table
            raise ExportFailed(
                f"{checkpoint.architecture} cannot read the {limit} tokens that its configuration claims: "
                + _first_line(error),
                f"export with a lower limit: `--max-tokens {max(limit - 2, 1)}`",
            ) from error
    if not (padded - alone).abs().max() <= _PADDING_TOLERANCE * alone.abs().max():
        raise ExportFailed(
            f"{checkpoint.architecture} is sensitive to padding: a text would get another vector next to a longer one",
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

    What depends only on constants is computed here: DeBERTa would project its table of positions in every run, four
    fifths of the time of a short query.
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
    """A name that equal arrays share: ALBERT has one layer, which a trace writes out twelve times."""
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
            "a later sentence-transformers may support it; `rekall model list` names models that work",
        ) from error


def _first_line(error: Exception) -> str:
    """The first line of an error; torch puts details on further lines, and in colours."""
    return re.split(r"[\n\x1b]", str(error).strip())[0].strip() or type(error).__name__
