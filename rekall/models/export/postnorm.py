"""BERT and its kin, as a fused ONNX graph and as a reference: encoders that normalise after each block.

BERT, DistilBERT, RoBERTa, XLM-RoBERTa, CamemBERT and MPNet differ in tensor names (`families`), in where positions
are counted from, and in MPNet's attention bias.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rekall.errors import ExportFailed
from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.figures import Figures
from rekall.models.export.graph import HEADS_WIDTH, INNER_WIDTH, INT32, INT64, MICROSOFT, GraphBuilder, slices
from rekall.models.export.reference import Array64, States, attend, normalise, project, sums, table_rows, wide
from rekall.models.export.weights import Weights

_RELATIVE_BIAS = "encoder.relative_attention_bias.weight"
_BUCKETS = 32  # of MPNet's relative positions; fixed in its code, whatever the configuration says
_FARTHEST = 128


def add_postnorm(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder) -> str:
    """Add the encoder's nodes. Returns the name of the last hidden states, (b, t, h).

    Raises:
        ExportFailed: A tensor is missing or has another shape, or the activation is not supported.
    """
    if figures.activation not in ACTIVATIONS:
        raise ExportFailed(
            f"the model uses activation {figures.activation}", f"supported: {', '.join(sorted(ACTIVATIONS))}"
        )
    hidden = _embeddings(figures, max_tokens, weights, graph)
    graph.node("Cast", ["attention_mask"], to=INT32, output="key_mask")
    bias = ""
    if figures.relative_bias:
        table = weights.tensor(_RELATIVE_BIAS, _BUCKETS, figures.heads)
        bias = _relative_bias(table, max_tokens, graph)
    for layer in range(figures.layers):
        hidden = _layer(figures, weights, graph, hidden, bias, f"encoder.layer.{layer}")
    return hidden


def relative_buckets(offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The bucket of each offset from a token to the one it looks at, as T5 and MPNet count them (Raffel et al. 2020).

    Half the buckets are for tokens ahead. In each half, the first eight hold one distance each; then they widen with
    the logarithm of the distance, and the last one holds all from 128 on.
    """
    half = _BUCKETS // 2
    exact = half // 2
    distance = np.abs(offsets)
    growth = np.log(np.maximum(distance, 1).astype(np.float32) / np.float32(exact)) / np.float32(
        math.log(_FARTHEST / exact)
    )
    wide = np.minimum(exact + (growth * np.float32(half - exact)).astype(np.int64), half - 1)
    return np.asarray(np.where(offsets > 0, half, 0) + np.where(distance < exact, distance, wide))


def _embeddings(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder) -> str:
    """Words plus positions, normalised. Every text is one segment: the row of token type 0 joins the positions."""
    hidden, first = figures.hidden, 0 if figures.padding_id is None else figures.padding_id + 1
    words = weights.table("embeddings.word_embeddings.weight", hidden)
    table = weights.tensor("embeddings.position_embeddings.weight", first + figures.positions, hidden)
    if figures.token_types:
        table = table + weights.tensor("embeddings.token_type_embeddings.weight", -1, hidden)[0]
    positions = graph.constant("embeddings.positions", table[: first + max_tokens])
    rows = _counted_rows(positions, graph) if figures.padding_id is None else _padded_rows(figures, positions, graph)
    total = graph.node("Add", [graph.table_rows("embeddings.words", "input_ids", words), rows])
    scale, shift = _norm_weights(figures, weights, graph, "embeddings.LayerNorm")
    return graph.node("LayerNormalization", [total, scale, shift], epsilon=figures.epsilon)


def _counted_rows(positions: str, graph: GraphBuilder) -> str:
    """The first t rows of the position table, (1, t, h)."""
    width = graph.node("Shape", ["input_ids"], start=1, end=2)
    zero = graph.numbers(0)
    return graph.node("Unsqueeze", [graph.node("Slice", [positions, zero, width, zero]), zero])


def _padded_rows(figures: Figures, positions: str, graph: GraphBuilder) -> str:
    """Rows of the position table as RoBERTa counts them, (b, t, h): a padding id inside a text is not counted."""
    padding = graph.constant("padding_id", np.array(figures.padding_id, dtype=np.int64))
    counted = graph.node("Not", [graph.node("Equal", ["input_ids", padding])])
    steps = graph.node("Cast", [counted], to=INT64)
    places = graph.node("CumSum", [steps, graph.constant("axis", np.array(1, dtype=np.int64))])
    return graph.node("Gather", [positions, graph.node("Add", [graph.node("Mul", [places, steps]), padding])])


def _relative_bias(table: npt.NDArray[np.float32], max_tokens: int, graph: GraphBuilder) -> str:
    """MPNet's attention bias, (1, heads, t, t): one number for each head and offset, looked up from -t+1 to t-1."""
    offsets = np.arange(-max_tokens + 1, max_tokens, dtype=np.int64)
    by_offset = graph.constant("relative_bias", table[relative_buckets(offsets)].T)
    middle = graph.constant("middle", np.array(max_tokens - 1, dtype=np.int64))
    bias = graph.node("Gather", [by_offset, graph.node("Add", [graph.token_offsets(), middle])], axis=1)
    return graph.node("Unsqueeze", [bias, graph.numbers(0)])


def _layer(figures: Figures, weights: Weights, graph: GraphBuilder, hidden: str, bias: str, layer: str) -> str:
    attended = _attention(figures, weights, graph, hidden, bias, f"{layer}.attention")
    hidden = _residual(figures, weights, graph, attended, hidden, f"{layer}.attention.output")
    fed = _feed_forward(figures, weights, graph, hidden, layer)
    return _residual(figures, weights, graph, fed, hidden, f"{layer}.output")


def _attention(figures: Figures, weights: Weights, graph: GraphBuilder, hidden: str, bias: str, name: str) -> str:
    """Attention without the bias of its last projection, some heads at a time."""
    width, size = figures.hidden, figures.hidden // figures.heads
    inputs = [
        (weights.tensor(f"{name}.self.{part}.weight", width, width), weights.tensor(f"{name}.self.{part}.bias", width))
        for part in ("query", "key", "value")
    ]
    output = weights.tensor(f"{name}.output.dense.weight", width, width)
    parts = []
    for number, rows in enumerate(slices(width, size, HEADS_WIDTH)):
        projected = [
            graph.matrix_product(f"{name}.{part}.{number}", hidden, weight[rows])
            for part, (weight, _) in zip(("query", "key", "value"), inputs)
        ]
        shift = graph.constant(f"{name}.bias.{number}", np.concatenate([each[rows] for _, each in inputs]))
        heads = (rows.stop - rows.start) // size
        offsets = [graph.some_heads(bias, rows.start // size, heads)] if bias else []
        attended = graph.node(
            "MultiHeadAttention", [*projected, shift, "key_mask", *offsets], domain=MICROSOFT, num_heads=heads
        )
        parts.append(graph.matrix_product(f"{name}.output.{number}", attended, output[:, rows]))
    return graph.total(parts)


def _feed_forward(figures: Figures, weights: Weights, graph: GraphBuilder, hidden: str, layer: str) -> str:
    """The block after attention without its last bias, a part of the inner width at a time."""
    width, inner = figures.hidden, figures.inner
    opening = weights.tensor(f"{layer}.intermediate.dense.weight", inner, width)
    shift = weights.tensor(f"{layer}.intermediate.dense.bias", inner)
    closing = weights.tensor(f"{layer}.output.dense.weight", width, inner)
    parts = []
    for number, rows in enumerate(slices(inner, 1, INNER_WIDTH)):
        name = f"{layer}.inner.{number}"
        opened = graph.matrix_product(f"{name}.opening", hidden, opening[rows])
        part_shift = graph.constant(f"{name}.bias", shift[rows])
        if figures.activation == "gelu":
            active = graph.node("BiasGelu", [opened, part_shift], domain=MICROSOFT)
        else:
            active = ACTIVATIONS[figures.activation].nodes(graph, graph.node("Add", [opened, part_shift]))
        parts.append(graph.matrix_product(f"{name}.closing", active, closing[:, rows]))
    return graph.total(parts)


def _residual(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, skip: str, name: str) -> str:
    """Add the last bias and `skip` to a block's outcome, and normalise.

    Two additions and a LayerNormalization take half the time of the fused SkipLayerNormalization.
    """
    scale, shift = _norm_weights(figures, weights, graph, f"{name}.LayerNorm")
    bias = graph.constant(f"{name}.bias", weights.tensor(f"{name}.dense.bias", figures.hidden))
    total = graph.node("Add", [graph.node("Add", [source, bias]), skip])
    return graph.node("LayerNormalization", [total, scale, shift], epsilon=figures.epsilon)


def _norm_weights(figures: Figures, weights: Weights, graph: GraphBuilder, name: str) -> tuple[str, str]:
    return (
        graph.constant(f"{name}.weight", weights.tensor(f"{name}.weight", figures.hidden)),
        graph.constant(f"{name}.bias", weights.tensor(f"{name}.bias", figures.hidden)),
    )


# the reference: no code of the graph above


def postnorm_states(figures: Figures, weights: Weights, ids: Sequence[Sequence[int]]) -> States:
    """What the nodes should give, in plain numpy: the last hidden states of each text."""
    positions = wide(weights, "embeddings.position_embeddings.weight", -1, figures.hidden)
    states = table_rows(weights, "embeddings.word_embeddings.weight", figures, ids)
    states = [state + positions[_places(figures, row)] for state, row in zip(states, ids)]
    if "embeddings.token_type_embeddings.weight" in weights:
        first = wide(weights, "embeddings.token_type_embeddings.weight", -1, figures.hidden)[0]
        states = [state + first for state in states]
    states = normalise(states, weights, "embeddings.LayerNorm", figures)
    relative = "encoder.relative_attention_bias.weight"
    buckets = wide(weights, relative, 32, figures.heads) if relative in weights else None
    for number in range(figures.layers):
        layer = f"encoder.layer.{number}"
        query, key, value = (
            project(states, weights, f"{layer}.attention.self.{part}") for part in ("query", "key", "value")
        )
        attended = [
            attend(*parts, figures.heads, None if buckets is None else _mpnet_bias(buckets, len(parts[0])))
            for parts in zip(query, key, value)
        ]
        projected = project(attended, weights, f"{layer}.attention.output.dense")
        states = normalise(sums(projected, states), weights, f"{layer}.attention.output.LayerNorm", figures)
        inner = project(states, weights, f"{layer}.intermediate.dense")
        active = [ACTIVATIONS[figures.activation].values(state) for state in inner]
        projected = project(active, weights, f"{layer}.output.dense")
        states = normalise(sums(projected, states), weights, f"{layer}.output.LayerNorm", figures)
    return states


def _places(figures: Figures, ids: Sequence[int]) -> list[int]:
    """The row of the position table for each token."""
    if figures.padding_id is None:
        return list(range(len(ids)))
    places, last = [], figures.padding_id
    for number in ids:
        last += number != figures.padding_id
        places.append(figures.padding_id if number == figures.padding_id else last)
    return places


def _mpnet_bias(buckets: Array64, tokens: int) -> Array64:
    """(heads, t, t) from the (32, heads) table."""
    bias = np.empty((buckets.shape[1], tokens, tokens))
    for offset in range(1 - tokens, tokens):
        distance, bucket = abs(offset), 16 if offset > 0 else 0
        if distance < 8:
            bucket += distance
        else:
            bucket += min(15, 8 + int(math.log(distance / 8) / math.log(128 / 8) * 8 + 1e-6))
        rows = np.arange(max(0, -offset), min(tokens, tokens - offset))
        bias[:, rows, rows + offset] = buckets[bucket][:, None]
    return bias
