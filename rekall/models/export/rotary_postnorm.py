"""BERT with rotary positions, as a fused ONNX graph and as a reference: encoders that normalise after each block.

RoFormer, NomicBERT, GTE ("new") and the XLM-RoBERTa of jina-embeddings-v3 differ in tensor names (`rotary_families`), in
biases, and in whether the feed-forward block is gated; RoFormer's embeddings may be narrower than its states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rekall.errors import ExportFailed
from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.bert_parts import check_activation
from rekall.models.export.figures import WITH_TORCH, Figures
from rekall.models.export.graph import INT32, GraphBuilder
from rekall.models.export.reference import States, attend, normalise, project, sums, table_rows, wide
from rekall.models.export.rotary import rotary_angles, turn
from rekall.models.export.rotary_blocks import (
    add_attention,
    add_feed_forward,
    add_linear,
    add_norm,
    read_linear,
    read_linears,
)
from rekall.models.export.weights import Weights


def add_rotary_postnorm(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder) -> str:
    """Add the encoder's nodes. Returns the name of the last hidden states, (b, t, h).

    Raises:
        ExportFailed: A tensor is missing or has another shape, or the activation is not supported.
    """
    check_activation(figures)
    _check_angles(figures, weights)
    width = figures.embedding or figures.hidden
    words = weights.table("embeddings.word_embeddings.weight", width)
    hidden = graph.table_rows("embeddings.words", "input_ids", words)
    if figures.token_types:  # every text is of type 0
        row = weights.tensor("embeddings.token_type_embeddings.weight", -1, width)[0]
        hidden = graph.node("Add", [hidden, graph.constant("embeddings.type", np.ascontiguousarray(row))])
    hidden = add_norm(replace(figures, hidden=width), weights, graph, hidden, "embeddings.LayerNorm")
    if figures.embedding:
        projection = read_linear(weights, "embeddings_project", figures.hidden, width, bias=True)
        hidden = add_linear(graph, "embeddings_project", hidden, projection)
    graph.node("Cast", ["attention_mask"], to=INT32, output="key_mask")
    for layer in range(figures.layers):
        hidden = _layer(figures, max_tokens, weights, graph, hidden, layer)
    return hidden


def _check_angles(figures: Figures, weights: Weights) -> None:
    """Refuse angles that RoFormer's file holds, sines beside cosines, where they are not what the architecture says."""
    name, size = "encoder.embed_positions.weight", figures.hidden // figures.heads
    if name in weights:
        stored = weights.tensor(name, -1, size)
        angles = rotary_angles(figures.rotary[0], len(stored), size)
        if not np.allclose(stored, np.concatenate([np.sin(angles), np.cos(angles)], axis=1), atol=1e-3):
            raise ExportFailed(f"{name} holds angles of its own, which is not supported", WITH_TORCH)


def _layer(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder, hidden: str, layer: int) -> str:
    name, width, inner, biases = f"layers.{layer}", figures.hidden, figures.inner, figures.biases
    names = [f"{name}.attn.{part}_proj" for part in "qkv"]
    inputs = read_linears(weights, f"{name}.attn.qkv_proj", names, width, width, bias=biases.attention)
    output = read_linear(weights, f"{name}.attn.o_proj", width, width, bias=biases.attention)
    rotary = figures.rotary[layer]
    attended = add_attention(figures, max_tokens, graph, hidden, f"{name}.attn", inputs, output, rotary)
    hidden = add_norm(figures, weights, graph, graph.node("Add", [attended, hidden]), f"{name}.attn_norm")
    if figures.gated:
        names = [f"{name}.mlp.{part}_proj" for part in ("up", "gate")]
        opening = read_linears(weights, f"{name}.mlp.up_gate_proj", names, inner, width, bias=biases.opening)[::-1]
    else:
        opening = [read_linear(weights, f"{name}.mlp.up_proj", inner, width, bias=biases.opening)]
    closing = read_linear(weights, f"{name}.mlp.down_proj", width, inner, bias=biases.closing)
    fed = add_feed_forward(figures, graph, hidden, f"{name}.mlp", opening, closing)
    return add_norm(figures, weights, graph, graph.node("Add", [fed, hidden]), f"{name}.mlp_norm")


# the reference: no code of the graph above


def rotary_postnorm_states(figures: Figures, weights: Weights, ids: Sequence[Sequence[int]]) -> States:
    """What the nodes should give, in plain numpy: the last hidden states of each text."""
    tables = replace(figures, hidden=figures.embedding or figures.hidden)
    states = table_rows(weights, "embeddings.word_embeddings.weight", tables, ids)
    types = "embeddings.token_type_embeddings.weight"
    if types in weights:
        first = wide(weights, types, -1, tables.hidden)[0]
        states = [state + first for state in states]
    states = normalise(states, weights, "embeddings.LayerNorm", tables)
    if "embeddings_project.weight" in weights:
        states = project(states, weights, "embeddings_project")
    for number in range(figures.layers):
        layer, rotary = f"layers.{number}", figures.rotary[number]
        attended = [
            attend(turn(query, figures.heads, rotary), turn(key, figures.heads, rotary), value, figures.heads)
            for query, key, value in _several(states, weights, f"{layer}.attn", "qkv", "q k v")
        ]
        projected = project(attended, weights, f"{layer}.attn.o_proj")
        states = normalise(sums(projected, states), weights, f"{layer}.attn_norm", figures)
        active = ACTIVATIONS[figures.activation].values
        if figures.gated:
            pairs = _several(states, weights, f"{layer}.mlp", "up_gate", "up gate")
            inner = [active(gate) * up for up, gate in pairs]
        else:
            inner = [active(state) for state in project(states, weights, f"{layer}.mlp.up_proj")]
        projected = project(inner, weights, f"{layer}.mlp.down_proj")
        states = normalise(sums(projected, states), weights, f"{layer}.mlp_norm", figures)
    return states


def _several(states: States, weights: Weights, block: str, joined: str, parts: str) -> list[States]:
    """For each text, what several projections of it give, whether they are stored as one or each for itself."""
    if f"{block}.{joined}_proj.weight" in weights:
        return [
            list(np.split(both, len(parts.split()), axis=1))
            for both in project(states, weights, f"{block}.{joined}_proj")
        ]
    each = [project(states, weights, f"{block}.{part}_proj") for part in parts.split()]
    return [list(results) for results in zip(*each)]
