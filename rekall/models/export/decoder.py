"""Decoders as encoders of texts, as a fused ONNX graph: Qwen, Llama, Mistral, EuroBERT, Gemma 3 and EmbeddingGemma 2.

Blocks normalise by the root mean square, queries share keys and values in groups, and the feed-forward block is gated.
The configurations are read in `decoder_figures`; the reference is in `decoder_reference`.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from rekall.errors import ExportFailed
from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.figures import Figures
from rekall.models.export.graph import INT32, MICROSOFT, GraphBuilder
from rekall.models.export.rotary import add_turn, add_window_bias
from rekall.models.export.weights import Array, Weights

_Linear: TypeAlias = "tuple[Array, Array | None]"
"""A projection's weight (o, i), and its bias (o,) where it has one."""


def add_decoder(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder) -> str:
    """Add the model's nodes. Returns the name of the last hidden states, (b, t, figures.width).

    Raises:
        ExportFailed: A tensor is missing or has another shape, or the activation is not supported.
    """
    if figures.activation not in ACTIVATIONS:
        raise ExportFailed(
            f"the model uses activation {figures.activation}", f"supported: {', '.join(sorted(ACTIVATIONS))}"
        )
    decoder = figures.decoder
    words = weights.table("embed_tokens.weight", figures.hidden)
    embedded = graph.table_rows("embeddings.words", _ids(figures, graph), words)
    if decoder.embedding_scale != 1.0:
        embedded = graph.node("Mul", [embedded, _number(graph, "embedding_scale", decoder.embedding_scale)])
    if not decoder.causal:  # else a token never looks ahead, to where the padding is
        graph.node("Cast", ["attention_mask"], to=INT32, output="key_mask")
    hidden = embedded
    for layer in range(figures.layers):
        hidden = _layer(figures, max_tokens, weights, graph, hidden, layer)
        if decoder.side:
            hidden = _side_input(figures, weights, graph, hidden, embedded, layer)
    hidden = _norm(figures, weights, graph, hidden, "norm")
    if not decoder.projected:
        return hidden
    shape = (decoder.projected, figures.hidden)
    return graph.matrix_product("projection", hidden, weights.tensor("embedding_projection.weight", *shape))


def _ids(figures: Figures, graph: GraphBuilder) -> str:
    """The token ids, (b, t), with that of the padding for those that stand for pictures and sounds."""
    result = "input_ids"
    for number, token in enumerate(figures.decoder.media):
        found = graph.node("Equal", ["input_ids", graph.constant(f"media_{number}", np.array(token, dtype=np.int64))])
        padding = graph.constant("media_padding", np.array(figures.decoder.media_padding, dtype=np.int64))
        result = graph.node("Where", [found, padding, result])
    return result


def _layer(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder, hidden: str, layer: int) -> str:
    name, framed = f"layers.{layer}", figures.decoder.post_norms
    source = _norm(figures, weights, graph, hidden, f"{name}.input_layernorm")
    attended = _attention(figures, max_tokens, weights, graph, source, layer)
    if framed:
        attended = _norm(figures, weights, graph, attended, f"{name}.post_attention_layernorm")
    hidden = graph.node("Add", [hidden, attended])
    before = "pre_feedforward_layernorm" if framed else "post_attention_layernorm"
    source = _norm(figures, weights, graph, hidden, f"{name}.{before}")
    fed = _feed_forward(figures, weights, graph, source, f"{name}.mlp")
    if framed:
        fed = _norm(figures, weights, graph, fed, f"{name}.post_feedforward_layernorm")
    return graph.node("Add", [hidden, fed])


def _attention(
    figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder, source: str, layer: int
) -> str:
    """Attention, some keys' heads at a time, and of the queries that share them one for each.

    Keys and values are worked out once for all queries that share them, and never repeated.
    """
    decoder, name = figures.decoder, f"layers.{layer}.self_attn"
    size, key_heads = decoder.sizes[layer], decoder.key_heads[layer]
    group = figures.heads // key_heads
    query = _linear(weights, f"{name}.q_proj", figures.heads * size, figures.hidden, decoder.attention_bias)
    key, value = (
        _linear(weights, f"{name}.{part}_proj", key_heads * size, figures.hidden, decoder.attention_bias)
        for part in ("k", "v")
    )
    output, last = _linear(weights, f"{name}.o_proj", figures.hidden, figures.heads * size, decoder.output_bias)
    unseen = _unseen(figures, max_tokens, graph, layer)
    rotary = figures.rotary[layer]
    parts = []
    for number, rows in enumerate(graph.heads(key_heads * size, size)):
        heads = (rows.stop - rows.start) // size
        keys = _product(graph, f"{name}.key.{number}", source, *_rows(key, rows))
        keys = _norm_heads(figures, weights, graph, keys, f"{name}.k_norm", heads, size)
        keys = add_turn(rotary, size, heads, max_tokens, graph, keys)
        values = _product(graph, f"{name}.value.{number}", source, *_rows(value, rows))
        if decoder.value_norms:
            values = _norm_each(figures, graph, values, _ones(graph, size), heads, size)
        for place in range(group):
            part, chosen = f"{number}.{place}", _sharing(rows, size, group, place)
            queries = _product(graph, f"{name}.query.{part}", source, *_rows(query, chosen))
            queries = _norm_heads(figures, weights, graph, queries, f"{name}.q_norm", heads, size)
            queries = add_turn(rotary, size, heads, max_tokens, graph, queries)
            attended = graph.node(
                "MultiHeadAttention",
                [queries, keys, values, *unseen],
                domain=MICROSOFT,
                num_heads=heads,
                scale=decoder.scale or size**-0.5,
            )
            parts.append(graph.matrix_product(f"{name}.output.{part}", attended, output[:, chosen]))
    return _shifted(graph, f"{name}.output", graph.total(parts), last)


def _sharing(rows: slice, size: int, group: int, place: int) -> list[int]:
    """The rows of the queries that look at the keys of `rows`: of each group of heads the one at `place`."""
    heads = range(rows.start // size, rows.stop // size)
    return [(head * group + place) * size + number for head in heads for number in range(size)]


def _unseen(figures: Figures, max_tokens: int, graph: GraphBuilder, layer: int) -> list[str]:
    """The last inputs of an attention: bias, mask of the keys, and what is added to the scores."""
    reach, causal = figures.windows[layer], figures.decoder.causal
    if reach is not None and reach >= max_tokens - 1:
        reach = None
    if causal:
        return ["", "", add_window_bias(reach, graph, causal=True)]
    return ["", "key_mask"] if reach is None else ["", "key_mask", add_window_bias(reach, graph)]


def _feed_forward(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, name: str) -> str:
    """The gated block, a part of the inner width at a time."""
    width, inner, biased = figures.hidden, figures.inner, figures.decoder.inner_bias
    gate, up = (_linear(weights, f"{name}.{part}_proj", inner, width, biased) for part in ("gate", "up"))
    closing, last = _linear(weights, f"{name}.down_proj", width, inner, biased)
    parts = []
    for number, rows in enumerate(graph.inner(inner)):
        active = _product(graph, f"{name}.gate.{number}", source, *_rows(gate, rows))
        active = ACTIVATIONS[figures.activation].nodes(graph, active)
        gated = graph.node("Mul", [active, _product(graph, f"{name}.up.{number}", source, *_rows(up, rows))])
        parts.append(graph.matrix_product(f"{name}.down.{number}", gated, closing[:, rows]))
    return _shifted(graph, f"{name}.down", graph.total(parts), last)


def _side_input(figures: Figures, weights: Weights, graph: GraphBuilder, hidden: str, embedded: str, layer: int) -> str:
    """EmbeddingGemma 2's third block: mixes in what a projection of the embeddings says to each layer; then a scale."""
    name, width, side = f"layers.{layer}", figures.hidden, figures.decoder.side
    place = slice(layer * side, (layer + 1) * side)
    told = weights.tensor("ple.per_layer_model_projection.weight", figures.layers * side, width)[place]
    told = told * np.float32(width**-0.5)
    share = graph.matrix_product(f"{name}.told", embedded, told)
    share = _norm(figures, weights, graph, share, "ple.per_layer_projection_norm", side)
    opening = weights.tensor(f"{name}.ple_block.per_layer_input_gate.weight", side, width)
    closing = weights.tensor(f"{name}.ple_block.per_layer_projection.weight", width, side)
    gate = graph.matrix_product(f"{name}.side.opening", hidden, opening)
    gate = ACTIVATIONS[figures.activation].nodes(graph, gate)
    mixed = graph.matrix_product(f"{name}.side.closing", graph.node("Mul", [gate, share]), closing)
    mixed = _norm(figures, weights, graph, mixed, f"{name}.ple_block.post_per_layer_input_norm")
    scale = graph.constant(f"{name}.scale", weights.tensor(f"{name}.layer_scalar", 1))
    return graph.node("Mul", [graph.node("Add", [hidden, mixed]), scale])


def _linear(weights: Weights, name: str, outputs: int, inputs: int, biased: bool) -> _Linear:
    bias = weights.tensor(f"{name}.bias", outputs) if biased else None
    return weights.tensor(f"{name}.weight", outputs, inputs), bias


def _rows(linear: _Linear, rows: slice | list[int]) -> _Linear:
    weight, bias = linear
    return weight[rows], None if bias is None else bias[rows]


def _product(graph: GraphBuilder, name: str, source: str, weight: Array, bias: Array | None) -> str:
    return _shifted(graph, name, graph.matrix_product(name, source, weight), bias)


def _shifted(graph: GraphBuilder, name: str, source: str, bias: Array | None) -> str:
    return source if bias is None else graph.node("Add", [source, graph.constant(f"{name}.bias", bias)])


def _number(graph: GraphBuilder, name: str, value: float) -> str:
    return graph.constant(name, np.array(value, dtype=np.float32))


def _ones(graph: GraphBuilder, size: int) -> str:
    return graph.constant(f"ones_{size}", np.ones(size, dtype=np.float32))


def _scale(figures: Figures, weights: Weights, graph: GraphBuilder, name: str, width: int) -> str:
    scale = weights.tensor(f"{name}.weight", width) + np.float32(figures.decoder.norm_offset)
    return graph.constant(f"{name}.weight", scale)


def _norm(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, name: str, width: int = 0) -> str:
    scale = _scale(figures, weights, graph, name, width or figures.hidden)
    return graph.root_mean_square_norm(source, scale, figures.epsilon)


def _norm_heads(
    figures: Figures, weights: Weights, graph: GraphBuilder, source: str, name: str, heads: int, size: int
) -> str:
    """Queries or keys, (b, t, heads * size), each head normalised where the model does that."""
    if not figures.decoder.head_norms:
        return source
    return _norm_each(figures, graph, source, _scale(figures, weights, graph, name, size), heads, size)


def _norm_each(figures: Figures, graph: GraphBuilder, source: str, scale: str, heads: int, size: int) -> str:
    """What some heads hold, (b, t, heads * size), each normalised."""
    if heads == 1:
        return graph.root_mean_square_norm(source, scale, figures.epsilon)
    apart = graph.node("Reshape", [source, graph.numbers(0, 0, heads, size)])
    normed = graph.root_mean_square_norm(apart, scale, figures.epsilon)
    return graph.node("Reshape", [normed, graph.numbers(0, 0, heads * size)])
