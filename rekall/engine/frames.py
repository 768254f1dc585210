"""What goes through the pipe between a process and its engine child: small frames, no pickle.

kind     1 byte, see `Frame`
length   4 bytes, little-endian: bytes of what follows
content  vectors as raw little-endian float32, one after the other; everything else as JSON in UTF-8
"""

from __future__ import annotations

import enum
import json
import struct
from typing import Any, Protocol

HEADER = struct.Struct("<BI")

MOST_BYTES = 1 << 26
"""No frame is as long: 128 passages are 0.3 MB, their vectors 0.2 MB."""


class Frame(enum.IntEnum):
    """The kinds of frame: what the parent sends, then what the child answers."""

    LOAD = 1
    """`folder`, `threads`: the first one, once."""
    DOCUMENTS = 2
    """A list of texts."""
    QUERIES = 3
    """A list of texts."""
    READY = 16
    """`fingerprint`, `dim`: the answer to `LOAD`."""
    VECTORS = 17
    """The answer to texts: a vector each, in their order."""
    FAILED = 18
    """`kind`, `message`, `hint`: an error, in place of either answer."""


class Stream(Protocol):
    """One end of a pipe, unbuffered."""

    def read(self, size: int, /) -> bytes | None:
        """Up to so many bytes; none at the end."""
        ...

    def write(self, data: memoryview, /) -> int | None:
        """Write some of the bytes. Returns how many."""
        ...


class PipeClosed(Exception):
    """The other end is gone, in the middle of a frame or between two."""


def send(stream: Stream, kind: Frame, content: bytes) -> None:
    """Write a frame.

    Raises:
        OSError: The other end is gone.
    """
    left = memoryview(HEADER.pack(kind, len(content)) + content)
    while left:
        left = left[stream.write(left) or 0 :]


def send_json(stream: Stream, kind: Frame, content: Any) -> None:
    """Write a frame of JSON. Lone surrogates, which UTF-8 does not have, travel escaped."""
    send(stream, kind, json.dumps(content).encode())


def receive(stream: Stream) -> tuple[Frame, bytes]:
    """Read a frame.

    Raises:
        PipeClosed: There is no more, or what came is no frame.
    """
    kind, length = HEADER.unpack(_exactly(stream, HEADER.size))
    if kind not in list(Frame) or length > MOST_BYTES:
        raise PipeClosed(f"no frame: kind {kind}, {length} bytes")
    return Frame(kind), _exactly(stream, length)


def _exactly(stream: Stream, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = stream.read(size - len(parts))
        if not part:
            raise PipeClosed("the pipe has ended")
        parts += part
    return bytes(parts)
