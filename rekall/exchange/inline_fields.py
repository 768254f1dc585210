"""Fields that stand in a text as `name:: value`, as Logseq and Obsidian's Dataview have them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_FIELD = re.compile(
    r"(?:[-*+][ \t]+)?(?P<name>[A-Za-z][^\s:][^:\[\](){}`\n]{0,60}|[A-Za-z]{1,2})::(?:[ \t]+(?P<value>.*))?$"
)
_ATX = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")


def field_of(line: str) -> tuple[str, str] | None:
    """The name and the value of a line that is a field: `tags:: a, b`. None for any other line."""
    found = _FIELD.match(line.strip()) if "::" in line and len(line) < 10_000 else None
    return (found["name"].strip(), (found["value"] or "").strip()) if found else None


def joined(fields: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Fields by name; what is given twice is a list."""
    found: dict[str, Any] = {}
    for name, value in fields:
        if name not in found:
            found[name] = value
        elif found[name] != value:
            kept = found[name]
            found[name] = [*(kept if isinstance(kept, list) else [kept]), value]
    return found


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
