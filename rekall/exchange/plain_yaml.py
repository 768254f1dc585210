"""Front matter as nearly everybody writes it, a field a line and nothing nested, read without a parser of YAML.

What is read here is what `front_matter.read_yaml` makes of it, ten times as fast; anything that might be more is left to that.
"""

from __future__ import annotations

import re
from typing import Any

_MOST_CHARS = 20_000
"""A longer head is no usual one, and its values are counted."""

_TEXT = r"\w\u00a1-\u00ff\u2010-\u2027"
"""What is text to YAML beside ASCII: letters and digits, and the signs of Western languages. No line ends, no controls."""

_PLAIN = rf"[{_TEXT}./(+$](?:[ !\"$-9;-~{_TEXT}]|(?<! )#|:(?![ \n]|\Z))*"
"""A scalar without quotes: it begins with no sign of YAML's, a colon is followed by something, a hash follows something.

It takes the blanks behind it, so that no pattern has two ways to match them.
"""

_QUOTED = rf"(?:\"[ !#-\[\]-~{_TEXT}]*\"|'[ -&(-~{_TEXT}]*') *"
_IN_LIST = rf"(?:[{_TEXT}./+$][{_TEXT}./+$ -]*|(?:\"[ !#-+\--\[\]-~{_TEXT}]*\"|'[ -&(-+\--~{_TEXT}]*') *)"
_LIST = rf"\[ *(?:{_IN_LIST}(?:, *{_IN_LIST})*)?\] *"

_SCALAR = rf"(?P<scalar>{_QUOTED}|{_PLAIN})"
_FIELD = re.compile(rf"(?P<name>[A-Za-z_][\w-]{{0,60}}):(?: +(?:{_SCALAR}|(?P<list>{_LIST}))?)?\n")
_ITEM = re.compile(rf"(?P<indent> *)- +{_SCALAR}\n")
_NULLS = frozenset(("null", "Null", "NULL"))


def read(head: str) -> dict[str, Any] | None:
    """The fields of a head; None where it is not certain that these are all that YAML finds in it.

    Args:
        head: Whole lines, each ended by a line feed.
    """
    if len(head) > _MOST_CHARS:
        return None
    fields: dict[str, Any] = {}
    at, name, indent = 0, "", ""
    while at < len(head):
        found = _FIELD.match(head, at)
        if found is not None:
            name = found["name"]
            if name in fields or name in _NULLS:
                return None
            fields[name] = _scalar(found["scalar"]) if found["list"] is None else _items(found["list"])
            if found["scalar"] or found["list"]:
                name = ""  # no items may follow
        else:
            found = _ITEM.match(head, at) if name else None
            if found is None or (fields[name] is not None and found["indent"] != indent):
                return None
            indent = found["indent"]
            fields[name] = [*(fields[name] or ()), _scalar(found["scalar"])]
        at = found.end()
    return fields or None


def _scalar(text: str | None) -> str | None:
    bare = (text or "").rstrip(" ")
    if bare[:1] in ("'", '"'):
        return bare[1:-1]
    return bare if bare and bare not in _NULLS else None


def _items(text: str) -> list[str | None]:
    inside = text.rstrip(" ")[1:-1].strip(" ")
    return [_scalar(item.strip(" ")) for item in inside.split(",")] if inside else []
