"""The same graph with products of bytes, for processors that multiply those faster than floats.

A product's inputs are narrowed to 8 bits token by token, in spans of some numbers with a scale each, so that the
vector of a text depends on nothing beside it. Weights have one scale a span and output. Numbers that are large in every
text (a few channels of a transformer are) are made smaller and their weights larger by as much, so that fewer of the
other numbers round to nothing (SmoothQuant, Xiao et al. 2023). What rounding a matrix moves a product by on average is
taken off again (Nagel et al. 2019). Figures: docs/adr/0037.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rekall.models.engine.card import INTEGER_GRAPH_FILE, INTEGER_WEIGHTS_FILE
from rekall.models.export.graph import GRANULE_BYTES, MICROSOFT, GraphBuilder, slices
from rekall.models.export.weights import Array

SPAN = 96
"""Inputs of a product that share a scale. Wider spans are faster and less faithful: docs/adr/0037."""

MOST_SPANS = 4
"""Of a hidden state: each span takes nodes of its own, and wider models are more faithful anyway."""

SHARE = 0.6
"""How much of the spread of the inputs moves into the weights; 0.5 and 0.7 are a little less faithful."""

_SPREAD = 1e-3
"""No channel counts as smaller than this part of the largest one: one that never moves would take all precision."""

_ONE_SIDED = 0.5
"""Where most inputs go less far below zero than this part of how far they go above, all are counted from the least on:
what GELU and ReLU give has twice the steps that way."""

_TINY = np.float32(1e-12)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one source in the calibration, of each channel: its largest size, its least and mean number, (i,)."""

    largest: Array
    least: Array
    mean: Array


@dataclass(frozen=True, slots=True)
class Narrowing:
    """How the inputs of some products become bytes.

    Attributes:
        scale: What each channel is divided by first, (i,) float32.
        shift: What is added before that, so that no number is negative; 0 for numbers of both signs.
        mean: What each channel is on average, (i,).
        spans: The inputs that share a scale: twice as many of one sign, for which there are twice as many steps.
    """

    scale: Array
    shift: float
    mean: Array
    spans: list[slice]


def narrowings(
    products: Mapping[str, Sequence[str]], weights: Mapping[str, Array], seen: Mapping[str, Seen], hidden: int
) -> dict[str, Narrowing]:
    """How each product's inputs become bytes.

    Args:
        products: The sources of each product, by its name: several where layers share weights.
        weights: The largest weight of each input of a product, (i,).
        seen: What the calibration saw of each source.
        hidden: Numbers of a hidden state.

    Returns:
        By the name of a product; equal for products that share a source or weights.
    """
    result: dict[str, Narrowing] = {}
    span = max(SPAN, hidden // MOST_SPANS)
    for names in _groups(products):
        sources = {source for name in names for source in products[name]}
        largest = np.max([seen[source].largest for source in sources], axis=0)
        heaviest = np.max([weights[name] for name in names], axis=0)
        scale = np.maximum(largest, _SPREAD * largest.max()) ** SHARE
        scale /= np.maximum(heaviest, _SPREAD * heaviest.max()) ** (1.0 - SHARE)
        scale = np.maximum(scale, _TINY)
        scale /= np.exp(np.log(scale).mean())
        least = np.min([seen[source].least for source in sources], axis=0)
        one_sided = np.median(-least / np.maximum(largest, _TINY)) < _ONE_SIDED
        shift = max(float(-least.min()), float(_TINY)) if one_sided else 0.0
        mean = np.mean([seen[source].mean for source in sources], axis=0)
        spans = slices(len(scale), 1, 2 * span if shift else span)
        result.update(dict.fromkeys(names, Narrowing(scale.astype(np.float32), shift, mean, spans)))
    return result


WIDE_HEADS, WIDE_INNER = 384, 1536
"""A matrix of bytes is a quarter of one of floats, so more of a block is worked on at a time: fewer nodes, of which each
takes some kilobytes and 30 µs to load."""

ATTENTION_WIDTH = 192
"""How much of an attention block's heads is attended at a time."""


class WatchedGraphBuilder(GraphBuilder):
    """Builds a graph that says how large the inputs of its matrix products get, in the parts that the graph of bytes has."""

    graph_file = "watched.onnx"
    weights_file = "watched.weights"
    heads_width, inner_width = WIDE_HEADS, WIDE_INNER

    def save(self, dimensions: int) -> None:
        """Write the graph.

        For each source (b, t, h), in the order of `sources`, it gives the largest size, the least and the mean of each number
        over all tokens, (h,) each.
        """
        self.outputs: list[str] = []
        for source in self.sources():
            axes = self.numbers(0, 1)
            sizes = self.node("Abs", [source])
            for operator, numbers in (("ReduceMax", sizes), ("ReduceMin", source), ("ReduceMean", source)):
                self.outputs.append(self.node(operator, [numbers, axes], keepdims=0))
        self._write(dict.fromkeys(self.outputs))

    def sources(self) -> list[str]:
        """The sources of all matrix products of tokens."""
        return sorted({source for named in self.products.values() for source in named})

    def remove(self) -> None:
        """Remove both files."""
        for file in (self.graph_file, self.weights_file):
            (self._folder / file).unlink(missing_ok=True)


class IntegerGraphBuilder(GraphBuilder):
    """Builds the graph of bytes beside that of floats, whose tables and other constants it shares."""

    graph_file = INTEGER_GRAPH_FILE
    weights_file = INTEGER_WEIGHTS_FILE
    heads_width, inner_width = WIDE_HEADS, WIDE_INNER
    mapped_from_bytes = 4 * GRANULE_BYTES  # a span's matrix is hardly larger than a granule, and would fill two

    def __init__(self, beside: GraphBuilder, folder: Path, plans: Mapping[str, Narrowing]) -> None:
        """Start an empty graph.

        Args:
            beside: The finished graph of floats in the same folder.
            folder: Where both files go.
            plans: See `narrowings`; a product without one stays a product of floats.
        """
        super().__init__("q8", folder, beside)
        self._plans = plans
        self._narrowed: dict[str, list[tuple[str, str]]] = {}

    def matrix_product(self, name: str, source: str, weight: Array, *, by_token: bool = True) -> str:
        """Source (…, i) × weightᵀ, where weight is (o, i) float32. Gives (…, o) float32."""
        plan = self._plans.get(name)
        if plan is None:
            return super().matrix_product(name, source, weight, by_token=by_token)
        step, zero = self._byte_steps(plan)
        result, correction = "", np.zeros(len(weight), dtype=np.float64)
        for number, (span, (bytes_, size)) in enumerate(zip(plan.spans, self._bytes_of(source, plan))):
            scaled = weight[:, span] * plan.scale[span]
            steps = np.maximum(np.abs(scaled).max(axis=1), _TINY) / np.float32(127.0)
            whole = np.rint(scaled / steps[:, None]).astype(np.int8)
            rounded = whole * steps[:, None]
            correction += (scaled - rounded) / plan.scale[span] @ plan.mean[span]
            correction -= plan.shift * (rounded / plan.scale[span]).sum(axis=1)
            inputs = [
                bytes_,
                self.constant(f"{name}.bytes.{number}", whole.T),
                step,
                self.constant(f"{name}.steps.{number}", steps),
                zero,
            ]
            share = self.node("Mul", [self.node("MatMulIntegerToFloat", inputs, domain=MICROSOFT), size])
            result = self.node("Add", [result, share]) if result else share  # at once: then no more than two are held
        correction_name = self.constant(f"{name}.correction", correction.astype(np.float32))
        return self.node("Add", [result, correction_name])

    def attention(
        self, source: str, weights: Mapping[str, Array], shift: tuple[str, Array], bias: str, heads: int
    ) -> str:
        """One product for queries, keys and values; then some heads at a time, whose scores take the most memory of all."""
        first = next(iter(weights))
        if first not in self._plans:
            return super().attention(source, weights, shift, bias, heads)
        width = len(shift[1]) // 3
        parts = slices(width, width // heads, ATTENTION_WIDTH)
        projected = self.matrix_product(first, source, np.concatenate(list(weights.values())))
        cut = [f"{projected}.part.{number}" for number in range(3 * len(parts))]
        self.node("Split", [projected], output=cut, axis=2, num_outputs=len(cut))
        some, attended = heads // len(parts), []
        for number, part in enumerate(parts):
            own = np.concatenate([each[part] for each in shift[1].reshape(3, width)])
            offsets = [self.some_heads(bias, number * some, some)] if bias else []
            inputs = [*cut[number :: len(parts)], self.constant(f"{shift[0]}.{number}", own), "key_mask", *offsets]
            attended.append(self.node("MultiHeadAttention", inputs, domain=MICROSOFT, num_heads=some))
        return attended[0] if len(attended) == 1 else self.node("Concat", attended, axis=2)

    def _byte_steps(self, plan: Narrowing) -> tuple[str, str]:
        """A byte's step of numbers up to 1, and the byte of zero."""
        levels, zero = (255, 0) if plan.shift else (127, 128)
        step = self.constant(f"byte_step_{levels}", np.array(1.0 / levels, dtype=np.float32))
        return step, self.constant(f"byte_zero_{zero}", np.array(zero, dtype=np.uint8))

    def _bytes_of(self, source: str, plan: Narrowing) -> list[tuple[str, str]]:
        """The bytes (b, t, span) of each span of a source, and the largest number of each token's span, (b, t, 1)."""
        if source not in self._narrowed:
            self._narrowed[source] = self._narrow(source, plan)
        return self._narrowed[source]

    def _narrow(self, source: str, plan: Narrowing) -> list[tuple[str, str]]:
        spans = len(plan.spans)
        inverse = self.constant(f"{source}.inverse", 1.0 / plan.scale)
        numbers = self.node("Mul", [source, inverse])
        if plan.shift:
            shift = self.constant(f"{source}.shift", (plan.shift / plan.scale).astype(np.float32))
            numbers = self.node("Add", [numbers, shift])
        if spans > 1:
            numbers = self.node("Reshape", [numbers, self.numbers(0, 0, spans, -1)])
        size = self.node("ReduceMax", [numbers if plan.shift else self.node("Abs", [numbers]), self.numbers(-1)])
        size = self.node("Max", [size, self.constant("tiny_size", np.array(_TINY))])
        step, zero = self._byte_steps(plan)
        narrow = self.node("QuantizeLinear", [self.node("Div", [numbers, size]), step, zero])
        if spans == 1:
            return [(narrow, size)]
        narrow = self.node("Reshape", [narrow, self.numbers(0, 0, -1)])
        size = self.node("Reshape", [size, self.numbers(0, 0, -1)])
        parts, sizes = ([f"{source}.{what}.{number}" for number in range(spans)] for what in ("bytes", "size"))
        self.node("Split", [narrow], output=parts, axis=2, num_outputs=spans)
        self.node("Split", [size], output=sizes, axis=2, num_outputs=spans)
        return list(zip(parts, sizes))


def _groups(products: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Names of products that have to agree, because they share a source, or weights that have several sources."""
    group_of: dict[str, list[str]] = {}
    by_source: dict[str, list[str]] = {}
    for name, sources in products.items():
        joined = [name]
        for found in {id(group): group for source in sources if (group := by_source.get(source))}.values():
            joined += found
        for member in joined:
            group_of[member] = joined
            by_source.update(dict.fromkeys(products[member], joined))
    return list({id(group): group for group in group_of.values()}.values())
