"""How much of a query's spelling a text holds: the pieces of its words, and neighbouring words side by side.

Words are compared by their stems in the index; here "timeouts", "timed-out" and a misspelt "timeot" still share pieces
with "timeout". Everything is looked up in the texts themselves, a few dozen candidates at a time: no index, no model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

PIECE = 4
"""Characters of a piece, the borders of a word included (benchmarks/quality.py)."""

MOST_PIECES = 256
MOST_PAIRS = 40
"""More than a person types; of a pasted text its beginning decides here."""

_TITLE, _BODY = 1.8, 0.6
"""What an occurrence counts: BM25 weights, as if k1 were 2 and a title three times a body."""

_K1, _B = 1.2, 0.75
"""BM25's constants; b as SQLite's FTS5 has it."""

_COMMONEST = 0.05
"""The weight of a piece that most candidates hold."""

_MOST_PARTS = 6
"""Of a number of several parts; a line of a log is none."""

_ENDING = 4
"""Letters by which a word may be longer than its stem."""

_CODE = r"(?:^|\s)-|[\\/$<>|={}\[\]#@*&;`~^%+]|\w_\w|\w\(|\w\.\w"
"""What a line of code holds and a title does not: of a title other notes hold the words as well (benchmarks/quality.py, til)."""

_BORDER = 0x5F  # "_"
_SIGNS = bytes(
    code if (chr(code).isalnum() and chr(code).islower()) or chr(code).isdecimal() or code >= 0x80 else _BORDER
    for code in range(256)
)
_INVISIBLE = "\u00ad\u200b\u200c\u200d\ufeff"
_MARKS = frozenset(
    "\u2010\u2012\u2013\u2014\u2015\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2020\u2021\u2022\u2192"
)
"""Dashes, quotes, bullets and the arrow: borders that many English notes have, and nothing else outside ASCII."""

_PLAIN = _MARKS.union(map(chr, range(0x80)))

_NO_BLANKS = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"

_Thing = TypeVar("_Thing")

_Piece = tuple[bytes, ...]
"""The ways in which one thing is spelt in a folded text."""

_Pair = tuple[bytes, bytes]
"""What two neighbouring words begin with."""

_Page = tuple[bytes, bytes]
"""Title and body, folded."""

Place = tuple[int, int, str]
"""Where a word begins and ends, in characters, and its stem."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of a query one text holds, each from 0 to about 1.

    Attributes:
        pieces: Of the pieces of its words, weighted by how rare each is among the texts looked at.
        pairs: Of its neighbouring words, side by side.
        whole: 1 where the whole query stands in the text as it was typed, a line of code of two words or more; else 0.
    """

    pieces: float = 0.0
    pairs: float = 0.0
    whole: float = 0.0


class Spelling:
    """A query as pieces and pairs."""

    def __init__(self, text: str, places: Sequence[Place]) -> None:
        """Take a query apart.

        Args:
            text: The query.
            places: Its words in order, as the words index cuts and stems them.
        """
        whole = folded(text.strip())
        self._whole = whole if b"_" in whole.strip(b"_") and re.search(_CODE, text) else b""
        self._pieces = _pieces(text)
        begin = lru_cache(None)(_beginning)  # of a pasted log most words come again and again
        beginnings = (begin(text[start:end], stem) for start, end, stem in places)
        self._pairs = _first(MOST_PAIRS, (pair for pair in pairwise(beginnings) if all(pair)))
        self._neighbours = {word for pair in self._pairs for word in pair}

    def shares(self, texts: Iterable[tuple[str, str]]) -> list[Shares]:
        """How much of the query each text holds.

        score = Σ w tf / (tf + k1 (1 - b + b length / mean length)) / Σ w, tf = 1.8 × occurrences in the title + 0.6 × in the
        body; w = ln((n - df + ½) / (df + ½)) of n texts for pieces, at least 0.05, and 1 for pairs.

        Args:
            texts: Title and body of each of n texts.
        """
        lengths, pieces, pairs, whole = [], [], [], []
        for title, body in texts:
            page = folded(title), folded(body)  # one in memory at a time
            lengths.append(len(page[0]) + len(page[1]))
            pieces.append(_counted(self._pieces, page))  # a place for each, in their order
            pairs.append(_found(self._pairs, self._neighbours, page))
            whole.append(float(bool(self._whole) and any(self._whole in part for part in page)))
        mean = sum(lengths) / max(1, len(lengths))
        norms = [_K1 * (1 - _B + _B * length / mean) for length in lengths]
        return [*map(Shares, _shares(pieces, norms, list(self._pieces.values())), _shares(pairs, norms), whole)]


def folded(text: str) -> bytes:
    """A text in lower case without accents, as bytes: letters, digits and pictures as they are, other signs as `_`."""
    if not text.isascii():  # in lower case last: ℃ and 𝐀 only then consist of letters
        if not set(text) <= _PLAIN:
            import unicodedata  # many notes never need it

            text = unicodedata.normalize("NFKD", text)
        for sign in set(text):  # few different ones: each replaced at once is ten times as fast as all one by one
            if sign > "\x7f" and (spelt := _spelt(sign)) != sign:
                text = text.replace(sign, spelt)
        text = text.casefold()
    return b"_" + text.lower().encode("utf-8", "replace").translate(_SIGNS) + b"_"


@lru_cache(4096)
def _spelt(sign: str) -> str:
    """Accents and what has no width as nothing; letters, digits, vowel signs and pictures as they are; else a border."""
    if sign in _MARKS:
        return "_"
    import unicodedata

    if unicodedata.combining(sign) or sign in _INVISIBLE:
        return ""
    return sign if sign.isalnum() or unicodedata.category(sign) in ("Mn", "Mc", "So") else "_"


def _first(most: int, things: Iterable[_Thing]) -> list[_Thing]:
    """The first different things; the rest is not looked at."""
    found: dict[_Thing, None] = {}
    for thing in things:
        if len(found) == most:
            break
        found[thing] = None
    return list(found)


def _cut(word: str) -> Iterable[bytes]:
    """The pieces of a word; of a script without blanks each two neighbouring characters."""
    if not word.isascii() and re.search(_NO_BLANKS, word):  # made where it is needed: 3 ms
        return (word[place : place + 2].encode() for place in range(max(1, len(word) - 1)))
    word = f"_{word}_"
    return (word[place : place + PIECE].encode() for place in range(max(1, len(word) - PIECE + 1)))


@lru_cache(256)
def _side_by_side(one: bytes, other: bytes) -> re.Pattern[bytes]:
    ending = rb"[^_]{0,%d}" % _ENDING
    return re.compile(b"_" + re.escape(one) + ending + b"_{1,3}" + re.escape(other) + ending + b"(?=_)")


def _beginning(word: str, stem: str) -> bytes:
    """What other forms of a word begin with as well."""
    whole = folded(word).strip(b"_")
    return _shared_beginning(whole, folded(stem).strip(b"_")) or whole


def _shared_beginning(word: bytes, stem: bytes) -> bytes:
    """What a word and its stem begin with: "happ" of "happy" and "happi"."""
    end = next((place for place, (one, other) in enumerate(zip(word, stem)) if one != other), min(len(word), len(stem)))
    return word[:end]


def _pieces(text: str) -> dict[_Piece, int]:
    """What to count of a query, each with the pieces that it stands for.

    A number of several parts, `1.2.3` or `127.0.0.1:80`, is one thing: its digits alone are everywhere.
    """
    pieces: dict[_Piece, int] = {}
    for typed in text.split():
        parts = [part for part in folded(typed).split(b"_") if part]
        whole = b"_" + b"_".join(parts) + b"_"
        if 1 < len(parts) <= _MOST_PARTS and any(part.isdigit() for part in parts) and whole in folded(typed):
            other = whole.replace(b"_v", b"_", 1) if whole.startswith(b"_v") else b"_v" + whole[1:]
            pieces.setdefault((whole, other), sum(len(part) for part in parts))
            parts = [part for part in parts if len(part) >= PIECE]
        for part in parts:
            for piece in _cut(part.decode("utf-8", "replace")[: MOST_PIECES + PIECE]):
                pieces.setdefault((piece,), 1)
        if len(pieces) > MOST_PIECES:
            break
    return dict(list(pieces.items())[:MOST_PIECES])


def _counted(pieces: Iterable[_Piece], page: _Page) -> list[float]:
    title, body = page
    in_title, in_both = (
        title.count,
        (title + body).count,
    )  # no piece holds two borders in a row, so none lies across both
    counted = []
    for spellings in pieces:
        tf = 0.0
        if len(spellings) == 1:
            if times := in_both(spellings[0]):
                titled = in_title(spellings[0])
                tf = _TITLE * titled + _BODY * (times - titled)
        elif times := sum(map(in_both, spellings)):
            titled = sum(map(in_title, spellings))
            tf = _TITLE * titled + _BODY * (times - titled)
        counted.append(tf)
    return counted


def _found(pairs: Iterable[_Pair], words: Iterable[bytes], page: _Page) -> list[float]:
    title, body = page
    both = title + body
    held = {word for word in words if b"_" + word in both}  # most pairs need no closer look, and no expression made
    found = []
    for one, other in pairs:
        tf = 0.0
        if one in held and other in held:
            times = _side_by_side(one, other).findall
            tf = _TITLE * len(times(title)) + _BODY * len(times(body))
        found.append(tf)
    return found


def _shares(
    counted: Sequence[Sequence[float]], norms: Sequence[float], stands_for: Sequence[int] | None = None
) -> list[float]:
    """The share of each text; `counted` has a row for each text, and there a place for each thing looked for.

    Args:
        counted: How often each text holds each thing.
        norms: What each text's length does.
        stands_for: How many pieces each thing stands for, where it is weighed by how rare it is too.
    """
    n = len(norms)
    sums, most = [0.0] * n, 0.0
    for place, column in enumerate(zip(*counted)):
        df = sum(1 for tf in column if tf)
        weight = 1.0
        if stands_for is not None:
            weight = stands_for[place] * max(math.log((n - df + 0.5) / (df + 0.5)), _COMMONEST)
        most += weight
        if df:
            for row, tf in enumerate(column):
                if tf:
                    sums[row] += weight * tf / (tf + norms[row])
    return [total / most if most else 0.0 for total in sums]
