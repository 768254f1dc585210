"""Bases that are synced with one folder, and what tests ask of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rekall.entry.fields import Entry
from rekall.sync.reports import SyncReport
from rekall.sync.states import state_of
from support.bases import Bench, make_bench


@dataclass
class Side:
    """A base and the folder that it is synced with."""

    bench: Bench
    folder: Path
    options: dict[str, Any] = field(default_factory=dict)

    def add(self, title: str, content: str = "", **values: Any) -> str:
        """Store an entry. Returns its id."""
        return self.bench.base.add("bug", title, content=content, **values).entry.id

    def change(self, entry_id: str, **values: Any) -> None:
        """Change an entry, a second later than whatever was before."""
        self.bench.clock.elapsed_s += 1
        self.bench.base.change(entry_id, **values)

    def sync(self, **options: Any) -> SyncReport:
        """Sync once."""
        return self.bench.base.sync.run(self.folder, **{**self.options, **options})

    def entry(self, entry_id: str) -> Entry:
        """An entry as it is."""
        return self.bench.base.get(entry_id).entry

    def has(self, entry_id: str) -> bool:
        """Whether an entry is there."""
        return self.bench.store.entries.key_of(entry_id) is not None

    def says(self) -> dict[str, Any]:
        """Everything that the base says, times of changes left out."""
        links = self.bench.store.links
        return {
            entry.id: state_of(entry, links.starting_at([key]).get(entry.id, ()))
            for key, entry in self.bench.store.entries.stream()
        }

    def did(self, **options: Any) -> list[tuple[str, str]]:
        """Sync once. Returns what was done, with the title."""
        return [(change.what.value, change.title) for change in self.sync(**options).changes]


def sides(folder: Path, count: int = 2) -> list[Side]:
    """Bases that share a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return [Side(make_bench(None), folder) for _ in range(count)]


def settle(*all_sides: Side) -> None:
    """Sync every base until nothing changes, and see to it that all of them say the same and a further round does nothing."""
    for _ in range(6):
        reports = [side.sync() for side in all_sides]
        if not any(report.changes or report.conflicts for report in reports):
            break
    else:
        raise AssertionError("the bases never agree")
    first, *others = (side.says() for side in all_sides)
    assert all(other == first for other in others)
    folder = all_sides[0].folder
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert not any(side.sync().changes for side in all_sides)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def file_of(folder: Path, entry_id: str) -> Path:
    """The file of an entry, which is there once."""
    found = [path for path in folder.rglob("*.md") if entry_id in path.read_text("utf-8")[:200]]
    assert len(found) == 1, found
    return found[0]
