"""The same encoder in plain numpy and float64: what every export is measured against.

It shares no code with the graph, so a mistake in either shows as a difference. Slow, for a few texts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from rekall.export.checkpoint import Checkpoint, Weights

Array = npt.NDArray[np.float64]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def bert_vectors(checkpoint: Checkpoint, weights: Weights, ids: Sequence[Sequence[int]]) -> Array:
    """Encode token ids with a BERT checkpoint (Devlin et al. 2019), one text at a time.

    Returns:
        (n, d) float64, rows of unit length.
    """
    precise = {name: value.astype(np.float64) for name, value in weights.items() if "word_embeddings" not in name}
    words = weights["embeddings.word_embeddings.weight"]
    return np.stack([_encode(checkpoint, precise, words, row) for row in ids])


def _encode(
    checkpoint: Checkpoint, weights: Mapping[str, Array], words: npt.NDArray[np.float32], ids: Sequence[int]
) -> Array:
    """One text of t tokens. Returns (d,) float64."""
    epsilon = checkpoint.figures.epsilon
    hidden = words[list(ids)].astype(np.float64)
    hidden = hidden + weights["embeddings.position_embeddings.weight"][: len(ids)]
    hidden = hidden + weights["embeddings.token_type_embeddings.weight"][0]
    hidden = _normalise(hidden, weights, "embeddings.LayerNorm", epsilon)
    for number in range(checkpoint.figures.layers):
        layer = f"encoder.layer.{number}"
        attended = _attend(hidden, weights, f"{layer}.attention.self", checkpoint.figures.heads)
        projected = _project(attended, weights, f"{layer}.attention.output.dense")
        hidden = _normalise(projected + hidden, weights, f"{layer}.attention.output.LayerNorm", epsilon)
        inner = _project(hidden, weights, f"{layer}.intermediate.dense")
        inner = inner * 0.5 * (1.0 + _erf(inner / math.sqrt(2.0)))
        projected = _project(inner, weights, f"{layer}.output.dense")
        hidden = _normalise(projected + hidden, weights, f"{layer}.output.LayerNorm", epsilon)
    pooled: Array = hidden[0] if checkpoint.pooling == "cls" else hidden.mean(axis=0)
    return np.asarray(pooled / np.linalg.norm(pooled))


def _attend(hidden: Array, weights: Mapping[str, Array], name: str, heads: int) -> Array:
    tokens, width = hidden.shape
    size = width // heads
    query, key, value = (
        _project(hidden, weights, f"{name}.{part}").reshape(tokens, heads, size).transpose(1, 0, 2)
        for part in ("query", "key", "value")
    )
    scores = query @ key.transpose(0, 2, 1) / math.sqrt(size)
    shares = np.exp(scores - scores.max(axis=2, keepdims=True))
    shares /= shares.sum(axis=2, keepdims=True)
    return np.asarray((shares @ value).transpose(1, 0, 2).reshape(tokens, width))


def _project(source: Array, weights: Mapping[str, Array], name: str) -> Array:
    return np.asarray(source @ weights[f"{name}.weight"].T + weights[f"{name}.bias"])


def _normalise(source: Array, weights: Mapping[str, Array], name: str, epsilon: float) -> Array:
    centred = source - source.mean(axis=1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + epsilon)
    return np.asarray(scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"])
