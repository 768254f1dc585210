"""Two entries become one: it keeps all that both say, and the other one becomes obsolete in favour of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from rekall.entry.fields import EDITED, Draft, Entry, Kind
from rekall.entry.other import OtherField
from rekall.entry.types import Link, LinkType, Status
from rekall.errors import InvalidInput
from rekall.knowledge.recorded import operation
from rekall.knowledge.reports import Saved
from rekall.knowledge.succession import put_link
from rekall.knowledge.writing import EntryService

REASON = "merged into it"
"""Kept on the link from the one entry to the other."""

_FENCE = re.compile(r"^\s*(```|~~~)")


def united(one: Entry, other: Entry) -> Draft:
    """What an entry is to say that keeps all of two.

    Texts follow one another without the paragraphs that both have, lists are united, and what has one value is the one's, else
    the other's. The other's title stays as a keyword, so that the entry is found by it.
    """
    said: dict[str, Any] = {
        "confidence": max(one.confidence, other.confidence),
        "project": one.project or other.project,
    }
    for field in EDITED:
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.kind is Kind.TEXT:
            said[field.name] = joined(mine, theirs)
        elif field.kind is Kind.OTHER:
            said[field.name] = _with_fields(mine, theirs)
        elif field.kind.is_list:
            said[field.name] = _with_items(mine, theirs)
    if _plain(one.title) != _plain(other.title):
        said["keywords"] = _with_items(said["keywords"], (other.title,))
    return replace(one.as_draft(), **said)


def joined(one: str, other: str) -> str:
    """Two texts as one, without the paragraphs of the second that the first has already."""
    known = {_plain(block) for block in _blocks(one)}
    further = [block for block in _blocks(other) if _plain(block) not in known]
    return "\n\n".join([*([one.rstrip()] if one.strip() else []), *further])


def may_be_merged(one: Entry, other: Entry) -> None:
    """Refuse what would leave no active entry. Raises InvalidInput: It is one entry, or the one that stays is obsolete."""
    if one.id == other.id:
        raise InvalidInput("an entry cannot be merged with itself", "name two entries")
    if one.status is Status.OBSOLETE:
        raise InvalidInput(
            f"{one.title!r} is obsolete, and would keep what both say",
            f"name the entry that holds first, or `rekall edit {one.id} --status active`",
        )


class Uniter:
    """Merges entries."""

    def __init__(self, writer: EntryService) -> None:
        """Work with what writes entries."""
        self._writer = writer
        self._store = writer.store

    def merge(self, one: Entry, other: Entry, draft: Draft) -> Saved:
        """Let an entry say what two said, and make the other one obsolete; one change, which `undo` takes back as a whole.

        The links of the other one to further entries are the one's, too.

        Args:
            one: The entry that stays, as it was seen.
            other: The one that becomes obsolete, as it was seen.
            draft: What the one is to say.

        Raises:
            NotFound, EditConflict: One of them is gone, or says something else by now; nothing was changed.
            InvalidInput: It is one entry, the one is obsolete, or the draft breaks a rule.
        """
        may_be_merged(one, other)
        writer, store = self._writer, self._store
        edit = writer.edited(one, draft)
        gone = writer.edited(other, replace(other.as_draft(), status=Status.OBSOLETE, superseded_by=one.id))
        with operation(store, "merge"), store.transaction():
            key, _ = writer.put_edit(edit)
            for link in list(self._further_links(one, other)):
                put_link(store, link, writer.clock.now())
            writer.put_edit(gone, REASON)
            entry = store.entries.one(key)
        return writer.saved(key, entry, edit)

    def _further_links(self, one: Entry, other: Entry) -> Iterator[Link]:
        """The links of the other one to further entries, as links of the one; what supersedes it stays as it is."""
        key = self._store.entries.key_of(other.id)
        for link in self._store.links.of(key) if key is not None else ():
            is_its_own = {link.source, link.target} == {one.id, other.id}
            if is_its_own or (link.type is LinkType.SUPERSEDES and link.target == other.id):
                continue
            source, target = (one.id if end == other.id else end for end in (link.source, link.target))
            yield replace(link, source=source, target=target)


def _blocks(text: str) -> Iterator[str]:
    """The paragraphs of a text; a block of code is one, whatever blank lines are in it."""
    block: list[str] = []
    fence = ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if found and (not fence or found[1] == fence):
            fence = "" if fence else found[1]
        if line.strip() or fence:
            block.append(line)
        elif block:
            yield "\n".join(block)
            block = []
    if block:
        yield "\n".join(block)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _with_items(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    """Two lists as one, each item once."""
    return tuple(
        {_plain(item): item for item in (*other, *one)}[name] for name in dict.fromkeys(map(_plain, (*one, *other)))
    )


def _with_fields(one: Iterable[OtherField], other: Iterable[OtherField]) -> tuple[OtherField, ...]:
    known = {each.name for each in one}
    return (*one, *(each for each in other if each.name not in known))
