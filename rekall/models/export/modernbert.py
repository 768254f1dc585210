"""ModernBERT, as a fused ONNX graph and as a reference: rotary positions, windows in most layers, pre-normalised blocks.

The model is that of Warner et al. 2024; every layer whose window is None looks at the whole text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from rekall.errors import ExportFailed
from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.figures import WITH_TORCH, Config, Figures, malformed
from rekall.models.export.graph import FLOAT, HEADS_WIDTH, INNER_WIDTH, INT32, MICROSOFT, GraphBuilder, slices
from rekall.models.export.reference import Array64, States, attend, normalise, project, sums, table_rows
from rekall.models.export.weights import Array, Weights

_OUT_OF_SIGHT = np.float32(-30_000.0)
"""Added to the score of a token outside the window: its exp is 0, and together with the padding's -10,000 it stays
finite."""


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
        "full_attention": config.get("global_rope_theta", 160_000.0),
        "sliding_attention": config.get("local_rope_theta", 10_000.0),
    }
    for kind, parameters in (config.get("rope_parameters") or {}).items():
        if parameters and parameters.get("rope_type", "default") != "default":
            raise ExportFailed(f"{where} asks for rotary positions of type {parameters['rope_type']}", WITH_TORCH)
        if parameters and parameters.get("rope_theta") is not None:
            bases[kind] = parameters["rope_theta"]
    reach = int(config.get("local_attention", 128)) // 2
    return replace(
        figures,
        thetas=tuple(float(bases[kind]) for kind in kinds),
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


def rotary_angles(theta: float, positions: int, size: int) -> npt.NDArray[np.float64]:
    """The angle by which each pair of numbers turns at each position (Su et al. 2021). Returns (positions, size / 2)."""
    speeds = 1.0 / theta ** (np.arange(0, size, 2, dtype=np.float64) / size)
    return np.asarray(np.arange(positions, dtype=np.float64)[:, None] * speeds)


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
    window = figures.windows[layer]
    unseen = ["", "key_mask"] if window is None else ["", "key_mask", _window_bias(window, graph)]
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
        query, key = (_turned(figures, max_tokens, graph, part, figures.thetas[layer]) for part in (query, key))
        attended = graph.node(
            "MultiHeadAttention",
            [query, key, value, *unseen],
            domain=MICROSOFT,
            num_heads=(rows.stop - rows.start) // size,
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


def _turned(figures: Figures, max_tokens: int, graph: GraphBuilder, source: str, theta: float) -> str:
    """Queries or keys (b, t, h), turned by their positions."""
    angles = rotary_angles(theta, max_tokens, figures.hidden // figures.heads)
    cosines = graph.constant(f"rotary.{theta:g}.cos", np.cos(angles).astype(np.float32))
    sines = graph.constant(f"rotary.{theta:g}.sin", np.sin(angles).astype(np.float32))
    return graph.node("RotaryEmbedding", [source, graph.numbers(0), cosines, sines], domain=MICROSOFT)


def _window_bias(reach: int, graph: GraphBuilder) -> str:
    """What is added to attention scores, (1, 1, t, t): nothing within `reach` tokens to either side, inclusive."""

    def make(name: str) -> None:
        limit = graph.constant(f"reach_{reach}", np.array(reach, dtype=np.int64))
        outside = graph.node(
            "Cast", [graph.node("Greater", [graph.node("Abs", [graph.token_offsets()]), limit])], to=FLOAT
        )
        bias = graph.node("Mul", [outside, graph.constant("out_of_sight", np.array(_OUT_OF_SIGHT))])
        graph.node("Unsqueeze", [bias, graph.numbers(0, 1)], output=name)

    return graph.once(f"window_{reach}", make)


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
        layer, theta, window = f"layers.{number}", figures.thetas[number], figures.windows[number]
        first = number == 0 and f"{layer}.attn_norm.weight" not in weights
        source = states if first else normalise(states, weights, f"{layer}.attn_norm", figures)
        attended = []
        for joined in project(source, weights, f"{layer}.attn.Wqkv"):
            query, key, value = np.split(joined, 3, axis=1)
            query, key = (_turn(part, figures.heads, theta) for part in (query, key))
            attended.append(attend(query, key, value, figures.heads, _window(len(joined), window)))
        states = sums(states, project(attended, weights, f"{layer}.attn.Wo"))
        source = normalise(states, weights, f"{layer}.mlp_norm", figures)
        gated = []
        for joined in project(source, weights, f"{layer}.mlp.Wi"):
            inner, gate = np.split(joined, 2, axis=1)
            gated.append(ACTIVATIONS[figures.activation].values(inner) * gate)
        states = sums(states, project(gated, weights, f"{layer}.mlp.Wo"))
    return normalise(states, weights, "final_norm", figures)


def _window(tokens: int, reach: int | None) -> Array64 | None:
    if reach is None:
        return None
    places = np.arange(tokens)
    return np.where(np.abs(places[:, None] - places) > reach, -np.inf, 0.0)


def _turn(source: Array64, heads: int, theta: float) -> Array64:
    """Rotate each pair (i, i + size / 2) of a head by its position's angle. (t, h) to (t, h)."""
    tokens, width = source.shape
    size = width // heads
    pairs = source.reshape(tokens, heads, 2, size // 2)
    turn = np.exp(1j * np.outer(np.arange(tokens), theta ** (-2.0 * np.arange(size // 2) / size)))[:, None, :]
    turned = (pairs[:, :, 0] + 1j * pairs[:, :, 1]) * turn
    return np.stack([turned.real, turned.imag], axis=2).reshape(tokens, width)
