"""A misspelt word of a query is repaired to one of the base's own, and that is always said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rekall.search.query import ParsedQuery
from rekall.search.results import Repair

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

SHORTEST = 5
"""Shorter words lie too near to one another; of four letters only two that changed places are put back."""
LONGEST = 24
MOST_LOOKED_AT = 4
"""Words of a query that are repaired; of a pasted log the rest is left as it is."""
MOST_CHARS = 2000

_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_ALONE = re.compile(r"(?<![\w.:/@#$%\\~+=-])[^\W\d_]{4,}(?![\w:/@#$%\\~+=-]|[.,:'\u2019]\w)")
"""A word that stands by itself, not in a path, a flag or a name."""

_ENDINGS = frozenset("esxtrznaiony")
"""What words of one stem end in, in English, French, Spanish, Italian or German."""


_FRONTS = (
    "re",
    "un",
    "pre",
    "non",
    "de",
    "dis",
    "sub",
    "over",
    "out",
    "mis",
    "anti",
    "multi",
    "auto",
    "co",
    "micro",
    "i",
)
_ENDS = ("able", "less", "ness", "ful", "like", "wise")
_LEAST_PART = 2
_LEAST_REST = 4


class Spelling:
    """Repairs queries over an open store. Reads only."""

    def __init__(self, store: Store, is_word: Callable[[str], bool]) -> None:
        """Work on an open store.

        Args:
            store: The base.
            is_word: Whether a word, in lower case, is a word though no entry holds it.
        """
        self._store = store
        self._is_word = is_word

    def repaired(self, query: ParsedQuery) -> tuple[ParsedQuery, tuple[Repair, ...]]:
        """A query with its misspelt words repaired, a note for each, and what was done; quoted words stay."""
        quoted = " ".join((*query.phrases, *query.excluded)).casefold()
        text = query.text[:MOST_CHARS]
        typed = list(dict.fromkeys(found[0] for found in _ALONE.finditer(text) if found[0].casefold() not in quoted))
        unknown = self._store.words.unknown(typed) if typed else []
        repairs: list[Repair] = []
        for word in unknown[:MOST_LOOKED_AT]:
            plain = _plain(word)
            if len(word) <= LONGEST and not self._may_be_a_word(plain) and (better := self._better(plain)):
                repairs.append(Repair(word, better))
        if not repairs:
            return query, ()
        by_word = {repair.typed: repair.searched for repair in repairs}
        mended = _ALONE.sub(lambda found: by_word.get(found[0], found[0]), query.text)
        notes = [
            f'searching for *{repair.searched}* instead of {repair.typed}; "{repair.typed}" searches as typed'
            for repair in repairs
        ]
        return replace(query, text=mended, notes=(*query.notes, *notes)), tuple(repairs)

    def _may_be_a_word(self, word: str) -> bool:
        """Whether it is a word, or one with something before or behind it, as `preload` and `doable` are."""
        parts = [
            word[len(front) :] for front in _FRONTS if word.startswith(front) and len(word) >= len(front) + _LEAST_REST
        ]
        parts += [word[: -len(end)] for end in _ENDS if word.endswith(end) and len(word) >= len(end) + _LEAST_PART]
        return any(self._is_word(each) for each in (word, *parts))

    def _better(self, word: str) -> str | None:
        """The commonest word of the base one edit away, as its entries write it; one with the same beginning first."""
        near = dict.fromkeys(swapped(word) if len(word) < SHORTEST else edits(word))
        held = self._store.words.held(list(near))
        for found in sorted(held, key=lambda each: (each[0] != word[0], -held[each], each))[:3]:
            form = self._store.words.form(found)
            if form is not None and _plain(form) in near:
                return form
        return None


def swapped(word: str) -> Iterator[str]:
    """A word with two neighbouring letters in each other's place."""
    for place in range(len(word) - 1):
        if word[place] != word[place + 1]:
            yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def edits(word: str) -> Iterator[str]:
    """Every word one edit away: two letters swapped, one left out, added or replaced.

    What only changes the last letter is left out, for it is another form of the word, as `parle` and `parles` are, and
    so is another first letter, for it is another word: `getters` and `letters`.
    """
    yield from swapped(word)
    letters = sorted({*_ALPHABET, *word})
    for place in range(len(word)):
        is_last = place == len(word) - 1
        if not (is_last and word[-1] in _ENDINGS):
            yield word[:place] + word[place + 1 :]
        for letter in letters:
            if place and letter != word[place] and not (is_last and word[-1] in _ENDINGS and letter in _ENDINGS):
                yield word[:place] + letter + word[place + 1 :]
            yield word[:place] + letter + word[place:]
    yield from (word + letter for letter in letters if letter not in _ENDINGS)


def _plain(word: str) -> str:
    """A word in lower case without accents."""
    if word.isascii():
        return word.lower()
    import unicodedata  # most queries never need it

    apart = unicodedata.normalize("NFD", word.lower())
    return unicodedata.normalize("NFC", "".join(each for each in apart if not "\u0300" <= each <= "\u036f"))
