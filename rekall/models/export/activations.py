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


def _clip(graph: GraphBuilder, source: str, low: float, high: float) -> str:
    ends = (graph.constant(f"clip_{end:g}", np.array(end, dtype=np.float32)) for end in (low, high))
    return graph.node("Clip", [source, *ends])


def _quick_gelu(graph: GraphBuilder, source: str) -> str:
    steep = graph.node("Mul", [source, graph.constant("steep", np.array(_STEEP, dtype=np.float32))])
    return graph.node("Mul", [source, graph.node("Sigmoid", [steep])])


def _mish(graph: GraphBuilder, source: str) -> str:
    return graph.node("Mul", [source, graph.node("Tanh", [graph.node("Softplus", [source])])])


def _relu_squared(graph: GraphBuilder, source: str) -> str:
    above = graph.node("Relu", [source])
    return graph.node("Mul", [above, above])


def _laplace(graph: GraphBuilder, source: str) -> str:
    shifted = graph.node("Sub", [source, graph.constant("laplace_mu", np.array(_MU, dtype=np.float32))])
    spread = graph.constant("laplace_spread", np.array(_SIGMA * math.sqrt(2.0), dtype=np.float32))
    area = graph.node("Erf", [graph.node("Div", [shifted, spread])])
    half = graph.constant("laplace_half", np.array(0.5, dtype=np.float32))
    return graph.node("Add", [graph.node("Mul", [area, half]), half])


def _gelu(x: Array) -> Array:
    return np.asarray(x * 0.5 * (1.0 + erf(x / math.sqrt(2.0))))


_STEEP = 1.702
_MU, _SIGMA = 0.707107, 0.282095
_IDENTITY = Activation(lambda graph, source: source, lambda x: x)
_GELU = Activation(_one("Gelu", MICROSOFT), _gelu)
_GELU_10 = Activation(
    lambda graph, source: _clip(graph, graph.node("Gelu", [source], domain=MICROSOFT), -10.0, 10.0),
    lambda x: np.clip(_gelu(x), -10.0, 10.0),
)
_GELU_TANH = Activation(_one("FastGelu", MICROSOFT), _gelu_tanh)
_QUICK_GELU = Activation(_quick_gelu, lambda x: np.asarray(x * _sigmoid(_STEEP * x)))
_RELU = Activation(_one("Relu"), lambda x: np.maximum(x, 0.0))
_RELU6 = Activation(lambda graph, source: _clip(graph, source, 0.0, 6.0), lambda x: np.clip(x, 0.0, 6.0))
_RELU_SQUARED = Activation(_relu_squared, lambda x: np.maximum(x, 0.0) ** 2)
_SILU = Activation(
    lambda graph, source: graph.node("Mul", [source, graph.node("Sigmoid", [source])]), lambda x: x * _sigmoid(x)
)
_TANH = Activation(_one("Tanh"), np.tanh)
_SIGMOID = Activation(_one("Sigmoid"), _sigmoid)
_MISH = Activation(_mish, lambda x: np.asarray(x * np.tanh(np.logaddexp(0.0, x))))
_LEAKY = Activation(
    lambda graph, source: graph.node("LeakyRelu", [source], alpha=0.01), lambda x: np.where(x < 0, 0.01 * x, x)
)
_HARD_SWISH = Activation(_one("HardSwish"), lambda x: np.asarray(x * np.clip(x / 6.0 + 0.5, 0.0, 1.0)))
_LAPLACE = Activation(_laplace, lambda x: np.asarray(0.5 * (1.0 + erf((x - _MU) / (_SIGMA * math.sqrt(2.0))))))
_SOFTPLUS = Activation(_one("Softplus"), lambda x: np.logaddexp(0.0, x))
_ELU = Activation(_one("Elu"), lambda x: np.where(x < 0, np.expm1(np.minimum(x, 0.0)), x))

TORCH_NAMES: Mapping[str, Activation] = {
    "Identity": _IDENTITY,
    "Tanh": _TANH,
    "Sigmoid": _SIGMOID,
    "ReLU": _RELU,
    "ReLU6": _RELU6,
    "LeakyReLU": _LEAKY,
    "ELU": _ELU,
    "GELU": _GELU,
    "SiLU": _SILU,
    "Mish": _MISH,
    "Hardswish": _HARD_SWISH,
    "Softplus": _SOFTPLUS,
}
"""Classes of torch.nn without settings of their own: those of a Dense module."""

ACTIVATIONS: Mapping[str, Activation] = {
    **TORCH_NAMES,
    **dict.fromkeys(("gelu", "gelu_python"), _GELU),
    **dict.fromkeys(("gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh", "gelu_python_tanh"), _GELU_TANH),
    "gelu_10": _GELU_10,
    "quick_gelu": _QUICK_GELU,
    "relu": _RELU,
    "relu2": _RELU_SQUARED,
    "relu6": _RELU6,
    "leaky_relu": _LEAKY,
    **dict.fromkeys(("silu", "swish"), _SILU),
    "mish": _MISH,
    "hardswish": _HARD_SWISH,
    "laplace": _LAPLACE,
    "linear": _IDENTITY,
    "sigmoid": _SIGMOID,
    "tanh": _TANH,
}
"""Those too that a config.json names. What has weights of its own (prelu, xielu) is none of them."""
