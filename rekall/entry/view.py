"""One view of an entry, from which shell, terminal UI and assistants each draw in their own style."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from rekall.entry.fields import SECTIONS, Draft, Entry, Place
from rekall.entry.types import Link, LinkType, Reference, Status

_FROM_HERE = {
    LinkType.RELATED: "related to",
    LinkType.SUPERSEDES: "supersedes",
    LinkType.DERIVED_FROM: "derived from",
    LinkType.CONTRADICTS: "contradicts",
}
_TO_HERE = {
    LinkType.RELATED: "related to",
    LinkType.SUPERSEDES: "superseded by",
    LinkType.DERIVED_FROM: "source of",
    LinkType.CONTRADICTS: "contradicted by",
}

_ORDER = (LinkType.SUPERSEDES, LinkType.CONTRADICTS, LinkType.DERIVED_FROM, LinkType.RELATED)
"""What says most of an entry comes first."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the structured context that is not empty.

    Attributes:
        label: Its heading.
        items: Its texts: one of a text, one an item of a list.
        is_list: Whether the items are a list.
    """

    label: str
    items: tuple[str, ...]
    is_list: bool


@dataclass(frozen=True, slots=True)
class LinkLine:
    """A link as it is seen from one of its ends.

    Attributes:
        link: The link.
        is_outgoing: Whether it starts at the entry that is shown.
        other: The entry at the other end.
        is_obsolete: Whether that one no longer holds, where that is known.
    """

    link: Link
    is_outgoing: bool
    other: Reference
    is_obsolete: bool = False

    @property
    def phrase(self) -> str:
        """How the shown entry bears on the other one, in words: "supersedes", "superseded by"."""
        return (_FROM_HERE if self.is_outgoing else _TO_HERE)[self.link.type]

    @property
    def arrow(self) -> str:
        """The way the link points, seen from the shown entry."""
        return "→" if self.is_outgoing else "←"


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry with what surrounds it: its links in both directions, what replaced it, and where it was imported from."""

    entry: Entry
    links: tuple[LinkLine, ...]
    successor: Reference | None
    origin: str = ""

    @classmethod
    def of(
        cls,
        entry: Entry,
        links: tuple[Link, ...],
        titles: Mapping[str, str],
        origin: str = "",
        obsolete: Collection[str] = (),
    ) -> EntryView:
        """The view of an entry.

        Args:
            entry: The entry.
            links: The links that touch it.
            titles: Titles of the entries at their other ends, and of its successor, by id.
            origin: The file it was imported from, and after a # the record in it; empty for none.
            obsolete: The ids of those of them that no longer hold.
        """
        lines = []
        for link in in_order(links, entry.id):
            other = other_end(link, entry.id)
            named = Reference(other, titles.get(other, ""))
            lines.append(LinkLine(link, link.source == entry.id, named, other in obsolete))
        return cls(entry, tuple(lines), successor_of(entry, titles), origin)

    def sections(self, place: Place) -> tuple[Section, ...]:
        """The structured context that is read before or after the content."""
        return sections_of(self.entry, place)


def other_end(link: Link, entry_id: str) -> str:
    """The entry at the other end of a link."""
    return link.target if link.source == entry_id else link.source


def in_order(links: Iterable[Link], entry_id: str) -> list[Link]:
    """Links as an entry tells them: by their kinds, those that start there first, then the newest entries."""
    newest = sorted(links, key=lambda link: other_end(link, entry_id), reverse=True)
    return sorted(newest, key=lambda link: (_ORDER.index(link.type), link.source != entry_id))


def successor_of(entry: Entry, titles: Mapping[str, str]) -> Reference | None:
    """What is to be read instead of an entry, or None.

    Args:
        entry: The entry.
        titles: Titles by id; an id that is not there has none.
    """
    return Reference(entry.superseded_by, titles.get(entry.superseded_by, "")) if entry.superseded_by else None


def sections_of(entry: Draft, place: Place) -> tuple[Section, ...]:
    """The parts of the structured context that stand in a place and are not empty, in the order of the table."""
    found = ((field, field.texts(entry)) for field in SECTIONS if field.shown is place)
    return tuple(Section(field.label, items, field.kind.is_list) for field, items in found if items)


def labels_of(entry: Entry) -> tuple[str, ...]:
    """What stands beside a title: type, project, that it is obsolete, and tags."""
    status = entry.status.value if entry.status is not Status.ACTIVE else ""
    return tuple(label for label in (entry.type.value, entry.project or "", status, ", ".join(entry.tags)) if label)
