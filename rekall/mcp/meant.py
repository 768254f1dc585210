"""What callers mean: arguments under names that are near, and values in shapes that are near, taken as what was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BeforeValidator

_OTHER_NAMES = {
    "q": "query",
    "entry_id": "id",
    "from": "source",
    "to": "target",
    "source_id": "source",
    "target_id": "target",
}
_AROUND_AN_ID = " \t\n\r`'\"#[](){}<>"
_ADDRESS = re.compile(r"^rekall://entry/")


def named(given: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Arguments by the names that a tool knows: one thing for several of them, several for one, and a few other words.

    What would have to be guessed keeps its name, and is refused by it.
    """
    taken: dict[str, Any] = {}
    for name, value in given.items():
        near = (name, f"{name}s", name.removesuffix("s"), _OTHER_NAMES.get(name, ""))
        meant = next((each for each in near if each in known), name)
        taken[name if meant in given else meant] = value
    return taken


def listed(value: object) -> object:
    """Assistants send `"a, b"`, `"a"` or `'["a", "b"]'` where a list is asked for."""
    items = one_text(value)
    if items == [value]:
        return [part.strip() for part in str(value).split(",") if part.strip()]
    return items


def one_text(value: object) -> object:
    """A list, also from its JSON; any other text is its one item."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith("["):
        try:
            items = json.loads(value)
        except (ValueError, RecursionError):
            return [value]
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return items
    return [value]


def joined(value: object) -> object:
    """One text where a list of texts was sent, a line each."""
    is_texts = isinstance(value, list) and value and all(isinstance(item, str) for item in value)
    return "\n".join(value) if isinstance(value, list) and is_texts else value


def word(value: object) -> object:
    """A word of a fixed few, in any case."""
    value = joined(value)
    return re.sub(r"[\s-]+", "_", value.strip().lower()) if isinstance(value, str) else value


def bare_id(value: object) -> object:
    """An id without what stands around it where it was read: quotes, brackets, the address of a resource."""
    value = joined(value)
    return _ADDRESS.sub("", value.strip(_AROUND_AN_ID)) or value if isinstance(value, str) else value


def bare_ids(value: object) -> object:
    """Several ids."""
    items = listed(value)
    return [bare_id(item) for item in items] if isinstance(items, list) else items


def at_most(most: int) -> BeforeValidator:
    """A number that says how much is wanted at most; more than there can be is as much as there can be."""

    def bounded(value: object) -> object:
        is_number = isinstance(value, int) or (isinstance(value, str) and value.strip().isdecimal())
        return min(int(value), most) if is_number and not isinstance(value, bool) else value  # type: ignore[call-overload]

    return BeforeValidator(bounded)
