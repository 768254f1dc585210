"""Builds an ONNX graph node by node, its weights in one aligned file beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from rekall.engine.card import GRAPH_FILE, WEIGHTS_FILE
from rekall.export.blocks import BLOCK, quantise

OPSET = 17  # the first with LayerNormalization
IR_VERSION = 8  # the one of opset 17; every onnxruntime we accept reads it
MICROSOFT = "com.microsoft"  # ONNX Runtime's own operators: fused attention, 8-bit matrix products
PAGE_BYTES = 4 * 1024
GRANULE_BYTES = 64 * 1024
"""Large weights start at multiples of this, so that ONNX Runtime can map them on every system (Windows: 64 KiB)."""

INLINE_BYTES = 8 * 1024
"""Constants up to this size stay inside the graph file."""

FLOAT_COMPUTE = 1
"""`accuracy_level` of MatMulNBits: weights are widened to float32 block by block, activations stay float32.

Level 4, which rounds activations to 8 bits, answers a short query in 2 ms instead of 11 but keeps a
packed copy of every matrix on the heap (+9 MB), is slower in bulk and less faithful (docs/adr/0002).
"""


class GraphBuilder:
    """Collects nodes and weights; `save` writes both files.

    Methods that add a node return the name of its output.
    """

    def __init__(self, precision: str) -> None:
        """Start an empty graph.

        Args:
            precision: "q8" stores matrices in 8-bit blocks, "fp32" as they are.
        """
        self._quantised = precision == "q8"
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, npt.NDArray[Any]] = {}
        self._counter = 0

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        """Store an array under a name."""
        self._weights[name] = np.asarray(value, order="C")
        return name

    def node(
        self, operator: str, inputs: Sequence[str], *, domain: str = "", output: str = "", **attributes: Any
    ) -> str:
        """Add a node with one output."""
        self._counter += 1
        name = output or f"{operator.lower()}_{self._counter}"
        self._nodes.append(
            helper.make_node(operator, list(inputs), [name], name=f"{name}_node", domain=domain, **attributes)
        )
        return name

    def matrix_product(self, name: str, source: str, weight: npt.NDArray[np.float32]) -> str:
        """Source (b, t, i) × weightᵀ, where weight is (o, i) float32. Gives (b, t, o) float32."""
        if not self._quantised:
            return self.node("MatMul", [source, self.constant(f"{name}.weight", weight.T)])
        blocks = quantise(weight)
        unsigned = (blocks.values.astype(np.int16) + 128).astype(np.uint8)  # the kernel's implied zero point is 128
        return self.node(
            "MatMulNBits",
            [
                source,
                self.constant(f"{name}.weight", unsigned),
                self.constant(f"{name}.scales", blocks.scales.reshape(-1)),
            ],
            domain=MICROSOFT,
            K=weight.shape[1],
            N=weight.shape[0],
            bits=8,
            block_size=BLOCK,
            accuracy_level=FLOAT_COMPUTE,
        )

    def table_rows(self, name: str, ids: str, table: npt.NDArray[np.float32]) -> str:
        """Rows of an embedding table for ids (b, t). Gives (b, t, h) float32.

        Only the rows asked for are widened to float32; the table stays 8-bit and mapped.
        """
        if not self._quantised:
            return self.node("Gather", [self.constant(name, table), ids])
        blocks = quantise(table)
        values = self.node("Gather", [self.constant(name, blocks.values), ids])
        scales = self.node("Gather", [self.constant(f"{name}.scales", blocks.scales[:, :, None]), ids])
        wide = self.node("Mul", [self.node("Cast", [values], to=TensorProto.FLOAT), scales])
        return self.node("Reshape", [wide, self.constant(f"{name}.shape", np.array([0, 0, -1], dtype=np.int64))])

    def save(self, folder: Path, dimensions: int) -> None:
        """Write graph and weights into `folder`; the same content gives the same bytes.

        Inputs are `input_ids` and `attention_mask`, (b, t) int64; the output is `sentence_embedding`,
        (b, dimensions) float32.
        """
        tensors = []
        with (folder / WEIGHTS_FILE).open("wb") as file:
            for name, value in self._weights.items():
                if value.nbytes <= INLINE_BYTES:
                    tensors.append(numpy_helper.from_array(value, name))
                    continue
                alignment = GRANULE_BYTES if value.nbytes >= GRANULE_BYTES else PAGE_BYTES
                file.write(b"\0" * (-file.tell() % alignment))
                tensors.append(_external(name, value, file.tell()))
                data = memoryview(value.tobytes())
                # in small pieces: one large write leaves large pages in Linux's file cache, and mapping one
                # row of the embedding table then makes two megabytes resident (6 MB for a short query)
                for start in range(0, len(data), GRANULE_BYTES):
                    file.write(data[start : start + GRANULE_BYTES])
        shape = ["batch", "tokens"]
        graph = helper.make_graph(
            self._nodes,
            "sentence_encoder",
            [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")],
            [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", dimensions])],
            initializer=tensors,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="rekall")
        (folder / GRAPH_FILE).write_bytes(model.SerializeToString(deterministic=True))


def _external(name: str, value: npt.NDArray[Any], offset: int) -> onnx.TensorProto:
    tensor = onnx.TensorProto(name=name, dims=value.shape, data_type=helper.np_dtype_to_tensor_dtype(value.dtype))
    tensor.data_location = TensorProto.EXTERNAL
    for key, entry in (("location", WEIGHTS_FILE), ("offset", offset), ("length", value.nbytes)):
        tensor.external_data.add(key=key, value=str(entry))
    return tensor
