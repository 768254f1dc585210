"""The stretch of a text that shows best why it matched."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SNIPPET_CHARS = 160
_SCANNED_CHARS = 20_000

Token = tuple[int, int, str]
"""Where a word begins and ends, in characters, and its stem."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A stretch of a text.

    Attributes:
        text: The stretch on one line.
        at: The character of the whole text at which what matched begins; 0 without a match.
    """

    text: str
    at: int = 0


def make_snippet(
    text: str,
    terms: Mapping[str, str],
    tokens_of: Callable[[str], Sequence[Token]],
    beginnings: tuple[str, ...] = (),
) -> Snippet:
    """At most about `SNIPPET_CHARS` characters of a text on one line, around the most distinct terms.

    Args:
        text: Any text.
        terms: Terms of the query, stem and word as typed; without a match the beginning is taken.
        tokens_of: Cuts and stems a text as the words index does.
        beginnings: Of these terms those that are beginnings of longer ones.
    """
    if len(text) <= SNIPPET_CHARS:
        return Snippet(" ".join(text.split()))
    first = _first_mention(text, terms) if len(text) > _SCANNED_CHARS else 0
    if first:
        snippet = make_snippet(text[first : first + _SCANNED_CHARS], terms, tokens_of, beginnings)
        return Snippet(snippet.text if snippet.text.startswith("…") else f"… {snippet.text}", first + snippet.at)
    text = text[:_SCANNED_CHARS]
    found = (
        [token for token in tokens_of(text) if token[2] in terms or token[2].startswith(beginnings)] if terms else []
    )
    if not found:  # languages without blanks: the word as it stands
        places = ((text.find(word), word) for word in terms.values())
        found = sorted((place, place + len(word), word) for place, word in places if place >= 0)
    start = _best_start(found)
    line_start = text.rfind("\n", 0, start) + 1
    begin = line_start if start - line_start <= SNIPPET_CHARS // 3 else _word_start(text, start - SNIPPET_CHARS // 3)
    cut = text[begin : begin + SNIPPET_CHARS]
    if begin + SNIPPET_CHARS < len(text):
        whole = cut.rsplit(None, 1)[0]
        cut = whole if len(whole) > SNIPPET_CHARS // 2 else cut  # a last word as long as that is an address
    before = "… " if text[:begin].strip() else ""
    after = " …" if text[begin + len(cut) :].strip() else ""
    return Snippet(before + " ".join(cut.split()) + after, start)


def _first_mention(text: str, terms: Mapping[str, str]) -> int:
    """The line on which a long text says first what its beginning does not; 0 where its beginning does."""
    shared = {_shared(stem, word.casefold()) for stem, word in terms.items()}
    said = "|".join((r"\b" if each.isascii() else "") + re.escape(each) for each in sorted(shared) if each)
    found = re.search(said, text, re.IGNORECASE) if said else None
    place = found.start() if found else 0
    return max(text.rfind("\n", 0, place), 0) if place >= _SCANNED_CHARS else 0


def _shared(stem: str, word: str) -> str:
    """What a stem and its word begin with."""
    return "".join(one for one, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(stem, word)))


def _best_start(found: Sequence[Token]) -> int:
    """Where the stretch with the most distinct terms begins; 0 without any."""
    best, best_terms = 0, 0
    for place, (start, _, _) in enumerate(found):
        distinct = {stem for begin, end, stem in found[place : place + 40] if end - start <= SNIPPET_CHARS * 2 // 3}
        if len(distinct) > best_terms:
            best, best_terms = start, len(distinct)
    return best


def _word_start(text: str, start: int) -> int:
    """The beginning of the first word at or after `start`."""
    if start <= 0:
        return 0
    blank = next((place for place in range(start, min(start + 40, len(text))) if text[place].isspace()), start - 1)
    return blank + 1
