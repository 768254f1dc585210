"""ModernBERT, as a fused ONNX graph and as a reference: rotary positions, windows in most layers, pre-normalised blocks.

The model is that of Warner et al. 2024; every layer whose window is None looks at the whole text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rekall.errors import ExportFailed
from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.figures import WITH_TORCH, Config, Figures, malformed
from rekall.models.export.graph import HEADS_WIDTH, INNER_WIDTH, INT32, MICROSOFT, GraphBuilder, slices
from rekall.models.export.reference import States, attend, normalise, project, sums, table_rows
from rekall.models.export.rotary import add_turn, add_window_bias, read_rotary, turn, window
from rekall.models.export.weights import Array, Weights


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
    asked = config.get("rope_parameters") or {}
    turns = {kind: read_rotary(asked.get(kind) or {}, where, theta=base) for kind, base in bases.items()}
    reach = int(config.get("local_attention", 128)) // 2
    return replace(
        figures,
        rotary=tuple(turns[kind] for kind in kinds),
        windows=tuple(reach if kind == "sliding_attention" else None for kind in kinds),
    )


def add_modernbert(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder) -> str:
    """Add the encoder's nodes. Returns the name of the last hidden states, (b, t, h).

    Raises:
        ExportFailed: A tensor is missing or has another shape, or the activation is not supported.
    """
    if figures.activation not in ACTIVATIONS:
        raise ExportFailed(
            f"the model uses activation {figures.activation}", f"supported: {', '.join(sorted(ACTIVATIONS))}"
        )
    words = weights.table("embeddings.tok_embeddings.weight", figures.hidden)
    hidden = graph.table_rows("embeddings.words", "input_ids", words)
    hidden = _norm(figures, weights, graph, hidden, "embeddings.norm")
    graph.node("Cast", ["attention_mask"], to=INT32, output="key_mask")
    for layer in range(figures.layers):
        hidden = _layer(figures, max_tokens, weights, graph, hidden, layer)
    return _norm(figures, weights, graph, hidden, "final_norm")


def _layer(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder, hidden: str, layer: int) -> str:
    name = f"layers.{layer}"
    source = hidden
    if f"{name}.attn_norm.weight" in weights:  # the first layer has none
        source = _norm(figures, weights, graph, hidden, f"{name}.attn_norm")
    attended = _attention(figures, max_tokens, weights, graph, source, layer)
    hidden = graph.node("Add", [hidden, attended])
    source = _norm(figures, weights, graph, hidden, f"{name}.mlp_norm")
    return graph.node("Add", [hidden, _feed_forward(figures, weights, graph, source, f"{name}.mlp")])


def _attention(
    figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder, source: str, layer: int
) -> str:
    """Attention, some heads at a time."""
    name, width, size = f"layers.{layer}.attn", figures.hidden, figures.hidden // figures.heads
    joined, shift = _weight_and_bias(weights, f"{name}.Wqkv", 3 * width, width)
    output, last = _weight_and_bias(weights, f"{name}.Wo", width, width)
    rotary, reach = figures.rotary[layer], figures.windows[layer]
    unseen = ["", "key_mask"] if reach is None else ["", "key_mask", add_window_bias(reach, graph)]
    parts = []
    for number, rows in enumerate(slices(width, size, HEADS_WIDTH)):
        query, key, value = (
            _linear(
                graph,
                f"{name}.{part}.{number}",
                source,
                joined[place * width : (place + 1) * width][rows],
                None if shift is None else shift[place * width : (place + 1) * width][rows],
            )
            for place, part in enumerate(("query", "key", "value"))
        )
        heads = (rows.stop - rows.start) // size
        query, key = (add_turn(rotary, size, heads, max_tokens, graph, part) for part in (query, key))
        attended = graph.node(
            "MultiHeadAttention",
            [query, key, value, *unseen],
            domain=MICROSOFT,
            num_heads=heads,
        )
        parts.append(graph.matrix_product(f"{name}.output.{number}", attended, output[:, rows]))
    return _shifted(graph, f"{name}.Wo", graph.total(parts), last)


def _feed_forward(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, name: str) -> str:
    """The gated block, a part of the inner width at a time."""
    width, inner = figures.hidden, figures.inner
    opening, shift = _weight_and_bias(weights, f"{name}.Wi", 2 * inner, width)
    closing, last = _weight_and_bias(weights, f"{name}.Wo", width, inner)
    parts = []
    for number, rows in enumerate(slices(inner, 1, INNER_WIDTH)):
        active, gate = (
            _linear(
                graph,
                f"{name}.{part}.{number}",
                source,
                opening[place * inner : (place + 1) * inner][rows],
                None if shift is None else shift[place * inner : (place + 1) * inner][rows],
            )
            for place, part in enumerate(("inner", "gate"))
        )
        gated = graph.node("Mul", [ACTIVATIONS[figures.activation].nodes(graph, active), gate])
        parts.append(graph.matrix_product(f"{name}.closing.{number}", gated, closing[:, rows]))
    return _shifted(graph, f"{name}.Wo", graph.total(parts), last)


def _weight_and_bias(weights: Weights, name: str, outputs: int, inputs: int) -> tuple[Array, Array | None]:
    """A projection; published models have no biases."""
    bias = weights.tensor(f"{name}.bias", outputs) if f"{name}.bias" in weights else None
    return weights.tensor(f"{name}.weight", outputs, inputs), bias


def _linear(graph: GraphBuilder, name: str, source: str, weight: Array, bias: Array | None) -> str:
    return _shifted(graph, name, graph.matrix_product(name, source, weight), bias)


def _shifted(graph: GraphBuilder, name: str, source: str, bias: Array | None) -> str:
    return source if bias is None else graph.node("Add", [source, graph.constant(f"{name}.bias", bias)])


def _norm(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, name: str) -> str:
    scale = graph.constant(f"{name}.weight", weights.tensor(f"{name}.weight", figures.hidden))
    inputs = [source, scale]
    if f"{name}.bias" in weights:
        inputs.append(graph.constant(f"{name}.bias", weights.tensor(f"{name}.bias", figures.hidden)))
    return graph.node("LayerNormalization", inputs, epsilon=figures.epsilon)


# the reference: no code of the graph above


def modernbert_states(figures: Figures, weights: Weights, ids: Sequence[Sequence[int]]) -> States:
    """What the nodes should give, in plain numpy: the last hidden states of each text."""
    states = table_rows(weights, "embeddings.tok_embeddings.weight", figures, ids)
    states = normalise(states, weights, "embeddings.norm", figures)
    for number in range(figures.layers):
        layer, rotary, reach = f"layers.{number}", figures.rotary[number], figures.windows[number]
        first = number == 0 and f"{layer}.attn_norm.weight" not in weights
        source = states if first else normalise(states, weights, f"{layer}.attn_norm", figures)
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
