"""JinaBERT (jina-embeddings-v2), as a fused ONNX graph and as a reference: BERT whose attention fades with distance.

In place of positions, a score falls by a slope of its head for every token between (ALiBi, Press et al. 2022, to both
sides), and the feed-forward block is gated. The models for code also normalise queries, keys and each block once more.
Which of the two it is, the names of the tensors tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.bert_parts import (
    add_attention,
    add_bias,
    add_embeddings,
    add_feed_forward,
    add_norm,
    attention_states,
    check_activation,
    embedding_states,
    feed_forward_states,
    layer_names,
)
from rekall.models.export.figures import Config, Figures, malformed
from rekall.models.export.graph import FLOAT, MICROSOFT, GraphBuilder
from rekall.models.export.reference import Array64, States, attend, normalise, project, sums
from rekall.models.export.weights import Weights

_GATES = {"geglu": "gelu", "reglu": "relu"}


def jina_bert_figures(figures: Figures, config: Config, where: str) -> Figures:
    """The feed-forward block of JinaBERT.

    Raises:
        ExportFailed: It is of a kind that is not known.
    """
    form = config.get("feed_forward_type", "original")
    if form == "original":
        return replace(figures, alibi=True)
    if form not in _GATES:
        raise malformed(where, ValueError(f"feed_forward_type is {form!r}"))
    return replace(figures, alibi=True, gated=True, activation=_GATES[form])


def add_jina_bert(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder) -> str:
    """Add the encoder's nodes. Returns the name of the last hidden states, (b, t, h).

    Raises:
        ExportFailed: A tensor is missing or has another shape, or the activation is not supported.
    """
    check_activation(figures)
    hidden = add_embeddings(figures, max_tokens, weights, graph)
    bias = _fading(figures, graph)
    for layer in layer_names(figures):
        twice = f"{layer}.layer_norm_1.weight" in weights
        attend_with = _normed_attention if twice else add_attention
        attended = attend_with(figures, weights, graph, hidden, bias, f"{layer}.attention")
        attended = add_bias(figures, weights, graph, attended, f"{layer}.attention.output")
        total = graph.node("Add", [attended, hidden])
        attended = add_norm(figures, weights, graph, total, f"{layer}.attention.output.LayerNorm")
        if twice:
            attended = add_norm(figures, weights, graph, graph.node("Add", [hidden, attended]), f"{layer}.layer_norm_1")
        hidden = _feed_forward(figures, weights, graph, attended, layer)
    return hidden


def slopes(heads: int) -> list[float]:
    """By how much the scores of each head fall for every token of distance.

    A power of two heads get a geometric row from 2^(-8/heads) on; others the row of the next power below, and then every
    second one of the row above.
    """
    whole = 1 << (heads.bit_length() - 1)
    row = [2.0 ** (-8.0 * (head + 1) / whole) for head in range(whole)]
    return row if whole == heads else [*row, *slopes(2 * whole)[0::2][: heads - whole]]


def _fading(figures: Figures, graph: GraphBuilder) -> str:
    """What distances take from the scores of attention, (1, heads, t, t)."""
    falls = -np.array(slopes(figures.heads), dtype=np.float32)[:, None, None]
    distance = graph.node("Cast", [graph.node("Abs", [graph.token_offsets()])], to=FLOAT)
    bias = graph.node("Mul", [graph.constant("slopes", falls), distance])
    return graph.node("Unsqueeze", [bias, graph.numbers(0)])


def _normed_attention(
    figures: Figures, weights: Weights, graph: GraphBuilder, source: str, bias: str, name: str
) -> str:
    """Attention whose queries and keys are normalised over all heads, without the bias of its last projection."""
    width, size = figures.hidden, figures.hidden // figures.heads
    cut = graph.heads(width, size)
    whole = {}
    for part in ("query", "key"):
        matrix = weights.tensor(f"{name}.self.{part}.weight", width, width)
        products = [
            graph.matrix_product(f"{name}.{part}.{number}", source, matrix[rows]) for number, rows in enumerate(cut)
        ]
        joined = products[0] if len(products) == 1 else graph.node("Concat", products, axis=2)
        shift = graph.constant(f"{name}.{part}.bias", weights.tensor(f"{name}.self.{part}.bias", width))
        shifted = graph.node("Add", [joined, shift])
        whole[part] = add_norm(figures, weights, graph, shifted, f"{name}.self.layer_norm_{part[0]}")
    value = weights.tensor(f"{name}.self.value.weight", width, width)
    last = weights.tensor(f"{name}.self.value.bias", width)
    output = weights.tensor(f"{name}.output.dense.weight", width, width)
    parts = []
    for number, rows in enumerate(cut):
        ends = [graph.numbers(rows.start), graph.numbers(rows.stop), graph.numbers(2)]
        query, key = (graph.node("Slice", [whole[part], *ends]) for part in ("query", "key"))
        shift = graph.constant(f"{name}.value.{number}.bias", last[rows])
        values = graph.node("Add", [graph.matrix_product(f"{name}.value.{number}", source, value[rows]), shift])
        heads = (rows.stop - rows.start) // size
        fading = graph.some_heads(bias, rows.start // size, heads)
        attended = graph.node(
            "MultiHeadAttention", [query, key, values, "", "key_mask", fading], domain=MICROSOFT, num_heads=heads
        )
        parts.append(graph.matrix_product(f"{name}.output.{number}", attended, output[:, rows]))
    return graph.total(parts)


def _feed_forward(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, layer: str) -> str:
    """The block after attention, normalised. The half that passes a gate comes first, or second in models for code."""
    if not figures.gated:
        fed = add_feed_forward(figures, weights, graph, source, layer)
        fed = add_bias(figures, weights, graph, fed, f"{layer}.output")
        return add_norm(figures, weights, graph, graph.node("Add", [fed, source]), f"{layer}.output.LayerNorm")
    width, inner = figures.hidden, figures.inner
    code = f"{layer}.layer_norm_1.weight" in weights
    opening_name, closing_name = ("up_gated_layer", "down_layer") if code else ("gated_layers", "wo")
    halves = weights.tensor(f"{layer}.mlp.{opening_name}.weight", 2 * inner, width)
    gate, passed = (halves[inner:], halves[:inner]) if code else (halves[:inner], halves[inner:])
    closing = weights.tensor(f"{layer}.mlp.{closing_name}.weight", width, inner)
    last = graph.constant(f"{layer}.mlp.bias", weights.tensor(f"{layer}.mlp.{closing_name}.bias", width))
    parts = []
    for number, rows in enumerate(graph.inner(inner)):
        active = graph.matrix_product(f"{layer}.gate.{number}", source, gate[rows])
        active = ACTIVATIONS[figures.activation].nodes(graph, active)
        other = graph.matrix_product(f"{layer}.passed.{number}", source, passed[rows])
        gated = graph.node("Mul", [active, other])
        parts.append(graph.matrix_product(f"{layer}.closing.{number}", gated, closing[:, rows]))
    total = graph.node("Add", [graph.node("Add", [graph.total(parts), last]), source])
    return add_norm(figures, weights, graph, total, f"{layer}.layer_norm_2" if code else f"{layer}.mlp.layernorm")


# the reference: no code of the graph above


def jina_bert_states(figures: Figures, weights: Weights, ids: Sequence[Sequence[int]]) -> States:
    """What the nodes should give, in plain numpy: the last hidden states of each text."""
    states = embedding_states(figures, weights, ids)
    fading = partial(_alibi, figures.heads)
    for layer in layer_names(figures):
        name = f"{layer}.attention"
        if f"{name}.self.layer_norm_q.weight" in weights:
            query, key = (
                normalise(project(states, weights, f"{name}.self.{part}"), weights, f"{name}.self.{norm}", figures)
                for part, norm in (("query", "layer_norm_q"), ("key", "layer_norm_k"))
            )
            value = project(states, weights, f"{name}.self.value")
            attended = [attend(*text, figures.heads, fading(len(text[0]))) for text in zip(query, key, value)]
            attended = project(attended, weights, f"{name}.output.dense")
            attended = normalise(sums(attended, states), weights, f"{name}.output.LayerNorm", figures)
            states = normalise(sums(attended, states), weights, f"{layer}.layer_norm_1", figures)
            opened = [np.split(state, 2, axis=1) for state in project(states, weights, f"{layer}.mlp.up_gated_layer")]
            gated = [up * ACTIVATIONS[figures.activation].values(gate) for up, gate in opened]
            fed = project(gated, weights, f"{layer}.mlp.down_layer")
            states = normalise(sums(fed, states), weights, f"{layer}.layer_norm_2", figures)
            continue
        attended = attention_states(figures, weights, states, name, fading)
        states = normalise(sums(attended, states), weights, f"{name}.output.LayerNorm", figures)
        if figures.gated:
            opened = [np.split(state, 2, axis=1) for state in project(states, weights, f"{layer}.mlp.gated_layers")]
            gated = [ACTIVATIONS[figures.activation].values(gate) * up for gate, up in opened]
            fed = project(gated, weights, f"{layer}.mlp.wo")
            states = normalise(sums(fed, states), weights, f"{layer}.mlp.layernorm", figures)
        else:
            fed = feed_forward_states(figures, weights, states, layer)
            states = normalise(sums(fed, states), weights, f"{layer}.output.LayerNorm", figures)
    return states


def _alibi(heads: int, tokens: int) -> Array64:
    """(heads, t, t): minus the slope of a head times the distance."""
    below = 2 ** int(np.log2(heads))
    steep = [0.5 ** (8 * n / below) for n in range(1, below + 1)]
    steep += [0.5 ** (4 * n / below) for n in range(1, 2 * (heads - below), 2)]
    places = np.arange(tokens)
    return np.asarray(-np.array(steep)[:, None, None] * np.abs(places[:, None] - places))
