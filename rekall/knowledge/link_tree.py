"""Links as a tree: each entry stands once where it is nearest, and is only named where it comes again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from rekall.entry.fields import Entry
from rekall.entry.types import Link, Reference
from rekall.entry.view import LinkLine, in_order, other_end
from rekall.knowledge.graph import Around


class Again(str, Enum):
    """Where an entry stands that is only named here."""

    HERE = ""
    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of a tree.

    Attributes:
        more: Of each level from the first on, whether others follow on it: the last is that of the line itself. Empty for
            the entry where one began.
        lines: The links to the entry above, seen from there.
        entry: The entry.
        again: Whether it stands here, or elsewhere.
    """

    more: tuple[bool, ...]
    lines: tuple[LinkLine, ...]
    entry: Entry
    again: Again = Again.HERE


def branches(found: Around) -> Iterator[Branch]:
    """The lines of a tree, the entry itself first."""
    return _Tree(found).branches()


class _Tree:
    """Walks what is around an entry."""

    def __init__(self, found: Around) -> None:
        self._root = found.entry
        self._entries = {found.entry.id: found.entry} | {step.entry.id: step.entry for step in found.steps}
        self._above = {step.entry.id: step.through for step in found.steps}
        self._links: dict[str, list[Link]] = {each: [] for each in self._entries}
        for link in found.links:
            for end in (link.source, link.target):
                self._links[end].append(link)

    def branches(self) -> Iterator[Branch]:
        """All lines; a stack in place of calls, for a chain of entries may be as long as the depth."""
        yield Branch((), (), self._root)
        shown = {self._root.id}
        stack: list[tuple[tuple[bool, ...], str, list[list[LinkLine]]]] = [
            ((), self._root.id, self._children(self._root.id))
        ]
        while stack:
            more, parent, children = stack[-1]
            if not children:
                stack.pop()
                continue
            lines = children.pop(0)
            entry = self._entries[lines[0].other.id]
            again = Again.ABOVE if entry.id in shown else Again.BELOW
            if again is Again.BELOW and self._above[entry.id] == parent:
                again = Again.HERE
            here = (*more, bool(children))
            yield Branch(here, tuple(lines), entry, again)
            if again is Again.HERE:
                shown.add(entry.id)
                stack.append((here, entry.id, self._children(entry.id)))

    def _children(self, entry_id: str) -> list[list[LinkLine]]:
        """The entries that an entry is linked with, but for the one above it, each with all the links of the two."""
        grouped: dict[str, list[LinkLine]] = {}
        for link in in_order(self._links[entry_id], entry_id):
            other = other_end(link, entry_id)
            if other != self._above.get(entry_id):
                named = Reference(other, self._entries[other].title)
                grouped.setdefault(other, []).append(LinkLine(link, link.source == entry_id, named))
        return list(grouped.values())
