"""What was typed in one piece: names that only punctuation tells apart, and words that stand together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

_MOST_NAMES = 2000
"""Of one text; a table of measurements holds more numbers than anybody searches for."""

# each begins with what `re` finds without a step a character, and looks back from there
_MARKED = re.compile(r"[-.$@#](?<![^ \t\n\r\"'`(\[{<=,;:|/>][-.$@#])-?[A-Za-z][A-Za-z0-9_-]*")
_ENDED = re.compile(r"[+#](?<=[^\W_][+#])[+#]?")
_MAY_BE_ENDED = (re.compile(r"\+(?<=[^\W_]\+)"), re.compile(r"#(?<=[^\W_]#)"))
_VERSION = re.compile(r"[0-9](?<![0-9][0-9])[0-9]*(?:\.[0-9][0-9A-Za-z_]*)+(?:[-+.]?[0-9A-Za-z_]+)*")
_POINT = re.compile(r"\.[0-9]")
_WORD_BEFORE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}\Z")

_PUNCTUATION = str.maketrans({mark: chr(0xFE000 + ord(mark)) for mark in "!#$%&*+-./:@_"})
"""Punctuation as characters of the second private plane, which FTS5 takes for letters."""

_TOP = re.compile("[^\\s,;\"'`()\\[\\]{}<>|\u2018\u2019\u201c\u201d\u00ab\u00bb\u2026]+")
_INNER = re.compile(r"[^/\\=?&@:]+")
_JOINED = re.compile(r"[^\W_](?:[^\w\s]|_)+[^\W_]")
_PROSE = re.compile(r"\W*(?:(?:[^\W\d_]+-)*[^\W\d_]{1,2}(?:-[^\W\d_]+)*|[^\W\d_](?:\.[^\W\d_])+)\W*")
"""Words that grammar joins: a hyphen beside a part of one or two letters, as in `e-mail` and `puis-je`; `e.g.`"""


@dataclass(frozen=True, slots=True)
class Name:
    """Something that punctuation tells from a word, such as `C++`, `.NET`, `--force`, `$HOME` or `1.2.3`.

    Attributes:
        typed: As it stands in the text.
        sought: As it stands in the index, a word that no text holds.
    """

    typed: str
    sought: str


def names(text: str) -> Iterator[Name]:
    """The names in a text that is folded."""
    return (Name(typed, held.translate(_PUNCTUATION)) for typed, held in islice(_names(text), _MOST_NAMES))


def sought_in(text: str) -> str:
    """The names in a text that is folded as they stand in the index, between blanks."""
    return " ".join([held for _, held in islice(_names(text), _MOST_NAMES)]).translate(_PUNCTUATION)


def is_version(typed: str) -> bool:
    """Whether a name is numbers between dots, with or without a v before them."""
    return typed.lstrip("vV")[:1].isdigit()


def is_ended(name: Name) -> bool:
    """Whether it is a word that ends in punctuation, as `C#` is."""
    return name.typed[-1] in "+#"


@dataclass(frozen=True, slots=True)
class Unit:
    """A stretch of a folded text that was typed in one piece, and what it consists of where no entry holds it whole."""

    start: int
    end: int
    inner: tuple[Unit, ...] = ()


def units(text: str) -> Iterator[Unit]:
    """Tokens that hold several words, such as `user_id`, `foo::bar`, `--no-verify` or `a/b.py`, in their order."""
    for found in _TOP.finditer(text):
        if _JOINED.search(found[0]) and not _PROSE.fullmatch(found[0]):
            start, end = found.span()
            inner = [
                Unit(*each.span())
                for each in _INNER.finditer(text, start, end)
                if len(each[0]) < len(found[0]) and _JOINED.search(each[0]) and not _PROSE.fullmatch(each[0])
            ]
            yield Unit(start, end, tuple(inner))


def _names(text: str) -> Iterator[tuple[str, str]]:
    """Names as they stand in a text, each with what of it the index holds."""
    for found in _VERSION.finditer(text) if _POINT.search(text) else ():
        before = text[max(found.start() - 2, 0) : found.start()]
        if _may_begin(before):
            yield (before[-1:] if before[-1:] in ("v", "V") else "") + found[0], found[0]
    for found in _MARKED.finditer(text):
        yield found[0], found[0]
    if any(mark.search(text) for mark in _MAY_BE_ENDED):
        for found in _ENDED.finditer(text):
            start, end = found.span()
            after = text[end : end + 1]
            if after.isdigit() or not (after.isalnum() or after in ("_", "+", "#")):
                word = _WORD_BEFORE.search(text[max(start - 32, 0) : start])
                if word:
                    yield word[0] + found[0], word[0] + found[0]


def _may_begin(before: str) -> bool:
    """Whether a version may stand behind these characters; the v of `v1.2` belongs to it."""
    if before[-1:] in ("v", "V"):
        before = before[:-1]
    return not before[-1:].isalnum() and before[-1:] not in (".", "_")
