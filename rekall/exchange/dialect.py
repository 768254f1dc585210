"""A dialect is a way in which some tool keeps notes in files; `exchange/dialects` holds one module each.

A dialect says what it found: fields under the file's own names, the text, names of other notes. What the fields mean for an
entry, which dates can be read and what has no field of ours is decided once for all dialects, in `entry.record`.

    class Keep:
        name = "keep"
        title = "Google Keep"
        suffixes = (".json",)
        keys = {"textContent": "content", "userEditedTimestampUsec": "updated_at"}

        def fits(self, source: Source) -> bool: ...
        def notes(self, source: Source) -> Iterator[Note | Refused]: ...
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from rekall.entry.other import Several
from rekall.entry.types import NamedLink as NamedLink
from rekall.errors import InvalidInput, RekallError
from rekall.exchange import long_json
from rekall.exchange.bounds import (
    MOST_JSON_TEXT_BYTES,
    clipped,
    most_bytes,
    opened,
    plainly,
    read_whole,
    refuse_long_texts,
    refuse_many_values,
    refuse_wide,
)
from rekall.exchange.long_json import LongList, LongObject
from rekall.system.decoding import Decoded, decoded
from rekall.system.spelling import openable


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a dialect read of one note. Nothing is checked yet, and nothing of the file is left out.

    Attributes:
        fields: Names and values: text, lists, mappings, numbers, None. Names that the dialect's `keys` lists mean that
            field of an entry; an entry's own names and their aliases mean themselves; all others are kept as they are.
        content: The text.
        title: The title, where `fields` name none.
        name: What the note is called where nothing else is a title: usually the file's name in words.
        record_id: What its own tool calls it, where that lasts; empty for none.
        part: Which part of the file it is, for a report: "record 3", "line 12"; empty for the whole file.
        created_at: When it was written, where `fields` do not say; naive times are local.
        updated_at: When it was changed, where `fields` do not say; naive times are local.
        tags: Tags found outside `fields`.
        keywords: Other names of it found outside `fields`.
        links: Notes that it names.
        deleted_at: For a note that its tool has in the bin: when it went there.
        is_template: Whether it is a form to fill in, and no note.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    content: str = ""
    title: str = ""
    name: str = ""
    record_id: str = ""
    part: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    tags: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    links: tuple[NamedLink, ...] = ()
    deleted_at: datetime | None = None
    is_template: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that cannot be imported, and why."""

    where: str
    error: RekallError


class Source:
    """A file that an import reads. Its bytes are read once, when they are asked for."""

    def __init__(
        self,
        path: Path,
        relative: PurePosixPath | None = None,
        marks: frozenset[str] = frozenset(),
        data: bytes | None = None,
    ) -> None:
        """A file.

        Args:
            path: The file.
            relative: Its place below the folder that is imported; by default its name alone.
            marks: What lies in that folder and tells whose it is: ".obsidian", "logseq", "dendron.yml", ".zk".
            data: Its bytes, where they were read already.
        """
        self.path = path
        self.relative = relative or PurePosixPath(path.name)
        self.marks = marks
        self.suffix = path.suffix.lower()
        """Its suffix in lower case, with the dot."""
        self.stem = path.stem
        """Its name without the suffix."""
        self.set_aside: dict[str, InvalidInput] = {}
        """What could not be read of long lists in it, by the name of the part."""
        self._data = data
        self._decoded: Decoded | None = None
        self._document: Any = _NOT_READ
        self._digest = b""

    @property
    def data(self) -> bytes:
        """Its bytes. Raises OSError, and InvalidInput for more than is read at once."""
        if self._data is not None:
            self._digest = self._digest or hash_of(self._data)
            return self._data
        data = read_whole(self.path, most_bytes(self.suffix))
        self._digest = hash_of(data)
        if len(data) <= _KEPT_BYTES:
            self._data = data
        return data

    @property
    def digest(self) -> bytes:
        """The hash of its bytes. Raises as `data` does."""
        if not self._digest:
            self._digest = hash_of(self.data)
        return self._digest

    @property
    def is_decoded(self) -> bool:
        """Whether its text was asked for."""
        return self._decoded is not None

    @property
    def decoded(self) -> Decoded:
        """Its text with the encoding it was found in. Raises InvalidInput where it is no text."""
        if self._decoded is None:
            found = decoded(self.data)
            refuse_wide(found.text)
            self._decoded = found
        return self._decoded

    @property
    def text(self) -> str:
        """Its text; lines end in a line feed, and there is no byte order mark."""
        return (self._decoded or self.decoded).text

    @property
    def begins_as_json(self) -> bool:
        """Whether it begins as an object or a list does. Raises OSError."""
        if self._data is not None or self._decoded is not None:
            return self.text.lstrip().startswith(("{", "["))
        with opened(self.path) as file:
            return file.read(_LOOKED_AT).removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"["))

    @property
    def document(self) -> Any:
        """Its JSON; of a large file with long lists as `long_json` has it. Raises InvalidInput where it is none."""
        if self._document is _NOT_READ:
            try:
                self._document = self._long() or parsed_json(self.text)
            except InvalidInput as error:  # every dialect of JSON asks for it
                self._document = error
        if isinstance(self._document, InvalidInput):
            raise self._document
        return self._document

    def _long(self) -> LongList | LongObject | None:
        """Its JSON where lists in it are read item by item."""
        if self.suffix not in LONG_SUFFIXES or os.stat(openable(self.path)).st_size <= long_json.WHOLE_BYTES:
            return None
        return long_json.long_document(self.path, _JSON, self._set_aside)

    def _set_aside(self, part: str, error: InvalidInput) -> None:
        self.set_aside.setdefault(part, error)  # a list may be gone through twice


def with_set_aside(notes: Iterator[Note | Refused], source: Source) -> Iterator[Note | Refused]:
    """What a dialect finds in a file, and why parts of its long lists cannot be read."""
    told = 0
    for note in notes:
        yield note
        if len(source.set_aside) > told:
            yield from _refused(source, told)
            told = len(source.set_aside)
    yield from _refused(source, told)


def _refused(source: Source, told: int) -> list[Refused]:
    return [Refused(f"{source.path}, {part}", error) for part, error in [*source.set_aside.items()][told:]]


LONG_SUFFIXES = (".json", ".txt")
"""Of files in which a JSON may have long lists: Standard Notes calls its JSON a text."""

_NOT_READ = object()
_LOOKED_AT = 1024
_KEPT_BYTES = 1024 * 1024
"""The bytes of a larger file are not kept beside its text."""


def hash_of(data: bytes) -> bytes:
    """What a source is known by."""
    return hashlib.blake2b(data, digest_size=16).digest()


def parsed_json(text: str) -> Any:
    """JSON as Python has it, but for a number that Python does not take, which is text, and for a name that stands twice.

    Raises:
        InvalidInput: It is none.
    """
    refuse_many_values(text)
    try:
        document = _JSON.decode(text)
    except RecursionError as error:
        raise plainly(error) from error
    except ValueError as error:
        raise InvalidInput(f"not valid JSON: {clipped(str(error))}") from error
    if len(text) > MOST_JSON_TEXT_BYTES:
        refuse_long_texts(document)
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; two values under one name become a list, where Python keeps the last."""
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    several = Several()
    for name, value in pairs:
        several.put(name, value)
    return several.found


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


_MOST_DIGITS = 4000
"""Python refuses to read numbers of more than 4,300 digits."""

_JSON = json.JSONDecoder(parse_int=_whole, object_pairs_hook=_object)


class Dialect(Protocol):
    """A way in which notes lie in files.

    Attributes:
        name: Its name in options and JSON: "obsidian".
        title: Its name as people read it: "Obsidian".
        suffixes: Which files it may be asked about, in lower case, with the dot.
        keys: The file's names of fields that are fields of an entry, beside those that `entry.fields` lists.
        hint: How one gets such files out of that tool, for docs/importing.md; one or two sentences.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    keys: Mapping[str, str]
    hint: str

    def fits(self, source: Source) -> bool:
        """Whether a file of one of its suffixes is written in it. It must not raise for any bytes."""
        ...

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Everything in a file. One bad record does not keep the others.

        Raises:
            InvalidInput: The file as a whole cannot be read.
            OSError: The system does not let it be read.
        """
        ...
