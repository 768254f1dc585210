"""What a commit of a sync says: how many notes changed, and which; nothing that looks like a secret."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rekall.entry.secrets import spans

_MOST_LINES = 50
_LONGEST_TITLE = 100
_WORDS = {"A": "added", "M": "changed", "D": "deleted"}
_SIGNS = {"A": "+", "M": "~", "D": "-"}


@dataclass(frozen=True, slots=True)
class Touched:
    """A file that a commit is about.

    Attributes:
        path: Below the folder.
        kind: "A" for added, "M" for changed, "D" for deleted.
    """

    path: str
    kind: str


def message(touched: Sequence[Touched], titles: Mapping[str, str], *, by_hand: bool) -> tuple[str, str]:
    """The subject and the body of a commit.

    Args:
        touched: Its notes.
        titles: The titles of the entries in them, by path, as far as they are known.
        by_hand: Whether it holds what was changed in the folder, and not in the base.
    """
    counts = Counter(each.kind for each in touched)
    said = ", ".join(f"{counts[kind]} {word}" for kind, word in _WORDS.items() if counts[kind])
    subject = f"Notes: {said}" if said else "Notes: what a sync keeps beside them"
    lines = [f"{_SIGNS[each.kind]} {_named(each.path, titles)}" for each in touched[:_MOST_LINES]]
    if len(touched) > _MOST_LINES:
        lines.append(f"… and {len(touched) - _MOST_LINES} more")
    return subject + (" by hand" if by_hand and said else ""), "\n".join(lines)


def _named(path: str, titles: Mapping[str, str]) -> str:
    """A note as people know it, on one line."""
    title = " ".join(titles.get(path, "").split()) or path
    if spans(title):
        return "(a title that looks like a secret)"
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"
