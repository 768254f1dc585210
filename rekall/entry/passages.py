"""Cuts an entry into the passages that are embedded: a head, and a bounded number of stretches of a long text."""

from __future__ import annotations

from dataclasses import dataclass

from rekall.entry.fields import FIELDS, Entry, Kind, Place

HEAD_CHARS = 2_400
"""The head is cut here: the model reads 256 tokens, which are about 1,100 characters of English."""

LONG_CHARS = 1_000
"""A body up to this length fits the head."""

PASSAGE_CHARS = 900
OVERLAP_CHARS = 150
MOST_PASSAGES = 4
"""Further passages of one entry, from where the model stops reading the head: about 3,900 characters in all.

Eight passages, or passages that repeat the beginning, cost 20 to 75 % more vectors for no better ranking
(docs/adr/0005). Words reach the rest.
"""

_EMBEDDED = {place: tuple(field for field in FIELDS if field.embedded is place) for place in Place}


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of an entry that is embedded on its own. Position 0 is the head: title and beginning."""

    position: int
    text: str
    text_hash: bytes


def passages_of(entry: Entry) -> list[Passage]:
    """The passages of an entry; the first is the head. The same entry gives the same passages."""
    import hashlib  # brings OpenSSL, 3 MB resident that a search does without

    return [
        Passage(position, text, hashlib.blake2b(text.encode(), digest_size=16).digest())
        for position, text in enumerate(passage_texts(entry))
    ]


def passage_texts(entry: Entry) -> list[str]:
    """The texts of `passages_of`."""
    body = _body(entry)
    texts = [_cut(f"{entry.title}\n{body}", HEAD_CHARS)]
    if len(body) > LONG_CHARS:
        texts += _stretches(body)
    return texts


def _body(entry: Entry) -> str:
    """What an entry says, the most telling parts first."""
    parts = (*_embedded(entry, Place.BEFORE), entry.content, *_embedded(entry, Place.AFTER))
    return "\n".join(part for part in parts if part)


def _embedded(entry: Entry, place: Place) -> list[str]:
    """The parts of the context that are embedded before or after the content; short items share a line."""
    parts: list[str] = []
    for field in _EMBEDDED[place]:
        texts = field.texts(entry)
        parts += (", ".join(texts),) if field.kind in (Kind.LIST, Kind.TAGS) else texts
    return parts


def _stretches(body: str) -> list[str]:
    """Overlapping stretches after the first `PASSAGE_CHARS`, each from word to word where there are any."""
    stretches: list[str] = []
    end = len(_cut(body, PASSAGE_CHARS))
    while end < len(body) and len(stretches) < MOST_PASSAGES:
        start = _word_start(body, end)
        stretches.append(_cut(body[start : start + PASSAGE_CHARS + 1], PASSAGE_CHARS))
        end = start + len(stretches[-1])
    return stretches


def _cut(text: str, most: int) -> str:
    """The first `most` characters, cut back to the end of a line or a word where one ends in the second half."""
    if len(text) <= most:
        return text
    for border in ("\n", " "):
        end = text.rfind(border, most // 2, most)
        if end > 0:
            return text[:end]
    return text[:most]


def _word_start(text: str, end: int) -> int:
    """Where the stretch after one that ended at `end` begins: at a word of the overlap, if there is one."""
    for place in range(end - OVERLAP_CHARS, end):
        if text[place].isspace():
            return place + 1
    return end
