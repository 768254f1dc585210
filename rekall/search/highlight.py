"""Where in a text the words of a query stand, cut and stemmed as the words index does it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rekall.entry.little_words import LITTLE
from rekall.search.legs import MOST_TERMS
from rekall.search.query import ParsedQuery, parse_query

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.search.spelling import Spelling
    from rekall.store.contract import Store

Token = tuple[int, int, str]
"""Where a word begins and ends, in characters, and its stem."""

_MOST_CHARS = 200_000
_MOST_SPANS = 5_000
_MOST_LINE_CHARS = 2_000
_SMALL = 50
"""In a base of fewer entries, a word that most of them hold may still be what was asked for."""

_ENDING = re.compile(r"\w['’]\w{1,2}")
"""What English leaves of a word behind an apostrophe: the t of can't."""

_BEGINNING = re.compile(r"(\w+)\*")


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for in texts.

    Attributes:
        stems: Stems of words.
        beginnings: Stems that longer words may begin with.
        runs: Stems that must stand side by side.
        signs: Texts that must stand there as they are, in either case: names such as `C++`, single characters.
    """

    stems: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()
    runs: tuple[tuple[str, ...], ...] = ()
    signs: tuple[str, ...] = ()


class Highlighter:
    """Finds the words of one query in any number of texts."""

    def __init__(self, sought: Sought, tokens_of: Callable[[str], Sequence[Token]]) -> None:
        """Look for something in texts that `tokens_of` cuts."""
        self._sought = sought
        self._tokens_of = tokens_of

    def __call__(self, text: str) -> list[tuple[int, int]]:
        """The places in a text, in order; none overlaps or touches another."""
        return spans(text, self._sought, self._tokens_of)


def highlighter(
    store: Store, line: str, spelling: Spelling | None = None, *, unfinished: bool = False, literal: bool = False
) -> Highlighter:
    """What finds the words of a line as a search does: repaired, stemmed, with phrases whole and beginnings of words.

    Args:
        store: The base.
        line: A query as a person types it.
        spelling: Repairs misspelt words.
        unfinished: Whether the last word is still being typed.
        literal: Whether all of the line is text.
    """
    line = line[:_MOST_LINE_CHARS]
    query = ParsedQuery(line) if literal else parse_query(line)
    if spelling is not None and not literal:
        query, _ = spelling.repaired(query)
    return Highlighter(_sought(store, query, unfinished=unfinished), store.words.places)


def spans(text: str, sought: Sought, tokens_of: Callable[[str], Sequence[Token]]) -> list[tuple[int, int]]:
    """Where in a text something stands that is looked for, in characters.

    Args:
        text: Any text; of a very long one the beginning is looked at.
        sought: What is looked for.
        tokens_of: Cuts and stems a text as the words index does.
    """
    text = text[:_MOST_CHARS]
    if sought == Sought() or not text:
        return []
    found = [*_of_words(tokens_of(text), sought), *_of_signs(text, sought.signs)]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found)[:_MOST_SPANS]:
        end = _with_marks(text, end)
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _of_words(tokens: Sequence[Token], sought: Sought) -> Iterator[tuple[int, int]]:
    firsts: dict[str, list[tuple[str, ...]]] = {}
    for run in sought.runs:
        firsts.setdefault(run[0], []).append(run)
    for place, (start, end, stem) in enumerate(tokens):
        if stem in sought.stems or (sought.beginnings and stem.startswith(sought.beginnings)):
            yield start, end
        for run in firsts.get(stem, ()):
            stretch = tokens[place : place + len(run)]
            if tuple(token[2] for token in stretch) == run:
                yield start, stretch[-1][1]


def _of_signs(text: str, signs: Sequence[str]) -> Iterator[tuple[int, int]]:
    for sign in signs:
        before = r"(?<!\w)" if sign[0].isalnum() and sign.isascii() else ""
        behind = r"(?!\w)" if sign.isascii() else ""
        for found in re.finditer(f"{before}{re.escape(sign)}{behind}", text, re.IGNORECASE):
            yield found.span()


def _with_marks(text: str, end: int) -> int:
    """Behind the accents that stand on the last letter, which a terminal draws with it."""
    if end >= len(text) or text[end].isascii():
        return end
    import unicodedata  # most texts never need it

    while end < len(text) and unicodedata.category(text[end]).startswith("M"):
        end += 1
    return end


def _sought(store: Store, query: ParsedQuery, *, unfinished: bool) -> Sought:
    """What a query looks for."""
    words = store.words
    text = query.text
    for phrase in query.phrases:
        text = text.replace(phrase, " ", 1)
    asked = words.terms(text, MOST_TERMS, unfinished=unfinished) if text.strip() else None
    named = [term for term in asked or () if term.parts and term.sought and len(term.parts) == 1]
    stems = {stem for _, _, stem in words.places(text)} - _said_by_all(store, text)
    beginnings = {term.stem for term in asked or () if term.prefix and term.word.isascii()}
    beginnings |= {stem for word in _BEGINNING.findall(text) for _, _, stem in words.places(word)}
    stems -= {part for term in named for part in term.parts}
    runs = [tuple(stem for _, _, stem in words.places(phrase)) for phrase in query.phrases]
    runs += [term.parts for term in asked or () if len(term.parts) > 1]
    signs = [term.word for term in named]
    signs += [term.word for term in asked or () if term.prefix and not term.word.isascii() and len(term.word) == 1]
    return Sought(
        frozenset(stems),
        tuple(sorted(filter(None, beginnings))),
        tuple(dict.fromkeys(run for run in runs if run)),
        tuple(dict.fromkeys(filter(None, signs))),
    )


def _said_by_all(store: Store, text: str) -> set[str]:
    """The stems of the words of a text that say nothing, unless all of them do: little English ones, in any language what most say."""
    words = store.words
    places = words.places(text)
    typed = {stem: text[start:end].casefold() for start, end, stem in places}
    common = {stem for stem, word in typed.items() if word in LITTLE}
    common |= {stem for start, end, stem in places if _ENDING.fullmatch(text, max(start - 2, 0), end)}
    entries = words.count()
    if entries >= _SMALL:
        held = words.held(list(typed.values()))
        common |= {stem for stem, word in typed.items() if 2 * held.get(word, 0) > entries}
    return common if common < typed.keys() else set()
