"""What BERT's kin have in common, as nodes and as references: embeddings, attention and the feed-forward block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from rekall.errors import ExportFailed
from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.figures import Figures
from rekall.models.export.graph import INT32, INT64, MICROSOFT, GraphBuilder
from rekall.models.export.reference import Array64, States, attend, normalise, project, table_rows, wide
from rekall.models.export.weights import Weights

_TABLES = "embeddings.{}_embeddings.weight"

PARTS = ("query", "key", "value")


def check_activation(figures: Figures) -> None:
    """Check that the activation of the feed-forward blocks is one that can be exported.

    Raises:
        ExportFailed: It is another one.
    """
    if figures.activation not in ACTIVATIONS:
        raise ExportFailed(
            f"the model uses activation {figures.activation}", f"supported: {', '.join(sorted(ACTIVATIONS))}"
        )


def layer_names(figures: Figures) -> Sequence[str]:
    """What the tensors of each layer begin with, in the order in which layers run."""
    return figures.layer_names or [f"encoder.layer.{number}" for number in range(figures.layers)]


def add_embeddings(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder) -> str:
    """Words plus positions, where the model has a table of those, (b, t, h). Also casts the mask to `key_mask`, which attention reads.

    Every text is one segment of one task: the rows of type 0 join the positions.
    """
    width, first = figures.embedding or figures.hidden, 0 if figures.padding_id is None else figures.padding_id + 1
    words = weights.table(_TABLES.format("word"), width)
    if figures.alibi:
        table = np.zeros((1, width), dtype=np.float32)
    else:
        table = weights.tensor(_TABLES.format("position"), first + figures.positions, width)
    for kind in _types(figures):
        table = table + weights.tensor(_TABLES.format(kind), -1, width)[0]
    if figures.alibi:
        rows = graph.constant("embeddings.types", table[0])
    else:
        positions = graph.constant("embeddings.positions", table[: first + max_tokens])
        counted = figures.padding_id is None
        rows = _counted_rows(positions, graph) if counted else _padded_rows(figures, positions, graph)
    hidden = graph.node("Add", [graph.table_rows("embeddings.words", "input_ids", words), rows])
    if figures.normed_embeddings:
        hidden = add_norm(replace(figures, hidden=width), weights, graph, hidden, "embeddings.LayerNorm")
    if figures.embedding:
        name = "embeddings_project"
        matrix = weights.tensor(f"{name}.weight", figures.hidden, width)
        bias = graph.constant(f"{name}.bias", weights.tensor(f"{name}.bias", figures.hidden))
        hidden = graph.node("Add", [graph.matrix_product(name, hidden, matrix), bias])
    graph.node("Cast", ["attention_mask"], to=INT32, output="key_mask")
    return hidden


def _types(figures: Figures) -> list[str]:
    kinds = {"token_type": figures.token_types, "task_type": figures.task_types}
    return [kind for kind, has in kinds.items() if has]


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


def add_attention(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, bias: str, name: str) -> str:
    """Attention without the bias of its last projection, some heads at a time."""
    width, size = figures.hidden, figures.hidden // figures.heads
    inputs = [
        (weights.tensor(f"{name}.self.{part}.weight", width, width), weights.tensor(f"{name}.self.{part}.bias", width))
        for part in PARTS
    ]
    output = weights.tensor(f"{name}.output.dense.weight", width, width)
    parts = []
    for number, rows in enumerate(graph.heads(width, size)):
        cut = {f"{name}.{part}.{number}": weight[rows] for part, (weight, _) in zip(PARTS, inputs)}
        shift = np.concatenate([each[rows] for _, each in inputs])
        heads = (rows.stop - rows.start) // size
        offsets = graph.some_heads(bias, rows.start // size, heads) if bias else ""
        attended = graph.attention(source, cut, (f"{name}.bias.{number}", shift), offsets, heads)
        parts.append(graph.matrix_product(f"{name}.output.{number}", attended, output[:, rows]))
    return graph.total(parts)


def add_feed_forward(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, layer: str) -> str:
    """The block after attention without its last bias, a part of the inner width at a time."""
    width, inner = figures.hidden, figures.inner
    opening = weights.tensor(f"{layer}.intermediate.dense.weight", inner, width)
    shift = weights.tensor(f"{layer}.intermediate.dense.bias", inner)
    closing = weights.tensor(f"{layer}.output.dense.weight", width, inner)
    parts = []
    for number, rows in enumerate(graph.inner(inner)):
        name = f"{layer}.inner.{number}"
        opened = graph.matrix_product(f"{name}.opening", source, opening[rows])
        part_shift = graph.constant(f"{name}.bias", shift[rows])
        if figures.activation == "gelu":
            active = graph.node("BiasGelu", [opened, part_shift], domain=MICROSOFT)
        else:
            active = ACTIVATIONS[figures.activation].nodes(graph, graph.node("Add", [opened, part_shift]))
        parts.append(graph.matrix_product(f"{name}.closing", active, closing[:, rows]))
    return graph.total(parts)


def add_bias(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, name: str) -> str:
    """Add the bias of a block's last projection."""
    bias = graph.constant(f"{name}.bias", weights.tensor(f"{name}.dense.bias", figures.hidden))
    return graph.node("Add", [source, bias])


def add_norm(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, name: str) -> str:
    """A layer normalisation.

    Two additions and a LayerNormalization take half the time of the fused SkipLayerNormalization.
    """
    inputs = [source, *norm_weights(figures, weights, graph, name)]
    return graph.node("LayerNormalization", inputs, epsilon=figures.epsilon)


def norm_weights(figures: Figures, weights: Weights, graph: GraphBuilder, name: str) -> tuple[str, str]:
    """Scale and shift of a layer normalisation."""
    return (
        graph.constant(f"{name}.weight", weights.tensor(f"{name}.weight", figures.hidden)),
        graph.constant(f"{name}.bias", weights.tensor(f"{name}.bias", figures.hidden)),
    )


# the reference: no code of the graph above


def embedding_states(figures: Figures, weights: Weights, ids: Sequence[Sequence[int]]) -> States:
    """What `add_embeddings` should give for each text."""
    tables = replace(figures, hidden=figures.embedding or figures.hidden)
    states = table_rows(weights, "embeddings.word_embeddings.weight", tables, ids)
    if not figures.alibi:
        positions = wide(weights, "embeddings.position_embeddings.weight", -1, tables.hidden)
        states = [state + positions[_places(figures, row)] for state, row in zip(states, ids)]
    if "embeddings.token_type_embeddings.weight" in weights:
        first = wide(weights, "embeddings.token_type_embeddings.weight", -1, tables.hidden)[0]
        states = [state + first for state in states]
    if figures.task_types:
        first = wide(weights, "embeddings.task_type_embeddings.weight", -1, tables.hidden)[0]
        states = [state + first for state in states]
    if "embeddings.LayerNorm.weight" in weights:
        states = normalise(states, weights, "embeddings.LayerNorm", tables)
    if figures.embedding:
        states = project(states, weights, "embeddings_project")
    return states


def attention_states(
    figures: Figures,
    weights: Weights,
    states: States,
    name: str,
    bias: Callable[[int], Array64] | None = None,
) -> States:
    """Attention with its last projection. `bias` gives what is added to the scores of a text of so many tokens."""
    query, key, value = (project(states, weights, f"{name}.self.{part}") for part in ("query", "key", "value"))
    attended = [
        attend(*parts, figures.heads, bias(len(parts[0])) if bias else None) for parts in zip(query, key, value)
    ]
    return project(attended, weights, f"{name}.output.dense")


def feed_forward_states(figures: Figures, weights: Weights, states: States, layer: str) -> States:
    """The feed-forward block with its last projection."""
    inner = project(states, weights, f"{layer}.intermediate.dense")
    active = [ACTIVATIONS[figures.activation].values(state) for state in inner]
    return project(active, weights, f"{layer}.output.dense")


def _places(figures: Figures, ids: Sequence[int]) -> list[int]:
    """The row of the position table for each token."""
    if figures.padding_id is None:
        return list(range(len(ids)))
    places, last = [], figures.padding_id
    for number in ids:
        last += number != figures.padding_id
        places.append(figures.padding_id if number == figures.padding_id else last)
    return places
