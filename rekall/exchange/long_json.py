"""Long JSON read item by item: a list, or the long lists in an object, of which one item at a time is in memory.

What is around a value decides where it ends, so that one that is broken or too large costs itself and no other.
"""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from rekall.errors import InvalidInput
from rekall.exchange.bounds import (
    MOST_CHAR_BYTES,
    MOST_JSON_BYTES,
    MOST_JSON_TEXT_BYTES,
    TooMuch,
    clipped,
    opened,
    plainly,
    refuse_long_texts,
    refuse_many_values,
    too_large,
)
from rekall.system.decoding import HEAD_BYTES, STRAY, encoding_of

WHOLE_BYTES = MOST_JSON_TEXT_BYTES
"""A file that is not larger is read whole; so is what stands around the long lists of a larger one."""

CHUNK_BYTES = 1024 * 1024
"""What is read at once."""

QUICK_CHARS = 1024 * 1024
"""A value in so many characters is taken as it is; the end of a longer one is looked for first."""

MOST_BROKEN = 10_000
"""Items of one list that may be broken before the rest is not tried any more."""

_MOST_SIGNS = 20_000_000
"""Signs of one file that are looked at to find where long or broken values end."""

_SAMPLED_ITEMS = 1_000
_SAMPLED_CHARS = 4_000_000
_BETWEEN = re.compile(r"[ \t\r\n]*")
_BETWEEN_ITEMS = re.compile(r"[ \t\r\n,]*")
_SIGN = re.compile(r'["\[\]{},]')
_SIGN_AFTER_NAME = re.compile(r'["\[\]{},:]')
_SIGN_IN_TEXT = re.compile(r'["\\]')
_ENDS = ",]}"

Tell = Callable[[str, InvalidInput], None]
"""Takes the name of a part that cannot be read, and why."""


class LongList:
    """A list of a file, read again whenever it is gone through; an item that cannot be read is empty in it, and told of."""

    def __init__(self, path: Path, member: str | None, decoder: json.JSONDecoder, tell: Tell) -> None:
        """A list.

        Args:
            path: The file.
            member: Under which name of the file's object it stands; None where the file is the list.
            decoder: Makes the values.
            tell: Takes what cannot be read.
        """
        self._path = path
        self._member = member
        self._decoder = decoder
        self._tell = tell
        self._beginning: list[Any] | None = None

    def __iter__(self) -> Iterator[Any]:
        """Every item, in order."""
        with opened(self._path) as file:
            text = _Text(file, self._decoder)
            if self._member is not None:
                _go_to(text, self._member)
            yield from _items(text, self._tell)
            if self._member is None and not text.is_lost and text.sign():
                self._tell("the end", InvalidInput(f"something stands after its list, at character {text.place + 1:,}"))

    @property
    def beginning(self) -> list[Any]:
        """The first items, by which it is known whose it is."""
        if self._beginning is None:
            self._beginning = []
            with opened(self._path) as file:
                text = _Text(file, self._decoder)
                if self._member is not None:
                    _go_to(text, self._member)
                begun = text.place
                for item in _items(text, lambda _part, _error: None):
                    if item is not _BROKEN:
                        self._beginning.append(item)
                    if len(self._beginning) >= _SAMPLED_ITEMS or text.place - begun > _SAMPLED_CHARS:
                        break
        return self._beginning


class LongObject(dict[str, Any]):
    """An object of which some lists are long."""

    @property
    def is_long(self) -> bool:
        """Whether one is."""
        return any(isinstance(value, LongList) for value in self.values())


def long_document(path: Path, decoder: json.JSONDecoder, tell: Tell) -> LongList | LongObject | None:
    """The JSON of a file, with what is long in it left in the file; None where nothing is, or where it is no such JSON.

    Raises:
        OSError: The system does not let it be read.
    """
    try:
        with opened(path) as file:
            text = _Text(file, decoder)
            if text.sign() == "[":
                return LongList(path, None, decoder, tell)
            return _members(text, path, tell) if text.sign() == "{" else None
    except InvalidInput:
        return None


def sample_of(document: Any) -> Any:
    """A document with the beginnings of its long lists in their place."""
    if isinstance(document, LongList):
        return document.beginning
    if isinstance(document, LongObject):
        return {name: value.beginning if isinstance(value, LongList) else value for name, value in document.items()}
    return document


class _Text:
    """The text of a file from where it is read on."""

    def __init__(self, file: BinaryIO, decoder: json.JSONDecoder) -> None:
        head = file.read(HEAD_BYTES)
        file.seek(0)
        self._file = file
        self.json = decoder
        self._decode = codecs.getincrementaldecoder(encoding_of(head))(STRAY).decode
        self._text = ""
        self._at = 0
        self._passed = 0
        self._is_all = False
        self._signs = 0
        self.is_lost = False
        """Whether it cannot be told where its next value begins."""

    @property
    def place(self) -> int:
        """The characters before."""
        return self._passed + self._at

    def sign(self, between: re.Pattern[str] = _BETWEEN) -> str:
        """The next character that says something, and which is not passed; empty at the end."""
        while True:
            self._at = between.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches nothing, too
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def step(self) -> None:
        """Pass one character."""
        self._at += 1

    def value(self, ends: str = _ENDS) -> Any:
        """The next value. One that cannot be read is passed all the same.

        Args:
            ends: What may stand after it.

        Raises:
            InvalidInput: It is none, or too large.
            _Lost: And where it ends cannot be told.
        """
        while True:
            try:
                value, end = self.json.raw_decode(self._text, self._at)
                after = _BETWEEN.match(self._text, end).end()  # type: ignore[union-attr]
                if after < len(self._text) and self._text[after] in ends:
                    self._at = after
                    return value
            except (ValueError, RecursionError):
                pass  # it is not all there, or broken
            if len(self._text) - self._at >= QUICK_CHARS or not self._more():
                return self._long_value(ends)

    def _more(self) -> bool:
        """Read on; False at the end. What was passed is dropped."""
        if self._is_all:
            return False
        size = max(CHUNK_BYTES, min(len(self._text) - self._at, 2 * CHUNK_BYTES))
        data = self._file.read(size)
        self._is_all = not data
        text = self._decode(data, self._is_all).replace("\0", "\ufffd")
        self._text = self._text[self._at :] + (text if self._text or self._passed else text.removeprefix("\ufeff"))
        self._passed += self._at
        self._at = 0
        return True

    def _long_value(self, ends: str) -> Any:
        """A value whose end is looked for first."""
        begun = self.place
        is_kept = self._pass(ends)
        end = self._at
        if not is_kept:
            raise too_large(self.place - begun, MOST_JSON_BYTES)
        self._at = begun - self._passed
        try:
            refuse_many_values(self._text, self._at, end)
            value, stop = self.json.raw_decode(self._text, self._at)
            if self._text[stop:end].strip(" \t\r\n"):
                raise InvalidInput("not valid JSON: something stands after a value")
            if end - self._at > MOST_JSON_TEXT_BYTES:
                refuse_long_texts(value)
        except RecursionError as error:
            raise plainly(error) from error
        except ValueError as error:
            raise InvalidInput(f"not valid JSON: {clipped(str(error).partition(': line ')[0])}") from error
        finally:
            self._at = end
        return value

    def _pass(self, ends: str) -> bool:
        """Go to where the next value ends; whether all of it is still there, and not dropped for its size."""
        begun, at, depth, is_in_text = self.place, self._at, 0, False
        is_kept, outside = True, _SIGN if ends == _ENDS else _SIGN_AFTER_NAME
        while True:
            found = (_SIGN_IN_TEXT if is_in_text else outside).search(self._text, at)
            sign = found[0] if found else ""
            self._signs += 1
            if self._signs > _MOST_SIGNS:
                raise _Lost("its values are so large or so broken that the next is not looked for any more")
            if found is None or (sign == "\\" and found.end() == len(self._text)):
                is_kept, at = self._more_of(begun, found.start() if found else len(self._text), is_kept=is_kept)
                continue
            at = found.end() + (sign == "\\")
            if sign == '"':
                is_in_text = not is_in_text
            elif is_in_text:
                continue
            elif sign in "[{":
                depth += 1
            elif depth:
                depth -= sign in "]}"
            elif sign in ends or sign in "]}":
                self._at, begun_at = found.start(), self._at
                return is_kept and found.start() - begun_at <= MOST_JSON_BYTES

    def _more_of(self, begun: int, at: int, *, is_kept: bool) -> tuple[bool, int]:
        """Read on within a value, of which too large a one is dropped; whether it is kept, and where to go on."""
        is_kept = is_kept and at - self._at <= MOST_JSON_BYTES and sys.getsizeof(self._text) <= MOST_CHAR_BYTES
        if not is_kept:
            self._at = at
        left = self._passed + at
        if not self._more():
            self._at = len(self._text)
            raise _Lost(f"it breaks off: the value that begins at character {begun + 1:,} does not end")
        return is_kept, left - self._passed


class _Lost(InvalidInput):
    """Where the next value begins cannot be told."""


_BROKEN: Mapping[str, Any] = {}
"""Stands for an item that cannot be read, so that those after it keep their numbers."""


def _items(text: _Text, tell: Tell) -> Iterator[Any]:
    """The items of a list that begins here, up to its end."""
    text.sign()
    text.step()
    number = broken = 0
    try:
        while sign := text.sign(_BETWEEN_ITEMS):
            if sign == "]":
                text.step()
                return
            number += 1
            item: Any = _BROKEN
            try:
                if sign in "}:":
                    raise _Lost(f"there is no value at character {text.place + 1:,}")
                item = text.value()
            except _Lost:
                raise
            except InvalidInput as error:
                tell(f"record {number}", error)
                broken += 1
                if broken > MOST_BROKEN:
                    raise _Lost(f"more than {MOST_BROKEN:,} of its records cannot be read") from None
            yield item
        raise _Lost("it breaks off")
    except _Lost as error:
        text.is_lost = True
        tell(f"from record {max(number, 1)} on", error)


def _members(text: _Text, path: Path, tell: Tell) -> LongObject | None:
    """The object that begins here; None where none of its lists is long, or what is around them is."""
    found = LongObject()
    around = 0
    try:
        for name in _names(text):
            if name in found:
                return None
            begun = text.place
            if text.sign() == "[":
                items, is_long = _short_list(text)
                found[name] = LongList(path, name, text.json, tell) if is_long else items
                if is_long and text.is_lost:  # it says so itself
                    return found
            else:
                found[name] = text.value()
            around += 0 if isinstance(found[name], LongList) else text.place - begun
            if around > WHOLE_BYTES:
                return None
        if text.sign():
            raise _Lost(f"something stands after its end, at character {text.place + 1:,}")
    except InvalidInput as error:
        if found.is_long:
            tell("the end", error)
    return found if found.is_long else None


def _short_list(text: _Text) -> tuple[list[Any], bool]:
    """The list that begins here, or nothing of it and that it is long. In a short one nothing may be broken."""
    found: list[Any] = []
    broken: list[InvalidInput] = []
    begun, is_long = text.place, False
    for item in _items(text, lambda _part, error: broken.append(error)):
        is_long = is_long or text.place - begun > WHOLE_BYTES
        if is_long:
            found.clear()
            broken.clear()
        else:
            found.append(item)
    if broken and not is_long:
        raise broken[0]
    return found, is_long


def _names(text: _Text) -> Iterator[str]:
    """The names of the object that begins here; whoever asks for the next has passed the value."""
    text.sign()
    text.step()
    while (sign := text.sign(_BETWEEN_ITEMS)) == '"':
        name = text.value(":")
        text.step()
        text.sign()
        yield name
    if sign != "}":
        raise _Lost("it is no object")
    text.step()


def _go_to(text: _Text, member: str) -> None:
    """Pass what stands before a list of the object that begins here."""
    for name in _names(text):
        if name == member:
            return
        if text.sign() == "[":
            for _item in _items(text, lambda _part, _error: None):
                pass
        else:
            text.value()


def refuse_left_in_file(value: Any) -> None:
    """Refuse to take a long list for a value of one note.

    Raises:
        InvalidInput: It is one.
    """
    if isinstance(value, LongList):
        raise TooMuch(
            f"a list in it that is not of notes is longer than the limit of {WHOLE_BYTES / 1e6:g} MB",
            "take it out of the file",
        )
