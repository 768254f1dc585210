"""Makes what an import found fit an entry: nothing that has no room is lost, and whatever cannot be stored is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from rekall.entry import rules
from rekall.entry.fields import EDITED, MAX_LIST_ITEMS, MAX_TEXT_BYTES, Draft, Kind
from rekall.entry.other import OtherField
from rekall.errors import RekallError
from rekall.exchange.bounds import plainly
from rekall.exchange.reading import Found

_LISTS = tuple(field for field in EDITED if field.kind.is_list and field.kind is not Kind.OTHER)


def fitted(found: Found) -> Draft:
    """What was found, as it is stored.

    Raises:
        InvalidInput: It cannot be.
    """
    try:
        draft = rules.checked(_fitting(_titled(found)))
    except RekallError:
        raise
    except Exception as error:  # nothing is written yet, so that whatever its values do costs this item alone
        raise plainly(error) from error
    if draft.superseded_by and draft.superseded_by == draft.id:  # nothing can be read instead of itself
        return replace(draft, superseded_by=None)
    return draft


def _titled(found: Found) -> Draft:
    """What was found, under the name of its file where what should be its title holds nothing to show."""
    draft = found.read.draft
    return draft if draft.title.strip() else replace(draft, title=Path(found.file).name.strip() or found.file)


def _fitting(draft: Draft) -> Draft:
    """The draft without more tags and other items than an entry holds, or longer ones; those are kept as other fields."""
    values: dict[str, Any] = {}
    others = list(draft.other_fields)
    for field in _LISTS:
        if given := getattr(draft, field.name):
            items = dict.fromkeys(given)
            fits = [item for item in items if len(item) <= (field.most or MAX_TEXT_BYTES)][:MAX_LIST_ITEMS]
            if len(given) > MAX_LIST_ITEMS:
                values[field.name] = tuple(fits)
            if len(fits) < len(items):
                values[field.name] = tuple(fits)
                kept = set(fits)
                others.append(OtherField.of(f"more_{field.name}", [item for item in items if item not in kept]))
    if len(others) > rules.MAX_OTHER_FIELDS or any(len(other.name) > rules.MOST_NAME_CHARS for other in others):
        return replace(draft, other_fields=_folded(others), **values)
    return replace(draft, other_fields=tuple(others), **values) if values else draft


def _folded(others: list[OtherField]) -> tuple[OtherField, ...]:
    """Other fields of which there are too many, or with names that are too long: these together in one, as a mapping."""
    fits = [other for other in others if len(other.name) <= rules.MOST_NAME_CHARS][: rules.MAX_OTHER_FIELDS - 1]
    names = {other.name for other in fits}
    rest = {other.name: other.value for other in others if other.name not in names}
    return (*fits, OtherField.of("more_fields", rest))
