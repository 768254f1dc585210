"""Links as a tree for a terminal: each entry stands once where it is nearest, and is only named where it comes again."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rekall.cli.render import cells, fit, styled
from rekall.knowledge.graph import Around
from rekall.knowledge.link_tree import Branch, branches
from rekall.wording import in_a_row

_LEAST_TITLE = 24
"""Cells of a title; where there is no room for them, how the entry bears is told by arrows alone."""


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
    return (_line(branch, short[branch.entry.id], drawn, width) for branch in branches(found))


def _line(branch: Branch, short: str, drawn: Signs, width: int | None) -> str:
    """One line: how it bears, the id, the title, and what is to be known of it."""
    before = "".join(drawn.down if is_more else "   " for is_more in branch.more[:-1])
    before += (drawn.branch if branch.more[-1] else drawn.last) if branch.more else ""
    arrows = [drawn.out if line.is_outgoing else drawn.back for line in branch.lines]
    bears = " and ".join(f"{line.phrase} {arrow}" for line, arrow in zip(branch.lines, arrows))
    is_obsolete = branch.entry.status.value == "obsolete" and not branch.again.value
    behind = f" ({branch.again.value})" if branch.again.value else " (obsolete)" if is_obsolete else ""
    title = in_a_row(" ".join(branch.entry.title.split()))
    if width is not None:
        room = width - cells(before) - cells(short) - 2 - len(behind)
        if bears and room - len(bears) - 1 < _LEAST_TITLE:  # far from the root
            bears = " ".join(arrows)
        title = fit(title, max(room - len(bears) - 1 if bears else room, 1))
    head = f"{before}{bears} " if bears else before
    title = title if branch.more else styled(title, bold=True)
    return f"{head}{styled(short, fg='cyan')}  {title}{styled(behind, dim=True) if behind else ''}"
