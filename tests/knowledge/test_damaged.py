"""One damaged row never keeps the others from being listed, found, exported and restored."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from support import Bench, make_bench

from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.errors import DatabaseCorrupt, EntryDamaged
from rekall.exchange.writing import Format
from rekall.search.results import Mode

BAD_TEXT = "CAST(x'7a6562ff' AS TEXT)"
"""What a flipped bit makes of a text: bytes that are no UTF-8."""


def hit(path: Path, *statements: str) -> None:
    """Damage a base as a disk does, past every check."""
    with contextlib.closing(apsw.Connection(str(path))) as db:
        db.execute("PRAGMA ignore_check_constraints = on; PRAGMA foreign_keys = off")
        for statement in statements:
            db.execute(statement)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Five entries, the first two linked; two deleted ones."""
    made = tmp_path / "base" / "rekall.db"
    bench = make_bench(made)
    entries = [
        bench.base.add(
            Draft(
                EntryType.TIL,
                f"zebra number{number}",
                f"zebra text {number}",
                ("a", f"t{number}"),
                project="zoo",
                solution="paint",
                files=("a.py",),
                other_fields=(),
            )
        ).entry
        for number in range(1, 8)
    ]
    bench.base.link(entries[0].id, entries[1].id, reason="both zebra")
    for entry in entries[5:]:
        bench.base.delete(entry.id)
    bench.base.close()
    return made


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Bench]:
    bench = make_bench(path)
    try:
        yield bench
    finally:
        bench.base.close()


ENTRY = {
    "a type that there is not": "UPDATE entry SET type = 'gotcha' WHERE key = 2",
    "a status that there is not": "UPDATE entry SET status = 'weird' WHERE key = 2",
    "a time that is none": "UPDATE entry SET created_at = 'yesterday' WHERE key = 2",
    "a time in the year 99999": "UPDATE entry SET updated_at = '99999-01-01T00:00:00Z' WHERE key = 2",
    "an empty time": "UPDATE entry SET created_at = '' WHERE key = 2",
    "a title that is no text": f"UPDATE entry SET title = {BAD_TEXT} WHERE key = 2",
    "a content that is no text": f"UPDATE entry SET content = {BAD_TEXT} WHERE key = 2",
    "a project that is no text": f"UPDATE entry SET project = {BAD_TEXT} WHERE key = 2",
    "a type that is no text": f"UPDATE entry SET type = {BAD_TEXT} WHERE key = 2",
    "a time that is no text": f"UPDATE entry SET updated_at = {BAD_TEXT} WHERE key = 2",
    "a tag that is no text": f"UPDATE item SET value = {BAD_TEXT} WHERE entry_key = 2 AND kind = 'tags' AND position = 0",
    "a field's name that is no text": f"UPDATE item SET kind = {BAD_TEXT} WHERE entry_key = 2 AND kind = 'solution'",
    "another field that is no JSON": "INSERT INTO item VALUES (2, 'other_fields', 0, '[\"a\", {')",
    "another field that is no pair": "INSERT INTO item VALUES (2, 'other_fields', 0, '[1, 2, 3]')",
    "another field that nests without end": "INSERT INTO item VALUES (2, 'other_fields', 0, replace(hex(zeroblob(50000)), '0', '['))",
}


@pytest.mark.parametrize("name", ENTRY)
def test_a_damaged_entry_is_left_out_and_counted(path, tmp_path, name):
    hit(path, ENTRY[name])
    with opened(path) as bench:
        base = bench.base
        page = base.list_entries()
        assert sorted(entry.title for entry in page.entries) == [f"zebra number{number}" for number in (1, 3, 4, 5)]
        assert base.damaged() == 1
        for mode in Mode:
            found = {each.entry.title for each in base.search("zebra", Filters(), mode).hits}
            assert found == {f"zebra number{number}" for number in (1, 3, 4, 5)}
        base.search("zebra paint", Filters(tags=("a",), project="zoo"))
        base.similar("zebra")
        for form in Format:
            if form in (Format.JSON, Format.JSONL):
                written = io.BytesIO()
                assert base.files.export(written, form=form).exported == 4
        base.files.export(tmp_path / "out", form=Format.MARKDOWN)
        base.stats()
        base.index.status()
        assert base.index.rebuild_words() == 4
        assert base.search("number3", Filters(), Mode.WORDS).hits[0].entry.title == "zebra number3"
        base.index.rebuild_vectors()
        ids = bench.store.entries.ids_in_order()
        base.short_ids(ids)
        (damaged,) = [each for each in ids if each not in {entry.id for entry in page.entries}] or [None]
        if damaged:
            with pytest.raises(EntryDamaged) as raised:
                base.get(damaged)
            assert "rekall check --repair" in raised.value.hint
            with pytest.raises(EntryDamaged):
                base.delete(damaged)
        first = page.entries[-1]
        assert base.get(first.id).entry.title == first.title
        base.change(first.id, title="zebra changed")
        base.delete(first.id)
        assert base.restore(first.id).entry.title == "zebra changed"
        assert base.add(Draft(EntryType.TIL, "one more")).entry.title == "one more"
        assert base.damaged() == 1


def test_an_id_that_is_no_text_stands_in_nobodys_way(path):
    hit(path, f"UPDATE entry SET id = {BAD_TEXT} WHERE key = 2")
    with opened(path) as bench:
        entries = bench.base.list_entries().entries
        assert len(entries) == 4
        assert len(bench.base.search("zebra", Filters(), Mode.HYBRID).hits) == 4
        assert bench.base.short_ids([entry.id for entry in entries])
        bench.base.index.rebuild_vectors()


LINKS = {
    "a type that there is not": "UPDATE link SET type = 'likes'",
    "a type that is no text": f"UPDATE link SET type = {BAD_TEXT}",
    "a reason that is no text": f"UPDATE link SET reason = {BAD_TEXT}",
    "a time that is none": "UPDATE link SET created_at = ''",
    "an end that is not there": "UPDATE link SET target_key = 99",
}


@pytest.mark.parametrize("name", LINKS)
def test_a_damaged_link_stands_in_nobodys_way(path, name):
    hit(path, LINKS[name])
    with opened(path) as bench:
        for entry in bench.base.list_entries().entries:
            bench.base.get(entry.id)
        written = io.BytesIO()
        assert bench.base.files.export(written, form=Format.JSON).exported == 5
        first = bench.base.list_entries().entries[-1]
        bench.base.delete(first.id)
        bench.base.restore(first.id)


TOMBSTONES = {
    "a record that is no JSON": "UPDATE tombstone SET record = '{'",
    "a record that is a list": "UPDATE tombstone SET record = '[]'",
    "a record that is empty": "UPDATE tombstone SET record = ''",
    "a record that is no text": f"UPDATE tombstone SET record = {BAD_TEXT}",
    "a record without an entry": "UPDATE tombstone SET record = '{}'",
    "an entry that is a text": 'UPDATE tombstone SET record = \'{"entry": "x"}\'',
    "links of two": "UPDATE tombstone SET record = json_set(record, '$.links', json('[[1, 2]]'))",
    "links of a type that there is not": 'UPDATE tombstone SET record = json_set(record, \'$.links\', json(\'[["a","b","c","d"]]\'))',
    "an origin of one": "UPDATE tombstone SET record = json_set(record, '$.origin', json('[\"/a.md\"]'))",
    "an origin whose hash is none": 'UPDATE tombstone SET record = json_set(record, \'$.origin\', json(\'["/a.md", "zz", ""]\'))',
    "a type that there is not": "UPDATE tombstone SET type = 'gotcha'",
    "a type that is no text": f"UPDATE tombstone SET type = {BAD_TEXT}",
    "a title that is no text": f"UPDATE tombstone SET title = {BAD_TEXT}",
    "a time that is none": "UPDATE tombstone SET deleted_at = 'yesterday'",
}


@pytest.mark.parametrize("name", TOMBSTONES)
def test_a_damaged_tombstone_stands_in_nobodys_way(path, tmp_path, name):
    with opened(path) as bench:
        hurt, whole = bench.base.deleted()
    hit(path, TOMBSTONES[name] + f" WHERE id = '{hurt.id}'")
    with opened(path) as bench:
        assert whole.id in [each.id for each in bench.base.deleted()]
        with pytest.raises(DatabaseCorrupt) as raised:
            bench.base.restore(hurt.id)
        assert "rekall check --repair" in raised.value.hint
        written = io.BytesIO()
        assert bench.base.files.export(written, form=Format.JSON).exported == 5
        note = tmp_path / "note.md"
        note.write_text("# a note\n\ntext\n")
        assert bench.base.files.import_paths([str(note)]).added == 1
        assert bench.base.restore(whole.id).entry.title == whole.title
        assert bench.base.count() == 7


SPACES = {
    "more dimensions": "UPDATE space SET dim = dim + 1",
    "no dimension": "UPDATE space SET dim = 0",
    "fewer than none": "UPDATE space SET dim = -7",
    "very many": "UPDATE space SET dim = 9223372036854775807",
    "a state that there is not": "UPDATE space SET active = 7",
    "a name that is no text": f"UPDATE space SET model = {BAD_TEXT}",
    "a fingerprint that is no text": f"UPDATE space SET fingerprint = {BAD_TEXT}",
    "another fingerprint": "UPDATE space SET fingerprint = 'zebra'",
    "a time that is none": "UPDATE space SET created_at = ''",
    "a spread of nothing": "UPDATE space SET spread = 0.0",
    "an endless spread": "UPDATE space SET spread = 9e999",
    "vectors that are cut": "UPDATE vectors_1 SET vector = substr(vector, 1, 7)",
    "empty vectors": "UPDATE vectors_1 SET vector = x''",
    "vectors of nothing but ones": "UPDATE vectors_1 SET vector = replace(hex(vector), hex(vector), '') || x'ffffffff'",
    "signs that are cut": "UPDATE signs_1 SET bits = x'00'",
    "passages of nobody": "UPDATE passage SET entry_key = 77 WHERE id = 1",
}


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("backend", ["auto", "numpy"])
def test_damaged_vectors_leave_the_words(path, name, backend):
    with contextlib.suppress(apsw.ConstraintError):
        hit(path, SPACES[name])
    bench = make_bench(path, backend)
    try:
        assert len(bench.base.search("zebra number3", Filters(), Mode.HYBRID).hits) >= 1
        assert bench.base.search("zebra number3", Filters(), Mode.WORDS).hits[0].entry.title == "zebra number3"
        assert bench.base.add(Draft(EntryType.TIL, "one more zebra")).entry
        bench.base.index.status()
        bench.base.stats()
        assert bench.base.list_entries().total == 6
    finally:
        bench.base.close()
