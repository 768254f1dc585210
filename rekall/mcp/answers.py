"""What tools answer: the same facts as compact text and as data, within a budget of tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rekall.entry.record import written
from rekall.entry.types import Entry, Hit, ModeReport
from rekall.errors import InvalidInput, RekallError
from rekall.wording import MODE_WORDS, count_text, why_line

BYTES_PER_TOKEN = 3
"""English and code take about four bytes a token, Chinese three for a character and a token: so a budget is kept."""

MORE_TOKENS = 24
"""Kept for the line that names the cursor."""

_HINTS = {
    "not_found": "take ids from search or recent; it may have been deleted meanwhile",
    "edit_conflict": "call get again, and update what it says now",
}
"""Where the hint of the error names a command, an assistant is told of a tool."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Text for a model to read, and the same as data for a program."""

    text: str
    data: dict[str, Any] = field(default_factory=dict)


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


def page(head: str, items: Iterable[Item], start: int, budget: int, more: bool, **data: Any) -> Answer:
    """As many items as the budget takes, at least one, and a cursor when there are more.

    Args:
        head: What stands above them.
        items: The items from `start` on.
        start: The place of the first one among all.
        budget: Tokens.
        more: Whether there are others after the last of `items`.
        data: Fields beside the items.
    """
    left = budget - tokens_of(head) - MORE_TOKENS
    taken: list[Item] = []
    for item in items:
        left -= item.tokens
        if taken and left < 0:
            more = True
            break
        taken.append(item)
    cursor = str(start + len(taken)) if more and taken else None
    lines = [head, *(item.text for item in taken)]
    if cursor:
        lines.append(f"There is more: call again with cursor {cursor!r}.")
    return Answer("\n".join(lines), {"items": [item.data for item in taken], "next_cursor": cursor, **data})


def place_of(cursor: str | None, most: int = 10_000) -> int:
    """Where a cursor of `page` points to.

    Raises:
        InvalidInput: It is none.
    """
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 9) or int(cursor) > most:
        raise InvalidInput(f"{cursor!r} is no cursor of this tool", "pass next_cursor of the answer before, unchanged")
    return int(cursor)


def hit_item(hit: Hit) -> Item:
    """A search result: what it is, a stretch of its text, and why it is there."""
    entry = hit.entry
    text, data = _entry_lines(entry)
    if hit.successor:
        text.append(f"  obsolete: read {hit.successor.id} instead ({hit.successor.title})")
    if hit.snippet:
        text.append(f"  {hit.snippet}")
    text.append(f"  why: {why_line(hit)}")
    data |= {"score": round(hit.score, 4), "snippet": hit.snippet, "why": why_line(hit)}
    return Item("\n".join(text), data)


def entry_item(entry: Entry) -> Item:
    """An entry in a list."""
    text, data = _entry_lines(entry)
    return Item("\n".join(text), data)


def _entry_lines(entry: Entry) -> tuple[list[str], dict[str, Any]]:
    labels = [entry.type.value, entry.project or "", *(f"#{tag}" for tag in entry.tags)]
    if entry.status.value == "obsolete":
        labels.append("OBSOLETE")
    line = f"{entry.id}  {entry.title}  [{' '.join(label for label in labels if label)}]"
    data: dict[str, Any] = {"id": entry.id, "type": entry.type.value, "title": entry.title}
    data |= {"tags": list(entry.tags), "project": entry.project, "status": entry.status.value}
    data |= {"superseded_by": entry.superseded_by, "updated_at": written(entry.updated_at)}
    return [line], {name: value for name, value in data.items() if value not in (None, [])}


def found_head(count: int, start: int, mode: ModeReport, total: int, *, is_filtered: bool) -> str:
    """What stands above search results: how many, how they were found, and what was missing."""
    if not count:
        among = f"among {count_text(total, 'entry', 'entries')}" + (" with these filters" if is_filtered else "")
        head = "Nothing more." if start else f"Nothing found {among}." if total else "Nothing was written down yet."
    else:
        by = MODE_WORDS[mode.used.value]
        head = f"Found by {by}, from place {start + 1}:" if start else f"Found by {by}, the best first:"
    return f"{head}\nNote: {mode.reason}" if mode.reason else head


def mode_data(mode: ModeReport) -> dict[str, Any]:
    """How a search was answered, as data."""
    return {"requested": mode.requested.value, "used": mode.used.value, "reason": mode.reason or None}


def error_answer(error: RekallError) -> Answer:
    """An error that a model can act on."""
    hint = hint_of(error)
    lines = [f"error: {error.message}", *(f"  {candidate}" for candidate in error.candidates)]
    if hint:
        lines.append(f"hint: {hint}")
    data: dict[str, Any] = {"kind": error.kind, "message": error.message, "hint": hint}
    if error.candidates:
        data["candidates"] = list(error.candidates)
    return Answer("\n".join(lines), {"error": {**data, "retryable": error.retryable}})


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


def framed(entry_id: str, text: str) -> str:
    """A text with where it begins and ends, so that no entry can pass for what stands around it."""
    return f"=== entry {entry_id} ===\n{text}\n=== end of {entry_id} ===\n\n"


def joined(texts: Sequence[str]) -> str:
    """Texts one under the other, with a blank line between."""
    return "\n\n".join(text.rstrip("\n") for text in texts if text)
