"""Entries written to files: what stands in them, under which names, and what stays of earlier exports."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Bench, all_links, make_bench
from support.depth import tries
from support.drafts import DRAFTS, TEXT

from rekall.cli.render import SCHEMA_VERSION
from rekall.entry import rules
from rekall.entry.fields import Draft, Entry, values_of
from rekall.entry.filters import Filters
from rekall.entry.other import OtherField
from rekall.entry.record import to_record
from rekall.entry.types import EntryType, Link, LinkType, Status
from rekall.errors import InvalidInput, RekallError
from rekall.exchange import folder_writing, json_writing
from rekall.exchange.file_names import Names, sameness, slug_name, titled_names
from rekall.exchange.folder_writing import DELETED_FILE
from rekall.exchange.markdown import own_parts
from rekall.exchange.vault import obsidian_tag, restored, vault_note
from rekall.system.files import file_written_whole

ONE, TWO, THREE = (f"01HF7YAT00000000000000000{number}" for number in "123")
TIME = datetime(2026, 1, 1, tzinfo=timezone.utc)
KINDS = tuple(LinkType)


def as_entry(draft: Draft, entry_id: str = ONE) -> Entry:
    checked = rules.checked(draft)
    times = {"created_at": checked.created_at or TIME, "updated_at": checked.updated_at or TIME}
    return Entry(**(values_of(checked) | {"id": entry_id} | times))


def all_entries(bench: Bench) -> list[Entry]:
    return sorted((entry for _, entry in bench.store.entries.stream()), key=lambda entry: entry.id)


def add(bench: Bench, title: str, content: str = "", **fields: Any) -> Entry:
    return bench.base.add(Draft(fields.pop("type", EntryType.TIL), title, content, **fields)).entry


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def note(folder: Path, name: str) -> tuple[dict[str, Any], str]:
    """Properties and text of a Markdown file, read by a parser that is none of ours."""
    text = (folder / name).read_bytes().decode()
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


@pytest.fixture
def filled(bench: Bench) -> tuple[Bench, Entry, Entry]:
    """An old entry, the new one that supersedes it, each linked to the other, and a deleted one that was linked."""
    old = add(bench, "Old way", "text\n\n---\n# heading", type=EntryType.BUG, tags=("c++", "net/dns"), keywords=("k",))
    new = add(bench, "New way")
    gone = add(bench, "Gone", "what it said", tags=("x",))
    bench.base.link(new.id, old.id, "supersedes", "because: it is")
    bench.base.link(old.id, new.id, "related", "why")
    bench.base.link(gone.id, old.id, "contradicts", "no")
    bench.base.link(new.id, gone.id, "derived_from")
    bench.clock.elapsed_s += 60
    bench.base.delete(gone.id)
    old, new = (bench.base.get(each.id).entry for each in (old, new))
    return bench, old, new


# JSON


def test_json_lines_hold_entries_first_and_then_what_was_deleted(filled: Any, tmp_path: Path) -> None:
    bench, old, new = filled
    written = bench.base.files.export(tmp_path / "all.jsonl")
    assert (written.exported, written.deleted, written.removed, written.format) == (2, 1, (), "jsonl")
    records = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text("utf-8").splitlines()]
    assert [record["id"] for record in records[:2]] == [old.id, new.id]
    assert not any("deleted_at" in record for record in records[:2])
    gone = records[2]
    assert (gone["title"], gone["content"], gone["tags"]) == ("Gone", "what it said", ["x"])
    assert gone["deleted_at"] == "2026-01-01T00:01:00Z"
    assert sorted((link["source"], link["target"], link["type"], link["reason"]) for link in gone["links"]) == sorted(
        [(gone["id"], old.id, "contradicts", "no"), (new.id, gone["id"], "derived_from", "")]
    )


def test_one_json_file_says_the_same(filled: Any, tmp_path: Path) -> None:
    bench = filled[0]
    bench.base.files.export(tmp_path / "all.jsonl")
    written = bench.base.files.export(tmp_path / "all.json")
    document = json.loads((tmp_path / "all.json").read_bytes())
    assert list(document) == ["schema_version", "entries", "deleted"]
    assert [*document["entries"], *document["deleted"]] == [
        json.loads(line) for line in (tmp_path / "all.jsonl").read_text("utf-8").splitlines()
    ]
    assert (written.exported, written.deleted) == (2, 1)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.html", "a"])
def test_an_empty_base_makes_a_whole_file(bench: Bench, tmp_path: Path, name: str) -> None:
    assert bench.base.files.export(tmp_path / name).exported == 0
    if name == "a.json":
        assert json.loads((tmp_path / name).read_bytes()) == {"schema_version": 2, "entries": [], "deleted": []}
    elif name == "a":
        assert files_of(tmp_path / name) == {}
    else:
        assert (b"</html>" in (tmp_path / name).read_bytes()) == (name == "a.html")


def test_the_json_file_has_the_version_of_every_answer() -> None:
    assert json_writing.SCHEMA_VERSION == SCHEMA_VERSION


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a"])
def test_what_was_deleted_can_be_left_out_and_is_with_filters(filled: Any, tmp_path: Path, name: str) -> None:
    bench = filled[0]
    for target, filters, deleted in (("x", Filters(), False), ("y", Filters(types=(EntryType.BUG,)), True)):
        place = tmp_path / target / name
        assert bench.base.files.export(place, filters, deleted=deleted).deleted == 0
        texts = [path.read_text("utf-8") for path in (place.iterdir() if place.is_dir() else [place])]
        assert texts
        assert not any("what it said" in text or "deleted_at" in text for text in texts)


def test_a_stream_takes_what_a_file_takes(filled: Any, tmp_path: Path) -> None:
    bench = filled[0]
    for form, name in (("jsonl", "a.jsonl"), ("json", "a.json"), ("html", "a.html")):
        stream = io.BytesIO()
        assert bench.base.files.export(stream, form=form).format == form
        bench.base.files.export(tmp_path / name)
        assert stream.getvalue() == (tmp_path / name).read_bytes()
    with pytest.raises(InvalidInput, match="vault"):
        bench.base.files.export(io.BytesIO(), form="obsidian")


# which form


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.jsonl", "jsonl"),
        ("a.NDJSON", "jsonl"),
        ("a.json", "json"),
        ("a.htm", "html"),
        ("a.html", "html"),
        ("a", "markdown"),
    ],
)
def test_the_path_says_the_form(filled: Any, tmp_path: Path, name: str, form: str) -> None:
    assert filled[0].base.files.export(tmp_path / name).format == form
    assert (tmp_path / name).is_dir() == (form == "markdown")


def test_a_named_form_goes_before_the_path(filled: Any, tmp_path: Path) -> None:
    bench = filled[0]
    assert bench.base.files.export(tmp_path / "a.txt", form="json").format == "json"
    assert json.loads((tmp_path / "a.txt").read_bytes())["entries"]
    assert bench.base.files.export(tmp_path / "notes.v2", form="markdown").exported == 2
    assert (tmp_path / "notes.v2").is_dir()
    assert bench.base.files.export(tmp_path / "notes.v2").format == "markdown"  # now it is a folder
    with pytest.raises(InvalidInput, match="format"):
        bench.base.files.export(tmp_path / "b.txt", form="yaml")
    with pytest.raises(InvalidInput, match="is a folder") as raised:
        bench.base.files.export(tmp_path / "notes.v2", form="html")
    assert ".html" in raised.value.hint


def test_another_kind_of_path_is_refused(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as raised:
        bench.base.files.export(tmp_path / "out.csv")
    assert ".jsonl" in raised.value.hint
    (tmp_path / "file").write_text("x")
    for form in ("", "obsidian"):
        with pytest.raises(InvalidInput):
            bench.base.files.export(tmp_path / "file", form=form)
    assert (tmp_path / "file").read_text() == "x"


def test_one_entry_fits_into_a_markdown_file_and_two_do_not(filled: Any, tmp_path: Path) -> None:
    bench, old, _ = filled
    bench.base.files.export(tmp_path / "one.md", Filters(types=(EntryType.BUG,)))
    fields, text = note(tmp_path, "one.md")
    assert (fields["id"], text) == (old.id, f"\n{old.content}\n")
    stream = io.BytesIO()
    bench.base.files.export(stream, Filters(types=(EntryType.BUG,)), form="markdown")
    assert stream.getvalue() == (tmp_path / "one.md").read_bytes()
    with pytest.raises(InvalidInput, match="2 entries") as raised:
        bench.base.files.export(tmp_path / "two.md")
    assert "folder" in raised.value.hint
    with pytest.raises(InvalidInput, match="no entry"):
        bench.base.files.export(tmp_path / "none.md", Filters(types=(EntryType.CONFIG,)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.md"]


def test_a_failing_export_leaves_the_old_file(filled: Any, tmp_path: Path) -> None:
    bench = filled[0]
    names = ("out.jsonl", "out.json", "out.html")
    for name in names:
        bench.base.files.export(tmp_path / name)
    before = files_of(tmp_path)

    class Stopped(Exception):
        pass

    def stop(done: int) -> None:
        raise Stopped

    for name in names:
        with pytest.raises(Stopped):
            bench.base.files.export(tmp_path / name, progress=stop)
    assert files_of(tmp_path) == before


@pytest.mark.skipif(os.name == "nt", reason="the size of files cannot be limited")
def test_an_export_for_which_there_is_no_room_leaves_the_old_file(filled: Any, tmp_path: Path) -> None:
    import resource

    bench = filled[0]
    names = ("out.jsonl", "out.json", "out.html")
    for name in names:
        bench.base.files.export(tmp_path / name)
    before = files_of(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        for name in names:
            with pytest.raises((OSError, RekallError)):
                bench.base.files.export(tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("text", ["1e100", "-12E+3", "1.5e-3", "0x10", "1_000", "1:30", "true", "~", "12", ".5"])
def test_a_text_that_looks_like_a_value_is_a_text_again(tmp_path: Path, text: str) -> None:
    one, other = make_bench(), make_bench()
    (tmp_path / "in.jsonl").write_text(json.dumps({"title": "t", "content": "some words", "deep": {"x": [text]}}))
    one.base.files.import_paths([tmp_path / "in.jsonl"])
    one.base.files.export(tmp_path / "notes")
    other.base.files.import_paths([tmp_path / "notes"])
    (before,), (after,) = (bench.base.list_entries(Filters(), None).entries for bench in (one, other))
    assert before.other_fields == after.other_fields == (OtherField.of("deep", {"x": [text]}),)
    one.base.close()
    other.base.close()


# a folder of Markdown, and the next export into it


def test_a_folder_has_a_file_for_each_entry_and_one_for_what_was_deleted(filled: Any, tmp_path: Path) -> None:
    bench, old, new = filled
    written = bench.base.files.export(tmp_path / "notes")
    assert (written.exported, written.deleted) == (2, 1)
    assert set(files_of(tmp_path / "notes")) == {
        slug_name("Old way", old.id),
        slug_name("New way", new.id),
        DELETED_FILE,
    }
    fields, text = note(tmp_path / "notes", slug_name("Old way", old.id))
    assert text == f"\n{old.content}\n"
    assert fields["links"] == [{"target": new.id, "type": "related", "reason": "why"}]
    (line,) = (tmp_path / "notes" / DELETED_FILE).read_text("utf-8").splitlines()
    assert json.loads(line)["title"] == "Gone"


@pytest.mark.parametrize("form", ["markdown", "obsidian"])
def test_an_entry_that_was_renamed_leaves_no_file_behind(filled: Any, tmp_path: Path, form: str) -> None:
    bench, old, new = filled
    folder = tmp_path / "notes"
    bench.base.files.export(folder, form=form)
    before = files_of(folder)
    bench.base.edit(new, replace(new.as_draft(), title="A better way"))
    written = bench.base.files.export(folder, form=form)
    after = files_of(folder)
    assert len(after) == len(before)
    assert written.removed == tuple(before.keys() - after.keys())
    assert any("better way" in name.lower().replace("-", " ") for name in after)
    assert bench.base.files.export(folder, form=form).removed == ()
    assert files_of(folder) == after
    assert old.id in "".join(data.decode() for data in after.values())


@pytest.mark.parametrize("form", ["markdown", "obsidian"])
def test_an_entry_that_was_deleted_leaves_no_file_behind_and_comes_back_restored(
    filled: Any, tmp_path: Path, form: str
) -> None:
    bench, _, new = filled
    folder = tmp_path / "notes"
    bench.base.files.export(folder, form=form)
    before = files_of(folder)
    bench.base.delete(new.id)
    assert len(bench.base.files.export(folder, form=form).removed) == 1
    assert not any(
        new.id in data.decode().split("title:")[0] for name, data in files_of(folder).items() if name != DELETED_FILE
    )
    bench.base.restore(new.id)
    assert bench.base.files.export(folder, form=form).removed == ()
    assert files_of(folder).keys() == before.keys()


@pytest.mark.parametrize("form", ["markdown", "obsidian"])
def test_files_of_others_are_never_touched(filled: Any, tmp_path: Path, form: str) -> None:
    bench, old, new = filled
    folder = tmp_path / "notes"
    bench.base.files.export(folder, form=form)
    ours = {name for name in files_of(folder) if name != DELETED_FILE}
    old_name = next(name for name in ours if "old" in name.lower())
    theirs = {
        "Old copy.md": (folder / old_name).read_bytes(),  # copied under a name of somebody's own
        f"note-{old.id[-8:].lower()}.md": b"# no front matter\n",
        f"b-{old.id[-8:].lower()}.md": f"---\nid: {new.id}\n---\n".encode(),
        "Old way 2.markdown": b"---\nid: x\n---\n",
        "latin.md": b"\xe9",
        "readme.txt": b"mine",
    }
    for name, data in theirs.items():
        (folder / name).write_bytes(data)
    (folder / "deep").mkdir()
    (folder / "deep" / old_name).write_bytes(b"mine too")
    bench.base.edit(old, replace(old.as_draft(), title="Renamed"))
    assert bench.base.files.export(folder, form=form).removed == (old_name,)
    for name, data in theirs.items():
        assert (folder / name).read_bytes() == data
    assert (folder / "deep" / old_name).read_bytes() == b"mine too"


def test_a_file_changed_after_its_entry_was_deleted_stays(filled: Any, tmp_path: Path) -> None:
    bench, _, new = filled
    folder = tmp_path / "notes"
    bench.base.files.export(folder)
    bench.base.delete(new.id)
    path = folder / slug_name("New way", new.id)
    text = path.read_text("utf-8")
    later = text.replace(f"updated_at: '{to_record(new)['updated_at']}'", "updated_at: '2027-01-01T00:00:00Z'")
    assert later != text
    path.write_text(later, "utf-8")
    assert bench.base.files.export(folder).removed == ()
    assert path.read_text("utf-8") == later


def test_a_filtered_export_leaves_what_does_not_pass_alone(filled: Any, tmp_path: Path) -> None:
    bench, _, _ = filled
    folder = tmp_path / "notes"
    bench.base.files.export(folder)
    before = files_of(folder)
    assert bench.base.files.export(folder, Filters(types=(EntryType.BUG,))).removed == ()
    assert files_of(folder) == before


def test_what_other_bases_deleted_stays_in_the_folder(filled: Any, tmp_path: Path) -> None:
    bench = filled[0]
    folder = tmp_path / "notes"
    folder.mkdir()
    foreign = {"id": ONE, "deleted_at": "2025-01-01T00:00:00Z", "title": "theirs"}
    (folder / DELETED_FILE).write_text(json.dumps(foreign) + "\n", "utf-8")
    assert bench.base.files.export(folder).deleted == 1
    records = [json.loads(line) for line in (folder / DELETED_FILE).read_text("utf-8").splitlines()]
    assert [record["title"] for record in records] == ["theirs", "Gone"]


def test_a_file_for_the_deleted_that_is_none_of_ours_stops_the_export(filled: Any, tmp_path: Path) -> None:
    bench = filled[0]
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / DELETED_FILE).write_bytes(b"mine\n")
    with pytest.raises(InvalidInput, match="not written by an export"):
        bench.base.files.export(folder)
    assert files_of(folder) == {DELETED_FILE: b"mine\n"}
    bench.base.files.export(folder, deleted=False)
    assert (folder / DELETED_FILE).read_bytes() == b"mine\n"


def test_nothing_deleted_any_more_is_no_file(filled: Any, tmp_path: Path) -> None:
    bench = filled[0]
    bench.base.files.export(tmp_path / "notes")
    (gone,) = bench.store.tombstones.latest(9)
    bench.base.restore(gone.id)
    bench.base.files.export(tmp_path / "notes")
    assert DELETED_FILE not in files_of(tmp_path / "notes")


def test_a_file_that_holds_the_same_already_is_not_written_again(filled: Any, tmp_path: Path) -> None:
    bench, _, new = filled
    folder = tmp_path / "notes"
    bench.base.files.export(folder)
    before = {path.name: path.stat().st_ino for path in folder.glob("*.md")}
    bench.base.edit(new, replace(new.as_draft(), content="other"))
    bench.base.files.export(folder)
    after = {path.name: path.stat().st_ino for path in folder.glob("*.md")}
    assert {name for name in before if before[name] != after[name]} <= {slug_name("New way", new.id)}
    assert len(before) == len(after) == 2


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own on Windows")
def test_a_link_in_the_folder_is_replaced_and_not_followed(filled: Any, tmp_path: Path) -> None:
    bench, old, _ = filled
    folder, outside = tmp_path / "notes", tmp_path / "outside.md"
    folder.mkdir()
    outside.write_text("mine")
    (folder / slug_name("Old way", old.id)).symlink_to(outside)
    bench.base.files.export(folder)
    assert outside.read_text() == "mine"
    assert not (folder / slug_name("Old way", old.id)).is_symlink()


# names


HARD_TITLES = [
    "con", "CON", "nul.txt", "COM1", "com¹", "lpt9 ", "aux", "a:b", "a/b", "a\\b", "a|b", "a?*<>\"b", "a...", ".hidden",
    "-rf", "~x", "...", "???", "Straße", "STRASSE", "strasse", "Über", "U\u0308ber", "über", "ﬁle", "file", "Kelvin", "\u212aelvin",
    "x" * 500, "X" * 500, "数" * 400, "é" * 300, "e\u0301" * 300, "a\tb", "a\x07b", "\u202eevil", "zero\u200bwidth", "zerowidth",
    "C#", "C", "[[link]]", "a#b^c", "100%", "%%x%%", "I", "ı", "i", "İ", "deleted", "deleted.jsonl", "🦊" * 100, "a b", "a  b",
]  # fmt: skip
TITLES = st.sampled_from(HARD_TITLES) | TEXT.filter(lambda text: text.split())
FORBIDDEN = set('<>:"/\\|?*')
DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{digit}" for name in ("com", "lpt") for digit in "0123456789¹²³")}


@settings(deadline=None, max_examples=tries(100))
@given(titles=st.lists(TITLES, min_size=1, max_size=30), kind=st.sampled_from(["slug", "titled"]))
def test_every_file_system_keeps_the_names_apart(titles: list[str], kind: str) -> None:
    names = Names()
    ids = [f"01HF7YAT{number:018d}" for number in range(len(titles))]
    made = [getattr(names, kind)(title, entry_id) for title, entry_id in zip(titles, ids, strict=True)]
    assert len({sameness(name) for name in made}) == len(made)
    assert len({name.casefold() for name in made}) == len({name.upper() for name in made}) == len(made)
    for name in made:
        stem = name.removesuffix(".md")
        assert name.endswith(".md")
        assert len(name.encode()) <= 200
        assert not FORBIDDEN & set(name)
        assert name.split(".")[0].strip().lower() not in DEVICES
        assert stem == stem.strip(" ")
        assert not stem.startswith((".", "-"))
        assert not stem.endswith(".")
        assert all(char.isprintable() or unicodedata.category(char) == "Co" for char in name)


def test_names_with_every_tail_taken_are_kept_apart() -> None:
    taken = titled_names("Same", ONE)
    assert Names(taken).titled("same", ONE) == f"same {ONE.lower()} 2.md"
    names = Names()
    assert len({names.slug("same", ONE[:-9] + f"{digit}" + ONE[-8:]) for digit in range(3)}) == 3


def test_slugs_are_plain_and_short() -> None:
    name = slug_name("Ünïcode / with: \\ every? *thing* " + "long " * 60, ONE)
    assert name == name.lower()
    assert len(name) < 80
    assert name.isascii()
    assert slug_name("数据", ONE).startswith("entry-")


# an Obsidian vault


def test_a_note_of_a_vault_has_wikilinks_aliases_tags_and_readable_links(filled: Any, tmp_path: Path) -> None:
    bench, old, new = filled
    written = bench.base.files.export(tmp_path / "vault", form="obsidian")
    assert (written.exported, written.deleted) == (2, 0)
    assert set(files_of(tmp_path / "vault")) == {"Old way.md", "New way.md"}
    fields, text = note(tmp_path / "vault", "Old way.md")
    assert fields["aliases"] == ["k"]
    assert fields["tags"] == ["cplusplus", "net/dns"]
    assert fields["tags_as_written"] == ["c++", "net/dns"]
    assert (fields["related"], fields["superseded_by"]) == (["[[New way]]"], "[[New way]]")
    assert text.startswith(f"\n{old.content}\n")
    assert f"- related [[New way]]: why %%{new.id}%%\n" in text
    fields, text = note(tmp_path / "vault", "New way.md")
    assert fields["supersedes"] == ["[[Old way]]"]
    assert f"- supersedes [[Old way]]: because: it is %%{old.id}%%\n" in text


def test_a_link_names_the_file_and_shows_the_title(bench: Bench, tmp_path: Path) -> None:
    first, second = add(bench, "a: b | [c]?"), add(bench, "plain")
    bench.base.link(second.id, first.id)
    bench.base.files.export(tmp_path, form="obsidian")
    fields, _ = note(tmp_path, "plain.md")
    (link,) = fields["related"]
    name, _, shown = link.strip("[]").partition("|")
    assert f"{name}.md" in files_of(tmp_path)
    assert shown == "a: b c ?"


def test_a_note_of_the_owner_is_not_replaced(filled: Any, tmp_path: Path) -> None:
    bench, old, _ = filled
    (tmp_path / "Old way.md").write_text("my own words")
    (tmp_path / "new WAY.md").write_text("in another case")
    for _ in range(2):
        bench.base.files.export(tmp_path, form="obsidian")
        assert (tmp_path / "Old way.md").read_text() == "my own words"
        assert (tmp_path / "new WAY.md").read_text() == "in another case"
        assert f"Old way {old.id[-8:].lower()}.md" in files_of(tmp_path)
        assert len(files_of(tmp_path)) == 4


TAGS_SEEN = [
    ("net/dns", "net/dns"),
    ("machine learning", "machine-learning"),
    ("c++", "cplusplus"),
    ("c#", "csharp"),
    ("2024", "_2024"),
    ("1.0", "1-0"),
    ("2024/01", "_2024/01"),
    ("???", "_"),
    ("größe", "größe"),
    ("日本", "日本"),
    ("a//b/", "a/b"),
]


@pytest.mark.parametrize(("tag", "seen"), TAGS_SEEN)
def test_a_tag_takes_the_form_that_obsidian_has_for_it(tag: str, seen: str) -> None:
    assert obsidian_tag(tag) == seen
    assert obsidian_tag(seen) == seen


def plain(value: Any) -> Any:
    """A record as front matter has it: every scalar as text."""
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else str(value)


REASONS = st.sampled_from(["", "why", "a: b", "]] %%x%%", f"%%{TWO}%%", "[[x]]: y", "x %%"]) | TEXT.map(
    lambda text: " ".join(text.split())
)


@settings(deadline=None, max_examples=tries(150))
@given(draft=DRAFTS, reasons=st.lists(st.tuples(st.sampled_from(KINDS), REASONS), max_size=4), other=TITLES)
def test_any_note_of_a_vault_can_be_read_back(draft: Draft, reasons: list[tuple[LinkType, str]], other: str) -> None:
    entry = as_entry(replace(draft, superseded_by=THREE, status=Status.OBSOLETE))
    links = [Link(ONE, TWO, kind, reason) for kind, reason in dict(reasons).items()]
    titles = {ONE: entry.title, TWO: rules.one_line(other, "title") or "x", THREE: "the third"}
    names = {TWO: Names().titled(titles[TWO], TWO).removesuffix(".md")}
    back = restored(*own_parts(vault_note(entry, links, names, titles)))
    assert rules.checked(Draft(EntryType.TIL, "t", back.content)).content == entry.content
    assert back.links == ()
    fields = dict(back.fields)
    made = sorted((link["type"], link["target"], link["reason"]) for link in fields.pop("links", []))
    assert made == sorted((link.type.value, TWO, link.reason) for link in links)
    wanted = to_record(entry)
    others = {other.name: other.value for other in entry.other_fields}
    kept = {**{name: fields.pop(name) for name in others if name in fields}, **fields.pop("other_fields", {})}
    assert kept == others
    assert fields == plain({name: value for name, value in wanted.items() if name not in {*others, "other_fields"}})


def test_what_somebody_changes_in_obsidian_comes_back() -> None:
    entry = as_entry(Draft(EntryType.TIL, "t", "text", ("c++", "gone")))
    links = [Link(ONE, TWO, LinkType.RELATED, "why"), Link(ONE, THREE, LinkType.CONTRADICTS)]
    text = vault_note(entry, links, {TWO: "Two", THREE: "Three"}, {TWO: "Two", THREE: "Three"})
    text = text.replace("- gone\n", "- new/tag\n", 1).replace("contradicts:\n- '[[Three]]'\n", "")
    text = text.replace("- '[[Two]]'\n", "- '[[Two]]'\n- '[[Mine]]'\n").replace("\ntext\n", "\nmy text\n") + "\nbelow\n"
    back = restored(*own_parts(text))
    assert back.fields["tags"] == ["c++", "new/tag"]
    assert back.fields["links"] == [{"target": TWO, "type": "related", "reason": "why"}]
    assert [(link.target, link.type) for link in back.links] == [("Mine", LinkType.RELATED)]
    assert back.content == "my text\n\nbelow"


@pytest.mark.parametrize(
    "content", ["%%rekall%%\n%%/rekall%%", "a\n\n%%rekall%%\n**Links**\n%%/rekall%%\nb", "%%rekall%%"]
)
@pytest.mark.parametrize("links", [[], [Link(ONE, TWO, LinkType.RELATED, "r")]])
def test_a_text_about_such_notes_stays_as_it_is(content: str, links: list[Link]) -> None:
    entry = as_entry(Draft(EntryType.TIL, "t", content))
    back = restored(*own_parts(vault_note(entry, links, {TWO: "Two"}, {TWO: "Two"})))
    assert back.content == entry.content


# out and in again


def made(drafts: list[Draft], joins: list[tuple[int, int, LinkType, str]], deleted: set[int]) -> Bench:
    """A base with these entries and links, some of them deleted afterwards."""
    bench = make_bench()
    entries = [bench.base.add(draft).entry for draft in drafts]
    for source, target, kind, reason in joins:
        first, second = entries[source % len(entries)], entries[target % len(entries)]
        if first.id != second.id:
            with contextlib.suppress(InvalidInput):  # a round of successors
                bench.base.link(first.id, second.id, kind.value, reason)
    for place in sorted({each % len(entries) for each in deleted}):
        bench.clock.elapsed_s += 60
        bench.base.delete(entries[place].id)
    return bench


def everything(bench: Bench) -> tuple[object, ...]:
    return all_entries(bench), sorted(all_links(bench.store), key=str)


def written_out(bench: Bench, target: Path, form: str) -> dict[str, bytes]:
    bench.base.files.export(target, form=form)
    return files_of(target) if target.is_dir() else {target.name: target.read_bytes()}


FORMS = [("jsonl", "a.jsonl"), ("json", "a.json"), ("markdown", "notes"), ("obsidian", "vault")]
JOINS = st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from(KINDS), REASONS)


@pytest.mark.parametrize(("form", "name"), FORMS)
@settings(deadline=None, max_examples=tries(12))
@given(
    drafts=st.lists(DRAFTS, min_size=1, max_size=5),
    joins=st.lists(JOINS, max_size=6),
    deleted=st.sets(st.integers(0, 4), max_size=2),
)
def test_any_base_goes_out_and_comes_in_again(
    form: str, name: str, drafts: list[Draft], joins: list[tuple[int, int, LinkType, str]], deleted: set[int]
) -> None:
    source, target = made(drafts, joins, deleted), make_bench()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            first = written_out(source, Path(scratch) / "out" / name, form)
            target.base.files.import_paths([Path(scratch) / "out"])
            assert everything(target) == everything(source)
            second = written_out(target, Path(scratch) / "again" / name, form)
            assert second == first
            if form != "obsidian":
                assert [each.id for each in target.store.tombstones.latest(9)] == [
                    each.id for each in source.store.tombstones.latest(9)
                ]
    finally:
        source.base.close()
        target.base.close()


@pytest.fixture
def other() -> Iterator[Bench]:
    bench = make_bench()
    yield bench
    bench.base.close()


@pytest.mark.parametrize(("form", "name"), FORMS[:3])
def test_what_was_deleted_can_be_restored_from_a_file(
    filled: Any, other: Bench, tmp_path: Path, form: str, name: str
) -> None:
    bench = filled[0]
    bench.base.files.export(tmp_path / name, form=form)
    other.base.files.import_paths([tmp_path / name])
    (gone,) = other.store.tombstones.latest(9)
    for each in (bench, other):
        each.base.restore(gone.id)
    assert everything(other) == everything(bench)


def test_records_of_others_between_ours_are_read_too(other: Bench, tmp_path: Path) -> None:
    own = {
        "id": ONE,
        "title": "",
        "type": "til",
        "created_at": "2026-01-01T00:00:00Z",
        "content": "# all of it",
        "links": [],
    }
    gone = {**own, "id": TWO, "title": "gone", "deleted_at": "2026-01-02T00:00:00Z"}
    theirs = {"name": "theirs", "text": "a text"}
    files = {
        "a.jsonl": "\n".join(map(json.dumps, (own, theirs, gone))),
        "b.json": json.dumps({"entries": [own, theirs], "deleted": [gone]}),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
        bench = make_bench()
        report = bench.base.files.import_paths([tmp_path / name])
        assert (report.added, report.deleted, report.refused) == (2, 1, [])
        assert {entry.content for entry in all_entries(bench)} == {"# all of it", "a text"}
        bench.base.close()


@pytest.mark.parametrize("form", ["markdown", "obsidian"])
def test_line_ends_that_yaml_folds_are_kept(form: str, bench: Bench, other: Bench, tmp_path: Path) -> None:
    text = "a\x85b\u2028c\u2029d\re\r\nf"
    bench.base.add(Draft(EntryType.TIL, "t", other_fields=(OtherField.of("note", {"in": [text]}),)))
    bench.base.files.export(tmp_path / "out", form=form)
    other.base.files.import_paths([tmp_path / "out"])
    assert all_entries(other)[0].other_fields == (OtherField.of("note", {"in": [text]}),)


@pytest.mark.parametrize(("form", "name"), FORMS[:3])
def test_a_deletion_travels_and_does_not_return(
    filled: Any, other: Bench, tmp_path: Path, form: str, name: str
) -> None:
    bench, old, new = filled
    shared = tmp_path / name
    written_out(bench, shared, form)
    other.base.files.import_paths([shared])
    bench.clock.elapsed_s += 60
    bench.base.delete(old.id)
    first = written_out(bench, shared, form)
    assert other.base.files.import_paths([shared]).deleted == 1
    assert [entry.id for entry in all_entries(other)] == [new.id]
    assert written_out(other, shared, form) == first
    assert bench.base.files.import_paths([shared]).stored == 0
    assert [entry.id for entry in all_entries(bench)] == [new.id]


def test_a_note_that_was_renamed_in_obsidian_renames_its_entry(filled: Any, tmp_path: Path) -> None:
    bench, old, _ = filled
    bench.base.files.export(tmp_path, form="obsidian")
    (tmp_path / "Old way.md").rename(tmp_path / "Way of old.md")
    bench.clock.elapsed_s += 60
    assert bench.base.files.import_paths([tmp_path]).updated == 1
    assert bench.base.get(old.id).entry.title == "Way of old"
    bench.base.files.export(tmp_path, form="obsidian")
    assert set(files_of(tmp_path)) == {"Way of old.md", "New way.md"}
    assert bench.base.files.import_paths([tmp_path]).stored == 0


def test_a_vault_from_a_system_that_takes_accents_apart_is_the_same(bench: Bench, other: Bench, tmp_path: Path) -> None:
    bench.base.add(Draft(EntryType.TIL, "Über Straße"))
    bench.base.files.export(tmp_path, form="obsidian")
    (tmp_path / "Über Straße.md").rename(tmp_path / unicodedata.normalize("NFD", "Über Straße.md"))
    other.base.files.import_paths([tmp_path])
    assert all_entries(other) == all_entries(bench)


@pytest.mark.parametrize("deletes", [False, True])
def test_another_export_may_write_into_the_same_folder_at_once(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deletes: bool
) -> None:
    entry = add(bench, "One")
    add(bench, "Two")
    if deletes:
        bench.base.delete(entry.id)

    @contextmanager
    def removed_by_the_other(path: Path) -> Iterator[Any]:
        with file_written_whole(path) as file:
            yield file
        path.unlink()

    monkeypatch.setattr(folder_writing, "file_written_whole", removed_by_the_other)
    assert bench.base.files.export(tmp_path / "notes").exported == 2 - deletes
    assert [path.suffix for path in (tmp_path / "notes").iterdir()] == [".md"] * (2 - deletes)
