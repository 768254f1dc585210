"""What cuts texts into words and makes stems of them: FTS5's tokenizers, which every store uses, so that all find the same."""

from __future__ import annotations

import threading
from typing import Any

import apsw

TOKENIZER = ("unicode61", "remove_diacritics", "2", "categories", "L* N* Co Mn Mc")
"""What cuts a text into words and folds their case; `porter` makes stems of these."""

_CUTTER = (TOKENIZER[0], list(TOKENIZER[1:]))
_STEMMER = ("porter", list(TOKENIZER))
"""The tokenizers of a words index, as the driver asks for them."""


class Fts5Tokens:
    """Tokens for a store that has no FTS5 of its own; see `asked.Tokens`. Thread-safe; it holds no base, and nothing on the disk."""

    def __init__(self) -> None:
        """Open SQLite in memory, for what it knows of words."""
        self._connection = apsw.Connection(":memory:")
        self._turn = threading.Lock()

    def stem_places(self, text: str, *, stems: bool = True) -> list[tuple[int, int, str]]:
        """The words that an index makes of a folded text; see `stem_places`."""
        with self._turn:
            return stem_places(self._connection, text, stems=stems)

    def stems(self, text: str) -> list[str]:
        """The stems of a folded text in their order."""
        with self._turn:
            tokenizer = self._connection.fts5_tokenizer(*_STEMMER)
            found: Any = tokenizer(
                text.encode("utf-8", "replace"),
                apsw.FTS5_TOKENIZE_QUERY,
                None,
                include_offsets=False,
                include_colocated=False,
            )
        return list(found)


def stem_places(connection: apsw.Connection, text: str, *, stems: bool = True) -> list[tuple[int, int, str]]:
    """The terms that a words index makes of a folded text, each with the characters where it begins and ends.

    Without `stems` endings stay, and a term is a word in lower case without accents.
    """
    data = text.encode("utf-8", "replace")  # a lone surrogate, which no entry holds
    tokenizer = connection.fts5_tokenizer(*(_STEMMER if stems else _CUTTER))
    tokens: Any = tokenizer(data, apsw.FTS5_TOKENIZE_QUERY, None, include_colocated=False)
    if len(data) == len(text):  # ASCII: a byte is a character
        return [(start, end, str(term)) for start, end, term in tokens]
    places, at_byte, at_char = [], 0, 0
    for start, end, term in tokens:  # offsets in bytes
        at_char += len(data[at_byte:start].decode())
        length = len(data[start:end].decode())
        places.append((at_char, at_char + length, str(term)))
        at_byte, at_char = end, at_char + length
    return places
