"""The same notes again and again: which entry each is, what changed on either side, what is gone, and which note a link means."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support import Bench, all_links, ask, make_bench, systems

from rekall.entry.changes import Changes
from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType, Link, LinkType, Status
from rekall.exchange.markdown_writing import to_markdown
from rekall.knowledge.import_report import ImportReport
from rekall.knowledge.origins import THEIRS, source_file
from rekall.search.results import Mode

ONE, TWO = "01HF7YAT000000000000000001", "01HF7YAT000000000000000002"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "notes"
    made.mkdir()
    return made


@pytest.fixture
def again(bench, folder) -> Callable[..., ImportReport]:
    """Imports the folder, some time after the last import."""

    def run(*paths: Path, **options) -> ImportReport:
        bench.clock.elapsed_s += 100
        return bench.base.files.import_paths(paths or [folder], **options)

    return run


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8", newline="")
    return path


def lines(path: Path, *records: dict) -> Path:
    return write(path, "".join(json.dumps(record) + "\n" for record in records))


def entries(bench: Bench) -> list[Entry]:
    return sorted(bench.base.list_entries(Filters(), None).entries, key=lambda entry: entry.title)


def titles(bench: Bench) -> list[str]:
    return [entry.title for entry in entries(bench)]


def titled(bench: Bench, title: str) -> Entry:
    (found,) = (entry for entry in entries(bench) if entry.title == title)
    return found


def ids(bench: Bench) -> dict[str, str]:
    return {entry.title: entry.id for entry in entries(bench)}


def links(bench: Bench) -> set[tuple[str, str]]:
    """Links as titles."""
    names = {entry.id: entry.title for entry in entries(bench)}
    return {(names[link.source], names[link.target]) for link in all_links(bench.store)}


def origin(bench: Bench, entry: Entry) -> str:
    key = bench.store.entries.key_of(entry.id)
    assert key is not None
    known = bench.store.origins.of(key)
    return known.path if known else ""


def changes(report: ImportReport) -> tuple[int, int, int]:
    return report.added, report.updated, report.unchanged


def quiet(report: ImportReport) -> bool:
    """Whether an import did nothing and has nothing to say."""
    said = (
        report.refused,
        report.conflicts,
        report.kept,
        report.gone,
        report.problems,
        report.lost_links,
        report.moved,
    )
    return not any((report.added, report.updated, report.deleted, report.pruned, report.embedded, *said))


# records without ids


def test_records_without_ids_are_known_by_what_they_say(bench, folder, again):
    a, b, c = ({"title": name, "content": f"{name} fact"} for name in "ABC")
    path = lines(folder / "facts.jsonl", a, b, c)
    again()
    bench.base.change(titled(bench, "B").id, Changes.of(add_tags=["mine"]))
    bench.base.link(titled(bench, "A").id, titled(bench, "B").id, LinkType.DERIVED_FROM, "A leads to B")
    before = ids(bench)
    lines(path, {"title": "N", "content": "new fact"}, a, b, c)
    report = again()
    assert (changes(report), report.kept, report.conflicts) == ((1, 0, 3), [], [])
    assert {title: known for title, known in ids(bench).items() if title != "N"} == before
    assert {entry.title: entry.content for entry in entries(bench)} == {
        "A": "A fact",
        "B": "B fact",
        "C": "C fact",
        "N": "new fact",
    }
    assert titled(bench, "B").tags == ("mine",)
    assert all_links(bench.store) == [Link(before["A"], before["B"], LinkType.DERIVED_FROM, "A leads to B")]
    assert quiet(again())


@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_records_in_another_order_are_the_same(bench, folder, again, form):
    records = [{"title": f"fact {number}", "content": f"text {number}"} for number in range(6)]
    for each in (records, records[::-1], records[3:] + records[:3]):
        if form == "json":
            write(folder / "facts.json", json.dumps(each))
        else:
            lines(folder / "facts.jsonl", *each)
        again()
        assert len(entries(bench)) == 6
    assert quiet(again())


def test_equal_records_are_as_many_entries_and_settle(bench, folder, again):
    record = {"title": "twice", "content": "the same"}
    lines(folder / "facts.jsonl", record, record, record)
    assert changes(again()) == (3, 0, 0)
    assert quiet(again())
    lines(folder / "facts.jsonl", record, record)
    report = again(prune=True)
    assert (report.pruned, len(entries(bench))) == (1, 2)


def test_a_record_that_changed_is_another_and_the_old_one_is_gone(bench, folder, again):
    lines(folder / "facts.jsonl", {"title": "A", "content": "one"}, {"title": "B", "content": "two"})
    again()
    lines(folder / "facts.jsonl", {"title": "A", "content": "one, mended"}, {"title": "B", "content": "two"})
    report = again()
    assert (changes(report), len(report.gone)) == ((1, 0, 1), 1)
    assert again(prune=True).pruned == 1
    assert [entry.content for entry in entries(bench)] == ["one, mended", "two"]


def test_a_file_of_records_that_moved_keeps_its_entries(bench, folder, again):
    path = lines(folder / "facts.jsonl", {"title": "A", "content": "a"}, {"id": "q7", "title": "B", "content": "b"})
    again()
    before = ids(bench)
    (folder / "deep").mkdir()
    path.rename(folder / "deep" / "moved.jsonl")
    report = again()
    assert (changes(report), report.moved, report.gone) == ((0, 0, 2), 2, [])
    assert ids(bench) == before
    assert quiet(again())


def test_the_number_of_a_record_in_another_file_says_nothing(bench, folder, again):
    path = lines(folder / "first.jsonl", {"id": 1, "title": "A", "content": "alpha"})
    again()
    path.unlink()
    lines(folder / "second.jsonl", {"id": 1, "title": "Z", "content": "zulu"})
    again()
    assert {entry.title: entry.content for entry in entries(bench)} == {"A": "alpha", "Z": "zulu"}


# files that moved


def test_a_renamed_file_is_the_same_entry(bench, folder, again):
    note = write(folder / "beta.md", "# Beta\n\ntext\n")
    again()
    before = entries(bench)
    note.rename(folder / "beta-renamed.md")
    report = again()
    assert (changes(report), report.moved, report.gone) == ((0, 0, 1), 1, [])
    assert entries(bench) == before
    assert origin(bench, before[0]).endswith("beta-renamed.md")
    assert quiet(again())


def test_a_moved_folder_keeps_its_entries_and_their_links(bench, folder, again):
    write(folder / "old" / "a.md", "# A\n\n[[b]]\n")
    write(folder / "old" / "b.md", "# B\n")
    write(folder / "old" / "c.md", "# C\n\n[[a]]\n")
    again()
    before = ids(bench)
    (folder / "old").rename(folder / "new")
    report = again()
    assert (changes(report), report.moved) == ((0, 0, 3), 3)
    assert ids(bench) == before
    assert links(bench) == {("A", "B"), ("C", "A")}
    assert quiet(again())


def test_the_folder_that_was_imported_may_move(bench, folder, again):
    for number in range(3):
        write(folder / f"{number}.md", f"# Note {number}\n")
    again()
    before = ids(bench)
    moved = folder.rename(folder.parent / "elsewhere")
    report = again(moved)
    assert (changes(report), report.moved, ids(bench)) == ((0, 0, 3), 3, before)


def test_a_renamed_file_with_an_id_may_have_changed_too(bench, folder, again):
    note = write(folder / "a.md", "---\nid: 20210304101112\n---\n# A\n\nold text\n")
    again()
    before = ids(bench)
    note.unlink()
    write(folder / "deep" / "b.md", "---\nid: 20210304101112\n---\n# A, renamed\n\nnew text\n")
    report = again()
    assert (changes(report), report.moved) == ((0, 1, 0), 1)
    assert ids(bench) == {"A, renamed": before["A"]}


def test_a_change_of_case_alone_is_a_rename(bench, folder, again):
    note = write(folder / "beta.md", "# Beta\n")
    again()
    before = entries(bench)
    note.rename(folder / "Beta.md")
    assert changes(again()) == (0, 0, 1)
    assert entries(bench) == before
    assert quiet(again())


def test_a_copy_is_an_entry_of_its_own(bench, folder, again):
    note = write(folder / "a.md", "---\nid: zettel-17\n---\n# A\n")
    again()
    shutil.copy(note, folder / "0-copy.md")
    assert changes(again()) == (1, 0, 1)
    note.write_text("---\nid: zettel-17\n---\n# A\n\nchanged\n", "utf-8")
    assert changes(again()) == (0, 1, 1)
    assert sorted(entry.content for entry in entries(bench)) == ["", "changed"]
    assert quiet(again())


def test_two_files_that_change_names_stay_the_notes_they_are(bench, folder, again):
    a, b = write(folder / "a.md", "# A\n\nalpha\n"), write(folder / "b.md", "# B\n\nbeta\n")
    again()
    before = ids(bench)
    bench.base.change(before["A"], Changes.of(add_tags=["mine"]))
    a.rename(folder / "c")
    b.rename(a)
    (folder / "c").rename(b)
    report = again()
    assert (changes(report), report.moved, report.conflicts, report.gone) == ((0, 0, 2), 2, [], [])
    assert ids(bench) == before
    assert (titled(bench, "A").content, titled(bench, "A").tags) == ("alpha", ("mine",))
    assert origin(bench, titled(bench, "A")).endswith("b.md")
    assert quiet(again())


def test_three_files_in_a_ring_stay_the_notes_they_are(bench, folder, again):
    texts = {name: f"# {name}\n\nabout {name}\n" for name in ("A", "B", "C")}
    for name, text in texts.items():
        write(folder / f"{name}.md", text)
    again()
    before = ids(bench)
    for name, other in (("A", "B"), ("B", "C"), ("C", "A")):
        write(folder / f"{name}.md", texts[other])
    assert changes(again()) == (0, 0, 3)
    assert ids(bench) == before
    assert quiet(again())


def test_files_with_ids_that_change_names_and_texts_stay_the_notes_they_are(bench, folder, again):
    for name, number in (("a", "zettel-1"), ("b", "zettel-2")):
        write(folder / f"{name}.md", f"---\nid: {number}\n---\n# Note {number}\n\nold\n")
    again()
    before = ids(bench)
    for name, number in (("a", "zettel-2"), ("b", "zettel-1")):
        write(folder / f"{name}.md", f"---\nid: {number}\n---\n# Note {number}\n\nnew\n")
    assert changes(again()) == (0, 2, 0)
    assert ids(bench) == before


def test_a_note_that_another_one_took_the_name_of_is_found_further_on(bench, folder, again):
    a, b = write(folder / "a.md", "# A\n"), write(folder / "b.md", "# B\n")
    again()
    before = ids(bench)
    b.rename(folder / "c.md")
    a.rename(b)
    report = again()
    assert (changes(report), ids(bench), report.gone) == ((0, 0, 2), before, [])
    assert quiet(again())


def test_a_note_that_was_overwritten_by_another_is_gone(bench, folder, again):
    a, b = write(folder / "a.md", "# A\n"), write(folder / "b.md", "# B\n")
    again()
    before = ids(bench)
    os.replace(a, b)
    report = again()
    assert (changes(report), ids(bench), len(report.gone)) == ((0, 0, 1), before, 1)
    report = again(prune=True)
    assert (report.pruned, ids(bench)) == (1, {"A": before["A"]})
    assert quiet(again(prune=True))


def test_a_file_that_holds_a_note_with_another_id_is_another_entry(bench, folder, again):
    note = write(folder / "inbox.md", "---\nid: zettel-1\n---\n# First\n\none\n")
    again()
    before = ids(bench)
    note.write_text("---\nid: zettel-2\n---\n# Second\n\ntwo\n", "utf-8")
    report = again()
    assert (changes(report), len(report.gone)) == ((1, 0, 0), 1)
    assert ids(bench)["First"] == before["First"]
    assert titled(bench, "First").content == "one"


@pytest.mark.parametrize(
    "text", ["---\nid: post-2\n---\n# First\n\nother text\n", "---\nid: post-2\n---\n# Retitled\n\none\n"]
)
def test_a_note_whose_id_alone_changed_with_a_word_is_the_same(bench, folder, again, text):
    note = write(folder / "inbox.md", "---\nid: post-1\n---\n# First\n\none\n")
    again()
    (before,) = entries(bench)
    note.write_text(text, "utf-8")
    report = again()
    assert (changes(report), report.gone) == ((0, 1, 0), [])
    assert entries(bench)[0].id == before.id


def test_an_exported_note_in_the_place_of_another_is_itself(bench, folder, again):
    made = {name: bench.base.add(Draft(EntryType.TIL, name, f"about {name}")).entry for name in ("A", "B")}
    for name, entry in made.items():
        write(folder / f"{name}.md", to_markdown(entry))
    again()
    write(folder / "A.md", to_markdown(made["B"]))
    write(folder / "B.md", to_markdown(made["A"]))
    again()
    assert ids(bench) == {name: entry.id for name, entry in made.items()}
    assert {entry.title: entry.content for entry in entries(bench)} == {"A": "about A", "B": "about B"}
    assert quiet(again())


# what is gone


def test_a_file_that_is_gone_is_told_and_pruned_when_asked_to(bench, folder, again):
    write(folder / "a.md", "# A\n")
    note = write(folder / "deep" / "b.md", "# B\n")
    again()
    note.unlink()
    assert again().gone == [os.path.normcase(note.resolve())]
    assert titles(bench) == ["A", "B"]
    gone = titled(bench, "B")
    report = again(prune=True)
    assert (report.pruned, titles(bench)) == (1, ["A"])
    assert quiet(again(prune=True))
    assert bench.base.restore(gone.id).entry.title == "B"


def test_a_folder_that_is_gone_is_pruned(bench, folder, again):
    write(folder / "a.md", "# A\n")
    for number in range(3):
        write(folder / "old" / f"{number}.md", f"# {number}\n")
    again()
    shutil.rmtree(folder / "old")
    assert (again(prune=True).pruned, titles(bench)) == (3, ["A"])


def test_what_was_edited_here_is_not_pruned(bench, folder, again):
    write(folder / "a.md", "# A\n")
    note = write(folder / "b.md", "# B\n")
    again()
    bench.base.change(titled(bench, "B").id, Changes.of(add_tags=["mine"]))
    note.unlink()
    report = again(prune=True)
    assert (report.pruned, len(report.kept), titles(bench)) == (0, 1, ["A", "B"])


def test_what_was_pruned_comes_back_when_its_file_does(bench, folder, again):
    write(folder / "a.md", "# A\n\n[[b]]\n")
    note = write(folder / "b.md", "# B\n")
    again()
    before = ids(bench)
    note.unlink()
    again(prune=True)
    write(note, "# B\n")
    report = again(prune=True)
    assert (ids(bench), report.deleted_here, report.restored) == (before, 0, 1)
    assert links(bench) == {("A", "B")}
    assert "B" in [hit.entry.title for hit in ask(bench, "B", Mode.WORDS).hits]
    assert quiet(again(prune=True))


def test_what_was_pruned_comes_back_from_elsewhere_and_changed(bench, folder, again):
    write(folder / "a.md", "# A\n")
    b, c = write(folder / "b.md", "# B\n"), write(folder / "c.md", "# C\n")
    again()
    before = ids(bench)
    b.unlink()
    c.unlink()
    assert again(prune=True).pruned == 2
    write(folder / "deep" / "b.md", "# B\n")
    write(folder / "c.md", "# C\n\nmore\n")
    report = again(prune=True)
    assert (ids(bench), report.restored, changes(report)) == (before, 2, (0, 1, 2))
    assert titled(bench, "C").content == "more"
    assert quiet(again(prune=True))


def test_what_was_pruned_and_restored_by_hand_stays(bench, folder, again):
    write(folder / "a.md", "# A\n")
    note = write(folder / "b.md", "# B\n")
    again()
    gone = titled(bench, "B")
    note.unlink()
    again(prune=True)
    bench.base.restore(gone.id)
    assert quiet(again(prune=True))
    assert titles(bench) == ["A", "B"]


def test_an_empty_folder_loses_nothing(bench, folder, again):
    note = write(folder / "a.md", "# A\n")
    again()
    note.unlink()
    report = again(prune=True)
    assert (titles(bench), report.pruned) == (["A"], 0)
    (refused,) = report.refused
    assert "nothing" in refused.error.message
    assert refused.error.hint


def test_one_of_several_folders_that_is_empty_loses_nothing(bench, folder, again, tmp_path):
    write(folder / "a.md", "# A\n")
    disk = write(tmp_path / "disk" / "b.md", "# B\n").parent
    again(folder, disk)
    shutil.rmtree(disk)
    disk.mkdir()
    report = again(folder, disk, prune=True)
    assert (report.pruned, len(report.refused), titles(bench)) == (0, 1, ["A", "B"])


def test_a_folder_within_another_is_asked_once(bench, folder, again):
    write(folder / "a.md", "# A\n")
    write(folder / "deep" / "b.md", "# B\n")
    note = write(folder / "deep" / "c.md", "# C\n")
    again()
    note.unlink()
    report = again(folder, folder / "deep", prune=True)
    assert (report.pruned, report.refused, titles(bench)) == (1, [], ["A", "B"])


@systems.links
def test_what_a_symbolic_link_led_to_is_pruned_too(bench, folder, again, tmp_path):
    write(folder / "a.md", "# A\n")
    write(tmp_path / "elsewhere" / "b.md", "# B\n")
    note = write(tmp_path / "elsewhere" / "c.md", "# C\n")
    (folder / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    again()
    note.unlink()
    assert len(again().gone) == 1
    assert (again(prune=True).pruned, titles(bench)) == (1, ["A", "B"])
    (folder / "linked").unlink()
    assert (again(prune=True).pruned, titles(bench)) == (0, ["A", "B"])


def test_records_that_are_gone_are_pruned(bench, folder, again):
    path = lines(folder / "facts.jsonl", *({"id": f"f-{name}", "title": name, "content": name} for name in "ABC"))
    again()
    lines(path, {"id": "f-A", "title": "A", "content": "A"}, {"id": "f-C", "title": "C", "content": "C"})
    assert len(again().gone) == 1
    assert (again(prune=True).pruned, titles(bench)) == (1, ["A", "C"])


@pytest.mark.parametrize("name", ["facts.json", "facts, mended.json", "facts.jsonl", "a, b, c.jsonl"])
def test_a_file_that_was_refused_this_time_is_not_gone(bench, folder, again, name):
    write(folder / "plain.md", "# Note of its own\n")
    records = [{"id": f"f-{letter}", "title": letter, "content": letter} for letter in "AB"]
    path = folder / name
    lines(path, *records) if name.endswith("l") else write(path, json.dumps(records))
    again()
    write(path, '{"id": "f-A", "title": "A", "content": "A"}\n{"id": "f-B", "title"')
    report = again(prune=True)
    assert report.refused
    assert (report.pruned, titles(bench)) == (0, ["A", "B", "Note of its own"])


def test_what_a_file_without_a_byte_held_is_not_gone(bench, folder, again):
    write(folder / "plain.md", "# Note of its own\n")
    path = lines(folder / "facts.jsonl", {"title": "A", "content": "a"})
    again()
    path.write_bytes(b"")
    report = again(prune=True)
    assert (report.pruned, titles(bench)) == (0, ["A", "Note of its own"])
    path.write_bytes(b"\n")
    assert (again(prune=True).pruned, titles(bench)) == (1, ["Note of its own"])


def test_an_excluded_file_is_not_gone(bench, folder, again):
    write(folder / "a.md", "# A\n")
    lines(folder / "facts.jsonl", {"title": "B", "content": "b"})
    again()
    report = again(exclude=["*.jsonl", "a.md"], prune=True)
    assert (report.pruned, report.gone) == (0, [])
    write(folder / ".gitignore", "*\n")
    report = again(prune=True)
    assert (report.pruned, report.gone, titles(bench)) == (0, [], ["A", "B"])


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become nobody for a while")
def test_a_folder_that_may_not_be_read_is_not_gone(bench, again):
    import tempfile

    with tempfile.TemporaryDirectory() as open_to_all:
        folder = Path(open_to_all)
        folder.chmod(0o755)
        write(folder / "a.md", "# A\n")
        write(folder / "closed" / "b.md", "# B\n")
        again(folder)
        (folder / "closed").chmod(0o700)
        os.seteuid(65534)
        try:
            report = again(folder, prune=True)
        finally:
            os.seteuid(0)
    assert (report.pruned, report.gone, len(report.refused)) == (0, [], 1)
    assert titles(bench) == ["A", "B"]


def test_other_folders_are_left_alone(bench, folder, again, tmp_path):
    other = write(tmp_path / "notes-old" / "b.md", "# B\n")
    write(folder / "a.md", "# A\n")
    again(folder, other.parent)
    other.unlink()
    assert (again(prune=True).pruned, titles(bench)) == (0, ["A", "B"])


def test_a_dry_run_prunes_nothing_and_says_how_many(bench, folder, again):
    write(folder / "a.md", "# A\n")
    write(folder / "b.md", "# B\n").unlink()
    note = write(folder / "c.md", "# C\n")
    again()
    note.unlink()
    report = again(prune=True, dry_run=True)
    assert (report.pruned, titles(bench)) == (1, ["A", "C"])


# deleted here, deleted there


def test_an_entry_deleted_here_stays_deleted_when_its_file_moves(bench, folder, again):
    note = write(folder / "a.md", "# A\n\ntext\n")
    lines(folder / "facts.jsonl", {"title": "B", "content": "b"})
    again()
    for entry in entries(bench):
        bench.base.delete(entry.id)
    assert (again().deleted_here, titles(bench)) == (2, [])
    note.rename(folder / "moved.md")
    (folder / "facts.jsonl").rename(folder / "moved.jsonl")
    assert (again().deleted_here, titles(bench)) == (2, [])
    write(folder / "moved.md", "# A\n\nsomething new\n")
    report = again()
    assert (changes(report), titles(bench)) == ((1, 0, 0), ["A"])


def test_a_copy_of_what_was_deleted_here_is_another(bench, folder, again):
    note = write(folder / "a.md", "# A\n")
    again()
    bench.base.delete(titled(bench, "A").id)
    shutil.copy(note, folder / "b.md")
    assert changes(again()) == (1, 0, 0)


def test_what_its_source_deleted_is_deleted_unless_it_was_edited_here(bench, folder, again):
    first = bench.base.add(Draft(EntryType.TIL, "A", "alpha")).entry
    second = bench.base.add(Draft(EntryType.TIL, "B", "beta")).entry
    write(folder / "base.jsonl", "")
    bench.base.files.export(folder / "base.jsonl")
    other = make_bench()
    other.base.files.import_paths([folder])
    for entry in (first, second):
        bench.clock.elapsed_s += 50
        bench.base.delete(entry.id)
    bench.base.files.export(folder / "base.jsonl")
    other.clock.elapsed_s += 10
    other.base.change(second.id, Changes.of(add_tags=["mine"]))
    report = other.base.files.import_paths([folder])
    assert (report.deleted, len(report.kept)) == (1, 1)
    assert titles(other) == ["B"]
    report = other.base.files.import_paths([folder])
    assert (report.deleted, titles(other)) == (0, ["B"])
    other.base.close()


# both sides changed

HEAD = "---\ntitle: {title}\nproject: {project}\ntags: [{tags}]\nurl: {url}\nsituation: {situation}\n---\n{content}\n"
AS_IT_WAS = {
    "title": "A",
    "project": "old",
    "tags": "a, b",
    "url": "https://old.example",
    "situation": "then",
    "content": "old text",
}


def head(**changed: str) -> str:
    return HEAD.format(**(AS_IT_WAS | changed))


@pytest.mark.parametrize("name", ["title", "project", "situation", "content"])
def test_a_field_that_only_the_source_changed_is_taken(bench, folder, again, name):
    note = write(folder / "a.md", head())
    again()
    bench.base.change(entries(bench)[0].id, Changes.of(solution="mine"))
    note.write_text(head(**{name: "new value"}), "utf-8")
    report = again()
    (entry,) = entries(bench)
    assert (getattr(entry, name), entry.solution, report.conflicts) == ("new value", "mine", [])


@pytest.mark.parametrize("name", ["title", "project", "situation", "content"])
def test_a_field_that_only_changed_here_stays(bench, folder, again, name):
    note = write(folder / "a.md", head())
    again()
    bench.base.change(entries(bench)[0].id, Changes.of(**{name: "mine"}))
    note.write_text(head(tags="a, b, c"), "utf-8")
    report = again()
    (entry,) = entries(bench)
    assert (getattr(entry, name), entry.tags, report.conflicts) == ("mine", ("a", "b", "c"), [])


@pytest.mark.parametrize("name", ["title", "project", "situation", "content"])
def test_a_field_that_both_changed_is_kept_twice(bench, folder, again, name):
    note = write(folder / "a.md", head())
    again()
    (before,) = entries(bench)
    bench.base.change(before.id, Changes.of(**{name: "mine"}))
    note.write_text(head(**{name: "theirs"}), "utf-8")
    report = again()
    assert report.conflicts == [f"{note} ({name})"]
    assert getattr(bench.base.get(before.id).entry, name) == "mine"
    (other,) = (entry for entry in entries(bench) if entry.id != before.id)
    assert getattr(other, name) == "theirs"
    assert [(link.source, link.target, link.type) for link in all_links(bench.store)] == [
        (other.id, before.id, LinkType.CONTRADICTS)
    ]
    assert quiet(again())


def test_the_same_change_on_both_sides_is_no_conflict(bench, folder, again):
    note = write(folder / "a.md", head())
    again()
    bench.base.change(entries(bench)[0].id, Changes.of(situation="now", content="new text"))
    note.write_text(head(situation="now", content="new text"), "utf-8")
    report = again()
    assert (report.conflicts, len(entries(bench))) == ([], 1)


def test_lists_and_other_fields_come_together(bench, folder, again):
    note = write(folder / "a.md", head())
    again()
    bench.base.change(entries(bench)[0].id, Changes.of(add_tags=["mine"], remove_tags=["a"]))
    note.write_text(head(tags="a, b, theirs", url="https://new.example"), "utf-8")
    report = again()
    (entry,) = entries(bench)
    assert (report.conflicts, sorted(entry.tags)) == ([], ["b", "mine", "theirs"])
    assert [(other.name, other.value) for other in entry.other_fields if other.name == "url"] == [
        ("url", "https://new.example")
    ]


def test_a_status_set_here_stays_when_the_source_changes_its_text(bench, folder, again):
    note = write(folder / "a.md", head())
    again()
    bench.base.change(entries(bench)[0].id, Changes.of(status="obsolete"))
    note.write_text(head(content="new text"), "utf-8")
    again()
    (entry,) = entries(bench)
    assert (entry.status, entry.content) == (Status.OBSOLETE, "new text")


def test_a_successor_named_here_stays_when_the_source_changes_its_text(bench, folder, again):
    note = write(folder / "a.md", head())
    write(folder / "b.md", "# B\n")
    again()
    known = ids(bench)
    bench.base.link(known["B"], known["A"], LinkType.SUPERSEDES)
    note.write_text(head(content="new text"), "utf-8")
    report = again()
    entry = titled(bench, "A")
    assert (entry.superseded_by, entry.content, report.conflicts) == (known["B"], "new text", [])
    assert quiet(again())


def test_conflicts_do_not_pile_up(bench, folder, again):
    note = write(folder / "a.md", "# A\n\nold\n")
    again()
    bench.base.change(entries(bench)[0].id, Changes.of(content="mine"))
    for number in range(6):
        note.write_text(f"# A\n\ntheirs {number}\n", "utf-8")
        assert again().conflicts
        assert quiet(again())
    assert sorted(entry.content for entry in entries(bench)) == ["mine", "theirs 5"]


def test_a_conflict_is_an_exit_code_of_its_own(rekall, quick_model, folder):
    note = write(folder / "a.md", "# A\n\nold\n")
    assert rekall("import", str(folder)).code == 0
    entry = rekall("list", "--json").json["entries"][0]["id"]
    assert rekall("edit", entry, "--content", "mine").code == 0
    note.write_text("# A\n\ntheirs\n", "utf-8")
    ran = rekall("import", str(folder))
    assert (ran.code, "both versions" in ran.out + ran.err) == (7, True)
    assert rekall("import", str(folder)).code == 0
    assert len(rekall("list", "--json").json["entries"]) == 2


def test_the_copy_of_a_conflict_that_was_deleted_does_not_return(bench, folder, again):
    note = write(folder / "a.md", "# A\n\nold\n")
    again()
    bench.base.change(entries(bench)[0].id, Changes.of(content="mine"))
    note.write_text("# A\n\ntheirs\n", "utf-8")
    again()
    (copy,) = (entry for entry in entries(bench) if origin(bench, entry).endswith(THEIRS))
    bench.base.delete(copy.id)
    assert quiet(again())
    assert [entry.content for entry in entries(bench)] == ["mine"]


# links

WIKI = {
    "path": ("[[deep/other]]", "deep/other.md"),
    "name": ("[[other]]", "deep/er/other.md"),
    "name in another case": ("[[OTHER]]", "other.md"),
    "title": ("[[The other note]]", "x1.md"),
    "alias": ("[[second name]]", "x1.md"),
    "shown text": ("[[other|something else]]", "other.md"),
    "heading": ("[[other#A heading]]", "other.md"),
    "block": ("[[other#^abc123]]", "other.md"),
    "suffix": ("[[other.md]]", "other.md"),
    "embed": ("![[other]]", "other.md"),
    "relative": ("[see](./deep/other.md)", "deep/other.md"),
    "quoted": ("[see](deep%20folder/other%20note.md)", "deep folder/other note.md"),
    "quoted with a heading": ("[see](other%20note.md#part)", "other note.md"),
    "blanks": ("[[other  note]]", "other note.md"),
    "name with a number sign": ("[[c# notes]]", "c# notes.md"),
    "other letters": ("[[übung]]", "u\u0308bung.md"),
}


@pytest.mark.parametrize("case", WIKI)
def test_a_link_finds_its_note(bench, folder, again, case):
    text, place = WIKI[case]
    write(folder / "start.md", f"# Start\n\nSee {text}.\n")
    write(folder / place, "---\naliases: [second name]\n---\n# The other note\n")
    write(folder / "third.md", "# Third\n")
    report = again()
    assert (links(bench), report.lost_links) == ({("Start", "The other note")}, 0)
    assert quiet(again())


def test_a_name_that_several_have_means_the_same_folder_then_the_shortest_path(bench, folder, again):
    write(folder / "deep" / "er" / "start.md", "# Start\n\n[[other]]\n")
    write(folder / "deep" / "er" / "other.md", "# Near\n")
    write(folder / "other.md", "# Top\n")
    write(folder / "deep" / "other.md", "# Middle\n")
    write(folder / "elsewhere" / "second.md", "# Second\n\n[[other]] and [[deep/other]]\n")
    again()
    assert links(bench) == {("Start", "Near"), ("Second", "Top"), ("Second", "Middle")}


def test_a_relative_link_goes_from_its_own_folder(bench, folder, again):
    write(folder / "a" / "start.md", "# Start\n\n[up](../b/other.md) [here](other.md)\n")
    write(folder / "b" / "other.md", "# Other of b\n")
    write(folder / "a" / "other.md", "# Other of a\n")
    again()
    assert links(bench) == {("Start", "Other of b"), ("Start", "Other of a")}


def test_a_note_that_comes_later_gets_its_link(bench, folder, again):
    write(folder / "a.md", "# A\n\n[[b]]\n")
    assert again().lost_links == 1
    write(folder / "b.md", "# B\n")
    report = again()
    assert (links(bench), changes(report), report.lost_links) == ({("A", "B")}, (1, 0, 1), 0)


def test_a_link_to_a_note_that_is_nowhere_keeps_an_import_quiet(bench, folder, again):
    write(folder / "a.md", "# A\n\n[[never written]]\n")
    again()
    moment = bench.store.moment()
    again()
    assert bench.store.moment() == moment


def test_a_link_that_left_its_file_leaves_the_base(bench, folder, again):
    note = write(folder / "a.md", "# A\n\n[[b]] and [[c]]\n")
    for name in "bc":
        write(folder / f"{name}.md", f"# {name.upper()}\n")
    again()
    assert links(bench) == {("A", "B"), ("A", "C")}
    note.write_text("# A\n\n[[c]]\n", "utf-8")
    again()
    assert links(bench) == {("A", "C")}


def test_a_link_that_its_file_still_says_in_other_words_stays(bench, folder, again):
    note = write(folder / "a.md", "# A\n\n[[b]] and [[B#part]]\n")
    write(folder / "b.md", "# B\n")
    again()
    note.write_text("# A\n\n[[B#part]] alone\n", "utf-8")
    again()
    assert links(bench) == {("A", "B")}


def test_a_link_that_was_removed_here_is_not_made_again(bench, folder, again):
    note = write(folder / "a.md", "# A\n\n[[b]]\n")
    write(folder / "b.md", "# B\n")
    again()
    known = ids(bench)
    bench.base.unlink(known["A"], known["B"])
    assert quiet(again())
    note.write_text("# A\n\n[[b]], as before\n", "utf-8")
    again()
    assert links(bench) == set()


def test_a_link_made_by_hand_stays(bench, folder, again):
    note = write(folder / "a.md", "# A\n\n[[b]]\n")
    for name in "bc":
        write(folder / f"{name}.md", f"# {name.upper()}\n")
    again()
    known = ids(bench)
    bench.base.link(known["A"], known["C"], LinkType.DERIVED_FROM, "by hand")
    note.write_text("# A\n\nno link\n", "utf-8")
    again()
    assert all_links(bench.store) == [Link(known["A"], known["C"], LinkType.DERIVED_FROM, "by hand")]


def test_a_link_stays_when_its_target_is_renamed_and_when_its_own_file_is(bench, folder, again):
    write(folder / "a.md", "# A\n\n[[b]]\n")
    note = write(folder / "b.md", "# B\n")
    again()
    note.rename(folder / "c.md")
    again()
    assert links(bench) == {("A", "B")}
    (folder / "a.md").rename(folder / "z.md")
    again()
    assert links(bench) == {("A", "B")}
    assert quiet(again())


def test_a_file_imported_by_itself_finds_notes_that_are_here(bench, folder, again):
    write(folder / "b.md", "# B\n")
    write(folder / "deep" / "c.md", "# C\n")
    again()
    note = write(folder / "a.md", "# A\n\n[[b]] [[deep/c]]\n")
    again(note)
    assert links(bench) == {("A", "B"), ("A", "C")}


def test_links_to_itself_and_twice_to_another_are_one(bench, folder, again):
    write(folder / "a.md", "# A\n\n[[a]] [[b]] [[B]] [[b#part]] [b](b.md)\n")
    write(folder / "b.md", "# B\n")
    again()
    assert links(bench) == {("A", "B")}
    assert quiet(again())


# again and again


def vault(folder: Path, count: int = 30) -> None:
    for number in range(count):
        text = f"---\ntags: [t{number % 3}]\naliases: [n-{number}]\nurl: https://{number}.example\n---\n# Note {number}\n\n"
        write(
            folder / f"d{number % 4}" / f"n{number}.md",
            f"{text}[[n{(number + 7) % count}]] [[nowhere]] text {number}\n",
        )
    lines(folder / "facts.jsonl", *({"title": f"fact {number}", "content": f"about {number}"} for number in range(10)))


def test_an_import_every_hour_writes_nothing(bench, folder, again):
    vault(folder)
    assert changes(again()) == (40, 0, 0)
    before, held = entries(bench), all_links(bench.store)
    moment = bench.store.moment()
    for _ in range(5):
        report = again()
        assert changes(report) == (0, 0, 40)
        assert (report.conflicts, report.gone, report.kept, report.problems, report.embedded) == ([], [], [], {}, 0)
    assert bench.store.moment() == moment
    assert (entries(bench), all_links(bench.store)) == (before, held)


def test_an_import_every_hour_says_one_line(rekall, quick_model, folder):
    vault(folder, 6)
    write(folder / "latin.md", "").write_bytes("# Café\n\ncrème brûlée\n".encode("latin-1"))
    assert rekall("import", str(folder)).code == 0
    for _ in range(3):
        ran = rekall("import", str(folder))
        assert (ran.code, len(ran.out.splitlines())) == (0, 1)
        assert "unchanged" in ran.out


def test_files_touched_but_not_changed_write_nothing(bench, folder, again):
    vault(folder, 5)
    again()
    before = entries(bench)
    for path in folder.rglob("*.md"):
        os.utime(path, (1_900_000_000, 1_900_000_000))
    assert again().updated == 0
    assert entries(bench) == before


def test_type_and_project_are_for_what_names_none(bench, folder, again):
    write(folder / "a.md", "# A\n")
    write(folder / "b.md", "---\ntype: bug\nproject: own\n---\n# B\n")
    write(folder / "c.md", "---\ntype: zettel\n---\n# C\n")
    again(unknown=EntryType.SNIPPET, project="shop")
    assert {entry.title: (entry.type.value, entry.project) for entry in entries(bench)} == {
        "A": ("snippet", "shop"),
        "B": ("bug", "own"),
        "C": ("snippet", "shop"),
    }


# bases of before


def as_before_schema_4(bench: Bench, path: Path) -> None:
    """Make origins of a file what an earlier Rekall wrote: records by number, and nothing said."""
    known = sorted(bench.store.origins.under(str(path.resolve())), key=lambda each: each.entry_key)
    with bench.store.transaction():
        for number, each in enumerate(known, 1):
            place = f"{each.path.partition('#')[0]}#{number}" if "#=" in each.path else each.path
            bench.store.origins.put(replace(each, path=place, said="", record_id=""))


def test_records_known_by_number_are_adopted(bench, folder, again):
    records = [{"title": name, "content": f"{name} fact"} for name in "ABC"]
    path = lines(folder / "facts.jsonl", *records)
    again()
    before = ids(bench)
    as_before_schema_4(bench, path)
    lines(path, {"title": "N", "content": "new"}, *records[::-1])
    report = again()
    assert (report.added, report.gone) == (1, [])
    assert {title: entry for title, entry in ids(bench).items() if title != "N"} == before
    assert quiet(again())


def test_files_of_an_earlier_rekall_are_adopted(bench, folder, again):
    note = write(folder / "a.md", "---\nid: zettel-1\n---\n# A\n\ntext\n")
    again()
    before = ids(bench)
    as_before_schema_4(bench, folder)
    assert again().added == 0
    assert ids(bench) == before
    note.rename(folder / "b.md")
    assert (again().added, ids(bench)) == (0, before)
    assert quiet(again())


def test_what_an_earlier_rekall_dropped_comes_with_the_next_import(bench, folder, again):
    write(folder / "a.md", "---\nurl: https://pgbouncer.example\n---\n# A\n\ntext\n")
    write(folder / "b.md", "---\nurl: https://other.example\n---\n# B\n\ntext\n")
    again()
    from rekall.knowledge.importing import entry_hash

    for entry in entries(bench):  # as a Rekall without other fields would have it
        key = bench.store.entries.key_of(entry.id)
        known = bench.store.origins.of(key)
        bare = replace(entry, other_fields=())
        bench.base.edit(entry, bare.as_draft())
        with bench.store.transaction():
            bench.store.origins.put(replace(known, entry_hash=entry_hash(bare), said="", record_id=""))
    bench.base.change(titled(bench, "B").id, Changes.of(content="edited here"))
    report = again()
    assert (report.updated, report.conflicts) == (1, [])
    assert [other.value for other in titled(bench, "A").other_fields] == ["https://pgbouncer.example"]
    assert titled(bench, "B").content == "edited here"
    assert quiet(again())


# where it came from


def test_the_file_of_an_entry_is_known_and_can_be_opened(bench, folder, again):
    note = write(folder / "a # b.md", "# A\n")
    record = lines(folder / "facts.jsonl", {"title": "B", "content": "b"})
    again()
    assert source_file(bench.base.get(titled(bench, "A").id).origin) == note.resolve()
    assert source_file(bench.base.get(titled(bench, "B").id).origin) == record.resolve()
    note.unlink()
    assert source_file(bench.base.get(titled(bench, "A").id).origin) is None


# encodings

ENCODED = [
    ("utf-16-le", b"\xff\xfe", "# Größe\n\nGruß und Kuß aus Köln\n"),
    ("utf-16-be", b"\xfe\xff", "# Größe\n\nGruß und Kuß aus Köln\n"),
    ("utf-16-le", b"", "# Plain heading\n\nwritten by a shell that puts no mark\n"),
    ("utf-16-be", b"", "# Plain heading\n\nwritten by a shell that puts no mark\n"),
    ("utf-32-le", b"\xff\xfe\0\0", "# Größe\n\nGruß und Kuß aus Köln\n"),
    ("latin-1", b"", "# Café\n\ncrème brûlée, déjà vu, à la carte\n"),
    ("cp1252", b"", "# Prices\n\n“Quoted” — it costs 5 €, isn’t it?\n"),
    ("cp1251", b"", "# Заметка\n\nНе забыть перезапустить сервер после обновления базы данных.\n" * 3),
    ("shift_jis", b"", "# メモ\n\nサーバーを再起動する前に、データベースの接続を確認してください。\n" * 3),
    ("gb18030", b"", "# 笔记\n\n在更新数据库之后不要忘记重新启动服务器,否则连接会超时。\n" * 3),
]


@pytest.mark.parametrize(("encoding", "mark", "text"), ENCODED, ids=[f"{name} {mark!r}" for name, mark, _ in ENCODED])
def test_other_encodings_are_read_and_said(bench, folder, again, encoding, mark, text):
    (folder / "a.md").write_bytes(mark + text.encode(encoding))
    report = again()
    (entry,) = entries(bench)
    assert entry.title == text.splitlines()[0].removeprefix("# ")
    assert text.splitlines()[2] in entry.content
    (problem,) = report.problems
    assert problem.startswith("encoding is not UTF-8")
    assert report.refused == []


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf# Title\n\none\ntwo\n",
        b"# Title\r\rone\rtwo\r",
        b"# Title\r\n\r\none\r\ntwo\r\n",
        b"---\rtitle: Title\r---\rone\rtwo\r",
        b"\xef\xbb\xbf---\r\ntitle: Title\r\n---\r\none\r\ntwo\r\n",
        b"\n\n---\ntitle: Title\n---\none\ntwo\n",
        b"---\ntitle: Title\n...\none\ntwo\n",
    ],
)
def test_marks_and_line_ends_do_not_matter(bench, folder, again, data):
    (folder / "a.md").write_bytes(data)
    report = again()
    (entry,) = entries(bench)
    assert (entry.title, entry.content, report.problems) == ("Title", "one\ntwo", {})


@systems.links
def test_a_relative_path_and_a_link_mean_what_they_mean_now(bench, tmp_path, monkeypatch):
    for name in ("one", "two"):
        write(tmp_path / name / "a.md", f"# Note of {name}\n")
        monkeypatch.chdir(tmp_path / name)
        bench.base.files.import_paths(["a.md"])
    link = tmp_path / "link"
    for name in ("one", "two"):
        link.symlink_to(tmp_path / name, target_is_directory=True)
        assert quiet(bench.base.files.import_paths([link / "a.md"]))
        link.unlink()
    assert titles(bench) == ["Note of one", "Note of two"]


OTHERS = "---\nclient: {}\nstage: {}\n---\n# A\n\ntext\n"


def others_of(entry: Entry) -> dict[str, object]:
    return {other.name: other.value for other in entry.other_fields}


def test_other_fields_that_both_sides_changed_come_together_by_name(bench: Bench, tmp_path: Path) -> None:
    note = tmp_path / "a.md"
    note.write_text(OTHERS.format("alpha", "one"))
    bench.base.files.import_paths(note)
    (entry,) = bench.base.list_entries(Filters(), None).entries
    bench.base.change(entry.id, Changes.of(other_fields={"client": "beta", "stage": "one"}))
    note.write_text(OTHERS.format("alpha", "two"))
    report = bench.base.files.import_paths(note)
    assert (report.updated, report.conflicts) == (1, [])
    (entry,) = bench.base.list_entries(Filters(), None).entries
    assert others_of(entry) == {"client": "beta", "stage": "two"}
    note.write_text(OTHERS.format("gamma", "two"))
    report = bench.base.files.import_paths(note)
    assert report.conflicts == [f"{note} (other fields)"]
    found = [others_of(each)["client"] for each in bench.base.list_entries(Filters(), None).entries]
    assert sorted(map(str, found)) == ["beta", "gamma"]
