"""Parts of ids, in every store: which entry one names, and how much of an id is shown (docs/adr/0024)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from rekall.errors import Ambiguous, NotFound
from rekall.store.values import SHORTEST_END

MOST_CANDIDATES = 8
"""So many entries are listed that a part of an id may mean."""

Value = TypeVar("Value")


def part_of_id(name: str) -> str:
    """What somebody typed as the beginning or the end of an id. Raises NotFound: It cannot be one."""
    wanted = name.strip().upper()
    if not wanted.isalnum() or not wanted.isascii():
        raise NotFound(f"no entry {name!r}", "ids consist of letters and digits; `rekall list` shows them")
    return wanted


def no_entry(name: str) -> NotFound:
    """What to raise where no id has such a part."""
    return NotFound(
        f"no entry {name!r}", "`rekall list` shows the ids; `rekall search` finds entries by word or meaning"
    )


def unambiguous(name: str, found: Sequence[tuple[str, str, Value]]) -> Value:
    """The value of the only one of (id, title, value) that a part of an id fits.

    Raises:
        Ambiguous: There are several; they are listed.
    """
    if len(found) > 1:
        candidates = [f"{entry_id}  {title}" for entry_id, title, _ in found[:MOST_CANDIDATES]]
        many = "more than " if len(found) > MOST_CANDIDATES else ""
        raise Ambiguous(
            f"{name!r} matches {many}{len(candidates)} entries", "give more characters of the id", candidates
        )
    return found[0][2]


def shown_chars(entries: int) -> int:
    """How many last characters of an id are shown in a base of so many entries.

    So many that of a thousand ids at most one shares its own with another entry: 4 up to 1,024 entries, 5 up to 32,768, 6 up
    to a million. The ends of ULIDs are random, 5 bits a character.
    """
    return max(SHORTEST_END, 2 + -(-max(entries - 1, 0).bit_length() // 5))


def shown_ends(ids: Iterable[str], others: Mapping[str, Sequence[str]], entries: int) -> dict[str, str]:
    """The end of each id that is shown.

    Args:
        ids: The ids; one of which nothing is known is shown whole.
        others: The ids that end in the same four characters, by id.
        entries: How many entries there are.
    """
    least = shown_chars(entries)
    return {
        entry_id: entry_id[
            -max(least, 1 + max((_shared_end(entry_id, each) for each in others[entry_id]), default=0)) :
        ]
        if entry_id in others
        else entry_id
        for entry_id in ids
    }


def _shared_end(left: str, right: str) -> int:
    """How many last characters two ids have in common."""
    pairs = zip(reversed(left), reversed(right))
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))
