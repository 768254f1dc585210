"""A row of the list: what it shows of an entry and no more, since entries may be megabytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rekall.entry.fields import Entry
from rekall.entry.types import Status
from rekall.knowledge.reports import Page
from rekall.search.explain import why_line
from rekall.search.results import Hit
from rekall.wording import in_a_row

_MOST_MATCHED = 3
"""How many matched words a row shows; the detail shows all."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry in the list.

    Attributes:
        labels: Project and tags, on one line.
        note: For an obsolete entry, what to read instead; otherwise empty.
        match: How sure it is that it is about what was asked, in a word; may be empty.
        reason: Why it was found, in short; empty unless it is a hit.
        why: The same in full.
    """

    id: str
    kind: str
    title: str
    labels: str
    updated_at: datetime
    note: str = ""
    match: str = ""
    reason: str = ""
    why: str = ""


def row_of_entry(entry: Entry, successor: str = "") -> Row:
    """The row of an entry; `successor` is the title of the entry that replaced it, if any."""
    return Row(
        entry.id,
        entry.type.value,
        one_line(entry.title),
        labels_text(entry),
        entry.updated_at,
        note=obsolete_text(entry, successor),
    )


def row_of_hit(hit: Hit) -> Row:
    """The row of a hit, with its reason."""
    entry, match = hit.entry, hit.match.value if hit.match else ""
    return Row(
        entry.id,
        entry.type.value,
        one_line(entry.title),
        labels_text(entry),
        entry.updated_at,
        note=obsolete_text(entry, hit.successor.title if hit.successor else ""),
        match=match,
        reason=reason_text(hit),
        why=one_line(" · ".join(filter(None, (match, why_line(hit))))),
    )


def rows_of_page(page: Page) -> tuple[Row, ...]:
    """Rows of entries, with the titles of their successors."""
    return tuple(
        row_of_entry(entry, page.successors[entry.id].title if entry.id in page.successors else "")
        for entry in page.entries
    )


def labels_text(entry: Entry) -> str:
    """Project and tags."""
    return one_line("  ".join(filter(None, (entry.project, " ".join(f"#{tag}" for tag in entry.tags)))))


def obsolete_text(entry: Entry, successor: str) -> str:
    """Says that an entry is obsolete and what replaced it; empty for an active one."""
    if entry.status is not Status.OBSOLETE:
        return ""
    return f"obsolete, see {one_line(successor)}" if successor else "obsolete"


def reason_text(hit: Hit) -> str:
    """Why a hit was found, in short: the matched words, and the similarity of meaning where no word says how sure it is."""
    why = hit.why
    parts = []
    if why.matched:
        more = " …" if len(why.matched) > _MOST_MATCHED else ""
        parts.append(one_line(" ".join(why.matched[:_MOST_MATCHED])) + more)
    if why.similarity is not None and hit.match is None:
        parts.append(f"meaning {why.similarity:.2f}")
    return " · ".join(parts)


def one_line(text: str) -> str:
    """A text on one line, safe to show, and no longer than a row needs."""
    return " ".join(in_a_row(text).split())
