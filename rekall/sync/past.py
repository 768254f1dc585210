"""What the base knows of entries: what they say, what they said before, and what was agreed of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rekall.entry.fields import Entry
from rekall.errors import EntryDamaged
from rekall.sync.items import Mine, is_erased
from rekall.sync.states import LINKS, STATUS, SUCCESSOR, Pair, State, state_hash, state_of, target_of, unpack

if TYPE_CHECKING:
    from rekall.store.contract import Store


class Past:
    """Looks into one base for one folder."""

    def __init__(self, store: Store, number: int) -> None:
        """Look for a folder; its number is 0 where nothing was agreed with it."""
        self._store = store
        self._number = number
        self.rows = {row.entry_id: row for row in store.agreements.of(number)} if number else {}
        """What was agreed, by entry, without what was said."""

    def pairs(self, wanted: Iterable[str]) -> dict[str, Pair]:
        """What was agreed of some entries."""
        if not self._number:
            return {}
        states = self._store.agreements.states(self._number, [each for each in wanted if each in self.rows])
        return {entry_id: unpack(data) for entry_id, data in states.items()}

    def mine(self, there: Mapping[str, int], pairs: Mapping[str, Pair]) -> dict[str, Mine]:
        """The entries as the base has them, with the links that only their files can hold."""
        store = self._store
        entries = store.entries.by_keys(there.values())
        links = store.links.starting_at(there.values())
        targets = {target_of(name) for pair in pairs.values() if pair.here for name in pair.here.get(LINKS, {})}
        targets |= {str(pair.here[SUCCESSOR]) for pair in pairs.values() if pair.here and pair.here.get(SUCCESSOR)}
        here = store.entries.keys_of(targets)
        gone = {each for each in targets if each not in here and is_erased(self.rows.get(each))}
        return {
            entry.id: _with_held(
                entry, state_of(entry, links.get(entry.id, ())), pairs.get(entry.id, Pair()), here, gone
            )
            for entry in entries.values()
        }

    def earlier(self, entry_id: str, state: State) -> State | None:
        """What a file says, where the entry said just that before: then it is only older. Of links nobody knows."""
        from rekall.knowledge import versions

        fields = said_in(state)
        with contextlib.suppress(EntryDamaged):
            for earlier in versions.states(self._store, entry_id):
                if earlier.said is not None and said_in(earlier.said) == fields:
                    return {**state, LINKS: {}, SUCCESSOR: "", STATUS: ""}
        return None

    def hash_of_deleted(self, entry_id: str) -> str:
        """The hash of what a deleted entry said."""
        from rekall.knowledge import kept

        was = kept.read(self._store, self._store.tombstones.resolve(entry_id))
        return "" if was is None else state_hash(state_of(was.draft))


def said_in(state: State) -> dict[str, object]:
    """What a state says apart from links and times."""
    silent = (LINKS, SUCCESSOR, "status", "created_at", "updated_at", "id", "origin")
    return {name: value for name, value in state.items() if name not in silent and value not in ("", [], None)}


def _with_held(entry: Entry, state: dict[str, object], pair: Pair, here: Mapping[str, int], gone: set[str]) -> Mine:
    """What an entry says with what its file says for it: links whose targets are not in the base."""
    links = dict(state[LINKS])  # type: ignore[call-overload]
    agreed: Mapping[str, str] = pair.here.get(LINKS, {}) if pair.here else {}
    held = {
        name
        for name in agreed
        if name not in links and target_of(name) not in gone and (name in pair.held or target_of(name) not in here)
    }
    links |= {name: agreed[name] for name in held}
    successor = str(pair.here.get(SUCCESSOR) or "") if pair.here else ""
    if (
        successor
        and not state[SUCCESSOR]
        and successor not in gone
        and (SUCCESSOR in pair.held or successor not in here)
    ):
        state = {**state, SUCCESSOR: successor}
        held.add(SUCCESSOR)
    return Mine(entry, {**state, LINKS: links}, frozenset(held))
