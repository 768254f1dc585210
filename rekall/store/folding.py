"""How a text is spelt for the words index: forms of one letter made equal, and runs without blanks cut into pairs.

FTS5's tokenizer takes letters, numbers and marks for words, in lower case, and removes the accents of Latin letters.
What it does not do is done here, to what is indexed and to what is asked for alike. ASCII is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_USUAL = "\x00-\xac\xae-\xc5\xc7-\xcf\xd1-\xd7\xd9-\xdd\xe0-\xe5\xe7-\xef\xf1-\xf7\xf9-\xfd\u0410-\u044f\u2012-\u2026\u2190-\u2211\u2500-\u25ff"
"""Letters of western Europe and Russia, quotes and dashes, arrows, frames: what stays as it is, though by far not all that does."""

_IS_UNUSUAL = re.compile(f"[^{_USUAL}]")


@dataclass(frozen=True, slots=True)
class Folded:
    """A text as the words index spells it, and where it comes from.

    Attributes:
        text: As it is spelt there.
        starts: For each of its characters, where it began.
        ends: For each, where it ended.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where a stretch of it, at least a character long, stands in the text as it was."""
        return self.starts[start], self.ends[end - 1]


def fold(text: str, *, indexing: bool = False) -> str:
    """A text as the words index spells it.

    Runs without blanks become overlapping pairs, for no one would search for a whole one. In the index a run's last
    character stands alone as well, so that a single character is the beginning of some term wherever it is.
    """
    if _is_usual(text):
        return text
    from rekall.store import unusual  # its tables take 10 ms to make, and many bases never need them

    return unusual.spelt(text, indexing=indexing)


def fold_in_place(text: str) -> Folded:
    """The same as `fold`, with the places that the characters come from."""
    if _is_usual(text):
        return Folded(text, range(len(text)), range(1, len(text) + 1))
    from rekall.store import unusual

    return Folded(*unusual.spelt_in_place(text))


def is_lone(word: str) -> bool:
    """Whether a word is a single character of a script without blanks, with its signs."""
    if _is_usual(word):
        return False
    from rekall.store import unusual

    return unusual.is_lone(word)


def _is_usual(text: str) -> bool:
    return text.isascii() or _IS_UNUSUAL.search(text) is None
