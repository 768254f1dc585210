"""Decides what a sync does with each entry, and does nothing (docs/adr/0046)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rekall.entry import secrets
from rekall.exchange.file_names import Names
from rekall.sync import tombstones
from rekall.sync.editing import edited
from rekall.sync.fields import kept_id, kept_state, merge
from rekall.sync.files import Root, Says, hash_of, whole
from rekall.sync.folder import IS_LINK, Scan
from rekall.sync.heads import CannotWrite
from rekall.sync.items import File, Item, Mine, Seen
from rekall.sync.past import Past, said_in
from rekall.sync.reading import Gathered, Reader
from rekall.sync.reports import Refused, What
from rekall.sync.states import (
    CREATED,
    LINKS,
    Pair,
    State,
    different,
    draft_of,
    state_hash,
)

if TYPE_CHECKING:
    from rekall.store.contract import Store


@dataclass(slots=True)
class Looked:
    """What a first look at both sides found, and what planning adds to it.

    Attributes:
        wanted: Entries of which something is not as it was, in the order of their ids.
        refused: What is left alone.
        unchanged: Entries of which nothing changed.
        same: Entries that were wanted, and that both sides say alike.
        seen: What to remember of files that were looked into and are as they were, by entry.
    """

    wanted: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unchanged: int = 0
    same: set[str] = field(default_factory=set)
    seen: dict[str, str] = field(default_factory=dict)


class Planner:
    """Plans one pass over a folder, some entries at a time: what all of them say is never held at once."""

    def __init__(
        self, store: Store, root: Root, number: int, scan: Scan, reader: Reader, *, with_secrets: bool
    ) -> None:
        """Plan for a folder.

        Args:
            store: The base.
            root: The folder.
            number: Its number in the store; 0 where nothing was agreed with it.
            scan: What lies in it.
            reader: Reads it.
            with_secrets: Whether entries that hold secrets are written, too.
        """
        self._store = store
        self._root = root
        self._number = number
        self._scan = scan
        self._reader = reader
        self._with_secrets = with_secrets
        self._past = Past(store, number)
        self._rows = self._past.rows
        self._stamps = store.agreements.stamps()
        self._names = Names(os.listdir(root.path))
        self._files = reader.files(scan, self._rows)
        self._items: list[Item] = []
        self._named: dict[str, str] = {}
        self.looked = Looked(refused=self._files.refused)
        self.looked.wanted = sorted(self._wanted(self._files))

    @property
    def has_met(self) -> bool:
        """Whether any file of the folder is known to be that of an entry."""
        return bool(self.looked.unchanged) or any(
            each in self._files.of and each in self._rows for each in self.looked.wanted
        )

    def may_go(self) -> list[str]:
        """Entries that may have to be deleted on one side; all others are not."""
        return [each for each in self.looked.wanted if self._may_go(each)]

    def _may_go(self, entry_id: str) -> bool:
        row, has_file, is_here = self._rows.get(entry_id), entry_id in self._files.of, entry_id in self._stamps
        if entry_id in self._scan.deleted:
            return True
        if row is not None:
            return not (has_file and is_here)
        return has_file and not is_here and self._store.tombstones.has(entry_id)

    def changed_file(self, entry_id: str) -> str:
        """The file of an entry, where it changed; else empty."""
        file = self._files.of.get(entry_id)
        return file.path if file is not None and (file.is_unread or file.says is not None) else ""

    def plan(self, ids: Sequence[str]) -> list[Item]:
        """What is to be done with some of the entries that are wanted."""
        files, self._items = self._files, []
        there = self._store.entries.keys_of(ids)
        pairs = self._past.pairs(ids)
        mine = self._past.mine(there, pairs)
        for entry_id in ids:
            if entry_id in there and entry_id not in mine:
                self._refuse(entry_id, "it is damaged in the base", "`rekall check --repair` mends the base")
                continue
            item = Item(
                entry_id,
                mine[entry_id].entry.title if entry_id in mine else "",
                "",
                None,
                self._stamps.get(entry_id, ""),
                mine.get(entry_id),
                file=files.of.get(entry_id),
                row=self._rows.get(entry_id),
                pair=pairs.get(entry_id, Pair()),
            )
            self._decide(item)
        return self._items

    def _wanted(self, files: Gathered) -> set[str]:
        """Entries that have to be looked at: something of them is not as it was."""
        wanted: set[str] = set()
        for entry_id in {*files.of, *self._stamps, *self._rows}:
            row, file = self._rows.get(entry_id), files.of.get(entry_id)
            if entry_id in files.blocked:
                continue
            if row is not None and row.path and file is None and self._scan.is_out_of_reach(row.path):
                if link := self._scan.link_to(row.path):
                    self._refuse(link, IS_LINK, "put the folder itself there")
                continue
            if row is not None and not row.path and file is None and entry_id not in self._stamps:
                continue  # both agree that it is deleted
            seen = Seen.of(row.seen) if row else Seen("", "")
            is_read = file is not None and (file.is_unread or file.says is not None)
            is_same = row is not None and file is not None and not is_read and file.path == row.path
            if (
                not is_same
                or seen.stamp != self._stamps.get(entry_id, "-")
                or seen.waits
                or entry_id in self._scan.deleted
            ):
                wanted.add(entry_id)
                continue
            self.looked.unchanged += 1
            if entry_id in files.known and row is not None:
                self.looked.seen[entry_id] = replace(seen, file=self._scan.settled(row.path)).text
        return wanted

    def _refuse(self, name: str, why: str, hint: str) -> None:
        self.looked.refused.append(Refused(name, why, hint))

    def _decide(self, item: Item) -> None:
        """Settle what becomes of an entry."""
        if item.file is not None and not self._read(item):
            return
        file, is_agreed = item.file, item.row is not None and bool(item.row.path)
        if item.entry_id in self._scan.deleted:
            item.deleted = tombstones.hashes_in(self._scan.deleted[item.entry_id])
        is_buried = file is not None and file.state is not None and state_hash(file.state) in item.deleted
        if is_buried and (not is_agreed or item.was_deleted):
            self._buried(item, is_agreed=is_agreed)
            return
        if is_buried:
            item.buries = False
        if file is not None and item.mine is not None:
            self._merge(item, file, item.mine, is_agreed=is_agreed)
        elif file is not None:
            self._only_there(item, file, is_agreed=is_agreed)
        elif item.mine is not None:
            self._only_here(item, item.mine, is_agreed=is_agreed)
        elif is_agreed:
            self._put(item)

    def _buried(self, item: Item, *, is_agreed: bool) -> None:
        """Its file says what was deleted: it has not gone yet, or comes back, and whoever does that ends it."""
        if item.mine is not None:
            self._only_here(item, item.mine, is_agreed=is_agreed)
        elif is_agreed and item.file is not None:
            self._only_there(item, item.file, is_agreed=True)

    def _read(self, item: Item) -> bool:
        """See to it that what the file says is known. Returns whether it is."""
        file = item.file
        assert file is not None
        if file.says is None:
            there = item.pair.there
            if file.is_unread or there is None or item.pair.pending:
                found = self._reader.file(file.path)
                if not isinstance(found, File):
                    has_entry = item.row is not None or item.mine is not None
                    self.looked.refused += [replace(found, has_entry=has_entry)] if isinstance(found, Refused) else []
                    return False
                file = found
            else:
                file = replace(file, state=there)
            item.file = file
        item.path = file.path
        return True

    def _before(self, item: Item, file: File | None) -> tuple[State | None, State | None]:
        """What was agreed: of the base, and of the file."""
        pair, row = item.pair, item.row
        if row is None or not row.path:
            return None, None
        if pair.pending and (file is None or file.hash != row.file_hash):
            return pair.before, pair.before  # what came of it then was never written
        if pair.here is None or pair.there is None:
            same = file.state if file is not None and file.hash == row.file_hash else None
            return same, same
        return pair.here, pair.there

    def _merge(self, item: Item, file: File, mine: Mine, *, is_agreed: bool) -> None:
        """Both have it."""
        assert file.state is not None
        was_here, was_there = self._before(item, file)
        if item.was_deleted and file.state != was_there:
            was_here = was_there = None  # somebody brought it back who may not know what was agreed on here
        elif not is_agreed and said_in(mine.state) != said_in(file.state):
            was_here = was_there = self._past.earlier(item.entry_id, file.state)
        merged = merge(was_here, was_there, mine.state, file.state)
        item.title = str(merged.here["title"])
        item.here, item.there = merged.here, merged.there
        kept = [(file.state, merged.conflicts)] if merged.conflicts else []
        item.kept = _kept(item.entry_id, (*kept, *file.others))
        in_base, in_file = different(mine.state, merged.here), different(file.state, merged.there)
        item.fields = tuple(dict.fromkeys((*in_base, *in_file)))
        moved = item.row is not None and item.row.path not in ("", file.path)
        if in_base and in_file:
            item.what = What.MERGED
        elif in_base:
            item.what = What.CHANGED_HERE
        elif in_file:
            item.what = What.CHANGED_THERE
        elif item.kept or file.spare or (file.says is not None and file.says.versions):
            item.what = What.MERGED
        elif moved:
            item.what = What.MOVED
        self._put(item)

    def _only_there(self, item: Item, file: File, *, is_agreed: bool) -> None:
        """It is in the folder alone."""
        assert file.state is not None
        was_deleted = self._store.tombstones.has(item.entry_id)
        item.title = str(file.state["title"])
        same = item.row is not None and file.hash == item.row.file_hash
        if is_agreed:
            pair = item.pair
            same = (
                same
                or (pair.there is not None and file.state == pair.there)
                or (pair.pending and file.hash == pair.before_hash)
            )
        elif item.row is None and was_deleted:
            same = self._past.hash_of_deleted(item.entry_id) == state_hash(file.state)
        has_more = file.others or (file.says is not None and file.state != file.says.state)  # of other versions of it
        if same and not has_more and (is_agreed or item.row is None):
            item.what, item.buries, item.path = What.DELETED_THERE, True, ""
            item.buried = state_hash(file.state) if was_deleted else ""
            self._put(item)
            return
        item.here = item.there = file.state
        item.kept = _kept(item.entry_id, file.others)
        item.what = What.KEPT if is_agreed else What.RESTORED_HERE if was_deleted or item.row else What.ADDED_HERE
        self._put(item)

    def _only_here(self, item: Item, mine: Mine, *, is_agreed: bool) -> None:
        """It is in the base alone."""
        tombstone = self._scan.deleted.get(item.entry_id)
        is_new = is_agreed and item.pair.pending and item.pair.before is None and not item.pair.before_hash
        was_here, _ = self._before(item, None)
        deletes = is_agreed and not is_new and was_here is not None and was_here == mine.state
        if item.row is None and tombstone is not None:
            deletes = not item.deleted or state_hash(mine.state) in item.deleted
        if deletes:
            item.what, item.buries, item.buried = What.DELETED_HERE, True, state_hash(item.pair.there or mine.state)
            item.file = None
            self._put(item)
            return
        item.here = item.there = mine.state
        if is_agreed and not is_new:
            item.what = What.KEPT
        else:
            item.what = What.RESTORED_THERE if item.row and not item.row.path else What.ADDED_THERE
        item.path = item.row.path if item.row and item.row.path else ""
        if item.what is not What.KEPT or state_hash(mine.state) in item.deleted:
            item.buries = False
        self._put(item)

    def _put(self, item: Item) -> None:
        """Take an item into the plan, with the bytes of its file."""
        if item.there is not None:
            try:
                item.data = self.data_of(item, item.there)
            except CannotWrite as error:
                self._refuse(item.path, str(error), "change it there by hand, or take back the change here")
                return
            self._take_back(item)
            if not self._may_be_written(item):
                return
            if not item.path or (item.file is None and os.path.lexists(self._root.at(item.path))):
                item.path = self._name(item)
            if item.deleted and state_hash(item.there) in item.deleted:
                item.buries = False
        if item.what is None and item.here is not None:
            self.looked.same.add(item.entry_id)
        if not item.is_done:
            self._items.append(item)

    def _take_back(self, item: Item) -> None:
        """Take back here what a note of somebody else cannot say otherwise, such as a tag that stands in its text."""
        says = item.file.says if item.file else None
        if says is None or says.is_own or item.here is None or item.there is None:
            return
        back = says if item.data is None else self._reader.says(item.path, item.data)
        if not isinstance(back, Says):
            return
        names = [name for name in different(back.state, item.there) if name != CREATED]
        taken = {name: back.state.get(name, "") for name in names if item.here.get(name) == item.there.get(name)}
        before = item.file.state if item.file else None
        lost = [name for name in names if before is not None and before.get(name, "") != item.there.get(name, "")]
        item.here = {**item.here, **taken}
        item.there = {**item.there, **{name: back.state.get(name, "") for name in names}}
        if lost:
            named = ", ".join(lost).replace("_", " ")
            self._refuse(item.path, f"its {named} cannot be changed from here", "change the text of the note itself")

    def data_of(self, item: Item, there: State) -> bytes | None:
        """The bytes of the file that is to say something; None where it does already. Raises CannotWrite."""
        file = item.file
        if file is None:
            return whole(there, item.entry_id)
        if file.says is None:
            if file.state == there:
                return None
            says = self._reader.read(file.path)
            if not isinstance(says, Says):
                raise CannotWrite("its file changed just now")
            item.file = file = replace(file, says=says, hash=says.hash)
        assert file.says is not None
        data = edited(self._root, file.says, there, item.entry_id)
        return None if hash_of(data) == file.hash else data

    def _may_be_written(self, item: Item) -> bool:
        """Whether a file may hold what it is to say: a secret that it does not hold yet is refused."""
        if self._with_secrets or item.there is None:
            return True
        before = item.file.state if item.file else None
        if before == item.there:
            return True
        known = secrets.said_in(draft_of(before, item.entry_id)) if before else frozenset()
        found = secrets.found_in(draft_of(item.there, item.entry_id), known)
        texts = "\n".join(map(str, item.there[LINKS].values()))
        old = "\n".join(map(str, before[LINKS].values())) if before else ""
        if not found and (texts == old or secrets.masked(texts) == texts):
            return True
        named = "; ".join(map(str, found[:3])) or "in the reason of a link"
        why = f"it holds what looks like a secret: {named}"
        self._refuse(
            item.path or item.title, why, "take it out; or `rekall sync --with-secrets` writes it all the same"
        )
        return False

    def _name(self, item: Item) -> str:
        """The name of a new file, which it keeps whatever its title becomes."""
        assert item.there is not None
        if item.entry_id not in self._named:  # it may be planned twice
            name = self._names.titled if ".obsidian" in self._root.marks else self._names.slug
            self._named[item.entry_id] = name(str(item.there["title"]), item.entry_id)
        return self._named[item.entry_id]


def _kept(
    entry_id: str, others: Iterable[tuple[State, tuple[str, ...]]]
) -> tuple[tuple[str, State, tuple[str, ...]], ...]:
    """What the other sides of conflicts said, as entries of their own."""
    return tuple(
        (kept_id(entry_id, state), kept_state(entry_id, state, conflicts), conflicts) for state, conflicts in others
    )
