"""Builds an ONNX graph node by node, its weights in one aligned file beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rekall.models.engine.card import GRAPH_FILE, WEIGHTS_FILE
from rekall.models.engine.graph_file import GraphNode
from rekall.models.export.blocks import BLOCK, quantise
from rekall.models.export.options import Precision
from rekall.models.export.weights import Table
from rekall.system.files import write_in_pieces

OPSET = 21  # the first whose DequantizeLinear knows blocks
IR_VERSION = 10  # the one of opset 21; every onnxruntime we accept reads it
FLOAT, INT32, INT64 = 1, 6, 7  # element types as ONNX numbers them
MICROSOFT = "com.microsoft"  # ONNX Runtime's own operators: fused attention, 8-bit matrix products
PAGE_BYTES = 4 * 1024
GRANULE_BYTES = 64 * 1024
"""Large weights start at multiples of this, so that ONNX Runtime can map them on every system (Windows: 64 KiB)."""

INLINE_BYTES = 8 * 1024
"""Constants up to this size stay inside the graph file."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A tensor that lies in the weights file."""

    shape: tuple[int, ...]
    dtype: npt.DTypeLike
    offset: int
    length: int
    file: str


class GraphBuilder:
    """Collects nodes; `save` writes the graph. Weights go to their file at once, so that only one is held at a time.

    Methods that add a node return the name of its output, the first where it has several.
    """

    graph_file = GRAPH_FILE
    weights_file = WEIGHTS_FILE
    heads_width, inner_width = 96, 384
    """How much of an attention block and of a feed-forward block is worked on at a time: see `slices`."""
    mapped_from_bytes = GRANULE_BYTES
    """Weights of this size start where every system can map them."""

    def __init__(self, precision: Precision, folder: Path, beside: GraphBuilder | None = None) -> None:
        """Start an empty graph.

        Args:
            precision: How matrices are stored.
            folder: Where both files go.
            beside: Another graph of the same model in the folder; what it has in its weights file is not stored again.
        """
        self._quantised = precision == "q8"
        self._folder = folder
        self._nodes: list[GraphNode] = []
        self._weights: dict[str, npt.NDArray[Any] | _Stored] = {}
        self._beside = beside._weights if beside else {}
        (folder / self.weights_file).write_bytes(b"")
        self._made: set[str] = set()
        self._inputs = ["input_ids", "attention_mask"]
        self.vocabulary_rows = 0
        """Rows of the first table that is looked up in: that of the tokens."""
        self.products: dict[str, list[str]] = {}
        """The sources of each matrix product of tokens, by its name: several where layers share weights."""
        self.heaviest: dict[str, npt.NDArray[np.float32]] = {}
        """The largest weight of each input of a product, (i,)."""

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        """Store an array under a name; a name that is there already keeps the array it has."""
        if name in self._weights:
            return name
        if value.nbytes > INLINE_BYTES:
            return self._stored(name, value.shape, value.dtype, [value])
        self._weights[name] = np.ascontiguousarray(value) if value.ndim else value
        return name

    def numbers(self, *values: int) -> str:
        """A constant list of whole numbers, (len(values),) int64: axes, shapes, bounds of slices."""
        return self.constant("numbers_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def take(self, name: str) -> str:
        """One more input, (b, t) int64."""
        if name not in self._inputs:
            self._inputs.append(name)
        return name

    def once(self, name: str, make: Callable[[str], object]) -> str:
        """The output `name`; `make(name)` adds it the first time."""
        if name not in self._made:
            self._made.add(name)
            make(name)
        return name

    def token_offsets(self) -> str:
        """How far each token of a text stands from each other one, (t, t) int64: column minus row."""

        def make(name: str) -> None:
            zero, one = (self.constant(f"scalar_{n}", np.array(n, dtype=np.int64)) for n in (0, 1))
            width = self.node("Squeeze", [self.node("Shape", ["input_ids"], start=1, end=2)])
            places = self.node("Range", [zero, width, one])
            across, down = (self.node("Unsqueeze", [places, self.numbers(axis)]) for axis in (0, 1))
            self.node("Sub", [across, down], output=name)

        return self.once("token_offsets", make)

    def some_heads(self, bias: str, first: int, count: int) -> str:
        """What an attention bias (…, heads, t, t) says for some of its heads."""
        return self.node("Slice", [bias, self.numbers(first), self.numbers(first + count), self.numbers(1)])

    def heads(self, width: int, size: int) -> list[slice]:
        """The parts in which an attention block of heads of one size is worked on."""
        return slices(width, size, self.heads_width)

    def inner(self, width: int) -> list[slice]:
        """The parts in which a feed-forward block is worked on."""
        return slices(width, 1, self.inner_width)

    def total(self, parts: Sequence[str]) -> str:
        """The sum of equally shaped outputs."""
        result = parts[0]
        for part in parts[1:]:
            result = self.node("Add", [result, part])
        return result

    def root_mean_square_norm(self, source: str, scale: str, epsilon: float) -> str:
        """Rows divided by their root mean square and multiplied with `scale` (Zhang and Sennrich 2019)."""
        return self.node("SimplifiedLayerNormalization", [source, scale], axis=-1, epsilon=epsilon, stash_type=FLOAT)

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        *,
        domain: str = "",
        output: str | Sequence[str] = "",
        **attributes: Any,
    ) -> str:
        """Add a node. `output` names its outputs; without it, one name is made up."""
        named = (output,) if isinstance(output, str) else tuple(output)
        outputs = named if named[0] else (f"{operator.lower()}_{len(self._nodes) + 1}",)
        self._nodes.append(GraphNode(operator, domain, tuple(inputs), outputs, attributes))
        return outputs[0]

    def matrix_product(self, name: str, source: str, weight: npt.NDArray[np.float32], *, by_token: bool = True) -> str:
        """Source (…, i) × weightᵀ, where weight is (o, i) float32. Gives (…, o) float32.

        `by_token` says whether the source has a row for each token, (b, t, i).
        The 8-bit form is widened just before use and freed right after, so a matrix should be small: see `slices`. One kernel that does both (MatMulNBits) takes three times as long for a query and 1.7 times as
        long in bulk (docs/adr/0007).
        """
        if by_token:
            self.products.setdefault(name, []).append(source)
            self.heaviest[name] = np.abs(weight).max(axis=0)
        if not self._quantised:
            return self.node("MatMul", [source, self.constant(f"{name}.weight", weight.T)])
        blocks = quantise(weight)
        values = blocks.values.reshape(len(weight), -1)[:, : weight.shape[1]]
        wide = self.node(
            "DequantizeLinear",
            [self.constant(f"{name}.weight", values.T), self.constant(f"{name}.scales", blocks.scales.T)],
            axis=0,
            block_size=BLOCK,
        )
        return self.node("MatMul", [source, wide])

    def attention(
        self,
        source: str,
        weights: Mapping[str, npt.NDArray[np.float32]],
        shift: tuple[str, npt.NDArray[np.float32]],
        bias: str,
        heads: int,
    ) -> str:
        """Attention of some heads over all tokens of `key_mask`.

        Args:
            source: What queries, keys and values are made of, (b, t, i).
            weights: Their matrices by the names of the products, (h, i) each.
            shift: A name, and what is added to queries, keys and values, (3 h,).
            bias: What is added to the scores, (…, heads, t, t); empty for nothing.
            heads: How many.
        """
        projected = [self.matrix_product(name, source, weight) for name, weight in weights.items()]
        inputs = [*projected, self.constant(*shift), "key_mask", *([bias] if bias else [])]
        return self.node("MultiHeadAttention", inputs, domain=MICROSOFT, num_heads=heads)

    def table_rows(self, name: str, ids: str, table: Table) -> str:
        """Rows of an embedding table for ids (b, t). Gives (b, t, h) float32.

        Only the rows needed are widened to float32; the table stays 8-bit and mapped.
        """
        self.vocabulary_rows = self.vocabulary_rows or table.rows
        if not self._quantised:
            shape = (table.rows, table.width)
            return self.node("Gather", [self._stored(name, shape, np.float32, table.parts()), ids])
        blocks = -(-table.width // BLOCK)
        sizes = np.zeros((table.rows, blocks, 1), dtype=np.float32)

        def narrowed() -> Iterator[npt.NDArray[np.int8]]:
            done = 0
            for part in table.parts():
                narrow = quantise(part)
                sizes[done : done + len(part), :, 0] = narrow.scales
                done += len(part)
                yield narrow.values

        values = self.node("Gather", [self._stored(name, (table.rows, blocks, BLOCK), np.int8, narrowed()), ids])
        known = self._beside.get(f"{name}.scales")  # then nothing was narrowed, and `sizes` is still empty
        kept = self.constant(f"{name}.scales", known if isinstance(known, np.ndarray) else sizes)
        scales = self.node("Gather", [kept, ids])
        wide = self.node("Mul", [self.node("Cast", [values], to=FLOAT), scales])
        rows = self.node("Reshape", [wide, self.numbers(0, 0, -1)])
        if table.width == blocks * BLOCK:
            return rows
        return self.node("Slice", [rows, self.numbers(0), self.numbers(table.width), self.numbers(2)])

    def save(self, dimensions: int) -> None:
        """Write the graph; the same content gives the same bytes.

        Inputs are `input_ids` and `attention_mask`, (b, t) int64; the output is `sentence_embedding`,
        (b, dimensions) float32.
        """
        self._write({"sentence_embedding": ["batch", dimensions]})

    def _write(self, outputs: Mapping[str, Sequence[str | int] | None]) -> None:
        from onnx import TensorProto, helper, numpy_helper  # 0.15 s, which a static model's export need not pay

        tensors = [
            _external(name, value) if isinstance(value, _Stored) else numpy_helper.from_array(value, name)
            for name, value in self._weights.items()
        ]
        shape = ["batch", "tokens"]
        nodes = [
            helper.make_node(
                node.operator,
                node.inputs,
                node.outputs,
                name=f"{node.outputs[0]}_node",
                domain=node.domain,
                **node.attributes,
            )
            for node in self._nodes
        ]
        graph = helper.make_graph(
            nodes,
            "sentence_encoder",
            [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in self._inputs],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            initializer=tensors,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="rekall")
        (self._folder / self.graph_file).write_bytes(model.SerializeToString(deterministic=True))

    def _stored(
        self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike, parts: Iterable[npt.NDArray[Any]]
    ) -> str:
        """Append an array, which comes in parts of some rows each, to the weights file."""
        there = self._beside.get(name)
        if isinstance(there, _Stored) and (there.shape, np.dtype(there.dtype)) == (shape, np.dtype(dtype)):
            self._weights[name] = there
            return name
        length = math.prod(shape) * np.dtype(dtype).itemsize
        alignment = GRANULE_BYTES if length >= self.mapped_from_bytes else PAGE_BYTES
        with (self._folder / self.weights_file).open("ab") as file:
            file.write(b"\0" * (-file.tell() % alignment))
            self._weights[name] = _Stored(shape, dtype, file.tell(), length, self.weights_file)
            for part in parts:
                write_in_pieces(file, memoryview(np.ascontiguousarray(part).reshape(-1).view(np.uint8)))  # type: ignore[arg-type]  # typed from 3.12 on
        return name


def slices(size: int, unit: int, wanted: int) -> list[slice]:
    """Cut `size` numbers, which come in units, into equal parts of about `wanted` numbers.

    The weights and activations of a part then stay in the processor's cache, and fewer are alive at a time.
    """
    parts = min(
        (count for count in range(1, size // unit + 1) if size // unit % count == 0),
        key=lambda count: abs(size / count - wanted),
    )
    return [slice(start, start + size // parts) for start in range(0, size, size // parts)]


def _external(name: str, stored: _Stored) -> Any:
    """A tensor that lies in the weights file."""
    import onnx
    from onnx import TensorProto, helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(stored.dtype))
    tensor = onnx.TensorProto(name=name, dims=stored.shape, data_type=kind)
    tensor.data_location = TensorProto.EXTERNAL
    for key, entry in (("location", stored.file), ("offset", stored.offset), ("length", stored.length)):
        tensor.external_data.add(key=key, value=str(entry))
    return tensor
