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

_FEW_SIGNS, _MOST_SIGNS = 3, 0.06
"""A line with more signs of code than this, and than this share of its characters, is code, whether it is marked so or not."""

_MOST_STATEMENTS = 60
_MOST_CHARS = 300
_LONGEST_SETTING = 120
_READ_CHARS = 8_000
"""Characters of an entry that are taken apart: what it is about stands at its beginning."""

_WORD = re.compile(
    r"[A-Z]{2,10}(?:-\d+)+\b|(?i:(?!v\d)[a-z]+-?\d[a-z\d]*(?:\.\d+)*|v?\d+(?:[.,:]\d+)*(?:\.x)?|(?<![\w.])\.\d+|[^\W\d_]+(?:['’][^\W\d_]+)*)"
)
"""A ticket, a name with a digit in it, a number, a word."""
_GLUED = re.compile(r"([a-z]{2,}?)-?(\d+(?:\.\d+)*)", re.IGNORECASE)
_NUMBER = re.compile(r"v?\.?\d", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_NAME = re.compile(r"\b(?:[a-z]+[A-Z]\w*|[A-Z]+[a-z]+[A-Z]\w*|[^\W_]+_\w+)")
_CODE_SIGN = re.compile(r"[(){}\[\]=;<>|$\\]")
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
    "over per about still now already yet again once times s t re ve ll d m",
    "der die das den dem des ein eine einen einem einer und oder aber wenn dann für von zu zur zum im am auf ist sind war "
    "wird werden man wir sie er es sich auch nur noch muss soll sollte kann",
    "le la les l un une des du de et ou mais si par pour dans sur est sont il elle on nous vous se que qui doit peut",
    "el los las uno una unos del y o pero por para en es son se que debe puede",
    "os um uma do da dos das e em na por é são que deve pode",
)
"""Words that say nothing of what a sentence is about, by language. None of them turns it."""

_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve",
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "zéro - deux trois quatre cinq - sept huit - dix onze douze",
    "cero - - tres cuatro cinco seis siete ocho nueve diez once doce",
)
"""The numbers up to twelve, by language; a word that means something else more often is left out."""

_TIMES = re.compile(r"\b(?:(twice)|(thrice)|once(?= (?:an?|per|every|each)\b)|([a-zäöüß]+)mal\b)", re.IGNORECASE)
"""How often, in a word."""

_COUNTED = frozenset(_COUNTED_WORDS.split())
_NUMBERED = {
    word: str(number)
    for line in _NUMBER_WORDS
    for number, word in enumerate(line.split())
    if word not in ("-", "once", "null")
}
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

_VERSIONED_WORDS = (
    "version v release python node nodejs java jdk go golang rust ruby php postgres mysql django rails react vue angular "
    "ubuntu debian centos fedora alpine kernel npm pip sdk api kubernetes"
)


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
        counts: The numbers in its title, also those that only count, and its names with a number in them.
        names: The names in its title that look like those of a program.
        is_bare: Whether it says nothing but its title.
        project: What it belongs to.
    """

    title: Statement
    statements: tuple[Statement, ...]
    words: frozenset[str]
    about: frozenset[str]
    plain: str = field(repr=False)
    rows: frozenset[int] = field(repr=False)
    counts: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    is_bare: bool = False
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
        is_code = is_code or len(_CODE_SIGN.findall(line)) > max(_FEW_SIGNS, _MOST_SIGNS * len(line))
        if is_code and setting is None:
            continue
        made = statement(line, is_code=is_code, key=setting[1].strip("\"'").casefold() if setting else "")
        is_telling = bool(made.numbers or made.sense.said) if setting else len(made.words) >= _FEW_WORDS
        if is_telling and len(made.words) >= _FEWEST:
            found.append(made)
    row = plain_words(f"{entry.title}\n{whole}")
    rows = frozenset(map(hash, zip(row, row[1:], row[2:])))
    counts = tuple(
        _number(word) or word.casefold() for word in _words(entry.title) if _number(word) or _DIGIT.search(word)
    )
    words, about = frozenset(map(stem, row)), frozenset(stem(word) for word in row if word not in _EMPTY)
    return TakenApart(
        title=title,
        statements=tuple(found),
        words=words,
        about=about,
        plain=f" {' '.join(row)} ",
        rows=rows,
        counts=counts,
        names=frozenset(map(str.casefold, _NAME.findall(entry.title))),
        is_bare=not whole.strip(),
        project=entry.project,
    )


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
    for word in _words(_TIMES.sub(_times, marked(bare))):
        plain, number = word.casefold(), _number(word)
        if not number:
            spoken.append(word)
            row.append(stem(plain))
        elif not _YEAR.fullmatch(word) and last not in _COUNTED:
            numbers.append(number)
            row.append("#")
        last = plain
    about, sense = split(spoken)
    words = frozenset(stem(word) for word in about if word not in _EMPTY)
    return Statement(text, words, tuple(row), tuple(numbers), sense, is_title, is_code, key)


def _number(word: str) -> str:
    """The number that a word is, in digits; empty where it is none."""
    plain = word.casefold()
    return plain.lstrip("v") if _NUMBER.match(word) else _NUMBERED.get(plain, "")


def _times(found: re.Match[str]) -> str:
    """How often, as a number and a word."""
    number = "2" if found[1] else "3" if found[2] else _NUMBERED.get(found[3].casefold(), "") if found[3] else "1"
    return f"{number} times" if number else found[0]


def stem(word: str) -> str:
    """What the forms of a word have in common, roughly: `deploy`, `deploys` and `deployment`."""
    word = _LONG_FORMS.get(word, word)
    if _DIGIT.search(word):  # a name, which has no forms
        return word
    if len(word) == _SHORTEST_STEM and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    if len(word) > _SHORTEST_STEM:
        for _ in range(2):
            for ending in _ENDINGS:
                if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
                    word = word[: -len(ending)]
                    break
    return word[:_LONGEST_STEM]


VERSIONED = frozenset(map(stem, _VERSIONED_WORDS.split()))
"""What has versions, by its stem."""


def about(text: str) -> frozenset[str]:
    """The stems of the words of a text that say what it is about, and its numbers."""
    return frozenset(stem(word) for word in plain_words(text) if word not in _EMPTY)


def plain_words(text: str) -> list[str]:
    """The words and numbers of a text in small letters, in their order."""
    return [word.casefold() for word in _words(text)]


def _words(text: str) -> list[str]:
    """Words and numbers; letters of scripts without blanks are words of one letter."""
    found = [part for word in _WORD.findall(text.replace("_", " ")) for part in _taken_from(word)]
    if text.isascii() or not _SPACELESS.search(text):
        return found
    return [part for word in found for part in (word if _SPACELESS.search(word) else (word,))]


def _taken_from(word: str) -> tuple[str, ...]:
    """A word; of one such as `python3` the name and its version."""
    glued = _GLUED.fullmatch(word)
    return glued.groups() if glued and stem(glued[1].casefold()) in VERSIONED else (word,)


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
