"""One run of a sync: what changed on either side is looked for, merged, put into the base and then into the folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rekall.entry.fields import Draft, Entry
from rekall.errors import InvalidInput, NotFound
from rekall.knowledge.recorded import Recorded
from rekall.knowledge.writing import EntryService
from rekall.store.agreements import Agreed, Folder
from rekall.sync import tombstones
from rekall.sync.applying import Applied, Applier
from rekall.sync.edits import Edited, edited
from rekall.sync.files import Root, hash_of
from rekall.sync.folder import Scan, Tell, alone, id_in, ids_of, known, new_folder, nobody, put_id, root_of, scan, tidy
from rekall.sync.items import Item, Seen
from rekall.sync.planning import Looked, Planner
from rekall.sync.putting import put_file
from rekall.sync.reading import Reader
from rekall.sync.reports import Refused, SyncChange, SyncConflict, SyncedFolder, SyncReport, What
from rekall.sync.sharing import BESIDE, Sharing
from rekall.sync.states import pack
from rekall.system.clock import Clock
from rekall.system.files import sync_folder
from rekall.system.replacing import remove_file

if TYPE_CHECKING:
    from rekall.store.contract import Store

AuthorOf = Callable[[Path], "str | None"]

AT_ONCE = 200
"""Entries in one transaction at most."""

_FEW = 10
_IN_THE_FOLDER = (What.ADDED_THERE, What.CHANGED_THERE, What.DELETED_THERE, What.RESTORED_THERE)
_PASSES = 4
"""A link can be made when its target is there, and a status follows it: what one pass leaves the next one ends."""


class Sync:
    """Syncs the base with folders."""

    def __init__(self, writer: EntryService) -> None:
        """Work with what changes entries."""
        self._writer = writer
        self._store: Store = writer.store

    def run(
        self,
        folder: Path,
        *,
        is_dry: bool = False,
        with_secrets: bool = False,
        author_of: AuthorOf | None = None,
        allow_many_deletions: bool = False,
        tell: Tell = nobody,
    ) -> SyncReport:
        """Let the base and a folder of one file an entry become the same.

        Args:
            folder: The folder.
            is_dry: Only say what would be done.
            with_secrets: Write entries that hold what looks like a secret, too.
            author_of: Says who changed a file last, for the history; None where nobody knows.
            allow_many_deletions: Also delete more than half of the entries.
            tell: Is told how far it is.

        Raises:
            NotFound: There is no such folder.
            InvalidInput: It is a file, it is empty where entries were, or more would be deleted than usual.
            StorageError: Another process is syncing it.
        """
        root = root_of(folder)
        with nullcontext() if is_dry else alone(root):
            run = _Run(self._writer, root, author_of, tell, with_secrets=with_secrets)
            return run.dry(allow_many_deletions) if is_dry else run.whole(allow_many_deletions)

    def folders(self) -> list[SyncedFolder]:
        """The folders that the base is synced with."""
        agreements = self._store.agreements
        return [
            SyncedFolder(id_in(each), each.place, each.synced_at, agreements.count(each.number))
            for each in agreements.folders()
            if not each.id.startswith(BESIDE)
        ]

    def edit(self, old: Entry, draft: Draft) -> Edited:
        """Replace what an entry says; what somebody else changed in it since stays. See `edits.edited`."""
        return edited(self._writer, old, draft)

    def beside(self, other: Sync, name: str, place: str, person: str) -> Sharing:
        """Copies between this base, which is one's own, and another; see `Sharing`."""
        return Sharing(self._writer, other._writer, name, place, person)

    def forget(self, folder: Path) -> None:
        """Forget a folder; entries and files stay as they are.

        Raises:
            NotFound: The base was never synced with it.
        """
        place = os.path.realpath(folder)
        found = [each for each in self._store.agreements.folders() if place == each.place]
        if not found:
            raise NotFound(f"{folder} is no folder that the base is synced with", "`rekall sync status` lists them")
        with self._store.transaction():
            for each in found:
                self._store.agreements.drop_folder(each.number)


class _Run:
    """One run over one folder."""

    def __init__(
        self, writer: EntryService, root: Root, author_of: AuthorOf | None, tell: Tell, *, with_secrets: bool
    ) -> None:
        self._writer = writer
        self._store: Store = writer.store
        self._recorded = cast("Recorded", writer.store)
        self._root = root
        self._author_of = author_of
        self._tell_person = tell
        self._with_secrets = with_secrets
        self._changes: dict[str, SyncChange] = {}
        self._conflicts: dict[str, SyncConflict] = {}
        self._refused: dict[tuple[str, str], Refused] = {}
        self._folder = self._known()
        self._before = self._folder.synced_at
        self._scan = Scan()

    def dry(self, allow: bool) -> SyncReport:
        """Say what would be done."""
        planner = self._planner(scan(self._root, self._tell_person))
        self._guard(planner, allow)
        for items in self._planned(planner, planner.looked.wanted):
            for item in items:
                self._tell(item, [kept_id for kept_id, _, _ in item.kept])
        return self._report(planner.looked, is_dry=True)

    def whole(self, allow: bool) -> SyncReport:
        """Do it."""
        first = None
        for number in range(_PASSES):
            found = scan(self._root, self._tell_person)
            planner = self._planner(found)
            if not number:
                self._guard(planner, allow)
                self._begin()
                tombstones.sweep(found.deleted)
                tidy(self._root, found)
            was_any = self._do(planner)
            first = first or planner.looked
            if not was_any:
                break
        self._end(planner.looked.seen)
        assert first is not None
        return self._report(first, is_dry=False)

    def _known(self) -> Folder:
        folders = self._store.agreements.folders()
        ids = ids_of(self._root)
        found = known(self._root, ids, folders)
        if found is not None:
            return replace(found, place=str(self._root.path))
        return new_folder(self._root, ids[0] if ids else Clock().new_id(None), folders)

    def _planner(self, found: Scan) -> Planner:
        self._scan = found
        reader = Reader(self._root, id_in(self._folder), self._store)
        return Planner(self._store, self._root, self._folder.number, found, reader, with_secrets=self._with_secrets)

    def _planned(self, planner: Planner, ids: Sequence[str]) -> Iterator[list[Item]]:
        """What is to be done with some entries, as many at once as one transaction takes."""
        for first in range(0, len(ids), AT_ONCE):
            self._tell_person("syncing", first, len(ids))
            yield planner.plan(ids[first : first + AT_ONCE])
        self._refused |= {(each.path, each.why): each for each in planner.looked.refused}

    def _begin(self) -> None:
        """Let folder and base know each other."""
        put_id(self._root, id_in(self._folder))
        with self._store.transaction():
            self._folder = self._store.agreements.put_folder(self._folder)

    def _end(self, seen: Mapping[str, str]) -> None:
        with self._store.transaction():
            self._store.agreements.see(self._folder.number, seen)
            now = self._recorded.recorder.now()
            self._store.agreements.put_folder(replace(self._folder, synced_at=now))

    def _guard(self, planner: Planner, allow: bool) -> None:
        """Refuse what looks as if the folder were not the one, or not there at all.

        Raises:
            InvalidInput: It does.
        """
        if allow:
            return
        agreed = self._store.agreements.count(self._folder.number) if self._folder.number else 0
        hint = (
            "is the folder mounted, and the right one? If they are to go: `rekall sync FOLDER --allow-many-deletions`"
        )
        if agreed and not (planner.has_met or self._scan.absent or ids_of(self._root)):
            were = "note was" if agreed == 1 else "notes were"
            raise InvalidInput(
                f"{agreed:,} {were} in the folder and would be deleted in the base; nothing was done", hint
            )
        going, lost = Counter[What | None](), Counter[What | None]()
        ids = planner.may_go()
        for first in range(0, len(ids), AT_ONCE):
            items = planner.plan(ids[first : first + AT_ONCE])
            going.update(item.what for item in items)
            lost.update(map(_lost, items))
        for what, where in ((What.DELETED_HERE, "in the base"), (What.DELETED_THERE, "in the folder")):
            count = going[what]
            gone = count + lost[what]
            if count and gone > _FEW and 2 * gone > agreed:
                raise InvalidInput(f"{count:,} of {agreed:,} entries would be deleted {where}; nothing was done", hint)

    def _do(self, planner: Planner) -> bool:
        """Do what is to be done. Returns whether that was anything."""
        applier = Applier(self._writer, self._root, self._folder.number, self._recorded.recorder.now, planner.data_of)
        was_any = False
        for author, ids in self._by_author(planner):
            door = self._recorded.actor.door
            acting = self._recorded.acting(door, author) if author else nullcontext()
            with acting, self._recorded.recorder.operation("sync", str(self._root.path)):
                for items in self._planned(planner, ids):
                    was_any = was_any or bool(items)
                    with self._store.transaction():
                        done = applier.apply(items)
                    for each in done:
                        self._tell(each.item, applier.kept.get(each.item.entry_id, []))
                    self._write(done)
        self._refused |= {(each.path, each.why): each for each in (*planner.looked.refused, *applier.refused)}
        return was_any

    def _by_author(self, planner: Planner) -> Iterator[tuple[str, list[str]]]:
        """What is wanted by who changed the files, each an operation of its own in the history."""
        wanted = planner.looked.wanted
        if self._author_of is None:
            yield "", wanted
            return
        named = []
        for entry_id in wanted:
            path = planner.changed_file(entry_id)
            named.append(((path and self._author_of(self._root.path / path)) or "", entry_id))
        named.sort()
        for author, group in groupby(named, key=lambda each: each[0]):
            yield author, [entry_id for _, entry_id in group]

    def _write(self, done: Sequence[Applied]) -> None:
        """Bring files to what was agreed, and remember that they are."""
        written = []
        folders: set[Path] = set()
        for each in done:
            try:
                agreed = self._written(each, folders)
            except OSError as error:
                path = each.item.path or each.item.title
                why = f"cannot be written: {error.strerror or error}"
                self._refused[path, why] = Refused(path, why, "check its permissions, and the room on the disk")
                if each.item.what in _IN_THE_FOLDER:
                    self._changes.pop(each.item.entry_id, None)
                continue
            if agreed is not None:
                written.append(agreed)
        for folder in folders:
            sync_folder(folder)
        with self._store.transaction():
            self._store.agreements.put(self._folder.number, written)

    def _written(self, done: Applied, folders: set[Path]) -> Agreed | None:
        """Write the file of one item, or remove it. Returns what to remember; None where it was changed just now."""
        item = done.item
        agreed = done.agreed
        if item.buries:
            tombstones.put(self._root, item.entry_id, item.buried)
        if item.there is None:
            if item.file is not None:
                path = self._root.at(item.file.path)
                if self._hash_at(path) not in (item.file.hash, ""):
                    return None
                remove_file(path)
                folders.add(path.parent)
            agreed = item.dead_row
        else:
            path = self._root.at(item.path)
            if item.data is not None:
                if self._hash_at(path) != (item.file.hash if item.file else ""):
                    return None
                path.parent.mkdir(parents=True, exist_ok=True)
                put_file(path, item.data, is_last=False)
                folders.add(path.parent)
            assert agreed is not None
            unwritten = self._scan.settled(item.path) if item.data is None else ""
            seen = Seen(unwritten, done.stamp, bool(done.pair.held))
            agreed = replace(agreed, seen=seen.text, state=pack(done.pair))
        if item.buries is False:
            tombstones.remove(self._root, item.entry_id)
        for spare, its_hash in item.file.spare if item.file else ():
            if self._hash_at(self._root.at(spare)) == its_hash:
                remove_file(self._root.at(spare))
        return agreed

    def _hash_at(self, path: Path) -> str:
        try:
            return hash_of(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def _tell(self, item: Item, kept: Sequence[str]) -> None:
        if item.what is not None and item.entry_id not in self._changes:
            self._changes[item.entry_id] = SyncChange(
                item.entry_id, item.title or item.entry_id, _path(item), item.what, item.fields
            )
        for kept_as, (_, _, fields) in zip(kept, item.kept):
            self._conflicts[kept_as] = SyncConflict(item.entry_id, item.title, kept_as, fields)

    def _report(self, looked: Looked, *, is_dry: bool) -> SyncReport:
        refused = self._refused.values()
        return SyncReport(
            tuple(self._changes.values()),
            tuple(self._conflicts.values()),
            tuple(each for each in refused if each.has_entry),
            tuple(replace(each, is_known=self._is_known(each)) for each in refused if not each.has_entry),
            looked.unchanged + len(looked.same),
            is_dry,
        )

    def _is_known(self, left: Refused) -> bool:
        """Whether a file was there already, and as it is, when the folder was synced before."""
        try:
            status = os.lstat(self._root.path / left.path)
        except (OSError, ValueError):
            return False
        last = self._before.timestamp() if self._before else 0.0
        return int(max(status.st_mtime, status.st_ctime)) <= last  # that is remembered in whole seconds


def _lost(item: Item) -> What | None:
    """What would have become of an entry that one side has lost, had the other not changed it."""
    if item.what is not What.KEPT:
        return None
    return What.DELETED_HERE if item.file is None else What.DELETED_THERE


def _path(item: Item) -> str:
    """The file that an item is about, also where it has gone."""
    return item.path or (item.file.path if item.file else item.row.path if item.row else "")
