"""One entry in a YAML file that a person keeps: put in or taken out by whole lines, with every other line as it was.

What cannot be done by whole lines, or would change more than the entry, is refused.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from rekall.errors import InvalidInput

_UNIT = "  "
_NOTHING = re.compile(r"^\s*:(?:\s*(?:~|null|Null|NULL))?")


def read(text: str) -> Any:
    """What a text says.

    Raises:
        InvalidInput: It is no YAML.
    """
    if not text.strip():
        return None
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"it is not YAML that can be read: {str(error).splitlines()[0]}") from error


def put_entry(text: str, section: str, name: str, entry: dict[str, Any]) -> str:
    """The text with an entry below a section. Raises InvalidInput."""
    said = read(text)
    before, text = said or {}, text if said is not None or text.lstrip().startswith("#") else ""
    line_end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += line_end
    key, value = _section(text, section)
    if key is None:
        lines += [f"{section}:{line_end}", *_block(name, entry, _UNIT, line_end)]
    elif value is None or (isinstance(value, yaml.MappingNode) and not value.value):
        start, line = key.start_mark, (value or key).end_mark.line
        rest = lines[line][(value or key).end_mark.column :].rstrip()
        rest = _NOTHING.sub("", rest) if value is None else rest  # a comment stays
        lines[start.line : line + 1] = [f"{section}:{rest}{line_end}", *_block(name, entry, _UNIT, line_end)]
    else:
        first = value.value[0][0].start_mark
        old = _place(value, name)
        at = old[0] if old else first.line
        lines[at : old[1] if old else at] = _block(name, entry, " " * first.column, line_end)
    new = "".join(lines)
    return _checked(new, {**before, section: {**(before.get(section) or {}), name: entry}})


def removed_entry(text: str, section: str, name: str) -> str:
    """The text without an entry below a section, and without a section that held nothing else. Raises InvalidInput."""
    before = read(text)
    key, value = _section(text, section)
    place = None if key is None or value is None else _place(value, name)
    if key is None or place is None:
        raise InvalidInput(f"{name} does not stand on lines of its own in it")
    lines = text.splitlines(keepends=True)
    rest = {each: what for each, what in before[section].items() if each != name}
    is_bare = not rest and lines[key.start_mark.line].rstrip().endswith(":") and place[0] == key.start_mark.line + 1
    lines[key.start_mark.line if is_bare else place[0] : place[1]] = []
    after = {each: what for each, what in before.items() if each != section}
    return _checked("".join(lines), (after if is_bare else {**before, section: rest or None}) or None)


def _section(text: str, section: str) -> tuple[Any, Any]:
    """The nodes of a section's key and of what is below it; None of what is not there."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        return None, None
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise InvalidInput("it is not written by lines")
    for key, value in root.value:
        if key.value == section:
            is_empty = isinstance(value, yaml.ScalarNode) and value.tag.endswith(":null")
            if not is_empty and (not isinstance(value, yaml.MappingNode) or (value.flow_style and value.value)):
                raise InvalidInput(f"{section} is not written by lines")
            return key, None if is_empty else value
    return None, None


def _place(value: Any, name: str) -> tuple[int, int] | None:
    """The first line of an entry, and the one after its last."""
    for key, inner in value.value:
        if key.value == name:
            return key.start_mark.line, _last_line(inner) + 1
    return None


def _last_line(node: Any) -> int:
    """The line on which a value ends; a block's own mark stands after the blanks and comments that follow."""
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1])
    end = node.end_mark
    return int(end.line - 1 if end.column == 0 and end.line > node.start_mark.line else end.line)


def _block(name: str, entry: dict[str, Any], indent: str, line_end: str) -> list[str]:
    dumped = yaml.safe_dump({name: entry}, sort_keys=False, allow_unicode=True, default_flow_style=False, width=10_000)
    return [f"{indent}{line}{line_end}" for line in dumped.splitlines()]


def _checked(text: str, wanted: Any) -> str:
    try:
        said = read(text)
    except InvalidInput:  # something else refers to what was taken out
        said = ...
    if said != wanted:
        raise InvalidInput("it cannot be changed by whole lines")
    return text
