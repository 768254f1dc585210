"""A row of the list: what it shows of an entry and no more, since entries may be megabytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rekall.entry.fields import Entry
from rekall.entry.types import Status
from rekall.knowledge.reports import Page
from rekall.search.explain import why_in_words
from rekall.search.results import Hit
from rekall.tui.where import key_of
from rekall.typeset.flat import flat
from rekall.wording import in_a_row

Spans = Sequence[tuple[int, int]]
"""Where words stand in a text, in characters: beginnings and ends."""

_MOST_TEXT_CHARS = 300
"""More of an entry's beginning than the widest row shows."""

_MOST_BRIEF = 48

_LEAST_REPEATED = 12
"""A shorter title may well be the first words of a sentence."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry in the list.

    Attributes:
        labels: Project and tags, on one line.
        note: For an obsolete entry, what to read instead; otherwise empty.
        text: The stretch of it that was found, or its beginning.
        match: How sure it is that it is about what was asked, in a word; may be empty.
        why: Why it was found, in words; empty unless it is a hit.
        at: The character of its content where the stretch that was found begins.
        project: The project of a hit, which stands beside its text; may be empty.
        base: The name of the base it lives in; empty for the base in use.
        title_spans: Where the words that were looked for stand in the title.
        text_spans: The same for the text.
    """

    id: str
    kind: str
    title: str
    labels: str
    updated_at: datetime
    note: str = ""
    text: str = ""
    match: str = ""
    why: str = ""
    at: int = 0
    project: str = ""
    base: str = ""
    title_spans: Spans = ()
    text_spans: Spans = ()

    @property
    def key(self) -> str:
        """What tells it from all others, also from those of other bases."""
        return key_of(self.id, self.base)

    @property
    def is_hit(self) -> bool:
        """Whether a search found it."""
        return bool(self.why)


def row_of_entry(entry: Entry, successor: str = "") -> Row:
    """The row of an entry; `successor` is the title of the entry that replaced it, if any."""
    return Row(
        entry.id,
        entry.type.value,
        one_line(entry.title),
        labels_text(entry),
        entry.updated_at,
        note=obsolete_text(entry, successor),
        text=_without(beginning(entry), entry.title),
    )


def row_of_hit(hit: Hit, find: Callable[[str], Spans] = lambda text: ()) -> Row:
    """The row of a hit; `find` says where the words that were looked for stand in a text."""
    entry, match = hit.entry, hit.match.value if hit.match else ""
    title, text = one_line(entry.title), _without(_plain(hit.snippet), entry.title)
    return Row(
        entry.id,
        entry.type.value,
        title,
        labels_text(entry),
        entry.updated_at,
        note=obsolete_text(entry, hit.successor.title if hit.successor else ""),
        text=text,
        match=match,
        why=one_line(why_in_words(hit)),
        at=hit.at,
        project=one_line(entry.project or ""),
        base=hit.base,
        title_spans=find(title),
        text_spans=find(text),
    )


def rows_of_page(page: Page) -> tuple[Row, ...]:
    """Rows of entries, with the titles of their successors."""
    return tuple(
        row_of_entry(entry, page.successors[entry.id].title if entry.id in page.successors else "")
        for entry in page.entries
    )


def beginning(entry: Entry) -> str:
    """What an entry begins with, on one line and without Markdown's marks."""
    return _plain(entry.content[:_MOST_TEXT_CHARS])


def _plain(text: str) -> str:
    return one_line(flat(text))


def _without(text: str, title: str) -> str:
    """A text without the title that it begins with: a note without a title is called by its beginning."""
    shown = _plain(title).rstrip("….")
    if len(shown) < _LEAST_REPEATED or not text.startswith(shown):
        return text
    return "… " + text[len(shown) :].lstrip(" .…")


def labels_text(entry: Entry) -> str:
    """Project and tags."""
    return one_line("  ".join(filter(None, (entry.project, " ".join(f"#{tag}" for tag in entry.tags)))))


def obsolete_text(entry: Entry, successor: str) -> str:
    """Says that an entry is obsolete and what replaced it; empty for an active one."""
    if entry.status is not Status.OBSOLETE:
        return ""
    return f"obsolete, see {one_line(successor)}" if successor else "obsolete"


def brief(text: str) -> str:
    """A title as a message of one line has room for it."""
    shown = one_line(text)
    return shown if len(shown) <= _MOST_BRIEF else f"{shown[: _MOST_BRIEF - 1].rstrip()}…"


def one_line(text: str) -> str:
    """A text on one line, safe to show, and no longer than a row needs."""
    return " ".join(in_a_row(text).split())
