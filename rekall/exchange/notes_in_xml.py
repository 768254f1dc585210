"""Notes of an XML that may be of any size, one by one: never more than one is in memory, and of what is attached only its hash."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from rekall.errors import InvalidInput
from rekall.exchange.bounds import MOST_JSON_BYTES, MOST_TEXT_BYTES, too_large

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_AT_ONCE = 64 * 1024
_ELEMENT_BYTES = 200
"""What Python takes for an element, at least."""

_ATTACHED = frozenset(("data", "recognition", "alternate-data"))
"""Elements whose text is not kept; in place of `data` stands its MD5."""

_MOST_SILENT_BYTES = MOST_TEXT_BYTES
"""Bytes in which the parser finds no element, no text: it keeps the whole of an attribute or a comment."""


def notes_in(file: BinaryIO) -> Iterator[Element | InvalidInput]:
    """Every `note` at the top of a document, as soon as it is whole, or why it cannot be read.

    Raises:
        DefusedXmlException: It defines entities.
        ParseError: It is not well formed.
        InvalidInput: A tag in it has no end.
    """
    from defusedxml.ElementTree import DefusedXMLParser

    builder = _Builder()
    parser = DefusedXMLParser(target=builder, forbid_entities=True, forbid_external=True)
    silent = 0
    while chunk := file.read(_AT_ONCE):
        heard = builder.heard
        parser.feed(chunk)
        silent = silent + len(chunk) if builder.heard == heard else 0
        if silent > _MOST_SILENT_BYTES:
            raise too_large(silent, _MOST_SILENT_BYTES, "a tag in it")
        yield from builder.taken()
    parser.close()
    yield from builder.taken()


class _Builder:
    """Makes elements of the parser's events, and lets go what was read."""

    def __init__(self) -> None:
        from xml.etree.ElementTree import TreeBuilder

        self.heard = 0
        """How many events there were."""
        self._make: type[Any] = TreeBuilder
        self._tree: Any = None
        self._depth = self._begun = 0
        self._size = 0
        self._digest: _Digest | None = None
        self._notes: list[Element | InvalidInput] = []

    def taken(self) -> list[Element | InvalidInput]:
        """The notes that became whole since the last call."""
        notes, self._notes = self._notes, []
        return notes

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self.heard += 1
        self._depth += 1
        name = _local(tag)
        if self._tree is None and self._depth <= 2 and name == "note":
            self._tree, self._begun, self._size = self._make(), self._depth, 0
        if self._tree is None:
            return
        if self._digest is None and name in _ATTACHED:
            self._digest = _Digest(self._depth, is_kept=name == "data")
        if self._digest is None or self._digest.depth == self._depth:
            self._count(_ELEMENT_BYTES + sum(map(len, attributes.values())))
            if self._size <= MOST_TEXT_BYTES:
                self._tree.start(tag, attributes)

    def data(self, text: str) -> None:
        """A piece of text."""
        self.heard += 1
        if self._tree is None:
            return
        if self._digest is not None:
            self._digest.take(text)
            return
        self._count(len(text))
        if self._size <= MOST_TEXT_BYTES:
            self._tree.data(text)

    def end(self, tag: str) -> None:
        """An element ends."""
        self.heard += 1
        depth, self._depth = self._depth, self._depth - 1
        if self._tree is None or (self._digest is not None and self._digest.depth < depth):
            return
        is_whole = self._size <= MOST_TEXT_BYTES
        if self._digest is not None:
            if is_whole and self._digest.text:
                self._tree.data(self._digest.text)
            self._digest = None
        if is_whole:
            self._tree.end(tag)
        if depth == self._begun:
            self._notes.append(self._tree.close() if is_whole else too_large(self._size, MOST_TEXT_BYTES))
            self._tree = None

    def _count(self, size: int) -> None:
        """Count what a note takes. Raises InvalidInput once it is so much that reading to its end is not worth it."""
        self._size += size
        if self._size > MOST_JSON_BYTES:
            raise too_large(self._size, MOST_TEXT_BYTES, "a note in it")

    def close(self) -> None:
        """The document ends."""


class _Digest:
    """The MD5 of what stands between in base64."""

    def __init__(self, depth: int, *, is_kept: bool) -> None:
        self.depth = depth
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._rest = ""
        self._is_valid = is_kept

    def take(self, text: str) -> None:
        """Take in a piece."""
        if not self._is_valid:
            return
        self._rest += "".join(text.split())
        whole = len(self._rest) // 4 * 4
        try:
            self._md5.update(b64decode(self._rest[:whole]))
        except ValueError:
            self._is_valid = False
        self._rest = self._rest[whole:]

    @property
    def text(self) -> str:
        """The hash; empty for what is no base64."""
        return self._md5.hexdigest() if self._is_valid and not self._rest else ""


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
