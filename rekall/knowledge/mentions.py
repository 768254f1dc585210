"""Which entries name each other without a link: by an id, a title, an error message, a file."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING

from rekall.entry.fields import FIELDS, Entry
from rekall.entry.types import Status

if TYPE_CHECKING:
    from rekall.store.contract import Store

_ID = re.compile(r"(?<![0-9A-Za-z])[0-7][0-9A-HJKMNP-TV-Z]{25}(?![0-9A-Za-z])")
_WIKI = re.compile(r"\[\[([^\[\]|#\n]{1,300})")
_WORD = re.compile(r"\w+")

_LEAST_WORDS, _LEAST_CHARS = 3, 14
"""Shorter titles are phrases that stand in texts about anything; between [[ and ]] every title counts."""

_LEAST_ERROR = 12
"""Characters of an error message that tells something: "Error" does not."""

_CROWD = 5
"""A file or a message that more entries name tells nothing of two of them."""

_MOST_CHARS = 200_000
"""Of a longer text the beginning is read."""


class Sort(str, Enum):
    """How one entry names another, the surest first."""

    ID = "id"
    TITLE = "title"
    ERROR = "error"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Mention:
    """That one entry names another.

    Attributes:
        source: The key of the one that names.
        target: The key of the one that is named; of a file or a message, of the other one that has it.
        sort: How.
        text: What is named: a message or a path; empty for an id or a title.
    """

    source: int
    target: int
    sort: Sort
    text: str = ""


def mentions(store: Store) -> Iterator[Mention]:
    """Every mention among the active entries, in one pass over their texts; the caller holds a snapshot."""
    titles, ids = _Titles(), dict[str, int]()
    for key, entry in store.entries.stream():
        if entry.status is Status.ACTIVE:
            ids[entry.id] = key
            titles.put(key, entry.title)
    errors, files = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for key, entry in store.entries.stream():
        if entry.status is not Status.ACTIVE:
            continue
        text = _text(entry)
        named = {ids[each] for each in _ID.findall(text) if each in ids} - {key}
        yield from (Mention(key, each, Sort.ID) for each in sorted(named))
        yield from (Mention(key, each, Sort.TITLE) for each in sorted(titles.named_in(text) - {key} - named))
        for message in {_plain(each) for each in entry.error_messages}:
            if len(message) >= _LEAST_ERROR:
                errors[message].append(key)
        for path in {each.strip() for each in entry.files if each.strip()}:
            files[path].append(key)
    yield from _shared(errors, Sort.ERROR)
    yield from _shared(files, Sort.FILE)


def _shared(holders: dict[str, list[int]], sort: Sort) -> Iterator[Mention]:
    for text, keys in holders.items():
        if 2 <= len(keys) <= _CROWD:
            yield from (Mention(one, other, sort, text) for at, one in enumerate(keys) for other in keys[at + 1 :])


def _text(entry: Entry) -> str:
    """What an entry says below its title."""
    texts: Iterable[str] = (text for field in FIELDS if field.words is not None for text in field.words_of(entry))
    return "\n".join(text for text in texts if text != entry.title)[:_MOST_CHARS]


class _Titles:
    """Titles to be found in texts; one that several entries have names none of them."""

    def __init__(self) -> None:
        self._whole: dict[tuple[str, ...], int] = {}
        self._begun: dict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)

    def put(self, key: int, title: str) -> None:
        """Know one more."""
        words = tuple(_WORD.findall(_plain(title)))
        if not words:
            return
        if words in self._whole:
            self._whole[words] = 0
            return
        self._whole[words] = key
        if len(words) >= _LEAST_WORDS and sum(map(len, words)) >= _LEAST_CHARS:
            self._begun[words[0], words[1]].add(words)

    def named_in(self, text: str) -> set[int]:
        """The keys of the entries whose title stands in a text."""
        plain = _plain(text)
        words = _WORD.findall(plain)
        found = {
            self._whole[title]
            for at, pair in enumerate(pairwise(words))
            if pair in self._begun
            for title in self._begun[pair]
            if tuple(words[at : at + len(title)]) == title
        }
        found |= {self._whole.get(tuple(_WORD.findall(name)), 0) for name in _WIKI.findall(plain)}
        return found - {0}


def _plain(text: str) -> str:
    """A text as it is compared: no capitals, one form of each letter, one blank for several."""
    text = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())
