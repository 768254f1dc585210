"""A line that a client sent, taken apart: what the server is asked, or why it cannot be read and whom to tell."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import mcp_types as protocol
from pydantic import ValidationError

from rekall.unseen import whole

MOST_LINE_BYTES = 32_000_000
"""A longer line is refused and not kept: the longest entry takes half of it."""

_HEAD_BYTES = 65_536
_TAIL_BYTES = 4_096
_MOST_OF_A_BATCH = 100

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN = re.compile(rf"{_STRING}?|[{{}}\[\]]", re.DOTALL)
_COLON = re.compile(r"\s*:")
_ID = re.compile(rf"\s*:\s*({_STRING}|-?[0-9]{{1,300}}(?:\.[0-9]{{1,300}})?)\s*(?:[,}}]|\Z)", re.DOTALL)
_LAST_ID = re.compile(
    rf',\s*"id"\s*:\s*({_STRING}|-?[0-9]{{1,300}})\s*(?:,\s*"(?:jsonrpc|method)"\s*:\s*{_STRING}\s*)*}}\s*\Z', re.DOTALL
)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")

Id = str | int | float | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer to what is no message of the protocol.

    Attributes:
        id: The request that it answers, as the client wrote it; None where that cannot be seen.
        code: One of JSON-RPC's.
    """

    id: Id
    code: int
    message: str

    def dumped(self) -> str:
        """The answer as JSON, which ASCII can carry: the id may hold half a character."""
        return json.dumps(
            {"jsonrpc": "2.0", "id": self.id, "error": {"code": self.code, "message": self.message}}, ensure_ascii=True
        )


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it came.

    Attributes:
        data: All of it, or its beginning where it is too long.
        tail: The end of one that is too long.
    """

    data: bytes
    tail: bytes = b""

    @property
    def is_too_long(self) -> bool:
        """Whether its middle was not kept."""
        return bool(self.tail)


@dataclass(slots=True)
class LineReader:
    """Lines from pieces as they come; of one that is too long no more is kept than its ends.

    Attributes:
        read: Gives the next piece, empty at the end.
        most_bytes: The longest line that is kept.
    """

    read: Callable[[], bytes]
    most_bytes: int = MOST_LINE_BYTES
    _buffer: bytearray = field(default_factory=bytearray)
    _is_over: bool = False

    def next(self) -> Line | None:
        """The next line without its end, also a last one that has none; None when there is nothing more."""
        head, seen = b"", 0
        while True:
            end = self._buffer.find(b"\n", seen)
            if end >= 0 or self._is_over:
                return self._taken(head, end)
            seen = len(self._buffer)
            if seen > self.most_bytes or head:
                head = head or bytes(self._buffer[:_HEAD_BYTES])
                del self._buffer[: max(seen - _TAIL_BYTES, 0)]
                seen = len(self._buffer)
            piece = self.read()
            self._is_over = not piece
            self._buffer += piece

    def _taken(self, head: bytes, end: int) -> Line | None:
        at_end = end < 0
        end = len(self._buffer) if at_end else end
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if not self._buffer:
            self._buffer = bytearray()  # gives back what a long line took
        if head or len(line) > self.most_bytes:
            return Line(head or line[:_HEAD_BYTES], line[-_TAIL_BYTES:] or b" ")
        return None if at_end and not line else Line(line)


Taken = protocol.JSONRPCMessage | Refusal


def taken_apart(line: Line) -> list[Taken]:
    """What a line says: a message, refusals of what is none, or nothing where it is blank.

    A byte order mark, bytes that are no UTF-8, control characters in a text and halves of characters are no reason to
    refuse a request: the first is passed over, the others become U+FFFD, or stay.
    """
    if line.is_too_long:
        message = f"the line is longer than {MOST_LINE_BYTES:,} bytes"
        return [Refusal(_id_of_long(line), protocol.INVALID_REQUEST, message)]
    text = line.data.decode("utf-8", "replace").lstrip("\ufeff")
    if not text.strip():
        return []
    try:
        value = json.loads(text, strict=False, parse_constant=_no_constant)
    except RecursionError:
        return [Refusal(id_seen(text), protocol.PARSE_ERROR, "it is nested too deep")]
    except ValueError as error:
        return [Refusal(id_seen(text), protocol.PARSE_ERROR, f"not JSON: {_first_line(error)}")]
    if isinstance(value, list):
        return list(dict.fromkeys(_refused_one(item) for item in value[:_MOST_OF_A_BATCH])) or [_refused_one(None)]
    return [_message(value, has_halves=_HALF.search(text) is not None)]


def mended(body: bytes) -> bytes:
    """The body of a request over HTTP, as `taken_apart` would read it; unchanged where nothing can be mended."""
    text = body.decode("utf-8", "replace").lstrip("\ufeff")
    if body.isascii() and text.replace("\n", "").isprintable() and not _HALF.search(text):
        return body
    try:
        return json.dumps(_whole(json.loads(text, strict=False))).encode()
    except (ValueError, RecursionError):
        return body  # the transport says so


def _message(value: Any, *, has_halves: bool) -> Taken:
    """The message that a JSON value is."""
    if not isinstance(value, dict):
        return Refusal(None, protocol.INVALID_REQUEST, "a message is an object")
    if "method" in value and "id" in value and not _can_be_answered(value["id"]):
        return Refusal(_plain_id(value["id"]), protocol.INVALID_REQUEST, "an id is a text or a whole number")
    try:
        return protocol.jsonrpc_message_adapter.validate_python(_whole(value) if has_halves else value, by_name=False)
    except (ValidationError, RecursionError):
        code, known = protocol.INVALID_REQUEST, "method" in value or not {"result", "error"} & value.keys()
        return Refusal(_plain_id(value.get("id")) if known else None, code, "not a message of JSON-RPC 2.0")


def _refused_one(item: Any) -> Refusal:
    given = _plain_id(item.get("id")) if isinstance(item, dict) and "method" in item else None
    return Refusal(given, protocol.INVALID_REQUEST, "send one message a line: lists of them are not read")


def _can_be_answered(given: Any) -> bool:
    """Whether an answer can carry this id unchanged."""
    return (isinstance(given, str) and whole(given) == given) or (
        isinstance(given, int) and not isinstance(given, bool)
    )


def _plain_id(given: Any) -> Id:
    return given if isinstance(given, (str, int, float)) and not isinstance(given, bool) else None


def _whole(value: Any) -> Any:
    """A JSON value with U+FFFD for each half of a character."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {whole(name): _whole(item) for name, item in value.items()}
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _first_line(error: ValueError) -> str:
    return str(error).partition("\n")[0][:200]


def id_seen(text: str) -> Id:
    """The id of the request that a broken line was to be; None where none is to be seen, or it may be an answer.

    Only what stands in the outermost object counts, so that no text of a note passes for it.
    """
    depth, found = 0, None
    for token in _TOKEN.finditer(text, 0, _HEAD_BYTES * 16):
        if token[0] in "{[":
            depth += 1
        elif token[0] in "}]":
            depth -= 1
        elif depth == 1 and _COLON.match(text, token.end()):
            if token[0] in ('"result"', '"error"'):
                return None
            value = _ID.match(text, token.end()) if token[0] == '"id"' else None
            found = value[1] if value else found
    return _decoded(found)


def _id_of_long(line: Line) -> Id:
    head = id_seen(line.data.decode("utf-8", "replace").lstrip("\ufeff"))
    last = _LAST_ID.search(line.tail.decode("utf-8", "replace")) if head is None else None
    return _decoded(last[1]) if last else head


def _decoded(found: str | None) -> Id:
    try:
        return _plain_id(json.loads(found, strict=False)) if found else None
    except ValueError:  # an escape that is none
        return None
