"""Reads a graph file without the `onnx` package: nodes, constants, and where the large ones lie.

An ONNX file is one protobuf message. What a graph of ours needs of it is a dozen fields of seven messages, so this is a
reader of that wire format and no more: https://protobuf.dev/programming-guides/encoding/ and `onnx.proto3`.
"""

from __future__ import annotations

import errno
import math
import mmap
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rekall.errors import ModelDamaged
from rekall.models.engine.card import repair_hint
from rekall.system.mappable import opened_to_map

Array = npt.NDArray[Any]

ELEMENT_TYPES: Mapping[int, npt.DTypeLike] = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    10: np.float16,
    11: np.float64,
}
"""As ONNX numbers them."""

_VARINT, _BYTES = 0, 2
_SIZES = {1: 8, 5: 4}
"""Bytes of a field by its wire type, where these are fixed."""

_MOST_BITS = 70
_EXTERNAL = 1
_FLOAT, _INT, _STRING, _TENSOR, _INTS = 1, 2, 3, 4, 7
_PACKED = (9, 4, 10)
"""The fields of a tensor that hold its numbers as they lie in memory: raw data, floats, doubles."""


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One operator to run; an input without a name is one that is left out."""

    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GraphFile:
    """What a graph file holds.

    Attributes:
        nodes: In the order in which they run.
        constants: Read-only arrays by name; the large ones are mapped.
        inputs: Their names.
        outputs: The last extent of each, 0 where it is not fixed.
    """

    nodes: tuple[GraphNode, ...]
    constants: Mapping[str, Array]
    inputs: tuple[str, ...]
    outputs: Mapping[str, int]


def read_graph(path: Path) -> GraphFile:
    """Read a graph, and map the weights that lie in files beside it.

    Raises:
        ModelDamaged: It is no graph that can be read, or its weights are not where it says.
    """
    try:
        return _Reader(path.parent).graph(memoryview(path.read_bytes()))
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, struct.error, UnicodeDecodeError) as error:
        raise ModelDamaged(f"{path} is not a graph that can be read: {error}", repair_hint(path.parent.name)) from error
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise
        raise ModelDamaged(
            f"{error.filename or path} cannot be read: {error.strerror}", repair_hint(path.parent.name)
        ) from error


class _Reader:
    """Reads one file's messages. Field numbers are those of `onnx.proto3`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mapped: dict[str, mmap.mmap] = {}

    def graph(self, model: memoryview) -> GraphFile:
        fields = _fields(_message(_fields(model), 7))
        constants = dict(map(self._tensor, fields.get(5, ())))
        inputs = (_text(_fields(each), 1) for each in fields.get(11, ()))
        return GraphFile(
            nodes=tuple(map(self._node, fields.get(1, ()))),
            constants=constants,
            inputs=tuple(name for name in inputs if name not in constants),
            outputs=dict(map(_output, fields.get(12, ()))),
        )

    def _node(self, message: memoryview) -> GraphNode:
        fields = _fields(message)
        domain = _text(fields, 7)
        return GraphNode(
            operator=_text(fields, 4),
            domain="" if domain == "ai.onnx" else domain,
            inputs=tuple(map(_decoded, fields.get(1, ()))),
            outputs=tuple(map(_decoded, fields.get(2, ()))),
            attributes=dict(map(self._attribute, fields.get(5, ()))),
        )

    def _attribute(self, message: memoryview) -> tuple[str, Any]:
        fields = _fields(message)
        name, kind = _text(fields, 1), fields.get(20, [0])[-1]
        if kind == _FLOAT:
            return name, struct.unpack("<f", fields.get(2, [b"\0\0\0\0"])[-1])[0]
        if kind == _INT:
            return name, _signed(fields.get(3, [0])[-1])
        if kind == _STRING:
            return name, _text(fields, 4)
        if kind == _INTS:
            return name, tuple(_integers(fields, 8))
        if kind == _TENSOR:
            return name, self._tensor(_message(fields, 5))[1]
        raise ValueError(f"its attribute {name!r} is of kind {kind}")

    def _tensor(self, message: memoryview) -> tuple[str, Array]:
        fields = _fields(message)
        name, shape = _text(fields, 8), _integers(fields, 1)
        dtype = np.dtype(ELEMENT_TYPES[fields[2][-1]]).newbyteorder("<")
        if min(shape, default=0) < 0:
            raise ValueError(f"{name} has the shape {shape}")
        if fields.get(14) == [_EXTERNAL]:
            entries = map(_fields, fields.get(13, ()))
            where = {_text(entry, 1): _text(entry, 2) for entry in entries}
            value = np.frombuffer(self._file(where["location"]), dtype, math.prod(shape), int(where.get("offset", "0")))
        else:
            raw = next((fields[number][-1] for number in _PACKED if number in fields), None)
            value = np.array(_integers(fields, 5, 7)).astype(dtype) if raw is None else np.frombuffer(raw, dtype)
        return name, value.reshape(shape)

    def _file(self, name: str) -> mmap.mmap:
        if name not in self._mapped:
            if Path(name).name != name:
                raise ValueError(f"its weights are said to lie in {name!r}")
            with opened_to_map(self._folder / name) as file:
                self._mapped[name] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._mapped[name]


def _fields(message: memoryview) -> dict[int, list[Any]]:
    """The fields of a message by their numbers, in their order: whole numbers as they are, everything else as bytes."""
    found: dict[int, list[Any]] = {}
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        kind = key & 7
        value: Any
        if kind == _VARINT:
            value, at = _varint(message, at)
        else:
            size = _SIZES.get(kind)
            if kind == _BYTES:
                size, at = _varint(message, at)
            if size is None or at + size > end:
                raise ValueError("it is cut short, or is not such a file at all")
            value = message[at : at + size]
            at += size
        found.setdefault(key >> 3, []).append(value)
    return found


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number that begins at a place, and the place behind it."""
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while shift < _MOST_BITS:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at + 1
        shift += 7
    raise ValueError("a number in it has more than 64 bits")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _integers(fields: Mapping[int, Sequence[Any]], *numbers: int) -> list[int]:
    """Repeated whole numbers, each alone or many packed."""
    found: list[int] = []
    for number in numbers:
        for content in fields.get(number, ()):
            if isinstance(content, int):
                found.append(_signed(content))
                continue
            at = 0
            while at < len(content):
                value, at = _varint(content, at)
                found.append(_signed(value))
    return found


def _message(fields: Mapping[int, Sequence[Any]], number: int) -> memoryview:
    """A field that there has to be, which holds fields itself."""
    return memoryview(fields[number][-1])


def _text(fields: Mapping[int, Sequence[Any]], number: int) -> str:
    return _decoded(fields[number][-1]) if number in fields else ""


def _decoded(content: Any) -> str:
    return bytes(memoryview(content)).decode()


def _output(value: memoryview) -> tuple[str, int]:
    """The name of an output, and its last extent, 0 where it is not fixed: ValueInfo, Type, Tensor, Shape, Dimension."""
    fields = named = _fields(value)
    for number in (2, 1, 2):
        if number not in fields:
            return _text(named, 1), 0
        fields = _fields(_message(fields, number))
    extents = [_fields(dimension).get(1, [0])[-1] for dimension in fields.get(1, ())]
    return _text(named, 1), int(extents[-1]) if extents else 0
