"""What is deleted for ever is gone to the last byte, at once or at the next chance, and says which."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from support import Bench, make_bench
from support.systems import limits

from rekall.db import Database
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput, NotFound
from rekall.store import schema

SECRET = "zebra4711"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "rekall.db"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Bench]:
    bench = make_bench(path)
    try:
        yield bench
    finally:
        bench.base.close()


def fill(bench: Bench, others: int = 20) -> str:
    """Entries, one of which holds the secret in every field that takes a text. Returns its id."""
    for number in range(others):
        bench.base.add(Draft(EntryType.TIL, f"other {number}", f"giraffe {number} " * 100, ("kept",)))
    secret = Draft(
        EntryType.BUG,
        f"title {SECRET}",
        f"content {SECRET} " * 500,
        (SECRET,),
        project=SECRET,
        situation=f"in {SECRET}",
        solution=f"by {SECRET}",
        what_failed=f"not {SECRET}",
        error_messages=(f"E {SECRET}",),
        files=(f"{SECRET}.py",),
        keywords=(f"key {SECRET}",),
        sources=(f"https://{SECRET}.example",),
    )
    return bench.base.add(secret).entry.id


def found_in(folder: Path) -> list[str]:
    """The files below a folder in which the secret stands, in any case, UTF-8 or UTF-16, whole or the first six letters."""
    texts = [SECRET[:6].encode(), SECRET[:6].upper().encode(), SECRET[:6].encode("utf-16-le")]
    files = [file for file in folder.rglob("*") if file.is_file()]
    return sorted(file.name for file in files if any(text in file.read_bytes() for text in texts))


def test_the_secret_is_looked_for_where_it_would_be(path):
    """The other tests see nothing; this one shows that they would."""
    with opened(path) as bench:
        entry_id = fill(bench)
        bench.base.delete(entry_id)
    assert found_in(path.parent) == ["rekall.db"]


@pytest.mark.parametrize(
    "before", ["as it is", "deleted before", "edited before", "restored before", "undone before", "words made anew"]
)
def test_no_byte_stays(path, before):
    with opened(path) as bench:
        entry_id = fill(bench)
        if before == "deleted before":
            bench.base.delete(entry_id)
        if before == "edited before":
            for number in range(5):
                bench.base.change(entry_id, content=f"now {number} {SECRET} " * 300)
            bench.base.change(entry_id, title="plain", content="plain", tags=(), project="")
        if before == "restored before":
            bench.base.delete(entry_id)
            bench.base.restore(entry_id)
        if before == "undone before":
            for _ in range(2):
                bench.base.past.undo()
                bench.base.past.undo(bench.base.past.operations(1)[0].number)
        if before == "words made anew":
            bench.base.index.rebuild_words()
        kept = [version.state for version in bench.store.history.of(entry_id) if version.state]
        assert len(kept) == {"edited before": 6, "deleted before": 1, "restored before": 1, "undone before": 2}.get(
            before, 0
        )
        assert bench.base.delete(entry_id, forever=True).why_traces == ""
        assert found_in(path.parent) == []  # while the base is open, its log included
        assert not any(
            state in file.read_bytes() for state in kept for file in path.parent.rglob("*") if file.is_file()
        )
        assert bench.base.count() == 20
        assert len(bench.base.search("giraffe").hits) == 10
        with pytest.raises(NotFound):
            bench.base.delete(entry_id, forever=True)
    assert found_in(path.parent) == []


def test_no_byte_stays_in_a_base_that_was_written_by_an_earlier_rekall(path):
    """It did not overwrite what it deleted."""
    path.parent.mkdir()
    with contextlib.closing(Database(path, migrations=schema.MIGRATIONS[:5])) as old:
        old.run("PRAGMA secure_delete = off")
        for number in range(60):
            row = (f"01HF7YAT00M3S8QF6Z1XB0{number:04d}", f"{SECRET} {number} " * 200)
            old.run(
                "INSERT INTO entry VALUES (NULL, ?, 'til', 't', ?, NULL, 'active', 2, '2026-01-01', '2026-01-01')", row
            )
        old.run("DELETE FROM entry WHERE key > 1")
    with opened(path) as bench:
        (entry,) = bench.base.list_entries().entries
        assert bench.base.delete(entry.id, forever=True).why_traces == ""
        assert found_in(path.parent) == []


def test_the_reason_of_a_link_goes_from_what_is_kept_of_the_other_end(path):
    with opened(path) as bench:
        entry_id = fill(bench)
        first, second = bench.base.list_entries().entries[1:3]
        bench.base.link(first.id, entry_id, reason=f"because of {SECRET}")
        bench.base.link(entry_id, first.id, "contradicts", reason=f"not {SECRET}")
        bench.base.link(first.id, second.id, reason="both giraffes")
        bench.base.delete(first.id)
        bench.base.delete(entry_id, forever=True)
        assert found_in(path.parent) == []
        bench.base.restore(first.id)
        key = bench.store.entries.key_of(first.id)
        assert [link.reason for link in bench.store.links.of(key)] == ["both giraffes"]


@pytest.mark.parametrize("is_deleted", [False, True])
def test_the_reason_of_a_link_goes_from_what_an_import_remembers_of_its_source(path, tmp_path, is_deleted):
    with opened(path) as bench:
        entry_id = fill(bench)
        first, second = bench.base.list_entries().entries[1:3]
        bench.base.link(first.id, entry_id, reason=f"because of {SECRET}")
        bench.base.link(first.id, second.id, reason="both giraffes")
        bench.base.files.export(tmp_path / "all.jsonl")
    other = tmp_path / "other" / "rekall.db"
    with opened(other) as bench:
        bench.base.files.import_paths([tmp_path / "all.jsonl"])
        if is_deleted:
            bench.base.delete(first.id)
        bench.base.delete(entry_id, forever=True)
        assert found_in(other.parent) == []
        if is_deleted:
            bench.base.restore(first.id)
        key = bench.store.entries.key_of(first.id)
        assert [link.reason for link in bench.store.links.of(key)] == ["both giraffes"]
        assert "both giraffes" in bench.store.origins.of(key).said


# what an entry said before, and says no more


def edited(bench: Bench) -> tuple[str, list[bytes]]:
    """An entry of which a secret was edited out, and what is kept of its versions."""
    entry_id = fill(bench)
    plain = dict.fromkeys(("situation", "solution", "what_failed"), "plain")
    lists = {name: ["plain"] for name in ("tags", "error_messages", "files", "keywords", "sources")}
    bench.base.change(entry_id, title="plain", content="plain", project="plain", **plain, **lists)
    bench.base.change(entry_id, content="plainer")
    return entry_id, [version.state for version in bench.store.history.of(entry_id) if version.state]


def test_no_byte_stays_of_a_past_that_is_forgotten(path):
    with opened(path) as bench:
        entry_id, kept = edited(bench)
        assert len(kept) == 2
        assert bench.base.past.forget(entry_id).why_traces == ""
        assert found_in(path.parent) == []
        assert not any(
            state in file.read_bytes() for state in kept for file in path.parent.rglob("*") if file.is_file()
        )
        (only,) = bench.base.past.states(entry_id)
        assert (only.number, only.said["content"]) == (0, "plainer")
        assert bench.base.get(entry_id).entry.tags == ("plain",)
        assert len(bench.base.search("giraffe").hits) == 10
        number = next(each.number for each in bench.base.past.operations(9) if each.verb == "edit")
        with pytest.raises(InvalidInput, match="not all that it changed is still kept"):
            bench.base.past.undo(number)
        bench.base.change(entry_id, content="plainest")  # and it goes on from here
        bench.base.past.undo()
        assert bench.base.get(entry_id).entry.content == "plainer"
    assert found_in(path.parent) == []


def test_of_a_deleted_entry_only_what_it_said_last_stays(path):
    with opened(path) as bench:
        entry_id, _ = edited(bench)
        bench.base.delete(entry_id)
        assert bench.base.past.forget(entry_id).why_traces == ""
        assert found_in(path.parent) == []
        assert bench.base.restore(entry_id).entry.content == "plainer"


def test_what_an_import_remembers_of_a_secret_is_forgotten_too(path, tmp_path):
    note = tmp_path / "vault" / "note.md"
    note.parent.mkdir()
    note.write_text(f"---\ntags: [{SECRET}, kept]\nproject: {SECRET}\n---\n# title\n\ncontent {SECRET}\n", "utf-8")
    with opened(path) as bench:
        bench.base.files.import_paths([note.parent])
        (entry,) = bench.base.list_entries().entries
        bench.base.change(entry.id, title="plain", content="plain", tags=["kept"], project="")
        assert bench.base.past.forget(entry.id).why_traces == ""
        assert found_in(path.parent) == []
        note.write_text(note.read_text("utf-8").replace("# title", "# another title"), "utf-8")
        assert bench.base.files.import_paths([note.parent]).conflicts  # of the title, which both changed
        again = bench.base.get(entry.id).entry
        assert (again.title, again.content, again.tags, again.project) == ("plain", "plain", ("kept",), None)


def test_a_past_that_cannot_be_wiped_now_is_forgotten_all_the_same(path):
    with opened(path) as bench:
        entry_id, _ = edited(bench)
        with reader(path):
            assert bench.base.past.forget(entry_id).why_traces == "another program is reading the base"
            assert len(bench.base.past.states(entry_id)) == 1
            assert bench.base.erased(entry_id) is None  # it is there: nobody takes it for one that was deleted for ever
            assert found_in(path.parent) != []
        bench.base.delete(entry_id)
        assert bench.base.erased(entry_id) is None
        assert bench.base.past.forget(entry_id).why_traces == ""
        assert found_in(path.parent) == []


def test_there_is_no_past_to_forget_of_what_never_was(path):
    with opened(path) as bench, pytest.raises(NotFound):
        bench.base.past.forget("01HF7YAT00M3S8QF6Z1XB00000")


# when it cannot be done now


@contextlib.contextmanager
def reader(path: Path) -> Iterator[None]:
    """Another program in the middle of a read."""
    with contextlib.closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM entry").fetchall()
        yield


def is_gone(bench: Bench, entry_id: str) -> None:
    """Whatever traces there are, nobody finds the entry any more."""
    with pytest.raises(NotFound):
        bench.base.get(entry_id)
    with pytest.raises(NotFound):
        bench.base.restore(entry_id)
    assert all(SECRET not in hit.entry.content for hit in bench.base.search(SECRET).hits)
    assert bench.base.count() == 20


def test_while_somebody_reads_the_entry_is_gone_and_its_traces_go_with_the_next_close(path):
    with opened(path) as bench:
        entry_id = fill(bench)
    with reader(path), opened(path) as bench:
        assert bench.base.delete(entry_id, forever=True).why_traces == "another program is reading the base"
        is_gone(bench, entry_id)
        assert bench.base.erased(entry_id[:20].lower()) == entry_id
        # nor can its close do it
    assert found_in(path.parent) != []
    with opened(path) as bench:
        assert bench.base.count() == 20
    assert found_in(path.parent) == []


def test_repeating_it_succeeds_once_the_reader_is_gone(path):
    with opened(path) as bench:
        entry_id = fill(bench)
        with reader(path):
            assert bench.base.delete(entry_id, forever=True).why_traces
            assert bench.base.delete(entry_id, forever=True).why_traces  # no error: it is as gone as before
        assert bench.base.delete(entry_id[:20], forever=True).why_traces == ""
        assert found_in(path.parent) == []
        with pytest.raises(NotFound):
            bench.base.delete(entry_id, forever=True)


def test_repeating_it_succeeds_when_another_window_has_finished_it(path):
    with opened(path) as bench:
        entry_id = fill(bench)
        with reader(path):
            assert bench.base.delete(entry_id, forever=True).why_traces
        with opened(path):
            pass
        assert found_in(path.parent) == []
        assert bench.base.delete(entry_id, forever=True).why_traces == ""


def test_a_server_that_is_idle_finishes_it(path):
    with opened(path) as server:
        entry_id = fill(server)
        with reader(path):
            server.base.delete(entry_id, forever=True)
        assert found_in(path.parent) != []
        server.manager._when_idle()
        assert found_in(path.parent) == []


def test_two_that_are_deleted_while_somebody_reads_both_go(path):
    with opened(path) as bench:
        first, second = fill(bench, 10), fill(bench, 10)
        with reader(path):
            bench.base.delete(first, forever=True)
            bench.base.delete(second, forever=True)
            assert bench.base.erased("01") is None  # of two it is not said which
        assert bench.base.delete(first, forever=True).why_traces == ""
        assert found_in(path.parent) == []
        assert bench.base.delete(second, forever=True).why_traces == ""


NO_ROOM = """
import resource, sys
from support import make_bench
from pathlib import Path
bench = make_bench(Path(sys.argv[1]))
size = Path(sys.argv[1]).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, resource.RLIM_INFINITY))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
print(repr(bench.base.delete(sys.argv[2], forever=True).why_traces))
bench.base.close()
"""


@limits
def test_without_room_the_entry_is_gone_and_its_traces_go_when_there_is(path):
    with opened(path) as bench:
        entry_id = fill(bench)
        for _ in range(200):  # a file too large to be written again under the limit
            bench.base.add(Draft(EntryType.TIL, "filler", "elephant " * 800))
    script = [sys.executable, "-c", NO_ROOM, str(path), entry_id]
    support = Path(__file__).parents[1]
    ran = subprocess.run(
        script, capture_output=True, text=True, check=True, env={"PYTHONPATH": f"{support}:{support.parent}"}
    )
    assert ran.stdout.strip() not in ("''", ""), ran.stderr
    with opened(path) as bench:
        with pytest.raises(NotFound):
            bench.base.get(entry_id)
        assert bench.base.delete(entry_id, forever=True).why_traces == ""
    assert found_in(path.parent) == []
