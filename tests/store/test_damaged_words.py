"""A words index that is damaged in any way stops nothing: entries are stored, deleted and found, and it can be made anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from support import Bench, FakeLoader, Ran, ask, make_bench, titles

from rekall.errors import DatabaseCorrupt, EngineError
from rekall.search.results import Mode
from rekall.store.base_file import SqliteBaseFile
from rekall.store.damaged_words import MADE_ANEW
from rekall.store.findings import Level

DAMAGE = {
    "no sizes": "DELETE FROM words_docsize",
    "sizes of nothing": "UPDATE words_docsize SET sz = x'', origin = 99",
    "no version": "DELETE FROM words_config",
    "another version": "UPDATE words_config SET v = 99 WHERE k = 'version'",
    "no number for a version": "UPDATE words_config SET v = x'00ff' WHERE k = 'version'",
    "zeros for a structure": "UPDATE words_data SET block = zeroblob(length(block)) WHERE id = 10",
    "an empty structure": "UPDATE words_data SET block = x'' WHERE id = 10",
    "no structure": "DELETE FROM words_data WHERE id = 10",
    "no averages": "UPDATE words_data SET block = zeroblob(4) WHERE id = 1",
    "no data": "DELETE FROM words_data",
    "no pages": "DELETE FROM words_data WHERE id > 10",
    "other pages": "UPDATE words_data SET block = x'ffffffffffffffff' WHERE id > 10",
    "nothing at all": "DELETE FROM words_data; DELETE FROM words_docsize; DELETE FROM words_idx; DELETE FROM words_config",
}
every = pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A base of three entries, one of them deleted."""
    bench = make_bench(tmp_path / "rekall.db")
    for title in ("zebra crossing", "lion cage", "tapir pool"):
        bench.base.add("bug", title, content=f"about the {title}")
    bench.base.delete(next(entry.id for entry in bench.base.list_entries().entries if entry.title == "tapir pool"))
    bench.base.close()
    return tmp_path / "rekall.db"


def spoil(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()


def one(bench: Bench, title: str) -> str:
    return next(entry.id for entry in bench.base.list_entries().entries if entry.title == title)


WRITING: dict[str, Callable[[Bench], object]] = {
    "add": lambda bench: bench.base.add("bug", "okapi house"),
    "edit": lambda bench: bench.base.change(one(bench, "zebra crossing"), title="okapi house"),
    "delete": lambda bench: bench.base.delete(one(bench, "zebra crossing")),
    "delete for ever": lambda bench: bench.base.delete(one(bench, "zebra crossing"), forever=True),
    "restore": lambda bench: bench.base.restore(bench.base.deleted()[0].id),
}


@every
@pytest.mark.parametrize("write", WRITING.values(), ids=WRITING)
def test_every_change_is_made_and_the_index_is_whole_or_can_be_made_anew(path, damage, write):
    spoil(path, damage)
    told: list[str] = []
    bench = make_bench(path)
    bench.store.db.waiting = told.append
    before = {entry.title for entry in bench.base.list_entries().entries}
    write(bench)
    assert {entry.title for entry in bench.base.list_entries().entries} != before
    assert told in ([], [MADE_ANEW])
    if not told:  # the damage did not show
        bench.base.index.rebuild_words()
    for entry in bench.base.list_entries().entries:
        assert entry.title in titles(ask(bench, entry.title, Mode.WORDS))
    assert bench.store.words.damage() == ""
    bench.base.close()
    wrong = [each for each in SqliteBaseFile(path).examine().findings if each.level is Level.PROBLEM]
    assert wrong == []


@every
def test_a_search_falls_back_to_meaning_and_says_so(path, damage):
    spoil(path, damage)
    bench = make_bench(path)
    found = ask(bench, "zebra crossing")
    assert found.mode.used is Mode.MEANING
    assert "rekall index rebuild --words" in found.mode.reason
    assert titles(found)[0] == "zebra crossing"
    early: list[object] = []
    bench.base.search("zebra crossing", words_first=early.append)
    assert len(early) <= 1
    with pytest.raises(DatabaseCorrupt, match="words index is damaged") as caught:
        ask(bench, "zebra crossing", Mode.WORDS)
    assert "rekall index rebuild --words" in caught.value.hint
    assert titles(ask(bench, "zebra crossing", Mode.MEANING))[0] == "zebra crossing"
    bench.base.index.status()
    assert bench.base.index.rebuild_words() == 2
    again = ask(bench, "zebra crossing")
    assert (again.mode.used, again.mode.reason) == (Mode.HYBRID, "")
    bench.base.close()


@every
def test_without_a_model_a_search_names_what_mends_it(path, damage):
    spoil(path, damage)
    bench = make_bench(path, loader=FakeLoader(problem=EngineError("no engine")))
    with pytest.raises(DatabaseCorrupt, match="no engine") as caught:
        ask(bench, "zebra crossing")
    assert "rekall index rebuild --words" in caught.value.hint
    bench.base.close()


def test_what_another_process_has_made_anew_is_searched_again(path):
    spoil(path, DAMAGE["no version"])
    bench, other = make_bench(path), make_bench(path)
    assert ask(bench, "zebra crossing").mode.used is Mode.MEANING
    other.base.index.rebuild_words()
    assert ask(bench, "zebra crossing").mode.used is Mode.HYBRID
    bench.base.close()
    other.base.close()


def test_what_is_undone_leaves_the_index_as_it_was(path):
    spoil(path, DAMAGE["no structure"])
    bench = make_bench(path)
    (_, entry), *_ = bench.store.entries.stream()

    def stop() -> None:
        with bench.store.transaction():
            bench.store.words.put(1, entry)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert ask(bench, "zebra crossing").mode.used is Mode.MEANING
    bench.base.close()


@pytest.mark.usefixtures("quick_model")
def test_the_shell_says_what_is_damaged_and_mends_it(rekall: Callable[..., Ran], home: Path, tmp_path: Path):
    assert rekall("add", "bug", "zebra crossing").code == 0
    spoil(home / "rekall.db", DAMAGE["another version"])
    ran = rekall("search", "zebra")
    assert ran.code == 0
    assert "zebra crossing" in ran.out
    assert "found by meaning only: the words index is damaged; run `rekall index rebuild --words`" in ran.err
    ran = rekall("search", "zebra", "--mode", "words")
    assert ran.code == 5
    assert "please report" not in ran.err
    assert rekall("index", "status").code == 0
    assert rekall("index", "rebuild", "--words").code == 0
    assert rekall("search", "zebra", "--mode", "words").code == 0
    spoil(home / "rekall.db", DAMAGE["another version"])
    note = tmp_path / "note.md"
    note.write_text("# lion cage\n\nabout lions\n")
    ran = rekall("import", str(note))
    assert ran.code == 0
    assert MADE_ANEW in ran.err
    assert rekall("search", "lion", "--mode", "words").code == 0
    assert rekall("check").code == 0
