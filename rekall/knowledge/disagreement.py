"""What two entries that are near in meaning disagree about, or whether they say the same (docs/living.md, docs/adr/0048).

Two statements are about the same where they share their words, and neither has a word of its own that tells another subject. Then they
are looked at for what differs: a number, a version, a negation. Nothing is understood; what is told quotes both places, so that a person sees at a
glance what it is worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import Enum

from rekall.knowledge.statements import Statement, TakenApart, plain_words, stem


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


LEAST = 0.55
"""The least score of a pair that is told."""

LEAST_SHARED = 0.7
"""The share of words that two statements about the same have in common (Dice)."""

_IN_ORDER = 0.75
"""The same of words in their order, of what one statement denies."""

_REPEATED = 0.6
"""Of near-identical texts so many rows of three words of the shorter one are in the other."""

_COPIED, _SHORT = 0.85, 8
"""Texts of which so much is the same, and which state more than this, are copies, whatever number differs in them."""

SAME = 0.8
"""How clear a similarity two entries have that say nearly the same, whatever their words; see `labels.resembles`."""

_SAME_BY_WORDS, _SAME_WORDS, _LEAST_SHARED = 0.65, 0.55, 0.3
"""How clear it is where they share so many of the words of both. Of one title and fewer shared words, each is about a case of its own."""

_FEWEST_IN_NAME = 3
"""Shorter titles stand in other texts by chance."""

_FEWEST = 2
_FEWEST_ROWS = 4
_OTHER_PROJECT, _OTHER_TITLE, _OTHER_CASE = 0.8, 0.5, 0.6
"""What surety is left where the entries belong to two projects, where their titles share no word, and where these say that it is
the same of two things."""

_SAME_TITLE, _IN_TITLE = 0.6, 0.3
"""Titles that share so many of their words are of one subject; what a title and a sentence count that say the same."""

_MOST_DIFFERING = 2
_QUOTED_CHARS = 70
_AROUND_CHARS = 40

_VERSIONED_WORDS = (
    "version v release python node nodejs java jdk go golang rust ruby php postgres mysql django rails react vue angular "
    "ubuntu debian kernel npm pip sdk api kubernetes"
)
_TASK_WORDS = (
    "upgrade update bump release released releases backport cherrypick cherry migrate changelog features notes news"
)
_TASKS = frozenset(map(stem, _TASK_WORDS.split()))
"""What is done for one version after the other, which is no contradiction."""

_VERSIONED = frozenset(map(stem, _VERSIONED_WORDS.split()))
"""What has versions, by its stem."""


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
    if best is not None and not (repeated >= _COPIED and is_long and best.here_in):
        return best
    if repeated >= _REPEATED and not is_a_series(one, other):
        return same(one, other, repeated)
    return None


def without_rounds(pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """Which pairs join what no earlier one does: of seven copies six pairs say all."""
    group: dict[str, str] = {}

    def root(name: str) -> str:
        while group.setdefault(name, name) != name:
            name = group[name]
        return name

    joins = []
    for one, other in pairs:
        a, b = root(one), root(other)
        joins.append(a != b)
        group[a] = b
    return joins


def same(one: TakenApart, other: TakenApart, surety: float) -> Disagreement:
    """That two entries say the same."""
    return Disagreement(Clash.REPEAT, _cut(one.title.text), _cut(other.title.text), "", "", surety)


def is_a_series(one: TakenApart, other: TakenApart) -> bool:
    """Whether the titles say that it is the same of two things: part 1 and part 2, this module and that one."""
    if one.counts != other.counts:
        return True
    here, there = one.title.words, other.title.words
    is_pattern = 2 * len(here & there) >= LEAST_SHARED * (len(here) + len(there))
    return is_pattern and bool((here - there) - other.words and (there - here) - one.words)


def between(one: TakenApart, other: TakenApart, clear: float) -> Disagreement | None:
    """What is between two entries of which it is known how clear their similarity is."""
    what = disagreement(one, other)
    if what is None and not is_a_series(one, other):
        surety = sameness(one, other, clear)
        return same(one, other, surety) if surety else None
    return what


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
    if _names(one, other) or _names(other, one) or (one.title.words == other.title.words and shared < _LEAST_SHARED):
        return 0.0
    if clear < SAME and not (clear >= _SAME_BY_WORDS and shared >= _SAME_WORDS):
        return 0.0
    return min(1.0, clear) * (0.8 + 0.2 * min(1.0, shared / _SAME_WORDS))


def _names(one: TakenApart, other: TakenApart) -> bool:
    """Whether an entry names another one by its title, or by a file of that name: who wrote it knows both."""
    title = plain_words(other.title.text)
    if title == plain_words(one.title.text):
        return False
    return len(title) >= _FEWEST_IN_NAME and f" {' '.join(title)} " in one.plain


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
            yield here, there, 2 * shared / both


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
    if _TASKS & (here.words | there.words) or _is_a_step(here) or _is_a_step(there):
        return None
    differing = [each for each in _in_the_same_place(here, there) if not _is_same_number(*each[:2])]
    if not 0 < len(differing) <= _MOST_DIFFERING:
        return None
    one, other, before = differing[0]
    is_version = before in _VERSIONED or one.count(".") > 1 or other.count(".") > 1
    clash = Clash.VERSION if is_version else Clash.NUMBER
    return Disagreement(clash, one, other, _cut(here.text), _cut(there.text), shared)


def _is_a_step(said: Statement) -> bool:
    """Whether a statement goes from one number to another."""
    row = "\0".join(said.row)
    return "from\0#\0" in row and "to\0#" in row


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
    trust *= _OTHER_CASE if is_a_series(one, other) else 1.0
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
