"""An entry's parts as the texts of a form, and back, without losing what a text cannot show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Any

from rekall.entry.fields import BY_NAME, EDITED, Draft, Field, Kind
from rekall.entry.rules import chosen
from rekall.errors import InvalidInput
from rekall.unseen import restored
from rekall.wording import printable

_FURTHER = "  "
"""Begins the further lines of one item, as a stack trace's own lines do."""


def texts_of(draft: Draft) -> dict[str, str]:
    """The text of every field: tags between commas, other lists an item a line, further lines of an item indented."""
    return {
        field.name: printable(_text(field, getattr(draft, field.name)))
        for field in EDITED
        if field.kind is not Kind.OTHER
    }


def draft_of(begun: Draft, texts: Mapping[str, str], onto: Draft | None = None) -> Draft:
    """A draft from the texts of a form.

    Args:
        begun: What the form began with. A field whose text is as it was keeps its value, and what the form spelled
            out of the others (`<U+202E>`) is again what it stands for: an edit changes nothing that nobody saw.
        texts: The texts now.
        onto: The draft that edited fields are applied to, when that is no longer what the form began with.

    Raises:
        InvalidInput: A number is none, or a choice is unknown.
    """
    before = texts_of(begun)
    new = {
        name: _value(BY_NAME[name], restored(text, _text(BY_NAME[name], getattr(begun, name))))
        for name, text in texts.items()
        if text != before[name]
    }
    return replace(onto or begun, **new)


def lines_of(items: tuple[str, ...]) -> str:
    """Items a line each; the further lines of one item are indented."""
    return "\n".join(item.replace("\n", f"\n{_FURTHER}") for item in items)


def items_of(text: str) -> tuple[str, ...]:
    """The items of such a text."""
    items: list[str] = []
    for line in text.split("\n"):
        if items and line.startswith(_FURTHER):
            items[-1] += "\n" + line.removeprefix(_FURTHER)
        else:
            items.append(line)
    return tuple(item for item in items if item.strip())


def _text(field: Field, value: Any) -> str:
    if field.kind is Kind.TAGS:
        return ", ".join(value)
    if field.kind.is_list:
        return lines_of(value)
    return str(value.value) if isinstance(value, Enum) else "" if value is None else str(value)


def _value(field: Field, text: str) -> Any:
    """The value that a person typed for a field."""
    if field.kind is Kind.TAGS:
        return tuple(tag.strip() for tag in text.split(","))
    if field.kind.is_list:
        return items_of(text)
    if field.kind is Kind.CHOICE and field.choices is not None:
        return chosen(field.choices, text, field.noun)
    if field.kind is Kind.NUMBER:
        return _whole(field, text)
    return text if field.default is not None or field.is_required else text.strip() or None


def _whole(field: Field, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        hint = f"it goes from 0 to {field.most}"
        raise InvalidInput(f"{field.noun} is {text!r}, expected a whole number", hint) from None
