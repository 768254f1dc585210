"""Keeps the lines of a file whose words an entry would hold nowhere else, whatever a dialect passes over."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import replace

from rekall.entry.fields import BY_NAME, FIELDS, Draft, Kind
from rekall.entry.other import OtherField
from rekall.entry.record import CONTENT, means
from rekall.exchange.dialect import Dialect, Note

NOT_TAKEN = "not_read"
"""The name under which these lines are kept."""

_WORD = re.compile(r"[^\W_]{2,}")
_BESIDE_CONTENT = tuple(field for field in FIELDS if field.name != CONTENT)
_NOTHING = ("", (), None)
_LONG_CHARS = 1_000_000


def with_lost_lines(draft: Draft, text: str, note: Note, dialect: Dialect) -> Draft:
    """The draft with the lines of a file whose words it would hold nowhere else.

    What a dialect passes over is kept here, whatever it was: comments of a head, a field that stood twice.
    """
    if draft.content and draft.content in text:
        text = text.replace(draft.content, "\n", 1)
    if len(text) > _LONG_CHARS:
        lines = _lines_not_in(text, (_said(draft, note, dialect), draft.content))
        return _with_lines(draft, lines) if lines else draft
    missing = _words(text) - _words(_said(draft, note, dialect))
    missing = missing and missing - _words(draft.content)
    if not missing:
        return draft
    return _with_lines(draft, [line.strip() for line in text.splitlines() if _words(line) & missing])


def _with_lines(draft: Draft, lines: list[str]) -> Draft:
    kept = [other for other in draft.other_fields if other.name != NOT_TAKEN]
    return replace(draft, other_fields=(*kept, OtherField.of(NOT_TAKEN, lines if len(lines) > 1 else lines[0])))


def _lines_not_in(text: str, said: Iterable[str]) -> list[str]:
    """The lines of a long text with a word that is nowhere in what was said.

    Words are told by 26 bits each: sets of the words of a long text would fill the memory.
    """
    marks = bytearray(1 << 23)
    for each in said:
        for found in _WORD.finditer(each.casefold()):
            place = _place_of(found[0])
            marks[place >> 3] |= 1 << (place & 7)
    lost = []
    for line in text.split("\n"):
        places = (_place_of(found[0]) for found in _WORD.finditer(line.casefold()) if not found[0].isdigit())
        if any(not marks[place >> 3] >> (place & 7) & 1 for place in places):
            lost.append(line.strip())
    return lost


def _place_of(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) & 0x3FFFFFF


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.casefold()) if not word.isdigit()}


def _said(draft: Draft, note: Note, dialect: Dialect) -> str:
    """Every text of a draft but its content; names of fields, and values that became times or choices, count as said."""
    texts = [
        text for field in _BESIDE_CONTENT if getattr(draft, field.name) not in _NOTHING for text in field.texts(draft)
    ]
    for name, value in note.fields.items():
        meant = dialect.keys.get(name) or means(name)
        if meant:
            texts.append(name)
        if meant in BY_NAME and BY_NAME[meant].kind in (Kind.TIME, Kind.CHOICE, Kind.NUMBER, Kind.ID):
            texts.append(str(value))
    return "\n".join(texts)
