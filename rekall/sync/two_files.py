"""Merges two versions of one file by what they say, for whoever has them as bytes; see `merging.merged_file`."""

from __future__ import annotations

from pathlib import Path

from rekall.exchange.file_names import slug_name
from rekall.sync import tombstones
from rekall.sync.editing import edited
from rekall.sync.files import Root, Says, read, whole
from rekall.sync.heads import CannotWrite
from rekall.sync.merging import MergedFile, kept_id, kept_state, merge

_ROOT = Root(Path())
_NAME = "note.md"


def merged_bytes(base: bytes | None, mine: bytes, theirs: bytes) -> MergedFile:
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
