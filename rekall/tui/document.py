"""An entry as it is read: its parts as styled text, with nothing in them that a terminal would obey."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from textual.content import Content

from rekall.entry.fields import Entry, Place
from rekall.entry.times import local_day
from rekall.entry.view import EntryView, LinkLine
from rekall.tui.markdown import MATCH, MarkdownText
from rekall.tui.rows import Spans, labels_text, obsolete_text, one_line
from rekall.wording import printable

Find = Callable[[str], Spans]
"""Says where the words that were searched for stand in a text."""

MOST_MARKDOWN_CHARS = 100_000
"""Longer content is shown as plain text: laying it out as Markdown would hold up the keys."""

MOST_CHARS = 200_000
_MOST_PART_CHARS = 20_000


def nowhere(text: str) -> Spans:
    """Where nothing was searched for."""
    return ()


@dataclass(frozen=True, slots=True)
class Part:
    """A text of the document, and where in it the words stand that were searched for."""

    content: Content
    places: Spans = ()

    @classmethod
    def of(cls, content: Content, find: Find) -> Part:
        """A text with what is found in it."""
        places = find(content.plain) if content.plain else ()
        for start, end in places:
            content = content.stylize(MATCH, start, end)
        return cls(content, places)


@dataclass(frozen=True, slots=True)
class Document:
    """What the detail pane shows.

    Attributes:
        head: Title, labels, and the context that comes before the content.
        markdown: The content as Markdown; None when it is shown as plain text, or empty.
        plain: The content as plain text; empty when it is shown as Markdown.
        tail: What comes after the content.
        links: The links it has, each with how it is shown.
        entry_id: The id of the entry; empty for a message.
        line: The line of the content at which reading begins, from 0; None for the top.
    """

    head: Part
    markdown: MarkdownText | None = None
    plain: Part = Part(Content(""))  # frozen
    tail: Part = Part(Content(""))
    links: tuple[tuple[LinkLine, Content], ...] = ()
    entry_id: str = ""
    line: int | None = None

    @property
    def has_matches(self) -> bool:
        """Whether something in it was searched for."""
        parts = (self.head, self.plain, self.tail)
        return any(part.places for part in parts) or (self.markdown is not None and self.markdown.has_matches)

    @classmethod
    def of_text(cls, text: str) -> Document:
        """A message in place of an entry."""
        return cls(Part(Content(text)))


def make_document(
    view: EntryView,
    why: str,
    find: Find = nowhere,
    at: int = 0,
    short: Mapping[str, str] | None = None,
    base: str = "",
) -> Document:
    """Set an entry for reading.

    Args:
        view: The entry with what surrounds it.
        why: Why it was found, or empty.
        find: Says where the words that were searched for stand in a text.
        at: The character of the content where the stretch begins that was found; 0 for none.
        short: The ids by which the entries are shown that it is linked with.
        base: The name of the base it lives in; empty for the base in use.
    """
    entry = view.entry
    content = printable(entry.content)
    is_long = len(content) > MOST_MARKDOWN_CHARS
    markdown = MarkdownText(content) if content and not is_long else None
    if markdown is not None:
        markdown.mark(find(markdown.plain))
    return Document(
        head=Part.of(_head(view, why, base), find),
        markdown=markdown,
        plain=Part.of(Content(_cut(content, MOST_CHARS)), find) if is_long else Part(Content("")),
        tail=Part.of(_tail(view), find),
        links=tuple((line, _link_line(line, short or {})) for line in view.links),
        entry_id=entry.id,
        line=entry.content.count("\n", 0, at) if at else None,
    )


def _head(view: EntryView, why: str, base: str) -> Content:
    entry = view.entry
    labels = labels_text(entry)
    parts: list[str | tuple[str, str]] = [
        (one_line(entry.title), "bold $primary"),
        "\n",
        (entry.type.value, "$secondary"),
        (f"  {labels}" if labels else "", "$foreground 70%"),
        "\n",
        (
            f"{entry.id}{f' · in {base}' if base else ''}\n{_dates(entry)} · confidence {entry.confidence}/5",
            "$foreground 55%",
        ),
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


def _link_line(line: LinkLine, short: Mapping[str, str]) -> Content:
    parts: list[str | tuple[str, str]] = [
        (f"{line.phrase} {line.arrow} ", "$foreground 60%"),
        one_line(line.other.title or line.other.id),
        (" (obsolete)" if line.is_obsolete else "", "$warning"),
    ]
    if line.other.id in short:
        parts.append((f"  {short[line.other.id]}", "$foreground 60%"))
    if line.link.reason:
        parts.append((f"  ({one_line(line.link.reason)})", "$foreground 60%"))
    return Content.assemble(*parts)


def _cut(text: str, most: int) -> str:
    """A text, or its beginning and how much is missing."""
    if len(text) <= most:
        return text
    return f"{text[:most]} …\n\n({len(text) - most:,} more characters: E opens the entry in your editor)"
