"""What tools answer: compact text for a model, and for a program the ids and cursors in it, within a budget of tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rekall.entry.fields import Entry, Place
from rekall.entry.filters import Filters
from rekall.entry.times import local_day, written
from rekall.entry.types import Status
from rekall.entry.view import EntryView, Section, labels_of
from rekall.errors import InvalidInput, RekallError
from rekall.knowledge_base import KnowledgeBase
from rekall.mcp.frames import Frame, flat
from rekall.search.explain import MODE_WORDS
from rekall.search.results import Hit, Match, SearchResult
from rekall.wording import count_text, printable

BYTES_PER_TOKEN = 3
"""English and code take about four bytes a token, Chinese three for a character and a token: so a budget is kept."""

MORE_TOKENS = 24
"""Kept for the line that names the cursor."""

LONG_CURSOR = "99999999"

FRAME_TOKENS = 24
"""Kept for the two lines around stored text."""

_HINTS = {
    "not_found": "take ids from search or recent; it may have been deleted since",
    "edit_conflict": "call get again, and update what it says now",
}
"""Where the hint of the error names a command, an assistant is told of a tool."""


_HERE = (
    ("`rekall search --mode words`", 'search with mode="words"'),
    (': `rekall add bug "CORS fails on Safari"`', ""),
    ("; or `rekall --set capture.secrets=warn …` stores it all the same, and `=mask` without it", ""),
    ("point to the file with --file", "name the file in files"),
)
"""What a hint of the shell is called here, where an assistant can do it itself."""

TITLE_CHARS = 200
_LABEL_CHARS = 40
_MOST_TAGS = 6
_NOTE_CHARS = 300
_JOINERS = " \n\u200d\ufe0f"
"""What means nothing at an end: blanks, and what joins two parts of an emoji."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Text for a model to read, and for a program the few facts in it that are not prose.

    Attributes:
        is_shown: Whether what is unseen was spelled out before it was cut; what is left at a cut says less of what it needs.
    """

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    is_shown: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One result among several, in both forms."""

    text: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Budget:
    """The most tokens that an answer takes, in all the forms in which it goes out.

    Attributes:
        with_data: Whether facts go out beside the text.
    """

    tokens: int
    with_data: bool = False

    def of(self, item: Item) -> int:
        """What an item takes of it."""
        return tokens_of(f"\n{item.text}") + (self.of_data(item.data) if self.with_data else 0)

    def of_data(self, data: Any) -> int:
        """What facts take of it."""
        return tokens_of(f"{json.dumps(data, ensure_ascii=False)}, ") if self.with_data else 0


def tokens_of(text: str) -> int:
    """About how many tokens a text takes, rather more than less."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def page(head: str, name: str, items: Iterable[Item], start: int, budget: Budget, more: bool, **data: Any) -> Answer:
    """As many items as the budget takes, at least one, in a frame, and a cursor when there are more.

    Args:
        head: What stands above them.
        name: What the data calls them.
        items: The items from `start` on.
        start: The place of the first one among all.
        budget: What the answer may take.
        more: Whether there are others after the last of `items`.
        data: Facts beside the items.
    """
    head = stretch(head, 0, budget.tokens // 2)
    facts = {name: [], "next_cursor": LONG_CURSOR, **data}
    left = budget.tokens - tokens_of(head) - budget.of_data(facts) - FRAME_TOKENS - MORE_TOKENS
    taken: list[Item] = []
    for item in items:
        takes = budget.of(item)
        if takes > left:
            if taken:
                more = True
                break
            item = replace(item, text=stretch(item.text, 0, max(left - takes + tokens_of(item.text) - 2, 1)) + "…")
        taken.append(item)
        left -= takes
    cursor = str(start + len(taken)) if more and taken else None
    lines = [head]
    if taken:
        lines.append(Frame().around("\n".join(item.text for item in taken)))
    if cursor:
        lines.append(f"There is more: call again with cursor {cursor!r}.")
    return Answer("\n".join(lines), {**facts, name: [item.data for item in taken], "next_cursor": cursor})


def place_of(cursor: str | None, most: int = 10_000) -> int:
    """Where a cursor of `page` points to.

    Raises:
        InvalidInput: It is none.
    """
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 9) or int(cursor) > most:
        raise InvalidInput(
            f"{cursor!r} is not a cursor of this tool", "pass the cursor that the previous answer named, unchanged"
        )
    return int(cursor)


def hit_items(base: KnowledgeBase, hits: Sequence[Hit]) -> list[Item]:
    """Search results: how sure each is, what it is, and a stretch of its text.

    A weak hit below a surer one is its title alone: it is read as unrelated. One of another base has its whole id, which names no entry of
    this one.
    """
    here = [hit for hit in hits if not hit.base]
    short = base.short_ids([named.id for hit in here for named in (hit.entry, hit.successor) if named])
    is_sure = any(hit.match and not hit.is_weak for hit in hits)
    return [_hit_item(hit, short, is_bare=hit.is_weak and is_sure) for hit in hits]


def _hit_item(hit: Hit, short: Mapping[str, str], *, is_bare: bool) -> Item:
    lives = f"  in {hit.base}" if hit.base else ""
    text = [(f"{hit.match.value}  " if hit.match else "") + _entry_line(hit.entry, short) + lives]
    if hit.successor:
        text.append(
            f"  obsolete: read {_named(hit.successor.id, short)} instead ({cut(hit.successor.title, TITLE_CHARS)})"
        )
    if hit.snippet and not is_bare:
        text.append(f"  {flat(hit.snippet)}")
    facts = {"id": hit.entry.id, "match": hit.match.value if hit.match else None}
    return Item("\n".join(text), facts)


def entry_items(base: KnowledgeBase, entries: Sequence[Entry]) -> list[Item]:
    """Entries in a list, each with the day on which it was changed last."""
    short = base.short_ids([entry.id for entry in entries])
    return [Item(f"{_entry_line(entry, short)}  {local_day(entry.updated_at)}", {"id": entry.id}) for entry in entries]


def entry_text(view: EntryView, short: Mapping[str, str]) -> str:
    """An entry in full, as Markdown with its sections and links; what is unseen is spelled out.

    Args:
        view: The entry.
        short: The ids by which other entries are named.
    """
    entry = view.entry
    lines = [f"# {entry.title}", "", " · ".join(labels_of(entry))]
    times = f"updated_at {written(entry.updated_at)}"
    if (entry.updated_at - entry.created_at).days > 0:
        times = f"written {entry.created_at.date().isoformat()} · {times}"
    lines.append(f"confidence {entry.confidence}/5 · {times}")
    if view.successor:
        lines.append(f"Obsolete: read {_named(view.successor.id, short)} instead ({view.successor.title}).")
    lines += _section_lines(view.sections(Place.BEFORE))
    lines += ["", entry.content] if entry.content else []
    lines += _section_lines(view.sections(Place.AFTER))
    lines += ["", f"Imported from {view.origin}"] if view.origin else []
    for line in view.links:
        reason = f": {line.link.reason}" if line.link.reason else ""
        title = f"{line.other.title}, obsolete" if line.is_obsolete else line.other.title
        lines += ["", f"Link: {line.phrase} {_named(line.other.id, short)} ({title}){reason}"]
    return printable("\n".join(lines) + "\n")


def named_in(views: Iterable[EntryView]) -> list[str]:
    """The ids of entries and of those that they name."""
    ids: list[str] = []
    for view in views:
        ids += [view.entry.id, *(line.other.id for line in view.links)]
        ids += [view.successor.id] if view.successor else []
    return list(dict.fromkeys(ids))


def _named(entry_id: str, short: Mapping[str, str]) -> str:
    return short.get(entry_id, entry_id)


def _section_lines(sections: Iterable[Section]) -> list[str]:
    lines: list[str] = []
    for section in sections:
        items = [f"- {item}" for item in section.items] if section.is_list else list(section.items)
        lines += ["", f"## {section.label}", *items]
    return lines


def _entry_line(entry: Entry, short: Mapping[str, str]) -> str:
    tags = [f"#{cut(tag, _LABEL_CHARS)}" for tag in entry.tags[:_MOST_TAGS]]
    tags += [f"+{len(entry.tags) - _MOST_TAGS}"] if len(entry.tags) > _MOST_TAGS else []
    labels = [entry.type.value, cut(entry.project or "", _LABEL_CHARS), *tags]
    if entry.status is Status.OBSOLETE:
        labels.append("OBSOLETE")
    named = flat(" ".join(label for label in labels if label))
    return f"{_named(entry.id, short)}  {cut(entry.title, TITLE_CHARS)}  [{named}]"


def cut(text: str, most: int) -> str:
    """A stored text on one line, and no more of it than is read in a list."""
    return flat(text if len(text) <= most else f"{text[: most - 1].rstrip(_JOINERS)}…")


def found_head(found: SearchResult, count: int, start: int, total: int) -> str:
    """What stands above a page of search results: whether they are about it, how they were found, what was missing.

    Args:
        found: The answer.
        count: How many of its hits are on the page.
        start: The place of the first one among all.
        total: How many entries the base holds.
    """
    among = "" if found.filters.is_empty else " with these filters"
    by = MODE_WORDS[found.mode.used.value]
    if start:
        head = f"Found by {by}, from number {start + 1}:" if count else "Nothing more."
    elif found.nothing_close:
        head = f"Nothing in the base{among} is about this" + ("; the nearest entries are:" if count else ".")
    elif count:
        head = f"Found by {by}, best first:"
    elif found.weaker:
        head = f"Nothing as sure as asked for{among}."
    elif total:
        head = f"Nothing found among {count_text(total, 'entry', 'entries')}{among}."
    else:
        head = "Nothing has been written down yet."
    notes = [*found.notes, found.mode.reason, *(each.said for each in found.bases)]
    if found.weaker and not count:
        likely = sum(hit.match is Match.LIKELY for hit in found.weaker)  # of the weak there are always more
        notes.append(f"{count_text(likely, 'likely hit') if likely else 'weak hits'} left out; shown without min")
    return "\n".join([head, *(f"Note: {cut(note, _NOTE_CHARS)}" for note in notes if note)])


def nobody_has(base: KnowledgeBase, filters: Filters) -> str:
    """Which asked for tags and projects no entry has; empty where each is on some entry."""
    asked = [*["tags"] * bool(filters.tags), *["projects"] * bool(filters.project)]
    known = base.facets(of=asked)
    missing = [f"tag {cut(each, _LABEL_CHARS)!r}" for each in filters.tags if each not in known.tags]
    if filters.project and filters.project.casefold() not in map(str.casefold, known.projects):
        missing.append(f"project {cut(filters.project, _LABEL_CHARS)!r}")
    return f" No entry has the {' nor the '.join(missing)}; usage lists what there is." if missing else ""


def error_answer(error: RekallError) -> Answer:
    """An error that a model can act on."""
    hint = hint_of(error)
    lines = [f"error: {flat(error.message)}"]
    if error.candidates:
        lines.append(Frame().around("\n".join(f"  {cut(each, TITLE_CHARS)}" for each in error.candidates)))
    if hint:
        lines.append(f"hint: {printable(hint)}")
    return Answer("\n".join(lines), {"error": {"kind": error.kind, "retryable": error.retryable}})


def shortened(base: KnowledgeBase, candidates: Sequence[str]) -> tuple[str, ...]:
    """Lines that begin with whole ids, with short ones instead."""
    parts = [line.partition("  ") for line in candidates]
    short = base.short_ids([entry_id for entry_id, _, _ in parts])
    return tuple(f"{short[entry_id]}  {title}" for entry_id, _, title in parts)


def hint_of(error: RekallError) -> str:
    """What an assistant can do about an error, or whom to ask: commands are for the person."""
    hint = _HINTS.get(error.kind, error.hint) if error.hint else ""
    for command, tool in _HERE:
        hint = hint.replace(command, tool)
    return f"for the person: {hint}" if "`rekall " in hint else hint


def stretch(text: str, start: int, budget: int) -> str:
    """The part of a text from a character on that fits a budget, up to a line's end where one is near."""
    part = text[start : start + max(budget, 1) * BYTES_PER_TOKEN]
    while tokens_of(part) > budget and len(part) > 1:  # characters of several bytes
        part = part[: max(len(part) * budget // tokens_of(part), 1)]
    end = part.rfind("\n") + 1
    return part[:end] if start + len(part) < len(text) and end > len(part) // 2 else part


def joined(texts: Sequence[str]) -> str:
    """Texts one under the other, with a blank line between."""
    return "\n\n".join(text.rstrip("\n") for text in texts if text)
