"""The activation functions that are exported, each as graph nodes and as plain numpy.

A function has several names: its torch class (`GELU`) and those that transformers uses (`gelu`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rekall.models.export.graph import MICROSOFT, GraphBuilder

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Activation:
    """One function: `nodes` adds it to a graph, `values` computes it in float64."""

    nodes: Callable[[GraphBuilder, str], str]
    values: Callable[[Array], Array]


_STEP = 1.0 / 1024.0
_END = 6.0  # erf(6) differs from 1 by 2e-17
_grid = np.arange(-_END, _END + 1.5 * _STEP, _STEP)
_erf_on_grid = np.array([math.erf(x) for x in _grid])


def erf(x: Array) -> Array:
    """The error function, which numpy lacks, to 1e-13: cubic Hermite interpolation between exact values.

    The error of the cubic is at most step⁴/384 times the fourth derivative, which stays below 8.
    """
    inside = np.clip(x, -_END, _END)
    left = np.minimum(((inside + _END) / _STEP).astype(np.int64), len(_grid) - 2)
    t = (inside - _grid[left]) / _STEP
    slope = 2.0 / math.sqrt(math.pi) * _STEP
    low, high = _erf_on_grid[left], _erf_on_grid[left + 1]
    low_slope, high_slope = slope * np.exp(-(_grid[left] ** 2)), slope * np.exp(-(_grid[left + 1] ** 2))
    return np.asarray(
        low * (1 + 2 * t) * (1 - t) ** 2
        + low_slope * t * (1 - t) ** 2
        + high * t**2 * (3 - 2 * t)
        + high_slope * t**2 * (t - 1)
    )


def _sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def _one(operator: str, domain: str = "") -> Callable[[GraphBuilder, str], str]:
    return lambda graph, source: graph.node(operator, [source], domain=domain)


def _gelu_tanh(x: Array) -> Array:
    return np.asarray(0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))))


_IDENTITY = Activation(lambda graph, source: source, lambda x: x)
_GELU = Activation(_one("Gelu", MICROSOFT), lambda x: np.asarray(x * 0.5 * (1.0 + erf(x / math.sqrt(2.0)))))
_GELU_TANH = Activation(_one("FastGelu", MICROSOFT), _gelu_tanh)
_RELU = Activation(_one("Relu"), lambda x: np.maximum(x, 0.0))
_SILU = Activation(
    lambda graph, source: graph.node("Mul", [source, graph.node("Sigmoid", [source])]), lambda x: x * _sigmoid(x)
)

ACTIVATIONS: Mapping[str, Activation] = {
    "Identity": _IDENTITY,
    "Tanh": Activation(_one("Tanh"), np.tanh),
    "Sigmoid": Activation(_one("Sigmoid"), _sigmoid),
    "ReLU": _RELU,
    "GELU": _GELU,
    "SiLU": _SILU,
    "relu": _RELU,
    "gelu": _GELU,
    "gelu_new": _GELU_TANH,
    "gelu_pytorch_tanh": _GELU_TANH,
    "silu": _SILU,
}
