"""What supersedes what is known from links alone; status and successor agree whichever door changes one of them."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Bench, all_links, make_bench

from rekall.entry.changes import Changes
from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType, Link, LinkType, Reference, Status
from rekall.errors import InvalidInput
from rekall.exchange.editing import edited_draft, text_to_edit
from rekall.knowledge.disagreement import Clash
from rekall.knowledge.open_pairs import IN_A_ROUND
from rekall.store.schema import MIGRATIONS

SUPERSEDES = LinkType.SUPERSEDES


@pytest.fixture
def pair(bench: Bench) -> tuple[Entry, Entry]:
    """An old note and a new one."""
    return tuple(bench.base.add(Draft(EntryType.TIL, title)).entry for title in ("old", "new"))  # type: ignore[return-value]


def said(bench: Bench, entry: Entry) -> tuple[Status, str | None, int]:
    """Status, successor, and how many links say that it is superseded."""
    view = bench.base.get(entry.id)
    assert (view.successor and view.successor.id) == view.entry.superseded_by
    incoming = [line for line in view.links if line.link.type is SUPERSEDES and not line.is_outgoing]
    return view.entry.status, view.entry.superseded_by, len(incoming)


WAYS: dict[str, Callable[[Bench, Entry, Entry], object]] = {
    "link": lambda bench, old, new: bench.base.link(new.id, old.id, "supersedes"),
    "deprecate": lambda bench, old, new: bench.base.deprecate(old.id, new.id),
    "change": lambda bench, old, new: bench.base.change(old.id, superseded_by=new.id[:12].lower()),
    "editor": lambda bench, old, new: bench.base.edit(
        old, edited_draft(text_to_edit(old).replace("project:", f"superseded_by: {new.id}"), old.type)
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_supersede_makes_a_link_and_an_obsolete_entry(bench, pair, way):
    old, new = pair
    WAYS[way](bench, old, new)
    assert said(bench, old) == (Status.OBSOLETE, new.id, 1)
    assert bench.base.get(old.id).successor == Reference(new.id, "new")
    assert [line.phrase for line in bench.base.get(new.id).links] == ["supersedes"]
    assert [line.phrase for line in bench.base.get(old.id).links] == ["superseded by"]


@pytest.mark.parametrize("way", WAYS)
def test_removing_the_link_makes_it_active_again(bench, pair, way):
    old, new = pair
    WAYS[way](bench, old, new)
    assert bench.base.unlink(new.id, old.id) == 1
    assert said(bench, old) == (Status.ACTIVE, None, 0)


@pytest.mark.parametrize("way", WAYS)
def test_making_it_active_removes_the_link(bench, pair, way):
    old, new = pair
    WAYS[way](bench, old, new)
    bench.base.change(old.id, status="active")
    assert said(bench, old) == (Status.ACTIVE, None, 0)


def test_the_editor_makes_it_active_although_the_text_still_names_the_successor(bench, pair):
    old, new = pair
    now = bench.base.change(old.id, superseded_by=new.id).entry
    text = text_to_edit(now)
    assert "status: obsolete" in text
    saved = bench.base.edit(now, edited_draft(text.replace("status: obsolete", "status: active"), now.type))
    assert (saved.entry.status, saved.entry.superseded_by) == (Status.ACTIVE, None)
    assert said(bench, old) == (Status.ACTIVE, None, 0)


def test_taking_the_successor_away_leaves_it_obsolete(bench, pair):
    old, new = pair
    bench.base.change(old.id, superseded_by=new.id)
    bench.base.change(old.id, superseded_by=None)
    assert said(bench, old) == (Status.OBSOLETE, None, 0)


def test_of_several_successors_the_latest_is_named_and_the_others_stay(bench, pair):
    old, new = pair
    third = bench.base.add(Draft(EntryType.TIL, "third")).entry
    bench.base.link(new.id, old.id, "supersedes", "first")
    bench.clock.elapsed_s += 5
    bench.base.link(third.id, old.id, "supersedes", "second")
    assert said(bench, old) == (Status.OBSOLETE, third.id, 2)
    bench.base.unlink(third.id, old.id)
    assert said(bench, old) == (Status.OBSOLETE, new.id, 1)
    bench.base.unlink(new.id, old.id)
    assert said(bench, old) == (Status.ACTIVE, None, 0)


def test_other_links_change_nothing(bench, pair):
    old, new = pair
    for kind in LinkType:
        if kind is not SUPERSEDES:
            bench.base.link(new.id, old.id, kind)
    assert said(bench, old) == (Status.ACTIVE, None, 0)
    assert bench.base.unlink(new.id, old.id) == 3
    assert said(bench, old) == (Status.ACTIVE, None, 0)


def test_an_obsolete_entry_that_loses_another_kind_of_link_stays_obsolete(bench, pair):
    old, new = pair
    bench.base.deprecate(old.id)
    bench.base.link(new.id, old.id)
    bench.base.unlink(new.id, old.id)
    assert said(bench, old) == (Status.OBSOLETE, None, 0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("steps", [0, 2])
def test_no_way_lets_an_entry_supersede_what_supersedes_it(bench, pair, way, steps):
    old, new = pair
    chain = [old, *(bench.base.add(Draft(EntryType.TIL, f"step {n}")).entry for n in range(steps)), new]
    for before, after in itertools.pairwise(chain):
        bench.base.link(after.id, before.id, "supersedes")
    other = bench.base.add(Draft(EntryType.TIL, "the latest successor, which is none of the chain")).entry
    bench.base.link(other.id, old.id, "supersedes")
    links = all_links(bench.store)
    with pytest.raises(InvalidInput, match="'old' is superseded by this one"):
        WAYS[way](bench, bench.base.get(new.id).entry, old)
    assert all_links(bench.store) == links
    assert said(bench, new) == (Status.ACTIVE, None, 0)
    bench.base.change(old.id, status="active")
    WAYS[way](bench, bench.base.get(new.id).entry, old)
    assert said(bench, new) == (Status.OBSOLETE, old.id, 1)


def test_a_round_that_a_source_brings_is_stored_told_and_can_be_opened(bench, pair, tmp_path: Path):
    old, new = pair
    third = bench.base.add(Draft(EntryType.TIL, "third")).entry
    records = [
        {"id": each.id, "title": each.title, "superseded_by": after.id}
        for each, after in ((old, new), (new, third), (third, old))
    ]
    file = tmp_path / "notes.jsonl"
    file.write_text("\n".join(map(json.dumps, records)))
    bench.base.files.import_paths([file])
    assert [said(bench, each)[0] for each in (old, new, third)] == [Status.OBSOLETE] * 3
    found = bench.base.conflicts.find(clashes=[Clash.CONTRADICTS])
    assert {each.reason for each in found.pairs} == {IN_A_ROUND}
    assert {end.id for each in found.pairs for end in (each.one, each.other)} == {old.id, new.id, third.id}
    assert bench.base.conflicts.find(ids=[old.id]).pairs != ()
    assert bench.base.conflicts.find(Filters(project="none such")).pairs == ()
    bench.base.change(new.id, status="active")
    assert bench.base.conflicts.find().pairs == ()
    assert said(bench, old) == (Status.OBSOLETE, new.id, 1)


@pytest.mark.parametrize("name", ["out.jsonl", "folder"])
def test_export_and_import_keep_one_truth(bench, pair, tmp_path: Path, name):
    old, new = pair
    bench.base.link(new.id, old.id, "supersedes", "it broke")
    bench.base.files.export(tmp_path / name)
    other = make_bench()
    report = other.base.files.import_paths([tmp_path / name])
    assert (report.added, report.lost_links) == (2, 0)
    assert said(other, old) == (Status.OBSOLETE, new.id, 1)
    assert all_links(other.store) == [Link(new.id, old.id, SUPERSEDES, "it broke")]
    again = other.base.files.import_paths([tmp_path / name])
    assert (again.unchanged, again.updated, again.kept) == (2, 0, [])
    other.base.close()


def test_a_file_that_says_it_holds_again_removes_the_link(bench, pair, tmp_path: Path):
    old, new = pair
    bench.base.link(new.id, old.id, "supersedes")
    bench.base.files.export(tmp_path / "notes")
    other = make_bench()
    other.base.files.import_paths([tmp_path / "notes"])
    (file,) = [path for path in (tmp_path / "notes").iterdir() if old.id[-8:].lower() in path.name]
    lines = [line for line in file.read_text().splitlines() if not line.startswith(("status:", "superseded_by:"))]
    file.write_text("\n".join(lines) + "\n")
    assert other.base.files.import_paths([file]).updated == 1
    assert said(other, old) == (Status.ACTIVE, None, 0)
    other.base.close()


def test_a_link_in_a_file_alone_makes_its_target_obsolete_and_not_edited_here(bench, tmp_path: Path):
    ids = ["01" + letter * 24 for letter in "AB"]
    records = [
        {"id": ids[0], "title": "old", "content": "x"},
        {"id": ids[1], "title": "new", "content": "y", "links": [{"target": ids[0], "type": "supersedes"}]},
    ]
    file = tmp_path / "notes.jsonl"
    file.write_text("\n".join(map(json.dumps, records)))
    bench.base.files.import_paths([file])
    entry = bench.base.get(ids[0]).entry
    assert (entry.status, entry.superseded_by) == (Status.OBSOLETE, ids[1])
    records[0]["content"] = "changed in the file"
    file.write_text("\n".join(map(json.dumps, records)))
    report = bench.base.files.import_paths([file])
    assert (report.updated, report.kept) == (1, [])


def test_a_tombstone_of_an_earlier_schema_brings_its_successions_back(bench, pair):
    """Rekall 0.1 kept them beside the links: a list of ids, and the successor among the fields."""
    old, new = pair
    bench.base.deprecate(old.id, new.id)
    bench.base.delete(new.id)
    record = bench.store.tombstones.record(new.id)
    assert record is not None
    with bench.store.transaction():
        links = [link for link in record["links"] if link[2] != "supersedes"]
        bench.store.tombstones.replace(new.id, {**record, "links": links, "superseded": [old.id]})
    bench.base.restore(new.id)
    assert said(bench, old) == (Status.OBSOLETE, new.id, 1)
    bench.base.delete(old.id)
    record = bench.store.tombstones.record(old.id)
    assert record is not None
    with bench.store.transaction():
        bench.store.tombstones.replace(old.id, {**record, "links": [], "superseded": []})
    bench.base.restore(old.id)
    assert said(bench, old) == (Status.OBSOLETE, new.id, 1)


def test_the_change_is_one_operation_also_over_changes(bench, pair):
    old, new = pair
    both = Changes.of(status="obsolete", superseded_by=new.id, title="older")
    saved = bench.base.change(old.id, both)
    assert (saved.entry.title, saved.entry.superseded_by) == ("older", new.id)
    assert said(bench, old) == (Status.OBSOLETE, new.id, 1)


def test_the_schema_knows_no_successor_column():
    assert "superseded_by TEXT" in MIGRATIONS[0]
    assert "superseded_by" not in MIGRATIONS[2].split("CREATE TABLE entry_now")[1]


def folder_of(path: Path, **files: str) -> Path:
    """Markdown files, each with front matter."""
    path.mkdir(exist_ok=True)
    for name, head in files.items():
        (path / f"{name}.md").write_text(f"---\ntitle: {name}\n{head}---\ntext of {name}\n")
    return path


OLD, NEW = "01" + "A" * 24, "01" + "B" * 24


def grow(file: Path) -> None:
    file.write_text(file.read_text() + "one more line\n")


def told(bench: Bench, entry_id: str) -> tuple[str, str | None, list[str]]:
    view = bench.base.get(entry_id)
    reasons = [line.link.reason for line in view.links if not line.is_outgoing]
    return view.entry.status.value, view.entry.superseded_by, reasons


def test_a_file_that_names_its_successor_says_so_at_every_import(bench, tmp_path: Path):
    notes = folder_of(tmp_path / "notes", new=f"id: {NEW}\n", old=f"id: {OLD}\nsuperseded_by: {NEW}\n")
    bench.base.files.import_paths(notes)
    for _ in range(3):
        assert told(bench, OLD) == ("obsolete", NEW, [""])
        grow(notes / "old.md")
        assert bench.base.files.import_paths([notes]).updated == 1


def test_a_link_in_one_file_stays_when_the_other_file_changes(bench, tmp_path: Path):
    link = f"links:\n- target: {OLD}\n  type: supersedes\n  reason: why\n"
    notes = folder_of(tmp_path / "notes", new=f"id: {NEW}\n{link}", old=f"id: {OLD}\n")
    bench.base.files.import_paths([notes])
    for _ in range(2):
        assert told(bench, OLD) == ("obsolete", NEW, ["why"])
        grow(notes / "old.md")
        report = bench.base.files.import_paths([notes])
        assert (report.updated, report.kept) == (1, [])


def test_a_reason_survives_the_file_that_does_not_know_it(bench, tmp_path: Path):
    link = f"links:\n- target: {OLD}\n  type: supersedes\n  reason: why\n"
    stated = f"id: {OLD}\nstatus: obsolete\nsuperseded_by: {NEW}\n"
    notes = folder_of(tmp_path / "notes", new=f"id: {NEW}\n{link}", old=stated)
    bench.base.files.import_paths([notes])
    grow(notes / "old.md")
    assert bench.base.files.import_paths([notes]).updated == 1
    assert told(bench, OLD) == ("obsolete", NEW, ["why"])


def test_a_link_made_here_does_not_keep_a_changed_file_out(bench, tmp_path: Path):
    notes = folder_of(tmp_path / "notes", new=f"id: {NEW}\n", old=f"id: {OLD}\n")
    bench.base.files.import_paths([notes])
    bench.base.link(NEW, OLD, "supersedes", "said here")
    grow(notes / "old.md")
    report = bench.base.files.import_paths([notes])
    assert (report.updated, report.kept) == (1, [])
    assert told(bench, OLD) == ("obsolete", NEW, ["said here"])


def test_the_successor_that_is_named_last_holds_and_keeps_its_reason(bench, pair):
    old, new = pair
    others = [bench.base.add(Draft(EntryType.TIL, title)).entry for title in ("x", "y")]
    for entry in (new, *others):  # all in one second
        bench.base.link(entry.id, old.id, "supersedes", f"as {entry.title} says")
    assert bench.base.change(old.id, superseded_by=new.id).entry.superseded_by == new.id
    links = {line.other.title: line.link.reason for line in bench.base.get(old.id).links}
    assert links["new"] == "as new says"
    bench.base.link(others[0].id, old.id, "supersedes")
    assert said(bench, old)[1] == others[0].id


@pytest.mark.parametrize("way", ["restore", "export"])
def test_which_successor_holds_survives(bench, pair, tmp_path: Path, way):
    old, new = pair
    third = bench.base.add(Draft(EntryType.TIL, "third")).entry
    bench.base.link(third.id, old.id, "supersedes")
    bench.base.link(new.id, old.id, "supersedes")  # created before the third
    other = bench
    if way == "restore":
        bench.base.delete(old.id)
        bench.base.restore(old.id)
    else:
        bench.base.files.export(tmp_path / "out.jsonl")
        other = make_bench()
        other.base.files.import_paths([tmp_path / "out.jsonl"])
    assert said(other, old) == (Status.OBSOLETE, new.id, 2)
