"""What is to be different about an entry: some of its fields, and tags that come or go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rekall.entry.fields import BY_NAME, EDITED, Draft, Kind
from rekall.entry.other import others
from rekall.entry.rules import chosen, nearest, tag
from rekall.entry.types import Status
from rekall.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Changes:
    """New values by field. What is not named stays, a list replaces the old one, None takes a value away.

    Attributes:
        values: New values by the names of `entry.fields.EDITED`.
        add_tags, remove_tags: Tags that come to those there are, or go.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()

    @classmethod
    def of(cls, *, add_tags: Iterable[str] = (), remove_tags: Iterable[str] = (), **values: Any) -> Changes:
        """Changes by keyword, as Python and the doors know them: `Changes.of(title="…", add_tags=["git"])`.

        Lists may be any iterable of texts, choices may be named by their text.

        Raises:
            InvalidInput: There is no such field, or a text names no member of a closed set.
        """
        for name in values:
            if name not in _NAMES:
                near = nearest(name, _NAMES)
                raise InvalidInput(f"an entry has no field {name!r}", f"did you mean {near!r}?" if near else "")
        ready = {name: _value(name, value) for name, value in values.items()}
        return cls(ready, _listed(add_tags), _listed(remove_tags))

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return self == Changes()

    def applied(self, draft: Draft) -> Draft:
        """The draft with these changes. An entry that becomes active again loses its successor."""
        if self.values.get("status") is Status.ACTIVE and draft.status is not Status.ACTIVE:
            draft = replace(draft, superseded_by=None)
        draft = replace(draft, **self.values)
        gone = {tag(name) for name in self.remove_tags}
        return replace(draft, tags=tuple(name for name in (*draft.tags, *self.add_tags) if tag(name) not in gone))


_NAMES = [each.name for each in EDITED]


def _listed(values: Iterable[str]) -> tuple[str, ...]:
    """Texts as a tuple; one text alone is one item."""
    return (values,) if isinstance(values, str) else tuple(values)


def _value(name: str, value: Any) -> Any:
    """A value as the draft holds it; None is what a draft has that says nothing."""
    known = BY_NAME[name]
    if value is None and not known.is_required:
        return known.default
    if known.kind is Kind.OTHER and isinstance(value, Mapping):
        return others(value)
    if known.kind.is_list:
        return _listed(value)
    if known.kind is Kind.CHOICE and isinstance(value, str) and known.choices is not None:
        return chosen(known.choices, value, known.noun)
    return value
