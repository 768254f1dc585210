"""What a person typed, taken apart: words, "phrases", -exclusions and key:value filters.

Whatever does not look like one of these is literal, so no line is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from rekall.types import EntryType, Filters, Status

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
    """Take a query apart. Never fails."""
    words: list[str] = []
    phrases: list[str] = []
    excluded: list[str] = []
    filters = Filters()
    for part in _PART.finditer(line):
        phrase, word = part["phrase"], part["word"]
        if phrase is not None:
            (excluded if part["minus"] else phrases).append(phrase)
            words += [] if part["minus"] else [phrase]
            continue
        filtered = _filter(filters, word)
        exclusion = _EXCLUSION.fullmatch(word)
        if filtered is not None:
            filters = filtered
        elif exclusion:
            excluded.append(exclusion["word"])
        else:
            words.append(word)
    return ParsedQuery(
        " ".join(words),
        tuple(phrase for phrase in phrases if _has_word(phrase)),
        tuple(word for word in excluded if _has_word(word)),
        filters,
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


def _filter(filters: Filters, word: str) -> Filters | None:
    """The filters with what `word` adds, or None when it is no filter: `std::map` and `type:string` are words."""
    key, colon, value = word.partition(":")
    if not colon or not _has_word(value):
        return None
    key = key.lower()
    if key == "type" and value.lower() in {kind.value for kind in EntryType}:
        return replace(filters, types=(*filters.types, EntryType(value.lower())))
    if key == "status" and value.lower() in {status.value for status in Status}:
        return replace(filters, status=Status(value.lower()))
    if key == "tag":
        return replace(filters, tags=(*filters.tags, value.lower()))
    if key == "project":
        return replace(filters, project=value)
    return None


def _has_word(text: str) -> bool:
    return any(character.isalnum() for character in text)
