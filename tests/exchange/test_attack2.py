"""Files of tools that no list names, each as its owner would expect to find it."""

import json
from pathlib import Path

import pytest
from support import Bench

from rekall.entry.filters import Filters
from rekall.entry.other import OtherField
from rekall.entry.times import local_time
from rekall.entry.types import EntryType
from rekall.exchange.editing import edited_draft, text_to_edit
from rekall.knowledge.import_report import ImportReport


def take(bench: Bench, *paths: Path, **options) -> ImportReport:
    return bench.base.files.import_paths(paths, **options)


def by_title(bench: Bench) -> dict:
    return {entry.title: entry for entry in bench.base.list_entries(Filters(), None).entries}


def put(folder: Path, name: str, what: object) -> None:
    (folder / name).write_text(what if isinstance(what, str) else json.dumps(what), "utf-8")


@pytest.mark.parametrize("around", ["fields", "attributes", "node", "_source"])
def test_records_whose_fields_lie_in_an_object_are_notes_of_their_own(bench, tmp_path, around):
    fields = {
        "summary": "Disk full",
        "description": "The log was not rotated",
        "created": "2021-05-05T10:00:00.000+0000",
    }
    records = [
        {"id": f"1000{number}", "key": f"OPS-{number}", around: {**fields, "labels": ["db"]}} for number in range(3)
    ]
    put(tmp_path, "found.json", {"total": 3, "issues": records})
    assert take(bench, tmp_path).added == 3
    entry = by_title(bench)["Disk full"]
    assert (entry.content, entry.tags) == ("The log was not rotated", ("db",))
    assert local_time(entry.created_at).startswith("2021-05-05")
    assert take(bench, tmp_path).unchanged == 3


def test_a_mapping_called_list_is_as_many_notes_as_it_has(bench, tmp_path):
    item = {
        "given_url": "https://example.org/a",
        "resolved_title": "A page",
        "excerpt": "What it says",
        "time_added": "1471869712",
    }
    put(
        tmp_path,
        "saved.json",
        {
            "status": 1,
            "list": {
                "11": {**item, "tags": {"golf": {"item_id": "11", "tag": "golf"}}},
                "12": {**item, "resolved_title": "Another"},
            },
        },
    )
    assert take(bench, tmp_path).added == 2
    entry = by_title(bench)["A page"]
    assert (entry.tags, entry.sources, entry.created_at.year) == (("golf",), ("https://example.org/a",), 2016)


def test_labels_that_are_objects_are_tags(bench, tmp_path):
    label = {"id": "L1", "name": "bug", "color": "d73a4a", "description": "Something is broken here"}
    put(tmp_path, "issues.json", [{"number": 1, "title": "Crash", "body": "It crashes.", "labels": [label]}])
    assert not take(bench, tmp_path).problems
    entry = by_title(bench)["Crash"]
    assert entry.tags == ("bug",)
    assert "Something is broken here" in str([field.value for field in entry.other_fields])


@pytest.mark.parametrize("name", ["messages", "turns", "highlights", "children", "sections"])
def test_the_parts_of_a_record_are_its_text(bench, tmp_path, name):
    put(
        tmp_path,
        "talk.json",
        [{"title": "Talk", "readable": "A talk of two", name: [{"text": "first words"}, {"text": "second words"}]}],
    )
    take(bench, tmp_path)
    assert by_title(bench)["Talk"].content == "first words\n\nsecond words"


def test_a_list_of_objects_whose_text_lies_deep_is_read_as_one_object_is(bench, tmp_path):
    put(tmp_path, "channels.json", [{"id": "C1", "topic": {"remark": "all that concerns the release"}}])
    assert take(bench, tmp_path).added == 1


def test_every_branch_of_a_conversation_and_what_was_beside_its_texts_is_kept(bench, tmp_path):
    def node(name, parent, children, parts, **more):
        message = {"author": {"role": "user"}, "content": {"content_type": "text", "parts": parts}, **more}
        return {"id": name, "parent": parent, "children": children, "message": message}

    mapping = {
        "root": {"id": "root", "message": None, "parent": None, "children": ["a", "b", "a"]},
        "a": node("a", "root", ["root"], ["first try", {"content_type": "image", "caption": "a picture of it"}]),
        "b": node(
            "b",
            "root",
            [],
            ["second try"],
            metadata={"attachments": [{"name": "log.txt"}], "remark": "a remark of several words"},
        ),
        "lost": node("lost", "nowhere", [], ["nobody's child"]),
        "round": node("round", "round", ["round"], ["in a circle"]),
    }
    put(tmp_path, "conversations.json", [{"title": "Tries", "mapping": mapping, "current_node": "b", "id": "c1"}])
    assert take(bench, tmp_path).added == 1
    entry = by_title(bench)["Tries"]
    for text in ("first try", "a picture of it", "second try", "nobody's child", "in a circle"):
        assert entry.content.count(text) == 1
    assert "a remark of several words" in str([field.value for field in entry.other_fields])


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("a.ipynb", "{broken"),
        ("a.opml", "<opml><body><outline text='x'>"),
        ("a.opml", "<!DOCTYPE x [<!ENTITY a 'b'>]><opml><body><outline text='&a;'/></body></opml>"),
    ],
)
def test_a_broken_file_is_named_and_keeps_nothing_else(bench, tmp_path, name, what):
    put(tmp_path, name, what)
    put(tmp_path, "beside.md", "# Beside\n\ntext\n")
    report = take(bench, tmp_path)
    assert (report.added, len(report.refused)) == (1, 1)


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("Ideas.wiki", "%title Great ideas\n%date 2020-01-02\n\n== sub ==\nmake coffee\n", "Great ideas"),
        ("index.wiki", "= My wiki =\n\n* [[Ideas]]\n", "My wiki"),
        (
            "20220612T062201--third__x.txt",
            "title:  Third one\ndate:  2022-06-12\ntags:  x  y\n-----------\n\nthird text\n",
            "Third one",
        ),
    ],
)
def test_the_title_of_a_text_stands_where_its_tool_puts_it(bench, tmp_path, name, text, title):
    put(tmp_path, name, text)
    take(bench, tmp_path)
    assert list(by_title(bench)) == [title]


def test_what_a_block_of_roam_says_beside_its_text_is_kept(bench, tmp_path):
    block = {
        "string": "plain",
        "uid": "b1",
        "props": {"marker": "sigil"},
        "children": [{"string": "under", "uid": "b2"}],
    }
    put(
        tmp_path,
        "graph.json",
        [{"title": "Page", "children": [block]}, {"title": "Other", "children": [{"string": "see ((b2))"}]}],
    )
    assert take(bench, tmp_path).added == 2
    assert "sigil" in str([field.value for field in by_title(bench)["Page"].other_fields])
    assert by_title(bench)["Other"].content == "- see under"
    assert not by_title(bench)["Other"].other_fields


def test_an_outline_of_feeds_keeps_every_address_and_kind(bench, tmp_path):
    feed = '<outline text="Blog" type="rss" xmlUrl="https://example.org/f.xml" htmlUrl="https://example.org/"/>'
    put(
        tmp_path,
        "feeds.opml",
        f'<opml><head><title>Feeds</title></head><body>{feed}<outline text="Idea" created="2020-01-02"/></body></opml>',
    )
    assert take(bench, tmp_path).added == 2
    entry = by_title(bench)["Blog"]
    assert set(entry.sources) == {"https://example.org/f.xml", "https://example.org/"}
    assert {field.name: field.value for field in entry.other_fields} == {"outline": "Feeds", "outline_type": "rss"}
    assert local_time(by_title(bench)["Idea"].created_at).startswith("2020-01-02")


@pytest.mark.parametrize(
    "value",
    [
        1,
        -3,
        2.5,
        True,
        False,
        "1",
        "3.10",
        "no",
        "true",
        "0x80070005",
        "12:30:45",
        "2020-01-02",
        [{"a": 1, "b": "01"}, 2],
        {"x": {"y": [1, "1", None]}},
        10**12,
        1e22,
    ],
)
@pytest.mark.parametrize("name", ["priority", "status", "id"])
def test_an_edit_changes_no_field_that_nobody_touched(bench, tmp_path, name, value):
    put(tmp_path, "notes.json", [{"title": "Note", "content": "a text", name: value, "other": "kettle"}])
    take(bench, tmp_path)
    entry = by_title(bench)["Note"]
    edited = edited_draft(text_to_edit(entry).replace("kettle", "teapot"), EntryType.REFERENCE)
    kept = [OtherField.of(field.name, "teapot") if field.name == "other" else field for field in entry.other_fields]
    assert sorted(edited.other_fields, key=str) == sorted(kept, key=str)


@pytest.mark.parametrize("written", ["3.10", "no", "0x80070005", "1e3", "007"])
def test_a_scalar_that_is_typed_in_stays_as_it_is_written(written):
    (field,) = edited_draft(f"---\ntitle: T\nversion: {written}\n---\ntext\n", EntryType.REFERENCE).other_fields
    assert field.value == written
