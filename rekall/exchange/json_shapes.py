"""What dialects of JSON share: reading a file's values one by one, and texts, times and names out of any value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from rekall.entry.times import any_moment
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput, RekallError
from rekall.exchange.bounds import MOST_JSON_BYTES, TooMuch, lines_of, opened, refuse_many_values, too_large
from rekall.exchange.dialect import Refused, Source, parsed_json
from rekall.exchange.long_json import LongList, refuse_left_in_file, sample_of
from rekall.system.decoding import decoded

LINES = (".jsonl", ".ndjson")
LISTS = (list, LongList)
"""Lists in memory, and in a file."""

_LONGEST_TITLE = 100

_WORD = re.compile(r"\w+")
_LETTER = re.compile(r"[^\W\d_]")
_OPENINGS = ("{", "[")
_LOOKED_AT = 64 * 1024
"""Bytes from which the encoding of JSON lines is told."""


def document_of(source: Source) -> Any:
    """A file's JSON, of long lists their beginnings; None where it holds none, or more than is read at once. For `fits`: it never raises."""
    try:
        return sample_of(source.document)
    except (InvalidInput, OSError):
        return None


def refuse_too_large(source: Source) -> None:
    """Say so where a file is larger than what is read at once.

    Raises:
        InvalidInput: It is.
    """
    size = source.path.stat().st_size
    if size > MOST_JSON_BYTES:
        raise too_large(size, MOST_JSON_BYTES)


def values_of(source: Source) -> Iterator[tuple[str, Any | Refused]]:
    """Every value of a file, with the name of its place; a line that is no JSON is refused alone.

    JSON lines are read one by one. A `.json` file is one value, or lines after all.

    Raises:
        InvalidInput: The file as a whole cannot be read.
        OSError: The system does not let it be read.
    """
    if source.suffix not in LINES:
        yield from _values_of_document(source)
        return
    first = next((line for _number, line in _lines(source) if not isinstance(line, str) or line.strip()), "")
    if _may_go_on(source, first):
        together = _one_after_the_other(source.text)  # written over several lines each
        if together is not None:
            yield from together
            return
    del first
    for number, line in _lines(source):
        part = f"line {number}"
        if not isinstance(line, str):
            yield part, Refused(f"{source.path}, {part}", line)
        elif line.strip():
            try:
                yield part, parsed_json(line)
            except RekallError as error:
                yield part, Refused(f"{source.path}, {part}", error)


def _may_go_on(source: Source, first: str | InvalidInput) -> bool:
    """Whether the first line is the beginning of a value that goes on in the next."""
    if not isinstance(first, str) or not first.lstrip().startswith(_OPENINGS) or not _is_broken(first):
        return False
    return source.path.stat().st_size <= MOST_JSON_BYTES


_BETWEEN_VALUES = re.compile(r"[\s,]*")


def _values_of_document(source: Source) -> Iterator[tuple[str, Any | Refused]]:
    try:
        yield "", source.document
    except TooMuch:
        raise
    except InvalidInput as error:
        together = _one_after_the_other(source.text)
        if together is not None:
            yield from together
            return
        begun, rest = _begun_list(source.text)
        if not begun:
            raise error from None
        yield "", begun
        if rest:
            yield "", Refused(f"{source.path}, after record {len(begun)}", error)


def _begun_list(text: str) -> tuple[list[Any], str]:
    """The values of a list up to where it breaks off, or is none any more, and what is left after them."""
    found: list[Any] = []
    decoder = json.JSONDecoder()
    at = len(text) - len(text.lstrip()) + 1
    if not text.lstrip().startswith("["):
        return found, text
    try:
        refuse_many_values(text)
        while True:
            value, at = decoder.raw_decode(text, _BETWEEN_VALUES.match(text, at).end())  # type: ignore[union-attr]
            found.append(value)
    except (ValueError, RecursionError, InvalidInput):
        return found, text[at:].strip(" \t\r\n,]")


def first_object(source: Source) -> Mapping[str, Any]:
    """The first object of a file, for `fits`: empty where there is none. A long file is not read to its end."""
    try:
        for number, line in _lines(source):
            if not isinstance(line, str):
                return {}
            if line.strip():
                value = parsed_json(line)
                return value if isinstance(value, dict) else {}
            if number > 1_000:
                break
    except (InvalidInput, OSError):
        pass
    return {}


def list_name(value: Any, *names: str) -> str:
    """The first of these names under which an object has a list; empty for none."""
    return next((name for name in names if isinstance(value.get(name), LISTS)), "") if isinstance(value, dict) else ""


def objects_in(value: Any, *names: str) -> list[dict[str, Any]]:
    """The objects of a list, or of the first list that an object has under one of these names; empty for none."""
    if isinstance(value, dict):
        value = value.get(list_name(value, *names))
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def sampled(source: Source, *names: str) -> list[Mapping[str, Any]]:
    """Some of the records of a file, for `fits`: of a list, of the list under one of these names, or the one there is."""
    if source.suffix in LINES:
        return [first_object(source)]
    document = document_of(source)
    return [*objects_in(document, *names)[:_SAMPLED]] or ([document] if isinstance(document, dict) else [])


def placed(place: str, value: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """The records of a value of `values_of`, each with its place: of a list, under one of these names, or the value itself."""
    name = list_name(value, *names)
    items = value[name] if name else value if isinstance(value, LISTS) else [value]
    is_several = bool(name) or isinstance(value, LISTS)
    for number, item in enumerate(items, 1):
        yield place or (f"record {number}" if is_several else ""), item


_SAMPLED = 5
"""Records that tell whose a file is."""


def as_text(value: Any) -> str:
    """A text, or a list of lines, as one text with plain line ends; empty for anything else."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n")
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "\n".join(as_text(item) for item in value)
    return ""


def as_name(value: Any) -> str:
    """A text or a number as one line; empty for anything else, and for what has several lines."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    text = value.strip() if isinstance(value, str) else ""
    return "" if "\n" in text or "\r" in text else text


def as_names(value: Any, key: str = "name") -> tuple[str, ...]:
    """Names out of a list of texts, or of objects that hold one each."""
    items = value if isinstance(value, list) else [value]
    named = (as_name(item.get(key)) if isinstance(item, dict) else as_name(item) for item in items)
    return tuple(name for name in named if name)


def listed(items: list[str], box: Callable[[int], str] = lambda _number: "") -> str:
    """Texts as a Markdown list; lines after an item's first are indented."""
    return "\n".join(f"- {box(number)}{item}".replace("\n", "\n  ").rstrip() for number, item in enumerate(items))


def strings_in(value: Any) -> Iterator[str]:
    """Every text in a value, however deep, without the names of fields."""
    waiting = [value]
    while waiting:
        top = waiting.pop()
        if isinstance(top, str):
            yield top
        elif isinstance(top, dict):
            waiting.extend(reversed(top.values()))
        elif isinstance(top, list):
            waiting.extend(reversed(top))
        else:
            refuse_left_in_file(top)


def words_of(text: str) -> set[str]:
    """The words of a text, to see whether another says the same."""
    return {found[0] for found in _WORD.finditer(text.lower())}


def first_line(text: str) -> str:
    """The first line that says something, for a title: without the marks of a heading, and cut where it is long."""
    for line in text.splitlines():
        stripped = re.sub(r"\A#+[ \t]+", "", line.strip())
        if _LETTER.search(stripped) or re.search(r"\w", stripped):
            return stripped if len(stripped) <= _LONGEST_TITLE else stripped[: _LONGEST_TITLE - 1].rstrip() + "…"
    return ""


def has_letters(text: str) -> bool:
    """Whether a text holds a letter of any script."""
    return bool(_LETTER.search(text))


def when(value: Any) -> datetime | None:
    """A time in any form that tools write; None for what is none."""
    try:
        return None if value in (None, "", 0, False, True) else any_moment(value)
    except (InvalidInput, TypeError):
        return None


def changed_on_disk(source: Source) -> datetime:
    """When the file was changed. Raises OSError."""
    return datetime.fromtimestamp(source.path.stat().st_mtime, timezone.utc)


def entry_type(name: Any) -> str:
    """One of our own types, where a tool's name for a kind is one of them; else empty."""
    wanted = name.strip().lower() if isinstance(name, str) else ""
    return wanted if wanted in {kind.value for kind in EntryType} else ""


def file_words(source: Source) -> str:
    """The file's name in words."""
    return re.sub(r"[-_\s]+", " ", source.stem).strip() or source.path.name


class Ids:
    """Gives each id of a file out once, so that two records of one id do not become one entry."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def once(self, value: Any) -> str:
        """An id as text; empty for none, and for one that was given out."""
        name = as_name(value)
        if not name or name in self._seen:
            return ""
        self._seen.add(name)
        return name


def without(record: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """A record without some fields, and without those that say nothing."""
    return {key: value for key, value in record.items() if key not in names and value not in (None, "", [], {})}


def _lines(source: Source) -> Iterator[tuple[int, str | InvalidInput]]:
    """The lines of a file, numbered from 1, or why one is not read. A large file is not read into memory."""
    with opened(source.path) as file:
        head = file.read(_LOOKED_AT)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
            yield from enumerate(source.text.split("\n"), 1)
            return
        file.seek(0)
        other = ""
        for number, line in lines_of(file):
            if not isinstance(line, bytes):
                yield number, line
                continue
            try:
                yield number, line.decode("utf-8-sig")
            except UnicodeDecodeError:
                other = other or decoded(head if not _is_utf8(head) else line).encoding
                yield number, line.decode(other, "replace")


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 4  # a letter that the end cuts
    return True


def is_json(line: bytes) -> bool:
    """Whether a line is a JSON of its own."""
    try:
        parsed_json(line.decode("utf-8", "replace"))
    except InvalidInput:
        return False
    return True


def _is_broken(line: str) -> bool:
    try:
        parsed_json(line)
    except TooMuch:
        return False
    except InvalidInput:
        return True
    return False


def _one_after_the_other(text: str) -> list[tuple[str, Any]] | None:
    """Values that follow each other; None where something between them is no JSON."""
    decoder, values, at = json.JSONDecoder(), list[tuple[str, Any]](), 0
    try:
        refuse_many_values(text)
    except InvalidInput:
        return None
    while True:
        while at < len(text) and text[at] in " \t\n\r,\x1e":  # the last one separates records in RFC 7464
            at += 1
        if at >= len(text):
            return values or None
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return None
        values.append((f"record {len(values) + 1}", value))
