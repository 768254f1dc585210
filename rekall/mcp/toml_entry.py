"""One entry in a TOML file that a person keeps: put in at the end or taken out by whole lines, with every other line as it was.

What would change more than the entry is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from rekall.errors import InvalidInput

_HEADER = re.compile(r"[ \t]*\[{1,2}([^\[\]]+)\]{1,2}[ \t]*(?:#.*)?$")
_KEY = re.compile(r"\"([^\"]*)\"|'([^']*)'|([^\s.\"']+)")


def read(text: str) -> dict[str, Any]:
    """What a text says.

    Raises:
        InvalidInput: It is no TOML.
    """
    said: dict[str, Any] = _document(text).unwrap()
    return said


def put_entry(text: str, section: str, name: str, entry: dict[str, Any]) -> str:
    """The text with an entry below a section. Raises InvalidInput."""
    before = read(text)
    wanted = {**before, section: {**before.get(section, {}), name: entry}}

    def changed_alone() -> str:  # else what is new comes after the comments before the next table
        lines = text.splitlines(keepends=True)
        blocks = list(_blocks(lines, [section, name]))
        start, end = blocks[0][0], blocks[-1][1]
        own = _document("".join(lines[start:end]))
        _take_over(own[section][name], entry)
        return "".join([*lines[:start], _dumped(own, text), *lines[end:]])

    def updated() -> str:
        document = _document(text)
        _take_over(document[section][name], entry)
        return _dumped(document, text)

    def added() -> str:
        return _appended(text, {section: {name: entry}})

    def made_anew() -> str:
        return _appended(removed_entry(text, section, name), {section: {name: entry}})

    def set_in_place() -> str:
        document = _document(text)
        document.setdefault(section, {})[name] = entry
        return _dumped(document, text)

    is_there = name in before.get(section, {})
    return _first((changed_alone, updated, made_anew, set_in_place) if is_there else (added, set_in_place), wanted)


def removed_entry(text: str, section: str, name: str) -> str:
    """The text without an entry below a section. Raises InvalidInput."""
    before = read(text)
    rest = {each: said for each, said in before[section].items() if each != name}
    others = {each: said for each, said in before.items() if each != section}

    def by_lines() -> str:
        lines = text.splitlines(keepends=True)
        for start, end in reversed(list(_blocks(lines, [section, name]))):
            is_apart = start > 0 and not lines[start - 1].strip()
            lines[start - is_apart if is_apart and not "".join(lines[end : end + 1]).strip() else start : end] = []
        return "".join(lines)

    def taken_out() -> str:
        document = _document(text)
        del document[section][name]
        return _dumped(document, text)

    def section_taken_out() -> str:
        document = _document(text)
        del document[section]
        return _dumped(document, text)

    ways = (by_lines, taken_out) if rest else (by_lines, taken_out, section_taken_out)
    return _first(ways, {**before, section: rest}, *([] if rest else [others]))


def _first(ways: tuple[Callable[[], str], ...], *wanted: dict[str, Any]) -> str:
    """The first text of several that says what it should, and nothing else."""
    for way in ways:
        try:
            text = way()
            if read(text) in wanted:
                return text
        except (InvalidInput, LookupError, TypeError, ValueError):  # that way leads to no TOML
            continue
    raise InvalidInput("it cannot be changed without changing more")


def _document(text: str) -> Any:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise InvalidInput(f"it is not TOML: {error}") from error


def _take_over(old: MutableMapping[str, Any], new: MutableMapping[str, Any]) -> None:
    """Make a table say what another says, with the comments in it as they are."""
    for key in [each for each in old if each not in new]:
        del old[key]
    for key, value in new.items():
        if isinstance(old.get(key), MutableMapping) and isinstance(value, MutableMapping):
            _take_over(old[key], value)
        elif key not in old or old[key] != value:
            old[key] = _on_one_line(value)


def _on_one_line(value: Any) -> Any:
    """A value that needs no table of its own, which would come after the comments before the next."""
    import tomlkit

    if not isinstance(value, MutableMapping):
        return value
    made = tomlkit.inline_table()
    made.update(value)
    return made


def _appended(text: str, added: dict[str, Any]) -> str:
    import tomlkit

    line_end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith(("\n", "\r")):
        text += line_end
    between = line_end if lines and lines[-1].strip() else ""
    return text + between + tomlkit.dumps(added).replace("\n", line_end)


def _dumped(document: Any, old: str) -> str:
    import tomlkit

    new = tomlkit.dumps(document)
    return new.replace("\r\n", "\n").replace("\n", "\r\n") if "\r\n" in old else new


def _blocks(lines: list[str], path: list[str]) -> Iterator[tuple[int, int]]:
    """The lines of the tables at a path or below it; blanks and comments before the next one are not theirs."""
    headers = [(at, found[1]) for at, line in enumerate(lines) if (found := _HEADER.match(line.rstrip("\r\n")))]
    ends = [at for at, _ in headers[1:]] + [len(lines)]
    for (start, name), end in zip(headers, ends):
        keys = ["".join(found) for found in _KEY.findall(name)]
        if keys[: len(path)] == path:
            while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
                end -= 1
            yield start, end
