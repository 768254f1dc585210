"""Activations in numpy: functions of one number, as the operators of our graphs have them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_CHUNK = 1 << 14
"""Numbers that a function of several steps takes at a time, so that they stay in the processor's cache."""

_T = 0.3275911 / math.sqrt(2.0)
_ERFC = tuple(number / 2.0 for number in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592))


def gelu(source: Array) -> Array:
    """X times the share of the normal distribution below x, to 1e-7.

    That is x for positive numbers, 0 for others, less |x| times the share beyond |x| (Abramowitz and Stegun 1964, 7.1.26).
    """
    flat = np.ascontiguousarray(source).reshape(-1)
    result = np.empty_like(flat)
    for start in range(0, len(flat), _CHUNK):
        some = flat[start : start + _CHUNK]
        np.maximum(some, 0.0, out=result[start : start + _CHUNK])
        size = np.abs(some)
        size *= _beyond(size)
        result[start : start + _CHUNK] -= size
    return result.reshape(source.shape)


def _beyond(size: Array) -> Array:
    """The share of the normal distribution beyond each number ≥ 0."""
    t = size * np.float32(_T)
    t += np.float32(1.0)
    np.reciprocal(t, out=t)
    share: Array = t * np.float32(_ERFC[0])
    for number in _ERFC[1:]:
        share += np.float32(number)
        share *= t
    np.multiply(size, size, out=t)
    t *= np.float32(-0.5)
    np.exp(t, out=t)
    share *= t
    return share


def erf(source: Array) -> Array:
    """The error function, to 1e-7."""
    return np.asarray(np.copysign(1.0 - 2.0 * _beyond(np.abs(source) * np.float32(math.sqrt(2.0))), source))


def fast_gelu(source: Array, shift: Array | None = None) -> Array:
    """GELU by a hyperbolic tangent."""
    shifted = source if shift is None else source + shift
    inner = shifted * shifted
    inner *= np.float32(0.044715 * math.sqrt(2.0 / math.pi))
    inner += np.float32(math.sqrt(2.0 / math.pi))
    inner *= shifted
    np.tanh(inner, out=inner)
    inner += np.float32(1.0)
    inner *= shifted
    inner *= np.float32(0.5)
    return inner


def sigmoid(source: Array) -> Array:
    """1 / (1 + e^-x)."""
    result = np.exp(-np.abs(source))  # of the size alone: it never overflows
    return np.asarray(np.where(source >= 0, np.float32(1.0), result) / (np.float32(1.0) + result))


def clip(source: Array, low: Array | None = None, high: Array | None = None) -> Array:
    """No less and no more than the bounds that are given."""
    return np.clip(source, low, high)


def leaky_relu(source: Array, *, alpha: float = 0.01) -> Array:
    """X, and a share of it where it is negative."""
    return np.where(source < 0, source * np.float32(alpha), source)


def elu(source: Array, *, alpha: float = 1.0) -> Array:
    """X, and alpha (e^x - 1) where it is negative."""
    return np.where(source < 0, np.expm1(np.minimum(source, 0)) * np.float32(alpha), source)


def hard_swish(source: Array) -> Array:
    """X times a straight line from 0 to 1."""
    return np.asarray(source * np.clip(source / np.float32(6.0) + np.float32(0.5), 0.0, 1.0))
