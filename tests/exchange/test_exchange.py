import json
import os
import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Bench, all_links
from support.depth import tries
from support.drafts import DRAFTS, NASTY, TEXT

from rekall.entry import rules
from rekall.entry.changes import Changes
from rekall.entry.fields import BY_NAME, FIELDS, Draft, Entry, Kind, values_of
from rekall.entry.filters import Filters
from rekall.entry.record import Read, from_record, is_ulid, means, to_record
from rekall.entry.types import EntryType, Link, LinkType
from rekall.errors import EngineError, Interrupted, InvalidInput, NotFound
from rekall.exchange.editing import edited_draft
from rekall.exchange.folders import find_files
from rekall.exchange.markdown import from_markdown
from rekall.exchange.markdown_writing import to_markdown
from rekall.knowledge.import_report import ImportReport

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ONE, TWO, THREE = (f"01HF7YAT00000000000000000{number}" for number in "123")


def as_entry(draft: Draft) -> Entry:
    checked = rules.checked(draft)
    times = {"created_at": checked.created_at or NOW, "updated_at": checked.updated_at or NOW}
    return Entry(**(values_of(checked) | {"id": ONE} | times))


def again(read: Read) -> Entry:
    assert read.draft.id == ONE
    assert not read.unknown_type
    return as_entry(read.draft)


@settings(deadline=None, max_examples=tries(60))
@given(draft=DRAFTS)
def test_accepting_a_draft_twice_changes_nothing_more(draft):
    once = rules.checked(draft)
    assert rules.checked(once) == once


@settings(deadline=None, max_examples=tries(100))
@given(draft=DRAFTS, full=st.booleans())
def test_an_entry_survives_markdown(draft, full):
    entry = as_entry(draft)
    links = [Link(ONE, TWO, LinkType.CONTRADICTS, "why: so")]
    read = from_markdown(to_markdown(entry, links, full=full), "unused")
    assert again(read) == entry
    assert read.links == (Link("", TWO, LinkType.CONTRADICTS, "why: so"),)


@settings(deadline=None, max_examples=tries(60))
@given(draft=DRAFTS)
def test_an_entry_survives_json(draft):
    entry = as_entry(draft)
    record = json.loads(json.dumps({**to_record(entry), "content": entry.content}, ensure_ascii=False))
    assert again(from_record(record, record["content"], "unused")) == entry


@pytest.mark.parametrize(
    "content",
    [
        "---",
        "---\ntitle: other\n---\ntext",
        "# Heading\ntext",
        "    indented\n  less",
        "a\n---\nb",
        "\ttab",
        "```\ncode\n\n\n```",
        "ends with spaces  \nnext",
        "",
        "\ufefftext",
        "   \ntext",
        "\n \ntext",
        "a\r\r\nb",
        "a\rb",
        "a\x85b",
        "a\u2028b",
        "text\n---",
        "...\ntext",
    ],
)
def test_content_that_looks_like_syntax_survives_markdown(content):
    entry = as_entry(Draft(EntryType.SNIPPET, "title", content))
    assert again(from_markdown(to_markdown(entry), "unused")).content == entry.content


@pytest.mark.parametrize(
    "text",
    [
        "a\x85b",
        "\x85a",
        "a\u2028b",
        "a\u2029\nb",
        "a\r\nb",
        "a\r\r\nb",
        "a\rb",
        " a",
        "\ta",
        "a: b\n  c: d",
        "a\n---\nb",
        "\ufeffa",
        "a\x7f\x01",
        "- a\n- b",
        "a " * 200,
    ],
)
def test_nasty_context_survives_markdown(text):
    entry = as_entry(Draft(EntryType.TIL, "t", situation=text, error_messages=(text,)))
    assert again(from_markdown(to_markdown(entry), "unused")) == entry


@pytest.mark.parametrize("text", ["a\r\r\nb", " \n \na", "\n\r\n a\r\n", "\x85a\n\x85"])
def test_accepting_a_text_twice_changes_nothing_more(text):
    once = rules.checked(Draft(EntryType.TIL, "t", text))
    assert rules.checked(once) == once


@pytest.mark.parametrize(
    "title",
    [
        "2024",
        "true",
        "null",
        "~",
        "1.10",
        "2024-01-01",
        "a: b",
        "# not a comment",
        "'quoted\"",
        "- dash",
        "[list]",
        "{map}",
        "@at",
        "no",
    ],
)
def test_titles_that_look_like_values_survive_markdown(title):
    assert again(from_markdown(to_markdown(as_entry(Draft(EntryType.TIL, title))), "unused")).title == title


@settings(deadline=None, max_examples=tries(300))
@given(text=TEXT | NASTY.map(lambda text: f"---\n{text}\n---\n") | TEXT.map(lambda text: f"---\ntitle: {text}\n---\n"))
def test_no_markdown_is_more_than_refused(text):
    title, message = "", ""
    try:
        title = from_markdown(text, "default").draft.title
    except InvalidInput as error:
        message = error.message
    assert title or message


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        "id",
        "_id",
        "title",
        "type",
        "tags",
        "project",
        "status",
        "superseded_by",
        "confidence",
        "created_at",
        "updated_at",
        "date",
        "situation",
        "errors",
        "files",
        "keywords",
        "sources",
        "links",
    ]
)


def texts_in(value: object) -> list[str]:
    """Every text and name in a value of a record."""
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in texts_in(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts_in(item)]
    return [value] if isinstance(value, str) else []


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.replace("\0", "\ufffd").casefold()))


@settings(deadline=None, max_examples=tries(300))
@given(fields=st.dictionaries(NAMES | st.text(max_size=8), VALUES, max_size=6))
def test_no_record_is_refused_and_no_word_of_one_is_lost(fields):
    read = from_record(fields, "content", "default")
    draft = rules.checked(read.draft)
    said = [text for field in FIELDS for text in field.texts(draft)] + [read.record_id, read.unknown_type]
    said += [text for link in (*read.links, *read.named) for text in (link.target, link.type.value, link.reason)]
    found = words_of("\n".join(said))
    for name, value in fields.items():
        is_read = means(name) and BY_NAME[means(name)].kind is Kind.TIME if means(name) in BY_NAME else False
        if not is_read or name in {problem.name for problem in read.problems}:
            assert words_of("\n".join(texts_in(value))) <= found, (name, value)
        if not means(name):
            assert words_of(name) <= found


def test_a_note_without_front_matter_takes_its_title_from_the_heading():
    read = from_markdown("\n# The title #\n\nText\n# Another\n", "default")
    assert (read.draft.title, read.draft.content.strip()) == ("The title", "Text\n# Another")


def test_a_note_without_heading_takes_its_title_from_the_file():
    assert from_markdown("Text\n# Later\n", "the file").draft.title == "the file"
    assert from_markdown("## Second level\n", "the file").draft.title == "the file"
    assert from_markdown("", "the file").draft.title == "the file"


def test_a_title_in_the_front_matter_leaves_the_heading_alone():
    read = from_markdown("---\ntitle: From above\n---\n# Heading\ntext", "default")
    assert (read.draft.title, read.draft.content) == ("From above", "# Heading\ntext")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff---\ntitle: T\ntags: [a, b]\n---\ntext\nmore",
        "---\r\ntitle: T\r\ntags: [a, b]\r\n---\r\ntext\r\nmore",
        "\ufeff---\r\ntitle: T\r\ntags: a, b\r\n---\r\n\r\n\r\ntext\r\nmore\r\n",
        "---\ntitle: T\ntags:\n- a\n- b\n---\n\ntext\nmore\n\n",
    ],
)
def test_marks_and_line_ends_of_other_systems_do_not_matter(text):
    draft = rules.checked(from_markdown(text, "default").draft)
    assert (draft.title, draft.tags, draft.content) == ("T", ("a", "b"), "text\nmore")


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: a: b: c\n---\n",
        "---\ntitle: [unclosed\n---\n",
        "---\n- just\n- a list\n---\n",
        "---\ntext\n---\n",
        "---\n\t- tab\n---\n",
        "---\ntitle: {a: b}\n---\n",
        "---\nconfidence: high\n---\n",
        "---\ncreated_at: yesterday\n---\n",
        "---\nstatus: done\n---\n",
        "---\nlinks: [{target: x, type: loves}]\n---\n",
        "---\ntags: {a: b}\ntitle: {}\n---\n",
        "---\nconfidence: .inf\n---\n",
    ],
)
def test_an_editor_is_told_in_one_line_what_makes_no_sense(text):
    with pytest.raises(InvalidInput) as raised:
        edited_draft(text, EntryType.TIL, "default")
    assert raised.value.message
    assert "\n" not in raised.value.message


def test_a_yaml_error_names_its_line():
    with pytest.raises(InvalidInput, match="line 3"):
        edited_draft("---\ntitle: fine\nproject: a: b\n---\n", EntryType.TIL)


def test_front_matter_without_an_end_is_refused_and_says_so():
    with pytest.raises(InvalidInput, match="is not closed") as raised:
        edited_draft("---\ntitle: T\n\nJust a text.\n", EntryType.TIL)
    assert "---" in raised.value.hint


def test_scalars_stay_as_they_were_written():
    read = from_markdown(
        "---\ntitle: no\ntags: [3.10, 1.20, yes]\nerror: 0x80070005\nat: 12:30:45\nsince: 2019-02-30\n---\n", "default"
    )
    assert (read.draft.title, read.draft.tags) == ("no", ("3.10", "1.20", "yes"))
    assert read.draft.error_messages == ("0x80070005",)
    assert {other.name: other.value for other in read.draft.other_fields} == {"at": "12:30:45", "since": "2019-02-30"}


def test_other_programs_names_for_fields_are_known():
    read = from_record(
        {
            "_id": "q1",
            "errors": "E1, with comma",
            "keywords": "a, b",
            "date": "2024-02-03",
            "updated": "2024-02-04T05:06:07+02:00",
            "unknown": {"x": 1},
        },
        "text",
        "default",
    )
    draft = read.draft
    assert draft.error_messages == ("E1, with comma",)
    assert draft.keywords == ("a", "b")
    assert draft.created_at == datetime(2024, 2, 3, tzinfo=timezone.utc)
    assert draft.updated_at == datetime(2024, 2, 4, 3, 6, 7, tzinfo=timezone.utc)
    assert (read.record_id, draft.id) == ("q1", None)


def test_only_ulids_become_ids():
    assert is_ulid(ONE)
    assert is_ulid(ONE.lower())
    for text in ("", "1", "x" * 26, "8" + "Z" * 25, ONE + "0", "-" * 26, "é" * 26):
        assert not is_ulid(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "notes"
    made.mkdir()
    return made


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def all_entries(bench: Bench) -> list[Entry]:
    return sorted(bench.base.list_entries(Filters(), None).entries, key=lambda entry: entry.id)


def all_titles(bench: Bench) -> list[str]:
    return sorted(entry.title for entry in all_entries(bench))


def figures(report: ImportReport) -> tuple[int, int, int, int, int]:
    return report.added, report.updated, report.unchanged, len(report.kept), len(report.refused)


def test_folders_are_walked_and_hidden_ones_are_not(folder):
    for name in (
        "b.md",
        "a.markdown",
        "deep/er/c.JSONL",
        "d.json",
        "e.txt",
        ".hidden.md",
        ".git/f.md",
        "deep/.obsidian/g.md",
        "h.mdown",
        "i.ndjson",
    ):
        write(folder / name, "x")
    (folder / "folder.md").mkdir()
    walk = find_files(
        [folder, folder / "b.md", folder / ".hidden.md"], [".md", ".markdown", ".mdown", ".json", ".jsonl"]
    )
    found = [file.path.relative_to(folder).as_posix() for file in walk.files]
    assert found == ["a.markdown", "b.md", "d.json", "h.mdown", "deep/er/c.JSONL", ".hidden.md"]
    assert dict(walk.left_out) == {".txt": 1, ".ndjson": 1}


def test_a_folder_below_a_hidden_one_can_be_named(tmp_path):
    note = write(tmp_path / ".notes" / "a.md", "x")
    assert [file.path for file in find_files([note.parent], [".md"]).files] == [note]


def test_a_path_that_is_not_there_stops_the_import_before_it_begins(bench, folder):
    write(folder / "a.md", "# A")
    with pytest.raises(NotFound) as raised:
        bench.base.files.import_paths([folder, folder / "nothing.md"])
    assert raised.value.hint
    assert bench.base.count() == 0


def test_a_file_that_is_no_text_is_named(bench, folder):
    (folder / "photo.png").write_bytes(b"\x89PNG\r\n" + bytes(range(256)) * 20)
    (refused,) = bench.base.files.import_paths([folder / "photo.png"]).refused
    assert "photo.png" in refused.where
    assert refused.error.hint


def test_an_import_stores_words_and_vectors(bench, folder):
    write(folder / "a-note_here.md", "Some text about safari.\n")
    write(folder / "b.md", "---\ntype: bug\ntags: [Web]\nproject: api\n---\n# A bug\n\nText")
    report = bench.base.files.import_paths([folder])
    assert figures(report) == (2, 0, 0, 0, 0)
    assert (report.stored, report.embedded, report.warning) == (2, 2, "")
    assert all_titles(bench) == ["A bug", "a note here"]
    assert bench.store.words.count() == len(bench.index_of()) == 2
    assert bench.base.count() == 2


def test_an_unchanged_source_is_skipped(bench, folder):
    write(folder / "a.md", "# A\n\ntext")
    write(folder / "b.jsonl", '{"title": "B"}\n{"title": "C", "text": "c"}\n')
    bench.base.files.import_paths([folder])
    before = all_entries(bench)
    bench.clock.elapsed_s += 100
    report = bench.base.files.import_paths([folder])
    assert figures(report) == (0, 0, 3, 0, 0)
    assert report.embedded == 0
    assert all_entries(bench) == before


def test_the_same_file_reached_by_another_path_is_the_same(bench, folder, monkeypatch):
    write(folder / "a.md", "# A")
    bench.base.files.import_paths([folder])
    monkeypatch.chdir(folder)
    assert figures(bench.base.files.import_paths([Path("a.md")])) == (0, 0, 1, 0, 0)
    assert figures(bench.base.files.import_paths([folder / ".." / "notes" / "a.md"])) == (0, 0, 1, 0, 0)


def test_a_changed_source_updates_its_entry(bench, folder):
    note = write(folder / "a.md", "# A\n\nold")
    os.utime(note, (1_700_000_000, 1_700_000_000))
    bench.base.files.import_paths([folder])
    (before,) = all_entries(bench)
    assert before.created_at == before.updated_at == datetime.fromtimestamp(1_700_000_000, timezone.utc)
    bench.clock.elapsed_s += 100
    write(note, "# A new title\n\nnew")
    assert figures(bench.base.files.import_paths([folder])) == (0, 1, 0, 0, 0)
    (after,) = all_entries(bench)
    assert (after.id, after.created_at) == (before.id, before.created_at)
    assert (after.title, after.content) == ("A new title", "new")
    assert after.updated_at > before.updated_at
    assert bench.store.words.count() == len(bench.index_of()) == 1


def test_a_source_that_only_looks_different_changes_nothing(bench, folder):
    note = write(folder / "a.md", "# A\n\ntext")
    bench.base.files.import_paths([folder])
    before = all_entries(bench)
    bench.clock.elapsed_s += 100
    write(note, "# A\r\n\r\n\r\ntext\r\n\r\n")
    assert figures(bench.base.files.import_paths([folder])) == (0, 0, 1, 0, 0)
    assert all_entries(bench) == before


def test_an_entry_edited_here_keeps_both_versions_when_its_source_changes_too(bench, folder):
    note = write(folder / "a.md", "# A\n\nold")
    bench.base.files.import_paths([folder])
    (entry,) = all_entries(bench)
    edited = bench.base.edit(entry, Draft(entry.type, "A", "edited here", tags=("mine",))).entry
    assert figures(bench.base.files.import_paths([folder])) == (0, 0, 1, 0, 0)
    write(note, "---\ntags: theirs\n---\n# A\n\nnew")
    report = bench.base.files.import_paths([folder])
    assert report.conflicts == [f"{note} (content)"]
    texts = {found.id: (found.content, found.tags) for found in all_entries(bench)}
    assert texts.pop(edited.id) == ("edited here", ("mine", "theirs"))
    ((other, theirs),) = texts.items()
    assert theirs == ("new", ("theirs",))
    assert all_links(bench.store) == [Link(other, edited.id, LinkType.CONTRADICTS, "both were changed: content")]
    before = all_entries(bench)
    assert figures(bench.base.files.import_paths([folder])) == (0, 0, 1, 0, 0)
    write(note, "# A\n\nnewer still")
    assert bench.base.files.import_paths([folder]).conflicts
    assert {found.content for found in all_entries(bench)} == {"edited here", "newer still"}
    assert len(all_entries(bench)) == len(before)


def test_changes_of_different_fields_come_together(bench, folder):
    note = write(folder / "a.md", "---\ntags: [a, b]\nsituation: here\n---\n# A\n\nold")
    bench.base.files.import_paths([folder])
    (entry,) = all_entries(bench)
    bench.base.change(entry.id, Changes.of(solution="mine", add_tags=["c"], remove_tags=["a"]))
    write(note, "---\ntags: [a, b, d]\nsituation: there\n---\n# A\n\nnew")
    report = bench.base.files.import_paths([folder])
    assert (figures(report), report.conflicts) == ((0, 1, 0, 0, 0), [])
    (after,) = all_entries(bench)
    assert (after.tags, after.situation, after.solution, after.content) == (("b", "c", "d"), "there", "mine", "new")


def test_the_source_wins_when_asked_to(bench, folder):
    note = write(folder / "a.md", "# A\n\nold")
    bench.base.files.import_paths([folder])
    (entry,) = all_entries(bench)
    bench.base.edit(entry, Draft(entry.type, "edited here"))
    write(note, "# A\n\nnew")
    assert figures(bench.base.files.import_paths([folder], overwrite=True)) == (0, 1, 0, 0, 0)
    assert [(found.id, found.title, found.content) for found in all_entries(bench)] == [(entry.id, "A", "new")]
    assert figures(bench.base.files.import_paths([folder])) == (0, 0, 1, 0, 0)


def test_an_edit_that_says_the_same_as_the_new_source_is_no_conflict(bench, folder):
    note = write(folder / "a.md", "# A\n\nold")
    bench.base.files.import_paths([folder])
    (entry,) = all_entries(bench)
    bench.base.edit(entry, Draft(entry.type, "A", "new"))
    write(note, "# A\n\nnew")
    assert figures(bench.base.files.import_paths([folder])) == (0, 0, 1, 0, 0)


def test_an_entry_deleted_here_stays_deleted_until_its_source_says_something_new(bench, folder):
    note = write(folder / "a.md", "# A")
    bench.base.files.import_paths([folder])
    (entry,) = all_entries(bench)
    bench.base.delete(entry.id)
    report = bench.base.files.import_paths([folder])
    assert (figures(report), report.deleted_here) == ((0, 0, 0, 0, 0), 1)
    bench.base.restore(entry.id)
    assert figures(bench.base.files.import_paths([folder])) == (0, 0, 1, 0, 0)
    bench.base.delete(entry.id)
    assert figures(bench.base.files.import_paths([folder], overwrite=True)) == (1, 0, 0, 0, 0)
    bench.base.delete(all_entries(bench)[0].id)
    write(note, "# A\n\nnew")
    assert figures(bench.base.files.import_paths([folder])) == (1, 0, 0, 0, 0)


def test_a_dry_run_reports_and_changes_nothing(bench, folder):
    note = write(folder / "a.md", "# A\n\nold")
    bench.base.files.import_paths([folder])
    before = all_entries(bench)
    write(note, "# A\n\nnew")
    write(folder / "b.md", "# B")
    (folder / "c.md").write_bytes(bytes(range(256)) * 9)
    report = bench.base.files.import_paths([folder], dry_run=True)
    assert figures(report) == (1, 1, 0, 0, 1)
    assert report.embedded == 0
    assert all_entries(bench) == before
    assert bench.store.words.count() == len(bench.index_of()) == 1
    assert figures(bench.base.files.import_paths([folder])) == (1, 1, 0, 0, 1)


def test_unknown_types_become_what_was_said_and_are_counted(bench, folder):
    write(
        folder / "a.jsonl",
        '{"title": "A", "type": "Zettel"}\n{"title": "B", "type": "zettel"}\n{"title": "C"}\n{"title": "D", "type": "BUG"}\n',
    )
    report = bench.base.files.import_paths([folder], EntryType.SNIPPET)
    assert dict(report.unknown_types) == {"Zettel": 1, "zettel": 1}
    assert {entry.title: entry.type.value for entry in all_entries(bench)} == {
        "A": "snippet",
        "B": "snippet",
        "C": "snippet",
        "D": "bug",
    }


BAD_FILES = {
    "binary.md": b"\0\1\2 text",
    "broken.json": b'{"title": ',
    "deep.json": b"[" * 100_000,
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_one_bad_file_is_refused_and_the_rest_goes_in(bench, folder, name):
    (folder / name).write_bytes(BAD_FILES[name])
    write(folder / "a-good.md", "# First")
    write(folder / "z-good.md", "# Last")
    report = bench.base.files.import_paths([folder])
    assert all_titles(bench) == ["First", "Last"]
    assert report.refused
    assert all(name in refused.where and refused.error.message for refused in report.refused)


def test_a_text_longer_than_an_entry_may_be_comes_in_parts(bench, folder):
    lines = [f"line {number} größer" for number in range(300_000)]
    note = write(folder / "huge.md", "# Huge\n\n" + "\n".join(lines))
    assert figures(bench.base.files.import_paths([folder])) == (2, 0, 0, 0, 0)
    assert all_titles(bench) == ["Huge (1 of 2)", "Huge (2 of 2)"]
    parts = sorted(all_entries(bench), key=lambda entry: entry.title)
    assert "\n".join(entry.content for entry in parts).split("\n") == lines
    assert figures(bench.base.files.import_paths([folder])) == (0, 0, 2, 0, 0)
    write(note, "# Huge\n\n" + "\n".join([*lines, "one more"]))
    assert figures(bench.base.files.import_paths([folder])) == (0, 1, 1, 0, 0)


ODD_FILES = {
    "latin.md": "café au lait et déjà vu".encode("latin-1"),
    "yaml.md": b"---\ntitle: [\n---\n",
    "infinite.json": b'{"title": "t", "confidence": Infinity}',
    "digits.json": b'{"title": "t", "confidence": ' + b"9" * 4000 + b"}",
    "surrogate.json": b'{"title": "half \\ud800"}',
    "content.json": b'{"title": "t", "content": 7}',
    "confidence.json": b'{"title": "t", "confidence": 9}',
    "date.json": b'{"title": "t", "created_at": "soon"}',
    "late.md": b"---\ntitle: t\ncreated_at: 9999-12-31T23:59:59-10:00\n---\n",
    "links.json": b'{"title": "t", "links": [{"target": ["x"]}]}',
}


@pytest.mark.parametrize("name", ODD_FILES)
def test_an_odd_field_or_encoding_never_costs_the_note(bench, folder, name):
    (folder / name).write_bytes(ODD_FILES[name])
    write(folder / "a-good.md", "# First")
    report = bench.base.files.import_paths([folder])
    assert figures(report) == (2, 0, 0, 0, 0)


def test_bad_lines_are_refused_by_number_and_the_rest_goes_in(bench, folder):
    path = write(
        folder / "a.jsonl",
        '{"title": "A"}\n\nnonsense\n[]\n{"title": "B"}\r\n{"title": ""}\n"a text by itself"\n{"title": "C"}',
    )
    report = bench.base.files.import_paths([path])
    assert all_titles(bench) == ["A", "B", "C", "a text by itself"]
    assert [refused.where for refused in report.refused] == [f"{path}, line 3"]


def test_a_time_before_all_computers_does_not_break_the_base(bench, folder):
    write(folder / "a.jsonl", '{"title": "A", "created_at": "0099-01-01"}\n{"title": "B"}\n')
    bench.base.files.import_paths([folder])
    assert "B" in all_titles(bench)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no file modes")
def test_a_file_that_may_not_be_read_is_refused(bench, folder):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    write(folder / "a.md", "# A").chmod(0)
    write(folder / "b.md", "# B")
    report = bench.base.files.import_paths([folder])
    assert figures(report) == (1, 0, 0, 0, 1)


def test_json_files_hold_one_record_a_list_or_what_list_prints(bench, folder):
    write(folder / "one.json", '{"title": "A", "text": "a"}')
    write(folder / "many.json", '\ufeff[{"title": "B", "body": "b"}, {"content": "# C first line\\nmore"}]')
    write(folder / "list.json", '{"schema_version": 1, "entries": [{"title": "D"}]}')
    assert figures(bench.base.files.import_paths([folder])) == (4, 0, 0, 0, 0)
    assert all_titles(bench) == ["A", "B", "C first line", "D"]
    assert figures(bench.base.files.import_paths([folder])) == (0, 0, 4, 0, 0)


def test_records_with_the_same_foreign_id_are_two_entries(bench, folder):
    write(folder / "a.jsonl", '{"_id": "q1", "title": "A"}\n{"_id": "q1", "title": "B"}\n')
    assert figures(bench.base.files.import_paths([folder])) == (2, 0, 0, 0, 0)
    assert all_titles(bench) == ["A", "B"]
    assert figures(bench.base.files.import_paths([folder])) == (0, 0, 2, 0, 0)


def test_records_with_the_same_ulid_lose_nothing_unsaid_and_settle(bench, folder):
    write(folder / "a.jsonl", f'{{"id": "{ONE}", "title": "A"}}\n{{"id": "{ONE}", "title": "B"}}\n')
    report = bench.base.files.import_paths([folder])
    assert len(all_titles(bench)) + len(report.refused) + len(report.kept) == 2
    before = all_entries(bench)
    second = bench.base.files.import_paths([folder])
    assert (second.added, second.updated) == (0, 0)
    assert all_entries(bench) == before


def test_a_record_that_moves_keeps_its_entry_by_its_foreign_id(bench, folder):
    path = write(folder / "a.jsonl", '{"_id": "q1", "title": "A"}\n{"_id": "q2", "title": "B"}\n')
    bench.base.files.import_paths([folder])
    before = all_entries(bench)
    write(path, '{"_id": "q0", "title": "new"}\n{"_id": "q2", "title": "B"}\n{"_id": "q1", "title": "A"}\n')
    assert figures(bench.base.files.import_paths([folder])) == (1, 0, 2, 0, 0)
    assert [entry for entry in all_entries(bench) if entry.title != "new"] == before


def test_an_entry_is_recognised_by_its_own_id_wherever_it_comes_from(bench, folder):
    entry = bench.base.add(Draft(EntryType.TIL, "A", "text")).entry
    write(folder / "a.md", to_markdown(entry))
    assert figures(bench.base.files.import_paths([folder])) == (0, 0, 1, 0, 0)
    assert all_entries(bench) == [entry]


def test_an_older_copy_does_not_undo_a_change_made_here(bench, folder):
    entry = bench.base.add(Draft(EntryType.TIL, "A", "old")).entry
    write(folder / "a.md", to_markdown(entry))
    bench.clock.elapsed_s += 100
    newer = bench.base.edit(entry, Draft(EntryType.TIL, "A", "new")).entry
    assert figures(bench.base.files.import_paths([folder])) == (0, 0, 0, 1, 0)
    assert all_entries(bench) == [newer]
    assert figures(bench.base.files.import_paths([folder], overwrite=True)) == (0, 1, 0, 0, 0)
    assert all_entries(bench)[0].content == "old"


def record(entry_id: str, title: str, **fields: object) -> str:
    return json.dumps({"id": entry_id, "title": title, **fields}) + "\n"


def test_links_may_point_forward_and_lost_ones_are_counted(bench, folder):
    links = [{"target": TWO, "type": "supersedes", "reason": "better"}, {"target": THREE}, {"target": ONE}]
    write(folder / "a.jsonl", record(ONE, "A", links=links) + record(TWO, "B"))
    report = bench.base.files.import_paths([folder])
    assert report.lost_links == 1
    assert all_links(bench.store) == [Link(ONE, TWO, LinkType.SUPERSEDES, "better")]


def test_a_successor_may_come_later_in_the_file(bench, folder):
    write(folder / "a.jsonl", record(ONE, "A", superseded_by=TWO, status="obsolete") + record(TWO, "B"))
    bench.base.files.import_paths([folder])
    view = bench.base.get(ONE)
    assert view.successor is not None
    assert view.successor.title == "B"


def test_a_successor_written_in_small_letters_is_found(bench, folder):
    write(folder / "a.jsonl", record(ONE, "A", superseded_by=TWO.lower(), status="obsolete") + record(TWO, "B"))
    bench.base.files.import_paths([folder])
    assert bench.base.get(ONE).entry.superseded_by == TWO


def test_a_missing_successor_is_dropped_and_is_no_edit(bench, folder):
    path = write(folder / "a.jsonl", record(ONE, "A", superseded_by=TWO, status="obsolete"))
    assert figures(bench.base.files.import_paths([folder])) == (1, 0, 0, 0, 0)
    assert bench.base.get(ONE).entry.superseded_by is None
    bench.clock.elapsed_s += 100
    write(path, record(ONE, "A changed", superseded_by=TWO, status="obsolete"))
    assert figures(bench.base.files.import_paths([folder])) == (0, 1, 0, 0, 0)
    assert bench.base.get(ONE).entry.title == "A changed"


def test_an_interrupted_import_says_what_is_there_and_goes_on(bench, folder, monkeypatch):
    monkeypatch.setattr("rekall.knowledge.files.BATCH", 2)
    for number in range(6):
        write(folder / f"n{number}.md", f"# {number}\n\n[[n{(number + 3) % 6}]]")

    def stop(count: int, total: int) -> None:
        if count == 5:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"4 stored, 0 of 4 passages embedded") as raised:
        bench.base.files.import_paths([folder], reading=stop)
    assert "next import" in raised.value.hint
    assert bench.base.count() == bench.store.words.count() == bench.store.passages.count() == 4
    assert figures(bench.base.files.import_paths([folder])) == (2, 0, 4, 0, 0)
    assert len(all_links(bench.store)) == 6


def test_an_import_interrupted_while_it_embeds_has_stored_everything(bench, folder):
    for number in range(5):
        write(folder / f"{number}.md", f"# {number}")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"5 stored, . of 5 passages"):
        bench.base.files.import_paths([folder], embedding=stop)
    assert bench.base.count() == bench.store.words.count() == 5
    assert figures(bench.base.files.import_paths([folder])) == (0, 0, 5, 0, 0)
    assert len(bench.index_of()) == 5


def test_an_import_without_an_engine_stores_everything_and_says_so(bench, folder):
    bench.loader.problem = EngineError("no engine")
    write(folder / "a.md", "# A")
    report = bench.base.files.import_paths([folder])
    assert figures(report) == (1, 0, 0, 0, 0)
    assert "no engine" in report.warning
