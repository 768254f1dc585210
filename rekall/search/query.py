"""What a person typed, taken apart: words, "phrases", -exclusions and key:value filters.

Whatever does not look like one of these is literal, so no line is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rekall.entry.filters import BY_KEY, MOST_VALUES, Filter, Filters
from rekall.entry.rules import nearest
from rekall.errors import InvalidInput

MOST_PARTS = 32
"""More phrases or exclusions than a person types; SQLite bounds the depth of a condition."""

MOST_NOTES = 3

_PART = re.compile(r'(?P<key>[^\W\d_]+):"(?P<value>[^"]+)"|(?P<minus>-?)"(?P<phrase>[^"]*)"|(?P<word>\S+)')
_EXCLUSION = re.compile(r"-(?=[^\W_])(?P<word>.+)", re.DOTALL)
_LOOKS_LIKE_A_FILTER = re.compile(r'(?P<key>[^\W\d_]{3,12}):"?(?P<value>[^\W_][^:"]*)"?')

_ALIKE = 0.75
"""How alike a key and a filter must be (difflib's ratio) to be named in a note: `tags`, `types`, but not `tap`."""


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query taken apart.

    Attributes:
        text: Words and phrases in their order, for every leg.
        phrases: Texts that must occur word for word.
        excluded: Texts that must not occur.
        filters: Conditions of the form key:value.
        notes: What looks like a filter and is none, with what may have been meant.
    """

    text: str
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    notes: tuple[str, ...] = ()


def parse_query(line: str) -> ParsedQuery:
    """Take a query apart. Never fails; of phrases and exclusions the first `MOST_PARTS` of each count."""
    words: list[str] = []
    phrases: list[str] = []
    excluded: list[str] = []
    typed: dict[str, list[str]] = {}
    notes: list[str] = []
    for part in _PART.finditer(line):
        phrase, word = part["phrase"], part["word"] or part[0]
        if phrase is not None:
            (excluded if part["minus"] else phrases).append(phrase)
            words += [] if part["minus"] else [phrase]
        elif _is_filter(word, part["key"], part["value"], typed):
            continue
        elif exclusion := _EXCLUSION.fullmatch(word):
            excluded.append(exclusion["word"])
        else:
            words.append(word)
            notes += [note] if len(notes) < MOST_NOTES and (note := _note(word)) else []
    for name in [name for name, values in typed.items() if len(set(values)) > MOST_VALUES]:
        notes.insert(0, f"only the first {MOST_VALUES} of {len(typed[name]):,} {name} were used")
        typed[name] = list(dict.fromkeys(typed[name]))[:MOST_VALUES]
    return ParsedQuery(
        " ".join(words),
        tuple(phrase for phrase in phrases if _has_word(phrase))[:MOST_PARTS],
        tuple(word for word in excluded if _has_word(word))[:MOST_PARTS],
        Filters.read(typed),
        tuple(dict.fromkeys(notes))[:MOST_NOTES],
    )


def _is_filter(word: str, key: str | None, value: str | None, typed: dict[str, list[str]]) -> bool:
    """Whether a word is a filter, which is then added to what was typed; `std::map` and `type:string` are words."""
    if key is None:
        key, _, value = word.partition(":")
    each = BY_KEY.get(key.lower())
    if each is None or not value or not _has_word(value) or _problem(each, value):
        return False
    typed.setdefault(each.name, []).append(value)
    return True


def _problem(each: Filter, value: str) -> InvalidInput | None:
    """Why a filter cannot take a value, or None."""
    try:
        each.read(value)
    except InvalidInput as error:
        return error
    return None


def _note(word: str) -> str:
    """What to say of a word that looks like a filter and is none; empty for any other."""
    found = _LOOKS_LIKE_A_FILTER.fullmatch(word)
    if found is None:
        return ""
    key, value = found["key"].lower(), found["value"]
    each = BY_KEY.get(key)
    if each is not None:
        problem = _problem(each, value)
        return f"{word} is not a filter and was searched as text: {problem.hint if problem else each.hint}"
    near = nearest(key, list(BY_KEY), _ALIKE)
    return f"{word} is not a filter and was searched as text; did you mean `{near}:{value}`?" if near else ""


def _has_word(text: str) -> bool:
    return any(character.isalnum() for character in text)
