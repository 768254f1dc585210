"""Two cases of one pattern, which neither contradict nor repeat each other: part 1 and part 2, a task with another number."""

from __future__ import annotations

from rekall.knowledge.statements import Statement, TakenApart, plain_words, stem

_SERIES, _PATTERN = 0.7, 0.65
"""Titles that share so many of their words are of one pattern, with words of their own that stand nowhere else, or one each."""


_LEAST_SHARED, _LEAST_SHARED_LONG, _LONG_TEXT = 0.3, 0.45, 40
"""What texts of one title share that say the same; those that say more words than the last figure share more by chance."""

_FEWEST_IN_NAME = 3
"""Shorter titles stand in other texts by chance."""

_TASK_WORDS = (
    "upgrade update bump release released releases backport cherrypick cherry migrate changelog features notes news"
)
_TASKS = frozenset(map(stem, _TASK_WORDS.split()))
"""What is done for one version after the other, which is no contradiction."""

_DOING_WORDS = (
    "add append backport calculate clone compare compile compute concatenate convert copy create cut decode delete determine "
    "divide draw drop encode execute extract fetch fill filter find fix generate get grep implement initialize insert install "
    "iterate join launch move parse pick plot print read remove rename repeat replace resize return reverse round save select "
    "show shuffle slice split strip subtract sum swap throw transform trim undo uninstall unzip write zip"
)
_STATING_WORDS = (
    "is are was were be has have had must should may need needs require requires take takes every each per least most within "
    "maximum minimum always never only limit timeout interval rate size count quota ttl retention"
)
_DOING, _STATING = (frozenset(map(stem, words.split())) for words in (_DOING_WORDS, _STATING_WORDS))
"""How a task begins that can be done with any number, and words by which a number is a rule all the same."""

_JOBS = frozenset(
    frozenset(map(stem, pair.split("/")))
    for pair in [
        "add/remove",
        "create/delete",
        "start/stop",
        "encode/decode",
        "encrypt/decrypt",
        "import/export",
        "push/pop",
        "push/pull",
        "open/close",
        "get/set",
        "read/write",
        "show/hide",
        "upload/download",
        "increase/decrease",
        "insert/delete",
        "keep/drop",
        "save/load",
    ]
)
"""Two jobs of which each undoes the other."""

_LOOKING = frozenset(("check", word) for word in ("if", "whether", "that"))

_ASKING = frozenset(("how", "to", "do", "does", "i", "can", "you", "one", "we"))
"""What stands before a task in a question."""

_EVENT_WORDS = "outage incident postmortem meeting standup retro retrospective call minutes weekly daily"
_EVENTS = frozenset(map(stem, _EVENT_WORDS.split()))
"""Under such a title stands something else each time."""


def is_a_series(one: TakenApart, other: TakenApart) -> bool:
    """Whether the titles say that it is the same of two things: part 1 and part 2, this module and that one."""
    if one.counts != other.counts or (one.names and other.names and not one.names & other.names):
        return True
    here, there = one.title.words, other.title.words
    is_pattern = 2 * len(here & there) >= _SERIES * (len(here) + len(there))
    return is_pattern and has_each_its_own(one, other)


def has_each_its_own(one: TakenApart, other: TakenApart) -> bool:
    """Whether each title has a word that the other entry has nowhere: two subjects."""
    here, there = one.title.words, other.title.words
    return bool((here - there) - other.words and (there - here) - one.words)


def are_events(one: TakenApart, other: TakenApart) -> bool:
    """Whether the titles are one, of what happens again and again."""
    return one.title.words == other.title.words and bool(one.title.words & _EVENTS)


def is_an_occasion(one: TakenApart, other: TakenApart, shared: float) -> bool:
    """Whether two entries of one title tell of two occasions: `shared` of their words is what the same subject has anyway."""
    if one.title.words != other.title.words:
        return False
    if are_events(one, other):
        return True
    is_long = min(len(one.about), len(other.about)) > _LONG_TEXT
    return shared < (_LEAST_SHARED_LONG if is_long else _LEAST_SHARED)


def are_two_of_a_kind(one: TakenApart, other: TakenApart) -> bool:
    """Whether the titles are of one pattern, with one word of its own on either side: the keys and the values of an object.

    Words that a title begins with say the same in two ways, to find and to resolve, unless these are two jobs.
    """
    here, there = one.title.words, other.title.words
    is_pattern = 2 * len(here & there) >= _PATTERN * (len(here) + len(there))
    if not is_pattern or not len(here - there) == len(there - here) == 1:
        return False
    own, others = *(here - there), *(there - here)
    if (own, others) != (one.title.row[0], other.title.row[0]):
        return True
    said, instead = (plain_words(each.title.text)[0] for each in (one, other))
    return said.endswith(instead) or instead.endswith(said) or frozenset((own, others)) in _JOBS


def says_less(one: TakenApart, other: TakenApart) -> bool:
    """Whether one entry is a title alone, and a title has a word that the other entry has nowhere: there is too little to go by."""
    own = (one.title.words - other.words) | (other.title.words - one.words)
    return (one.is_bare or other.is_bare) and bool(own)


def names(one: TakenApart, other: TakenApart) -> bool:
    """Whether an entry names another one by its title, or by a file of that name: who wrote it knows both."""
    title = plain_words(other.title.text)
    if title == plain_words(one.title.text):
        return False
    name = f" {' '.join(title)} "
    return (len(title) >= _FEWEST_IN_NAME and name in one.plain) or f"{name}md " in one.plain


def is_a_task(said: Statement) -> bool:
    """Whether a statement says what can be done with any number: round to two digits, get the date in three days."""
    if _TASKS & said.words:
        return True
    first, second = [*(word for word in said.row if word not in _ASKING), "", ""][:2]
    return (first, second) in _LOOKING or (first in _DOING and not _STATING & frozenset(said.row))


def is_for(said: Statement) -> bool:
    """Whether a statement states nothing and is for something of a version: a Dockerfile for Debian 12."""
    return "for" in said.row[: said.row.index("#")] and not _STATING & frozenset(said.row)


def is_a_step(said: Statement) -> bool:
    """Whether a statement goes from one number to another."""
    row = "\0".join(said.row)
    return "from\0#\0" in row and "to\0#" in row
