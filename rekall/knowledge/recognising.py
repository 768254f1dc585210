"""Tells which entry something found is: by its path, or, where that is new or another note's now, by its bytes or its id."""

from __future__ import annotations

import contextlib
import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.entry import rules
from rekall.entry.fields import Draft
from rekall.errors import InvalidInput
from rekall.exchange.bounds import read_whole
from rekall.exchange.dialect import hash_of
from rekall.exchange.places import identity, is_there, on_disk
from rekall.exchange.reading import Found
from rekall.knowledge.known import record_id_of
from rekall.knowledge.origins import AWAY, THEIRS, files_of, put_aside
from rekall.store.values import Origin

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

_WORD = re.compile(r"\w{3,}")
_SHARED = 0.5
"""Share of words that a note and what became of it have in common at least."""

_MOST_BYTES = 16 * 1024 * 1024
"""A larger file is not read only to see whether it is a note that was moved."""

_MANY = 50
"""More files than this that are equal are remembered."""

_WEAK_ID_CHARS = 8
"""Digits of an id that may be a mere number: another file has the same one."""


class Recogniser:
    """Knows what was found in one import, and finds what it was last time."""

    def __init__(self, store: Store) -> None:
        """Begin without anything found.

        Args:
            store: To look up what was imported before.
        """
        self._store = store
        self._seen: set[int] = set()
        self._left: set[int] = set()
        self._files: Sequence[str] = ()
        self._new: frozenset[bytes] | None = None
        self._many: dict[tuple[bytes, str], deque[Origin]] = {}
        self._by_number: dict[str, dict[tuple[str, str], Origin]] = {}
        self.moved = 0
        """How many were found to lie elsewhere than before."""

    def note_files(self, files: Sequence[str]) -> None:
        """Note the files that will be read: an entry whose file holds another note now may lie in one of them."""
        self._files = files

    def was_seen(self, path: str) -> bool:
        """Whether something was found that lies at a path, or that lay there and was found elsewhere."""
        known = hash(path.removesuffix(THEIRS))
        return known in self._seen or known in self._left

    def is_met(self, path: str) -> bool:
        """Whether something was found at a path itself, or lay there and was found elsewhere."""
        return hash(path) in self._seen or hash(path) in self._left

    def unique(self, found: Found) -> Found:
        """Note what was found. Two records of one file with the same id are two."""
        number, record = 1, found.record
        while hash(found.path) in self._seen:
            number += 1
            found = replace(found, record=f"{record}~{number}")
        self._seen.add(hash(found.path))
        return found

    def origin_of(self, found: Found, draft: Draft, taken: set[str]) -> Origin | None:
        """What it was last time, under the path it has now.

        Args:
            found: What was found.
            draft: What it says.
            taken: Ids of entries that this import has found already.
        """
        here = self._store.origins.at(found.path)
        record_id = record_id_of(found)
        if here is not None and (found.record or here.source_hash == found.source_hash):
            return here
        if here is None:
            numbered = self._numbered(found)
            if numbered is not None:
                return numbered
        is_taken = here is not None or hash(found.path) in self._left
        for origin in self._candidates(found, draft, record_id):
            if self._is_it(origin, found, draft, record_id, is_taken=is_taken):
                if here is not None:
                    self._store.origins.put(put_aside(here))
                self._left.add(hash(origin.path))
                self._store.origins.put(replace(origin, path=found.path))
                self.moved += 1
                return replace(origin, path=found.path)
        if here is not None and self._is_another(here, draft, record_id, taken):
            self._store.origins.put(put_aside(here))
            return None
        return here

    def _candidates(self, found: Found, draft: Draft, record_id: str) -> Iterator[Origin]:
        yield from self._like(found.source_hash, record_id)
        key = self._store.entries.key_of(draft.id) if draft.id else None
        own = self._store.origins.of(key) if key is not None else None
        if own is not None:
            yield own

    def _like(self, source_hash: bytes, record_id: str) -> Sequence[Origin]:
        """Origins of the same bytes or id; those of very many equal files are asked for once, not for each of them."""
        known = self._many.get((source_hash, record_id))
        if known is None:
            found = list(self._store.origins.like(source_hash, record_id))
            if len(found) <= _MANY:
                return found
            known = self._many[source_hash, record_id] = deque(found)
        while known and self.was_seen(known[0].path):
            known.popleft()
        return known

    def _is_it(self, origin: Origin, found: Found, draft: Draft, record_id: str, *, is_taken: bool) -> bool:
        """Whether this is what an origin tells of, though it lies elsewhere.

        Args:
            origin: The origin.
            found: What was found.
            draft: What it says.
            record_id: The id that its tool gave it.
            is_taken: Whether something else was imported from its path before.
        """
        if origin.path.endswith(THEIRS) or origin.path == found.path or self.was_seen(origin.path):
            return False
        is_by_id = origin.source_hash != found.source_hash and bool(record_id) and not draft.id
        if is_by_id and _is_weak(record_id) and not self._is_alike(origin, found, draft):
            return False
        if origin.path.endswith(AWAY) or is_gone(origin.path, found):
            return True
        return self._says_another(origin, found, is_taken=is_taken)

    def _says_another(self, origin: Origin, found: Found, *, is_taken: bool) -> bool:
        """Whether the file of an origin holds another note now: files changed names, or a new one took an old name."""
        try:
            data = read_whole(Path(on_disk(origin.path)), _MOST_BYTES)
        except (OSError, ValueError, InvalidInput):
            return False
        known_as = origin.record_id or self._id_of(origin)
        if known_as.encode("utf-8", "replace") in data:
            return False
        held = hash_of(data)
        if held == origin.source_hash:
            return False
        if origin.record_id or (is_taken and self._store.origins.like(held)):
            return True
        return origin.source_hash == found.source_hash and not self._is_an_edit(origin, data.decode("utf-8", "replace"))

    def _is_another(self, here: Origin, draft: Draft, record_id: str, taken: set[str]) -> bool:
        """Whether a note with another id and title lies now where one lay, or any other while that one lies elsewhere."""
        if draft.id:
            is_other_id = draft.id not in taken and draft.id != self._id_of(here)
        else:
            is_other_id = bool(record_id and here.record_id and record_id != here.record_id)
        if is_other_id and not self._says_the_same(here, draft):
            return True
        return not self._is_an_edit(here, draft.content) and here.source_hash in self._hashes_of_new()

    def _id_of(self, origin: Origin) -> str:
        entry = self._store.entries.by_keys([origin.entry_key]).get(origin.entry_key)
        return entry.id if entry else ""

    def _says_the_same(self, origin: Origin, draft: Draft) -> bool:
        entry = self._store.entries.by_keys([origin.entry_key]).get(origin.entry_key)
        return entry is not None and (entry.title == draft.title or entry.content == draft.content != "")

    def _is_an_edit(self, origin: Origin, text: str) -> bool:
        """Whether a text has so many words of an entry that it may be the same, edited."""
        entry = self._store.entries.by_keys([origin.entry_key]).get(origin.entry_key)
        was, now = (set(_WORD.findall(each.casefold())) for each in (entry.content if entry else "", text))
        return not was or not now or len(was & now) >= _SHARED * min(len(was), len(now))

    def _hashes_of_new(self) -> frozenset[bytes]:
        """Hashes of the files that lie where nothing was imported from; read once an import, and only where it matters."""
        if self._new is None:
            found = set()
            for name in self._files:
                with contextlib.suppress(OSError, InvalidInput):
                    path = Path(name)
                    if self._store.origins.at(identity(path)) is None:
                        found.add(hash_of(read_whole(path, _MOST_BYTES)))
            self._new = frozenset(found)
        return self._new

    def _is_alike(self, origin: Origin, found: Found, draft: Draft) -> bool:
        names = {os.path.basename(file) for file in files_of(origin.path)}
        return os.path.basename(found.file) in names or self._says_the_same(origin, draft)

    def _numbered(self, found: Found) -> Origin | None:
        """What an earlier Rekall knew by the number of its record, and which says the same."""
        if not self.may_be_numbered(found):
            return None
        draft = rules.checked(found.read.draft)
        origin = self._by_number[found.file].pop((draft.title, draft.content), None)
        if origin is not None:
            self._left.add(hash(origin.path))
        return replace(origin, path=found.path) if origin else None

    def may_be_numbered(self, found: Found) -> bool:
        """Whether it is a record of a file of which an earlier Rekall knew some by their numbers."""
        if not found.record.startswith("="):
            return False
        if found.file not in self._by_number:
            origins = [each for each in self._store.origins.under(found.file) if each.path.rpartition("#")[2].isdigit()]
            entries = self._store.entries.by_keys(each.entry_key for each in origins)
            self._by_number = {
                found.file: {
                    (entry.title, entry.content): each
                    for each in origins
                    if (entry := entries.get(each.entry_key)) is not None
                }
            }
        return bool(self._by_number[found.file])


def _is_weak(record_id: str) -> bool:
    return record_id.isdigit() and len(record_id) < _WEAK_ID_CHARS


def is_gone(path: str, found: Found) -> bool:
    """Whether nothing is left where something was imported from; a name of the same file in another case is gone."""
    for file in files_of(path):
        if is_there(file):
            try:
                return file != found.file and os.path.samefile(on_disk(file), on_disk(found.file))
            except OSError:
                return False
    return True
