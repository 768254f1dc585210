"""Two bases and a folder: whoever changed what, both end equal, and nothing is lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.synced import Side, file_of, settle, sides

from rekall.errors import InvalidInput, NotFound, StorageError
from rekall.store.past import Operation
from rekall.sync.folder import alone, root_of
from rekall.sync.reports import What


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.fixture
def both(folder: Path) -> list[Side]:
    return sides(folder)


def shared(both: list[Side], title: str = "CORS fails", content: str = "first\nsecond\nthird", **values: object) -> str:
    """An entry that both bases have."""
    entry_id = both[0].add(title, content, **values)
    assert both[0].did() == [("added_there", title)]
    assert both[1].did() == [("added_here", title)]
    return entry_id


# the three defects of import and export over git


def test_changes_of_different_fields_meet_without_a_conflict(both):
    entry_id = shared(both)
    both[0].change(entry_id, add_tags=["safari"])
    both[1].change(entry_id, solution="send the header")
    reports = [side.sync() for side in both]
    assert not any(report.conflicts for report in reports)
    settle(*both)
    assert both[0].entry(entry_id).tags == ("safari",)
    assert both[0].entry(entry_id).solution == "send the header"


def test_a_merge_arrives_at_the_side_that_had_edited(both):
    """The folder holds this side's change and another one: the other one comes in."""
    entry_id = shared(both)
    both[1].change(entry_id, solution="send the header")
    both[1].sync()
    both[0].change(entry_id, add_tags=["safari"])
    both[0].sync()
    both[1].change(entry_id, what_failed="a proxy")
    both[1].sync()
    assert both[1].entry(entry_id).tags == ("safari",)
    settle(*both)


def test_a_deletion_travels_and_the_dead_do_not_return(both, folder):
    entry_id = shared(both)
    both[1].bench.base.delete(entry_id)
    assert both[1].did() == [("deleted_there", "CORS fails")]
    assert not list(folder.glob("*.md"))
    assert both[0].did() == [("deleted_here", "CORS fails")]
    settle(*both)
    assert not both[0].has(entry_id)
    assert not list(folder.glob("*.md"))
    assert both[0].bench.base.restore(entry_id).entry.content == "first\nsecond\nthird"


# merges


def test_lines_of_one_text_are_merged_and_both_ends_get_them(both):
    entry_id = shared(both)
    both[0].change(entry_id, content="zero\nfirst\nsecond\nthird")
    both[1].change(entry_id, content="first\nsecond\n3rd")
    settle(*both)
    assert both[0].entry(entry_id).content == "zero\nfirst\nsecond\n3rd"


def test_items_and_links_merge_as_sets(both):
    entry_id = shared(both, tags=["a", "b"])
    other = both[0].add("other")
    settle(*both)
    both[0].change(entry_id, add_tags=["c"], remove_tags=["a"])
    both[0].bench.base.link(entry_id, other, "related", "see there")
    both[1].change(entry_id, add_tags=["d"])
    both[1].bench.base.link(entry_id, other, "derived_from", "made of it")
    settle(*both)
    assert set(both[0].entry(entry_id).tags) == {"b", "c", "d"}
    links = both[1].bench.base.get(entry_id).links
    assert {(each.link.type.value, each.link.reason) for each in links} == {
        ("related", "see there"),
        ("derived_from", "made of it"),
    }


def test_both_changed_the_same_line_so_mine_stays_and_theirs_is_kept(both):
    entry_id = shared(both)
    both[0].change(entry_id, title="CORS fails on Safari")
    both[1].change(entry_id, title="CORS fails on iOS")
    both[0].sync()
    report = both[1].sync()
    conflict = report.conflicts[0]
    assert (conflict.entry_id, conflict.fields) == (entry_id, ("title",))
    assert both[1].entry(entry_id).title == "CORS fails on iOS"
    kept = both[1].bench.base.get(conflict.kept_as)
    assert kept.entry.title == "CORS fails on Safari"
    assert [(each.link.type.value, each.link.reason) for each in kept.links] == [
        ("contradicts", "both were changed: title")
    ]
    settle(*both)
    assert both[0].entry(conflict.kept_as).title == "CORS fails on Safari"


def test_what_one_side_emptied_and_the_other_changed_stays(both):
    entry_id = shared(both)
    both[0].change(entry_id, content="")
    both[1].change(entry_id, content="first\nsecond\n3rd")
    settle(*both)
    assert both[0].entry(entry_id).content == "first\nsecond\n3rd"


def test_a_first_meeting_of_two_bases_that_have_the_same_entry(both, folder):
    """Nobody knows what both began with: nothing that one of them says is lost."""
    entry_id = shared(both, tags=["a"])
    left, right = both
    left.bench.base.sync.forget(folder)
    right.bench.base.sync.forget(folder)
    shutil.rmtree(folder)
    folder.mkdir()
    left.change(entry_id, add_tags=["b"], solution="one")
    right.change(entry_id, add_tags=["c"], content="first\nsecond\nthird\nfourth")
    left.sync()
    assert not right.sync().conflicts
    settle(*both)
    entry = left.entry(entry_id)
    assert (set(entry.tags), entry.solution) == ({"a", "b", "c"}, "one")
    assert entry.content == "first\nsecond\nthird\nfourth"


def test_an_older_file_at_a_first_meeting_is_only_older(both, folder):
    entry_id = shared(both)
    left = both[0]
    left.bench.base.sync.forget(folder)
    left.change(entry_id, content="all\nnew", title="New")
    report = left.sync()
    assert not report.conflicts
    settle(*both)
    assert both[1].entry(entry_id).content == "all\nnew"


# deletions and restorations


def test_what_was_edited_on_one_side_and_deleted_on_the_other_stays(both):
    entry_id = shared(both)
    both[0].bench.base.delete(entry_id)
    both[1].change(entry_id, solution="send the header")
    both[0].sync()
    assert both[1].did() == [("kept", "CORS fails")]
    assert both[0].did() == [("restored_here", "CORS fails")]
    assert both[0].entry(entry_id).solution == "send the header"
    settle(*both)


def test_the_edit_may_be_in_the_folder_and_the_deletion_here(both):
    entry_id = shared(both)
    both[0].change(entry_id, solution="send the header")
    both[0].sync()
    both[1].bench.base.delete(entry_id)
    assert both[1].did() == [("kept", "CORS fails")]
    assert both[1].entry(entry_id).solution == "send the header"
    settle(*both)


def test_a_restoration_travels(both):
    entry_id = shared(both)
    both[0].bench.base.delete(entry_id)
    settle(*both)
    both[1].bench.base.restore(entry_id)
    assert both[1].did() == [("restored_there", "CORS fails")]
    assert both[0].did() == [("restored_here", "CORS fails")]
    settle(*both)


def test_what_was_deleted_for_ever_leaves_no_word_in_the_folder(both, folder):
    entry_id = shared(both, "Xylophone", "quetzal")
    other = both[0].add("other")
    both[0].bench.base.link(other, entry_id, "related", "zeppelin")
    settle(*both)
    both[0].bench.base.delete(entry_id, forever=True)
    assert ("deleted_there", entry_id) in [(change.what.value, change.entry_id) for change in both[0].sync().changes]
    said = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()).lower()
    assert not any(word in said for word in (b"xylophone", b"quetzal", b"zeppelin"))
    settle(*both)


def test_a_base_forgets_what_a_folder_said_of_what_it_erased(both, folder):
    entry_id = shared(both, "Xylophone", "quetzal")
    agreements = both[0].bench.store.agreements
    number = agreements.folders()[0].number
    assert agreements.states(number, [entry_id])[entry_id]
    both[0].bench.base.delete(entry_id, forever=True)
    assert not agreements.states(number, [entry_id])[entry_id]


def test_a_file_that_somebody_deletes_is_a_deletion(both, folder):
    entry_id = shared(both)
    file_of(folder, entry_id).unlink()
    assert both[0].did() == [("deleted_here", "CORS fails")]
    assert both[1].did() == [("deleted_here", "CORS fails")]
    settle(*both)


def test_a_link_whose_target_was_deleted_comes_back_with_it(both):
    entry_id = shared(both)
    other = both[0].add("other")
    both[0].bench.base.link(other, entry_id, "related", "why it matters")
    settle(*both)
    both[1].bench.base.delete(entry_id)
    settle(*both)
    both[0].bench.base.restore(entry_id)
    settle(*both)
    for side in both:
        assert [each.link.reason for each in side.bench.base.get(other).links] == ["why it matters"]


def test_successors_travel_and_so_does_taking_them_back(both):
    old, new = shared(both, "old"), both[0].add("new")
    settle(*both)
    both[0].bench.base.deprecate(old, new, "moved on")
    settle(*both)
    assert both[1].entry(old).superseded_by == new
    assert both[1].entry(old).status.value == "obsolete"
    both[1].change(old, status="active")
    settle(*both)
    assert both[0].entry(old).superseded_by is None
    assert not both[0].bench.base.get(new).links


# files


def test_a_moved_file_is_the_same_entry(both, folder):
    entry_id = shared(both)
    (folder / "sub").mkdir()
    file_of(folder, entry_id).rename(folder / "sub" / "Any name.md")
    assert both[0].did() == [("moved", "CORS fails")]
    both[0].change(entry_id, solution="send the header")
    settle(*both)
    assert file_of(folder, entry_id) == folder / "sub" / "Any name.md"


def test_a_moved_and_changed_file_is_the_same_entry(both, folder):
    entry_id = shared(both)
    path = file_of(folder, entry_id)
    (folder / "b.md").write_text(path.read_text().replace("second", "2nd"))
    path.unlink()
    assert both[0].did() == [("changed_here", "CORS fails")]
    assert both[0].entry(entry_id).content == "first\n2nd\nthird"
    settle(*both)


def test_a_file_keeps_its_name_when_the_title_changes(both, folder):
    entry_id = shared(both)
    name = file_of(folder, entry_id).name
    both[0].change(entry_id, title="Something else")
    settle(*both)
    assert file_of(folder, entry_id).name == name


def test_no_time_of_change_stands_in_a_file_and_a_merge_touches_few_lines(both, folder):
    entry_id = shared(both, tags=["b", "a"])
    path = file_of(folder, entry_id)
    before = path.read_text().split("\n")
    assert "updated" not in path.read_text()
    both[0].change(entry_id, add_tags=["c"])
    both[0].sync()
    after = path.read_text().split("\n")
    assert [line for line in after if line not in before] == ["- c"]
    assert "\r" not in path.read_text()


def test_a_second_run_writes_nothing_and_reads_nothing(both, folder, monkeypatch):
    shared(both)
    old = 1_700_000_000
    for path in folder.glob("*.md"):
        os.utime(path, (old, old))
    both[0].sync()
    monkeypatch.setattr("rekall.sync.reading.read_whole", lambda *_: pytest.fail("it was read"))
    report = both[0].sync()
    assert (report.changes, report.unchanged) == ((), 1)


def test_a_change_in_the_same_second_and_of_the_same_size_is_noticed(both, folder):
    entry_id = shared(both)
    path = file_of(folder, entry_id)
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b"second", b"SECOND"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    both[0].sync()
    assert both[0].entry(entry_id).content == "first\nSECOND\nthird"


def test_two_files_with_one_id_that_say_the_same_are_left_alone(both, folder):
    entry_id = shared(both)
    shutil.copy(file_of(folder, entry_id), folder / "Copy of it.md")
    report = both[0].sync()
    assert [each.path for each in report.left_alone] == ["Copy of it.md"]
    assert not report.changes


def test_a_copy_that_somebody_changed_becomes_an_entry_of_its_own(both, folder):
    entry_id = shared(both)
    text = file_of(folder, entry_id).read_text()
    (folder / "Copy of it.md").write_text(text.replace("second", "2nd"))
    both[0].sync()
    settle(*both)
    assert {entry["content"] for entry in both[1].says().values()} == {"first\nsecond\nthird", "first\n2nd\nthird"}


def test_a_dry_run_says_what_would_be_done_and_does_nothing(both, folder):
    entry_id = both[0].add("one")
    report = both[0].sync(is_dry=True)
    assert report.is_dry
    assert [(change.entry_id, change.what) for change in report.changes] == [(entry_id, What.ADDED_THERE)]
    assert not list(folder.iterdir())
    assert not both[0].bench.base.sync.folders()


def test_changes_are_recorded_as_a_sync_by_their_authors(both, folder):
    one, two = shared(both, "one"), shared(both, "two")
    both[0].change(one, solution="1")
    both[0].change(two, solution="2")
    both[0].sync()
    authors = {file_of(folder, one): "Ada", file_of(folder, two): None}
    both[1].sync(author_of=authors.get)
    done: list[Operation] = both[1].bench.base.past.operations(2)
    assert {(each.verb, each.client, each.source) for each in done} == {
        ("sync", "Ada", str(folder)),
        ("sync", "", str(folder)),
    }
    both[1].bench.base.past.undo()
    both[1].bench.base.past.undo()
    assert not both[1].entry(one).solution
    settle(*both)
    assert not both[0].entry(one).solution


def test_secrets_are_not_written_unless_told(both, folder):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2
    entry_id = both[0].add("token", f"use {secret[:40]}")
    report = both[0].sync()
    assert [refused.path for refused in report.refused] == ["token"]
    assert "secret" in report.refused[0].why
    assert not list(folder.glob("*.md"))
    both[0].sync(with_secrets=True)
    assert file_of(folder, entry_id)
    assert not both[1].sync().refused
    both[1].change(entry_id, add_tags=["x"])
    assert not both[1].sync().refused, "the file holds it already"
    settle(*both)


# the folder


def test_an_empty_folder_where_entries_were_is_not_taken_for_deletions(both, folder):
    entry_id = shared(both)
    shutil.rmtree(folder)
    with pytest.raises(NotFound):
        both[0].sync()
    folder.mkdir()
    with pytest.raises(InvalidInput, match="would be deleted"):
        both[0].sync()
    assert both[0].has(entry_id)
    both[0].sync(allow_many_deletions=True)
    assert not both[0].has(entry_id)


@pytest.mark.parametrize("stray", [False, True])
def test_a_folder_that_is_not_mounted_is_none_whatever_changed_here(both, folder, stray):
    ids = [both[0].add(f"note {number}") for number in range(4)]
    settle(*both)
    shutil.rmtree(folder)
    folder.mkdir()
    if stray:
        (folder / "stray.md").write_text("# Stray\n")
    both[0].change(ids[0], content="changed here")
    both[0].add("new here")
    before = both[0].says()
    with pytest.raises(InvalidInput, match="4 notes were in the folder"):
        both[0].sync()
    assert both[0].says() == before
    assert {path.name for path in folder.rglob("*.md")} == ({"stray.md"} if stray else set())


def test_what_was_changed_here_counts_among_what_a_folder_has_lost(both, folder):
    ids = [both[0].add(f"note {number}") for number in range(16)]
    settle(*both)
    for path in folder.glob("*.md"):
        path.unlink()
    for entry_id in ids[:8]:
        both[0].change(entry_id, content="changed here")
    with pytest.raises(InvalidInput, match="8 of 16"):
        both[0].sync()
    assert len(both[0].says()) == 16


def test_the_deletion_of_more_than_half_is_refused_unless_told(both, folder):
    for number in range(12):
        both[0].add(f"note {number}")
    settle(*both)
    for path in sorted(folder.glob("*.md"))[:11]:
        path.unlink()
    with pytest.raises(InvalidInput, match="11 of 12"):
        both[1].sync()
    with pytest.raises(InvalidInput, match="11 of 12"):
        both[1].sync(is_dry=True)
    assert len(both[1].says()) == 12
    both[1].sync(allow_many_deletions=True)
    assert len(both[1].says()) == 1


def test_a_folder_is_known_wherever_it_lies(both, folder, tmp_path):
    entry_id = shared(both)
    folder.rename(tmp_path / "elsewhere")
    both[0].folder = tmp_path / "elsewhere"
    both[0].change(entry_id, title="Changed")
    assert both[0].did() == [("changed_there", "Changed")]
    assert [each.place for each in both[0].bench.base.sync.folders()] == [str(tmp_path / "elsewhere")]


def test_a_copy_of_a_folder_is_another_folder(both, folder, tmp_path):
    """What the copy says is older than what was agreed with the first one since, and no change."""
    entry_id = shared(both)
    shutil.copytree(folder, tmp_path / "copy")
    both[0].change(entry_id, title="Changed", content="other\nlines")
    both[0].sync()
    both[0].folder = tmp_path / "copy"
    both[0].sync()
    assert both[0].entry(entry_id).title == "Changed"
    assert len(both[0].bench.base.sync.folders()) == 2
    assert "Changed" in file_of(tmp_path / "copy", entry_id).read_text()
    both[0].folder = folder
    settle(*both)


def test_two_bases_that_make_a_folder_at_once_know_the_same_folder(folder):
    left, right = sides(folder)
    entry_id = left.add("one")
    left.sync()
    (first,) = (folder / ".rekall" / "ids").iterdir()
    held = first.read_bytes()
    first.unlink()
    right.sync()
    first.write_bytes(held)  # it comes over the share only now
    assert len(list((folder / ".rekall" / "ids").iterdir())) == 2
    left.change(entry_id, title="two")
    assert left.did() == [("changed_there", "two")]
    assert right.did() == [("changed_here", "two")]
    settle(left, right)
    assert len(left.bench.base.sync.folders()) == len(right.bench.base.sync.folders()) == 1


def test_one_process_at_a_time_syncs_a_folder(both, folder, monkeypatch):
    monkeypatch.setattr("rekall.sync.folder._WAIT_S", 0.01)
    with alone(root_of(folder)), pytest.raises(StorageError, match="another Rekall"):
        both[0].sync()
    both[0].sync()
    assert not list((folder / ".rekall").glob(".*"))


def test_a_file_in_the_place_of_the_folder_is_refused(both, folder):
    folder.rmdir()
    folder.write_text("")
    with pytest.raises(InvalidInput, match="is a file"):
        both[0].sync()


def test_what_is_the_same_at_a_first_meeting_is_counted(both, folder):
    shared(both)
    both[0].bench.base.sync.forget(folder)
    for is_dry in (True, False, False):
        report = both[0].sync(is_dry=is_dry)
        assert not report.changes
        assert report.unchanged == 1


def test_folders_are_listed_and_forgotten(both, folder):
    shared(both)
    (known,) = both[0].bench.base.sync.folders()
    assert (known.place, known.entries, known.synced_at) == (str(folder), 1, both[0].bench.clock.now())
    both[0].bench.base.sync.forget(folder)
    assert not both[0].bench.base.sync.folders()
    with pytest.raises(NotFound):
        both[0].bench.base.sync.forget(folder)
