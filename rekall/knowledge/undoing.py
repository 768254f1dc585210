"""What was done to a base, and the way back: the versions of an entry, undoing, and an earlier version in the place of the present one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from rekall.entry.fields import Entry
from rekall.entry.types import Link, LinkType
from rekall.entry.view import EntryView
from rekall.errors import InvalidInput, NotFound
from rekall.knowledge import kept, versions
from rekall.knowledge.deltas import draft_of, origin_of, saying, unpacked
from rekall.knowledge.origins import place_of
from rekall.knowledge.recorded import Recorded
from rekall.knowledge.reports import Deleted, Saved
from rekall.knowledge.versions import Done, State
from rekall.knowledge.writing import EntryService
from rekall.prepared import Prepared
from rekall.store.past import LinkVersion, Operation, Version, Was

if TYPE_CHECKING:
    from rekall.store.contract import Store

_EMBEDDED_AT_ONCE = 50
"""Up to this many entries get their vectors before an undo; beyond it they are made later."""


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
        undone_by: The operation that did it, which is undone to do that again; None before.
    """

    operation: Operation
    changes: tuple[Change, ...]
    links: int
    undone_by: int | None = None

    @property
    def is_large(self) -> bool:
        """Whether it takes more than a moment, so that a person is told how far it is, and vectors are made later."""
        return len(self.changes) > _EMBEDDED_AT_ONCE


_MOST_NAMED = 3
_LOOKED_AT = 1_000

_DOES = {
    Was.NOTHING: "removes",
    Was.DELETED: "deletes",
    Was.OTHER: "changes back",
    Was.THERE: "brings back",
}


def _nobody(done: int, total: int) -> None:
    """Nobody is told how far it is."""


class Past:
    """Looks back, and goes back."""

    def __init__(self, writer: EntryService) -> None:
        """Work with what changes entries."""
        self._writer = writer
        self._store: Store = writer.store

    def operations(self, limit: int) -> list[Operation]:
        """What was done last, the latest first."""
        return self._store.history.latest(limit)

    def done(self, limit: int) -> list[Done]:
        """The same, with what it was done to."""
        return versions.done(self._store, limit)

    def size(self) -> tuple[int, int]:
        """How many earlier versions are kept that say something, and how many bytes these take."""
        return self._store.history.size()

    def states(self, entry_id: str) -> list[State]:
        """The versions of an entry, the present one first; see `versions.states`."""
        return versions.states(self._store, entry_id)

    def state(self, entry_id: str, number: int) -> State:
        """One version of an entry. Raises NotFound: There is none of that number, or the entry was not there then."""
        return versions.state(self._store, entry_id, number)

    def view(self, entry_id: str, number: int) -> EntryView:
        """A version of an entry as entries are shown. Raises as `state` does."""
        return versions.view_of(self._store, self.state(entry_id, number))

    def titles(self, ids: Iterable[str]) -> dict[str, str]:
        """Titles by full id, of deleted entries too."""
        return versions.titles_of(self._store, ids)

    def put_version(self, entry_id: str, number: int) -> Saved:
        """Let an entry say again what a version of it said; its links stay. A deleted one is brought back.

        Raises:
            NotFound: There is no such version.
            InvalidInput: It holds a secret, and such are refused; or no history is kept.
        """
        self._check_kept()
        said = self.state(entry_id, number).said
        assert said is not None
        with self._recorded.recorder.operation("restore", f"version {number}"):
            old = self._store.entries.by_ids([entry_id]).get(entry_id) or self._writer.restore(entry_id).entry
            draft = replace(draft_of(said), superseded_by=old.superseded_by)
            if old.superseded_by:
                draft = replace(draft, status=old.status)
            return self._writer.edit(old, draft)

    def forget(self, entry_id: str) -> Deleted:
        """Drop what is kept of an entry's past, and every trace of it; see `Eraser.forget_past`."""
        return self._writer.eraser.forget_past(entry_id)

    def as_one(self, verb: str, source: str = "") -> AbstractContextManager[object]:
        """Let all changes of a block be one operation, which is undone as a whole.

        Args:
            verb: What is done, in a word.
            source: What it is done with.
        """
        return self._recorded.recorder.operation(verb, source)

    def act_as(self, door: str, client: str = "") -> AbstractContextManager[None]:
        """Say who makes the changes of a block, and of no other thread."""
        return self._recorded.acting(door, client)

    def plan(self, number: int | None = None) -> Plan:
        """What undoing would do, by default of the last operation that is not undone.

        Raises:
            NotFound: There is nothing to undo, or no such operation.
            InvalidInput: It is undone already, its versions are not kept any more, entries were changed since, or no
                history is kept.
        """
        self._check_kept()
        with self._store.snapshot():
            operation = self._undoable(number)
            changes = tuple(sorted(self._changes(operation), key=lambda each: each.title.casefold()))
            links = self._store.history.links_made_by(operation.number)
        return Plan(operation, changes, len(links))

    def last_undo(self) -> int:
        """The number of the undo whose undoing does again what was taken back last.

        Raises:
            NotFound: Nothing was undone since the last change.
        """
        latest = self.operations(_LOOKED_AT)
        known = {each.number: each for each in latest}
        for each in latest:
            if each.undone_by is None and each.undoes is None:
                break
            undone = known.get(each.undoes or 0)
            steps = 1
            while undone is not None and undone.undoes is not None and undone.undoes < undone.number:
                undone, steps = known.get(undone.undoes), steps + 1
            if each.undone_by is None and steps % 2:  # the undo of an undo took nothing back
                return each.number
        raise NotFound("there is nothing to do again", "`rekall history` lists what was done")

    def undo(self, number: int | None = None, tell: Callable[[int, int], None] = _nobody) -> Plan:
        """Undo an operation as a whole, by default the last that is not undone.

        Args:
            number: The operation.
            tell: Takes how many entries are done, and of how many. Whatever it raises leaves all as it was.

        Raises:
            RekallError: As `plan` does.
        """
        plan = self.plan(number)
        undone, count = plan.operation.number, len(plan.changes)
        vectors = {} if plan.is_large else self._prepared(undone)
        recorder = self._recorded.recorder
        doing = f"undoing what was done to {count:,} entries" if plan.is_large else ""
        with recorder.operation("undo", undoes=undone) as span, self._store.transaction(doing=doing):
            self._undoable(undone)
            recorder.begin(span)
            done = 0
            for some in versions.made_by(self._store, undone):
                tell(done, count)
                for version in some:
                    self._put_back(version, vectors)
                recorder.keep_now()
                done += len(some)
            tell(done, count)
            for link in self._store.history.links_made_by(undone):
                self._put_link_back(link)
        return replace(plan, undone_by=span.number)

    @property
    def _recorded(self) -> Recorded:
        return cast("Recorded", self._store)

    @property
    def is_kept(self) -> bool:
        """Whether what changes now is remembered."""
        return self._recorded.recorder.keeps

    def _check_kept(self) -> None:
        """Go back only where that can be undone in its turn."""
        if not self.is_kept:
            raise InvalidInput(
                "history.keep is 0: what entries say now would be lost",
                "`rekall config set history.keep 100` remembers what changes from then on",
            )

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
                f"operation {operation.number} cannot be undone: not all that it changed is still kept",
                self._hint_of_earlier(operation.number),
            )
        since = history.changed_since(operation.number)
        if since:
            ids = list(dict.fromkeys(entry_id for entry_id, _ in since))
            titles = self._store.entries.titles(ids[:_MOST_NAMED])
            named = ", ".join(repr(titles.get(entry_id, entry_id)) for entry_id in ids[:_MOST_NAMED])
            more = f" and {len(ids) - _MOST_NAMED:,} more" if len(ids) > _MOST_NAMED else ""
            later = sorted({change for _, change in since}, reverse=True)
            first = ", ".join(f"`rekall undo {change}`" for change in later[:_MOST_NAMED])
            raise InvalidInput(
                f"changed since: {named}{more}",
                f"undo what was done later first: {first}{', …' if len(later) > _MOST_NAMED else ''}; "
                "or `rekall restore ENTRY@VERSION` brings back one entry",
            )
        return operation

    def _hint_of_earlier(self, number: int) -> str:
        """What else can be undone, where an operation cannot: else whoever undoes again and again would be stuck there."""
        latest = self._store.history.latest(_LOOKED_AT, to_undo=True)
        earlier = next((each.number for each in latest if each.is_whole and each.number < number), None)
        before = "" if earlier is None else f"; `rekall undo {earlier}` undoes what was done before it"
        return f"`rekall restore ENTRY@VERSION` brings back one entry{before}"

    def _changes(self, operation: Operation) -> Iterator[Change]:
        for some in versions.made_by(self._store, operation.number):
            yield from self._some_changes(some)

    def _some_changes(self, found: Sequence[Version]) -> Iterator[Change]:
        entries = self._store.entries
        now = entries.by_ids(each.entry_id for each in found if each.was is Was.OTHER)
        titles = entries.titles(each.entry_id for each in found)
        for version in found:
            entry_id, title = version.entry_id, titles.get(version.entry_id)
            if (title is None) != (version.was is Was.THERE):
                continue  # it was deleted for ever since, or came back with its source
            entry = now.get(entry_id)
            after = None if entry is None else saying(entry)
            before = None if version.was is Was.OTHER and after is None else versions.before_of(version, after)
            fields = versions.different(before, after) if version.was is Was.OTHER else ()
            shown = str((before or {}).get("title", entry_id)) if title is None else title
            yield Change(entry_id, shown, _DOES[version.was], fields)

    def _prepared(self, number: int) -> dict[str, Prepared | None]:
        """The vectors of what comes back, made while no lock is held."""
        found = {}
        for version in itertools.chain.from_iterable(versions.made_by(self._store, number)):
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
        before = versions.before_of(version, None if now is None else saying(now))
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
