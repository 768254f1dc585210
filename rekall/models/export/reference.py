"""What the references of the architectures are made of: plain numpy in float64, which every export is measured against.

A reference shares no code with its graph but the table of activations, so a mistake in either shows as a difference.
It goes layer by layer, so that only one layer's weights are widened at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.figures import Figures
from rekall.models.export.modules import Dense, LayerNorm, Module, Pooling
from rekall.models.export.weights import Weights

Array64 = npt.NDArray[np.float64]
States = list[Array64]
"""Hidden states of some texts: for each one of t tokens (t, h) float64."""


def table_rows(weights: Weights, name: str, figures: Figures, ids: Sequence[Sequence[int]]) -> States:
    """The rows of an embedding table for each text; the rest of the table is not read."""
    wanted = sorted({number for row in ids for number in row})
    table = weights.rows(name, wanted, figures.hidden).astype(np.float64)
    return [table[np.searchsorted(wanted, row)] for row in ids]


def project(states: Sequence[Array64], weights: Weights, name: str) -> States:
    """A linear layer, with its bias where it has one."""
    matrix = wide(weights, f"{name}.weight", -1, -1).T
    bias = wide(weights, f"{name}.bias", -1) if f"{name}.bias" in weights else 0.0
    return [np.asarray(state @ matrix + bias) for state in states]


def attend(query: Array64, key: Array64, value: Array64, heads: int, bias: Array64 | None = None) -> Array64:
    """Attention of one text, (t, h), with what is added to the scores, (t, t) or (heads, t, t)."""
    tokens, width = query.shape
    size = width // heads
    query, key, value = (part.reshape(tokens, heads, size).transpose(1, 0, 2) for part in (query, key, value))
    scores = query @ key.transpose(0, 2, 1) / math.sqrt(size)
    if bias is not None:
        scores = scores + bias
    shares = np.exp(scores - scores.max(axis=2, keepdims=True))
    shares /= shares.sum(axis=2, keepdims=True)
    return np.asarray((shares @ value).transpose(1, 0, 2).reshape(tokens, width))


def normalise(states: Sequence[Array64], weights: Weights, name: str, figures: Figures) -> States:
    """A layer normalisation, with its bias where it has one."""
    scale = wide(weights, f"{name}.weight", figures.hidden)
    shift = wide(weights, f"{name}.bias", figures.hidden) if f"{name}.bias" in weights else 0.0
    result = []
    for state in states:
        centred = state - state.mean(axis=1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=1, keepdims=True) + figures.epsilon)
        result.append(np.asarray(centred / spread * scale + shift))
    return result


def sums(left: Sequence[Array64], right: Sequence[Array64]) -> States:
    """Two lists of states, added text by text."""
    return [a + b for a, b in zip(left, right)]


def wide(weights: Weights, name: str, *shape: int) -> Array64:
    """A tensor in float64; see `Weights.tensor`."""
    return weights.tensor(name, *shape).astype(np.float64)


def head_vectors(modules: Sequence[Module], states: Sequence[Array64], dimensions: int, left_out: int = 0) -> Array64:
    """From hidden states through the modules to unit vectors; the first `left_out` tokens take no part in the pooling.

    Returns:
        (n, dimensions) float64.
    """
    rows = np.zeros((0, 0))
    for module in modules:
        if isinstance(module, Pooling):
            first = [left_out if left_out < len(state) else 0 for state in states]
            rows = np.stack(
                [
                    np.concatenate([_pool(mode, state, start) for mode in module.modes])
                    for state, start in zip(states, first)
                ]
            )
        elif isinstance(module, Dense):
            with Weights(module.weights) as weights:
                rows = rows @ wide(weights, "linear.weight", module.outputs, module.inputs).T
                if module.bias:
                    rows = rows + wide(weights, "linear.bias", module.outputs)
            rows = ACTIVATIONS[module.activation].values(rows)
        elif isinstance(module, LayerNorm):
            centred = rows - rows.mean(axis=1, keepdims=True)
            rows = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + LayerNorm.EPSILON)
            with Weights(module.weights) as weights:
                rows = rows * wide(weights, "norm.weight", module.width) + wide(weights, "norm.bias", module.width)
        else:
            rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows[:, :dimensions]
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _pool(mode: str, whole: Array64, first: int) -> Array64:
    """The vector of a text from those of its tokens, without those before `first`."""
    state = whole[first:]
    if mode == "cls":
        return np.asarray(state[0])
    if mode == "lasttoken":
        return np.asarray(state[-1])
    if mode == "max":
        return np.asarray(state.max(axis=0))
    if mode == "weightedmean":
        return np.asarray(np.average(state, axis=0, weights=np.arange(first + 1, len(whole) + 1)))
    return np.asarray(state.sum(axis=0) / (len(state) if mode == "mean" else math.sqrt(len(state))))
