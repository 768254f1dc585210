"""An entry as it is read: its parts as styled text, with nothing in them that a terminal would obey."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from rekall.entry.fields import Entry, Place
from rekall.entry.times import local_day
from rekall.entry.view import EntryView, LinkLine
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


def make_document(view: EntryView, why: str) -> Document:
    """Set an entry for reading.

    Args:
        view: The entry with what surrounds it.
        why: Why it was found, or empty.
    """
    entry = view.entry
    content = printable(entry.content)
    is_long = len(content) > MOST_MARKDOWN_CHARS
    return Document(
        head=_head(view, why),
        markdown=MarkdownText(content) if content and not is_long else None,
        plain=_cut(content, MOST_CHARS) if is_long else "",
        tail=_tail(view),
        links=tuple(_link_line(line) for line in view.links),
    )


def _head(view: EntryView, why: str) -> Content:
    entry = view.entry
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
    for section in view.sections(Place.BEFORE):
        text = _cut(printable("\n".join(section.items)), _MOST_PART_CHARS)
        parts += ["\n\n", (section.label, "bold $secondary"), "\n", text]
    return Content.assemble(*parts)


def _dates(entry: Entry) -> str:
    """When it was written, and when changed if that was another day."""
    created, changed = local_day(entry.created_at), local_day(entry.updated_at)
    return f"created {created}" if created == changed else f"created {created} · changed {changed}"


def _tail(view: EntryView) -> Content:
    parts: list[str | tuple[str, str]] = []
    for section in view.sections(Place.AFTER):
        lines = "\n".join(f"  {one_line(item)}" for item in section.items)
        parts += ["\n\n" if parts else "", (section.label, "bold $secondary"), "\n", _cut(lines, _MOST_PART_CHARS)]
    if view.origin:
        parts += ["\n\n" if parts else "", (f"from {one_line(view.origin)}", "$foreground 55%")]
    if view.links:
        parts += ["\n\n" if parts else "", ("Links", "bold $secondary")]
    return Content.assemble(*parts)


def _link_line(line: LinkLine) -> tuple[str, Content]:
    parts: list[str | tuple[str, str]] = [
        (f"{line.link.type.value.replace('_', ' ')} {line.arrow} ", "$foreground 60%"),
        one_line(line.other.title or line.other.id),
    ]
    if line.link.reason:
        parts.append((f"  ({one_line(line.link.reason)})", "$foreground 60%"))
    return line.other.id, Content.assemble(*parts)


def _cut(text: str, most: int) -> str:
    """A text, or its beginning and how much is missing."""
    if len(text) <= most:
        return text
    return f"{text[:most]} …\n\n({len(text) - most:,} more characters: E opens the entry in your editor)"
