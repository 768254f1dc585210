"""The operators of our graphs, in numpy.

Each is a function of the arrays that a node takes, None for one left out, whose keyword arguments are the node's
attributes: https://onnx.ai/onnx/operators, and ONNX Runtime's own under `com.microsoft`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rekall.models.engine.activations import clip, elu, erf, fast_gelu, gelu, hard_swish, leaky_relu, sigmoid
from rekall.models.engine.graph_file import ELEMENT_TYPES

Array = npt.NDArray[Any]
Operator = Callable[..., Any]

MICROSOFT = "com.microsoft"

_SCORES = 1 << 20
"""Numbers of the scores of attention that are held at a time: 4 MB."""

_MASKED = np.float32(-10_000.0)


def _matmul(left: Array, right: Array) -> Array:
    if right.ndim == 2 and left.ndim > 2:  # one product instead of one for each text
        return np.asarray(np.matmul(left.reshape(-1, left.shape[-1]), right).reshape(*left.shape[:-1], right.shape[1]))
    return np.asarray(np.matmul(left, right))


def _dequantize(
    values: Array, scales: Array, zero: Array | None = None, *, axis: int = 1, block_size: int = 0
) -> Array:
    if zero is not None or not block_size or scales.ndim != values.ndim:
        raise ValueError("DequantizeLinear without blocks, or with a zero point")
    axis %= values.ndim
    extent = values.shape[axis]
    if axis == 0 and extent % block_size == 0 and extent:
        wide = values.astype(np.float32)
        blocks = wide.reshape(-1, block_size, *values.shape[1:])
        blocks *= scales[:, None]
        return wide
    spread = np.repeat(scales, block_size, axis=axis)
    kept = tuple(slice(extent) if place == axis else slice(None) for place in range(values.ndim))
    return np.asarray(np.multiply(values, spread[kept], dtype=np.float32))


def _quantize(source: Array, steps: Array, zero: Array, *, axis: int = 1, block_size: int = 0) -> Array:
    if steps.size != 1 or zero.dtype != np.uint8 or block_size:
        raise ValueError("QuantizeLinear with more than one step, or to other than bytes")
    places = np.divide(source, steps)
    np.rint(places, out=places)
    places += np.float32(zero.item())
    return np.clip(places, 0, 255, out=places).astype(np.uint8)


def _product_of_bytes(
    left: Array,
    right: Array,
    left_steps: Array,
    right_steps: Array,
    left_zero: Array | None = None,
    right_zero: Array | None = None,
    shift: Array | None = None,
) -> Array:
    """A product of whole numbers, exact as far as float32 counts them one by one, to 16,777,216."""
    if right_zero is not None:
        raise ValueError("MatMulIntegerToFloat in a form that no export of Rekall has")
    numbers = left.astype(np.float32)
    if left_zero is not None:
        numbers -= np.float32(left_zero.item())
    product = _matmul(numbers, right.astype(np.float32))
    product *= left_steps * right_steps
    return product if shift is None else product + shift


def _split(source: Array, sizes: Array | None = None, *, axis: int = 0, num_outputs: int = 0) -> list[Array]:
    if sizes is not None:
        return np.split(source, np.cumsum(sizes)[:-1].tolist(), axis=axis)
    extent = -(-source.shape[axis] // num_outputs)  # the last one may be smaller
    return np.split(source, range(extent, source.shape[axis], extent), axis=axis)


def _attention(
    query: Array,
    key: Array,
    value: Array,
    shift: Array | None = None,
    key_mask: Array | None = None,
    bias: Array | None = None,
    *,
    num_heads: int,
    scale: float = 0.0,
    mask_filter_value: float = float(_MASKED),
    unidirectional: int = 0,
) -> Array:
    """Attention of (b, t, h) queries over (b, s, h) keys and values, some queries at a time."""
    if unidirectional or query.ndim != 3 or key.ndim != 3:
        raise ValueError("MultiHeadAttention in a form that no export of Rekall has")
    if shift is not None:
        width = query.shape[2]
        query, key, value = (
            query + shift[:width],
            key + shift[width : width + key.shape[2]],
            value + shift[-value.shape[2] :],
        )
    query, key, value = (
        part.reshape(*part.shape[:2], num_heads, -1).transpose(0, 2, 1, 3) for part in (query, key, value)
    )
    query = query * np.float32(scale or query.shape[3] ** -0.5)
    keys = key.transpose(0, 1, 3, 2)
    hidden = None
    if key_mask is not None and not key_mask.all():
        hidden = np.where(key_mask.astype(bool), np.float32(0), np.float32(mask_filter_value))[:, None, None, :]
    batch, heads, tokens, _ = query.shape
    result = np.empty((batch, tokens, heads, value.shape[3]), dtype=np.float32)
    step = max(1, _SCORES // max(1, batch * heads * keys.shape[3]))
    for start in range(0, tokens, step):
        some = slice(start, start + step)
        scores = np.matmul(query[:, :, some], keys)
        if bias is not None:
            scores += bias[:, :, some]
        if hidden is not None:
            scores += hidden
        result[:, some] = np.matmul(_shares(scores), value).transpose(0, 2, 1, 3)
    return result.reshape(batch, tokens, -1)


def _shares(scores: Array) -> Array:
    """The softmax over the last axis, in place."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def _rotary(
    source: Array,
    places: Array,
    cosines: Array,
    sines: Array,
    *,
    interleaved: int = 0,
    num_heads: int = 0,
    rotary_embedding_dim: int = 0,
    scale: float = 1.0,
    is_packed_batching: int = 0,
) -> Array:
    """Each pair of each head turned by its token's angle, (b, t, h)."""
    if source.ndim != 3 or is_packed_batching:
        raise ValueError("RotaryEmbedding in a form that no export of Rekall has")
    batch, tokens, width = source.shape
    turning = rotary_embedding_dim or 2 * cosines.shape[1]
    result = source.reshape(batch, tokens, num_heads if rotary_embedding_dim else width // turning, -1).copy()
    rows = np.arange(tokens) + places.reshape(-1)[0] if places.size == 1 else places
    cosine, sine = (table[rows].reshape(-1, tokens, 1, turning // 2) for table in (cosines, sines))
    turned = result[..., :turning]
    half = turning // 2
    first, second = (turned[..., 0::2], turned[..., 1::2]) if interleaved else (turned[..., :half], turned[..., half:])
    real, imaginary = first * cosine - second * sine, first * sine + second * cosine
    first[...], second[...] = real, imaginary
    return np.asarray(result.reshape(batch, tokens, width))


def _layer_norm(
    source: Array,
    scale: Array,
    shift: Array | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> Array:
    _check_last(axis, source)
    centred = source - source.mean(axis=-1, keepdims=True)
    return _by_root_mean_square(centred, centred, scale, shift, epsilon)


def _root_mean_square_norm(
    source: Array, scale: Array, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> Array:
    _check_last(axis, source)
    return _by_root_mean_square(source, np.empty_like(source), scale, None, epsilon)


def _by_root_mean_square(source: Array, out: Array, scale: Array, shift: Array | None, epsilon: float) -> Array:
    squares = np.einsum("...i,...i->...", source, source) / np.float32(source.shape[-1])
    np.divide(source, np.sqrt(squares + np.float32(epsilon))[..., None], out=out)
    out *= scale
    if shift is not None:
        out += shift
    return out


def _check_last(axis: int, source: Array) -> None:
    if axis not in (-1, source.ndim - 1):
        raise ValueError(f"a normalisation over axis {axis} of {source.ndim}")


# shapes, places and sums


def _cast(source: Array, *, to: int, saturate: int = 1) -> Array:
    result: Array = source.astype(ELEMENT_TYPES[to])
    return result


def _concat(*parts: Array, axis: int) -> Array:
    return np.concatenate(parts, axis=axis)


def _cumulated(source: Array, axis: Array, *, exclusive: int = 0, reverse: int = 0) -> Array:
    if exclusive or reverse:
        raise ValueError("CumSum in a form that no export of Rekall has")
    return np.cumsum(source, axis=int(axis.reshape(())), dtype=source.dtype)


def _divide(left: Array, right: Array) -> Array:
    if left.dtype.kind == "f":
        return np.asarray(np.divide(left, right))
    return np.asarray(np.trunc(np.divide(left, right)), dtype=left.dtype)  # towards zero


def _gather(source: Array, places: Array, *, axis: int = 0) -> Array:
    return np.take(source, places, axis=axis)


def _largest(*parts: Array) -> Array:
    result = parts[0]
    for part in parts[1:]:
        result = np.maximum(result, part)
    return result


def _range(start: Array, end: Array, step: Array) -> Array:
    return np.arange(start.item(), end.item(), step.item(), dtype=start.dtype)


def _reduced(function: Operator) -> Operator:
    def reduce(source: Array, axes: Array | None = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Array:
        if axes is None and noop_with_empty_axes:
            return source
        over = None if axes is None else tuple(axes.tolist())
        return np.asarray(function(source, axis=over, keepdims=bool(keepdims)), dtype=source.dtype)

    return reduce


def _length(source: Array, axis: tuple[int, ...] | None, keepdims: bool) -> Array:
    return np.asarray(np.sqrt(np.sum(source * source, axis=axis, keepdims=keepdims)))


def _reshape(source: Array, shape: Array, *, allowzero: int = 0) -> Array:
    wanted = shape.tolist()
    if not allowzero:
        wanted = [source.shape[place] if extent == 0 else extent for place, extent in enumerate(wanted)]
    return np.asarray(source.reshape(wanted))


def _shape(source: Array, *, start: int = 0, end: int | None = None) -> Array:
    return np.array(source.shape[start:end], dtype=np.int64)


def _slice(source: Array, starts: Array, ends: Array, axes: Array | None = None, steps: Array | None = None) -> Array:
    count = len(starts)
    over = range(count) if axes is None else axes.tolist()
    by = [1] * count if steps is None else steps.tolist()
    kept = [slice(None)] * source.ndim
    for axis, start, end, step in zip(over, starts.tolist(), ends.tolist(), by):
        kept[axis] = slice(start, end, step)
    return source[tuple(kept)]


def _squeeze(source: Array, axes: Array | None = None) -> Array:
    return np.squeeze(source, axis=None if axes is None else tuple(axes.tolist()))


def _unsqueeze(source: Array, axes: Array) -> Array:
    return np.expand_dims(source, tuple(axes.tolist()))


OPERATORS: Mapping[tuple[str, str], Operator] = {
    ("", "Abs"): np.abs,
    ("", "Add"): np.add,
    ("", "Cast"): _cast,
    ("", "Clip"): clip,
    ("", "Concat"): _concat,
    ("", "CumSum"): _cumulated,
    ("", "DequantizeLinear"): _dequantize,
    ("", "Div"): _divide,
    ("", "Elu"): elu,
    ("", "Equal"): np.equal,
    ("", "Erf"): erf,
    ("", "Gather"): _gather,
    ("", "Greater"): np.greater,
    ("", "HardSwish"): hard_swish,
    ("", "LayerNormalization"): _layer_norm,
    ("", "LeakyRelu"): leaky_relu,
    ("", "MatMul"): _matmul,
    ("", "Max"): _largest,
    ("", "Mul"): np.multiply,
    ("", "Not"): np.logical_not,
    ("", "Or"): np.logical_or,
    ("", "QuantizeLinear"): _quantize,
    ("", "Range"): _range,
    ("", "ReduceL2"): _reduced(_length),
    ("", "ReduceMax"): _reduced(np.max),
    ("", "ReduceMean"): _reduced(np.mean),
    ("", "ReduceMin"): _reduced(np.min),
    ("", "ReduceSum"): _reduced(np.sum),
    ("", "Relu"): lambda source: np.maximum(source, 0),
    ("", "Reshape"): _reshape,
    ("", "Shape"): _shape,
    ("", "Sigmoid"): sigmoid,
    ("", "SimplifiedLayerNormalization"): _root_mean_square_norm,
    ("", "Slice"): _slice,
    ("", "Softplus"): lambda source: np.logaddexp(source, np.float32(0.0)),
    ("", "Split"): _split,
    ("", "Sqrt"): np.sqrt,
    ("", "Squeeze"): _squeeze,
    ("", "Sub"): np.subtract,
    ("", "Tanh"): np.tanh,
    ("", "Unsqueeze"): _unsqueeze,
    ("", "Where"): np.where,
    (MICROSOFT, "BiasGelu"): lambda source, shift: gelu(source + shift),
    (MICROSOFT, "FastGelu"): fast_gelu,
    (MICROSOFT, "Gelu"): gelu,
    (MICROSOFT, "MatMulIntegerToFloat"): _product_of_bytes,
    (MICROSOFT, "MultiHeadAttention"): _attention,
    (MICROSOFT, "RotaryEmbedding"): _rotary,
}
"""By domain and name. `tests/models/test_numpy_session.py` holds them to every operator that the exporter writes."""
