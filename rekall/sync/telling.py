"""Lets entries of a base say what was merged: their fields, links, successors and statuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from rekall.entry import rules
from rekall.entry.fields import Entry
from rekall.entry.types import Link, LinkType, Status
from rekall.errors import EntryDamaged, RekallError
from rekall.knowledge.writing import EntryService
from rekall.sync.fields import kept_id
from rekall.sync.files import Says
from rekall.sync.ids import time_of
from rekall.sync.items import Item
from rekall.sync.reports import Refused
from rekall.sync.states import LINKS, STATUS, SUCCESSOR, State, draft_of, link_of, state_of, target_of

if TYPE_CHECKING:
    from rekall.store.contract import Store


class Telling:
    """Writes to a base; the caller holds the transaction."""

    def __init__(self, writer: EntryService, now: Callable[[], datetime]) -> None:
        """Write what was merged.

        Args:
            writer: Stores entries.
            now: The time.
        """
        self._writer = writer
        self._store: Store = writer.store
        self._now = now
        self.refused: list[Refused] = []
        self.kept: dict[str, list[str]] = {}
        """The entries that keep what the other side of a conflict said, by the entry."""

    def tell(self, items: Sequence[Item]) -> list[Item]:
        """Let entries say what they are to say. Returns the items of those that do; the others are refused."""
        done = []
        for item in items:
            try:
                self._put(item)
            except RekallError as error:
                if error.exit_code != 4 and not isinstance(error, EntryDamaged):  # the database or the disk
                    raise
                self.refused.append(Refused(item.path or item.title, error.message, error.hint))
                continue
            done.append(item)
        self._link(done)
        return done

    def _put(self, item: Item) -> None:
        """Let an entry say what it is to say, apart from its links."""
        store, mine = self._store, item.mine
        if item.here is None:
            if mine is not None:
                key = store.entries.keys_of([item.entry_id])[item.entry_id]
                self._writer.take_out(key, mine.entry, self._now())
            return
        if mine is None or _fields(mine.state) != _fields(item.here):
            says = item.file.says if item.file else None
            self._say(item.entry_id, item.here, mine.entry if mine else None, says)
        for entry_id, state, _ in item.kept:
            self._keep(item.entry_id, entry_id, state)

    def _say(self, entry_id: str, state: State, old: Entry | None, says: Says | None = None) -> None:
        store = self._store
        key = store.entries.key_of(entry_id)
        if old is None and key is None and store.tombstones.has(entry_id):
            key = self._brought_back(entry_id)
        if old is None and key is not None:
            old = store.entries.one(key)
        draft = replace(rules.checked(draft_of(state, entry_id)), superseded_by=None)
        draft, _ = self._writer.capture.looked_at(draft, old)
        made = draft.created_at or (old.created_at if old else None) or time_of(entry_id)
        changed = self._now() if old is not None else (says.updated_at if says else None) or made
        entry = self._writer.new_entry(replace(draft, created_at=made, updated_at=changed))
        self._writer.put(key, entry)

    def _brought_back(self, entry_id: str) -> int | None:
        """Bring back an entry that was deleted, with what only its tombstone knows. Returns its key."""
        try:
            return self._writer.bring_back(entry_id, "")
        except EntryDamaged:
            return None

    def _keep(self, entry_id: str, other_id: str, state: State) -> None:
        """Keep what the other side of a conflict said as an entry, the same one wherever that conflict is met."""
        store, number = self._store, 0
        said = {**state, LINKS: {}}
        while (key := store.entries.key_of(other_id)) is not None:
            if _fields(state_of(store.entries.one(key))) == _fields(said):
                break
            number += 1
            other_id = kept_id(entry_id, state, number)
        else:
            if store.tombstones.has(other_id):
                self._brought_back(other_id)
            key = store.entries.key_of(other_id)
            self._say(other_id, said, None)
        links = [link_of(other_id, name, reason) for name, reason in state[LINKS].items()]
        store.links.put_many(links, self._now())
        self.kept.setdefault(entry_id, []).append(other_id)

    def _link(self, items: Sequence[Item]) -> None:
        """Make and take back links as planned, and let statuses follow them."""
        store, now = self._store, self._now()
        wanted = {item.entry_id: item for item in items if item.here is not None}
        keys = store.entries.keys_of(wanted)
        have = store.links.starting_at(keys.values())
        targets = {target_of(name) for item in wanted.values() if item.here for name in item.here[LINKS]}
        there = store.entries.keys_of(targets)
        superseded: set[str] = set()
        for entry_id, item in wanted.items():
            assert item.here is not None
            links = {link: link.reason for link in have.get(entry_id, ())}
            want = [link_of(entry_id, name, reason) for name, reason in item.here[LINKS].items()]
            gone = [link for link in links if not any(_is_same(link, other) for other in want)]
            for link in gone:
                store.links.remove(link)
            made = [link for link in want if link not in links and link.target in there and link.target != entry_id]
            if made:
                store.links.put_many(made, now)
            superseded |= {link.target for link in (*gone, *made) if link.type is LinkType.SUPERSEDES}
        for item in wanted.values():
            superseded |= self._succeed(item)
        self._settle(superseded, wanted)

    def _succeed(self, item: Item) -> set[str]:
        """Let an entry have the successor that it is to have. Returns the entry where that changed something."""
        assert item.here is not None
        store = self._store
        entry = store.entries.by_ids([item.entry_id]).get(item.entry_id)
        successor = str(item.here[SUCCESSOR])
        if entry is None or successor == (entry.superseded_by or ""):
            return set()
        key = store.entries.keys_of([item.entry_id])[item.entry_id]
        links = [
            link for link in store.links.of(key) if link.type is LinkType.SUPERSEDES and link.target == item.entry_id
        ]
        if successor:
            known = next((link for link in links if link.source == successor), None)
            link = known or Link(successor, item.entry_id, LinkType.SUPERSEDES)
            return {item.entry_id} if store.links.put(link, self._now()) else set()
        before = str(item.mine.state[SUCCESSOR]) if item.mine else ""
        for link in links:
            if link.source == before:  # what came with this folder now is not taken back
                store.links.remove(link)
        return {item.entry_id}

    def _settle(self, superseded: Iterable[str], wanted: Mapping[str, Item]) -> None:
        """What is superseded is obsolete; what is no more is what its file says, else active."""
        store = self._store
        for entry_id, key in store.entries.keys_of(superseded).items():
            entry = store.entries.by_keys([key]).get(key)
            if entry is None:
                continue
            status = Status.OBSOLETE if entry.superseded_by else Status.ACTIVE
            item = wanted.get(entry_id)
            if item is not None and item.here is not None and not entry.superseded_by:
                status = Status(item.here[STATUS])
            if status is not entry.status:
                store.entries.update(key, replace(entry, status=status, updated_at=self._now()))


def _fields(state: State) -> dict[str, object]:
    """What a state says apart from links, which are made when all entries are there."""
    return {
        name: value for name, value in state.items() if name not in (LINKS, SUCCESSOR) and value not in ("", [], None)
    }


def _is_same(link: Link, other: Link) -> bool:
    return (link.source, link.target, link.type) == (other.source, other.target, other.type)
