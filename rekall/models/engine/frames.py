"""What goes through the pipe between a process and its engine child: small frames, no pickle.

kind     1 byte, see `Frame`
length   4 bytes, little-endian: how many bytes follow
content  vectors as raw little-endian float32, one after the other; everything else as JSON in UTF-8

What the child sends starts with `BEGINNING`: before its program runs, other code may print (a `sitecustomize`, say).
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
"""What a pipe holds on Linux. Asking for more at a time only reserves memory."""


class Frame(enum.IntEnum):
    """The kinds of frame: what the parent sends, then what the child answers."""

    LOAD = 1
    """`folder`, `threads`, `backend`: sent first, and once."""
    DOCUMENTS = 2
    """A list of texts."""
    QUERIES = 3
    """A list of texts."""
    KNOWN = 4
    """A list of texts."""
    READY = 16
    """`fingerprint`, `dim`: the answer to `LOAD`."""
    VECTORS = 17
    """The answer to `DOCUMENTS` and `QUERIES`: one vector each, in order."""
    FAILED = 18
    """`kind`, `message`, `hint`: an error, in place of any answer."""
    SHARES = 19
    """The answer to `KNOWN`: a list of numbers."""


class Stream(Protocol):
    """One end of a pipe, unbuffered."""

    def read(self, size: int, /) -> bytes | None:
        """Read up to `size` bytes; none at the end."""
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
    """JSON that `json.loads` reads back unchanged, lone surrogates included.

    They are not escaped: two escapes in a row may be read as one character.
    """
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")


def receive(stream: Stream) -> tuple[Frame, bytes]:
    """Read a frame.

    Raises:
        PipeClosed: The pipe has ended, or what came is not a frame.
    """
    kind, length = HEADER.unpack(_exactly(stream, HEADER.size))
    if kind not in list(Frame) or length > MOST_BYTES:
        raise PipeClosed(f"not a frame: kind {kind}, {length} bytes")
    return Frame(kind), _exactly(stream, length)


def skip_to_beginning(stream: Stream) -> None:
    """Read up to and including `BEGINNING`.

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
