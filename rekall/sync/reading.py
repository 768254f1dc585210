"""Reads what changed in a folder, and finds out which entry each file is."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rekall.errors import InvalidInput
from rekall.exchange.bounds import MOST_TEXT_BYTES, read_whole
from rekall.exchange.places import identity
from rekall.store.agreements import Agreed
from rekall.sync import copies
from rekall.sync.editing import edited
from rekall.sync.fields import merge
from rekall.sync.files import Nothing, Root, Says, hash_of, new_id, read
from rekall.sync.folder import Scan
from rekall.sync.heads import CannotWrite
from rekall.sync.items import File, Seen
from rekall.sync.reports import Refused
from rekall.sync.states import State

if TYPE_CHECKING:
    from rekall.store.contract import Store


_MARKS = "it holds the marks of a merge"


@dataclass(slots=True)
class Gathered:
    """The files of a folder by their entries.

    Attributes:
        of: The file of each entry that has one.
        blocked: Entries whose file cannot be read now.
        known: Entries whose file was looked into, and is as it was.
        refused: What was left alone.
    """

    of: dict[str, File] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    refused: list[Refused] = field(default_factory=list)


class Reader:
    """Reads the files of one folder."""

    def __init__(self, root: Root, folder_id: str, store: Store) -> None:
        """Read a folder.

        Args:
            root: The folder.
            folder_id: What it is known by.
            store: Knows what was imported from where.
        """
        self._root = root
        self._folder_id = folder_id
        self._store = store
        self._changed_at: Mapping[str, int] = {}
        self._named: dict[str, str] = {}

    def files(self, scan: Scan, rows: Mapping[str, Agreed]) -> Gathered:
        """Every file that holds an entry; those that did not change are not read."""
        self._changed_at = scan.changed_at
        by_path = {row.path: row for row in rows.values() if row.path}
        found = Gathered(refused=[replace(each, has_entry=_holds(each.path, by_path)) for each in scan.refused])
        paths: dict[str, list[str]] = {}
        changed: set[str] = set()
        nameless: list[tuple[str, str, Agreed | None]] = []
        for path, seen in scan.files.items():
            row = by_path.get(path)
            if row is not None and Seen.of(row.seen).file == seen:
                paths.setdefault(row.entry_id, []).append(path)
                continue
            read_now = self._read(path, row)
            if read_now is None and row is not None:
                paths.setdefault(row.entry_id, []).append(path)
                found.known.add(row.entry_id)
            elif isinstance(read_now, Says):
                changed.add(path)
                if read_now.entry_id:
                    paths.setdefault(read_now.entry_id, []).append(path)
                else:
                    made = new_id(self._folder_id, read_now, scan.changed_at.get(path, 0))
                    nameless.append((path, made, row))
            elif row is not None:
                found.blocked.add(row.entry_id)
                found.refused.append(
                    read_now
                    if isinstance(read_now, Refused)
                    else Refused(path, "it is empty", "write the note again, or delete the file")
                )
            elif isinstance(read_now, Refused):
                found.refused.append(replace(read_now, has_entry=read_now.why == _MARKS))
        for path, made, row in nameless:
            self._name(path, made, row, paths, found)
        for entry_id, several in paths.items():
            self._take(entry_id, several, changed, rows.get(entry_id), found)
        return found

    def file(self, path: str) -> File | Nothing | Refused:
        """The file at a path as it is now."""
        says = self.read(path)
        return _joined(says, list(says.versions), []) if isinstance(says, Says) else says

    def read(self, path: str) -> Says | Nothing | Refused:
        """What the file at a path says now, under the id that was found for it."""
        data = self._bytes(path)
        says = data if isinstance(data, Refused) else self._says(path, data)
        if isinstance(says, Says) and not says.entry_id and path in self._named:
            return self._with_id(says, self._named[path])
        return says

    def says(self, path: str, data: bytes) -> Says | Nothing | Refused:
        """What a file of these bytes would say."""
        return read(self._root, path, data)

    def _read(self, path: str, row: Agreed | None) -> Says | Nothing | Refused | None:
        """The same; None where its bytes are those that were agreed on."""
        data = self._bytes(path)
        if isinstance(data, Refused):
            return data
        if row is not None and hash_of(data) == row.file_hash:
            return None
        return self._says(path, data)

    def _bytes(self, path: str) -> bytes | Refused:
        try:
            return read_whole(self._root.path / path, MOST_TEXT_BYTES)
        except InvalidInput as error:
            return Refused(path, error.message, error.hint)
        except OSError as error:
            why = f"cannot be read: {error.strerror or error}"
            return Refused(path, why, "check its permissions, and that no other program has it locked")

    def _says(self, path: str, data: bytes) -> Says | Nothing | Refused:
        """What bytes say; of a file with the marks of a merge what its first version says."""
        sides = copies.sides(data.decode("utf-8", "replace")) if b"<<<<<<<" in data else None
        if sides is None:
            return read(self._root, path, data)
        mine, theirs = (read(self._root, path, text.encode()) for text in (sides.mine, sides.theirs))
        if not isinstance(mine, Says) or not isinstance(theirs, Says) or mine.entry_id != theirs.entry_id:
            return Refused(path, _MARKS, "resolve it, then sync again")
        base = None if sides.base is None else read(self._root, path, sides.base.encode())
        before = base.state if isinstance(base, Says) else None
        return replace(mine, on_disk=hash_of(data), versions=((before, theirs.state),))

    def _name(self, path: str, made: str, row: Agreed | None, paths: dict[str, list[str]], found: Gathered) -> None:
        """Find the entry of a file that names none: the one whose file it was, or that was imported from it; else a new one."""
        if row is not None and row.entry_id not in paths:
            entry_id = row.entry_id
        elif copies.is_sure(path):
            why = "it is another version of a note that has no id yet"
            found.refused.append(Refused(path, why, "put what you want of it into the note, and delete it"))
            return
        else:
            entry_id = self._imported(path, paths) or made
        if entry_id not in paths:
            self._named[path] = entry_id
            paths[entry_id] = [path]

    def _with_id(self, says: Says, entry_id: str) -> Says | Refused:
        """A note as it is once its id stands in it."""
        try:
            back = read(self._root, says.path, edited(self._root, says, says.state, entry_id))
            why = ""
        except CannotWrite as error:
            back, why = None, f": {error}"
        if not isinstance(back, Says):
            return Refused(says.path, f"its id cannot be written into it{why}", "give it YAML front matter")
        return replace(back, on_disk=says.hash, versions=says.versions)

    def _imported(self, path: str, paths: Mapping[str, list[str]]) -> str:
        """The entry that was imported from a file, or empty."""
        origin = self._store.origins.at(identity(self._root.path / path))
        entry = None if origin is None else self._store.entries.by_keys([origin.entry_key]).get(origin.entry_key)
        return entry.id if entry is not None and entry.id not in paths else ""

    def _take(self, entry_id: str, paths: list[str], changed: Set[str], row: Agreed | None, found: Gathered) -> None:
        """Settle which of the files that name an entry is its file, and what becomes of the others."""
        if len(paths) == 1:
            is_changed = paths[0] in changed or row is None
            found.of[entry_id] = File(paths[0], row.file_hash if row else "", None, is_unread=is_changed)
            return
        paths = sorted(paths, key=lambda path: (copies.is_sure(path), row is None or path != row.path, len(path), path))
        first = self.read(paths[0])
        if not isinstance(first, Says):
            found.blocked.add(entry_id)
            found.refused += [first] if isinstance(first, Refused) else []
            return
        others: list[tuple[State | None, State]] = list(first.versions)
        spare = []
        for path in paths[1:]:
            other = self.read(path)
            if not isinstance(other, Says):
                found.refused += [other] if isinstance(other, Refused) else []
            elif copies.is_copy_of(path, paths[0]):
                named = self._says(paths[0], other.data)  # what its name says of it says nothing
                others += [(None, named.state if isinstance(named, Says) else other.state), *other.versions]
                spare.append((path, other.hash))
            elif other.state == first.state:
                why = f"it has the id of {paths[0]}, and says the same"
                hint = "delete it, or change it to make it a note of its own"
                found.refused.append(Refused(path, why, hint, has_entry=False))
            else:
                self._copy(other, found)
        found.of[entry_id] = _joined(first, others, spare)

    def _copy(self, says: Says, found: Gathered) -> None:
        """Give a copy that somebody made by hand and changed an id of its own."""
        entry_id = new_id(self._folder_id, says, self._changed_at.get(says.path, 0))
        made = edited(self._root, says, says.state, entry_id)
        back = read(self._root, says.path, made)
        if isinstance(back, Says):
            found.of[entry_id] = File(says.path, says.hash, back.state, replace(back, on_disk=says.hash))


def _holds(path: str, by_path: Mapping[str, Agreed]) -> bool:
    """Whether an entry's file lies at a path, or below it where it is a folder's."""
    return path in by_path or (path.endswith("/") and any(each.startswith(path) for each in by_path))


def _joined(first: Says, others: list[tuple[State | None, State]], spare: list[tuple[str, str]]) -> File:
    """A file with what its other versions say."""
    state, kept = first.state, []
    conflicts: tuple[str, ...] = ()
    for before, other in others:
        merged = merge(before, before, state, other)
        state = merged.there
        if merged.conflicts:
            kept.append((other, merged.conflicts))
            conflicts += merged.conflicts
    return File(first.path, first.hash, state, first, tuple(dict.fromkeys(conflicts)), tuple(kept), tuple(spare))
