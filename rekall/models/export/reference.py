"""The same encoders in plain numpy and float64: what every export is measured against.

It shares no code with the graphs but the table of activations, so a mistake in either shows as a difference. Layer
by layer, so that only one layer's weights are widened at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.families import Figures
from rekall.models.export.modules import Dense, Module, Pooling
from rekall.models.export.weights import Weights

Array = npt.NDArray[np.float64]


def postnorm_states(figures: Figures, weights: Weights, ids: Sequence[Sequence[int]]) -> list[Array]:
    """The last hidden states of BERT (Devlin et al. 2019) and its kin, one text at a time.

    Returns:
        For each text of t tokens (t, h) float64.
    """
    positions = _wide(weights, "embeddings.position_embeddings.weight", -1, figures.hidden)
    states = _rows(weights, "embeddings.word_embeddings.weight", figures, ids)
    states = [state + positions[_places(figures, row)] for state, row in zip(states, ids)]
    if "embeddings.token_type_embeddings.weight" in weights:
        first = _wide(weights, "embeddings.token_type_embeddings.weight", -1, figures.hidden)[0]
        states = [state + first for state in states]
    states = _normalise(states, weights, "embeddings.LayerNorm", figures)
    relative = "encoder.relative_attention_bias.weight"
    buckets = _wide(weights, relative, 32, figures.heads) if relative in weights else None
    for number in range(figures.layers):
        layer = f"encoder.layer.{number}"
        query, key, value = (
            _project(states, weights, f"{layer}.attention.self.{part}") for part in ("query", "key", "value")
        )
        attended = [
            _attend(*parts, figures.heads, None if buckets is None else _mpnet_bias(buckets, len(parts[0])))
            for parts in zip(query, key, value)
        ]
        projected = _project(attended, weights, f"{layer}.attention.output.dense")
        states = _normalise(_sums(projected, states), weights, f"{layer}.attention.output.LayerNorm", figures)
        inner = _project(states, weights, f"{layer}.intermediate.dense")
        active = [ACTIVATIONS[figures.activation].values(state) for state in inner]
        projected = _project(active, weights, f"{layer}.output.dense")
        states = _normalise(_sums(projected, states), weights, f"{layer}.output.LayerNorm", figures)
    return states


def modernbert_states(figures: Figures, weights: Weights, ids: Sequence[Sequence[int]]) -> list[Array]:
    """The last hidden states of ModernBERT (Warner et al. 2024); shaped as those of `postnorm_states`."""
    states = _rows(weights, "embeddings.tok_embeddings.weight", figures, ids)
    states = _normalise(states, weights, "embeddings.norm", figures)
    for number in range(figures.layers):
        layer, theta, window = f"layers.{number}", figures.thetas[number], figures.windows[number]
        first = number == 0 and f"{layer}.attn_norm.weight" not in weights
        source = states if first else _normalise(states, weights, f"{layer}.attn_norm", figures)
        attended = []
        for joined in _project(source, weights, f"{layer}.attn.Wqkv"):
            query, key, value = np.split(joined, 3, axis=1)
            query, key = (_turn(part, figures.heads, theta) for part in (query, key))
            attended.append(_attend(query, key, value, figures.heads, _window(len(joined), window)))
        states = _sums(states, _project(attended, weights, f"{layer}.attn.Wo"))
        source = _normalise(states, weights, f"{layer}.mlp_norm", figures)
        gated = []
        for joined in _project(source, weights, f"{layer}.mlp.Wi"):
            inner, gate = np.split(joined, 2, axis=1)
            gated.append(ACTIVATIONS[figures.activation].values(inner) * gate)
        states = _sums(states, _project(gated, weights, f"{layer}.mlp.Wo"))
    return _normalise(states, weights, "final_norm", figures)


def head_vectors(modules: Sequence[Module], states: Sequence[Array], dimensions: int) -> Array:
    """From hidden states through the modules to unit vectors.

    Returns:
        (n, dimensions) float64.
    """
    rows = np.zeros((0, 0))
    for module in modules:
        if isinstance(module, Pooling):
            rows = np.stack([np.concatenate([_pool(mode, state) for mode in module.modes]) for state in states])
        elif isinstance(module, Dense):
            with Weights(module.weights) as weights:
                rows = rows @ _wide(weights, "linear.weight", module.outputs, module.inputs).T
                if module.bias:
                    rows = rows + _wide(weights, "linear.bias", module.outputs)
            rows = ACTIVATIONS[module.activation].values(rows)
        else:
            rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows[:, :dimensions]
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _pool(mode: str, state: Array) -> Array:
    if mode == "cls":
        return np.asarray(state[0])
    if mode == "lasttoken":
        return np.asarray(state[-1])
    if mode == "max":
        return np.asarray(state.max(axis=0))
    if mode == "weightedmean":
        return np.asarray(np.average(state, axis=0, weights=np.arange(1, len(state) + 1)))
    return np.asarray(state.sum(axis=0) / (len(state) if mode == "mean" else math.sqrt(len(state))))


def _places(figures: Figures, ids: Sequence[int]) -> list[int]:
    """The row of the position table for each token."""
    if figures.padding_id is None:
        return list(range(len(ids)))
    places, last = [], figures.padding_id
    for number in ids:
        last += number != figures.padding_id
        places.append(figures.padding_id if number == figures.padding_id else last)
    return places


def _mpnet_bias(buckets: Array, tokens: int) -> Array:
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


def _window(tokens: int, reach: int | None) -> Array | None:
    if reach is None:
        return None
    places = np.arange(tokens)
    return np.where(np.abs(places[:, None] - places) > reach, -np.inf, 0.0)


def _turn(source: Array, heads: int, theta: float) -> Array:
    """Rotate each pair (i, i + size / 2) of a head by its position's angle. (t, h) to (t, h)."""
    tokens, width = source.shape
    size = width // heads
    pairs = source.reshape(tokens, heads, 2, size // 2)
    turn = np.exp(1j * np.outer(np.arange(tokens), theta ** (-2.0 * np.arange(size // 2) / size)))[:, None, :]
    turned = (pairs[:, :, 0] + 1j * pairs[:, :, 1]) * turn
    return np.stack([turned.real, turned.imag], axis=2).reshape(tokens, width)


def _attend(query: Array, key: Array, value: Array, heads: int, bias: Array | None = None) -> Array:
    tokens, width = query.shape
    size = width // heads
    query, key, value = (part.reshape(tokens, heads, size).transpose(1, 0, 2) for part in (query, key, value))
    scores = query @ key.transpose(0, 2, 1) / math.sqrt(size)
    if bias is not None:
        scores = scores + bias
    shares = np.exp(scores - scores.max(axis=2, keepdims=True))
    shares /= shares.sum(axis=2, keepdims=True)
    return np.asarray((shares @ value).transpose(1, 0, 2).reshape(tokens, width))


def _rows(weights: Weights, name: str, figures: Figures, ids: Sequence[Sequence[int]]) -> list[Array]:
    """The rows of an embedding table for each text; the rest of the table is not read."""
    wanted = sorted({number for row in ids for number in row})
    table = weights.rows(name, wanted, figures.hidden).astype(np.float64)
    return [table[np.searchsorted(wanted, row)] for row in ids]


def _wide(weights: Weights, name: str, *shape: int) -> Array:
    return weights.tensor(name, *shape).astype(np.float64)


def _project(states: Sequence[Array], weights: Weights, name: str) -> list[Array]:
    matrix = _wide(weights, f"{name}.weight", -1, -1).T
    bias = _wide(weights, f"{name}.bias", -1) if f"{name}.bias" in weights else 0.0
    return [np.asarray(state @ matrix + bias) for state in states]


def _sums(left: Sequence[Array], right: Sequence[Array]) -> list[Array]:
    return [a + b for a, b in zip(left, right)]


def _normalise(states: Sequence[Array], weights: Weights, name: str, figures: Figures) -> list[Array]:
    scale = _wide(weights, f"{name}.weight", figures.hidden)
    shift = _wide(weights, f"{name}.bias", figures.hidden) if f"{name}.bias" in weights else 0.0
    result = []
    for state in states:
        centred = state - state.mean(axis=1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=1, keepdims=True) + figures.epsilon)
        result.append(np.asarray(centred / spread * scale + shift))
    return result
