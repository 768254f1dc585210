"""What a person typed, taken apart: words, "phrases", -exclusions and key:value filters.

Whatever does not look like one of these is literal, so no line is an error. A dashed word may be a flag (`find -name`) or
be left out (`nginx -chrome`): it is only marked here, and `exclusions` settles what it is.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from rekall.entry.filters import BY_KEY, MOST_VALUES, MOST_WORDS, Filter, Filters
from rekall.entry.rules import nearest
from rekall.errors import InvalidInput

MOST_PARTS = 32
"""More phrases or exclusions than a person types; SQLite bounds the depth of a condition."""

MOST_NOTES = 3

_PART = re.compile(r'(?P<key>[^\W\d_]+):"(?P<value>[^"]+)"|(?P<minus>[-!]?)"(?P<phrase>[^"]*)"|(?P<word>\S+)')
_MARKED = re.compile(r"[-!](?P<word>[^\W\d_][\w.+#-]*)")
"""What may be left out; a flag of any other shape (`--no-verify`, `-1`, `-name=x`, `!$`) is text."""

_FEWEST_LETTERS = 3
"""Shorter words behind a dash are flags: `-it`, `-S`, `-p80`. Only English letters count, for others make no flags."""

_OF_COMMANDS = frozenset({"|", "||", "&", "&&", ">", ">>", "<", "<<", "2>&1", "2>", "\\", ";"})
_PROMPTS = frozenset({"$", "%", "#", ">"})
_LOOKS_LIKE_A_FILTER = re.compile(r'(?P<key>[^\W\d_]{3,12}):"?(?P<value>[^\W_][^:"]*)"?')

_ALIKE = 0.75
"""How alike a key and a filter must be (difflib's ratio) to be named in a note: `tags`, `types`, but not `tap`."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A part of a query's text that may mean a word to leave out.

    Attributes:
        word: The word.
        written: With what marks it: `-chrome`, `!chrome`, `NOT chrome`.
        start: Where `written` begins in the text.
    """

    word: str
    written: str
    start: int


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query taken apart.

    Attributes:
        text: Words and phrases in their order, for every leg; what is marked too.
        phrases: Texts that must occur word for word.
        excluded: Texts that must not occur.
        filters: Conditions of the form key:value.
        notes: What a person should know of how the line was read.
        marks: Parts of the text that may be exclusions.
        unfinished: Whether the last word is still being typed.
        first_filter: The first of its filters as it was typed, for notes.
    """

    text: str
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    notes: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    unfinished: bool = False
    first_filter: str = field(default="", compare=False)

    @property
    def is_plain(self) -> bool:
        """Whether all of it is text."""
        return self == ParsedQuery(self.text)

    def without(self, marks: Collection[Mark]) -> str:
        """The text without some of its marked parts."""
        parts, at = [], 0
        for mark in marks:
            parts.append(self.text[at : mark.start].strip(" "))
            at = mark.start + len(mark.written)
        return " ".join(filter(None, [*parts, self.text[at:].strip(" ")]))


def parse_query(line: str) -> ParsedQuery:
    """Take a query apart. Never fails; of phrases and exclusions the first `MOST_PARTS` of each count.

    A text of several lines was pasted, and is text from end to end.
    """
    if len(line.split("\n", 2)) > 1 and len(line.strip().splitlines()) > 1:
        return ParsedQuery(" ".join(line.split()))
    words: list[str] = []
    quoted: set[int] = set()
    phrases: list[str] = []
    excluded: list[str] = []
    typed: dict[str, list[str]] = {}
    notes: list[str] = []
    first_filter = ""
    for part in _parts(line):
        phrase, word = part["phrase"], part["word"] or part[0]
        is_negated = words[-1:] == ["NOT"] and len(words) - 1 not in quoted
        if phrase is not None:
            is_negated = is_negated and len(words) > 1 and not phrase.isupper()
            is_left_out = (part["minus"] or is_negated) and _has_word(phrase) and len(excluded) < MOST_PARTS
            (excluded if is_left_out else phrases).append(phrase)
            if not is_left_out:
                quoted.add(len(words))
                words.append(phrase)
            elif is_negated:
                words.pop()
        elif (is_negated or word[0] in "-!") and _is_filter(word.lstrip("-!"), part["key"], part["value"], {}):
            quoted.add(len(words))
            words.append(word)
            notes.append(f"{word} was searched as text, for a filter leaves nothing out")
        elif _is_filter(word, part["key"], part["value"], typed):
            first_filter = first_filter or (f"{part['key']}:{part['value']}" if part["key"] else word)
        else:
            words.append(word)
            notes += [note] if len(notes) < MOST_NOTES and (note := _note(word)) else []
    for name in [name for name, values in typed.items() if len(set(values)) > MOST_VALUES]:
        notes.insert(0, f"only the first {MOST_VALUES} of {len(typed[name]):,} {name} were used")
        typed[name] = list(dict.fromkeys(typed[name]))[:MOST_VALUES]
    return ParsedQuery(
        " ".join(words),
        tuple(dict.fromkeys(phrase for phrase in phrases if _has_word(phrase)))[:MOST_PARTS],
        tuple(excluded),
        Filters.from_line(typed),
        tuple(dict.fromkeys(notes))[:MOST_NOTES],
        _marks(words, quoted)[: MOST_PARTS - len(excluded)],
        first_filter=first_filter,
    )


def _parts(line: str) -> Iterator[re.Match[str]]:
    """The parts of a line. A date is as many words as can be one: people leave its quotes out, and a shell takes them."""
    at = 0
    while part := _PART.search(line, at):
        at = part.end()
        key, colon, _ = (part["word"] or "").partition(":")
        each = BY_KEY.get(key.lower()) if colon else None
        if each is not None and each.is_date:
            value = _longest_date(each, line[part.start() + len(key) + 1 :])
            if value:
                at = part.start() + len(key) + 1 + len(value)
                part = _PART.match(f'{key}:"{value}"') or part
        yield part


def _longest_date(each: Filter, text: str) -> str:
    """The beginning of a text that is a date of several words; empty where there is none."""
    ends = [word.end() for word in itertools.islice(re.finditer(r"\S+", text), MOST_WORDS)]
    values = (text[:end] for end in reversed(ends[1:]))
    return next((value for value in values if '"' not in value and _problem(each, value) is None), "")


def _marks(words: Sequence[str], quoted: Collection[int]) -> tuple[Mark, ...]:
    """What may be left out among the words of a text; nothing in a line with a pipe or a prompt, which is a command."""
    typed = ["" if place in quoted else word for place, word in enumerate(words)]
    if not _OF_COMMANDS.isdisjoint(typed) or (typed and typed[0] in _PROMPTS):
        return ()
    found: list[Mark] = []
    start = 0
    for last, word, whole in zip(("", *typed), typed, words):
        marked = _MARKED.fullmatch(word)
        if marked and _may_be_left_out(marked["word"], _FEWEST_LETTERS if word[0] == "-" else 2):
            found.append(Mark(marked["word"], word, start))
        elif last == "NOT" and len(words) > 2 and start > len("NOT ") and not word.isupper() and word[:1].isalpha():
            found.append(Mark(word, f"NOT {word}", start - len("NOT ")))
        start += len(whole) + 1
    return tuple(found)


def _may_be_left_out(word: str, fewest: int) -> bool:
    return not word.isascii() or sum(map(str.isalpha, word)) >= fewest


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
    if near and BY_KEY[near].is_date and _problem(BY_KEY[near], value):
        return ""  # `changes:none` is of something else
    return f"{word} is not a filter and was searched as text; did you mean `{near}:{value}`?" if near else ""


def _has_word(text: str) -> bool:
    return any(character.isalnum() for character in text)
