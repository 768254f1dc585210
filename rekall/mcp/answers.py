"""What tools answer: the same facts as compact text and as data, within a budget of tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rekall.entry.fields import Entry, Place
from rekall.entry.times import written
from rekall.entry.types import Reference, Status
from rekall.entry.view import EntryView, Section, labels_of
from rekall.errors import InvalidInput, RekallError
from rekall.knowledge import answers
from rekall.mcp.frames import Frame, flat, shown
from rekall.search.explain import MODE_WORDS, why_line
from rekall.search.results import Hit, Match, SearchResult
from rekall.wording import count_text, printable

BYTES_PER_TOKEN = 3
"""English and code take about four bytes a token, Chinese three for a character and a token: so a budget is kept."""

MORE_TOKENS = 24
"""Kept for the line that names the cursor."""

FRAME_TOKENS = 24
"""Kept for the two lines around stored text."""

_HINTS = {
    "not_found": "take ids from search or recent; it may have been deleted since",
    "edit_conflict": "call get again, and update what it says now",
}
"""Where the hint of the error names a command, an assistant is told of a tool."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Text for a model to read, and the same as data for a program.

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

    @property
    def tokens(self) -> int:
        """What it takes in the form that takes more: which one a model reads is up to its client."""
        return max(tokens_of(f"\n{self.text}"), tokens_of(json.dumps(self.data, ensure_ascii=False)))


def tokens_of(text: str) -> int:
    """About how many tokens a text takes, rather more than less."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def page(head: str, name: str, items: Iterable[Item], start: int, budget: int, more: bool, **data: Any) -> Answer:
    """As many items as the budget takes, at least one, in a frame, and a cursor when there are more.

    Args:
        head: What stands above them.
        name: What the data calls them, as commands do.
        items: The items from `start` on.
        start: The place of the first one among all.
        budget: Tokens.
        more: Whether there are others after the last of `items`.
        data: Fields beside the items.
    """
    left = budget - tokens_of(head) - FRAME_TOKENS - MORE_TOKENS
    taken: list[Item] = []
    for item in items:
        left -= item.tokens
        if taken and left < 0:
            more = True
            break
        taken.append(item)
    cursor = str(start + len(taken)) if more and taken else None
    lines = [head]
    if taken:
        lines.append(Frame().around("\n".join(item.text for item in taken)))
    if cursor:
        lines.append(f"There is more: call again with cursor {cursor!r}.")
    return Answer("\n".join(lines), {name: [item.data for item in taken], "next_cursor": cursor, **data})


def place_of(cursor: str | None, most: int = 10_000) -> int:
    """Where a cursor of `page` points to.

    Raises:
        InvalidInput: It is none.
    """
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 9) or int(cursor) > most:
        raise InvalidInput(
            f"{cursor!r} is not a cursor of this tool", "pass next_cursor from the previous answer, unchanged"
        )
    return int(cursor)


def hit_item(hit: Hit) -> Item:
    """A search result: how sure it is, what it is, a stretch of its text, and why it is there."""
    text = [(f"{hit.match.value}  " if hit.match else "") + _entry_line(hit.entry)]
    if hit.successor:
        text.append(f"  obsolete: read {hit.successor.id} instead ({flat(hit.successor.title)})")
    if hit.snippet:
        text.append(f"  {flat(hit.snippet)}")
    text.append(f"  why: {flat(why_line(hit))}")
    return Item("\n".join(text), shown(brief(answers.hit(hit))))


def entry_item(entry: Entry, successor: Reference | None) -> Item:
    """An entry in a list."""
    return Item(_entry_line(entry), shown(brief(answers.summary(entry, successor))))


def entry_text(view: EntryView) -> str:
    """An entry in full, as Markdown with its sections and links; what is unseen is spelled out."""
    entry = view.entry
    lines = [f"# {entry.title}", "", " · ".join(labels_of(entry))]
    lines.append(f"id {entry.id} · confidence {entry.confidence}/5 · updated_at {written(entry.updated_at)}")
    if view.successor:
        lines.append(f"Obsolete: read {view.successor.id} instead ({view.successor.title}).")
    lines += _section_lines(view.sections(Place.BEFORE))
    lines += ["", entry.content] if entry.content else []
    lines += _section_lines(view.sections(Place.AFTER))
    lines += ["", f"Imported from {view.origin}"] if view.origin else []
    for line in view.links:
        reason = f": {line.link.reason}" if line.link.reason else ""
        lines += ["", f"Link: {line.phrase} {line.other.id} ({line.other.title}){reason}"]
    return printable("\n".join(lines) + "\n")


def _section_lines(sections: Iterable[Section]) -> list[str]:
    lines: list[str] = []
    for section in sections:
        items = [f"- {item}" for item in section.items] if section.is_list else list(section.items)
        lines += ["", f"## {section.label}", *items]
    return lines


def brief(data: dict[str, Any]) -> dict[str, Any]:
    """Data without what says nothing: each token counts."""
    kept = {name: brief(value) if isinstance(value, dict) else value for name, value in data.items()}
    return {name: value for name, value in kept.items() if value not in (None, [], {}, "")}


def _entry_line(entry: Entry) -> str:
    labels = [entry.type.value, entry.project or "", *(f"#{tag}" for tag in entry.tags)]
    if entry.status is Status.OBSOLETE:
        labels.append("OBSOLETE")
    return f"{entry.id}  {flat(entry.title)}  [{flat(' '.join(label for label in labels if label))}]"


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
    notes = [*found.notes, found.mode.reason]
    if found.weaker and not count:
        likely = sum(hit.match is Match.LIKELY for hit in found.weaker)  # of the weak there are always more
        notes.append(f"{count_text(likely, 'likely hit') if likely else 'weak hits'} left out; shown without min")
    return "\n".join([head, *(f"Note: {flat(note)}" for note in notes if note)])


def error_answer(error: RekallError) -> Answer:
    """An error that a model can act on."""
    hint = hint_of(error)
    lines = [f"error: {flat(error.message)}"]
    if error.candidates:
        lines.append(Frame().around("\n".join(f"  {flat(candidate)}" for candidate in error.candidates)))
    if hint:
        lines.append(f"hint: {printable(hint)}")
    data: dict[str, Any] = {"kind": error.kind, "message": flat(error.message), "hint": hint}
    if error.candidates:
        data["candidates"] = list(error.candidates)
    return Answer("\n".join(lines), {"error": {**shown(data), "retryable": error.retryable}})


def hint_of(error: RekallError) -> str:
    """What an assistant can do about an error, or whom to ask: commands are for the person."""
    hint = _HINTS.get(error.kind, error.hint)
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
