"""The end of every graph: pooling, dense layers, and the unit vector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rekall.errors import ExportFailed
from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.graph import FLOAT, GraphBuilder
from rekall.models.export.modules import Dense, LayerNorm, Module, Pooling
from rekall.models.export.weights import Weights

_LOWEST = np.float32(-1e30)
POOLING_MASK = "pooling_mask"
"""What a graph takes beside ids and mask, (b, t) int64, where the tokens of a prompt take no part in the pooling."""


def check_widths(modules: Sequence[Module], width: int) -> int:
    """Follow a vector of `width` through the modules. Returns its length at the end.

    Raises:
        ExportFailed: Two modules do not fit together.
    """
    for module in modules:
        if isinstance(module, Pooling):
            width *= len(module.modes)
        elif isinstance(module, Dense):
            if module.inputs != width:
                raise ExportFailed(f"{module.weights.parent} takes {module.inputs} numbers but gets {width}")
            width = module.outputs
        elif isinstance(module, LayerNorm) and module.width != width:
            raise ExportFailed(f"{module.weights.parent} takes {module.width} numbers but gets {width}")
    return width


def add_head(modules: Sequence[Module], hidden: str, graph: GraphBuilder, dimensions: int) -> None:
    """From the last hidden states (b, t, h) to `sentence_embedding`, (b, dimensions), rows of unit length.

    The rows have unit length whether or not the checkpoint normalises them: cosines are the same. A model trained to
    be cut (Matryoshka, Kusupati et al. 2022) is cut first.
    """
    row = hidden
    for module in modules:
        if isinstance(module, Pooling):
            row = _pool(module, row, graph)
        elif isinstance(module, Dense):
            row = _dense(module, row, graph)
        elif isinstance(module, LayerNorm):
            row = _layer_norm(module, row, graph)
        else:
            row = _unit(row, graph)
    zero, one = graph.numbers(0), graph.numbers(1)
    graph_dimensions = graph.numbers(dimensions)
    _unit(graph.node("Slice", [row, zero, graph_dimensions, one]), graph, "sentence_embedding")


def _unit(row: str, graph: GraphBuilder, output: str = "") -> str:
    length = graph.node("ReduceL2", [row, graph.numbers(1)], keepdims=1)
    floor = graph.node("Max", [length, graph.constant("tiny", np.array(1e-12, dtype=np.float32))])
    return graph.node("Div", [row, floor], output=output)


def _pool(pooling: Pooling, hidden: str, graph: GraphBuilder) -> str:
    mask = "attention_mask" if pooling.prompts else graph.take(POOLING_MASK)
    rows = [_POOLS[mode](hidden, mask, graph) for mode in pooling.modes]
    return rows[0] if len(rows) == 1 else graph.node("Concat", rows, axis=1)


def _dense(module: Dense, row: str, graph: GraphBuilder) -> str:
    name = f"dense.{module.weights.parent.name}"
    with Weights(module.weights) as weights:
        projected = graph.matrix_product(
            name, row, weights.tensor("linear.weight", module.outputs, module.inputs), by_token=False
        )
        if module.bias:
            bias = graph.constant(f"{name}.bias", weights.tensor("linear.bias", module.outputs))
            projected = graph.node("Add", [projected, bias])
    return ACTIVATIONS[module.activation].nodes(graph, projected)


def _layer_norm(module: LayerNorm, row: str, graph: GraphBuilder) -> str:
    name = f"norm.{module.weights.parent.name}"
    with Weights(module.weights) as weights:
        parts = [
            graph.constant(f"{name}.{part}", weights.tensor(f"norm.{part}", module.width))
            for part in ("weight", "bias")
        ]
    return graph.node("LayerNormalization", [row, *parts], epsilon=LayerNorm.EPSILON)


def _weighted(shares: str, hidden: str, graph: GraphBuilder) -> str:
    """The sum of token vectors with the given weights (b, t): a matrix product, no widened copy is made."""
    row = graph.node("MatMul", [graph.node("Unsqueeze", [shares, graph.numbers(1)]), hidden])
    return graph.node("Squeeze", [row, graph.numbers(1)])


def _sum_of(shares: str, graph: GraphBuilder) -> str:
    return graph.node("ReduceSum", [shares, graph.numbers(1)], keepdims=1)


def _float_mask(mask: str, graph: GraphBuilder) -> str:
    return graph.once(_named("float_mask", mask), lambda name: graph.node("Cast", [mask], output=name, to=FLOAT))


def _places(mask: str, graph: GraphBuilder) -> str:
    """1 for the first token, 2 for the second …, (b, t) int64; what the mask leaves out repeats the one before."""
    axis = graph.constant("axis", np.array(1, dtype=np.int64))
    return graph.once(_named("places", mask), lambda name: graph.node("CumSum", [mask, axis], output=name))


def _named(what: str, mask: str) -> str:
    return what if mask == "attention_mask" else f"{what}.{mask}"


def _only(place: str, hidden: str, mask: str, graph: GraphBuilder) -> str:
    """The vector of the token at a place (b, 1), counted within the mask."""
    there = graph.node("Cast", [graph.node("Equal", [_places(mask, graph), place])], to=FLOAT)
    return _weighted(graph.node("Mul", [there, _float_mask(mask, graph)]), hidden, graph)


def _mean(hidden: str, mask: str, graph: GraphBuilder) -> str:
    shares = _float_mask(mask, graph)
    return graph.node("Div", [_weighted(shares, hidden, graph), _sum_of(shares, graph)])


def _mean_sqrt_len(hidden: str, mask: str, graph: GraphBuilder) -> str:
    shares = _float_mask(mask, graph)
    return graph.node("Div", [_weighted(shares, hidden, graph), graph.node("Sqrt", [_sum_of(shares, graph)])])


def _weighted_mean(hidden: str, mask: str, graph: GraphBuilder) -> str:
    places = graph.node("Cast", [_places("attention_mask", graph)], to=FLOAT)
    shares = graph.node("Mul", [places, _float_mask(mask, graph)])
    return graph.node("Div", [_weighted(shares, hidden, graph), _sum_of(shares, graph)])


def _last_token(hidden: str, mask: str, graph: GraphBuilder) -> str:
    return _only(graph.node("ReduceSum", [mask, graph.numbers(1)], keepdims=1), hidden, mask, graph)


def _cls(hidden: str, mask: str, graph: GraphBuilder) -> str:
    if mask != "attention_mask":
        return _only(graph.numbers(1), hidden, mask, graph)
    return graph.node("Gather", [hidden, graph.constant("first", np.array(0, dtype=np.int64))], axis=1)


def _max(hidden: str, mask: str, graph: GraphBuilder) -> str:
    half = graph.constant("half", np.array(0.5, dtype=np.float32))
    kept = graph.node("Greater", [_float_mask(mask, graph), half])
    wide = graph.node("Unsqueeze", [kept, graph.numbers(2)])
    lowest = graph.constant("lowest", np.array(_LOWEST))
    return graph.node("ReduceMax", [graph.node("Where", [wide, hidden, lowest]), graph.numbers(1)], keepdims=0)


_POOLS = {
    "cls": _cls,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len": _mean_sqrt_len,
    "weightedmean": _weighted_mean,
    "lasttoken": _last_token,
}
