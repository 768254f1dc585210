"""How much is read of a file at once, and the reading of files that may be pipes, endless, or growing.

The bounds lie far above what people write and keep an import below some 250 MB, whatever lies in a folder.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from rekall.errors import InvalidInput, RekallError
from rekall.system.spelling import openable

MOST_TEXT_BYTES = 16_000_000
"""The longest file of text; four times what one entry holds, so that it becomes several."""

MOST_JSON_BYTES = 64_000_000
"""The largest file of JSON or of pages with pictures in them; also the longest line of JSON lines, the largest note of a notebook."""

MOST_JSON_TEXT_BYTES = 8_000_000
"""The longest text in a JSON; twice what one entry holds."""

MOST_CHAR_BYTES = 64_000_000
"""The most memory for a text while it is read: Python takes four bytes for every letter of one that holds an emoji."""

MOST_VALUES_BYTES = 128_000_000
"""The most memory for the values of a JSON, as it is told from the signs between them."""

MOST_LINKS = 2_000
"""Links of one note that are made; all of them stay in its text."""

MOST_TAGS = 1_000
"""Tags that are looked for in one text; all of them stay in it."""

MOST_ID_CHARS = 300
"""A longer id of a record is told by its hash."""

SHOWN_CHARS = 80
"""Characters that a message repeats of what a file says."""

_MESSAGE_CHARS = 300
_SPARE_BYTES = 1024
_TEXTS = frozenset(
    (
        *(".md", ".markdown", ".mdown", ".mkd", ".mdx", ".mdc", ".qmd", ".rmd", ".org", ".tid", ".cheat", ".jrnl"),
        *(".txt", ".text", ".rst", ".rest", ".adoc", ".asciidoc", ".asc", ".wiki", ".html", ".htm", ".xhtml", ".opml"),
        "",
    )
)
_OBJECT_BYTES = 250
_SIGNS = ((",", 40), (":", 100), ("[", 80), ("{", _OBJECT_BYTES))
"""What Python takes for a value, a name with its value, a list and an object, at least."""

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
"""How files are opened: a pipe would wait until somebody writes."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class TooMuch(InvalidInput):
    """More than is read at once; reading it in another way would not help."""


def most_bytes(suffix: str) -> int:
    """The largest file of a suffix that is read whole."""
    return MOST_TEXT_BYTES if suffix in _TEXTS else MOST_JSON_BYTES


def refuse_endless(status: os.stat_result) -> None:
    """Refuse what is no regular file.

    Raises:
        InvalidInput: It is a pipe, a device, a socket.
    """
    mode = status.st_mode
    if not stat.S_ISREG(mode):
        kind = next((name for is_it, name in _KINDS if is_it(mode)), "none")
        raise InvalidInput(f"it is {kind}, no file", "write what it holds into a file, and import that")


def opened(path: Path) -> BinaryIO:
    """A file to read, once it is certain that reading it comes to an end.

    Raises:
        InvalidInput: It is a pipe, a device, a socket.
        OSError: The system does not let it be read.
    """
    number = os.open(openable(path), _FLAGS)
    try:
        refuse_endless(os.fstat(number))
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def read_whole(path: Path, most: int) -> bytes:
    """The bytes of a file; never more than a bound, however it grows and whatever size it names.

    Raises:
        InvalidInput: It is larger, or no regular file.
        OSError: The system does not let it be read.
    """
    number = os.open(openable(path), _FLAGS)
    try:
        status = os.fstat(number)
        refuse_endless(status)
        size = status.st_size
        if size > most:
            raise too_large(size, most)
        data = os.read(number, size + 1)
        if len(data) <= size and size:  # as nearly always
            return data
        parts = [data]
        while part := os.read(number, 1024 * 1024):  # it grows, or has no size
            parts.append(part)
            size = sum(map(len, parts))
            if size > most:
                raise too_large(size, most)
        return b"".join(parts)
    finally:
        os.close(number)


def too_large(size: int, most: int, what: str = "it") -> TooMuch:
    """That something is larger than what is read at once."""
    hint = "split it, or convert it to JSON lines (.jsonl), which are read one by one"
    return TooMuch(
        f"{what} has {_megabytes(size)}, and the limit is {_megabytes(most)}",
        hint if most == MOST_JSON_BYTES else "split it into several files",
    )


def lines_of(file: BinaryIO, most: int = MOST_JSON_BYTES) -> Iterator[tuple[int, bytes | InvalidInput]]:
    """The lines of a file, numbered from 1. Of a longer one than the bound nothing is kept but why it is not read."""
    number = 0
    while line := file.readline(most + 1):
        number += 1
        if len(line) <= most:
            yield number, line
            continue
        size = len(line)
        while line and not line.endswith(b"\n"):
            line = file.readline(1024 * 1024)
            size += len(line)
        del line
        yield number, too_large(size, most)


def refuse_wide(text: str) -> None:
    """Refuse a text that takes too much memory to be taken apart.

    Raises:
        InvalidInput: It does.
    """
    size = sys.getsizeof(text)
    if size > MOST_CHAR_BYTES + _SPARE_BYTES:
        raise TooMuch(
            f"its letters would take {_megabytes(size)} of memory, and the limit is {_megabytes(MOST_CHAR_BYTES)}",
            "split it into several files",
        )


def refuse_many_values(text: str, start: int = 0, end: int = sys.maxsize) -> None:
    """Refuse a JSON whose values would fill the memory, before they are made.

    Args:
        text: The JSON, or what holds it.
        start: Where it begins.
        end: Where it ends.

    Raises:
        InvalidInput: They would.
    """
    if (min(end, len(text)) - start) * _OBJECT_BYTES // 2 <= MOST_VALUES_BYTES:
        return
    size = sum(text.count(sign, start, end) * bytes_each for sign, bytes_each in _SIGNS)
    if size > MOST_VALUES_BYTES:
        raise TooMuch(
            f"it holds so many values that they would take about {_megabytes(size)} of memory, and the limit is"
            f" {_megabytes(MOST_VALUES_BYTES)}",
            "split it, or convert it to JSON lines (.jsonl), which are read one by one",
        )


def refuse_long_texts(document: Any) -> None:
    """Refuse a text that is longer than anybody writes: it would be compared word by word.

    Raises:
        InvalidInput: There is one.
    """
    waiting = [document]
    while waiting:
        top = waiting.pop()
        if isinstance(top, str) and len(top) > MOST_JSON_TEXT_BYTES:
            raise too_large(len(top), MOST_JSON_TEXT_BYTES, "one text in it")
        if isinstance(top, (dict, list)):
            waiting += top.values() if isinstance(top, dict) else top


def clipped(text: str, most: int = SHOWN_CHARS) -> str:
    """A text as messages repeat it: its beginning alone where it is long."""
    return text if len(text) <= most else text[: most - 1] + "…"


def plainly(error: BaseException) -> RekallError:
    """What a parser raised, as one sentence that is not long whatever the file says."""
    if isinstance(error, RekallError):
        if len(error.message) > _MESSAGE_CHARS:
            error.message = clipped(error.message, _MESSAGE_CHARS)
        return error
    if isinstance(error, MemoryError):
        return InvalidInput("there is not enough memory to read it", "split it into several files")
    if isinstance(error, RecursionError):
        return InvalidInput("it is nested deeper than anybody writes", "split it into several files")
    return InvalidInput(
        f"it could not be read ({type(error).__name__}: {clipped(_said(error))})", "please report this file's shape"
    )


def _said(error: BaseException) -> str:
    try:
        return " ".join(str(error)[:200].split())
    except Exception:  # an error of a parser may fail even at saying what it is
        return ""


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f}".removesuffix(".0") + " MB"
