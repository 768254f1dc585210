"""Entries taken apart into statements, so that what two of them say can be compared (docs/adr/0048).

A statement is a title, a sentence, or a line that gives something a value. Its words are brought to their stems, numbers stand apart,
and so do the words that turn what it says into its opposite.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from rekall.entry.fields import FIELDS, Draft, Kind
from rekall.knowledge.opposites import Sense, marked, split

_FEW_WORDS, _FEWEST = 3, 2
"""Sentences that are compared have so many words that say something; titles and settings so many."""

_MOST_STATEMENTS = 60
_MOST_CHARS = 300
_LONGEST_SETTING = 120
_READ_CHARS = 8_000
"""Characters of an entry that are taken apart: what it is about stands at its beginning."""

_WORD = re.compile(
    r"[A-Z]{2,10}(?:-\d+)+\b|(?i:v?\d+(?:[.,:]\d+)*(?:\.x)?|(?<![\w.])\.\d+|[^\W\d_]+(?:['’][^\W\d_]+)*)"
)
"""A ticket, a number, a word."""
_NUMBER = re.compile(r"v?\.?\d", re.IGNORECASE)
_SPACELESS = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_NO_NUMBER = re.compile(
    r"\b\d{4}-\d{1,2}(?:-\d{1,2})?(?:[T ]\d{1,2}:\d{2}(?::\d{2})?)?\b"  # a date
    r"|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\b\d{1,2}:\d{2}(?::\d{2})?\b"
    r"|\b(?=[0-9a-f-]*\d)(?=[0-9a-f-]*[a-f])[0-9a-f]{7,}(?:-[0-9a-f]{4,})*\b|\b0x[0-9a-f]+",  # a hash
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_ADDRESS = re.compile(r"(?:https?|ssh|ftp|file)://\S+|\]\([^)\s]*\)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_SETTING = re.compile(r"^\s*(?:[-*]\s+)?(?:export\s+|set\s+)?([\w.$\[\]\"'-]{2,60})\s*(?::=|=|:)\s*\S")
_MARKS = re.compile(r"^\s*(?:#{1,6}\s+|[-*+]\s+(?:\[.\]\s+)?|>\s*|\d{1,3}[.)]\s+)+")

_COUNTED_WORDS = (
    "part parts chapter section day week month sprint step episode lesson issue pr ticket bug phase figure fig table line "
    "page level exercise example number no teil kapitel tag woche schritt partie chapitre jour semaine étape capítulo parte "
    "día semana paso iteration round adr rfc volume vol item question task option incident outage case"
)
"""What is counted: of part 2 something else holds than of part 3, and nobody said that it is the same."""

_EMPTY_WORDS = (
    "a an the of to in on at for by from as is are was were be been being it its this that these those i we you they he "
    "she my our your their there here and or but if then than so too also just only very can could will would shall should "
    "may might must do does did has have had when where which who what how why one all any each more most some such into "
    "over per about still now already yet again once s t re ve ll d m",
    "der die das den dem des ein eine einen einem einer und oder aber wenn dann für von zu zur zum im am auf ist sind war "
    "wird werden man wir sie er es sich auch nur noch muss soll sollte kann",
    "le la les l un une des du de et ou mais si par pour dans sur est sont il elle on nous vous se que qui doit peut",
    "el los las uno una unos del y o pero por para en es son se que debe puede",
    "os um uma do da dos das e em na por é são que deve pode",
)
"""Words that say nothing of what a sentence is about, by language. None of them turns it."""

_COUNTED = frozenset(_COUNTED_WORDS.split())
_EMPTY = frozenset(word for line in _EMPTY_WORDS for word in line.split())

_LONG_FORMS = {
    **dict.fromkeys(("min", "mins"), "minute"),
    **dict.fromkeys(("sec", "secs"), "second"),
    **dict.fromkeys(("hr", "hrs"), "hour"),
    "req": "request",
    "reqs": "request",
    "db": "database",
    "dbs": "database",
    "config": "configuration",
    "conf": "configuration",
    "prod": "production",
    "env": "environment",
    "repo": "repository",
    "k8s": "kubernetes",
    "postgresql": "postgres",
    "max": "maximum",
    "mem": "memory",
    "docs": "documentation",
    "auth": "authentication",
}

_ENDINGS = (
    "ation",
    "ations",
    "ments",
    "ment",
    "ings",
    "ing",
    "edly",
    "ies",
    "ed",
    "es",
    "en",
    "er",
    "ly",
    "s",
    "e",
    "y",
    "n",
)
_SHORTEST_STEM, _LONGEST_STEM = 4, 7


@dataclass(frozen=True, slots=True)
class Statement:
    """A title, a sentence or a setting, taken apart.

    Attributes:
        text: As it stands there, on one line.
        words: The stems of the words that say what it is about.
        row: The stems of all words in their order, with # for each number.
        numbers: The numbers, in their order.
        sense: How other words turn it.
        is_title: Whether it is a title.
        is_code: Whether it stands in a block of code.
        key: What it gives a value to; empty where it is no setting.
    """

    text: str
    words: frozenset[str]
    row: tuple[str, ...]
    numbers: tuple[str, ...]
    sense: Sense
    is_title: bool = False
    is_code: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class TakenApart:
    """An entry as statements.

    Attributes:
        title: Its title.
        statements: Its title and what else it states.
        words: The stems of all its words.
        about: Those of the words that say what it is about.
        plain: All its words in small letters, with a blank around each.
        rows: Checksums of its rows of three words.
        counts: The numbers in its title, also those that only count.
        project: What it belongs to.
    """

    title: Statement
    statements: tuple[Statement, ...]
    words: frozenset[str]
    about: frozenset[str]
    plain: str = field(repr=False)
    rows: frozenset[int] = field(repr=False)
    counts: tuple[str, ...] = ()
    project: str | None = None


def taken_apart(entry: Draft) -> TakenApart:
    """An entry taken apart, to be compared with others."""
    title = statement(entry.title, is_title=True)
    texts = [text for each in _STATING for text in each.texts(entry)]
    whole = _COMMENT.sub("", "\n".join(texts)[:_READ_CHARS])
    found = [title]
    for line, is_code in _sentences(whole):
        if len(found) > _MOST_STATEMENTS:
            break
        setting = _SETTING.match(line) if len(line) < _LONGEST_SETTING else None
        if is_code and setting is None:
            continue
        made = statement(line, is_code=is_code, key=setting[1].strip("\"'").casefold() if setting else "")
        is_telling = bool(made.numbers or made.sense.said) if setting else len(made.words) >= _FEW_WORDS
        if is_telling and len(made.words) >= _FEWEST:
            found.append(made)
    row = plain_words(f"{entry.title}\n{whole}")
    rows = frozenset(map(hash, zip(row, row[1:], row[2:])))
    counts = tuple(word.lower() for word in _words(entry.title) if _NUMBER.match(word))
    words, about = frozenset(map(stem, row)), frozenset(stem(word) for word in row if word not in _EMPTY)
    return TakenApart(title, tuple(found), words, about, f" {' '.join(row)} ", rows, counts, entry.project)


_STATING = tuple(each for each in FIELDS if each.kind in (Kind.TEXT, Kind.ITEMS) and each.name != "sources")
"""The fields that state something."""


def statement(text: str, *, is_title: bool = False, is_code: bool = False, key: str = "") -> Statement:
    """A text taken apart."""
    text = " ".join(_MARKS.sub("", text).split())[:_MOST_CHARS]
    bare = _NO_NUMBER.sub(" ", _ADDRESS.sub(" ", text))
    row: list[str] = []
    numbers: list[str] = []
    spoken: list[str] = []
    last = ""
    for word in _words(marked(bare)):
        plain = word.casefold()
        if not _NUMBER.match(word):
            spoken.append(word)
            row.append(stem(plain))
        elif not _YEAR.fullmatch(word) and last not in _COUNTED:
            numbers.append(plain.lstrip("v"))
            row.append("#")
        last = plain
    about, sense = split(spoken)
    words = frozenset(stem(word) for word in about if word not in _EMPTY)
    return Statement(text, words, tuple(row), tuple(numbers), sense, is_title, is_code, key)


def stem(word: str) -> str:
    """What the forms of a word have in common, roughly: `deploy`, `deploys` and `deployment`."""
    word = _LONG_FORMS.get(word, word)
    if len(word) == _SHORTEST_STEM and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    if len(word) > _SHORTEST_STEM:
        for _ in range(2):
            for ending in _ENDINGS:
                if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
                    word = word[: -len(ending)]
                    break
    return word[:_LONGEST_STEM]


def about(text: str) -> frozenset[str]:
    """The stems of the words of a text that say what it is about, and its numbers."""
    return frozenset(stem(word) for word in plain_words(text) if word not in _EMPTY)


def plain_words(text: str) -> list[str]:
    """The words and numbers of a text in small letters, in their order."""
    return [word.casefold() for word in _words(text)]


def _words(text: str) -> list[str]:
    """Words and numbers; letters of scripts without blanks are words of one letter."""
    found = _WORD.findall(text.replace("_", " "))
    if text.isascii() or not _SPACELESS.search(text):
        return found
    return [part for word in found for part in (word if _SPACELESS.search(word) else (word,))]


def _sentences(text: str) -> Iterator[tuple[str, bool]]:
    """The sentences and lines of a text, with whether they stand in a block of code."""
    is_code = False
    paragraph: list[str] = []

    def told() -> Iterator[tuple[str, bool]]:
        for sentence in _END.split(" ".join(paragraph)):
            yield sentence, False
        paragraph.clear()

    for line in text.splitlines():
        if _FENCE.match(line):
            yield from told()
            is_code = not is_code
        elif is_code or line.startswith(("    ", "\t")):
            yield line, True
        elif not line.strip() or _MARKS.match(line) or _SETTING.match(line):
            yield from told()
            paragraph += [line] if line.strip() else []
        else:
            paragraph.append(line)
    yield from told()
