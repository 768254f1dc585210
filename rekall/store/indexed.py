"""What a words index holds of an entry: the texts of each column, folded, and the names in them."""

from __future__ import annotations

from rekall.entry.fields import FIELDS, Column, Entry
from rekall.store.asked import Tokens
from rekall.store.folding import fold
from rekall.store.title_words import title_key, title_words
from rekall.store.units import sought_in

_FIELDS = tuple(tuple(field for field in FIELDS if field.words is column) for column in Column)
"""The fields of each column."""

_TITLE = list(Column).index(Column.TITLE)
_TIMES = tuple(3 if column is Column.TITLE else 1 for column in Column)
"""How often a name counts: the release note of a version is longer than the notes that only mention it."""


def columns_of(entry: Entry, tokens: Tokens) -> list[str]:
    """What each column of the index holds of an entry, in the order of `Column`."""
    columns = []
    for fields, times in zip(_FIELDS, _TIMES, strict=True):
        texts = [text for field in fields if getattr(entry, field.name) for text in field.words_of(entry)]
        columns.append(_indexed("\n".join(texts), times) if texts else "")
    columns[_TITLE] += f"\n{title_key(title_words(tokens, entry.title))}"
    return columns


def _indexed(text: str, times: int) -> str:
    """A text as it is indexed: folded, and behind it the names it holds, each so many times."""
    text = fold(text, indexing=True)
    found = sought_in(text)
    return f"{text}\n{' '.join([found] * times)}" if found else text
