"""BERT with its normalisations before each block, as a fused ONNX graph and as a reference.

Megatron-BERT, XLM-RoBERTa-XL and RoBERTa-PreLayerNorm differ in tensor names (`families`), in where positions are counted
from, and in whether the embeddings are normalised, too.
"""

from __future__ import annotations

from collections.abc import Sequence

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
from rekall.models.export.figures import Figures
from rekall.models.export.graph import GraphBuilder
from rekall.models.export.reference import States, normalise, sums
from rekall.models.export.weights import Weights


def add_prenorm(figures: Figures, max_tokens: int, weights: Weights, graph: GraphBuilder) -> str:
    """Add the encoder's nodes. Returns the name of the last hidden states, (b, t, h).

    Raises:
        ExportFailed: A tensor is missing or has another shape, or the activation is not supported.
    """
    check_activation(figures)
    hidden = add_embeddings(figures, max_tokens, weights, graph)
    for layer in layer_names(figures):
        source = add_norm(figures, weights, graph, hidden, f"{layer}.attention.norm")
        attended = add_attention(figures, weights, graph, source, "", f"{layer}.attention")
        attended = add_bias(figures, weights, graph, attended, f"{layer}.attention.output")
        hidden = graph.node("Add", [attended, hidden])
        source = add_norm(figures, weights, graph, hidden, f"{layer}.norm")
        fed = add_feed_forward(figures, weights, graph, source, layer)
        hidden = graph.node("Add", [add_bias(figures, weights, graph, fed, f"{layer}.output"), hidden])
    return add_norm(figures, weights, graph, hidden, "final_norm")


# the reference: no code of the graph above


def prenorm_states(figures: Figures, weights: Weights, ids: Sequence[Sequence[int]]) -> States:
    """What the nodes should give, in plain numpy: the last hidden states of each text."""
    states = embedding_states(figures, weights, ids)
    for layer in layer_names(figures):
        source = normalise(states, weights, f"{layer}.attention.norm", figures)
        states = sums(states, attention_states(figures, weights, source, f"{layer}.attention"))
        source = normalise(states, weights, f"{layer}.norm", figures)
        states = sums(states, feed_forward_states(figures, weights, source, layer))
    return normalise(states, weights, "final_norm", figures)
