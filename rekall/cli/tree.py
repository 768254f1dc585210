"""Links as a tree for a terminal: each entry stands once where it is nearest, and is only named where it comes again."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rekall.cli.render import cells, fit, styled
from rekall.entry.fields import Entry
from rekall.entry.types import Link, Reference
from rekall.entry.view import LinkLine, in_order, other_end
from rekall.knowledge.graph import Around
from rekall.wording import in_a_row

_LEAST_TITLE = 24


@dataclass(frozen=True, slots=True)
class Signs:
    """What a tree is drawn with.

    Attributes:
        branch: Before a line that has others below it on the same level.
        last: Before the last one.
        down: Below a branch.
        out: A link that starts at the entry above.
        back: One that leads to it.
    """

    branch: str
    last: str
    down: str
    out: str
    back: str


DRAWN = Signs("├─ ", "└─ ", "│  ", "→", "←")
PLAIN = Signs("|- ", "`- ", "|  ", "->", "<-")
"""Where the terminal has no lines."""


def signs() -> Signs:
    """What stdout can show."""
    try:
        "├─└│→←".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return DRAWN


def tree(found: Around, short: Mapping[str, str], drawn: Signs, width: int | None) -> Iterator[str]:
    """The lines of a tree, the entry itself first.

    Args:
        found: What is around an entry.
        short: The ids by which all of it is shown.
        drawn: What it is drawn with.
        width: Cells of a line; None where nothing is cut.
    """
    return _Tree(found, short, drawn, width).lines()


class _Tree:
    """Draws one tree."""

    def __init__(self, found: Around, short: Mapping[str, str], drawn: Signs, width: int | None) -> None:
        self._root = found.entry
        self._entries = {found.entry.id: found.entry} | {step.entry.id: step.entry for step in found.steps}
        self._above = {step.entry.id: step.through for step in found.steps}
        self._links: dict[str, list[Link]] = {each: [] for each in self._entries}
        for link in found.links:
            for end in (link.source, link.target):
                self._links[end].append(link)
        self._short, self._drawn, self._width = short, drawn, width
        self._shown = {found.entry.id}

    def lines(self) -> Iterator[str]:
        """All lines; a stack in place of calls, for a chain of entries may be as long as the depth."""
        yield self._line("", "", self._root, "")
        stack = [("", self._children(self._root.id))]
        while stack:
            before, children = stack[-1]
            if not children:
                stack.pop()
                continue
            lines = children.pop(0)
            entry = self._entries[lines[0].other.id]
            is_here = self._above.get(entry.id) == self._seen_from(lines[0]) and entry.id not in self._shown
            again = "" if is_here else " (above)" if entry.id in self._shown else " (below)"
            bears = " and ".join(f"{line.phrase} {self._arrow(line)}" for line in lines)
            yield self._line(before + (self._drawn.branch if children else self._drawn.last), bears, entry, again)
            if is_here:
                self._shown.add(entry.id)
                below = before + (self._drawn.down if children else "   ")
                stack.append((below, self._children(entry.id)))

    def _children(self, entry_id: str) -> list[list[LinkLine]]:
        """The entries that an entry is linked with, but for the one above it, each with all the links of the two."""
        grouped: dict[str, list[LinkLine]] = {}
        for link in in_order(self._links[entry_id], entry_id):
            other = other_end(link, entry_id)
            if other != self._above.get(entry_id):
                named = Reference(other, self._entries[other].title)
                grouped.setdefault(other, []).append(LinkLine(link, link.source == entry_id, named))
        return list(grouped.values())

    @staticmethod
    def _seen_from(line: LinkLine) -> str:
        return line.link.source if line.is_outgoing else line.link.target

    def _arrow(self, line: LinkLine) -> str:
        return self._drawn.out if line.is_outgoing else self._drawn.back

    def _line(self, before: str, bears: str, entry: Entry, again: str) -> str:
        """One line: how it bears, the id, the title, and what is to be known of it."""
        mark = " (obsolete)" if entry.status.value == "obsolete" and not again else ""
        title, behind = in_a_row(" ".join(entry.title.split())), mark + again
        head = before + (f"{bears} " if bears else "")
        short = self._short[entry.id]
        if self._width is not None:
            room = self._width - cells(head) - cells(short) - 2 - len(behind)
            title = fit(title, max(room, _LEAST_TITLE))
        shown = title if again else styled(title, bold=not before or None) if not before else title
        return f"{head}{styled(short, fg='cyan')}  {shown}{styled(behind, dim=True) if behind else ''}"
