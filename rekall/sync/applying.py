"""Puts what was planned into the base: entries, their links, and what was agreed, in one transaction a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from rekall.knowledge.writing import EntryService
from rekall.store.agreements import Agreed
from rekall.sync.files import Root, Says, hash_of, read
from rekall.sync.heads import CannotWrite
from rekall.sync.items import Item, Seen
from rekall.sync.reports import Refused
from rekall.sync.states import LINKS, STATUS, SUCCESSOR, Pair, State, pack, state_of, target_of
from rekall.sync.telling import Telling

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Applied:
    """An item that was put into the base, and what was agreed of it.

    Attributes:
        item: The item.
        agreed: What is remembered while its file is still to be written; None where it will be nothing.
        pair: What is agreed once that is done.
        stamp: What tells that the entry did not change since.
    """

    item: Item
    agreed: Agreed | None
    pair: Pair
    stamp: str


class Applier(Telling):
    """Writes to the base what came from a folder, and what was agreed; the caller holds the transaction."""

    def __init__(
        self,
        writer: EntryService,
        root: Root,
        number: int,
        now: Callable[[], datetime],
        data_of: Callable[[Item, State], bytes | None],
    ) -> None:
        """Write what comes from a folder.

        Args:
            writer: Stores entries.
            root: The folder.
            number: Its number in the store.
            now: The time.
            data_of: The bytes of a file that is to say something.
        """
        super().__init__(writer, now)
        self._root = root
        self._number = number
        self._data_of = data_of

    def apply(self, items: Sequence[Item]) -> list[Applied]:
        """Put some items into the base. One of which the entry changed since it was planned waits for the next time."""
        stamps = self._store.agreements.stamps(item.entry_id for item in items)
        return self._agree(self.tell([item for item in items if stamps.get(item.entry_id, "") == item.stamp]))

    def _agree(self, items: Sequence[Item]) -> list[Applied]:
        """Remember what was agreed; of a file that is still to be written what it said before, too."""
        store = self._store
        keys = store.entries.keys_of(item.entry_id for item in items)
        entries = {entry.id: entry for entry in store.entries.by_keys(keys.values()).values()}
        links = store.links.starting_at(keys.values())
        stamps = store.agreements.stamps(item.entry_id for item in items)
        done: list[Applied] = []
        for item in items:
            stamp = stamps.get(item.entry_id, "")
            if item.there is None or item.here is None:
                done.append(Applied(item, self._dead(item), Pair(), ""))
                continue
            pair = self._pair(item, state_of(entries[item.entry_id], links.get(item.entry_id, ())))
            if pair is None:
                continue
            new_hash = hash_of(item.data) if item.data is not None else item.file.hash if item.file else ""
            waiting = pair
            if item.data is not None:
                before = item.file.state if item.file else None
                waiting = replace(pair, pending=True, before=before, before_hash=item.file.hash if item.file else "")
            agreed = Agreed(item.entry_id, item.path, Seen("", stamp, bool(pair.held)).text, new_hash, pack(waiting))
            done.append(Applied(item, agreed, pair, stamp))
        store.agreements.put(self._number, [each.agreed for each in done if each.agreed is not None])
        return done

    def _dead(self, item: Item) -> Agreed | None:
        """What is remembered of a deletion: where its file is still to go, what it says, so that the next run takes it away, too."""
        if item.file is None:
            return item.dead_row
        if item.row is not None or item.file.state is None:
            return None
        says = item.file.state
        return Agreed(item.entry_id, item.file.path, Seen("", "").text, item.file.hash, pack(Pair(says, says)))

    def _pair(self, item: Item, now: dict[str, object]) -> Pair | None:
        """What both say now. What followed from links here is to stand in the file, too."""
        assert item.there is not None
        assert item.here is not None
        links: dict[str, str] = dict(now[LINKS])  # type: ignore[call-overload]
        planned: Mapping[str, str] = item.here[LINKS]
        absent = {target_of(name) for name in planned if name not in links}
        absent -= set(self._store.entries.keys_of(absent))
        held = {name for name in planned if name not in links and target_of(name) in absent}
        here = {**now, LINKS: {**links, **{name: planned[name] for name in held}}}
        if item.here[SUCCESSOR] and not now[SUCCESSOR]:
            held.add(SUCCESSOR)
            here[SUCCESSOR] = item.here[SUCCESSOR]
        followed = {name: reason for name, reason in links.items() if name not in planned}
        in_file = {
            name: reason
            for name, reason in item.there[LINKS].items()
            if name not in planned or name in links or name in held
        }
        there = {**item.there, STATUS: here[STATUS], SUCCESSOR: here[SUCCESSOR], LINKS: {**in_file, **followed}}
        if there != item.there:
            item.there = there
            try:
                item.data = self._data_of(item, there)
            except CannotWrite as error:
                self.refused.append(
                    Refused(item.path, str(error), "change it there by hand, or take back the change here")
                )
                return None
        says = item.file.says if item.file else None
        if says is not None and not says.is_own:
            back = read(self._root, item.path, item.data if item.data is not None else says.data)
            there = {**back.state} if isinstance(back, Says) else there
        return Pair(here, there, frozenset(held))
