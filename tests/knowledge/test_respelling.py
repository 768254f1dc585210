r"""No note comes twice because its path was spelled otherwise before: on a disk that folds, and on Windows with `\\?\`."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest

from rekall.entry.filters import Filters
from rekall.exchange import places
from rekall.knowledge.respelling import Respelling
from rekall.system.spelling import Spelling, Volume, sameness

NFC, NFD = "Über", unicodedata.normalize("NFD", "Über")


class FoldedDisk(Volume):
    """The disk of this test as it would be if it took names for the same as macOS does."""

    def _real(self, path: str) -> str | None:
        parts = Path(path).parts
        found = parts[0]
        for part in parts[1:]:
            try:
                names = os.listdir(found)
            except OSError:
                return None
            name = next((each for each in names if sameness(each) == sameness(part)), None)
            if name is None:
                return None
            found = os.path.join(found, name)
        return found

    def is_there(self, path: str) -> bool:
        return self._real(path) is not None

    def names(self, folder: str) -> frozenset[str]:
        return super().names(self._real(folder) or folder)


@pytest.fixture
def folded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_spelling", lru_cache(maxsize=1)(lambda: Spelling(FoldedDisk())))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "Notes"
    for name in ("A.md", "B.md", "Gone.md", "Deleted.md", f"Sub/{NFC}.md"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {path.stem}\n\nwhat {path.stem} says\n", "utf-8")
    (folder / "Records.jsonl").write_text('{"id": "one", "title": "first"}\n{"id": "two", "title": "second"}\n')
    return folder


def titles(bench) -> list[str]:
    return sorted(entry.title for entry in bench.base.list_entries(Filters(), None).entries)


def respelled_by(bench, change) -> None:
    """Give the origins of a base the paths that an earlier Rekall stored."""
    with bench.store.transaction():
        for path in list(bench.store.origins.paths()):
            bench.store.origins.put(replace(bench.store.origins.at(path), path=change(path)))


SPELLINGS = {
    "root": lambda path: path.replace("/Notes/", "/notes/"),
    "all": lambda path: (
        path.replace("/Notes/", "/NOTES/").replace("A.md", "a.MD").replace("Sub", "sUB").replace("Records", "RECORDS")
    ),
    "form": lambda path: unicodedata.normalize("NFD", path),
}


@pytest.mark.skipif(os.name == "nt", reason="its file system folds by itself")
@pytest.mark.parametrize("how", SPELLINGS)
def test_what_was_imported_by_another_spelling_is_found(bench, notes, folded, how):
    bench.base.files.import_paths(notes)
    before = titles(bench)
    [deleted] = [entry for entry in bench.base.list_entries(Filters(), None).entries if entry.title == "Deleted"]
    bench.base.delete(deleted.id)
    respelled_by(bench, SPELLINGS[how])
    (notes / "A.md").write_text("# another title\n\nand nothing as it was\n", "utf-8")
    (notes / "Sub" / f"{NFC}.md").write_text("# other too\n\nall of it anew\n", "utf-8")
    (notes / "Gone.md").unlink()
    report = bench.base.files.import_paths(notes)
    assert (report.added, report.updated) == (0, 2)
    assert report.unchanged == len(before) - 4
    assert [os.path.basename(path) for path in report.gone] == ["Gone.md"]
    assert titles(bench) == sorted({*before, "another title", "other too"} - {"A", NFC, "Deleted"})
    paths = list(bench.store.origins.paths())
    assert all(path.startswith(f"{os.path.realpath(notes)}/") for path in paths)
    again = bench.base.files.import_paths(notes)
    assert (again.added, again.updated, again.unchanged) == (0, 0, report.unchanged + 2)


@pytest.mark.skipif(os.name == "nt", reason="its file system folds by itself")
def test_a_dry_run_says_the_same_and_a_file_is_known_by_itself(bench, notes, folded):
    bench.base.files.import_paths(notes)
    respelled_by(bench, SPELLINGS["all"])
    (notes / "A.md").write_text("# another title\n\nand nothing as it was\n", "utf-8")
    report = bench.base.files.import_paths(notes / "A.md", dry_run=True)
    assert (report.added, report.updated) == (0, 1)
    report = bench.base.files.import_paths(notes / "A.md")
    assert (report.added, report.updated) == (0, 1)


def test_a_disk_that_folds_case_gives_no_note_twice(bench, notes):
    if not (notes.parent / notes.name.swapcase()).exists():
        pytest.skip("this disk tells names apart; scripts/folding_disk.sh runs the test on one that does not")
    assert bench.base.files.import_paths(notes.parent / "nOTES").added == 7
    for spelled in (notes, notes.parent / "NOTES", notes / "a.MD", notes / "sub"):
        assert bench.base.files.import_paths(spelled).added == 0
    notes.rename(notes.parent / "aside")
    (notes.parent / "aside").rename(notes.parent / "nOtEs")
    (notes / "B.md").write_text("# other\n\nnothing as it was\n")
    report = bench.base.files.import_paths(notes)
    assert (report.added, report.updated, report.unchanged, report.gone) == (0, 1, 6, [])
    (notes.parent / "nOtEs" / "A.md").unlink()
    report = bench.base.files.import_paths(notes.parent / "notes", prune=True)
    assert (report.added, report.pruned, len(titles(bench))) == (0, 1, 6)


def test_a_disk_that_tells_names_apart_keeps_notes_apart(bench, tmp_path):
    if (tmp_path.parent / tmp_path.name.upper()).exists():
        pytest.skip("this disk folds case")
    for name in ("Notes", "notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.md").write_text(f"# {name}\n\nof {name}\n")
    assert bench.base.files.import_paths(tmp_path / "Notes").added == 1
    assert bench.base.files.import_paths(tmp_path / "notes").added == 1
    assert titles(bench) == ["a", "a"]


@pytest.mark.skipif(os.name == "nt", reason="its paths are written with slashes here")
def test_paths_of_windows_are_spelled_without_what_stood_in_front(monkeypatch):
    monkeypatch.setattr("rekall.knowledge.respelling.plain", lambda path: path.replace("/?/", "/"))
    spelling = Respelling(["/z/notes"], ["/z/notes/a.md", "/z/notes/b#1.md"])
    assert spelling.now("/?/z/notes/a.md") == "/z/notes/a.md"
    assert spelling.now("/?/Z/Notes/A.md#id/7!theirs") == "/z/notes/a.md#id/7!theirs"
    assert spelling.now("/?/z/notes/b#1.md#x") == "/z/notes/b#1.md#x"
    assert spelling.now("/?/z/notes/sub/gone.md#12!away") == "/z/notes/sub/gone.md#12!away"
    for other in ("/?/z/notes2/a.md", "/z/other/a.md", "/z/notes", "/z/notes/a.md"):
        assert spelling.now(other) == other
