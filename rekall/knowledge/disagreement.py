"""What two entries that are near in meaning disagree about, or whether they say the same (docs/living.md, docs/adr/0048).

Two statements are about the same where they share their words, and neither has a word of its own that tells another subject. Then they
are looked at for what differs: a number, a version, a negation. Nothing is understood; what is told quotes both places, so that a person sees at a
glance what it is worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import Enum
from typing import TypeVar

from rekall.knowledge.cases import (
    are_events,
    are_two_of_a_kind,
    has_each_its_own,
    is_a_series,
    is_a_step,
    is_a_task,
    is_an_occasion,
    is_for,
    names,
    says_less,
)
from rekall.knowledge.statements import VERSIONED, Statement, TakenApart

_T = TypeVar("_T", int, str)


class Clash(str, Enum):
    """What is between two entries, the gravest first."""

    CONTRADICTS = "contradicts"
    """A link says so."""
    NEGATION = "negation"
    """One says what the other denies."""
    VERSION = "version"
    """The same of two versions."""
    NUMBER = "number"
    """The same with two numbers."""
    REPEAT = "repeat"
    """They say the same."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What is between two entries.

    Attributes:
        clash: Its kind.
        here: What the first says in its place: a number, a few words.
        there: What the second says.
        here_in: The statement of the first in which that stands; empty where it is a title.
        there_in: That of the second.
        surety: How sure that is by the words alone, 0 to 1.
    """

    clash: Clash
    here: str
    there: str
    here_in: str
    there_in: str
    surety: float

    def turned(self) -> Disagreement:
        """The same seen from the second entry."""
        return replace(self, here=self.there, there=self.here, here_in=self.there_in, there_in=self.here_in)


LEAST, LEAST_REPEAT = 0.55, 0.68
"""The least score of a pair that is told: what repeats does less harm, and is there more often by the look of it alone."""

LEAST_SHARED = 0.7
"""The share of words that two statements about the same have in common (Dice)."""

_IN_ORDER = 0.75
"""The same of words in their order, of what one statement denies."""

_REPEATED = 0.6
"""Of near-identical texts so many rows of three words of the shorter one are in the other."""

COPIED, _SHORT = 0.85, 8
"""Texts of which so much is the same are copies; of those that state more than this whatever number differs in them."""

SAME = 0.8
"""How clear a similarity two entries have that say nearly the same, whatever their words; see `labels.resembles`."""

_SAME_BY_WORDS, _SAME_WORDS = 0.65, 0.55
"""How clear it is where they share so many of the words of both."""


_FEWEST = 2
_FEWEST_ROWS = 4
_OTHER_PROJECT, _OTHER_TITLE, _OTHER_CASE, _OTHER_SUBJECT = 0.8, 0.5, 0.6, 0.6
"""What surety is left where the entries belong to two projects, where their titles share no word, where these say that it is
the same of two things, and where each has a word of its own."""

_SAME_TITLE, _IN_TITLE = 0.6, 0.3
"""Titles that share so many of their words are of one subject; what a title and a sentence count that say the same."""

_TWO_THINGS = 0.8
"""What is left where each of two statements has a word of its own, though the other entry has it elsewhere."""

_LEAST_ALIKE = 0.4
"""The share of all words that two entries of one meaning have in common, and half of that of their titles: of less, one subject."""


_MOST_DIFFERING = 2
_QUOTED_CHARS = 70
_AROUND_CHARS = 40


def disagreement(one: TakenApart, other: TakenApart) -> Disagreement | None:
    """What two entries disagree about, or that they repeat each other; None where neither is to be seen."""
    best: Disagreement | None = None
    for here, there, shared in _of_the_same(one, other):
        found = _negated(here, there, shared) or _numbered(here, there, shared)
        if found is not None:
            surety = found.surety * _trust(one, other, here, there)
            if surety and (best is None or surety > best.surety):
                best = replace(found, surety=surety)
    repeated = repetition(one, other)
    is_long = min(len(one.statements), len(other.statements)) > _SHORT
    if best is not None and not (repeated >= COPIED and is_long and best.here_in):
        return best
    if repeated >= (COPIED if are_events(one, other) else _REPEATED) and not (
        is_a_series(one, other) or says_less(one, other)
    ):
        return same(one, other, repeated)
    return None


def without_rounds(pairs: Sequence[tuple[_T, _T]]) -> list[bool]:
    """Which pairs join what no earlier one does: of three that say the same two pairs say all."""
    group: dict[_T, _T] = {}

    def root(name: _T) -> _T:
        while group.setdefault(name, name) != name:
            name = group[name]
        return name

    joins = []
    for one, other in pairs:
        a, b = root(one), root(other)
        joins.append(a != b)
        group[a] = b
    return joins


def grouped(pairs: Iterable[tuple[_T, _T]]) -> list[set[_T]]:
    """The groups of what is joined by pairs, in the order of the first pair of each."""
    group: dict[_T, set[_T]] = {}
    for one, other in pairs:
        few, many = sorted((group.setdefault(one, {one}), group.setdefault(other, {other})), key=len)
        if few is not many:
            many |= few
            group.update(dict.fromkeys(few, many))
    return list({id(each): each for each in group.values()}.values())


def same(one: TakenApart, other: TakenApart, surety: float) -> Disagreement:
    """That two entries say the same."""
    return Disagreement(Clash.REPEAT, _cut(one.title.text), _cut(other.title.text), "", "", surety)


def between(one: TakenApart, other: TakenApart, clear: float) -> Disagreement | None:
    """What is between two entries of which it is known how clear their similarity is."""
    what = disagreement(one, other)
    if what is None and not is_a_series(one, other):
        surety = sameness(one, other, clear)
        return same(one, other, surety) if surety else None
    return what


def is_told(what: Disagreement, score: float) -> bool:
    """Whether it is sure enough to be told."""
    return score >= (LEAST_REPEAT if what.clash is Clash.REPEAT else LEAST)


def scored(what: Disagreement, clear: float) -> float:
    """How sure it is, 0 to 1, by words and meaning."""
    return what.surety * (0.4 + 0.6 * min(1.0, max(0.0, clear) / SAME))


def repetition(one: TakenApart, other: TakenApart) -> float:
    """The share of the rows of three words of the shorter text that stand in the other one; of short texts, of words."""
    fewer = min(len(one.rows), len(other.rows))
    if fewer >= _FEWEST_ROWS:
        return len(one.rows & other.rows) / fewer
    return len(one.words & other.words) / max(1, len(one.words | other.words))


def sameness(one: TakenApart, other: TakenApart, clear: float) -> float:
    """How sure it is that two entries say the same in other words, 0 to 1, by how clear their similarity is and the words they share."""
    shared = len(one.about & other.about) / max(1, len(one.about | other.about))
    if names(one, other) or names(other, one) or is_an_occasion(one, other, shared) or are_two_of_a_kind(one, other):
        return 0.0
    if says_less(one, other):
        return 0.0
    about = len(one.title.words & other.title.words) / max(1, len(one.title.words | other.title.words))
    if clear < SAME and not (clear >= _SAME_BY_WORDS and shared >= _SAME_WORDS):
        return 0.0
    if shared + about / 2 < _LEAST_ALIKE:
        return 0.0
    return min(1.0, clear) * (0.8 + 0.2 * min(1.0, shared / _SAME_WORDS))


def _of_the_same(one: TakenApart, other: TakenApart) -> Iterator[tuple[Statement, Statement, float]]:
    """Statements of both that are about the same, with the share of words that they have in common."""
    for here in one.statements:
        for there in other.statements:
            shared = len(here.words & there.words)
            both = len(here.words) + len(there.words)
            is_enough = shared >= _FEWEST or (shared == both / 2 == 1 and here.is_title and there.is_title)
            if not is_enough or 2 * shared < LEAST_SHARED * both or here.key != there.key:
                continue
            if (here.words - there.words) - other.words and (there.words - here.words) - one.words:
                continue  # each says something of its own: two subjects, or two cases of one
            are_two = bool(here.words - there.words and there.words - here.words)
            yield here, there, 2 * shared / both * (_TWO_THINGS if are_two else 1.0)


def _negated(here: Statement, there: Statement, shared: float) -> Disagreement | None:
    """That one statement says what the other denies."""
    if min(len(here.words), len(there.words)) < _FEWEST:
        return None
    if not here.sense.is_opposite_of(there.sense) or here.is_code or there.is_code or not _is_in_order(here, there):
        return None
    said = [_around(each.text, each.sense.said) for each in (here, there)]
    return Disagreement(Clash.NEGATION, said[0], said[1], _cut(here.text), _cut(there.text), shared)


def _is_in_order(here: Statement, there: Statement) -> bool:
    """Whether two statements say their words in about the same order: deleting what is not tracked is no untracking."""
    one, other = ([word for word in each.row if word in each.words] for each in (here, there))
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return 2 * sum(block.size for block in blocks) >= _IN_ORDER * (len(one) + len(other))


def _numbered(here: Statement, there: Statement, shared: float) -> Disagreement | None:
    """That two statements of the same words say other numbers."""
    if set(here.numbers) <= set(there.numbers) or set(there.numbers) <= set(here.numbers):
        return None  # the same ones, or one says more of them
    if any(is_a_step(each) or is_a_task(each) for each in (here, there)):
        return None
    differing = [each for each in _in_the_same_place(here, there) if not _is_same_number(*each[:2])]
    if not 0 < len(differing) <= _MOST_DIFFERING:
        return None
    one, other, before = differing[0]
    is_version = before in VERSIONED or one.count(".") > 1 or other.count(".") > 1
    if is_version and all(is_for(each) for each in (here, there)):
        return None
    clash = Clash.VERSION if is_version else Clash.NUMBER
    return Disagreement(clash, one, other, _cut(here.text), _cut(there.text), shared)


def _in_the_same_place(here: Statement, there: Statement) -> Iterator[tuple[str, str, str]]:
    """Numbers of both that stand after or before the same words, with the word before."""
    one, other = here.row, there.row
    for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
        for a, b in zip(range(block.a, block.a + block.size), range(block.b, block.b + block.size)):
            is_beside = one[max(a - 1, 0) : a] == other[max(b - 1, 0) : b] or one[a + 1 : a + 2] == other[b + 1 : b + 2]
            if one[a] == "#" and is_beside:
                before = one[a - 1] if a else ""
                yield here.numbers[one[:a].count("#")], there.numbers[other[:b].count("#")], before


def _is_same_number(one: str, other: str) -> bool:
    """Whether two numbers are one, written in two ways, or one less exactly: 3.11 and 3.11.2, 1,000 and 1000."""
    if one.replace(",", "") == other.replace(",", ""):
        return True
    short, long = sorted((one, other), key=len)
    return "." in short and long.startswith(f"{short}.")


def _trust(one: TakenApart, other: TakenApart, here: Statement, there: Statement) -> float:
    """What the entries around two statements leave of the surety that these are about the same."""
    trust = _OTHER_PROJECT if one.project and other.project and one.project != other.project else 1.0
    if here.is_title and there.is_title:
        return trust
    trust *= _OTHER_CASE if is_a_series(one, other) else _OTHER_SUBJECT if has_each_its_own(one, other) else 1.0
    about = 2 * len(one.title.words & other.title.words) / max(1, len(one.title.words) + len(other.title.words))
    if (here.is_code or there.is_code) and about < _SAME_TITLE:
        return 0.0
    if here.is_title or there.is_title:
        about = max(about, _IN_TITLE)
    return trust * (_OTHER_TITLE + (1 - _OTHER_TITLE) * min(1.0, about / _SAME_TITLE))


def _around(text: str, words: Sequence[str]) -> str:
    """A few words of a statement around those that turn it, or its beginning where none does."""
    at = min((found for word in words if (found := text.find(word)) >= 0), default=0)
    begin = text.rfind(" ", 0, max(at - 12, 0)) + 1 if at > 12 else 0
    return ("…" if begin else "") + _cut(text[begin:], _AROUND_CHARS)


def _cut(text: str, most: int = _QUOTED_CHARS) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
