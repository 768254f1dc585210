"""Records every change of an entry and of its links, in the transaction that makes it: the one place that all writers pass."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rekall.entry.fields import Entry
from rekall.entry.types import Link, LinkType
from rekall.knowledge.deltas import Saying, packed, saying, unpacked, without_origin
from rekall.store.past import LinkVersion, Operation, Version, Was

if TYPE_CHECKING:
    from rekall.store.contract import Store
    from rekall.system.clock import Clock

Ends = tuple[str, str, LinkType]


@dataclass
class _Span:
    """An operation of several transactions.

    Attributes:
        verb: What is done.
        source: What it is done with.
        undoes: The operation that it takes back, or None.
        number: Its number, once it changed something.
    """

    verb: str
    source: str
    undoes: int | None = None
    number: int | None = None


@dataclass
class _Touched:
    """What a transaction has changed until now, as it was before."""

    entries: dict[str, Saying | Was] = field(default_factory=dict)
    links: dict[Ends, str | None] = field(default_factory=dict)


class Recorder:
    """A store's parts through which entries and links change; everything is passed on.

    What is changed outside its transactions is not recorded.
    """

    def __init__(self, store: Store, clock: Clock, who: Callable[[], tuple[str, str]], most: int) -> None:
        """Record the changes of a store; see `recorded.Recorded`."""
        self.store = store
        self.entries = _Entries(store.entries, self)
        self.links = _Links(store.links, self)
        self.history = _History(store.history, self)
        self._clock = clock
        self._who = who
        self._most = most
        self._touched: _Touched | None = None
        self._mine = threading.local()

    @contextlib.contextmanager
    def transaction(self, wait_s: float | None = None, doing: str = "") -> Iterator[None]:
        """All or nothing, with what is recorded of it."""
        with self.store.transaction(wait_s, doing):
            if self._touched is not None:  # an outer one decides
                yield
                return
            self._touched = _Touched()
            try:
                yield
                self._keep(self._touched)
            finally:
                self._touched = None

    @contextlib.contextmanager
    def operation(self, verb: str, source: str = "", undoes: int | None = None) -> Iterator[_Span]:
        """Let every transaction of a block be one operation; inside another one the outer one decides."""
        outer: _Span | None = getattr(self._mine, "span", None)
        span = outer or _Span(verb, source, undoes)
        self._mine.span = span
        try:
            yield span
        finally:
            self._mine.span = outer

    @property
    def keeps(self) -> bool:
        """Whether anything is remembered."""
        return self._most > 0

    def begin(self, span: _Span) -> int:
        """Note an operation before it changes anything. Returns its number."""
        span.number = span.number or self._begin(span, set())
        return span.number

    def keep_now(self) -> None:
        """Store what the transaction has changed until now, so that not all of a large one is held at once."""
        if self._touched is not None:
            self._keep(self._touched)
            self._touched.entries, self._touched.links = {}, {}

    def now(self) -> datetime:
        """The time."""
        return self._clock.now()

    def is_recording(self) -> bool:
        """Whether what changes now is recorded."""
        return self._touched is not None

    def note_entry(self, key: int) -> None:
        """Remember what an entry says before it changes."""
        if self._touched is None:
            return
        entry = self.store.entries.by_keys([key]).get(key)
        if entry is not None and entry.id not in self._touched.entries:
            self._touched.entries[entry.id] = saying(entry, self.store.origins.of(key))

    def note_new(self, entries: Iterable[Entry]) -> None:
        """Remember that there were no such entries."""
        if self._touched is None:
            return
        tombstones = self.store.tombstones
        has_any = bool(tombstones.latest(1))
        for entry in entries:
            was = Was.DELETED if has_any and tombstones.has(entry.id) else Was.NOTHING
            self._touched.entries.setdefault(entry.id, was)

    def note_links(self, links: Iterable[Link]) -> None:
        """Remember what links are before they change."""
        if self._touched is not None:
            for link in links:
                self._touched.links.setdefault((link.source, link.target, link.type), link.reason)

    def note_no_links(self, links: Iterable[Link]) -> None:
        """Remember of which links there were none."""
        if self._touched is not None:
            for link in links:
                self._touched.links.setdefault((link.source, link.target, link.type), None)

    def forget(self, entry_id: str) -> None:
        """Record nothing of an entry in this transaction."""
        if self._touched is not None:
            self._touched.entries.pop(entry_id, None)
            for ends in [ends for ends in self._touched.links if entry_id in ends[:2]]:
                del self._touched.links[ends]

    def _keep(self, touched: _Touched) -> None:
        """Store what a transaction changed, at its end."""
        store = self.store
        if not self.keeps:
            self._lose(touched)
            return
        span: _Span | None = getattr(self._mine, "span", None)
        if span is not None and self._is_undone(span):
            span.number = None  # what comes now holds, and is undone by itself
        keys = store.entries.keys_of(touched.entries)
        known: dict[str, Version] = {}
        if span is not None and span.number is not None:
            known = {each.entry_id: each for each in store.history.made_by(span.number, touched.entries)}
        read = [
            keys[entry_id]
            for entry_id, was in touched.entries.items()
            if entry_id in keys and (not isinstance(was, Was) or entry_id in known)
        ]
        now = {entry.id: saying(entry) for entry in store.entries.by_keys(read).values()} if read else {}
        found = {
            entry_id: _version(entry_id, was, known.get(entry_id), now.get(entry_id), is_there=entry_id in keys)
            for entry_id, was in touched.entries.items()
        }
        kept = [version for version in found.values() if version is not None]
        dropped = [version for entry_id, version in known.items() if found[entry_id] is None]
        links = self._changed_links(touched)
        if not (kept or dropped or links):
            return
        number = span.number if span else None
        if number is None:
            gone = bool(links) and all(reason is not None for reason in links.values())
            number = self._begin(span, {each.was for each in kept}, is_gone=gone)
        if span is not None:
            span.number = number
        if dropped:
            store.history.drop(dropped)
        store.history.keep(
            [replace(each, operation=number) for each in kept],
            [LinkVersion(number, *ends[:2], ends[2].value, reason) for ends, reason in links.items()],
        )
        old = [each.entry_id for each in kept if each.was is not Was.NOTHING]
        if old:
            store.history.bound(old, self._most)

    def _is_undone(self, span: _Span) -> bool:
        """Whether somebody undid what an operation has done until now, while it goes on."""
        operation = None if span.number is None else self.store.history.operation(span.number)
        return operation is not None and operation.undone_by is not None

    def _lose(self, touched: _Touched) -> None:
        """Drop the versions of what changed unrecorded: they are told by what differs from what it says no longer."""
        old = [entry_id for entry_id, was in touched.entries.items() if was is not Was.NOTHING]
        if old:
            self.store.history.bound(old, 0)

    def _begin(self, span: _Span | None, was: set[Was], *, is_gone: bool = False) -> int:
        """Note an operation; without a name it is called by what became of entries, or of links, which may all be gone."""
        done, who, history = span or _Span(_verb(was, is_gone=is_gone), ""), self._who(), self.store.history
        number = history.begin(Operation(0, self._clock.now(), done.verb, *who, done.source, done.undoes))
        by, undone, holds = number, done.undoes, False
        while undone is not None and undone < by:  # what that took back holds again, what this took back does not, …
            history.note_undone(undone, None if holds else by)
            operation = history.operation(undone)
            by, undone, holds = undone, operation.undoes if operation else None, not holds
        return number

    def _changed_links(self, touched: _Touched) -> dict[Ends, str | None]:
        """What links were, of those that are different now."""
        keys = self.store.entries.keys_of({source for source, _, _ in touched.links})
        now = (
            {
                (link.source, link.target, link.type): link.reason
                for links in self.store.links.starting_at(keys.values()).values()
                for link in links
            }
            if keys
            else {}
        )
        return {ends: reason for ends, reason in touched.links.items() if now.get(ends) != reason}


def _version(
    entry_id: str, was: Saying | Was, known: Version | None, after: Saying | None, *, is_there: bool
) -> Version | None:
    """What is to be kept of an entry; None where nothing changed.

    Args:
        entry_id: The entry.
        was: What it was before the transaction.
        known: What earlier transactions of the operation keep of it.
        after: What it says now, where that counts.
        is_there: Whether it is there now.
    """
    before = was
    if known is not None and known.was in (Was.NOTHING, Was.DELETED):
        before = known.was
    elif known is not None:
        before = unpacked(known.state, None if isinstance(was, Was) else without_origin(was))
    if isinstance(before, Was):
        return Version(entry_id, 0, before) if is_there else None
    if not is_there:
        return Version(entry_id, 0, Was.THERE, packed(before, None))
    before = without_origin(before)
    return None if after is None or before == after else Version(entry_id, 0, Was.OTHER, packed(before, after))


def _verb(was: set[Was], *, is_gone: bool) -> str:
    """What was done, in a word."""
    if Was.THERE in was:
        return "delete"
    if Was.DELETED in was:
        return "restore"
    if Was.NOTHING in was:
        return "add"
    return "edit" if was else "unlink" if is_gone else "link"


class _Part:
    """A part of a store whose changes are recorded; what only reads is passed on."""

    def __init__(self, part: Any, recorder: Recorder) -> None:
        self._part = part
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)


class _Entries(_Part):
    """The entries; see `contract.Entries`."""

    def insert(self, entry: Entry) -> int:
        """Store a new entry."""
        return self.insert_many([entry])[0]

    def insert_many(self, entries: Sequence[Entry]) -> list[int]:
        """Store new entries."""
        self._recorder.note_new(entries)
        keys: list[int] = self._part.insert_many(entries)
        return keys

    def update(self, key: int, entry: Entry) -> None:
        """Replace what an entry says."""
        self._recorder.note_entry(key)
        self._part.update(key, entry)

    def delete(self, key: int) -> None:
        """Remove an entry, and its links."""
        if self._recorder.is_recording():
            self._recorder.note_entry(key)
            self._recorder.note_links(self._recorder.store.links.of(key))
        self._part.delete(key)


class _Links(_Part):
    """The links; see `contract.Links`."""

    def put(self, link: Link, created_at: datetime, *, as_oldest: bool = False) -> bool:
        """Store a link."""
        self._note([link])
        return bool(self._part.put(link, created_at, as_oldest=as_oldest))

    def put_many(self, links: Sequence[Link], created_at: datetime) -> list[bool]:
        """Store links."""
        self._note(links)
        are_stored: list[bool] = self._part.put_many(links, created_at)
        return are_stored

    def remove(self, link: Link) -> None:
        """Remove a link."""
        self._note([link])
        self._part.remove(link)

    def _note(self, links: Sequence[Link]) -> None:
        recorder = self._recorder
        if recorder.is_recording():
            keys = recorder.store.entries.keys_of({link.source for link in links})
            for there in recorder.store.links.starting_at(keys.values()).values():
                recorder.note_links(there)
            recorder.note_no_links(links)


class _History(_Part):
    """The history itself; see `past.History`."""

    def forget(self, entry_id: str) -> None:
        """Drop all that is kept of an entry and of its links."""
        self._recorder.forget(entry_id)
        self._part.forget(entry_id)
