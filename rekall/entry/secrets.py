"""Notices what looks like a key, a token or a password in a text: where it stands and what it is, never what it says.

A text is looked through for runs of sixteen and more letters and digits, in a copy in which each of those is the same
byte, so that ordinary prose costs some microseconds. Only where such a run stands, or a word such as "password", a shape is
tried (docs/adr/0022). Every pattern is bounded, so that time grows with the text and no faster.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rekall.entry import secret_values as values
from rekall.entry.fields import EDITED, Draft, Field, Kind
from rekall.entry.other import OtherField
from rekall.entry.secret_shapes import HEADLESS, Shape, by_beginning, links

_LEAST = 16
"""Letters and digits in a row from which on they may be a token: the shortest kind has twenty."""

_SHOWN = 4
"""Characters of a secret that are shown, so that it can be found; the first ones, which tell its kind as a rule."""

_FAR = 240
"""Characters around a run in which what belongs to it stands."""

_TOKEN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-~")
_MAP = bytes(ord("x") if code in _TOKEN else ord(" ") for code in range(256))
_RUN = b"x" * _LEAST
_PLAIN = "abcdefghijklmnopqrstuvwxyz_-~+"
"""Of these alone words and names are made, and lines under headings."""

_MASK = "[masked: "

_KEYWORDS = (b"passw", b"passphr", b"pwd", b"secret", b"token", b"key", b"authoriz")
"""What stands in the names of secrets; the longer, the faster it is looked for."""

_KEYS = re.compile(r"(?:api|access|account|secret|auth|encryption|signing|master|private|deploy)[_.-]?$", re.IGNORECASE)
"""What stands before the word key, where it is one to keep."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a secret stands in a text, and what it is."""

    start: int
    end: int
    kind: str


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
    found = [*_runs(text, data), *_assigned(text, data)]
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


def found_in(draft: Draft) -> tuple[Secret, ...]:
    """What looks like a secret in what an entry says."""
    texts = [text for field in _READ for text in field.texts(draft)]
    if not spans("\n".join(texts)):
        return ()
    return tuple(
        Secret(span.kind, field.noun, text.count("\n", 0, span.start) + 1, text[span.start : span.start + _SHOWN])
        for field in _READ
        for text in field.texts(draft)
        for span in spans(text)
    )


def said_in(draft: Draft) -> set[str]:
    """The secrets themselves, to tell new ones from those that stood there before."""
    return {text[span.start : span.end] for field in _READ for text in field.texts(draft) for span in spans(text)}


def masked(text: str) -> str:
    """The text with what each secret is in its place."""
    for span in reversed(spans(text)):
        text = f"{text[: span.start]}{_MASK}{span.kind}]{text[span.end :]}"
    return text


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
            if (
                word[:2] in table
                or before in ".:\\"
                or word[:3] == "eyJ"
                or (word[0] in "MNO" and text[end : end + 1] == ".")
                or "-us" in word
                or "Q~" in word
            ):
                start = at + 1 if before == "\\" and word[0] in "nrt" else at
                first = _before_dots(mapped, text, start)
                span = None if first < done else _shaped(text, first, start, end, table)
                if span is None and first < start and start >= done:
                    span = _shaped(text, start, start, end, table)
                if span is not None:
                    done = span.end
                    ids += [span.start] if span.kind == "AWS access key id" else []
                    yield span
        at = mapped.find(_RUN, end)
    for place in ids:
        yield from _beside_id(text, place)


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
    places = {first}
    if start and text[start - 1] == ":":
        number = values.NUMBERS.search(text, max(start - 50, 0), start)
        places = {number.start()} if number else set()
    elif not ("-us" in word or "Q~" in word or first < start):
        return None
    for shape in HEADLESS:
        for place in places:
            token = _pattern(shape.rest).match(text, place)
            if token and not values.is_made_up(token[0]):
                return Span(place, token.end(), shape.kind)
    return None


def _beside_id(text: str, place: int) -> Iterator[Span]:
    """The secret that belongs to an AWS access key id nearby."""
    for found in values.AWS_SECRET.finditer(text, max(place - 300, 0), place + 320):
        if values.is_random(found[0]) and not values.is_made_up(found[0]):
            yield Span(found.start(), found.end(), "AWS secret access key")


def _assigned(text: str, data: bytes) -> Iterator[Span]:
    """Values that a name says are secret, and that look like it."""
    lower = data.lower()
    for keyword in _KEYWORDS:
        at = lower.find(keyword)
        while at >= 0:
            if keyword != b"key" or _KEYS.search(text, max(at - 12, 0), at):
                span = _credentials(text, at) if keyword == b"authoriz" else _value(text, at)
                if span is not None:
                    yield span
            at = lower.find(keyword, at + len(keyword))


def _value(text: str, at: int) -> Span | None:
    """The value of what is named at a place, when it looks like a secret."""
    found = values.ASSIGNED.match(text, at)
    if found is None or _MASK in text[max(at - 40, 0) : at].rpartition("]")[2]:  # the name of what was masked
        return None
    start, is_quoted = found.start("value"), found["quote"] != ""
    value = found["value"] if is_quoted else found["value"].rstrip(".:)]}")
    if not values.is_secret_value(found["name"], value, is_quoted=is_quoted):
        return None
    name = text[max(at - 20, 0) : at].split()[-1:]
    return Span(start, start + len(value), values.kind_of("".join(name) + found["name"], value))


def _credentials(text: str, at: int) -> Span | None:
    """What an Authorization header gives away."""
    found = values.AUTHORIZATION.match(text, at)
    if found is None:
        return None
    is_basic, value = found["scheme"].lower() == "basic", found["value"]
    is_one = values.is_basic(value) if is_basic else values.is_secret_value("", value, is_quoted=True)
    return Span(*found.span("value"), "password" if is_basic else "token") if is_one else None


def _in_addresses(text: str) -> Iterator[Span]:
    """Passwords in addresses, and addresses that are secrets themselves."""
    at = text.find("://")
    while at >= 0:
        found = values.USERINFO.match(text, at + 3)
        if found and values.is_password(found["password"], found["user"], found["host"]):
            yield Span(found.start("password"), found.end("password"), "password in an address")
        for head, shape in links():
            begin = at - head.index("://")
            if begin >= 0 and text.startswith(head, begin):
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
