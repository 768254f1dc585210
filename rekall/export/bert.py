"""The BERT encoder as a fused ONNX graph, pooling and normalisation inside."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from rekall.errors import ExportFailed
from rekall.export.checkpoint import Checkpoint, Weights, tensor
from rekall.export.graph import MICROSOFT, GraphBuilder


def build_bert(checkpoint: Checkpoint, weights: Weights, graph: GraphBuilder) -> None:
    """Add the nodes of a BERT sentence encoder.

    Every text is a single segment, so the row of token type 0 is folded into the position table.
    Rows come out with unit length whether or not the checkpoint has a Normalize module: cosines are the same.

    Raises:
        ExportFailed: The checkpoint has a part that BERT as published does not have, or lacks one.
    """
    config = checkpoint.config
    if config.get("hidden_act") != "gelu" or config.get("position_embedding_type", "absolute") != "absolute":
        raise ExportFailed(
            f"this BERT uses {config.get('hidden_act')} and {config.get('position_embedding_type')} positions",
            "supported: gelu, absolute",
        )
    _check_shapes(checkpoint, weights)
    hidden = _embeddings(checkpoint, weights, graph)
    for layer in range(checkpoint.figures.layers):
        hidden = _layer(checkpoint, weights, graph, hidden, f"encoder.layer.{layer}")
    pooled = _pool(checkpoint, graph, hidden)
    length = graph.node("ReduceL2", [pooled], axes=[1], keepdims=1)
    floor = graph.node("Max", [length, graph.constant("tiny", np.array(1e-12, dtype=np.float32))])
    graph.node("Div", [pooled, floor], output="sentence_embedding")


def _check_shapes(checkpoint: Checkpoint, weights: Weights) -> None:
    """Check that every tensor is there with its shape, so that a wrong one is named and not multiplied."""
    hidden, positions = checkpoint.figures.hidden, checkpoint.figures.positions
    tensor(weights, "embeddings.word_embeddings.weight", -1, hidden)
    tensor(weights, "embeddings.position_embeddings.weight", positions, hidden)
    tensor(weights, "embeddings.token_type_embeddings.weight", -1, hidden)
    norms = ["embeddings.LayerNorm"]
    for number in range(checkpoint.figures.layers):
        layer = f"encoder.layer.{number}"
        inner = tensor(weights, f"{layer}.intermediate.dense.weight", -1, hidden).shape[0]
        tensor(weights, f"{layer}.intermediate.dense.bias", inner)
        tensor(weights, f"{layer}.output.dense.weight", hidden, inner)
        tensor(weights, f"{layer}.output.dense.bias", hidden)
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            tensor(weights, f"{layer}.attention.{part}.weight", hidden, hidden)
            tensor(weights, f"{layer}.attention.{part}.bias", hidden)
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for norm in norms:
        tensor(weights, f"{norm}.weight", hidden)
        tensor(weights, f"{norm}.bias", hidden)


def _embeddings(checkpoint: Checkpoint, weights: Weights, graph: GraphBuilder) -> str:
    words = graph.table_rows("embeddings.words", "input_ids", weights["embeddings.word_embeddings.weight"])
    positions = weights["embeddings.position_embeddings.weight"][: checkpoint.max_tokens]
    table = graph.constant("embeddings.positions", positions + weights["embeddings.token_type_embeddings.weight"][0])
    zero, one = (graph.constant(f"index_{n}", np.array([n], dtype=np.int64)) for n in (0, 1))
    width = graph.node("Shape", ["input_ids"], start=1, end=2)
    rows = graph.node("Unsqueeze", [graph.node("Slice", [table, zero, width, zero]), zero])
    total = graph.node("Add", [words, rows])
    scale = graph.constant("embeddings.norm.weight", weights["embeddings.LayerNorm.weight"])
    shift = graph.constant("embeddings.norm.bias", weights["embeddings.LayerNorm.bias"])
    graph.node("Cast", ["attention_mask"], to=TensorProto.INT32, output="key_mask")
    graph.node("Unsqueeze", [graph.node("Cast", ["attention_mask"], to=TensorProto.FLOAT), one], output="row_mask")
    return graph.node("LayerNormalization", [total, scale, shift], epsilon=checkpoint.figures.epsilon)


def _layer(checkpoint: Checkpoint, weights: Weights, graph: GraphBuilder, hidden: str, layer: str) -> str:
    parts = ("query", "key", "value")
    projected = [
        graph.matrix_product(f"{layer}.{part}", hidden, weights[f"{layer}.attention.self.{part}.weight"])
        for part in parts
    ]
    bias = graph.constant(
        f"{layer}.qkv.bias", np.concatenate([weights[f"{layer}.attention.self.{part}.bias"] for part in parts])
    )
    attended = graph.node(
        "MultiHeadAttention", [*projected, bias, "key_mask"], domain=MICROSOFT, num_heads=checkpoint.figures.heads
    )
    hidden = _residual(checkpoint, weights, graph, attended, hidden, f"{layer}.attention.output")
    inner = graph.matrix_product(f"{layer}.inner", hidden, weights[f"{layer}.intermediate.dense.weight"])
    inner_bias = graph.constant(f"{layer}.inner.bias", weights[f"{layer}.intermediate.dense.bias"])
    active = graph.node("BiasGelu", [inner, inner_bias], domain=MICROSOFT)
    return _residual(checkpoint, weights, graph, active, hidden, f"{layer}.output")


def _residual(checkpoint: Checkpoint, weights: Weights, graph: GraphBuilder, source: str, skip: str, name: str) -> str:
    """Project `source`, add `skip` and the bias, normalise."""
    projected = graph.matrix_product(name, source, weights[f"{name}.dense.weight"])
    scale = graph.constant(f"{name}.norm.weight", weights[f"{name}.LayerNorm.weight"])
    shift = graph.constant(f"{name}.norm.bias", weights[f"{name}.LayerNorm.bias"])
    bias = graph.constant(f"{name}.bias", weights[f"{name}.dense.bias"])
    return graph.node(
        "SkipLayerNormalization",
        [projected, skip, scale, shift, bias],
        domain=MICROSOFT,
        epsilon=checkpoint.figures.epsilon,
    )


def _pool(checkpoint: Checkpoint, graph: GraphBuilder, hidden: str) -> str:
    """(b, t, h) to (b, h). The mean is a product with the mask: no widened copy of it is made."""
    one = graph.constant("axis_1", np.array([1], dtype=np.int64))
    if checkpoint.pooling == "cls":
        first = graph.constant("first", np.array(0, dtype=np.int64))
        return graph.node("Gather", [hidden, first], axis=1)
    total = graph.node("Squeeze", [graph.node("MatMul", ["row_mask", hidden]), one])
    count = graph.node("ReduceSum", ["row_mask", graph.constant("axis_2", np.array([2], dtype=np.int64))], keepdims=0)
    return graph.node("Div", [total, count])
