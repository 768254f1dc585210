"""The blocks of encoders with rotary positions: attention some heads at a time, and the gated block part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.figures import Figures, Rotary
from rekall.models.export.graph import MICROSOFT, GraphBuilder
from rekall.models.export.rotary import add_turn, add_window_bias
from rekall.models.export.weights import Array, Weights


@dataclass(frozen=True, slots=True)
class Linear:
    """A projection: `weight` is (outputs, inputs), `bias` (outputs,) where it has one."""

    weight: Array
    bias: Array | None

    def some(self, rows: slice) -> Linear:
        """The part that gives some of the outputs."""
        return Linear(self.weight[rows], None if self.bias is None else self.bias[rows])


def read_linear(weights: Weights, name: str, outputs: int, inputs: int, *, bias: bool) -> Linear:
    """A projection.

    Raises:
        ExportFailed: A tensor is missing or has another shape.
    """
    weight = weights.tensor(f"{name}.weight", outputs, inputs)
    return Linear(weight, weights.tensor(f"{name}.bias", outputs) if bias else None)


def read_linears(
    weights: Weights, joined: str, names: Sequence[str], outputs: int, inputs: int, *, bias: bool
) -> list[Linear]:
    """Several projections of one source, which may be stored as one, in the order of their names.

    Raises:
        ExportFailed: A tensor is missing or has another shape.
    """
    if f"{joined}.weight" not in weights and f"{names[0]}.weight" in weights:
        return [read_linear(weights, name, outputs, inputs, bias=bias) for name in names]
    whole = read_linear(weights, joined, len(names) * outputs, inputs, bias=bias)
    return [whole.some(slice(place * outputs, (place + 1) * outputs)) for place in range(len(names))]


def add_linear(graph: GraphBuilder, name: str, source: str, linear: Linear) -> str:
    """A projection of (…, inputs) to (…, outputs)."""
    return _shifted(graph, name, graph.matrix_product(name, source, linear.weight), linear.bias)


def add_attention(
    figures: Figures,
    max_tokens: int,
    graph: GraphBuilder,
    source: str,
    name: str,
    inputs: Sequence[Linear],
    output: Linear,
    rotary: Rotary,
    reach: int | None = None,
) -> str:
    """Attention in which queries and keys are turned, some heads at a time.

    Args:
        figures: Sizes are read.
        max_tokens: The longest text.
        graph: Already has `key_mask`.
        source: What queries, keys and values are made of, (b, t, h).
        name: Begins the names of the weights.
        inputs: The projections to queries, keys and values.
        output: That of what attention gives.
        rotary: How positions turn.
        reach: How many tokens to either side are seen; None for all.
    """
    width, size = figures.hidden, figures.hidden // figures.heads
    unseen = ["", "key_mask"] if reach is None else ["", "key_mask", add_window_bias(reach, graph)]
    parts = []
    for number, rows in enumerate(graph.heads(width, size)):
        query, key, value = (
            add_linear(graph, f"{name}.{part}.{number}", source, linear.some(rows))
            for part, linear in zip(("query", "key", "value"), inputs)
        )
        heads = (rows.stop - rows.start) // size
        query, key = (add_turn(rotary, size, heads, max_tokens, graph, part) for part in (query, key))
        attended = graph.node("MultiHeadAttention", [query, key, value, *unseen], domain=MICROSOFT, num_heads=heads)
        parts.append(graph.matrix_product(f"{name}.output.{number}", attended, output.weight[:, rows]))
    return _shifted(graph, f"{name}.output", graph.total(parts), output.bias)


def add_feed_forward(
    figures: Figures, graph: GraphBuilder, source: str, name: str, opening: Sequence[Linear], closing: Linear
) -> str:
    """The feed-forward block, a part of the inner width at a time.

    `opening` is one projection, or two of which the activation of the first gates the second.
    """
    parts = []
    for number, rows in enumerate(graph.inner(figures.inner)):
        opened = [
            add_linear(graph, f"{name}.{part}.{number}", source, linear.some(rows))
            for part, linear in zip(("active", "gated"), opening)
        ]
        inner = ACTIVATIONS[figures.activation].nodes(graph, opened[0])
        if len(opened) == 2:
            inner = graph.node("Mul", [inner, opened[1]])
        parts.append(graph.matrix_product(f"{name}.closing.{number}", inner, closing.weight[:, rows]))
    return _shifted(graph, f"{name}.closing", graph.total(parts), closing.bias)


def add_norm(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, name: str) -> str:
    """A layer normalisation."""
    inputs = [source, graph.constant(f"{name}.weight", weights.tensor(f"{name}.weight", figures.hidden))]
    if figures.biases.norms:
        inputs.append(graph.constant(f"{name}.bias", weights.tensor(f"{name}.bias", figures.hidden)))
    return graph.node("LayerNormalization", inputs, epsilon=figures.epsilon)


def _shifted(graph: GraphBuilder, name: str, source: str, bias: Array | None) -> str:
    return source if bias is None else graph.node("Add", [source, graph.constant(f"{name}.bias", np.asarray(bias))])
