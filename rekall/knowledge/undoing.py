"""What was done to a base, and the way back: the versions of an entry, undoing, and an earlier version in the place of the present one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from rekall.entry.fields import Entry
from rekall.entry.types import Link, LinkType
from rekall.errors import EntryDamaged, InvalidInput, NotFound
from rekall.knowledge import kept
from rekall.knowledge.deltas import Saying, draft_of, origin_of, saying, unpacked, without_origin
from rekall.knowledge.origins import place_of
from rekall.knowledge.recorded import Recorded
from rekall.knowledge.reports import Saved
from rekall.knowledge.writing import EntryService
from rekall.prepared import Prepared
from rekall.store.past import LinkVersion, Operation, Version, Was

if TYPE_CHECKING:
    from rekall.store.contract import Store

_EMBEDDED_AT_ONCE = 50
"""Up to this many entries get their vectors before an undo; beyond it they are made later."""


@dataclass(frozen=True, slots=True)
class State:
    """What an entry was after an operation.

    Attributes:
        number: That of the operation, by which the version is named; 0 is what was before all that is known.
        operation: The operation; None for number 0.
        said: What the entry said then; None where it was not there.
        changed: The fields that the operation changed.
        links: The links that it changed, as they were before.
    """

    number: int
    operation: Operation | None
    said: Saying | None
    changed: tuple[str, ...] = ()
    links: tuple[LinkVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What undoing an operation does to an entry.

    Attributes:
        entry_id: The entry.
        title: Its title, as it is known.
        does: "removes", "deletes", "brings back" or "changes back".
        fields: The fields that it changes.
    """

    entry_id: str
    title: str
    does: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What undoing an operation does.

    Attributes:
        operation: What is undone.
        changes: What becomes of the entries.
        links: How many links change.
    """

    operation: Operation
    changes: tuple[Change, ...]
    links: int


_DOES = {
    Was.NOTHING: "removes",
    Was.DELETED: "deletes",
    Was.OTHER: "changes back",
    Was.THERE: "brings back",
}


class Past:
    """Looks back, and goes back."""

    def __init__(self, writer: EntryService) -> None:
        """Work with what changes entries."""
        self._writer = writer
        self._store: Store = writer.store

    def operations(self, limit: int) -> list[Operation]:
        """What was done last, the latest first."""
        return self._store.history.latest(limit)

    def states(self, entry_id: str) -> list[State]:
        """The versions of an entry, the present one first, as far back as they are known.

        Args:
            entry_id: The full id of an entry, or of a deleted one.

        Raises:
            NotFound: Nothing is known of it.
        """
        store = self._store
        with store.snapshot():
            entry = store.entries.by_ids([entry_id]).get(entry_id)
            versions = {each.operation: each for each in store.history.of(entry_id)}
            links: dict[int, list[LinkVersion]] = {}
            for link in store.history.links_of(entry_id):
                links.setdefault(link.operation, []).append(link)
            numbers = sorted({*versions, *links}, reverse=True)
            operations = store.history.operations(numbers)
        if entry is None and not versions:
            raise NotFound(f"no entry {entry_id!r}", "`rekall list` shows the ids")
        said: Saying | None = None if entry is None else saying(entry)
        found = []
        for number in numbers:
            after = said
            version = versions.get(number)
            try:
                said = after if version is None else _before(version, after)
            except EntryDamaged:
                found.append(State(number, operations.get(number), after, (), tuple(links.get(number, ()))))
                return found
            changed = _different(said, after)
            found.append(State(number, operations.get(number), after, changed, tuple(links.get(number, ()))))
        oldest = versions.get(numbers[-1]) if numbers else None
        if oldest is None or oldest.was in (Was.OTHER, Was.THERE):
            found.append(State(0, None, said))
        return found

    def state(self, entry_id: str, number: int) -> State:
        """One version of an entry. Raises NotFound: There is none of that number, or the entry was not there then."""
        for each in self.states(entry_id):
            if each.number == number and each.said is not None:
                return each
        raise NotFound(f"no version {number} of that entry", "`rekall history ID` lists its versions")

    def put_version(self, entry_id: str, number: int) -> Saved:
        """Let an entry say again what a version of it said; its links stay.

        Raises:
            NotFound: There is no such version, or no such entry any more.
        """
        said = self.state(entry_id, number).said
        old = self._store.entries.by_ids([entry_id]).get(entry_id)
        if old is None or said is None:
            raise NotFound(f"entry {entry_id} is deleted", "bring it back first, with `rekall restore`")
        draft = replace(draft_of(said), superseded_by=old.superseded_by)
        with self._recorded.recorder.operation("restore", f"version {number}"):
            return self._writer.edit(old, draft)

    def plan(self, number: int | None = None) -> Plan:
        """What undoing would do, by default of the last operation that is not undone.

        Raises:
            NotFound: There is nothing to undo, or no such operation.
            InvalidInput: It is undone already, its versions are not kept any more, or entries were changed since.
        """
        with self._store.snapshot():
            operation = self._undoable(number)
            changes = tuple(self._changes(operation))
            links = self._store.history.links_made_by(operation.number)
        return Plan(operation, changes, len(links))

    def undo(self, number: int | None = None) -> Plan:
        """Undo an operation as a whole, by default the last that is not undone. Raises as `plan` does."""
        plan = self.plan(number)
        undone = plan.operation.number
        vectors = self._prepared(undone) if len(plan.changes) <= _EMBEDDED_AT_ONCE else {}
        recorder = self._recorded.recorder
        with recorder.operation("undo", undoes=undone) as span, self._store.transaction():
            self._undoable(undone)
            recorder.begin(span)
            for version in self._store.history.made_by(undone):
                self._put_back(version, vectors)
            for link in self._store.history.links_made_by(undone):
                self._put_link_back(link)
        return plan

    @property
    def _recorded(self) -> Recorded:
        return cast("Recorded", self._store)

    def _undoable(self, number: int | None) -> Operation:
        history = self._store.history
        if number is None:
            operation = next(iter(history.latest(1, to_undo=True)), None)
            if operation is None:
                raise NotFound("there is nothing to undo", "`rekall history` lists what was done")
        else:
            operation = history.operation(number)
            if operation is None:
                raise NotFound(f"no operation {number}", "`rekall history` lists what was done")
        if operation.undone_by is not None:
            raise InvalidInput(
                f"operation {operation.number} is undone already", f"`rekall undo {operation.undone_by}` does it again"
            )
        if not operation.is_whole:
            raise InvalidInput(
                f"operation {operation.number} cannot be undone: it is older than the versions that are kept",
                "the setting history.keep says how many are",
            )
        since = history.changed_since(operation.number)
        if since:
            titles = self._store.entries.titles(since[:3])
            named = ", ".join(repr(titles.get(entry_id, entry_id)) for entry_id in since[:3])
            more = f" and {len(since) - 3} more" if len(since) > 3 else ""
            raise InvalidInput(
                f"changed since: {named}{more}", "undo what was done later first, or `rekall restore ID@VERSION`"
            )
        return operation

    def _changes(self, operation: Operation) -> Iterator[Change]:
        versions = self._store.history.made_by(operation.number)
        now = self._store.entries.by_ids(each.entry_id for each in versions)
        for version in versions:
            entry = now.get(version.entry_id)
            if (entry is None) != (version.was is Was.THERE):
                continue  # it was deleted for ever since, or came back with its source
            after = None if entry is None else saying(entry)
            before = _before(version, after)
            title = str((after or before or {}).get("title", version.entry_id))
            fields = _different(before, after) if version.was is Was.OTHER else ()
            yield Change(version.entry_id, title, _DOES[version.was], fields)

    def _prepared(self, number: int) -> dict[str, Prepared | None]:
        """The vectors of what comes back, made while no lock is held."""
        found = {}
        for version in self._store.history.made_by(number):
            entry = self._entry_before(version)
            if entry is not None:
                key = self._store.entries.key_of(version.entry_id)
                found[version.entry_id] = self._writer.prepared(entry, key)[0]
        return found

    def _entry_before(self, version: Version) -> Entry | None:
        """The entry as it was; None where there was none, or the present one is not what it should be."""
        now = self._store.entries.by_ids([version.entry_id]).get(version.entry_id)
        if version.was in (Was.NOTHING, Was.DELETED) or (now is None) != (version.was is Was.THERE):
            return None
        before = _before(version, None if now is None else saying(now))
        return None if before is None else self._writer.new_entry(draft_of(before))

    def _put_back(self, version: Version, vectors: dict[str, Prepared | None]) -> None:
        """Make one entry what it was; the caller holds the transaction."""
        store = self._store
        key = store.entries.key_of(version.entry_id)
        if version.was in (Was.NOTHING, Was.DELETED):
            if key is not None:
                deleted_at = self._recorded.recorder.now() if version.was is Was.DELETED else None
                self._writer.take_out(key, store.entries.one(key), deleted_at)
            return
        entry = self._entry_before(version)
        if entry is None:
            return
        is_deleted = version.was is Was.THERE and store.tombstones.has(entry.id)
        kept_of_it = kept.read(store, store.tombstones.resolve(entry.id)) if is_deleted else None
        key = self._writer.put(key, entry, vectors.get(version.entry_id))
        if version.was is Was.THERE:
            origin = origin_of(unpacked(version.state, None), key)
            if origin is not None and store.origins.at(place_of(origin.path)) is None:
                store.origins.put(replace(origin, path=place_of(origin.path)))
        for link in kept_of_it.links if kept_of_it else ():
            self._writer.restore_link(entry, link)

    def _put_link_back(self, was: LinkVersion) -> None:
        store = self._store
        link = Link(was.source, was.target, LinkType(was.type), was.reason or "")
        if was.reason is None:
            store.links.remove(link)
        elif not store.links.put(link, self._recorded.recorder.now()):
            ends = store.entries.by_ids([link.source, link.target]).values()
            for entry in ends:  # the other one is deleted, and brings the link back with it
                self._writer.restore_link(entry, link)


def _before(version: Version, after: Saying | None) -> Saying | None:
    """What an entry said before an operation; None where it was not there."""
    if version.was in (Was.NOTHING, Was.DELETED):
        return None
    if version.was is Was.THERE:
        return without_origin(unpacked(version.state, None))
    return unpacked(version.state, after)


def _different(before: Saying | None, after: Saying | None) -> tuple[str, ...]:
    """The fields in which two states differ, without the time of the change."""
    if before is None or after is None:
        return ()
    names = dict.fromkeys((*before, *after))
    return tuple(name for name in names if name != "updated_at" and before.get(name) != after.get(name))


def text_of(said: Saying) -> str:
    """What a version says as one text that can be compared line by line: a field a line or a paragraph."""
    lines = []
    for name, value in said.items():
        if name in ("id", "content", "updated_at", "created_at") or value in ("", [], {}, None):
            continue
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        lines.append(f"{name.replace('_', ' ')}: {shown}")
    return "\n".join([*lines, "", str(said.get("content", ""))])
