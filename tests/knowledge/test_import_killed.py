"""An import that is killed at any moment leaves a sound base, and the next one completes what it began."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import FakeLoader
from support.bases import TUNING, all_links
from support.depth import some
from support.systems import KILLED
from support.warm import WarmProgram

from rekall.entry.filters import Filters
from rekall.search.results import Mode
from rekall.store.sqlite import SqliteStore
from rekall.system.clock import Clock
from rekall.wiring import build

pytestmark = pytest.mark.slow

FILES = 300
RECORDS = 20
MOMENTS = 20

CHILD = """
import os, sys
from pathlib import Path
from rekall.wiring import build
from rekall.db import Database
from rekall.knowledge import files
from rekall.store.sqlite import SqliteStore
from rekall.system.clock import Clock
from support import FakeLoader
from support.bases import TUNING
from support.systems import KILL

begun = 0
files.BATCH = 60  # so that a third of the rows are more than one transaction

def count(left):
    global begun
    begun += 1
    if begun == left:
        os.kill(os.getpid(), KILL)

def counted(write, left):
    def run(self, *arguments):
        count(left)
        return write(self, *arguments)
    return run

def each_counted(write, left):
    def row(values):
        count(left)
        return values
    return lambda self, sql, bindings: write(self, sql, map(row, bindings))

def work():
    store, left = SqliteStore(Path(sys.argv[1])), int(sys.argv[3])
    Database.run = counted(Database.run, left)
    Database.run_many = each_counted(Database.run_many, left)
    Database.rows_of_many = each_counted(Database.rows_of_many, left)
    build(store, FakeLoader(), TUNING, Clock()).base.files.import_paths([sys.argv[2]], prune=True)
    print(begun)
"""


def vault(folder: Path) -> Path:
    """Notes of which each links to another one, and some records beside them."""
    for number in range(FILES):
        note = folder / f"d{number % 7}" / f"n{number}.md"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(
            f"---\naliases: [alias{number}]\nurl: https://example.org/{number}\n---\n"
            f"# About thing {number}\n\nAbout word{number}. [[n{(number * 7 + 1) % FILES}]]\n",
            "utf-8",
        )
    lines = (f'{{"title": "Fact {number}", "content": "about fact{number}"}}\n' for number in range(RECORDS))
    (folder / "facts.jsonl").write_text("".join(lines), "utf-8")
    return folder


InAChild = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def in_a_child() -> Iterator[InAChild]:
    """Imports in a process of its own that is killed before a row is written; 0 lets it live."""
    program = WarmProgram(CHILD)
    yield lambda path, folder, writes=0: program.run(str(path), str(folder), str(writes))
    program.close()


def check_and_complete(path: Path, folder: Path) -> int:
    """Open a base after a kill, import once more, and see that all is there once. Returns what was there before."""
    store = SqliteStore(path)
    try:
        store.db.check()
        rooms = build(store, FakeLoader(), TUNING, Clock())
        base = rooms.base
        before = base.count()
        assert store.words.count() == before
        report = base.files.import_paths([folder], prune=True)
        assert (report.refused, report.conflicts, report.gone, report.kept, report.warning) == ([], [], [], [], "")
        assert report.added == FILES + RECORDS - before
        assert (report.pruned, report.updated) == (0, 0)
        store.db.check()
        titles = sorted(entry.title for entry in base.list_entries(Filters(), None).entries)
        assert titles == sorted([f"About thing {n}" for n in range(FILES)] + [f"Fact {n}" for n in range(RECORDS)])
        names = {entry.id: entry.title for entry in base.list_entries(Filters(), None).entries}
        links = sorted((names[link.source], names[link.target]) for link in all_links(store))
        assert links == sorted(
            (f"About thing {n}", f"About thing {(n * 7 + 1) % FILES}") for n in range(FILES) if n != (n * 7 + 1) % FILES
        )
        assert store.passages.pending_counts(store.vectors.active_space()) == (0, 0)
        for word in (f"word{FILES // 2}", f"fact{RECORDS - 1}", "alias3"):
            assert len(base.search(word, Filters(), Mode.WORDS, 5).hits) == 1
        again = base.files.import_paths([folder], prune=True)
        assert (again.unchanged, again.added, again.updated, again.embedded) == (FILES + RECORDS, 0, 0, 0)
        return before
    finally:
        store.close()


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return vault(tmp_path_factory.mktemp("notes"))


@pytest.fixture(scope="module")
def writes(tmp_path_factory: pytest.TempPathFactory, notes: Path, in_a_child: InAChild) -> int:
    """How many rows an import that nobody kills writes."""
    ran = in_a_child(tmp_path_factory.mktemp("whole") / "base.db", notes)
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)


@some(1 / 2)
@pytest.mark.parametrize("moment", range(MOMENTS))
def test_an_import_killed_at_any_moment_is_completed_by_the_next(tmp_path, notes, writes, in_a_child, moment):
    path = tmp_path / "base.db"
    ran = in_a_child(path, notes, max(1, writes * moment // MOMENTS + moment % 3))
    assert ran.returncode == KILLED, ran.stderr
    assert 0 <= check_and_complete(path, notes) <= FILES + RECORDS


def test_an_import_killed_again_and_again_comes_to_an_end(tmp_path, notes, writes, in_a_child):
    path = tmp_path / "base.db"
    found = []
    for _ in range(40):
        ran = in_a_child(path, notes, writes // 3)
        if ran.returncode == 0:
            break
        assert ran.returncode == KILLED, ran.stderr
        store = SqliteStore(path)
        store.db.check()
        found.append(store.words.count())
        store.close()
    assert ran.returncode == 0
    assert found == sorted(found)
    assert check_and_complete(path, notes) == FILES + RECORDS


def test_a_kill_while_files_moved_and_changed_loses_no_entry(tmp_path, in_a_child):
    folder, path = vault(tmp_path / "notes"), tmp_path / "base.db"
    assert in_a_child(path, folder).returncode == 0
    before = _ids(path)
    (folder / "d3").rename(folder / "moved")
    shutil.move(folder / "d4" / "n4.md", folder / "n4.md")
    (folder / "d1" / "n1.md").rename(folder / "swap")
    (folder / "d2" / "n2.md").rename(folder / "d1" / "n1.md")
    (folder / "swap").rename(folder / "d2" / "n2.md")
    for part in (1, 3, 40, 90):
        ran = in_a_child(path, folder, part)
        assert ran.returncode in (KILLED, 0), ran.stderr
    assert in_a_child(path, folder).returncode == 0
    assert _ids(path) == before


def _ids(path: Path) -> dict[str, str]:
    store = SqliteStore(path)
    try:
        entries = build(store, FakeLoader(), TUNING, Clock()).base.list_entries(Filters(), None).entries
        return {entry.title: entry.id for entry in entries}
    finally:
        store.close()
