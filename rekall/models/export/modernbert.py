"""ModernBERT, as a fused ONNX graph and as a reference: rotary positions, windows in most layers, pre-normalised blocks.

The model is that of Warner et al. 2024; every layer whose window is None looks at the whole text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rekall.errors import ExportFailed
from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.bert_parts import check_activation
from rekall.models.export.figures import WITH_TORCH, Biases, Config, Figures, malformed
from rekall.models.export.graph import INT32, GraphBuilder
from rekall.models.export.reference import States, attend, normalise, project, sums, table_rows
from rekall.models.export.rotary import read_rotary, turn, window
from rekall.models.export.rotary_blocks import (
    add_attention,
    add_feed_forward,
    add_norm,
    read_linear,
    read_linears,
)
from rekall.models.export.weights import Weights


def rotary_figures(figures: Figures, config: Config, where: str) -> Figures:
    """Rotary base and window of each layer, from either generation of ModernBERT's configuration.

    Raises:
        ExportFailed: The configuration names another kind of layer or of rotary positions, or is malformed.
    """
    try:
        return _rotary(figures, config, where)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise malformed(where, error) from error


def _rotary(figures: Figures, config: Config, where: str) -> Figures:
    every = int(config.get("global_attn_every_n_layers", 3))
    kinds = config.get("layer_types") or [
        "sliding_attention" if layer % every else "full_attention" for layer in range(figures.layers)
    ]
    if len(kinds) != figures.layers or not set(kinds) <= {"full_attention", "sliding_attention"}:
        raise ExportFailed(f"{where} asks for layers of another kind: {kinds}", WITH_TORCH)
    bases = {
        "full_attention": float(config.get("global_rope_theta", 160_000.0)),
        "sliding_attention": float(config.get("local_rope_theta", 10_000.0)),
    }
    asked, scaled = config.get("rope_parameters") or {}, config.get("rope_scaling") or {}
    if strangers := asked.keys() - bases.keys():
        raise ExportFailed(f"{where} has `rope_parameters` for no kind of layer: {', '.join(strangers)}", WITH_TORCH)
    plain = {"rope_type": "default"}  # to which transformers adds a scaling, whose older `type` then says nothing
    turns = {
        kind: read_rotary(
            {**(asked.get(kind) or plain), **scaled},
            where,
            theta=base,
            trained=int(config["max_position_embeddings"]),
        )
        for kind, base in bases.items()
    }
    reach = int(config.get("local_attention", 128)) // 2
    return replace(
        figures,
        rotary=tuple(turns[kind] for kind in kinds),
        windows=tuple(reach if kind == "sliding_attention" else None for kind in kinds),
        biases=Biases(
            attention=bool(config.get("attention_bias")),
            opening=bool(config.get("mlp_bias")),
            closing=bool(config.get("mlp_bias")),
            norms=bool(config.get("norm_bias")),
        ),
    )


def add_modernbert(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder) -> str:
    """Add the encoder's nodes. Returns the name of the last hidden states, (b, t, h).

    Raises:
        ExportFailed: A tensor is missing or has another shape, or the activation is not supported.
    """
    check_activation(figures)
    words = weights.table("embeddings.tok_embeddings.weight", figures.hidden)
    hidden = graph.table_rows("embeddings.words", "input_ids", words)
    hidden = add_norm(figures, weights, graph, hidden, "embeddings.norm")
    graph.node("Cast", ["attention_mask"], to=INT32, output="key_mask")
    for layer in range(figures.layers):
        hidden = _layer(figures, max_tokens, weights, graph, hidden, layer)
    return add_norm(figures, weights, graph, hidden, "final_norm")


def _layer(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder, hidden: str, layer: int) -> str:
    name, width, inner, biases = f"layers.{layer}", figures.hidden, figures.inner, figures.biases
    source = add_norm(figures, weights, graph, hidden, f"{name}.attn_norm") if layer else hidden
    inputs = read_linears(weights, f"{name}.attn.Wqkv", ("query", "key", "value"), width, width, bias=biases.attention)
    output = read_linear(weights, f"{name}.attn.Wo", width, width, bias=biases.attention)
    how = figures.rotary[layer], figures.windows[layer]
    attended = add_attention(figures, max_tokens, graph, source, f"{name}.attn", inputs, output, *how)
    hidden = graph.node("Add", [hidden, attended])
    source = add_norm(figures, weights, graph, hidden, f"{name}.mlp_norm")
    opening = read_linears(weights, f"{name}.mlp.Wi", ("active", "gated"), inner, width, bias=biases.opening)
    closing = read_linear(weights, f"{name}.mlp.Wo", width, inner, bias=biases.closing)
    return graph.node("Add", [hidden, add_feed_forward(figures, graph, source, f"{name}.mlp", opening, closing)])


# the reference: no code of the graph above


def modernbert_states(figures: Figures, weights: Weights, ids: Sequence[Sequence[int]]) -> States:
    """What the nodes should give, in plain numpy: the last hidden states of each text."""
    states = table_rows(weights, "embeddings.tok_embeddings.weight", figures, ids)
    states = normalise(states, weights, "embeddings.norm", figures)
    for number in range(figures.layers):
        layer, rotary, reach = f"layers.{number}", figures.rotary[number], figures.windows[number]
        source = states if number == 0 else normalise(states, weights, f"{layer}.attn_norm", figures)
        attended = []
        for joined in project(source, weights, f"{layer}.attn.Wqkv"):
            query, key, value = np.split(joined, 3, axis=1)
            query, key = (turn(part, figures.heads, rotary) for part in (query, key))
            attended.append(attend(query, key, value, figures.heads, window(len(joined), reach)))
        states = sums(states, project(attended, weights, f"{layer}.attn.Wo"))
        source = normalise(states, weights, f"{layer}.mlp_norm", figures)
        gated = []
        for joined in project(source, weights, f"{layer}.mlp.Wi"):
            inner, gate = np.split(joined, 2, axis=1)
            gated.append(ACTIVATIONS[figures.activation].values(inner) * gate)
        states = sums(states, project(gated, weights, f"{layer}.mlp.Wo"))
    return normalise(states, weights, "final_norm", figures)
