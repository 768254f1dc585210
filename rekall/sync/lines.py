"""Merges texts by lines: three ways from what both began with, two ways where nobody knows that.

The known libraries mark conflicts in the text or are under another licence (docs/adr/0046), so the merge is made here. Lines
are matched as `patience` does it: by those that are there once, then by `difflib` in the gaps between them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

_MOST_PAIRS = 250_000
"""Lines of one text times those of the other in a gap that is still looked at closely; `difflib` may take that time."""

Run = tuple[int, int, int]
"""Lines that two texts share: where they stand in the one, where in the other, and how many they are."""


def merged(base: str, mine: str, theirs: str) -> str | None:
    """What comes of two changes of a text; None where both changed the same lines in ways of their own.

    What both put into one place is there twice: in the order of the alphabet, so that it does not matter who merges.
    """
    if mine == theirs or theirs == base:
        return mine
    if mine == base:
        return theirs
    old, here, there = (text.split("\n") for text in (base, mine, theirs))
    for less, more in ((here, there), (there, here)):
        if _is_within(old, less) and _is_within(less, more):  # merged before, wherever equal lines are taken to stand
            return "\n".join(more)
    lines: list[str] = []
    at = (0, 0, 0)
    for start, in_mine, in_theirs, count in _shared(old, here, there):
        part = _one(old[at[0] : start], here[at[1] : in_mine], there[at[2] : in_theirs])
        if part is None:
            return None
        lines += part
        lines += old[start : start + count]
        at = (start + count, in_mine + count, in_theirs + count)
    return "\n".join(lines)


def united(mine: str, theirs: str) -> str | None:
    """Two texts that may have one origin as one that holds every line of both; None where a line has two versions."""
    if mine == theirs or not theirs:
        return mine
    if not mine:
        return theirs
    if mine > theirs:  # so that it does not matter who unites them
        mine, theirs = theirs, mine
    here, there = mine.split("\n"), theirs.split("\n")
    lines: list[str] = []
    at = (0, 0)
    shared = 0
    for in_mine, in_theirs, count in [*runs(here, there), (len(here), len(there), 0)]:
        own, other = here[at[0] : in_mine], there[at[1] : in_theirs]
        if own and other and any(map(str.strip, own)) and any(map(str.strip, other)):
            return None
        lines += own if any(map(str.strip, own)) or not other else other
        lines += here[in_mine : in_mine + count]
        shared += sum(bool(line.strip()) for line in here[in_mine : in_mine + count])
        at = (in_mine + count, in_theirs + count)
    return "\n".join(lines) if shared else None


def with_ends_of(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """New lines, each with its end: of a line that stays the one that it had, of another the commonest.

    Args:
        old: Lines with their ends.
        new: Lines without; the last one gets none.
    """
    ends = [line[len(line.rstrip("\r\n")) :] for line in old]
    usual = next(iter(Counter(end for end in ends if end).most_common(1)), ("\n", 0))[0]
    made = [usual] * len(new)
    for in_old, in_new, count in runs([line.rstrip("\r\n") for line in old], new):
        for step in range(count):
            made[in_new + step] = ends[in_old + step] or usual
    return [line + (end if number < len(new) - 1 else "") for number, (line, end) in enumerate(zip(new, made))]


def runs(one: Sequence[str], other: Sequence[str]) -> list[Run]:
    """The lines that two texts share, in the order of both, as few runs as there are."""
    found: list[Run] = []
    waiting = [(0, len(one), 0, len(other))]
    while waiting:
        first, last, start, end = waiting.pop()
        begin = first
        while first < last and start < end and one[first] == other[start]:
            first, start = first + 1, start + 1
        if first > begin:
            found.append((begin, start - (first - begin), first - begin))
        stop = last
        while last > first and end > start and one[last - 1] == other[end - 1]:
            last, end = last - 1, end - 1
        if stop > last:
            found.append((last, end, stop - last))
        if first == last or start == end:
            continue
        anchors = _once(one, other, first, last, start, end)
        if not anchors:
            found += _closely(one, other, first, last, start, end)
            continue
        for here, there in anchors:
            waiting.append((first, here, start, there))
            found.append((here, there, 1))
            first, start = here + 1, there + 1
        waiting.append((first, last, start, end))
    return _joined(sorted(found))


def _once(
    one: Sequence[str], other: Sequence[str], first: int, last: int, start: int, end: int
) -> list[tuple[int, int]]:
    """Lines that stand once in both, as many as stand in the same order."""
    counts, there_counts = Counter(one[first:last]), Counter(other[start:end])
    places = {other[at]: at for at in range(start, end) if there_counts[other[at]] == 1}
    pairs = [(at, places[one[at]]) for at in range(first, last) if counts[one[at]] == 1 and one[at] in places]
    tops: list[int] = []  # the longest rising row, by the pile of each pair
    at_top: list[int] = []
    before: list[int] = []
    for number, (_, there) in enumerate(pairs):
        pile = bisect_left(tops, there)
        before.append(at_top[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [there]
        at_top[pile : pile + 1] = [number]
    row: list[tuple[int, int]] = []
    number = at_top[-1] if at_top else -1
    while number >= 0:
        row.append(pairs[number])
        number = before[number]
    return row[::-1]


def _closely(one: Sequence[str], other: Sequence[str], first: int, last: int, start: int, end: int) -> list[Run]:
    if (last - first) * (end - start) > _MOST_PAIRS:
        return []
    from difflib import SequenceMatcher

    blocks = SequenceMatcher(None, one[first:last], other[start:end], autojunk=False).get_matching_blocks()
    return [(first + here, start + there, count) for here, there, count in blocks if count]


def _joined(found: Sequence[Run]) -> list[Run]:
    joined: list[Run] = []
    for here, there, count in found:
        if joined and (joined[-1][0] + joined[-1][2], joined[-1][1] + joined[-1][2]) == (here, there):
            joined[-1] = (joined[-1][0], joined[-1][1], joined[-1][2] + count)
        else:
            joined.append((here, there, count))
    return joined


def _shared(old: Sequence[str], here: Sequence[str], there: Sequence[str]) -> list[tuple[int, int, int, int]]:
    """What all three texts share: where it stands in each, and how many lines it is; the last is the end of all."""
    in_here, in_there = runs(old, here), runs(old, there)
    found: list[tuple[int, int, int, int]] = []
    one = other = 0
    while one < len(in_here) and other < len(in_there):
        (start, to_here, count), (begin, to_there, number) = in_here[one], in_there[other]
        first, last = max(start, begin), min(start + count, begin + number)
        if first < last:
            found.append((first, to_here + first - start, to_there + first - begin, last - first))
        if start + count < begin + number:
            one += 1
        else:
            other += 1
    return [*found, (len(old), len(here), len(there), 0)]


def _one(old: list[str], here: list[str], there: list[str]) -> list[str] | None:
    """What becomes of a stretch between lines that all share."""
    if here == there or there == old:
        return here
    if here == old:
        return there
    if old:
        return None
    longer, shorter = (here, there) if len(here) >= len(there) else (there, here)
    if _is_within(shorter, longer):  # what was merged once is merged again
        return longer
    return sorted((here, there))[0] + sorted((here, there))[1]


def _is_within(shorter: Sequence[str], longer: Sequence[str]) -> bool:
    """Whether lines stand among others in the same order."""
    rest = iter(longer)
    return all(line in rest for line in shorter)
