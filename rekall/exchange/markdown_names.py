"""What the name of a file says of a note: its title in words, a date, a number of its own, that it is a template."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from urllib.parse import unquote

from rekall.exchange.dialect import Source

FILE_NAMES = frozenset(
    [
        "readme",
        "index",
        "_index",
        "notes",
        "note",
        "untitled",
        "new-note",
        "new-page",
        "new-document",
        "document",
        "unnamed",
        "default",
    ]
)
"""Names of files that say nothing: every second folder has one."""

_UNNAMED = frozenset(["untitled", "new-note", "new-page", "new-document", "unnamed", "document"])
"""Names that programs give, with a number from the second on: `Untitled 2`. A person writes `Note 7`."""

TITLES = FILE_NAMES | frozenset(
    [
        "overview",
        "introduction",
        "intro",
        "contents",
        "content",
        "toc",
        "table-of-contents",
        "summary",
        "main",
        "home",
        "start",
        "todo",
        "todos",
        "to-do",
        "tasks",
        "links",
        "related",
        "references",
        "see-also",
        "log",
        "journal",
        "about",
        "description",
        "background",
    ]
)
"""Titles that say nothing where the name of the file or the folder says more."""

_BEGINNINGS = frozenset(name.lstrip("_")[:2] for name in TITLES)
_BEFORE_A_NAME = "".join(filter(str.isspace, map(chr, range(128)))) + "#:_-"

_LANGUAGE = re.compile(r"\.[a-z]{2}(?:[-_][a-zA-Z]{2,4})?\Z")
_COUNTED = re.compile(r"[\s_-]*\(?\d{1,3}\)?\Z")
_BETWEEN = re.compile(r"[\s_-]+")

_DAY = r"(?P<year>(?:19[7-9]|20)\d\d)(?P<sep>[-_. ]?)(?P<month>0[1-9]|1[0-2])(?P=sep)(?P<day>0[1-9]|[12]\d|3[01])"
_TIME = r"(?P<hour>[01]\d|2[0-3])[.:h-]?(?P<minute>[0-5]\d)(?:[.:m-]?(?P<second>[0-5]\d))?s?"
_AT_START = re.compile(rf"{_DAY}(?:(?:T|[-_ ]|[-_ ]at[-_ ])?{_TIME}(?!\d))?(?=\Z|[^0-9A-Za-z])")
_AT_END = re.compile(rf"(?<![0-9A-Za-z]){_DAY}\Z")
_EUROPEAN = re.compile(r"(?P<day>0?[1-9]|[12]\d|3[01])\.(?P<month>0?[1-9]|1[0-2])\.(?P<year>(?:19[7-9]|20)\d\d)(?!\d)")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WORDED = re.compile(r"(?P<month>[A-Za-z]{3,9})\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?, (?P<year>\d{4})\Z")
_FOLDERS = re.compile(r"(?:^|/)(?P<year>(?:19[7-9]|20)\d\d)/(?P<month>0[1-9]|1[0-2])/(?P<day>0[1-9]|[12]\d|3[01])\Z")
_NUMBER = re.compile(r"(?P<number>(?:19[7-9]|20)\d{2}(?:0[1-9]|1[0-2])\d{6}(?:\d\d)?)(?:[\s_.-]+|\Z)")

_TEMPLATE_FOLDER = re.compile(
    r"(?:\d+[\s._-]*)?[\W_]*(?:templates?|archetypes|vorlagen|plantillas|mod[eè]les)\Z", re.IGNORECASE
)
_HIDDEN_TEMPLATES = frozenset({"_templates", ".templates", "_template"})
_PLACEHOLDER = re.compile(r"(?:\{\{[^{}\n]{1,200}\}\}|<%[^\n]{1,500}%>)")
_FORM = re.compile(
    r"<%[-*_+]?\s*(?:tp\.|const |let |await )|\{\{-? ?(?:title|date|time|filename|id|content|\.\w|replace )"
)


def words_of(stem: str) -> str:
    """A file's name in words. One with blanks is words already; dates and versions stay whole."""
    name = unquote(stem) if "%" in stem else stem
    if any(char.isspace() for char in name.strip()):
        return " ".join(name.split())
    found = _AT_START.match(name) or _AT_END.search(name)
    if found is None:
        return _spaced(name) or name
    day = "-".join((found["year"], found["month"], found["day"]))
    return " ".join((_spaced(name[: found.start()]), day, _spaced(name[found.end("day") :]))).strip()


def _spaced(name: str) -> str:
    return " ".join(name.replace("-", " ").replace("_", " ").split())


@lru_cache(maxsize=64)
def is_generic(title: str, names: frozenset[str] = TITLES) -> bool:
    """Whether a title or, with `FILE_NAMES`, a name of a file says nothing of what is in it."""
    if title.isascii() and title.lstrip(_BEFORE_A_NAME)[:2].lower() not in _BEGINNINGS:  # as nearly always
        return False
    bare = _BETWEEN.sub("-", title.strip().lower().strip("#: ").removesuffix(".md")).strip("-")
    if bare in names or ("." in bare and _LANGUAGE.sub("", bare) in names):
        return True
    is_counted = bare.endswith(")") or bare[-1:].isdigit()
    return is_counted and _COUNTED.sub("", bare) in _UNNAMED


def folder_of(source: Source) -> str:
    """The name of the folder that a file lies in, in words; empty at the root of a disk."""
    parents = [part for part in source.relative.parts[:-1] if part not in (".", "..", "")]
    if parents:
        return words_of(parents[-1])
    return words_of(source.path.absolute().parent.name) if source.path.absolute().parent.name else ""


def name_of(source: Source) -> str:
    """What a note is called by its file: the name in words, the folder's for a README or an index."""
    day = _day_of_folders(source)
    if day:
        return "-".join(day.groups())
    stem = without_number(source.stem)
    if stem == number_of(stem) != "":
        return stem
    if is_generic(stem, FILE_NAMES):
        return folder_of(source) or words_of(stem)
    return words_of(stem) or source.path.name


def number_of(stem: str) -> str:
    """The number that a Zettelkasten gives a note, at the beginning of its name: 202103041011. Empty for none."""
    found = _NUMBER.match(stem)
    return found["number"] if found and date_in(found["number"]) else ""


def without_number(stem: str) -> str:
    """A name without that number, when anything else is left."""
    found = _NUMBER.match(stem) if number_of(stem) else None
    return (stem[found.end() :] or stem) if found else stem


def date_of(source: Source) -> datetime | None:
    """The day, and the time where it is said, that a file's name or its folders say; local time."""
    stem = source.stem
    found = date_in(stem)
    if found is None and is_generic(stem, FILE_NAMES):
        found = date_in(source.relative.parent.name)
    if found is None:
        match = _day_of_folders(source) or _FOLDERS.search("/".join(source.relative.parts[:-1]))
        found = _date(match) if match else None
    return found


def _day_of_folders(source: Source) -> re.Match[str] | None:
    """The day that two folders and the name of a file are: 2024/01/31.md."""
    parts = source.relative.parts
    return _FOLDERS.search("/".join((*parts[-3:-1], source.stem))) if len(parts) > 2 else None


def date_in(name: str) -> datetime | None:
    """The date at the beginning or the end of a name, else None."""
    for found in (_AT_START.match(name), _AT_END.search(name), _EUROPEAN.match(name)):
        if found and (date := _date(found)):
            return date
    worded = _WORDED.match(name)
    if worded and worded["month"][:3].lower() in _MONTHS:
        month = _MONTHS.index(worded["month"][:3].lower()) + 1
        return _made(int(worded["year"]), month, int(worded["day"]))
    return None


def is_day(stem: str) -> bool:
    """Whether a name is a day and nothing else, as daily notes have it."""
    return (date_in(stem) is not None and not any(char.isalpha() for char in _spaced(stem))) or bool(
        _WORDED.match(stem)
    )


def _date(found: re.Match[str]) -> datetime | None:
    groups = found.groupdict()
    return _made(
        *(int(groups[part]) for part in ("year", "month", "day")),
        *(int(groups.get(part) or 0) for part in ("hour", "minute", "second")),
    )


def _made(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime | None:
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None


def is_placeholder(text: str) -> bool:
    """Whether a title is nothing but what a template puts a title for."""
    return bool(_PLACEHOLDER.fullmatch(text.strip().strip("\"'").strip()))


def is_template(source: Source, title: str, text: str) -> bool:
    """Whether a file is a form to fill in.

    A title that is a placeholder says so. A folder called Templates says so where the text has something to be filled in,
    or says nothing: people have notes about templates, too.

    Args:
        source: The file.
        title: Its title as it was written.
        text: All of it, code left out.
    """
    if is_placeholder(title) or is_placeholder(source.stem):
        return True
    folders = source.relative.parts[:-1]
    if any(folder.lower() in _HIDDEN_TEMPLATES for folder in folders):
        return True
    is_marked = any(_TEMPLATE_FOLDER.match(folder) for folder in folders) or bool(
        source.stem[-8:].lower() == "template" and re.search(r"(?:^|[\W_])template\Z", source.stem, re.IGNORECASE)
    )
    return is_marked and (bool(_FORM.search(text)) or not _says_anything(text))


def _says_anything(text: str) -> bool:
    """Whether a text has a line that is neither a heading nor a name with nothing behind it."""
    for line in text.split("\n"):
        bare = line.strip().strip("-*+>[] \t|")
        if bare and not bare.startswith("#") and not bare.endswith(":") and any(char.isalnum() for char in bare):
            return True
    return False
