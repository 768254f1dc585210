"""Merges two versions of one file by what they say, for whoever has them as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rekall.exchange.file_names import slug_name
from rekall.sync import tombstones
from rekall.sync.editing import edited
from rekall.sync.fields import kept_id, kept_state, merge
from rekall.sync.files import Root, Says, read, whole
from rekall.sync.heads import CannotWrite

_ROOT = Root(Path())
_NAME = "note.md"


@dataclass(frozen=True, slots=True)
class MergedFile:
    """What comes of two versions of a file.

    Attributes:
        data: The bytes; None where both sides, or the only one that changed, have none any more.
        conflicts: Fields that both changed in ways that do not fit; `data` says what `mine` said there.
        theirs: What `theirs` said in a conflict, as a file of an entry of its own, with the name that it is to have; None
            where there is no conflict.
    """

    data: bytes | None
    conflicts: tuple[str, ...] = ()
    theirs: tuple[str, bytes] | None = None


def merged_file(base: bytes | None, mine: bytes | None, theirs: bytes | None) -> MergedFile:
    """Merge two versions of a file of a synced folder, such as git finds where it cannot merge.

    Args:
        base: What both began with; None where nobody knows, or there was no file.
        mine: The one version; None where that side deleted it.
        theirs: The other.
    """
    if mine == theirs or theirs == base:
        return MergedFile(mine)
    if mine == base:
        return MergedFile(theirs)
    if mine is None or theirs is None:  # what was changed goes before what was deleted
        return MergedFile(theirs if mine is None else mine)
    return _merged(base, mine, theirs)


def _merged(base: bytes | None, mine: bytes, theirs: bytes) -> MergedFile:
    """What comes of two versions that both differ from what they began with.

    Where one of them is no note that can be read, or they are two notes, `mine` stays and "text" is the conflict.
    """
    if tombstones.is_tombstone(mine) and tombstones.is_tombstone(theirs):
        return MergedFile(tombstones.joined(mine, theirs))
    ours, others = read(_ROOT, _NAME, mine), read(_ROOT, _NAME, theirs)
    if not isinstance(ours, Says) or not isinstance(others, Says):
        return MergedFile(mine, ("text",))
    if ours.entry_id and others.entry_id and ours.entry_id != others.entry_id:
        return MergedFile(mine, ("id",))
    before = read(_ROOT, _NAME, base) if base else None
    was = before.state if isinstance(before, Says) else None
    merged = merge(was, was, ours.state, others.state)
    entry_id = ours.entry_id or others.entry_id
    try:
        data = edited(_ROOT, ours, merged.there, entry_id) if entry_id else mine
    except CannotWrite:
        return MergedFile(mine, merged.conflicts or ("text",))
    if not merged.conflicts or not entry_id:
        return MergedFile(data, merged.conflicts)
    kept = kept_id(entry_id, others.state)
    state = kept_state(entry_id, others.state, merged.conflicts)
    return MergedFile(data, merged.conflicts, (slug_name(str(state["title"]), kept), whole(state, kept)))
