"""BERT and its kin, as a fused ONNX graph and as a reference: encoders that normalise after each block.

BERT, DistilBERT, RoBERTa, XLM-RoBERTa, CamemBERT, data2vec, ERNIE, ELECTRA, RemBERT, ALBERT and MPNet differ in tensor
names (`families`), in where positions are counted from, in the width of their tables, in MPNet's attention bias, and in
ALBERT's layers, which are few and run many times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from rekall.models.export.bert_parts import (
    add_attention,
    add_bias,
    add_embeddings,
    add_feed_forward,
    attention_states,
    check_activation,
    embedding_states,
    feed_forward_states,
    layer_names,
    norm_weights,
)
from rekall.models.export.figures import Figures
from rekall.models.export.graph import GraphBuilder
from rekall.models.export.reference import Array64, States, normalise, sums, wide
from rekall.models.export.weights import Weights

_RELATIVE_BIAS = "encoder.relative_attention_bias.weight"
_BUCKETS = 32  # of MPNet's relative positions; fixed in its code, whatever the configuration says
_FARTHEST = 128


def add_postnorm(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder) -> str:
    """Add the encoder's nodes. Returns the name of the last hidden states, (b, t, h).

    Raises:
        ExportFailed: A tensor is missing or has another shape, or the activation is not supported.
    """
    check_activation(figures)
    hidden = add_embeddings(figures, max_tokens, weights, graph)
    bias = ""
    if figures.relative_bias:
        table = weights.tensor(_RELATIVE_BIAS, _BUCKETS, figures.heads)
        bias = add_distance_bias("relative_bias", table, _FARTHEST, max_tokens, graph)
    for layer in layer_names(figures):
        attended = add_attention(figures, weights, graph, hidden, bias, f"{layer}.attention")
        hidden = _residual(figures, weights, graph, attended, hidden, f"{layer}.attention.output")
        fed = add_feed_forward(figures, weights, graph, hidden, layer)
        hidden = _residual(figures, weights, graph, fed, hidden, f"{layer}.output")
    return hidden


def relative_buckets(offsets: npt.NDArray[np.int64], buckets: int, farthest: int) -> npt.NDArray[np.int64]:
    """The bucket of each offset from a token to the one it looks at, as T5 and MPNet count them (Raffel et al. 2020).

    Half the buckets are for tokens ahead. In each half, half again hold one distance each; then they widen with the
    logarithm of the distance, and the last one holds all from `farthest` on. In float32, as the models were trained.
    """
    half = buckets // 2
    exact = half // 2
    distance = np.abs(offsets)
    growth = np.log(np.maximum(distance, 1).astype(np.float32) / np.float32(exact)) / np.float32(
        math.log(farthest / exact)
    )
    wide = np.minimum(exact + (growth * np.float32(half - exact)).astype(np.int64), half - 1)
    return np.asarray(np.where(offsets > 0, half, 0) + np.where(distance < exact, distance, wide))


def add_distance_bias(
    name: str, table: npt.NDArray[np.float32], farthest: int, max_tokens: int, graph: GraphBuilder
) -> str:
    """What distances add to the scores of attention, (1, heads, t, t), from the (buckets, heads) table of it.

    One number for each head and offset, looked up from -t+1 to t-1.
    """
    offsets = np.arange(-max_tokens + 1, max_tokens, dtype=np.int64)
    by_offset = graph.constant(name, table[relative_buckets(offsets, len(table), farthest)].T)
    middle = graph.constant("middle", np.array(max_tokens - 1, dtype=np.int64))
    bias = graph.node("Gather", [by_offset, graph.node("Add", [graph.token_offsets(), middle])], axis=1)
    return graph.node("Unsqueeze", [bias, graph.numbers(0)])


def _residual(figures: Figures, weights: Weights, graph: GraphBuilder, source: str, skip: str, name: str) -> str:
    """Add the last bias and `skip` to a block's outcome, and normalise."""
    scales = norm_weights(figures, weights, graph, f"{name}.LayerNorm")
    total = graph.node("Add", [add_bias(figures, weights, graph, source, name), skip])
    return graph.node("LayerNormalization", [total, *scales], epsilon=figures.epsilon)


# the reference: no code of the graph above


def postnorm_states(figures: Figures, weights: Weights, ids: Sequence[Sequence[int]]) -> States:
    """What the nodes should give, in plain numpy: the last hidden states of each text."""
    states = embedding_states(figures, weights, ids)
    relative = "encoder.relative_attention_bias.weight"
    bias = partial(_mpnet_bias, wide(weights, relative, 32, figures.heads)) if relative in weights else None
    for layer in layer_names(figures):
        attended = attention_states(figures, weights, states, f"{layer}.attention", bias)
        states = normalise(sums(attended, states), weights, f"{layer}.attention.output.LayerNorm", figures)
        fed = feed_forward_states(figures, weights, states, layer)
        states = normalise(sums(fed, states), weights, f"{layer}.output.LayerNorm", figures)
    return states


def _mpnet_bias(buckets: Array64, tokens: int) -> Array64:
    """(heads, t, t) from the (32, heads) table."""
    bias = np.empty((buckets.shape[1], tokens, tokens))
    for offset in range(1 - tokens, tokens):
        distance, bucket = abs(offset), 16 if offset > 0 else 0
        if distance < 8:
            bucket += distance
        else:
            bucket += min(15, 8 + int(math.log(distance / 8) / math.log(128 / 8) * 8 + 1e-6))
        rows = np.arange(max(0, -offset), min(tokens, tokens - offset))
        bias[:, rows, rows + offset] = buckets[bucket][:, None]
    return bias
