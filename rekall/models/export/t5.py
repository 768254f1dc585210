"""The encoders of T5, mT5 and UMT5, as a fused ONNX graph and as a reference: distances as a bias, no positions.

The model is that of Raffel et al. 2020: blocks normalise by the root mean square first, scores are not scaled, and
nothing has a bias but the attention, by distance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rekall.errors import ExportFailed
from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.figures import T5, Config, Figures, malformed
from rekall.models.export.graph import INT32, MICROSOFT, GraphBuilder
from rekall.models.export.postnorm import add_distance_bias
from rekall.models.export.reference import Array64, States, project, sums, table_rows, wide
from rekall.models.export.weights import Weights


def t5_figures(figures: Figures, config: Config, where: str) -> Figures:
    """Heads, distances and feed-forward block of T5, and of UMT5, whose layers have a bias each.

    Raises:
        ExportFailed: A figure is missing, not a number, or out of bounds.
    """
    try:
        form = str(config["feed_forward_proj"])
        opening, _, last = form.rpartition("-")
        if opening not in ("", "gated"):
            raise ValueError(f"feed_forward_proj is {form}")
        parts = T5(
            size=int(config["d_kv"]),
            buckets=int(config["relative_attention_num_buckets"]),
            farthest=int(config["relative_attention_max_distance"]),
            every_layer=config.get("model_type") == "umt5",
            gated=bool(config.get("is_gated_act", opening == "gated")),
        )
        activation = str(config.get("dense_act_fn", "gelu_new" if form == "gated-gelu" else last))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise malformed(where, error) from error
    exact = parts.buckets // 4
    if not (1 <= parts.size <= 1 << 20 and 1 <= exact < parts.farthest <= 1 << 20 and parts.buckets <= 1 << 20):
        raise malformed(where, ValueError(f"{parts}"))
    return replace(figures, activation=activation, t5=parts)


def add_t5(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder) -> str:
    """Add the encoder's nodes. Returns the name of the last hidden states, (b, t, h).

    Raises:
        ExportFailed: A tensor is missing or has another shape, or the activation is not supported.
    """
    if figures.activation not in ACTIVATIONS:
        raise ExportFailed(
            f"the model uses activation {figures.activation}", f"supported: {', '.join(sorted(ACTIVATIONS))}"
        )
    parts = _parts(figures)
    hidden = graph.table_rows("embeddings.words", "input_ids", weights.table("shared.weight", figures.hidden))
    graph.node("Cast", ["attention_mask"], to=INT32, output="key_mask")
    bias = ""
    for number in range(figures.layers):
        layer = f"encoder.block.{number}.layer"
        if not number or parts.every_layer:
            name = f"{layer}.0.SelfAttention.relative_attention_bias"
            table = weights.tensor(f"{name}.weight", parts.buckets, figures.heads)
            bias = add_distance_bias(name, table, parts.farthest, max_tokens, graph)
        source = _norm(figures, weights, graph, hidden, f"{layer}.0.layer_norm")
        attended = _attention(figures, weights, graph, source, bias, f"{layer}.0.SelfAttention")
        hidden = graph.node("Add", [hidden, attended])
        source = _norm(figures, weights, graph, hidden, f"{layer}.1.layer_norm")
        fed = _feed_forward(figures, weights, graph, source, f"{layer}.1.DenseReluDense")
        hidden = graph.node("Add", [hidden, fed])
    return _norm(figures, weights, graph, hidden, "encoder.final_layer_norm")


def _parts(figures: Figures) -> T5:
    if figures.t5 is None:
        raise TypeError("these are no figures of T5")
    return figures.t5


def _norm(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, name: str) -> str:
    scale = graph.constant(f"{name}.weight", weights.tensor(f"{name}.weight", figures.hidden))
    return graph.root_mean_square_norm(source, scale, figures.epsilon)


def _attention(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, bias: str, name: str) -> str:
    """Attention, some heads at a time."""
    size = _parts(figures).size
    inner = figures.heads * size
    inputs = [weights.tensor(f"{name}.{part}.weight", inner, figures.hidden) for part in ("q", "k", "v")]
    output = weights.tensor(f"{name}.o.weight", figures.hidden, inner)
    parts = []
    for number, rows in enumerate(graph.heads(inner, size)):
        projected = [
            graph.matrix_product(f"{name}.{part}.{number}", source, weight[rows]) for part, weight in zip("qkv", inputs)
        ]
        heads = (rows.stop - rows.start) // size
        attended = graph.node(
            "MultiHeadAttention",
            [*projected, "", "key_mask", graph.some_heads(bias, rows.start // size, heads)],
            domain=MICROSOFT,
            num_heads=heads,
            scale=1.0,
        )
        parts.append(graph.matrix_product(f"{name}.o.{number}", attended, output[:, rows]))
    return graph.total(parts)


def _feed_forward(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, name: str) -> str:
    """The feed-forward block, a part of the inner width at a time."""
    gated = _parts(figures).gated
    opening = weights.tensor(f"{name}.{'wi_0' if gated else 'wi'}.weight", figures.inner, figures.hidden)
    gate = weights.tensor(f"{name}.wi_1.weight", figures.inner, figures.hidden) if gated else None
    closing = weights.tensor(f"{name}.wo.weight", figures.hidden, figures.inner)
    parts = []
    for number, rows in enumerate(graph.inner(figures.inner)):
        active = graph.matrix_product(f"{name}.wi.{number}", source, opening[rows])
        active = ACTIVATIONS[figures.activation].nodes(graph, active)
        if gate is not None:
            passed = graph.matrix_product(f"{name}.gate.{number}", source, gate[rows])
            active = graph.node("Mul", [active, passed])
        parts.append(graph.matrix_product(f"{name}.wo.{number}", active, closing[:, rows]))
    return graph.total(parts)


# the reference: no code of the graph above


def t5_states(figures: Figures, weights: Weights, ids: Sequence[Sequence[int]]) -> States:
    """What the nodes should give, in plain numpy: the last hidden states of each text."""
    parts = _parts(figures)
    states = table_rows(weights, "shared.weight", figures, ids)
    table = np.empty((0, 0))
    for number in range(figures.layers):
        attention, feed = f"encoder.block.{number}.layer.0", f"encoder.block.{number}.layer.1"
        if number == 0 or parts.every_layer:
            table = wide(weights, f"{attention}.SelfAttention.relative_attention_bias.weight", -1, figures.heads)
        source = _scaled(states, weights, f"{attention}.layer_norm", figures.epsilon)
        queries, keys, values = (project(source, weights, f"{attention}.SelfAttention.{part}") for part in "qkv")
        attended = [_attend(*text, table, parts.farthest) for text in zip(queries, keys, values)]
        states = sums(states, project(attended, weights, f"{attention}.SelfAttention.o"))
        source = _scaled(states, weights, f"{feed}.layer_norm", figures.epsilon)
        block = f"{feed}.DenseReluDense"
        opened = project(source, weights, f"{block}.wi_0" if parts.gated else f"{block}.wi")
        inner = [ACTIVATIONS[figures.activation].values(state) for state in opened]
        if parts.gated:
            inner = [state * gate for state, gate in zip(inner, project(source, weights, f"{block}.wi_1"))]
        states = sums(states, project(inner, weights, f"{block}.wo"))
    return _scaled(states, weights, "encoder.final_layer_norm", figures.epsilon)


def _scaled(states: States, weights: Weights, name: str, epsilon: float) -> States:
    scale = wide(weights, f"{name}.weight", -1)
    return [state * scale / np.sqrt(np.mean(state**2, axis=1, keepdims=True) + epsilon) for state in states]


def _attend(query: Array64, key: Array64, value: Array64, table: Array64, farthest: int) -> Array64:
    """Attention of one text, head by head, with the (buckets, heads) table of what distances add."""
    tokens, heads = len(query), table.shape[1]
    by_offset = np.array([_bucket(offset, len(table), farthest) for offset in range(1 - tokens, tokens)])
    places = np.arange(tokens)
    buckets = by_offset[places - places[:, None] + tokens - 1]
    result = []
    for head, (q, k, v) in enumerate(zip(*(np.split(part, heads, axis=1) for part in (query, key, value)))):
        scores = q @ k.T + table[buckets, head]
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        result.append(shares @ v / shares.sum(axis=1, keepdims=True))
    return np.concatenate(result, axis=1)


def _bucket(offset: int, buckets: int, farthest: int) -> int:
    """The row of the table for the distance to a token; ahead, the second half."""
    half = buckets // 2
    near, distance, first = half // 2, abs(offset), half if offset > 0 else 0
    if distance < near:
        return first + distance
    share = math.log(distance / near) / math.log(farthest / near)
    return first + min(half - 1, near + int(share * (half - near) + 1e-6))
