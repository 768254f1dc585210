"""Three-way merge of what an entry says, by field; pure (docs/adr/0046)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rekall.entry.fields import BY_NAME
from rekall.entry.types import LinkType
from rekall.sync import lines
from rekall.sync.ids import digits
from rekall.sync.states import CREATED, LINKS, OBSOLETE, STATUS, SUCCESSOR, State, is_list, is_text

_NOTHING: tuple[Any, ...] = ("", [], None)
_SILENT = {name: field.default for name, field in BY_NAME.items() if field.default not in _NOTHING} | {
    "type": "reference"
}
"""Values that an entry has of which nobody said anything."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What comes of what two sides say.

    Attributes:
        here: What the base is to say.
        there: What the file is to say.
        conflicts: Fields that both changed in ways that do not fit; they are as they were here.
    """

    here: State
    there: State
    conflicts: tuple[str, ...]


def merge(was_here: State | None, was_there: State | None, mine: State, theirs: State) -> Merged:
    """Merge what the base and a file say, from what both said when they agreed.

    What a side did not change it takes from the other. Where both changed a field: lists hold what either added and not what
    either took away, texts are merged by lines, what one side emptied stays as the other has it. Where nobody knows what they
    agreed on, lists hold the items and texts the lines of both, and what one side leaves out the other says.

    Args:
        was_here: What the base said then; None where nobody knows.
        was_there: What the file said then.
        mine: What the base says.
        theirs: What the file says.
    """
    here: dict[str, Any] = {}
    there: dict[str, Any] = {}
    conflicts = []
    for name in dict.fromkeys((*mine, *theirs)):
        own, other = mine.get(name, _empty(name)), theirs.get(name, _empty(name))
        if was_here is None or was_there is None:
            here[name] = there[name] = value = _joined(name, own, other)
            if value is None:
                here[name] = there[name] = own
                conflicts.append(name)
            continue
        before, before_there = was_here.get(name, _empty(name)), was_there.get(name, _empty(name))
        if own == before and other == before_there:
            here[name], there[name] = own, other
        elif other == before_there:
            here[name], there[name] = own, _carried(name, before, own, other)
        elif own == before:
            here[name], there[name] = _carried(name, before_there, other, own), other
        else:
            value = own if own == other else _both(name, before_there, own, other)
            if value is None:
                value = own
                conflicts.append(name)
            here[name] = there[name] = value
    return Merged(_without_gone(here), _without_gone(there), tuple(conflicts))


def kept_id(entry_id: str, theirs: State, number: int = 0) -> str:
    """The id of the entry that keeps what the other side of a conflict said: the same wherever that conflict is met."""
    said = [(name, theirs[name]) for name in sorted(theirs) if name != LINKS and theirs[name] not in _NOTHING]
    digest = hashlib.blake2b(repr((entry_id, said, number)).encode("utf-8", "surrogatepass"), digest_size=10).digest()
    return entry_id[:10] + digits(digest, 16)


def kept_state(entry_id: str, theirs: State, conflicts: Sequence[str]) -> dict[str, Any]:
    """What that entry says: all that the other side said, and which entry it contradicts."""
    reason = f"both were changed: {', '.join(conflicts).replace('_', ' ')}"
    return {**theirs, SUCCESSOR: "", LINKS: {f"{LinkType.CONTRADICTS.value} {entry_id}": reason}}


def _empty(name: str) -> Any:
    return {} if name == LINKS else [] if is_list(name) else ""


def _without_gone(state: dict[str, Any]) -> dict[str, Any]:
    """A state without other fields that are there no more."""
    return {name: value for name, value in state.items() if value != "" or name in BY_NAME}


def _carried(name: str, before: Any, changed: Any, other: Any) -> Any:
    """A change on one side as the other side takes it, which may never have said quite the same."""
    if before == other:
        return changed
    merged = _both(name, before, changed, other)
    return changed if merged is None else merged


def _both(name: str, before: Any, mine: Any, theirs: Any) -> Any:
    """What comes of a field that both changed; None where it does not fit."""
    if name == LINKS:
        return _links(before, mine, theirs)
    if name == SUCCESSOR:
        return max(mine, theirs)
    if name == STATUS:
        return OBSOLETE if OBSOLETE in (mine, theirs) else mine
    if name == CREATED:
        return min(filter(None, (mine, theirs)), default="")
    if is_list(name):
        return _items(before, mine, theirs)
    if mine in _NOTHING or theirs in _NOTHING:
        return theirs if mine in _NOTHING else mine
    return lines.merged(before, mine, theirs) if is_text(name) else None


def _joined(name: str, mine: Any, theirs: Any) -> Any:
    """The same where nobody knows what both began with."""
    if mine == theirs:
        return mine
    if name == LINKS or is_list(name) or name in (SUCCESSOR, STATUS, CREATED):
        return _both(name, _empty(name), mine, theirs)
    for value, other in ((mine, theirs), (theirs, mine)):
        if value in _NOTHING or value == _SILENT.get(name, ""):
            return other
    return lines.united(mine, theirs) if is_text(name) else None


def _items(before: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """What either added is there, what either took away is not."""
    gone = set(before) - set(theirs)
    kept = [item for item in mine if item not in gone]
    known = {*before, *mine}
    return [*kept, *(item for item in theirs if item not in known)]


def _links(before: Mapping[str, str], mine: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    """Links by their names; one that a side took away stays where the other gave it another reason."""
    found = {}
    for name in sorted({*before, *mine, *theirs}):
        old, own, other = before.get(name), mine.get(name), theirs.get(name)
        reason = other if own == old else own if other == old else _reason(own, other)
        if reason is not None:
            found[name] = reason
    return found


def _reason(mine: str | None, theirs: str | None) -> str | None:
    """Two reasons of one link as one that holds both."""
    if mine is None or theirs is None:
        return theirs if mine is None else mine
    longer, shorter = (mine, theirs) if len(mine) >= len(theirs) else (theirs, mine)
    return longer if shorter in longer else "; ".join(sorted((mine, theirs)))
