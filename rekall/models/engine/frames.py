"""What goes through the pipe between a process and its engine child: small frames, no pickle.

kind     1 byte, see `Frame`
length   4 bytes, little-endian: bytes of what follows
content  vectors as raw little-endian float32, one after the other; everything else as JSON in UTF-8

What the child sends begins with `BEGINNING`: before its program runs, others may print (a `sitecustomize`, for one).
"""

from __future__ import annotations

import enum
import json
import struct
from typing import Any, Protocol

HEADER = struct.Struct("<BI")

MOST_BYTES = 1 << 26
"""No frame is longer: 128 passages are 0.3 MB, their vectors 0.2 MB."""

BEGINNING = b"\0rekall engine\n"

_PIECE_BYTES = 1 << 16
"""What a pipe holds, on Linux. To ask for more at a time only reserves memory."""


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
    """Write a frame of at most `MOST_BYTES`.

    Raises:
        OSError: The other end is gone.
    """
    send_raw(stream, HEADER.pack(kind, len(content)) + content)


def send_raw(stream: Stream, data: bytes) -> None:
    """Write all of some bytes. Raises OSError when the other end is gone."""
    left = memoryview(data)
    while left:
        left = left[stream.write(left) or 0 :]


def send_json(stream: Stream, kind: Frame, content: Any) -> None:
    """Write a frame of JSON."""
    send(stream, kind, as_json(content))


def as_json(content: Any) -> bytes:
    """JSON that `json.loads` reads as it was, lone surrogates included.

    They travel as they are: two of them, escaped, may be read as one character.
    """
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")


def receive(stream: Stream) -> tuple[Frame, bytes]:
    """Read a frame.

    Raises:
        PipeClosed: There is no more, or what came is no frame.
    """
    kind, length = HEADER.unpack(_exactly(stream, HEADER.size))
    if kind not in list(Frame) or length > MOST_BYTES:
        raise PipeClosed(f"no frame: kind {kind}, {length} bytes")
    return Frame(kind), _exactly(stream, length)


def skip_to_beginning(stream: Stream) -> None:
    """Read up to and with `BEGINNING`.

    Raises:
        PipeClosed: It does not come.
    """
    read = b""
    while not read.endswith(BEGINNING):
        read = read[-len(BEGINNING) :] + _exactly(stream, 1)


def _exactly(stream: Stream, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = stream.read(min(size - len(parts), _PIECE_BYTES))
        if not part:
            raise PipeClosed("the pipe has ended")
        parts += part
    return bytes(parts)
