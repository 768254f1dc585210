"""How sure it is that a hit is about what was asked: one figure for what speaks for it, and where it becomes a word.

The figure is a sum that compares across queries, bases and models, so nothing is learnt from the base but how
many entries it has. Measured by benchmarks/calibration.py (docs/adr/0018).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from rekall.entry.fields import FIELDS, Entry
from rekall.search.results import Hit, Match, Why
from rekall.search.second_stage import ALONE, Weights

STRONG, STRONG_WORDS = 0.9, 0.7
"""What speaks for a strong hit at least, by words and meaning, and by words alone."""

_LIKELY, _LIKELY_WORDS = (0.48, 0.1, 0.32, 0.55), (0.28, 0.04, 0.22, 0.32)
"""The same for a likely one, in a base of a thousand entries; what ten times as many add; and the bounds.

The best of many unrelated entries comes nearer than the best of few: what one in ten queries of other subjects reaches is 0.25
among 30 notes, 0.5 among 2,000 and about 0.55 among 16,000 (benchmarks/calibration.py)."""

_BESIDE_MEANING = Weights(words=0.2, pieces=0.48, pairs=0.36)
"""What matching words count beside a clear similarity: a fifth more than where hits are ranked among one another."""

_EACH_WORD, _MOST_WORDS = 0.03, 5
"""By words alone, what each word found adds: two of four say less than five of ten."""

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_MOST_NUMBERS = 8
"""A line with more was pasted: its line numbers and times need not be the same."""

_UNREAD = 0.9
"""What coverage counts where the second stage did not look at the text: pieces and pairs mostly go with it."""

_RESEMBLES = 0.8
"""How clear a similarity between two entries is where they say the same: a cosine of 0.85 with all-MiniLM-L6-v2. Of 2,820
real notes 2 in 100 have such a neighbour (benchmarks/alike.py)."""

COMPARED = 0.5
"""From which on what two entries say is compared: a cosine of 0.55 with all-MiniLM-L6-v2 (docs/adr/0048)."""

_MOST_ALIKE = 3

_SAME = 0.97
"""A cosine that two entries have with no model unless they say the same; a base of a few notes says little of its model."""


def labelled(query: str, hit: Hit, entries: int) -> Hit:
    """The hit with its word and the numbers of the query that it lacks; `entries` is the size of the base."""
    why = replace(hit.why, lacks=lacking(query, hit.entry))
    return replace(hit, why=why, match=match_of(why, entries))


def match_of(why: Why, entries: int) -> Match:
    """The word for a hit; `entries` is the size of the base.

    An exact title is strong, whatever else, and what holds every word that was typed at least likely. What lacks a number that was typed (a version, a port, a year) is likely at most: of
    first hits that would be strong but for that, 4 in 22 are right, of the others 429 in 502 (benchmarks/calibration.py).
    """
    if why.exact_title:
        return Match.STRONG
    figure = evidence(why)
    has_meaning = _has_meaning(why)
    if figure >= (STRONG if has_meaning else STRONG_WORDS) and not why.lacks:
        return Match.STRONG
    is_likely = why.holds_all or figure >= likely(entries, by_words=not has_meaning)
    return Match.LIKELY if is_likely else Match.WEAK


def likely(entries: int, *, by_words: bool = False) -> float:
    """The least evidence of a likely hit; `entries` is the size of the base."""
    at_thousand, per_decade, least, most = _LIKELY_WORDS if by_words else _LIKELY
    return min(most, max(least, at_thousand + per_decade * math.log10(max(entries, 1) / 1000)))


def evidence(why: Why) -> float:
    """What speaks for a hit: clear similarity and matching words.

    By words alone it counts as well how many they are.
    """
    if not _has_meaning(why):
        return _lexical(why, ALONE) + _EACH_WORD * min(len(why.matched), _MOST_WORDS)
    similarity = why.clear if why.clear is not None else why.near or 0.0
    return similarity + _lexical(why, _BESIDE_MEANING)


def lacking(query: str, entry: Entry) -> tuple[str, ...]:
    """The numbers of a query that an entry holds nowhere; `1.2` is in `1.2.3`, and not in `11.2`."""
    numbers = tuple(dict.fromkeys(_NUMBER.findall(_plain(query))))
    if not 0 < len(numbers) <= _MOST_NUMBERS:
        return ()
    texts = [text for field in FIELDS if field.words is not None for text in field.words_of(entry)]
    whole = _plain("\n".join(texts))
    return tuple(number for number in numbers if not re.search(rf"(?<!\d){re.escape(number)}(?!\d)", whole))


def _plain(text: str) -> str:
    """A text with digits of any width as they are usually typed."""
    if text.isascii():
        return text
    import unicodedata  # a shared library, for few texts

    return unicodedata.normalize("NFKC", text)


def resembles(why: Why) -> bool:
    """Whether an entry found by its similarity to another may say the same."""
    return why.clear is not None and (why.clear >= _RESEMBLES or (why.similarity or 0.0) >= _SAME)


def alike(entry: Entry, titled: Sequence[Hit], near: Sequence[Hit]) -> tuple[Hit, ...]:
    """What an entry resembles: what has its very title, and what may say the same and lacks no number of its title.

    Args:
        entry: The entry.
        titled: What a search for its title found.
        near: What is nearest to it in meaning.
    """
    same = [hit for hit in titled if hit.why.exact_title and hit.entry.id != entry.id]
    known = {hit.entry.id for hit in same}
    same += [
        hit for hit in near if hit.entry.id not in known and resembles(hit.why) and not lacking(entry.title, hit.entry)
    ]
    return tuple(same[:_MOST_ALIKE])


def _has_meaning(why: Why) -> bool:
    return why.clear is not None or why.near is not None


def _lexical(why: Why, weights: Weights) -> float:
    if why.pieces is None:
        return _UNREAD * why.coverage
    return weights.words * why.coverage + weights.pieces * why.pieces + weights.pairs * (why.pairs or 0.0)
