"""Writes an entry as Markdown with YAML front matter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from rekall.entry.fields import BY_NAME, Entry
from rekall.entry.record import to_record
from rekall.entry.types import Link

_JSON_NUMBER = re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d+\Z")
"""A number to JSON, and so to us when we read it again, and a text to YAML, which would leave the quotes out."""

_RARE_ENDS = re.compile("[\x85\u2028\u2029]")


def to_markdown(entry: Entry, links: Sequence[Link] = (), *, full: bool = False) -> str:
    """An entry as Markdown; `from_markdown` reads it back the same.

    Args:
        entry: The entry.
        links: Its links.
        full: Also the fields that are empty.
    """
    return dump_front_matter(without_sources(to_record(entry, links, full=full)), entry.content)


def without_sources(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record whose links all start at it, so that their source says nothing."""
    links = [{name: value for name, value in link.items() if name != "source"} for link in record.get("links", ())]
    return {name: links if name == "links" else value for name, value in record.items()}


def dump_front_matter(fields: Mapping[str, Any], content: str, width: float = 100) -> str:
    """Fields between `---` lines, then the content.

    Args:
        fields: Names and values.
        content: The text.
        width: Where long values are broken.
    """
    import yaml

    head = yaml.dump(dict(fields), Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=width)
    return f"---\n{head}---\n\n{content}\n" if content else f"---\n{head}---\n"


def dump_field(name: str, value: Any, *, is_flow: bool = False) -> str:
    """One field as lines that merge well: an item a line, a text of several lines as it is, nothing broken.

    Args:
        name: Its name.
        value: Its value.
        is_flow: Whether a list stands on one line, in brackets.
    """
    import yaml

    return str(
        yaml.dump(
            {name: value},
            Dumper=_line_dumper(),
            sort_keys=False,
            allow_unicode=True,
            width=_ENDLESS,
            default_flow_style=None if is_flow else False,
        )
    )


def dump_head(fields: Mapping[str, Any]) -> str:
    """Fields between `---` lines as a person edits them: one line each where that is possible, nothing for nothing."""
    import yaml

    lines: list[str] = []
    for name, value in fields.items():
        if name in BY_NAME and value in ("", []):
            lines.append(f"{name}: []\n" if value == [] else f"{name}:\n")
            continue
        is_short = isinstance(value, list) and all(isinstance(item, str) and "\n" not in item for item in value)
        is_short = is_short and sum(map(len, value)) < _SHORT_LIST
        written = yaml.dump(
            {name: value},
            Dumper=_dumper(),
            sort_keys=False,
            allow_unicode=True,
            width=_ENDLESS,
            default_flow_style=None if is_short else False,
        )
        lines.append(written)
    return f"---\n{''.join(lines)}---\n"


_SHORT_LIST = 80
_ENDLESS = 1 << 30


@cache
def _dumper() -> Any:
    """Writes YAML of plain values. A text with one of YAML's rarer line ends is quoted, or a reader would fold it; so is what looks like a number."""
    import yaml

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]  # yaml has no types
        pass

    def text(dumper: Any, value: str) -> Any:
        style = '"' if _RARE_ENDS.search(value) else "'" if _JSON_NUMBER.match(value) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)

    Dumper.add_representer(str, text)
    return Dumper


@cache
def _line_dumper() -> Any:
    """The same, with texts of several lines in a block of their own lines."""

    class LineDumper(_dumper()):  # type: ignore[misc]  # yaml has no types
        pass

    def text(dumper: Any, value: str) -> Any:
        is_odd = _RARE_ENDS.search(value) or value.endswith("\n")
        style = '"' if is_odd else "'" if _JSON_NUMBER.match(value) else "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)

    LineDumper.add_representer(str, text)
    return LineDumper
