"""What a title is looked up by in the words index: its words, and the one word that stands for all of them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

from rekall.store.asked import Tokens
from rekall.store.folding import fold

_MARK = "\U000fe100"
"""Begins the word that says what the whole title is; a character that FTS5 takes for a letter and nobody types."""

_ASCII_WORD = re.compile("[a-z0-9]+")


def title_words(tokens: Tokens, text: str) -> list[str]:
    """The words of a title without their endings taken off; a title of punctuation is one word."""
    if text.isascii():  # FTS5 finds the same, and takes longer to be asked
        return _ASCII_WORD.findall(text.lower()) or [typed(text)]
    return [word for _, _, word in tokens.stem_places(fold(text), stems=False)] or [typed(text)]


def title_key(words: Sequence[str]) -> str:
    """The word that all titles of the same words have in the index, and no text."""
    return f"{_MARK}{zlib.crc32(' '.join(words).encode('utf-8', 'replace')):08x}"


def typed(title: str) -> str:
    """A title as it is typed, in either case and with any blanks."""
    return " ".join(title.casefold().split())
