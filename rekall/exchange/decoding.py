"""Bytes of a file as text, whatever encoding an editor or a shell wrote them in."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from rekall.errors import InvalidInput

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks; the longer ones first where one begins another."""

_LOOKED_AT = 64 * 1024
"""Bytes from which an unknown encoding is guessed."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, and the encoding it was found in.

    Attributes:
        text: Lines end in a line feed; there is no byte order mark, and no NUL.
        encoding: Its name: "utf-8", "utf-16-le", "cp1252".
        is_guess: Whether nothing but the text itself spoke for that encoding.
    """

    text: str
    encoding: str
    is_guess: bool = False


def decoded(data: bytes) -> Decoded:
    """A file's bytes as text.

    Raises:
        InvalidInput: They are no text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _as(data[len(mark) :], encoding)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _guessed(data)
    if "\0" in text:
        return _guessed(data)
    return Decoded(_lines(text), "utf-8")


def _as(data: bytes, encoding: str) -> Decoded:
    """Bytes whose encoding is known; what does not fit it becomes U+FFFD."""
    return Decoded(_lines(data.decode(encoding, "replace").replace("\0", "\ufffd")), encoding)


def _guessed(data: bytes) -> Decoded:
    wide = _wide(data)
    if wide:
        return Decoded(_as(data, wide).text, wide, is_guess=True)
    if b"\0" in data:
        if data.count(b"\0") <= len(data) // 1000:  # a stray one in a text
            kept = decoded(data.replace(b"\0", "\ufffd".encode()))
            return Decoded(kept.text, kept.encoding, is_guess=True)
        raise InvalidInput("it is no text: it holds NUL bytes", "a binary file cannot be imported")
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_LOOKED_AT]).best()
    encoding = best.encoding if best else "cp1252"
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        text = data.decode("utf-8", "replace")
        encoding = "utf-8"
    return Decoded(_lines(text.replace("\0", "\ufffd")), encoding, is_guess=True)


def _wide(data: bytes) -> str:
    """UTF-16 without a mark: nearly every second byte of a Latin text is NUL. Empty for anything else."""
    if len(data) < 4 or len(data) % 2:
        return ""
    even, odd = data[0:_LOOKED_AT:2], data[1:_LOOKED_AT:2]
    if odd.count(0) > 0.7 * len(odd) and even.count(0) < 0.05 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.7 * len(even) and odd.count(0) < 0.05 * len(odd):
        return "utf-16-be"
    return ""


def _lines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
