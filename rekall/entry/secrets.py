"""Notices what looks like a key, a token or a password in a text: where it stands and what it is, never what it says.

A text is looked through for runs of sixteen and more letters and digits, in a copy in which each of those is the same
byte, so that ordinary prose costs some microseconds. Only where such a run stands, or a word such as "password", a shape is
tried (docs/adr/0022). Every pattern is bounded, so that time grows with the text and no faster.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rekall.entry import secret_values as values
from rekall.entry.fields import EDITED, Draft, Field, Kind
from rekall.entry.other import OtherField
from rekall.entry.secret_names import assigned
from rekall.entry.secret_shapes import HEADLESS, WITHIN, Shape, by_beginning, links
from rekall.entry.secret_values import MASK, Span

_LEAST = 16
"""Letters and digits in a row from which on they may be a token: the shortest kind has twenty."""

_LONG = 50
"""Of a long run its middle tells what it is, too."""

_HOOK_WITHIN = 90
"""Characters of an address within which one says that it is a webhook."""

_SHOWN = 4
"""Characters of a secret that are shown, so that it can be found; the first ones, which tell its kind as a rule."""

_FAR = 240
"""Characters around a run in which what belongs to it stands."""

_TOKEN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-~")
_MAP = bytes(ord("x") if code in _TOKEN else ord(" ") for code in range(256))
_RUN = b"x" * _LEAST
_ENCODED = ("3D", "3d", "22", "20", "3A", "3a", "26", "2F", "2f")
"""What may stand encoded before a token: = " blank : & /"""

_PLAIN = "abcdefghijklmnopqrstuvwxyz_-~+"
"""Of these alone words and names are made, and lines under headings."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Something in an entry that looks like a secret.

    Attributes:
        kind: What it looks like: "GitHub token".
        field: The field it stands in, as people read it.
        line: The line there, from 1.
        begins: Its first characters, at most four.
        is_masked: Whether something else was put in its place.
    """

    kind: str
    field: str
    line: int
    begins: str
    is_masked: bool = False

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.kind} ({self.begins}…) in {self.field}, line {self.line}"


def spans(text: str) -> list[Span]:
    """What looks like a secret in a text, in order, none within another."""
    if len(text) < values.LEAST_PASSWORD:
        return []
    data = text.encode("latin-1", "replace")  # a byte a character
    found = [*_runs(text, data), *assigned(text, data)]
    if "://" in text and ("@" in text or "hook" in text):
        found += _in_addresses(text)
    if "PRIVATE" in text or "PuTTY-" in text:
        found += _private_keys(text)
    if len(found) < 2:
        return found
    kept: list[Span] = []
    for span in sorted(found, key=lambda each: (each.start, -each.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def found_in(draft: Draft, known: Collection[str] = ()) -> tuple[Secret, ...]:
    """What looks like a secret in what an entry says, but for those that are known."""
    texts = [text for field in _READ if getattr(draft, field.name) for text in field.texts(draft)]
    if not spans("\n".join(texts)):
        return ()
    return tuple(
        secret for field in _READ for text in field.texts(draft) for secret in _secrets(field.noun, text, known)
    )


def _secrets(field: str, text: str, known: Collection[str]) -> Iterator[Secret]:
    """What a text of a field holds, each with its line."""
    line, counted = 1, 0
    for span in spans(text):
        line += text.count("\n", counted, span.start)
        counted = span.start
        if text[span.start : span.end] not in known:
            yield Secret(span.kind, field, line, text[span.start : span.start + _SHOWN])


def said_in(draft: Draft) -> set[str]:
    """The secrets themselves, to tell new ones from those that stood there before."""
    return {text[span.start : span.end] for field in _READ for text in field.texts(draft) for span in spans(text)}


def masked(text: str) -> str:
    """The text with what each secret is in its place."""
    pieces, end = [], 0
    for span in spans(text):
        pieces += [text[end : span.start], f"{MASK}{span.kind}]"]
        end = span.end
    return "".join([*pieces, text[end:]]) if pieces else text


def masked_draft(draft: Draft) -> Draft:
    """The draft with what each secret is in its place."""
    changed: dict[str, Any] = {}
    for field in _READ:
        value = getattr(draft, field.name)
        new = _masked_value(field, value)
        if new != value:
            changed[field.name] = new
    return replace(draft, **changed) if changed else draft


_READ = tuple(
    field for field in EDITED if field.kind in (Kind.LINE, Kind.TEXT, Kind.TAGS, Kind.LIST, Kind.ITEMS, Kind.OTHER)
)
"""The fields in which there is text."""


def _masked_value(field: Field, value: Any) -> Any:
    if field.kind is Kind.OTHER:
        return tuple(OtherField.of(masked(other.name), _masked_leaf(other.value, other.name)) for other in value)
    if field.kind.is_list:
        return tuple(masked(item) for item in value)
    return masked(value) if value else value


def _masked_leaf(value: Any, name: str) -> Any:
    """A value of a file's own field; its name may say that it is a password."""
    if isinstance(value, str):
        before = f"{name}: "
        return masked(before + value)[len(before) :]
    if isinstance(value, Mapping):
        return {masked(key): _masked_leaf(item, key) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_masked_leaf(item, name) for item in value]
    return value


@functools.cache
def _table() -> dict[str, tuple[tuple[str, Shape], ...]]:
    return by_beginning()


@functools.cache
def _pattern(rest: str) -> re.Pattern[str]:
    """What follows a head, to its end: no letter or digit comes after it."""
    return re.compile(rf"(?:{rest})(?![A-Za-z0-9])")


def _runs(text: str, data: bytes) -> Iterator[Span]:
    """Tokens that are known by their shape."""
    mapped = data.translate(_MAP)
    at = mapped.find(_RUN)
    if at < 0:
        return
    table, done, ids = _table(), 0, []
    while at >= 0:
        end = mapped.find(b" ", at)
        end = len(mapped) if end < 0 else end
        word = text[at : min(end, at + _FAR)]
        if word.strip(_PLAIN):
            whole = len(word)
            word = word.lstrip("_-~+")  # Markdown's marks, and dashes before it
            at += whole - len(word)
            before = text[at - 1] if at else " "
            is_split = False
            if before in "%/":
                is_split = text[at - 3 : at] == "1//"  # a token of Google
                if before == "%" and len(word) > _LEAST and word[:2] in _ENCODED:  # in an address
                    at, word = at + 2, word[2:]
            if (
                word[:2] in table
                or before in ".:\\"
                or is_split
                or word[:3] == "eyJ"
                or (word[0] in "MNO" and text[end : end + 1] == ".")
                or "-us" in word
                or "Q~" in word
                or (len(word) > _LONG and any(mark in word for mark in WITHIN))
            ):
                start = at + 1 if before == "\\" and word[0] in "nrt" else at
                first = start - 3 if is_split else _before_dots(mapped, text, start)
                span = None if first < done else _shaped(text, first, start, end, table)
                if span is None and first < start and start >= done:
                    span = _shaped(text, start, start, end, table)
                if span is not None:
                    done = span.end
                    ids += [span.start] if span.kind == "AWS access key id" else []
                    yield span
        at = mapped.find(_RUN, end)
    yield from _beside_ids(text, ids)


def _before_dots(mapped: bytes, text: str, start: int) -> int:
    """Where a token begins of which a run is a part that follows a dot."""
    for _ in range(3):
        before = start - 1
        if before < 1 or text[before] != ".":
            break
        begin = mapped.rfind(b" ", max(before - _FAR, 0), before) + 1 or max(before - _FAR, 0)
        if begin == before:
            break
        start = begin
    return start


def _shaped(
    text: str, first: int, start: int, end: int, table: Mapping[str, Sequence[tuple[str, Shape]]]
) -> Span | None:
    """What begins at a place and has a known shape, if anything does.

    Args:
        text: The text.
        first: Where it begins.
        start: Where the run begins that led here.
        end: Where that ends.
        table: Shapes by how they begin.
    """
    for head, shape in table.get(text[first : first + 2], ()):
        if text.startswith(head, first):
            rest = _pattern(shape.rest).match(text, first + len(head))
            if rest and not values.is_made_up(rest[0]):
                return Span(first, rest.end(), shape.kind)
    if text.startswith("eyJ", first):
        token = values.JWT.match(text, first)
        return Span(first, token.end(), "JSON web token") if token and values.is_web_token(token) else None
    if text[first] in "MNO" and end < len(text) and text[end] == ".":
        token = values.DISCORD.match(text, first)
        return Span(first, token.end(), "Discord bot token") if token and values.is_bot_token(token) else None
    return _headless(text, first, start, text[start : min(end, start + _FAR)])


def _headless(text: str, first: int, start: int, word: str) -> Span | None:
    """Shapes that are known by what stands in them or before the run."""
    after_number = start > 0 and text[start - 1] == ":"
    if after_number:
        number = values.NUMBERS.search(text, max(start - 50, 0), start)
        if not number:
            return None
        first = number.start()
    whole = text[first : start + len(word)]
    for shape in HEADLESS:
        if shape.within in whole and (shape.within == ":") == after_number:
            token = _pattern(shape.rest).match(text, first)
            if token and not values.is_made_up(token[0]):
                return Span(first, token.end(), shape.kind)
    return None


def _beside_ids(text: str, places: Sequence[int]) -> Iterator[Span]:
    """The secrets that belong to AWS access key ids nearby."""
    looked_at = 0
    for place in places:
        for found in values.AWS_SECRET.finditer(text, max(place - 300, looked_at), place + 320):
            if values.is_random(found[0]) and not values.is_made_up(found[0]):
                yield Span(found.start(), found.end(), "AWS secret access key")
        looked_at = place + 280  # one that begins behind that is whole in what is looked at next


def _in_addresses(text: str) -> Iterator[Span]:
    """Passwords in addresses, and addresses that are secrets themselves."""
    at = text.find("://")
    while at >= 0:
        found = values.USERINFO.match(text, at + 3)
        if found and values.is_password(found["password"], found["user"], found["host"]):
            yield Span(found.start("password"), found.end("password"), "password in an address")
        elif not found and (bare := values.BARE_USER.match(text, at + 3)) and values.is_token_of_address(bare):
            yield Span(*bare.span("user"), "token in an address")
        begin = at - len("https")
        for head, shape in links() if text.find("hook", at + 3, at + _HOOK_WITHIN) > 0 and begin >= 0 else ():
            if text.startswith(head, begin):
                rest = _pattern(shape.rest).match(text, begin + len(head))
                if rest and not values.is_made_up(rest[0].rpartition("/")[2]):
                    yield Span(begin, rest.end(), shape.kind)
                    break
        at = text.find("://", at + 3)


def _private_keys(text: str) -> Iterator[Span]:
    """Private keys in armour, whole where their end is there."""
    for begin, end, kind in values.PRIVATE_KEYS:
        for found in begin.finditer(text):
            closing: re.Match[str] | None = end.search(text, found.end(), found.end() + values.LONGEST_KEY)
            body = None if closing else values.KEY_BODY.match(text, found.end())
            yield Span(found.start(), closing.end() if closing else body.end() if body else found.end(), kind)
