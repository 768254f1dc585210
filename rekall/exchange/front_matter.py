"""The fields at the head of a text file: YAML between `---`, TOML between `+++`, or a JSON object.

Scalars stay text as they were written: what `0x80070005`, `3.10`, `no` or `2019-02-30` is, a field of an entry decides and not
YAML. Whatever is broken is read as far as it goes, and what could not be read is kept as it is.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rekall.entry.other import Several
from rekall.errors import InvalidInput
from rekall.exchange import plain_yaml
from rekall.exchange.bounds import refuse_many_values

MOST_BYTES = 16 * 1024 * 1024
"""A longer head is no front matter; an entry's own texts may be long."""

MOST_TOML_CHARS = 256 * 1024
"""A longer head in TOML is read line by line."""

MOST_LINES = 5_000
"""Lines of a broken head that are read one by one; a longer one is kept as it is."""

MOST_NODES = 200_000
"""More values than anybody writes; a head of aliases of aliases has millions."""

MOST_DEPTH = 50
"""Lists in lists and mappings in mappings."""

NOT_READ = "front_matter"
"""The name under which what could not be read of it is kept."""

_OPEN = re.compile(r"\A(?:[ \t]*\n)*(?P<fence>---|\+\+\+)[ \t]*\n")
_CLOSE = {
    "---": re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE),
    "+++": re.compile(r"^\+\+\+[ \t]*(?:\n|\Z)", re.MULTILINE),
}
_JSON_OPEN = re.compile(r'\A\s*\{\s*"')
_KEY = re.compile(r"^(?P<name>[^\s#:\-][^:\n]{0,80}?)[ \t]*:(?:[ \t]+(?P<value>.*))?$")
_ITEM = re.compile(r"^[ \t]*-[ \t]+(?P<value>.*)$")
_ALONE = ("title", "description", "summary", "tags", "aliases", "date", "created")
"""Fields that may stand alone and in capitals; any other such line is a sentence."""
_JSON_SCALAR = re.compile(r"(?:true|false|-?(?:0|[1-9]\d{0,400})(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)\Z")
_MOST_BITS = 10_000
_PLAIN_NAME = re.compile(r"[\w$@./][\w $@./+-]*\Z")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A text taken apart.

    Attributes:
        fields: What its head says: text, lists, mappings and None; from TOML and JSON also numbers and booleans.
        body: What follows.
        kind: "yaml", "toml", "json", or empty where there is no head.
        raw: The head as it was written.
        problem: What was wrong with it, one line; empty when all of it was read.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    body: str = ""
    kind: str = ""
    raw: str = ""
    problem: str = ""


def split(text: str) -> FrontMatter:
    """The head and the body of a text. A rule at the top, and prose between two rules, are body.

    Args:
        text: Lines end in a line feed.
    """
    opened = _OPEN.match(text)
    if opened is None:
        return _json(text) if _JSON_OPEN.match(text) else FrontMatter(body=text)
    fence = opened["fence"]
    closed = _CLOSE[fence].search(text, opened.end())
    if closed is None or closed.start() - opened.end() > MOST_BYTES:
        return _unclosed(text, opened.end()) if fence == "---" else FrontMatter(body=text)
    raw, body = text[opened.end() : closed.start()], text[closed.end() :]
    return (_yaml if fence == "---" else _toml)(raw, body) or FrontMatter(body=text)


def read_yaml(text: str, *, is_typed: bool = False) -> Any:
    """YAML with every scalar as text, and None for one that is empty or null.

    With `is_typed`, numbers and truths that JSON knows are such when they stand without quotes.

    Tags are kept as words before the text. Two values under one name become a list.

    Raises:
        ValueError: It is no YAML, or larger or deeper than anybody writes.
    """
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return _Builder(is_typed).document(yaml.parse(text, Loader=loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ValueError(f"{problem} (line {mark.line + 2})" if mark else str(problem)) from error


class _Builder:
    """Makes values of YAML's events, bounded in number and depth."""

    def __init__(self, is_typed: bool) -> None:
        self._is_typed = is_typed
        self._nodes = 0
        self._chars = 0
        self._depth = 0
        self._anchors: dict[str, tuple[Any, int, int]] = {}

    def document(self, events: Iterator[Any]) -> Any:
        import yaml

        value: Any = None
        for event in events:
            if isinstance(event, (yaml.StreamStartEvent, yaml.DocumentEndEvent, yaml.StreamEndEvent)):
                continue
            if isinstance(event, yaml.DocumentStartEvent):
                if value is not None:
                    raise ValueError("several documents in one head")
                continue
            value = self._value(event, events)
        return value

    def _value(self, event: Any, events: Iterator[Any]) -> Any:
        import yaml

        if isinstance(event, yaml.AliasEvent):
            value, nodes, chars = self._anchors.get(event.anchor, (f"*{event.anchor}", 1, len(event.anchor)))
            self._count(nodes, chars)
            return value
        before = self._nodes, self._chars
        if isinstance(event, yaml.ScalarEvent):
            self._count(1, len(event.value))
            value = _scalar(event, self._is_typed)
        else:
            self._count(1, 0)
            self._depth += 1
            if self._depth > MOST_DEPTH:
                raise ValueError("nested too deep")
            value = self._list(events) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(events)
            self._depth -= 1
        if event.anchor:
            self._anchors[event.anchor] = (value, self._nodes - before[0], self._chars - before[1])
        return value

    def _count(self, nodes: int, chars: int) -> None:
        """Count what comes, before anybody writes it out: what an alias stands for counts wherever it stands."""
        self._nodes += nodes
        self._chars += chars
        if self._nodes > MOST_NODES:
            raise ValueError(f"more than {MOST_NODES:,} values")
        if self._chars > MOST_BYTES:
            raise ValueError("aliases that stand for more text than anybody writes")

    def _list(self, events: Iterator[Any]) -> list[Any]:
        import yaml

        items = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._value(event, events))
        return items

    def _mapping(self, events: Iterator[Any]) -> dict[str, Any] | str:
        import yaml

        several, merged = Several(), dict[str, Any]()
        found = several.found
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._value(event, events)
            name, value = _name(key), self._value(next(events), events)
            if isinstance(key, dict) and value is None:  # a template's {{title}}
                found["{{" + ", ".join(key) + "}}"] = None
            elif name == "<<" and isinstance(value, Mapping):  # merged, as YAML 1.1 has it
                merged = {**value, **merged}
            else:
                several.put(name, value)
        if merged:
            found = {**merged, **found}
        only = next(iter(found)) if len(found) == 1 else ""
        return only if only.startswith("{{") else found


def _scalar(event: Any, is_typed: bool) -> Any:
    text = str(event.value)
    if event.tag and not event.tag.startswith("tag:yaml.org,2002:"):
        return f"{event.tag} {text}".strip()
    if event.style in (None, "") and text in ("", "~", "null", "Null", "NULL"):
        return None
    if is_typed and event.style in (None, "") and _JSON_SCALAR.match(text):
        value = json.loads(text)
        return value if not isinstance(value, float) or math.isfinite(value) else text
    return text


def _name(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _yaml(raw: str, body: str) -> FrontMatter | None:
    try:
        fields = plain_yaml.read(raw) or read_yaml(raw)
    except ValueError as error:
        return _by_lines(raw, body, str(error))
    if fields is None:
        return FrontMatter({}, body, "yaml", raw)
    if not isinstance(fields, dict) or _is_prose(fields):
        return None
    return FrontMatter(fields, body, "yaml", raw)


def _is_prose(fields: Mapping[str, Any]) -> bool:
    """Whether a head is a sentence with a colon between two rules: `Warning: never restart the primary`."""
    if len(fields) != 1:
        return False
    name, value = next(iter(fields.items()))
    is_field = name.lower() in _ALONE
    return not is_field and name[:1].isupper() and isinstance(value, str) and len(value.split()) > 3


def _by_lines(raw: str, body: str, problem: str) -> FrontMatter | None:
    """A head that is no YAML, `key: value` a line; the rest of it is kept as it is.

    A block that YAML can read by itself is read so. None where the head is prose.
    """
    if raw.count("\n") > MOST_LINES:
        is_head = _KEY.match(_first_line(raw))
        return FrontMatter({NOT_READ: raw.rstrip("\n")}, body, "yaml", raw, problem) if is_head else None
    fields: dict[str, Any] = {}
    rest: list[str] = []
    for block in _blocks(raw):
        first = _KEY.match(block[0])
        if first is None or first["name"] in fields or not _PLAIN_NAME.match(first["name"]):
            rest += block
            continue
        try:
            read = read_yaml("\n".join(block))
        except ValueError:
            read = _plainly(block, first["value"] or "")
            read = None if read is None else {first["name"]: read}
        if isinstance(read, dict) and first["name"] in read:
            fields.update(read)
        else:
            rest += block
    said = [line for line in rest if line.strip()]
    if not fields or len(said) > len(fields) + 2:
        return None
    if said:
        fields[NOT_READ] = "\n".join(said)
    return FrontMatter(fields, body, "yaml", raw, problem)


def _first_line(raw: str) -> str:
    return next((line for line in raw.split("\n", 20)[:20] if line.strip()), "")


def _blocks(raw: str) -> Iterator[list[str]]:
    """The lines of a head, a key with what is indented under it."""
    block: list[str] = []
    for line in raw.splitlines():
        if block and (line[:1] in (" ", "\t", "-", "") and _KEY.match(block[0])):
            block.append(line)
        else:
            if block:
                yield block
            block = [line]
    if block:
        yield block


def _plainly(block: list[str], value: str) -> Any:
    """What a key says that YAML cannot read: its line as text, or the lines under it as a list. None for neither."""
    under = [line for line in block[1:] if line.strip()]
    if not under:
        return _unquoted(value)
    items = [_ITEM.match(line) for line in under]
    if value or not all(items):
        return None
    return [_unquoted(item["value"]) for item in items if item]


def _unquoted(value: str) -> str:
    value = value.strip()
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value


def _unclosed(text: str, start: int) -> FrontMatter:
    """A head without an end: the lines of `key: value` at its top, up to a blank line, when there are two or more."""
    head, blank, _ = text[start : start + MOST_BYTES].partition("\n\n")
    lines = head.splitlines()
    if not blank or len(lines) < 2 or not all(_KEY.match(line) or _ITEM.match(line) for line in lines):
        return FrontMatter(body=text)
    read = _yaml(head + "\n", text[start + len(head) + 2 :])
    if read is None:
        return FrontMatter(body=text)
    return FrontMatter(read.fields, read.body, "yaml", read.raw, "it has no end")


def _toml(raw: str, body: str) -> FrontMatter | None:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        if len(raw) > MOST_TOML_CHARS or any(
            line.partition("=")[0].count(".") > MOST_DEPTH for line in raw.split("\n")
        ):
            raise ValueError("longer or nested deeper than anybody writes")  # for what `tomllib` takes their squares
        return FrontMatter(_plain(tomllib.loads(raw, parse_float=str)), body, "toml", raw)
    except (ValueError, RecursionError) as error:
        kept = _toml_by_lines(raw)
        return FrontMatter(kept, body, "toml", raw, str(error).splitlines()[0]) if kept else None


def _toml_by_lines(raw: str) -> dict[str, Any]:
    if raw.count("\n") > MOST_LINES:
        return {NOT_READ: raw.rstrip("\n")} if "=" in _first_line(raw) else {}
    fields: dict[str, Any] = {}
    rest = []
    for line in raw.splitlines():
        name, is_pair, value = line.partition("=")
        if is_pair and _PLAIN_NAME.match(name.strip()) and name.strip() not in fields:
            fields[name.strip()] = _unquoted(value)
        elif line.strip():
            rest.append(line)
    if fields and rest:
        fields[NOT_READ] = "\n".join(rest)
    return fields


def _json(text: str) -> FrontMatter:
    try:
        refuse_many_values(text)
        fields, end = json.JSONDecoder().raw_decode(text.lstrip())
        read = _plain(fields)
    except (ValueError, RecursionError, InvalidInput):
        return FrontMatter(body=text)
    start = len(text) - len(text.lstrip())
    body = text[start + end :]
    if not isinstance(fields, dict) or (body and not body.startswith("\n")):
        return FrontMatter(body=text)
    return FrontMatter(read, body[1:], "json", text[start : start + end])


def _plain(value: Any) -> Any:
    """TOML's dates and times as text; the rest as it is.

    Raises:
        ValueError: A number has so many digits that Python cannot write it.
    """
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise ValueError("a number of more digits than anybody writes")
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
