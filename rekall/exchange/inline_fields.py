"""Fields that stand in a text: `name:: value` of Logseq and Obsidian's Dataview, `Name: value` of Notion and Pelican."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rekall.entry.other import Several

_FIELD = re.compile(
    r"(?:[-*+][ \t]+)?(?P<name>[A-Za-z][^\s:][^:\[\](){}`\n]{0,60}|[A-Za-z]{1,2})::(?:[ \t]+(?P<value>.*))?$"
)
_LABEL = re.compile(r"(?P<name>[^\s:|`\[\]<>*-][^:\n|`\[\]]{0,60}):[ \t]+(?P<value>\S.*)\Z")
_ATX = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")


def field_of(line: str) -> tuple[str, str] | None:
    """The name and the value of a line that is a field: `tags:: a, b`. None for any other line."""
    found = _FIELD.match(line.strip()) if "::" in line and len(line) < 10_000 else None
    return (found["name"].strip(), (found["value"] or "").strip()) if found else None


def joined(fields: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Fields by name; what is given twice is a list."""
    several = Several()
    for name, value in fields:
        several.put(name, value)
    return several.found


def at_the_top(body: str, shown: str) -> dict[str, Any]:
    """Fields on lines of their own above all other text; headings and blank lines may stand between them.

    Args:
        body: The text.
        shown: The same without code.
    """
    found = []
    for line, seen in zip(body.split("\n"), shown.split("\n"), strict=True):
        if not line.strip() or _ATX.match(seen):
            continue
        field = field_of(line) if seen.strip() else None
        if field is None:
            break
        found.append(field)
    return joined(found)


def labels_at_the_top(text: str) -> tuple[dict[str, str], str]:
    """The lines of `Name: value` that a text begins with, up to a blank line, and the text below them.

    A line that is none goes on with the value above it. Nothing where the first line is none.
    """
    block, _, below = text.partition("\n\n")
    found: dict[str, str] = {}
    last = ""
    for line in block.split("\n"):
        label = _LABEL.match(line)
        if label and label["name"].strip() not in found:
            last = label["name"].strip()
            found[last] = label["value"].strip()
        elif last:
            found[last] += f"\n{line}"
        else:
            return {}, text
    return found, below.strip("\n")
