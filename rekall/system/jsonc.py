"""JSON with comments, as people keep it: read, and changed in one place with every other character as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rekall.errors import InvalidInput

Path = Sequence[str | int]
"""The way to a value: names of members, numbers of items."""

_DEEPEST = 200
"""How deep values may lie in one another; the files of real programs stay below twenty."""

_BLANK = re.compile(r"(?:[ \t\r\n\ufeff]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_SAME_LINE = re.compile(r"(?:[ \t]+|/\*[^\r\n]*?\*/)*(?://[^\r\n]*)?")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"')
_WORD = re.compile(r"-?[\w.+-]+")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character that somebody cut: JSON can hold it, UTF-8 cannot."""

_UNIT = "  "


@dataclass(frozen=True, slots=True)
class _Node:
    """A value, and where it stands: `text[start:end]`.

    Attributes:
        kind: "{" for an object, "[" for a list, "" for anything else.
        parts: What lies in it, in the order of the text.
        comma: The place of the comma after the last part, or -1.
    """

    start: int
    end: int
    kind: str = ""
    parts: tuple[_Part, ...] = ()
    comma: int = -1


@dataclass(frozen=True, slots=True)
class _Part:
    """A member or an item: its name, where it begins, and its value."""

    name: str | int
    start: int
    node: _Node


def parsed(text: str) -> Any:
    """What a text says; comments and commas before an end are passed over. An empty one is None.

    Raises:
        InvalidInput: It is no JSON, even so; the line is named.
    """
    root = _read(text)
    return None if root is None else _value(text, root)


def put(text: str, path: Path, value: Any) -> str:
    """The text with a value at a path; objects on the way that are missing, or null, are made.

    Args:
        text: The old text; an empty one becomes an object.
        path: Where; the number after the last item of a list adds one.
        value: Anything that JSON can hold.

    Raises:
        InvalidInput: The text is no JSON, or something on the way is neither object nor list.
    """
    root = _read(text)
    if root is None:
        begun = text if not text.strip() or text.endswith("\n") else f"{text}\n"
        return (
            (begun if begun.strip() else "")
            + _dumped(_nested(path, value), _UNIT, "", _line_end(text))
            + _line_end(text)
        )
    node, depth = root, 0
    while depth < len(path):
        if text[node.start : node.end] == "null":
            new = _dumped(_nested(path[depth:], value), _unit(text, root), _indent(text, node.start), _line_end(text))
            return text[: node.start] + new + text[node.end :]
        part = _find(node, path[depth])
        if part is None:
            return _inserted(text, root, node, path[depth], _nested(path[depth + 1 :], value))
        node, depth = part.node, depth + 1
    old = _value(text, node)
    if old == value and json.dumps(old) == json.dumps(value):  # 1 is not true, nor 1.0
        return text
    if isinstance(old, dict) and isinstance(value, dict) and old and value:  # comments between its members stay
        for name in value:
            text = put(text, [*path, name], value[name])
        for name in old.keys() - value.keys():
            text = removed(text, [*path, name])
        return text
    unit = _unit(text, root)
    new = _dumped(value, unit if _has_lines(text, root) else None, _indent(text, node.start), _line_end(text))
    return text[: node.start] + new + text[node.end :]


def removed(text: str, path: Path) -> str:
    """The text without the member or item at a path; comments beside it stay. What is not there needs no removing.

    Raises:
        InvalidInput: The text is no JSON, or something on the way is neither object nor list.
    """
    root = _read(text)
    if root is None:
        return text
    node = root
    for step in path[:-1]:
        part = _find(node, step)
        if part is None:
            return text
        node = part.node
    gone = _find(node, path[-1])
    return text if gone is None else _without(text, node, gone)


def is_bare(text: str, path: Path) -> bool:
    """Whether an object or list is there that holds nothing, nor a comment."""
    node = _read(text)
    for step in path:
        part = None if node is None else _find(node, step)
        node = None if part is None else part.node
    return node is not None and bool(node.kind) and not text[node.start + 1 : node.end - 1].strip()


def _read(text: str) -> _Node | None:
    """The tree of a text; None where nothing but blanks and comments is in it."""
    start = _skipped(text, 0)
    if start == len(text):
        return None
    root = _node(text, start, 0)
    rest = _skipped(text, root.end)
    if rest != len(text):
        raise _wrong(text, rest)
    return root


def _node(text: str, start: int, depth: int) -> _Node:
    """The value that begins at a place."""
    if depth > _DEEPEST:
        raise InvalidInput("it is nested too deep")
    kind = text[start : start + 1]
    if kind not in ("{", "["):
        return _Node(start, _scalar_end(text, start))
    close, comma = "}" if kind == "{" else "]", -1
    parts: list[_Part] = []
    at = _skipped(text, start + 1)
    while text[at : at + 1] != close:
        if parts and comma < 0:
            raise _wrong(text, at)
        begin = at
        name: str | int = len(parts)
        if kind == "{":
            end = _string_end(text, at)
            name = _loaded(text, at, end)
            at = _skipped(text, end)
            if text[at : at + 1] != ":":
                raise _wrong(text, at)
            at = _skipped(text, at + 1)
        inner = _node(text, at, depth + 1)
        parts.append(_Part(name, begin, inner))
        at = _skipped(text, inner.end)
        comma = at if text[at : at + 1] == "," else -1
        at = _skipped(text, at + 1) if comma >= 0 else at
    return _Node(start, at + 1, kind, tuple(parts), comma)


def _skipped(text: str, at: int) -> int:
    """The place after blanks and comments."""
    found = _BLANK.match(text, at)
    assert found is not None
    if text.startswith("/*", found.end()):
        raise InvalidInput(f"a comment does not end (line {_line(text, found.end())})")
    return found.end()


def _string_end(text: str, at: int) -> int:
    found = _STRING.match(text, at)
    if found is None:
        raise _wrong(text, at)
    return found.end()


def _scalar_end(text: str, at: int) -> int:
    """The end of a text, a number or a word, which must be good."""
    if text.startswith('"', at):
        end = _string_end(text, at)
    else:
        found = _WORD.match(text, at)
        if found is None:
            raise _wrong(text, at)
        end = found.end()
    _loaded(text, at, end)
    return end


def _loaded(text: str, start: int, end: int) -> Any:
    try:
        return json.loads(text[start:end])
    except ValueError:
        raise _wrong(text, start) from None


def _wrong(text: str, at: int) -> InvalidInput:
    what = repr(text[at : at + 12]) if at < len(text) else "the end"
    return InvalidInput(f"it is not JSON: {what} stands where it cannot (line {_line(text, at)})")


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _value(text: str, node: _Node) -> Any:
    if node.kind == "{":
        return {part.name: _value(text, part.node) for part in node.parts}
    if node.kind == "[":
        return [_value(text, part.node) for part in node.parts]
    return json.loads(text[node.start : node.end])


def _find(node: _Node, name: str | int) -> _Part | None:
    """The part of that name; of several members the last, which is the one that counts.

    Raises:
        InvalidInput: Nothing can lie there.
    """
    if node.kind != ("[" if isinstance(name, int) else "{"):
        raise InvalidInput(f"there is no place for {name!r} in it: what stands there is something else")
    return next((part for part in reversed(node.parts) if part.name == name), None)


def _nested(path: Path, value: Any) -> Any:
    """The value in the objects and lists of a path that begins where nothing is yet."""
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {step: value}
    return value


def _inserted(text: str, root: _Node, into: _Node, name: str | int, value: Any) -> str:
    """The text with a new part at the end of an object or list."""
    unit, line_end = _unit(text, root), _line_end(text)
    inner = text[into.start + 1 : into.end - 1]
    has_lines = "\n" in inner or (not into.parts and (into is root or _has_lines(text, root)))
    outer = _indent(text, into.start)
    indent = _indent(text, into.parts[-1].start) if into.parts and has_lines else outer + unit
    label = "" if isinstance(name, int) else _escaped(json.dumps(name, ensure_ascii=False)) + ": "
    new = label + _dumped(value, unit if has_lines else None, indent, line_end)
    before = f"{line_end}{indent}" if has_lines else " " if into.parts else ""
    if not into.parts:
        kept = inner.rstrip() if inner.strip() else ""
        if "//" in kept and not has_lines:  # it would end in the comment
            before = line_end
        return (
            f"{text[: into.start + 1]}{kept}{before}{new}{line_end + outer if has_lines else ''}{text[into.end - 1 :]}"
        )
    last = into.parts[-1].node.end
    if into.comma >= 0:
        beside = _line_rest(text, into.comma + 1)
        return f"{text[:beside]}{before}{new},{text[beside:]}"
    beside = _line_rest(text, last) if has_lines else last
    return f"{text[:last]},{text[last:beside]}{before}{new}{text[beside:]}"


def _without(text: str, node: _Node, gone: _Part) -> str:
    """The text without one part, its comma, and the lines that held nothing else."""
    place, start, end = node.parts.index(gone), gone.start, gone.node.end
    if place < len(node.parts) - 1 or node.comma >= 0:
        comma = text.index(",", _skipped(text, end))
        plain = text[:start] + text[end:comma] + text[comma + 1 :]
        begin, close = _whole_lines(text, start, comma + 1, is_first=place == 0)
        between = text[end:comma]
        tidy = text[:begin] + (between if between.strip() else "") + text[close:]
    elif place == 0:
        plain = text[:start] + text[end:]
        begin, close = _whole_lines(text, start, end, is_first=True)
        is_bare = not (text[node.start + 1 : begin] + text[close : node.end - 1]).strip()
        begin, close = (node.start + 1, node.end - 1) if is_bare else (begin, close)
        tidy = text[:begin] + text[close:]
    else:
        comma = text.index(",", _skipped(text, node.parts[place - 1].node.end))
        plain = text[:comma] + text[comma + 1 : start] + text[end:]
        begin, close = _whole_lines(text, start, end, is_first=False)
        tidy = text[:comma] + text[comma + 1 : begin] + text[close:]
    return tidy if _says(tidy, parsed(plain)) else plain  # a comment to the end of a line needs its end


def _says(text: str, value: Any) -> bool:
    try:
        return bool(parsed(text) == value)
    except InvalidInput:
        return False


def _whole_lines(text: str, start: int, end: int, *, is_first: bool) -> tuple[int, int]:
    """A stretch with the blanks around it that only it needed."""
    begin = text.rfind("\n", 0, start) + 1
    after = re.compile(r"[ \t]*").match(text, end)
    assert after is not None
    if text[begin:start].strip(" \t"):  # something else stands before it on its line
        return (start, after.end()) if is_first else (len(text[:start].rstrip(" \t")), end)
    if text.startswith(("\n", "\r\n"), after.end()):
        return begin, text.index("\n", after.end()) + 1
    if text[after.end() : after.end() + 1] in ("}", "]"):
        return (len(text[:start].rstrip()) if not is_first else start), end
    return start, after.end()


def _line_rest(text: str, at: int) -> int:
    """The end of what stands on the same line beside a place: blanks and comments, up to the last comment."""
    found = _SAME_LINE.match(text, at)
    assert found is not None
    return at + len(found[0].rstrip())


def _has_lines(text: str, root: _Node) -> bool:
    return "\n" in text[root.start : root.end]


def _indent(text: str, at: int) -> str:
    """The blanks that the line of a place begins with."""
    begin = text.rfind("\n", 0, at) + 1
    found = re.compile(r"[ \t]*").match(text, begin)
    assert found is not None
    return found[0]


def _unit(text: str, root: _Node) -> str:
    """What one level is indented by."""
    for part in root.parts:
        indent = _indent(text, part.start)
        if text[text.rfind("\n", 0, part.start) + 1 : part.start] == indent != _indent(text, root.start):
            return indent.removeprefix(_indent(text, root.start)) or _UNIT
    return _UNIT


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _dumped(value: Any, unit: str | None, indent: str, line_end: str) -> str:
    """A value as text whose lines after the first are indented; on one line where there is no unit."""
    text = _escaped(json.dumps(value, indent=unit, ensure_ascii=False))
    return text.replace("\n", line_end + indent)


def _escaped(text: str) -> str:
    return _LONE_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
