"""Reads git's configuration files, as far as the name of a project needs them; git itself is not started.

What a file says is what `git config` would answer: sections and names in any case, subsections as they stand, quotes, escapes,
comments, lines that go on, `include` and `includeIf "gitdir:…"`. A line that git would refuse is passed over: git says so itself.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rekall.errors import InvalidInput

MOST_BYTES = 1_000_000
"""A larger file is no configuration that a person wrote."""

_DEEPEST = 10
"""Files that include files."""

_MOST_FILES = 100
"""Files that are read for one configuration: some that include each other would go on for ever."""

_MOST_PATTERN_CHARS = 4_096

_SECTION = re.compile(r'\[[ \t]*(?P<name>[A-Za-z0-9.-]+)(?:[ \t]+"(?P<sub>(?:[^"\\]|\\.)*)")?[ \t]*\][ \t]*')
_NAME = re.compile(r"[ \t]*(?P<name>[A-Za-z][A-Za-z0-9-]*)[ \t]*(?P<equals>=?)[ \t]*")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a configuration.

    Attributes:
        section: Its section, in lower case.
        subsection: What stands in quotes beside that, or empty.
        name: The setting's own name, in lower case.
        value: Its value; None where the line has no equals sign, which means true.
    """

    section: str
    subsection: str
    name: str
    value: str | None

    @property
    def is_true(self) -> bool:
        """Whether it says yes, as git reads it."""
        return self.value is None or self.value.lower() in ("true", "yes", "on", "1")


def small_file(path: str, most_bytes: int = MOST_BYTES) -> str | None:
    """What a file says; None where there is none, or it is none that can simply be read.

    A pipe or a device of that name is never waited for.
    """
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError):  # a NUL in a path is a ValueError
        return None
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return None
        data = os.read(number, most_bytes + 1)
    except OSError:
        return None
    finally:
        os.close(number)
    if len(data) > most_bytes:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        from rekall.system.decoding import decoded

    try:
        return decoded(data).text
    except InvalidInput:
        return data.decode("utf-8", "replace")


def read_settings(path: str, git_folder: str) -> Iterator[Setting]:
    """The settings of a file and of what it includes, in their order; the last one of a name holds.

    Args:
        path: The file; nothing comes of one that is not there.
        git_folder: The repository's own folder, which `includeIf "gitdir:…"` asks for.
    """
    return _read(path, git_folder, 0, _Budget())


@dataclass(slots=True)
class _Budget:
    """What may still be read for one configuration, whatever its files include."""

    files: int = _MOST_FILES
    chars: int = MOST_BYTES

    def text(self, path: str) -> str:
        """What a file says, as far as that is still within it."""
        text = (small_file(path) or "") if self.files > 0 else ""
        self.files -= 1
        self.chars -= len(text)
        return text if self.chars >= 0 else ""


def _read(path: str, git_folder: str, depth: int, budget: _Budget) -> Iterator[Setting]:
    """The settings of a file that so many others lead to."""
    for each in _settings(budget.text(path) if depth <= _DEEPEST else ""):
        yield each
        is_included = each.section == "include" or (
            each.section == "includeif" and _holds(each.subsection, git_folder, os.path.dirname(path))
        )
        if is_included and each.name == "path" and each.value:
            named = os.path.join(os.path.dirname(path), os.path.expanduser(each.value))
            yield from _read(named, git_folder, depth + 1, budget)


def users_files(environ: Mapping[str, str], home: str) -> list[str]:
    """Where the user's own configuration may lie, what counts more last."""
    if "GIT_CONFIG_GLOBAL" in environ:
        return [environ["GIT_CONFIG_GLOBAL"]] if environ["GIT_CONFIG_GLOBAL"] else []
    folder = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    return [os.path.join(folder, "git", "config"), os.path.join(home, ".gitconfig")]


def _settings(text: str) -> Iterator[Setting]:
    section = subsection = ""
    lines = iter(text.replace("\r\n", "\n").split("\n"))
    for line in lines:
        rest = line.strip(" \t")
        place = 0
        while (found := _SECTION.match(rest, place)) is not None:
            section, dot, old_way = found["name"].lower().partition(".")
            subsection = old_way if dot else re.sub(r"\\(.)", r"\1", found["sub"] or "")
            place = found.end()
        rest = rest[place:]
        named = _NAME.match(rest)
        if named is None or not section:
            continue
        if not named["equals"]:
            if rest[named.end() :][:1] in ("", "#", ";"):
                yield Setting(section, subsection, named["name"].lower(), None)
            continue
        value = _value(rest[named.end() :], lines)
        if value is not None:
            yield Setting(section, subsection, named["name"].lower(), value)


def _value(rest: str, lines: Iterator[str]) -> str | None:
    """A value from where it begins, with the lines on which it goes on; None where git would refuse it."""
    said: list[str] = []
    end = 0  # blanks behind it do not belong to it, unless they are quoted
    is_quoted = False
    place = 0
    while True:
        if place >= len(rest):
            return None if is_quoted else "".join(said[:end])
        letter = rest[place]
        place += 1
        if letter == "\\":
            if place >= len(rest):
                rest, place = next(lines, ""), 0
                continue
            if rest[place] not in _ESCAPES:
                return None
            said.append(_ESCAPES[rest[place]])
            place, end = place + 1, len(said)
        elif letter == '"':
            is_quoted = not is_quoted
            end = len(said)
        elif letter in "#;" and not is_quoted:
            return "".join(said[:end])
        else:
            said.append(letter)
            if is_quoted or not letter.isspace():
                end = len(said)


def _holds(condition: str, git_folder: str, beside: str) -> bool:
    """Whether `includeIf` holds: of its conditions only the one on the repository's folder is known."""
    kind, colon, pattern = condition.partition(":")
    if not colon or kind not in ("gitdir", "gitdir/i") or len(pattern) > _MOST_PATTERN_CHARS:
        return False
    if pattern.startswith("./"):
        pattern = os.path.join(beside, pattern[2:])
    pattern = os.path.expanduser(pattern)
    if not os.path.isabs(pattern):
        pattern = f"**/{pattern}"
    if pattern.endswith("/"):
        pattern += "**"
    folders = (git_folder, os.path.realpath(git_folder))
    if kind.endswith("/i"):
        pattern, folders = pattern.lower(), (folders[0].lower(), folders[1].lower())
    return any(_matches(pattern.split("/"), folder.replace(os.sep, "/").split("/")) for folder in folders)


def _matches(pattern: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a pattern takes a path, name by name: `**` takes any names, at its end one at least."""
    places = {0}
    """How many names may have been taken so far."""
    for number, part in enumerate(pattern, 1):
        if part == "**":
            places = set(range(min(places) + (number == len(pattern)), len(names) + 1))
        else:
            places = {place + 1 for place in places if place < len(names) and fnmatch.fnmatchcase(names[place], part)}
        if not places:
            return False
    return len(names) in places
