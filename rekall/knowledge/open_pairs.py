"""What links alone leave open: entries that contradict each other, and those that supersede each other in a round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rekall.entry.types import Link, LinkType

if TYPE_CHECKING:
    from rekall.store.contract import Entries, Links

IN_A_ROUND = "each supersedes the other, so that neither holds"


def open_links(entries: Entries, links: Links) -> list[Link]:
    """The links that leave something open, of each two entries one.

    Entries that contradict each other both hold. Of a round, which only sources and other bases bring, the links that
    join it; the reason says so.
    """
    contradicting = links.of_type(LinkType.CONTRADICTS)
    keys = entries.keys_of({end for link in contradicting for end in (link.source, link.target)})
    obsolete = entries.obsolete_among(keys.values())
    found = [link for link in contradicting if not {keys.get(link.source), keys.get(link.target)} & {None, *obsolete}]
    found += [replace(link, reason=IN_A_ROUND) for link in in_rounds(links.of_type(LinkType.SUPERSEDES))]
    return list({frozenset((link.source, link.target)): link for link in reversed(found)}.values())[::-1]


def in_rounds(links: Sequence[Link]) -> list[Link]:
    """Those of some links that lead from an entry back to it, over others."""
    while True:
        sources, targets = {link.source for link in links}, {link.target for link in links}
        left = [link for link in links if link.source in targets and link.target in sources]
        if len(left) == len(links):
            return left
        links = left
