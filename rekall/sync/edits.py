"""An edit of what somebody else changed meanwhile: merged by field, as a sync merges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rekall.entry.fields import Draft, Entry
from rekall.errors import EditConflict, NotFound
from rekall.knowledge.reports import Saved
from rekall.knowledge.writing import EntryService
from rekall.sync.fields import merge
from rekall.sync.states import SUCCESSOR, different, draft_of, state_of

_TRIES = 5
"""So often in a row somebody else is quicker before it is left to the person."""


@dataclass(frozen=True, slots=True)
class Edited:
    """An edit that was stored.

    Attributes:
        saved: The entry as it is now.
        theirs: Fields that somebody else had changed meanwhile, and that stay so.
    """

    saved: Saved
    theirs: tuple[str, ...] = ()


def edited(writer: EntryService, old: Entry, draft: Draft) -> Edited:
    """Replace what an entry says; what somebody else changed in it since stays.

    Args:
        writer: Changes entries.
        old: The entry as the editor saw it.
        draft: What it is to say.

    Raises:
        NotFound: It is gone.
        EditConflict: Somebody else changed the same place; nothing was changed.
        InvalidInput: The draft breaks a rule.
    """
    theirs: tuple[str, ...] = ()
    seen, wanted = old, draft
    for _ in range(_TRIES):
        try:
            return Edited(writer.edit(seen, wanted), theirs)
        except EditConflict:
            now = writer.store.entries.by_ids([old.id]).get(old.id)
            if now is None:
                raise NotFound(f"entry {old.id} was just deleted", "add it again with `rekall add`") from None
            seen, wanted = now, _merged(old, draft, now)
            theirs = different(state_of(old), state_of(now))
    raise EditConflict(f"{old.title!r} is being changed by somebody else", "try again in a moment")


def _merged(old: Entry, draft: Draft, now: Entry) -> Draft:
    """What an entry is to say that was changed twice. Raises EditConflict."""
    was = state_of(old)
    merged = merge(was, was, state_of(replace(draft, id=old.id, created_at=old.created_at)), state_of(now))
    if merged.conflicts:
        raise _conflict(old, merged.conflicts)
    return replace(draft_of(merged.here, old.id), superseded_by=merged.here[SUCCESSOR] or None)


def _conflict(old: Entry, fields: Sequence[str]) -> EditConflict:
    named = ", ".join(fields).replace("_", " ")
    return EditConflict(
        f"{old.title!r} was changed by somebody else meanwhile, in the same place: {named}",
        f"`rekall diff {old.id}` shows what they changed; edit it again, and take your text from the draft",
    )
