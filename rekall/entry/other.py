"""Fields of a file that Rekall has no place for: kept with the entry under their own names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_encoded = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps would make an encoder for every value


@dataclass(frozen=True, slots=True)
class OtherField:
    """A field that is no field of an entry, as the file gave it.

    Attributes:
        name: Its name in the file.
        json: Its value as JSON, as `of` writes it.
    """

    name: str
    json: str

    @classmethod
    def of(cls, name: str, value: Any) -> OtherField:
        """A field of anything that JSON can hold. Raises TypeError for what it cannot."""
        return cls(name, _encoded(value))

    @classmethod
    def parsed(cls, stored: str) -> OtherField:
        """The field that `stored` wrote."""
        name, value = json.loads(stored)
        return cls.of(name, value)

    @property
    def stored(self) -> str:
        """Name and value as one text."""
        return f"[{_encoded(self.name)}, {self.json}]"

    @property
    def value(self) -> Any:
        """Its value: a text, number, truth, None, list or mapping."""
        return json.loads(self.json)

    def __str__(self) -> str:
        """Name and value as people read them."""
        if self.json[:1] == '"' and "\\" not in self.json:  # a text as it stands
            return f"{self.name}: {self.json[1:-1]}".rstrip()
        return f"{self.name}: {', '.join(leaves(self.value))}".rstrip()


class Several:
    """Values by name; two that differ under one name become a list, in time that grows with their number alone."""

    def __init__(self) -> None:
        """Begin without any."""
        self.found: dict[str, Any] = {}
        self._lists: set[str] = set()

    def put(self, name: str, value: Any) -> None:
        """Add a value."""
        if name not in self.found:
            self.found[name] = value
        elif name in self._lists:
            self.found[name].append(value)
        elif self.found[name] != value:
            kept = self.found[name]
            self.found[name] = [*(kept if isinstance(kept, list) else [kept]), value]
            self._lists.add(name)


def leaves(value: Any) -> Iterator[str]:
    """The texts in a value, from outside in; names of mappings stand before their values."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield f"{name}: {', '.join(leaves(item))}"
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif value is not None:
        yield str(value)


def others(values: Mapping[str, Any]) -> tuple[OtherField, ...]:
    """Fields from names and values."""
    return tuple(OtherField.of(name, value) for name, value in values.items())
