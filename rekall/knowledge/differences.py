"""What differs between two versions of an entry: field by field, texts line by line, and in a line word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from rekall.entry.types import Link, Reference
from rekall.entry.view import LinkLine
from rekall.knowledge.versions import State, different

_AROUND = 2
"""Lines that stay the same and are shown beside those that differ."""

_MOST_PRODUCT = 4_000_000
"""Lines, or words, of one side times those of the other that are compared in full; beyond it all between the ends differs."""

_ALIKE = 0.4
"""Two lines this much alike are one that was changed, and the words in it are marked."""

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_EXCERPT_CHARS = 50
"""Characters on both sides of what differs in a line that is cut."""

_CUT_FROM = 200
"""Longer lines are cut where only what differs is looked for."""


class Side(Enum):
    """Where a line stands: in both versions, or in one of them; the value is how it is marked."""

    BOTH = " "
    BEFORE = "-"
    AFTER = "+"
    GAP = "@"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a comparison.

    Attributes:
        side: Where it stands.
        text: The line.
        spans: The stretches of it that differ, in characters, where it is one that was changed.
    """

    side: Side
    text: str
    spans: tuple[tuple[int, int], ...] = ()

    @property
    def marked(self) -> str:
        """The line behind its mark."""
        return f"{self.side.value} {self.text}".rstrip()


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs.

    Attributes:
        field: Its name; "links" for the links.
        before: What it said; None where the entry did not have it.
        after: What it says.
        lines: Both, line by line.
    """

    field: str
    before: Any
    after: Any
    lines: tuple[DiffLine, ...]

    @property
    def noun(self) -> str:
        """Its name as people read it."""
        return self.field.replace("_", " ")


def differences(before: State, after: State, titles: Mapping[str, str]) -> list[Difference]:
    """What differs between two versions of an entry, both of which say something.

    Args:
        before: The earlier one.
        after: The later one.
        titles: Titles of the entries that they are linked with.
    """
    old, new = before.said or {}, after.said or {}
    found = [_of_field(name, old.get(name), new.get(name)) for name in different(old, new)]
    own_id = str(new.get("id", old.get("id", "")))
    links = [_link_lines(state.links, own_id, titles) for state in (before, after)]
    if sorted(links[0]) != sorted(links[1]):
        found.append(Difference("links", links[0], links[1], tuple(_items(*links))))
    return found


def excerpt(line: DiffLine) -> DiffLine:
    """A long line cut to what differs in it, with a little on both sides; a line that is the same to its beginning."""
    text, most = line.text, _CUT_FROM
    if len(text) <= most:
        return line
    if not line.spans:
        whole = line.side is not Side.BOTH
        return line if whole else DiffLine(line.side, f"{text[: _EXCERPT_CHARS * 2].rstrip()} …")
    pieces: list[tuple[int, int]] = []
    for start, end in line.spans:
        first, last = max(start - _EXCERPT_CHARS, 0), min(end + _EXCERPT_CHARS, len(text))
        if pieces and first <= pieces[-1][1] + _EXCERPT_CHARS:
            pieces[-1] = (pieces[-1][0], last)
        else:
            pieces.append((_word_begin(text, first), last))
    shown, spans = "", []
    for first, last in pieces:
        shown += "… " if first and not shown else " … " if shown else ""
        spans += [(s - first + len(shown), e - first + len(shown)) for s, e in line.spans if first <= s and e <= last]
        shown += text[first:last]
    shown += "" if pieces[-1][1] == len(text) else " …"
    return DiffLine(line.side, shown, tuple(spans))


def _word_begin(text: str, at: int) -> int:
    """Where the word begins in which a place lies, if that is near."""
    blank = text.rfind(" ", max(at - 20, 0), at)
    return blank + 1 if blank >= 0 and at else at


def _of_field(name: str, before: Any, after: Any) -> Difference:
    if isinstance(before, list) or isinstance(after, list):
        lines = _items(list(map(str, before or ())), list(map(str, after or ())))
    else:
        lines = compared(_lines(before), _lines(after))
    return Difference(name, before, after, tuple(lines))


def _lines(value: Any) -> list[str]:
    if value is None or value == "":
        return []
    if isinstance(value, Mapping):
        return [f"{name}: {said}" for name, said in value.items()]
    return str(value).split("\n")


def _items(before: Sequence[str], after: Sequence[str]) -> Iterator[DiffLine]:
    """Items of a list: those that went, then those that came; where only their order is another, all of them."""
    gone = [item for item in before if item not in set(after)]
    come = [item for item in after if item not in set(before)]
    if not (gone or come):
        gone, come = list(before), list(after)
    for side, items in ((Side.BEFORE, gone), (Side.AFTER, come)):
        for item in items:
            yield from (DiffLine(side, line) for line in item.split("\n"))


def _link_lines(links: Iterable[Link], own_id: str, titles: Mapping[str, str]) -> list[str]:
    """The links of a version as lines, as seen from the entry."""
    found = []
    for link in links:
        is_outgoing = link.source == own_id
        other = link.target if is_outgoing else link.source
        line = LinkLine(link, is_outgoing, Reference(other, titles.get(other, "")))
        reason = f" ({link.reason})" if link.reason else ""
        found.append(f"{line.phrase} {line.other.title or other}{reason}")
    return found


def compared(before: Sequence[str], after: Sequence[str]) -> Iterator[DiffLine]:
    """Two texts line by line, with a few lines that are the same around those that differ."""
    groups = list(_grouped(before, after))
    for number, group in enumerate(groups):
        first = group[0][1]
        if number or first:
            yield DiffLine(Side.GAP, f"line {first + 1}")
        for what, i1, i2, j1, j2 in group:
            if what == "equal":
                yield from (DiffLine(Side.BOTH, line) for line in before[i1:i2])
            else:
                yield from _changed(before[i1:i2], after[j1:j2])


Opcode = tuple[str, int, int, int, int]


def _grouped(before: Sequence[str], after: Sequence[str]) -> Iterator[list[Opcode]]:
    """Stretches that differ, with a few lines around each, as difflib names them."""
    first, last = _ends(before, after)
    middle = (before[first : len(before) - last], after[first : len(after) - last])
    if len(middle[0]) * len(middle[1]) > _MOST_PRODUCT:
        codes: list[Opcode] = [("replace", 0, len(middle[0]), 0, len(middle[1]))]
    else:
        codes = list(difflib.SequenceMatcher(None, *middle, autojunk=False).get_opcodes())
    moved = [(what, i1 + first, i2 + first, j1 + first, j2 + first) for what, i1, i2, j1, j2 in codes]
    if first:
        moved.insert(0, ("equal", 0, first, 0, first))
    if last:
        moved.append(("equal", len(before) - last, len(before), len(after) - last, len(after)))
    group: list[Opcode] = []
    for place, (what, i1, i2, j1, j2) in enumerate(moved):
        if what != "equal":
            group.append((what, i1, i2, j1, j2))
            continue
        if group:
            is_last = place == len(moved) - 1
            if i2 - i1 <= 2 * _AROUND and not is_last:
                group.append((what, i1, i2, j1, j2))
                continue
            yield [*group, (what, i1, min(i1 + _AROUND, i2), j1, min(j1 + _AROUND, j2))]
        group = [(what, max(i2 - _AROUND, i1), i2, max(j2 - _AROUND, j1), j2)]
    if group and any(what != "equal" for what, *_ in group):
        yield group


def _changed(before: Sequence[str], after: Sequence[str]) -> Iterator[DiffLine]:
    """Lines in whose place others stand: the words are marked in those that are alike."""
    marks = [_words(one, other) for one, other in zip(before, after)]
    none: tuple[tuple[int, int], ...] = ()
    pairs = [each or (none, none) for each in marks]
    pairs += [(none, none)] * (max(len(before), len(after)) - len(pairs))
    yield from (DiffLine(Side.BEFORE, line, spans[0]) for line, spans in zip(before, pairs))
    yield from (DiffLine(Side.AFTER, line, spans[1]) for line, spans in zip(after, pairs))


Spans = tuple[tuple[int, int], ...]


def _words(one: str, other: str) -> tuple[Spans, Spans] | None:
    """Where two lines differ, in characters of each; None where they are too little alike to be one."""
    old, new = _TOKEN.findall(one), _TOKEN.findall(other)
    first, last = _ends(old, new)
    middle = (old[first : len(old) - last], new[first : len(new) - last])
    same = sum(map(len, old[:first])) + sum(map(len, old[len(old) - last :])) if last else sum(map(len, old[:first]))
    if len(middle[0]) * len(middle[1]) > _MOST_PRODUCT:
        codes: list[Opcode] = [("replace", 0, len(middle[0]), 0, len(middle[1]))]
    else:
        codes = list(difflib.SequenceMatcher(None, *middle, autojunk=False).get_opcodes())
    spans: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    begun = sum(map(len, old[:first]))
    at = [begun, begun]
    for what, i1, i2, j1, j2 in codes:
        sizes = sum(map(len, middle[0][i1:i2])), sum(map(len, middle[1][j1:j2]))
        for side, size in enumerate(sizes):
            if what != "equal" and size:
                spans[side].append((at[side], at[side] + size))
            at[side] += size
        same += sizes[0] if what == "equal" else 0
    if same < _ALIKE * max(len(one), len(other), 1):
        return None
    return _joined(spans[0], one), _joined(spans[1], other)


def _joined(spans: Sequence[tuple[int, int]], text: str) -> Spans:
    """Stretches between which there are only blanks are one."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and not text[found[-1][1] : start].strip():
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)


def _ends(one: Sequence[str], other: Sequence[str]) -> tuple[int, int]:
    """How many items two lists have in common at the beginning, and at the end."""
    most = min(len(one), len(other))
    first = 0
    while first < most and one[first] == other[first]:
        first += 1
    last = 0
    while last < most - first and one[-1 - last] == other[-1 - last]:
        last += 1
    return first, last
