"""Damage to a base of known entries, and which of them must survive it."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from rekall.entry.fields import Entry
from rekall.store.pages import Pages
from rekall.store.salvage import Salvage, SavedRow
from rekall.store.sqlite import SqliteStore

KINDS = ("flip", "flips", "zeroed", "cut", "swapped", "head", "noise")


@dataclass(frozen=True)
class Specimen:
    """A sound base: its bytes, its entries by id, and the pages on which each of these lies."""

    data: bytes
    page_bytes: int
    entries: dict[str, Entry]
    pages: dict[str, set[int]]

    @classmethod
    def of(cls, path: Path) -> Specimen:
        """Read a base that nobody has open."""
        entries = entries_of(path)
        pages: dict[int, set[int]] = defaultdict(set)
        ids: dict[int, str] = {}
        with Pages(path) as found:
            for row in Salvage(found).rows():
                assert isinstance(row, SavedRow)
                assert row.is_reached
                if row.table == "entry":
                    ids[row.cell.key] = row.values["id"].decode()
                if row.table in ("entry", "item"):
                    pages[row.values.get("entry_key", row.cell.key)].update(row.cell.used)
            return cls(path.read_bytes(), found.size, entries, {ids[key]: on for key, on in pages.items()})

    def damaged(self, seed: int) -> tuple[str, bytes, set[str]]:
        """What was done, the bytes after it, and the ids of the entries of which no page was hit."""
        chance = random.Random(seed)
        kind = KINDS[seed % len(KINDS)]
        data, hit = bytearray(self.data), set()
        size, count = self.page_bytes, len(self.data) // self.page_bytes

        def put(page: int, new: bytes) -> None:
            data[(page - 1) * size : page * size] = new
            hit.add(page)

        if kind in ("flip", "flips"):
            for _ in range(1 if kind == "flip" else chance.randrange(2, 200)):
                at = chance.randrange(len(data))
                data[at] ^= 1 << chance.randrange(8)
                hit.add(at // size + 1)
        elif kind == "cut":
            at = chance.randrange(1, len(data))
            hit.update(range(at // size + 1, count + 1))
            del data[at:]
        elif kind == "head":
            at = chance.randrange(100) if chance.random() < 0.5 else chance.randrange(size - 200)
            data[at : at + 100] = chance.randbytes(100) if chance.random() < 0.5 else bytes(100)
            hit.add(1)
        elif kind == "swapped":
            for _ in range(chance.randrange(1, 4)):
                one, other = chance.randrange(1, count + 1), chance.randrange(1, count + 1)
                first, second = (bytes(data[(page - 1) * size : page * size]) for page in (one, other))
                put(one, second)
                put(other, first)
        else:
            for _ in range(chance.randrange(1, 6)):
                put(chance.randrange(1, count + 1), bytes(size) if kind == "zeroed" else chance.randbytes(size))
        spared = {entry_id for entry_id, on in self.pages.items() if not on & hit}
        return kind, bytes(data), spared


def entries_of(path: Path) -> dict[str, Entry]:
    """Every entry of a base that can be opened, by id."""
    store = SqliteStore(path, "numpy")
    try:
        return {entry.id: entry for _, entry in store.entries.stream()}
    finally:
        store.close()
