"""Versions that notes are about, and which of them others have left behind. What is said here is meant to be right, not complete.

A note is about the version that its title, its tags or its situation names. That is old where a later note, or a file of the
project, names a later one of the same thing: another major version, or two minor ones on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rekall.entry.fields import Entry

Number = tuple[int, ...]

_WHOLE_WORDS = (
    "android angular bootstrap c++ clang debian drupal fedora flutter gcc ios java jdk laravel llvm magento "
    "node nodejs openjdk php postgres postgresql rails react spring symfony tailwind tomcat typescript ubuntu "
    "vue vuejs webpack"
)
_WHOLE = frozenset(_WHOLE_WORDS.split())
"""What people call by its major version alone; of anything else a number without a dot may count anything."""

_KNOWN_WORDS = (
    "airflow ansible bash celery cmake cuda cypress dart deno django docker elasticsearch elixir ember erlang "
    "ffmpeg flask git go gradle grafana graphql hadoop helm jest jquery julia junit kafka kotlin kubernetes "
    "linux lua macos mariadb maven mongodb mysql nextjs nginx npm numpy nuxt openssl pandas perl pip "
    "playwright prisma prometheus pytest python pytorch rabbitmq redis ruby rust scala scipy spark sqlalchemy "
    "sqlite svelte swift tensorflow terraform vim vite yarn zsh"
)
_KNOWN = frozenset(_KNOWN_WORDS.split())
"""What is known by its name in lower case too."""

_NO_NAMES_WORDS = (
    "a about after all an and any approx around as at be before below between bug by chapter chunk clause "
    "column day days draft equals error example factor figure first floor for from got half has hour hours in "
    "is issue item just last least less level line listing max min minute minutes month more most note number "
    "of on only or over page part parts per percent phase pi point port ratio rfc rule same second seconds "
    "section series size stage step table takes than the then this tip to top under up version versions vol "
    "volume was week weight with x year years"
)
_NO_NAMES = frozenset(_NO_NAMES_WORDS.split())
"""Words before a number that is no version of theirs."""

_SAME = {
    "postgres": "postgresql",
    "pg": "postgresql",
    "nodejs": "node",
    "node.js": "node",
    "vuejs": "vue",
    "vue.js": "vue",
    "golang": "go",
    "openjdk": "java",
    "jdk": "java",
    "python3": "python",
    "py": "python",
    "k8s": "kubernetes",
    "es": "elasticsearch",
}

_NAMED = re.compile(
    r"(?<![\w./@+-])(?P<name>[kK]8s|[A-Za-z][A-Za-z+#]*(?:\.js)?)(?P<mark>[ \-/:@=]{1,2}v?|v|(?=\d+\.\d))"
    r"(?P<number>\d{1,4}(?:\.\d{1,4}){0,3})(?P<end>\+|\.[xX*](?!\w)|(?![\w.,%:/-]*\d|\w|%|°|\s*(?:[munµ]?s|secs?|seconds?|min|minutes?|hours?|days?|weeks?|months?|"
    r"years?|times|x|[kmgtKMGT]i?[Bb]|bytes|lines|points?|percent|million|billion|inch|px|em|rem|kg|km|mm|cm|EUR|USD|dollars|euros)\b))"
)
"""A name, and a number behind it."""

_STILL = re.compile(
    r"\b(?:since|from|introduc\w+|prior to|before|until|e\.g\.|for (?:instance|example)|something like|such as|added|new in|as of|starting|upgrad\w*|migrat\w*|updat\w*|mov(?:e|ing) to|mov(?:e|ing) from|"
    r"changes|changelog|release|history|at least|minimum|requires?|compatib\w*|deprecat\w*|between|differences?|vs|versus)\b"
    r"|>=|≥|or later|or newer|or above|or higher|and (?:up|above|later|newer)|\d\+|->|→",
    re.IGNORECASE,
)
"""What makes a version a bound, a step or a comparison, which stays true when others follow."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n\s*\n|\n(?=[-*#>|])")
_CODE = re.compile(r"^(?:```|~~~).*?(?:^(?:```|~~~)|\Z)|^(?: {4}|\t|>).*$|https?://\S+", re.MULTILINE | re.DOTALL)
_LEAD_CHARS = 400
_NOW = re.compile(
    r"\b(?:currently|at the moment|at present|right now|today|tied to|pinned to|stuck (?:on|at|with)|latest|newest|"
    r"(?:at the time|as) of (?:this )?writing|(?:now|still|we|i) (?:uses?|runs?|needs?|are on|am on))\b",
    re.IGNORECASE,
)
"""What says that a sentence speaks of how things are just then."""

_MOST_MAJOR = 60
_MOST_CHARS = 20_000
"""Of a text; a longer one is a log or a listing."""

_MOST_FILE_BYTES = 100_000
_FILES = {
    ".python-version": "python",
    ".nvmrc": "node",
    ".node-version": "node",
    ".ruby-version": "ruby",
    ".java-version": "java",
    ".php-version": "php",
    ".go-version": "go",
    "rust-toolchain": "rust",
}
_LINES = {
    ".tool-versions": re.compile(r"^(?P<name>[a-z]+)\s+(?P<number>\d+(?:\.\d+)+|\d+)", re.MULTILINE),
    "go.mod": re.compile(r"^(?P<name>go)\s+(?P<number>\d+\.\d+)", re.MULTILINE),
    "Dockerfile": re.compile(r"^FROM\s+(?:\S+/)?(?P<name>[a-z]+):(?P<number>\d+(?:\.\d+)*)", re.MULTILINE),
}


@dataclass(frozen=True, slots=True)
class Later:
    """A later version than the one a note is about.

    Attributes:
        name: Of what, as the note writes it.
        number: The version of the note.
        later: The later one.
        where: What names it: the title of a note, or a file.
    """

    name: str
    number: str
    later: str
    where: str


@dataclass(frozen=True, slots=True)
class _Known:
    number: Number
    text: str
    where: str
    entry_id: str
    changed_at: datetime | None


class Versions:
    """The latest versions that a base names, and what is older."""

    def __init__(self, names: Collection[str] | None = None) -> None:
        """Know none yet.

        Args:
            names: Of what versions are of interest, as `subjects` says it; None for anything.
        """
        spelled = [name for name in (*(names or ()), *_SAME) if names is None or _SAME.get(name, name) in names]
        any_of = "|".join(map(re.escape, sorted(spelled)))
        self._sought = None if names is None else re.compile(rf"(?<!\w)(?:{any_of})[ \-/:@=v]{{0,3}}\d", re.IGNORECASE)
        self._latest: dict[str, list[_Known]] = {}

    def add(self, entry: Entry) -> None:
        """Take in the versions that a note names."""
        for text in (entry.title, " ".join(entry.tags), entry.situation, entry.solution, entry.content[:_MOST_CHARS]):
            if self._sought is not None and not self._sought.search(text):
                continue
            for name, _, number, _ in _named(text):
                self._put(name, _Known(_number(number), number, entry.title, entry.id, entry.updated_at))

    def add_files(self, folder: Path) -> None:
        """Take in the versions that the files of a project name."""
        for file, name in _FILES.items():
            found = re.match(r"\D{0,12}(\d+(?:\.\d+)*)", _text_of(folder / file))
            if found:
                self._put(name, _Known(_number(found[1]), found[1], file, "", None))
        for file, pattern in _LINES.items():
            for line in pattern.finditer(_text_of(folder / file)):
                name = _SAME.get(line["name"], line["name"])
                self._put(name, _Known(_number(line["number"]), line["number"], file, "", None))

    def later_than(self, entry: Entry) -> Later | None:
        """A later version of what a note is about, where one is named after it."""
        for text in _about(entry):
            if _STILL.search(text):
                continue
            own: dict[str, tuple[Number, str, str]] = {}
            for name, shown, text_of_it, is_bound in _named(text):
                if not is_bound:
                    own[name] = max(own.get(name, ((), "", "")), (_number(text_of_it), text_of_it, shown))
            for name, (number, written, shown) in own.items():
                for known in self._latest.get(name, ()):
                    is_after = known.changed_at is None or known.changed_at > entry.updated_at
                    if known.entry_id != entry.id and is_after and _is_left_behind(number, known.number):
                        return Later(shown, written, known.text, known.where)
        return None

    def _put(self, name: str, known: _Known) -> None:
        """Remember a version; of one thing the few latest, since a note must not be compared with itself or an earlier one."""
        held = self._latest.setdefault(name, [])
        held.append(known)
        held.sort(key=lambda each: (each.number, each.changed_at is None, each.text), reverse=True)
        del held[4:]


def subjects(entry: Entry) -> set[str]:
    """Of what a note is about a version."""
    return {name for text in _about(entry) for name, *_ in _named(text)}


def _about(entry: Entry) -> Iterator[str]:
    """What says what a note is about: its title, its tags, its situation, and what it begins with and calls the present."""
    yield entry.title
    yield " ".join(entry.tags)
    yield entry.situation
    if not _STILL.search(entry.title):
        lead = _SENTENCE.split(_CODE.sub(" ", entry.content[:_LEAD_CHARS]))
        yield from (sentence for sentence in lead if _NOW.search(sentence))


def _named(text: str) -> Iterator[tuple[str, str, str, bool]]:
    """The versions that a text names: of what, as it is written, the number, and whether it is only a bound."""
    for found in _NAMED.finditer(text):
        name = found["name"].lower()
        name = _SAME.get(name, name)
        number = _number(found["number"])
        if name in _NO_NAMES or len(name) < 2 or number[0] > _MOST_MAJOR or len(number) > 3:  # four parts: an address
            continue
        if len(number) == 1 and name not in _WHOLE:
            continue
        is_any_word = found["name"].islower() and not found["mark"].strip() and name not in _WHOLE | _KNOWN
        if not is_any_word:
            yield name, found["name"], found["number"], found["end"] == "+"


def _is_left_behind(number: Number, later: Number) -> bool:
    """Whether a version is another major one, or two minor ones on."""
    if later[0] != number[0]:
        return later[0] > number[0] and len(number) <= 3
    return len(number) > 1 and len(later) > 1 and later[1] >= number[1] + 2


def _number(text: str) -> Number:
    return tuple(int(part) for part in text.split("."))


def _text_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_MOST_FILE_BYTES).decode("utf-8", "replace").strip()
    except OSError:
        return ""
