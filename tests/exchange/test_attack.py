"""What a hostile or careless file must not do to an import."""

import zlib
from datetime import datetime
from pathlib import Path

import pytest
from support import Bench

from rekall.entry.changes import Changes
from rekall.entry.filters import Filters
from rekall.entry.times import any_moment
from rekall.entry.types import Status
from rekall.exchange.dialects.original_notes import context_of
from rekall.knowledge.import_report import ImportReport

ONE = "01HF7YAT000000000000000001"


def take(bench: Bench, *paths: Path, **options) -> ImportReport:
    return bench.base.files.import_paths(paths, **options)


def by_title(bench: Bench) -> dict:
    return {entry.title: entry for entry in bench.base.list_entries(Filters(), None).entries}


def test_an_older_form_of_a_context_says_what_the_newer_one_leaves_out_or_says_in_other_words():
    record = {
        "context_structured": '{"situation": "old words", "solution": "restart it", "what_failed": "hope"}',
        "context_blob": zlib.compress(b'{"situation": "new words", "solution": "", "what_failed": "hope"}'),
    }
    assert context_of(record).values == {
        "situation": "new words",
        "solution": "restart it",
        "what_failed": "hope",
        "context_structured_situation": "old words",
    }


@pytest.mark.parametrize("name", ["own.md", "own.json"])
def test_an_entry_that_names_itself_as_its_successor_is_superseded_by_nothing(bench, tmp_path, name):
    head = f"---\nid: {ONE}\ntitle: Loop\nsuperseded_by: {ONE}\n---\nbody\n"
    record = f'[{{"id": "{ONE}", "title": "Loop", "content": "body", "superseded_by": "{ONE}"}}]'
    (tmp_path / name).write_text(head if name.endswith(".md") else record)
    (tmp_path / "beside.md").write_text("# Beside\n\ntext\n")
    for _ in range(2):
        assert not take(bench, tmp_path).refused
        assert (by_title(bench)["Loop"].status, by_title(bench)["Loop"].superseded_by) == (Status.ACTIVE, None)
    assert by_title(bench).keys() == {"Loop", "Beside"}


def test_an_entry_whose_file_names_it_as_its_successor_later_stays_active(bench, tmp_path):
    file = tmp_path / "note.md"
    file.write_text("# Kettle\n\ntext\n")
    take(bench, tmp_path)
    file.write_text(f"---\nsuperseded_by: {by_title(bench)['Kettle'].id}\n---\n# Kettle\n\ntext\n")
    assert not take(bench, tmp_path).refused
    assert by_title(bench)["Kettle"].superseded_by is None


@pytest.mark.parametrize("name", [" .md", "\u2003.txt"])
def test_a_file_that_is_named_by_a_blank_goes_in(bench, tmp_path, name):
    (tmp_path / name).write_text("a line without an end that could be its title " * 9)
    assert not take(bench, tmp_path).refused
    assert len(by_title(bench)) == 1


def test_a_successor_that_comes_with_a_later_import_is_one_then(bench, tmp_path):
    (tmp_path / "old.md").write_text(f"---\ntitle: Old\nsuperseded_by: {ONE}\n---\ntext\n")
    assert take(bench, tmp_path).lost_links == 1
    assert take(bench, tmp_path).lost_links == 0
    (tmp_path / "new.md").write_text(f"---\nid: {ONE}\ntitle: New\n---\nother text\n")
    take(bench, tmp_path)
    assert by_title(bench)["Old"].superseded_by == ONE


def test_a_succession_that_was_taken_back_here_is_not_made_again(bench, tmp_path):
    (tmp_path / "old.md").write_text(f"---\ntitle: Old\nsuperseded_by: {ONE}\n---\ntext\n")
    (tmp_path / "new.md").write_text(f"---\nid: {ONE}\ntitle: New\n---\nother text\n")
    take(bench, tmp_path)
    old = by_title(bench)["Old"]
    bench.base.edit(old, Changes.of(superseded_by=None).applied(old.as_draft()))
    take(bench, tmp_path)
    assert by_title(bench)["Old"].superseded_by is None


def test_copies_that_logseq_keeps_are_no_notes_wherever_the_graph_lies(bench, tmp_path):
    for name in ("logseq/config.edn", "pages/Page.md", "logseq/bak/pages/Page/2026.md"):
        file = tmp_path / "notes" / "graph" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("- a block\n")
    take(bench, tmp_path)
    assert list(by_title(bench)) == ["Page"]


@pytest.mark.parametrize(
    "text",
    [
        "<!doctype html><h1>Loops</h1><p>In Jinja:</p><pre><code>{% for x in y %}</code></pre>",
        "<b>Loops</b> are written so.",
        "<blockquote>Loops</blockquote> said he.",
    ],
)
def test_a_page_of_text_goes_in_whatever_it_begins_with_or_shows(bench, tmp_path, text):
    (tmp_path / "page.html").write_text(text)
    (tmp_path / "base.html").write_text("<html><body>{% block content %}<p>x</p>{% endblock %}</body></html>")
    report = take(bench, tmp_path)
    assert (report.added, dict(report.left_out)) == (1, {".html": 1})


@pytest.mark.parametrize("head", ["", "---\nid: tool-0000{0}\n---\n"])
@pytest.mark.parametrize("new", ["a/week-1.md", "c/week-1.md"])
def test_a_note_that_moved_and_left_its_name_to_another_is_the_same_entry(bench, tmp_path, head, new):
    for folder in "abc":
        (tmp_path / folder).mkdir()
    old = tmp_path / "b" / "todo.md"
    old.write_text(head.format(1) + "buy milk, call Anna\n")
    take(bench, tmp_path)
    (milk,) = by_title(bench).values()
    old.rename(tmp_path / new)
    old.write_text(head.format(2) + "mend the roof, file taxes\n")
    report = take(bench, tmp_path, prune=True)
    assert (report.added, report.updated, report.moved, report.pruned) == (1, 0, 1, 0)
    told = {entry.content: entry.id for entry in bench.base.list_entries(Filters(), None).entries}
    assert told["buy milk, call Anna"] == milk.id
    assert len(told) == 2


def test_a_copy_beside_a_note_that_was_edited_is_the_new_one(bench, tmp_path):
    note = tmp_path / "note.md"
    note.write_text("buy milk, call Anna, mend the roof\n")
    take(bench, tmp_path)
    (was,) = by_title(bench).values()
    (tmp_path / "backup.md").write_bytes(note.read_bytes())
    note.write_text("buy milk, call Anna, mend the roof, file taxes\n")
    report = take(bench, tmp_path)
    assert (report.added, report.updated, report.moved) == (1, 1, 0)
    told = {entry.id: entry.content for entry in bench.base.list_entries(Filters(), None).entries}
    assert told[was.id].endswith("file taxes")


def test_more_tags_than_an_entry_holds_and_longer_ones_do_not_cost_the_note(bench, tmp_path):
    (tmp_path / "tags.md").write_text(
        "# Tags\n\n" + " ".join(f"#topic{number}" for number in range(300)) + f" #{'x' * 600}"
    )
    for count in (1, 0):
        report = take(bench, tmp_path)
        assert (report.added, report.refused) == (count, [])
    tags = by_title(bench)["Tags"]
    assert len(tags.tags) == 200
    kept = {field.name: field.value for field in tags.other_fields}
    assert {*tags.tags, *kept["more_tags"]} >= {f"topic{number}" for number in range(300)}


def test_a_note_in_whose_place_a_folder_is_now_is_gone(bench, tmp_path):
    (tmp_path / "note.md").write_text("old text\n")
    (tmp_path / "beside.md").write_text("beside\n")
    take(bench, tmp_path)
    (tmp_path / "note.md").unlink()
    (tmp_path / "note.md").mkdir()
    (tmp_path / "note.md" / "inner.md").write_text("new text\n")
    report = take(bench, tmp_path, prune=True)
    assert (report.added, report.pruned) == (1, 1)


def test_a_line_of_few_words_among_lines_of_text_goes_in_as_it_does_in_a_list(bench, tmp_path):
    (tmp_path / "notes.jsonl").write_text(
        '{"name": "Anna", "role": "boss"}\n{"text": "A note that says something."}\n{"a": {"b": "shortword"}}\n{"n": 1}\n'
    )
    (tmp_path / "names.jsonl").write_text('{"name": "Bert", "role": "cook"}\n')
    for count in (3, 0):
        assert take(bench, tmp_path).added == count


def test_a_strange_record_in_a_file_of_ours_goes_in(bench, tmp_path):
    (tmp_path / "own.jsonl").write_text(
        f'{{"id": "{ONE}", "title": "Ours", "content": "text", "created_at": "2026-01-01T00:00:00Z"}}\n'
        '{"title": 5, "content": ["c1", 2, {"x": "deep"}]}\n'
    )
    assert take(bench, tmp_path).added == 2


@pytest.mark.parametrize(("end", "refused"), [(",]", 0), (",\n", 0), (',{"text":"cut o', 1), ("oops]", 1)])
def test_a_list_that_breaks_off_gives_the_records_before_the_break(bench, tmp_path, end, refused):
    file = tmp_path / "notes.json"
    file.write_text('[{"text":"alpha beta gamma"},{"title":"two","text":"delta epsilon"}' + end)
    report = bench.base.files.import_paths([file])
    assert (report.added, len(report.refused)) == (2, refused)
    file.write_text('[{"text":"alpha beta gamma"},{"title":"two","text":"delta epsilon"}]')
    assert (bench.base.files.import_paths([file]).unchanged, bench.base.count()) == (2, 2)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("20210301120000123", "2021-03-01T12:00:00"),
        ("20200131143000000", "2020-01-31T14:30:00"),
        ("[2022-06-10 Fri 06:22]", "2022-06-10T06:22:00"),
        ("<2022-06-10 Fri>", "2022-06-10T00:00:00"),
    ],
)
def test_dates_of_wikis_and_of_org_are_local_times(written, moment):
    assert any_moment(written) == datetime.fromisoformat(moment).astimezone()
