"""ModernBERT as a fused ONNX graph: rotary positions, windows in most layers, normalisation before each block.

The model is that of Warner et al. 2024; every layer whose window is None looks at the whole text.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rekall.errors import ExportFailed
from rekall.export.activations import ACTIVATIONS
from rekall.export.families import Figures
from rekall.export.graph import FLOAT, INT32, MICROSOFT, GraphBuilder
from rekall.export.weights import Array, Weights

_OUT_OF_SIGHT = np.float32(-30_000.0)
"""Added to the score of a token outside the window: exp gives 0, and with the padding's -10,000 it stays finite."""


def add_modernbert(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder) -> str:
    """Add the encoder's nodes. Returns the name of the last hidden states, (b, t, h).

    Raises:
        ExportFailed: A tensor is missing or has another shape, or the activation is not supported.
    """
    if figures.activation not in ACTIVATIONS:
        raise ExportFailed(
            f"the model uses activation {figures.activation}", f"supported: {', '.join(sorted(ACTIVATIONS))}"
        )
    words = weights.tensor("embeddings.tok_embeddings.weight", -1, figures.hidden)
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
    name, width, inner = f"layers.{layer}", figures.hidden, figures.inner
    source = hidden
    if f"{name}.attn_norm.weight" in weights:  # the first layer has none
        source = _norm(figures, weights, graph, hidden, f"{name}.attn_norm")
    joined = weights.tensor(f"{name}.attn.Wqkv.weight", 3 * width, width)
    biases = weights.tensor(f"{name}.attn.Wqkv.bias", 3 * width) if f"{name}.attn.Wqkv.bias" in weights else None
    query, key, value = (
        _linear(graph, f"{name}.{part}", source, joined[rows], None if biases is None else biases[rows])
        for part, rows in zip(("query", "key", "value"), (slice(k * width, (k + 1) * width) for k in range(3)))
    )
    query, key = (_turned(figures, max_tokens, graph, part, figures.thetas[layer]) for part in (query, key))
    window = figures.windows[layer]
    attended = graph.node(
        "MultiHeadAttention",
        [query, key, value, "", "key_mask", *([_window_bias(window, graph)] if window is not None else [])],
        domain=MICROSOFT,
        num_heads=figures.heads,
    )
    projected = _projected(weights, graph, f"{name}.attn.Wo", attended, width, width)
    hidden = graph.node("Add", [hidden, projected])
    source = _norm(figures, weights, graph, hidden, f"{name}.mlp_norm")
    opened = weights.tensor(f"{name}.mlp.Wi.weight", 2 * inner, width)
    shifts = weights.tensor(f"{name}.mlp.Wi.bias", 2 * inner) if f"{name}.mlp.Wi.bias" in weights else None
    active, gate = (
        _linear(graph, f"{name}.{part}", source, opened[rows], None if shifts is None else shifts[rows])
        for part, rows in (("inner", slice(inner)), ("gate", slice(inner, None)))
    )
    gated = graph.node("Mul", [ACTIVATIONS[figures.activation].nodes(graph, active), gate])
    return graph.node("Add", [hidden, _projected(weights, graph, f"{name}.mlp.Wo", gated, width, inner)])


def _projected(weights: Weights, graph: GraphBuilder, name: str, source: str, outputs: int, inputs: int) -> str:
    bias = weights.tensor(f"{name}.bias", outputs) if f"{name}.bias" in weights else None
    return _linear(graph, name, source, weights.tensor(f"{name}.weight", outputs, inputs), bias)


def _linear(graph: GraphBuilder, name: str, source: str, weight: Array, bias: Array | None) -> str:
    product = graph.matrix_product(name, source, weight)
    return product if bias is None else graph.node("Add", [product, graph.constant(f"{name}.bias", bias)])


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
