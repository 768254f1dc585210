"""What a person typed, taken apart: words, "phrases", -exclusions and key:value filters.

Whatever does not look like one of these is literal, so no line is an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rekall.entry.types import EntryType, Filters, Status

MOST_PARTS = 32
"""More phrases, exclusions or filters of a kind than a person types; SQLite bounds the depth of a condition."""

_PART = re.compile(r'(?P<minus>-?)"(?P<phrase>[^"]*)"|(?P<word>\S+)')
_EXCLUSION = re.compile(r"-(?=[^\W_])(?P<word>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query taken apart.

    Attributes:
        text: Words and phrases in their order, for both legs.
        phrases: Texts that must occur word for word.
        excluded: Texts that must not occur.
        filters: Conditions from `type:`, `tag:`, `project:` and `status:`.
    """

    text: str
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)


def parse_query(line: str) -> ParsedQuery:
    """Take a query apart. Never fails; of phrases, exclusions and filters the first `MOST_PARTS` of each count."""
    words: list[str] = []
    phrases: list[str] = []
    excluded: list[str] = []
    filters: list[tuple[str, str]] = []
    for part in _PART.finditer(line):
        phrase, word = part["phrase"], part["word"]
        if phrase is not None:
            (excluded if part["minus"] else phrases).append(phrase)
            words += [] if part["minus"] else [phrase]
        elif (condition := _filter(word)) is not None:
            filters.append(condition)
        elif exclusion := _EXCLUSION.fullmatch(word):
            excluded.append(exclusion["word"])
        else:
            words.append(word)
    return ParsedQuery(
        " ".join(words),
        tuple(phrase for phrase in phrases if _has_word(phrase))[:MOST_PARTS],
        tuple(word for word in excluded if _has_word(word))[:MOST_PARTS],
        _filters(filters),
    )


def merged(left: Filters, right: Filters) -> Filters:
    """Filters of the query and of the options together; where both name one value, the option's holds."""
    return Filters(
        types=right.types or left.types,
        tags=tuple(dict.fromkeys((*left.tags, *right.tags))),
        project=right.project if right.project is not None else left.project,
        since=right.since or left.since,
        status=right.status or left.status,
    )


def _filter(word: str) -> tuple[str, str] | None:
    """A filter as key and value, or None when the word is none: `std::map` and `type:string` are words."""
    key, colon, value = word.partition(":")
    key = key.lower()
    if not colon or not _has_word(value) or key not in ("type", "status", "tag", "project"):
        return None
    known = {"type": [kind.value for kind in EntryType], "status": [status.value for status in Status]}
    return None if key in known and value.lower() not in known[key] else (key, value)


def _filters(conditions: Sequence[tuple[str, str]]) -> Filters:
    """The filters of a line; of a project or status that is named twice the last holds."""

    def values(wanted: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for key, value in conditions if key == wanted))

    return Filters(
        types=tuple(EntryType(value.lower()) for value in values("type"))[:MOST_PARTS],
        tags=tuple(value.lower() for value in values("tag"))[:MOST_PARTS],
        project=next(iter(values("project")[::-1]), None),
        status=next((Status(value.lower()) for value in values("status")[::-1]), None),
    )


def _has_word(text: str) -> bool:
    return any(character.isalnum() for character in text)
