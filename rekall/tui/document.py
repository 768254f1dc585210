"""An entry as it is read: its parts as styled text, with nothing in them that a terminal would obey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.content import Content

from rekall.entry.types import Entry, Link
from rekall.knowledge.reports import EntryView
from rekall.tui.markdown import MarkdownText
from rekall.tui.rows import labels_text, obsolete_text, one_line
from rekall.wording import printable

MOST_MARKDOWN_CHARS = 100_000
"""Longer content is shown as plain text: laying it out as Markdown would hold up the keys."""

MOST_CHARS = 200_000
_MOST_PART_CHARS = 20_000


@dataclass(frozen=True, slots=True)
class Document:
    """What the detail pane shows.

    Attributes:
        head: Title, labels, and the context that comes before the content.
        markdown: The content as Markdown; None when it is shown as plain text, or empty.
        plain: The content as plain text; empty when it is shown as Markdown.
        tail: What comes after the content.
        links: The entries it is linked with, id and line each.
    """

    head: Content
    markdown: MarkdownText | None
    plain: str
    tail: Content
    links: tuple[tuple[str, Content], ...] = ()

    @classmethod
    def of_text(cls, text: str) -> Document:
        """A message in place of an entry."""
        return cls(Content(text), None, "", Content(""))


def make_document(view: EntryView, titles: Mapping[str, str], why: str) -> Document:
    """Set an entry for reading.

    Args:
        view: The entry with what surrounds it.
        titles: Titles of linked entries, by id.
        why: Why it was found, or empty.
    """
    entry = view.entry
    content = printable(entry.content)
    is_long = len(content) > MOST_MARKDOWN_CHARS
    return Document(
        head=_head(view, why),
        markdown=MarkdownText(content) if content and not is_long else None,
        plain=_cut(content, MOST_CHARS) if is_long else "",
        tail=_tail(entry, bool(view.links)),
        links=tuple(_link_line(entry.id, link, titles) for link in view.links),
    )


def _head(view: EntryView, why: str) -> Content:
    entry, context = view.entry, view.entry.context
    labels = labels_text(entry)
    parts: list[str | tuple[str, str]] = [
        (one_line(entry.title), "bold $primary"),
        "\n",
        (entry.type.value, "$secondary"),
        (f"  {labels}" if labels else "", "$foreground 70%"),
        "\n",
        (f"{entry.id}\n{_dates(entry)} · confidence {entry.confidence}/5", "$foreground 55%"),
    ]
    note = obsolete_text(entry, view.successor.title if view.successor else "")
    if note:
        parts += ["\n", (note, "$warning")]
    if why:
        parts += ["\n", (why, "$foreground 55%")]
    for name, text in (
        ("Situation", context.situation),
        ("Error", "\n".join(context.error_messages)),
        ("Solution", context.solution),
        ("What failed", context.what_failed),
    ):
        if text:
            parts += ["\n\n", (name, "bold $secondary"), "\n", _cut(printable(text), _MOST_PART_CHARS)]
    return Content.assemble(*parts)


def _dates(entry: Entry) -> str:
    """When it was written, and when changed if that was another day."""
    created, changed = f"{entry.created_at:%Y-%m-%d}", f"{entry.updated_at:%Y-%m-%d}"
    return f"created {created}" if created == changed else f"created {created} · changed {changed}"


def _tail(entry: Entry, has_links: bool) -> Content:
    context = entry.context
    parts: list[str | tuple[str, str]] = []
    for name, values in (
        ("Files", context.files),
        ("Keywords", (", ".join(context.trigger_keywords),) if context.trigger_keywords else ()),
        ("Sources", context.sources),
    ):
        if values:
            lines = "\n".join(f"  {one_line(value)}" for value in values)
            parts += ["\n\n" if parts else "", (name, "bold $secondary"), "\n", _cut(lines, _MOST_PART_CHARS)]
    if has_links:
        parts += ["\n\n" if parts else "", ("Links", "bold $secondary")]
    return Content.assemble(*parts)


def _link_line(entry_id: str, link: Link, titles: Mapping[str, str]) -> tuple[str, Content]:
    away = link.source == entry_id
    other = link.target if away else link.source
    parts: list[str | tuple[str, str]] = [
        (f"{link.type.value.replace('_', ' ')} {'→' if away else '←'} ", "$foreground 60%"),
        one_line(titles.get(other, other)),
    ]
    if link.reason:
        parts.append((f"  ({one_line(link.reason)})", "$foreground 60%"))
    return other, Content.assemble(*parts)


def _cut(text: str, most: int) -> str:
    """A text, or its beginning and how much is missing."""
    if len(text) <= most:
        return text
    return f"{text[:most]} …\n\n({len(text) - most:,} more characters: E opens the entry in your editor)"
