"""Three-way merge of an entry: what its source said last time, what it says now, and what was changed here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rekall.entry.fields import EDITED, Draft, Field, Kind
from rekall.entry.other import OtherField
from rekall.entry.types import Status

_SHORT = 24
"""Characters of a value that is remembered as it is; of a longer one its hash, which is as long."""

_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_NO_LINKS = "[]}"
_WITHOUT_LINKS = f'}},"links":{_NO_LINKS}'

AWAITED = "awaited"
"""The name, beside those of fields, of a successor that a source names and that is not here yet."""

Said = Mapping[str, Any]
"""What a source said: a field a name; texts of a list as they are, of anything else a short value or its hash."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What comes of two changes.

    Attributes:
        draft: What the entry is to say.
        conflicts: Fields that both changed, each in its own way; they stay as they are here.
    """

    draft: Draft
    conflicts: tuple[str, ...]


def said_by(draft: Draft) -> dict[str, Any]:
    """What a source says, in little room; fields that are empty are left out."""
    said = ((field, getattr(draft, field.name)) for field in EDITED)
    return {field.name: _remembered(field, value) for field, value in said if value or value == 0}


def merge(said: Said | None, mine: Draft, theirs: Draft) -> Merged:
    """Take what changed on either side since they were last alike.

    Args:
        said: What the source said then; None where nobody remembers.
        mine: The entry here.
        theirs: What the source says now.
    """
    values: dict[str, Any] = {}
    conflicts = []
    for field in EDITED:
        here, there = getattr(mine, field.name), getattr(theirs, field.name)
        before = None if said is None else said.get(field.name, [] if field.kind.is_list else "")
        is_mine = before is None or not _is_still(_remembered(field, here), before)
        is_theirs = before is None or not _is_still(_remembered(field, there), before)
        if field.kind.is_list and isinstance(before, str):
            before = None  # it was forgotten, and only told from others
        if here == there or not is_theirs:
            continue
        if not is_mine:
            values[field.name] = there
        elif field.kind is Kind.OTHER:
            values[field.name], differs = _both_others(before or (), here, there)
            if differs:
                conflicts.append(field.name)
        elif field.kind.is_list:
            values[field.name] = _items(before or (), here, there)
        elif field.name in _FOLLOWING or _is_empty(field, there):
            continue
        elif _is_empty(field, here) and before is None:
            values[field.name] = there
        else:
            conflicts.append(field.name)
    return Merged(replace(mine, **values), tuple(conflicts))


def joined(mine: Draft, theirs: Draft) -> Draft:
    """What a source says that tells of an entry for the first time. What it leaves out, it may not know: that stays."""
    values: dict[str, Any] = {}
    for field in EDITED:
        here, there = getattr(mine, field.name), getattr(theirs, field.name)
        if field.kind is Kind.OTHER:
            values[field.name] = _others(there, here)
        elif field.name in _FOLLOWING:
            continue
        elif there in (None, "", ()) or (field.kind is Kind.TEXT and there in here):
            values[field.name] = here
    return replace(theirs, **values)


_FOLLOWING = ("status", "superseded_by")
"""Links decide these; where both sides changed them, what holds here stays."""


def _items(before: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> tuple[str, ...]:
    """A list that both changed: what either added is there, what either took away is not."""
    gone = set(before) - set(theirs)
    kept = [item for item in mine if item not in gone]
    return (*kept, *(item for item in theirs if item not in mine and item not in before))


def _both_others(before: Sequence[str], mine: Sequence[Any], theirs: Sequence[Any]) -> tuple[tuple[Any, ...], bool]:
    """Other fields that both changed, each by its name, and whether both changed one in ways of their own.

    Such a one stays as it is here.
    """
    was = {other.name: other for other in map(OtherField.parsed, before)}
    here, there = ({other.name: other for other in side} for side in (mine, theirs))
    kept, differs = [], False
    for name in dict.fromkeys((*here, *there)):
        old, own, other = was.get(name), here.get(name), there.get(name)
        both = other not in (old, own) and own != old
        differs = differs or (both and own is not None and other is not None)
        taken = other if own == old or (both and own is None) else own
        if taken is not None:
            kept.append(taken)
    return tuple(kept), differs


def _others(mine: Sequence[Any], theirs: Sequence[Any]) -> tuple[Any, ...]:
    """Other fields that both have; where both have one of the same name, this side's stays."""
    known = {other.name for other in mine}
    return (*mine, *(other for other in theirs if other.name not in known))


def _is_empty(field: Field, value: Any) -> bool:
    return value in (None, "") or (field.default is not None and value == field.default)


def _remembered(field: Field, value: Any) -> Any:
    if field.kind is Kind.OTHER:
        return [other.stored for other in value]
    if field.kind.is_list:
        return list(value)
    if value is None:
        return ""
    text = str(value.value) if isinstance(value, Status) or field.choices else str(value)
    return text if len(text) <= _SHORT else _hashed(text)


def _hashed(value: str | Sequence[str]) -> str:
    text = value if isinstance(value, str) else _encoded(value)
    return "#" + hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _is_still(now: str | Sequence[str], before: str | Sequence[str]) -> bool:
    """Whether a value is the one that is remembered, as it is or by its hash."""
    return now == before or (_is_hash(before) and _hashed(now) == before)


def _is_hash(value: str | Sequence[str]) -> bool:
    return isinstance(value, str) and len(value) > _SHORT and value.startswith("#")


def encoded(said: Said | None, links: Sequence[Sequence[str]]) -> str:
    """What a source said as one text, with the links that it made: target, type and reason of each."""
    return _encoded({"fields": said, "links": links})


def without_past(text: str, now: Draft) -> str:
    """What `encoded` wrote, with hashes of what an entry does not say any more."""
    fields, links = decoded(text)
    here = said_by(now)
    left = {
        name: said if here.get(name) == said or _is_hash(said) or name == AWAITED else _hashed(said)
        for name, said in (fields or {}).items()
    }
    return text if fields is None or left == fields else encoded(left, links)


def with_links(text: str, links: Sequence[Sequence[str]]) -> str:
    """What `encoded` wrote, with other links: usually there are none yet, and it ends so."""
    if text.endswith(_WITHOUT_LINKS):
        return f"{text[: -len(_NO_LINKS)]}{_encoded(links)}}}"
    return encoded(decoded(text)[0] or {}, links)


def decoded(text: str) -> tuple[Said | None, list[list[str]]]:
    """What `encoded` wrote; nothing where nobody remembers."""
    try:
        read: Any = json.loads(text or "{}") if isinstance(text, str) else {}
        fields, links = read.get("fields"), read.get("links", [])
    except (ValueError, AttributeError, RecursionError):  # damaged on the disk
        return None, []
    if not isinstance(links, list) or not all(map(_is_link, links)):
        links = []
    if not isinstance(fields, dict):
        return None, links
    return {name: said for name, said in fields.items() if _is_remembered(said)}, links


def _is_remembered(said: object) -> bool:
    return isinstance(said, str) or (isinstance(said, list) and all(isinstance(text, str) for text in said))


def _is_link(link: object) -> bool:
    return isinstance(link, list) and len(link) == 3 and all(isinstance(part, str) for part in link)
