"""Exports of other tools, and JSON of no tool's own: the cases of the field, and what is hostile."""

from __future__ import annotations

import base64
import json
import tracemalloc
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from rekall.entry.types import LinkType
from rekall.errors import InvalidInput
from rekall.exchange.dialect import Dialect, Note, Refused, Source
from rekall.exchange.dialects import (
    day_one,
    enex,
    gemini,
    jrnl,
    keep,
    mcp_memory_service,
    mem0,
    memory_graph,
    org,
    pinboard,
    plain_text,
    records,
    rules_file,
    simplenote,
    standard_notes,
    web_page,
)

ALL: tuple[Dialect, ...] = tuple(
    module.DIALECT
    for module in (
        *(keep, simplenote, day_one, standard_notes, jrnl, memory_graph, mcp_memory_service, mem0, pinboard, enex),
        *(org, web_page, gemini, rules_file, plain_text, records),
    )
)


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Writes a file, and gives it as a source."""

    def write(name: str, what: Any) -> Source:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            what if isinstance(what, bytes) else (what if isinstance(what, str) else json.dumps(what)).encode()
        )
        return Source(path)

    return write


def notes_of(dialect: Dialect, source: Source) -> list[Note]:
    found = list(dialect.notes(source))
    assert all(isinstance(item, Note) for item in found)
    return [item for item in found if isinstance(item, Note)]


def only(dialect: Dialect, source: Source) -> Note:
    assert dialect.fits(source)
    (note,) = notes_of(dialect, source)
    return note


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.name)
def test_a_dialect_says_who_it_is(dialect: Dialect) -> None:
    assert dialect.name
    assert dialect.title
    assert dialect.hint.endswith(".")
    assert all(suffix == suffix.lower() and suffix[:1] in (".", "") for suffix in dialect.suffixes)
    assert len({dialect.name for dialect in ALL}) == len(ALL)


class TestRecords:
    def test_records_without_an_id_have_none(self, written: Any) -> None:
        """A line's number is no identity: put one line on top, and every record would be another."""
        before = notes_of(records.DIALECT, written("a.jsonl", '{"content":"A"}\n{"content":"B"}\n'))
        after = notes_of(records.DIALECT, written("a.jsonl", '{"content":"N"}\n{"content":"A"}\n{"content":"B"}\n'))
        assert {note.record_id for note in [*before, *after]} == {""}
        assert [note.content for note in after] == ["N", "A", "B"]

    @pytest.mark.parametrize("name", ["id", "_id", "uuid", "guid", "content_hash"])
    def test_a_real_id_is_kept(self, written: Any, name: str) -> None:
        assert only(records.DIALECT, written("a.json", {name: "x-1", "content": "text of it"})).record_id == "x-1"

    def test_an_id_that_two_records_have_makes_them_no_one(self, written: Any) -> None:
        notes = notes_of(
            records.DIALECT, written("a.json", [{"id": 1, "content": "one"}, {"id": 1, "content": "other"}])
        )
        assert [note.record_id for note in notes] == ["1", ""]

    @pytest.mark.parametrize(
        "document",
        [
            [{"content": "the text"}],
            {"content": "the text"},
            {"entries": [{"content": "the text"}]},
            {"schema_version": 1, "entries": [{"content": "the text"}], "count": 1},
            {"notes": [{"content": "the text"}]},
            {"memories": [{"content": "the text"}]},
            {"items": [{"content": "the text"}]},
            {"results": [{"content": "the text"}]},
            {"data": [{"content": "the text"}]},
            {"whatever they call it": [{"content": "the text"}]},
            {"notes": {"some key": {"content": "the text"}}},
            {"some key": {"content": "the text"}},
            [[{"content": "the text"}]],
        ],
    )
    def test_records_are_found_wherever_they_are(self, written: Any, document: Any) -> None:
        assert only(records.DIALECT, written("a.json", document)).content == "the text"

    @pytest.mark.parametrize(
        "name", ["content", "text", "body", "note", "memory", "markdown", "description", "summary", "fact", "bemerkung"]
    )
    def test_text_is_found_under_any_name(self, written: Any, name: str) -> None:
        note = only(records.DIALECT, written("a.json", {"title": "T", name: "words of the text", "n": 3, "kind": "x"}))
        assert note.content == "words of the text"
        assert note.fields == {"title": "T", "n": 3, "kind": "x"}

    @pytest.mark.parametrize("name", ["name", "subject", "heading", "headline"])
    def test_a_title_is_found_under_any_name(self, written: Any, name: str) -> None:
        note = only(records.DIALECT, written("a.json", {name: "The title", "content": "text"}))
        assert (note.title, note.content) == ("The title", "text")

    def test_the_first_line_is_a_title_where_there_is_none(self, written: Any) -> None:
        assert only(records.DIALECT, written("a.json", {"content": "\n# C#\nmore"})).title == "C#"
        assert only(records.DIALECT, written("a.json", {"content": "word " * 60})).title.endswith("…")

    def test_what_is_not_understood_stays_as_it_was(self, written: Any) -> None:
        odd = {
            "severity": "high",
            "nested": {"a": ["b", {"c": 1}]},
            "flag": False,
            "n": 0,
            "status": ["open"],
            "links": ["[[Other]]"],
        }
        assert dict(only(records.DIALECT, written("a.json", {"content": "text", **odd})).fields) == odd

    def test_what_a_file_says_of_all_its_records_goes_with_each(self, written: Any) -> None:
        notes = notes_of(
            records.DIALECT,
            written(
                "a.json",
                {
                    "version": 2,
                    "exported_at": "2026-01-01",
                    "project": "apollo",
                    "mode": "full",
                    "notes": [{"text": "one"}, {"text": "two", "project": "other"}],
                },
            ),
        )
        assert [dict(note.fields) for note in notes] == [
            {"project": "apollo", "envelope": {"mode": "full"}},
            {"project": "other", "envelope": {"mode": "full"}},
        ]

    def test_a_file_with_a_text_of_its_own_and_records_is_both(self, written: Any) -> None:
        notes = notes_of(
            records.DIALECT,
            written("a.json", {"title": "My notebook", "description": "What I know", "notes": [{"text": "one"}]}),
        )
        assert [(note.fields.get("title"), note.content) for note in notes] == [
            ("My notebook", "What I know"),
            (None, "one"),
        ]

    def test_comments_of_a_note_stay_in_it(self, written: Any) -> None:
        note = only(
            records.DIALECT,
            written("a.json", {"title": "T", "content": "text", "comments": [{"text": "a remark of someone"}]}),
        )
        assert note.fields["comments"] == [{"text": "a remark of someone"}]

    def test_a_tombstone_is_one(self, written: Any) -> None:
        note = only(
            records.DIALECT, written("a.jsonl", '{"title":"T","content":"x","deleted_at":"2026-01-02T03:04:05Z"}')
        )
        assert note.deleted_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
        assert "deleted_at" not in note.fields

    @pytest.mark.parametrize(
        ("name", "document"),
        [
            ("package.json", {"title": "A package", "description": "It has a text", "version": "1"}),
            ("tsconfig.json", {"compilerOptions": {"strict": True}}),
            ("tsconfig.app.json", {"extends": "./tsconfig.json", "display": "an app of ours"}),
            ("package-lock.json", {"lockfileVersion": 3, "packages": {}}),
            ("composer.json", {"name": "a/b", "description": "some library"}),
            ("renamed.json", {"name": "x", "description": "some package here", "dependencies": {"a": "^1"}}),
            ("api.json", {"openapi": "3.0.0", "info": {"title": "An API", "description": "of some kind"}}),
            ("thing.schema.json", {"title": "A thing", "description": "with words"}),
            ("other.json", {"$schema": "https://example.org/s", "title": "A schema", "properties": {}}),
            ("plugin.json", {"id": "x", "minAppVersion": "1", "description": "a plugin of Obsidian"}),
            ("numbers.json", {"a": [1, 2, 3], "b": {"c": 0.5}}),
            ("flags.json", {"on": True, "name": "x"}),
            ("words.json", ["alpha", "bravo"]),
            ("null.json", None),
            ("empty.json", ""),
            ("nothing.json", {}),
        ],
    )
    def test_what_is_for_a_program_is_no_note(self, written: Any, name: str, document: Any) -> None:
        source = written(name, document)
        assert not any(dialect.fits(source) for dialect in ALL if source.suffix in dialect.suffixes)

    def test_one_bad_line_is_refused_alone(self, written: Any) -> None:
        found = list(
            records.DIALECT.notes(written("a.jsonl", b'{"content":"one"}\n{"content": \n\xff\xfe\n{"content":"four"}'))
        )
        assert [item.part if isinstance(item, Note) else Path(item.where).name for item in found] == [
            "line 1",
            "a.jsonl, line 2",
            "a.jsonl, line 3",
            "line 4",
        ]

    @pytest.mark.parametrize("ending", ["\n", "\r\n"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
    def test_lines_in_any_encoding(self, written: Any, encoding: str, ending: str) -> None:
        lines = [
            json.dumps({"content": f"größer als früher, später nötig {number}"}, ensure_ascii=False)
            for number in range(20)
        ]
        notes = notes_of(records.DIALECT, written("a.jsonl", ending.join(lines).encode(encoding)))
        assert [note.content for note in notes] == [f"größer als früher, später nötig {number}" for number in range(20)]

    @pytest.mark.parametrize("suffix", ["json", "jsonl"])
    def test_values_over_several_lines_follow_each_other(self, written: Any, suffix: str) -> None:
        text = "\n".join(json.dumps({"content": f"value {number}"}, indent=2) for number in range(3))
        assert [note.content for note in notes_of(records.DIALECT, written(f"a.{suffix}", text))] == [
            "value 0",
            "value 1",
            "value 2",
        ]

    def test_json_that_is_none_is_refused(self, written: Any) -> None:
        source = written("a.json", '{"content": "cut o')
        assert records.DIALECT.fits(source)
        with pytest.raises(InvalidInput, match="not valid JSON"):
            list(records.DIALECT.notes(source))

    def test_a_number_that_is_too_long_for_one_costs_nothing(self, written: Any) -> None:
        source = written("a.json", '{"n": ' + "9" * 10_000 + ', "content": "the text"}')
        (note,) = notes_of(records.DIALECT, source)
        assert (note.content, note.fields["n"]) == ("the text", "9" * 10_000)

    @pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 100_000])
    def test_json_that_is_a_trap_is_refused(self, written: Any, text: str) -> None:
        with pytest.raises(InvalidInput):
            list(records.DIALECT.notes(written("a.json", text)))

    def test_a_file_too_large_to_be_read_at_once_is_refused_with_a_hint(self, tmp_path: Path) -> None:
        path = tmp_path / "big.json"
        with path.open("wb") as file:
            file.truncate(256 * 1024 * 1024 + 1)  # a hole: it takes no room
        source = Source(path)
        assert [dialect.name for dialect in ALL if ".json" in dialect.suffixes and dialect.fits(source)] == ["records"]
        with pytest.raises(InvalidInput, match=r"268\.4 MB, and the limit is 64 MB") as caught:
            list(records.DIALECT.notes(source))
        assert ".jsonl" in caught.value.hint

    def test_lines_are_read_one_by_one(self, written: Any) -> None:
        source = written(
            "a.jsonl", b"".join(b'{"content":"%d %s"}\n' % (number, b"word " * 400) for number in range(5_000))
        )
        tracemalloc.start()
        try:
            assert sum(1 for _note in records.DIALECT.notes(source)) == 5_000
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 4_000_000 < source.path.stat().st_size


class TestPeers:
    def test_keep_keeps_its_text(self, written: Any) -> None:
        note = only(
            keep.DIALECT,
            written(
                "a.json",
                {
                    "title": "T",
                    "textContent": "words",
                    "userEditedTimestampUsec": 1,
                    "isTrashed": False,
                    "isArchived": True,
                },
            ),
        )
        assert (note.content, note.fields["isArchived"], note.deleted_at) == ("words", True, None)

    def test_what_keep_has_in_its_bin_is_deleted(self, written: Any) -> None:
        note = only(
            keep.DIALECT,
            written(
                "a.json",
                {"title": "T", "textContent": "words", "userEditedTimestampUsec": 1709287200000000, "isTrashed": True},
            ),
        )
        assert note.deleted_at == datetime(2024, 3, 1, 10, tzinfo=timezone.utc)

    def test_day_one_has_its_dates(self, written: Any) -> None:
        note = only(
            day_one.DIALECT,
            written(
                "a.json",
                {
                    "metadata": {"version": "1.0"},
                    "entries": [
                        {
                            "uuid": "U",
                            "creationDate": "2018-05-18T23:59:54Z",
                            "starred": False,
                            "text": "Airport",
                            "tags": ["t"],
                        }
                    ],
                },
            ),
        )
        assert day_one.DIALECT.keys["creationDate"] == "created_at"
        assert (note.content, note.record_id, note.fields["creationDate"]) == ("Airport", "U", "2018-05-18T23:59:54Z")

    def test_relations_are_links(self, written: Any) -> None:
        graph = {
            "entities": [
                {"name": "A", "entityType": "bug", "observations": ["one"]},
                {"name": "B", "entityType": "thing", "observations": []},
            ],
            "relations": [
                {"from": "A", "to": "B", "relationType": kind}
                for kind in ("uses", "Supersedes", "derivedFrom", "contradicts")
            ],
        }
        first, second = notes_of(memory_graph.DIALECT, written("memory.json", graph))
        assert [(link.target, link.type, link.reason) for link in first.links] == [
            ("B", LinkType.RELATED, "uses"),
            ("B", LinkType.SUPERSEDES, "Supersedes"),
            ("B", LinkType.DERIVED_FROM, "derivedFrom"),
            ("B", LinkType.CONTRADICTS, "contradicts"),
        ]
        assert (first.fields, first.content, second.fields) == ({"type": "bug"}, "one", {"entityType": "thing"})

    def test_a_log_is_no_journal(self, written: Any) -> None:
        assert not jrnl.DIALECT.fits(
            written("a.txt", "[2024-01-01 10:00] INFO started\n\n[2024-01-01 10:01] ERROR failed\n")
        )
        assert not jrnl.DIALECT.fits(
            written("a.txt", "[2024-01-01 10:00] one\n[2024-01-01 10:01] two\n[2024-01-01 10:02] three\n")
        )

    @pytest.mark.parametrize(
        "files",
        [
            {
                "note.json": {"title": "T", "textContent": "x", "userEditedTimestampUsec": 1},
                "note.html": "<html><body>x</body></html>",
            },
            {"source/notes.json": {"activeNotes": [], "trashedNotes": []}, "note.txt": "x"},
            {"Standard Notes Backup and Import File.txt": {"items": []}, "Items/Note/note.txt": "x"},
        ],
    )
    def test_what_an_export_says_twice_is_read_once(self, written: Any, files: dict[str, Any]) -> None:
        sources = [written(name, what) for name, what in files.items()]
        assert not any(dialect.fits(sources[-1]) for dialect in ALL if sources[-1].suffix in dialect.suffixes)

    def test_encrypted_notes_are_refused_by_name(self, written: Any) -> None:
        items = [
            {"uuid": "a", "content_type": "Note", "content": "004:abcdef:ghi"},
            {"uuid": "b", "content_type": "Note", "content": {"title": "T", "text": "read"}},
        ]
        refused, note = standard_notes.DIALECT.notes(written("backup.txt", {"items": items}))
        assert isinstance(refused, Refused)
        assert "encrypted" in refused.error.message
        assert isinstance(note, Note)
        assert note.content == "read"

    @pytest.mark.parametrize(
        ("references", "is_kept"),
        [
            ([{"uuid": "b", "content_type": "Note", "reference_type": "NoteToNote"}], False),
            ([{"uuid": "c", "content_type": "SN|File"}], False),
            ("see the runbook", True),
            ([{"uuid": "b", "content_type": "Note", "why": "the same outage"}], True),
            (["see the runbook"], True),
        ],
    )
    def test_what_references_say_beside_ids_is_kept(self, written, references, is_kept):
        item = {"content_type": "Note", "uuid": "a", "content": {"title": "t", "text": "x", "references": references}}
        (note,) = standard_notes.DIALECT.notes(written("backup.txt", {"items": [item]}))
        assert ("references" in note.fields) == is_kept


class TestEnex:
    def export(self, *notes: str, before: str = "") -> str:
        return f'<?xml version="1.0" encoding="UTF-8"?>{before}<en-export>{"".join(notes)}</en-export>'

    @pytest.mark.parametrize(
        "entities",
        [
            '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
            '<!DOCTYPE x [<!ENTITY passwords SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE x [<!ENTITY % outside SYSTEM "https://example.org/x.dtd"> %outside;]>',
        ],
    )
    def test_entities_are_refused(self, written: Any, entities: str) -> None:
        source = written("a.enex", self.export("<note><title>&b;&passwords;</title></note>", before=entities))
        with pytest.raises(InvalidInput, match="entities"):
            list(enex.DIALECT.notes(source))

    def test_entities_in_the_text_of_a_note_stay_as_they_are(self, written: Any) -> None:
        bomb = '<![CDATA[<!DOCTYPE en-note [<!ENTITY a "hahaha"><!ENTITY b "&a;&a;">]><en-note><div>&b; said</div></en-note>]]>'
        assert (
            "hahaha"
            not in only(
                enex.DIALECT, written("a.enex", self.export(f"<note><title>T</title><content>{bomb}</content></note>"))
            ).content
        )

    def test_a_large_export_is_not_read_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "a.enex"
        picture = base64.b64encode(b"x" * 300_000).decode()
        with path.open("w", encoding="utf-8") as file:
            file.write("<en-export>")
            for number in range(60):
                file.write(
                    f"<note><title>n {number}</title><content><![CDATA[<en-note>text</en-note>]]></content><resource><data>{picture}</data></resource></note>"
                )
            file.write("</en-export>")
        tracemalloc.start()
        try:
            assert sum(1 for _note in enex.DIALECT.notes(Source(path))) == 60
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 10_000_000 < path.stat().st_size

    def test_thousands_of_elements_in_each_other(self, written: Any) -> None:
        deep = f"<![CDATA[<en-note>{'<div>' * 5_000}deep text{'</div>' * 5_000}</en-note>]]>"
        assert (
            "deep text"
            in only(
                enex.DIALECT, written("a.enex", self.export(f"<note><title>T</title><content>{deep}</content></note>"))
            ).content
        )


class TestTexts:
    def test_a_line_that_is_a_sentence_is_no_title(self, written: Any) -> None:
        assert only(plain_text.DIALECT, written("my-file.txt", "It ends in a full stop.\n\nMore.")).title == ""
        assert only(plain_text.DIALECT, written("my-file.txt", "It ends in a full stop.\n\nMore.")).name == "my file"

    @pytest.mark.parametrize("text", ["", " \n", b"\x00\x01\x02\x00\xff" * 50])
    def test_no_text_is_no_note(self, written: Any, text: Any) -> None:
        assert not plain_text.DIALECT.fits(written("a.txt", text))

    def test_the_whole_text_is_kept(self, written: Any) -> None:
        text = "Title\n=====\n:date: 2020-01-02\n\n.. note:: kept\n\nend"
        note = only(plain_text.DIALECT, written("a.rst", text))
        assert (note.content, note.title) == (text, "Title")
        assert note.created_at is not None

    def test_org_examples_mean_nothing(self, written: Any) -> None:
        note = only(
            org.DIALECT,
            written("a.org", "* Real\n#+begin_src org\n#+title: Not\n#+filetags: :no:\n[[id:x]]\n#+end_src\n"),
        )
        assert (note.title, note.tags, note.links) == ("Real", (), ())
        assert "#+title: Not" in note.content

    def test_a_list_of_memories_ends_where_its_section_does(self, written: Any) -> None:
        text = "## Gemini Added Memories\n- one\n  ```\n  # no heading\n  ```\n- two\n# Next\n- no memory\n"
        notes = notes_of(gemini.DIALECT, written("GEMINI.md", text))
        assert [note.content for note in notes] == ["# Next\n- no memory", "one\n```\n# no heading\n```", "two"]

    def test_markdown_is_not_gemini_s(self, written: Any) -> None:
        assert not gemini.DIALECT.fits(written("GEMINI.md", "# Rules\n\n- one\n"))
