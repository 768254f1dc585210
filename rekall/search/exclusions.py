"""What a line leaves out, and how it says so: whether `-word` is a flag or an exclusion is read from the entries.

A marked word is text where an entry that holds another word of the line writes it with its mark, as notes do with
`find . -name`; else the word is left out. -"a phrase" is always left out. What is the title of an entry, sign for sign, is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rekall.entry.fields import FIELDS, Entry
from rekall.entry.filters import Filters
from rekall.search.query import Mark, ParsedQuery, parse_query
from rekall.search.results import LeftOut
from rekall.search.titles import exact_titles, spelt_alike
from rekall.store.values import Selection
from rekall.wording import count_text

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

MOST_ENTRIES = 40
"""Entries that are looked at for one marked word: the best for the line among those that hold the word."""

MOST_CHARS = 65_536
"""How much of each text of an entry is looked at."""

MOST_ASKED = 8
"""Marked words that are looked up; the others of a longer line go with them."""

_TITLE_NOTE = "the line is the title of an entry, and all of it was searched as text"
_ENTRIES_AT_ONCE = 10
_MOST_TERMS = 64
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Settled:
    """A line as it is searched.

    Attributes:
        query: The query; nothing in it is marked any more.
        selection: Which entries may answer.
        left_out: What the line leaves out, and how many entries hold it.
        typed: The filters that stood in the line.
    """

    query: ParsedQuery
    selection: Selection
    left_out: tuple[LeftOut, ...] = ()
    typed: Filters = field(default_factory=Filters)

    def notes(self, store: Store, *, has_hits: bool) -> tuple[str, ...]:
        """What a person should know about how the line was read."""
        notes, filters = [*self.query.notes], self.selection.filters
        if not self.typed.is_empty:
            passes = has_hits or store.entries.count(Selection(filters))
            said = f"filtered by {self.typed}" if passes else f"no entry passes the filter {self.typed}"
            said += "" if passes or not filters.contradiction else f", for {filters.contradiction}"
            notes.append(f'{said}; "{self.query.first_filter}" searches for the text')
        elif filters.contradiction:
            notes.append(f"no entry can pass: {filters.contradiction}")
        if self.query.phrases and not (has_hits or store.entries.count(Selection(filters, self.query.phrases))):
            named = _enumerated([f'"{" ".join(phrase.split())}"' for phrase in self.query.phrases], "and")
            notes.append(f"no entry holds {named} word for word; without quotes its words are searched")
        return tuple(notes)


def settle(store: Store, line: str, filters: Filters, *, literal: bool = False) -> Settled:
    """Take a line apart, and settle with the entries what it leaves out; what was left out is noted.

    Args:
        store: The base; it is asked at one moment, and only about a line that is not all text.
        line: What a person typed.
        filters: Conditions besides those in the line.
        literal: Take all of it as text.
    """
    query = ParsedQuery(line) if literal else parse_query(line)
    if query.is_plain:
        return Settled(query, Selection(filters))
    with store.snapshot():
        if _is_a_title(store, line, Selection(filters)):
            notes = () if query.filters.is_empty else (_TITLE_NOTE,)
            return Settled(ParsedQuery(line, notes=notes), Selection(filters))
        return _settled(store, query, filters.over(query.filters))


def _is_a_title(store: Store, line: str, selection: Selection) -> bool:
    """Whether a selected entry has this title, down to its punctuation: `type:string` or `"use strict"`."""
    keys = exact_titles(store, line, selection)[:1]
    return any(spelt_alike(entry.title, line) for entry in store.entries.by_keys(keys).values())


def _settled(store: Store, query: ParsedQuery, filters: Filters) -> Settled:
    passing = Selection(filters, query.phrases)
    holding = {
        text: store.entries.count(replace(passing, phrases=(*passing.phrases, text)))
        for text in dict.fromkeys((*query.excluded, *(mark.word for mark in query.marks)))
    }
    meant = _meant(store, query, [mark for mark in query.marks if holding[mark.word]])
    excluded = tuple(dict.fromkeys((*query.excluded, *(mark.word for mark in meant))))
    left_out = tuple(LeftOut(text, holding[text]) for text in excluded)
    written = [f"-{query.excluded[0]}"] if query.excluded else [mark.written for mark in meant[:1]]
    notes = [*query.notes]
    notes += [_left_out_note(left_out, written[0].removeprefix("NOT "))] if left_out else []
    settled = replace(query, text=query.without(meant), excluded=excluded, notes=tuple(notes), marks=())
    return Settled(settled, replace(passing, excluded=excluded), left_out, query.filters)


def _meant(store: Store, query: ParsedQuery, held: Sequence[Mark]) -> tuple[Mark, ...]:
    """The marks that leave a word out. One flag makes flags of all: who types `find . -name` does not leave out.

    Args:
        store: The base.
        query: The query.
        held: Those of its marks whose words some entry holds.
    """
    dashed = {mark for mark in query.marks if mark.written.startswith("-")}
    flags = any(_is_written(store, query, mark) for mark in held[:MOST_ASKED] if mark in dashed)
    written = {mark for mark in held[:MOST_ASKED] if mark not in dashed and _is_written(store, query, mark)}
    return tuple(mark for mark in query.marks if not (flags if mark in dashed else mark in written))


def _is_written(store: Store, query: ParsedQuery, mark: Mark) -> bool:
    """Whether an entry writes a word with its mark, and holds another word of the line if there is one."""
    holding = Selection(phrases=(mark.word,))
    keys = list(store.words.search(store.words.terms(query.text, _MOST_TERMS), holding, MOST_ENTRIES))
    rest = query.without([mark])
    if keys and rest:
        keys = list(store.words.matched(store.words.terms(rest, _MOST_TERMS), keys))
    written = re.compile(rf"(?<![\w-]){re.escape(mark.written)}(?![\w-])", 0 if " " in mark.written else re.IGNORECASE)
    return any(
        written.search(text)
        for start in range(0, len(keys), _ENTRIES_AT_ONCE)
        for entry in store.entries.by_keys(keys[start : start + _ENTRIES_AT_ONCE]).values()
        for text in _texts(entry)
    )


def _texts(entry: Entry) -> Iterator[str]:
    """Everything of an entry that is found by words, the beginning of each text."""
    for each in FIELDS:
        if each.words is not None:
            yield from (text[:MOST_CHARS] for text in each.words_of(entry))


def _left_out_note(left_out: Sequence[LeftOut], written: str) -> str:
    """What to say of exclusions: how many entries hold them, and how they are searched for instead."""
    if not any(each.entries for each in left_out):
        named = _enumerated([each.text for each in left_out], "or")
        return f'nothing to leave out: no entry holds {named}; "{written}" searches for it'
    first, *more = left_out
    parts = [f"{count_text(first.entries, 'entry', 'entries')} with {first.text}"]
    parts += [f"{each.entries:,} with {each.text}" for each in more]
    return f'left out {_enumerated(parts, "and")}; "{written}" searches for {"them" if more else "it"}'


def _enumerated(parts: Sequence[str], word: str) -> str:
    """Parts one after the other, the first few of many."""
    named = [*parts[:_MOST_NAMED], *([f"{len(parts) - _MOST_NAMED:,} more"] if len(parts) > _MOST_NAMED else [])]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} {word} {named[-1]}"
