"""What the dialects of Markdown read: titles, dates, tags, links; one file each, no base."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath

import pytest

from rekall.entry.record import Read, from_record
from rekall.entry.types import LinkType
from rekall.errors import InvalidInput
from rekall.exchange.dialect import Dialect, Note, Refused, Source
from rekall.exchange.dialects import basic_memory, cheats, dendron, hugo, joplin, logseq, markdown, notion, obsidian, zk
from rekall.exchange.markdown_text import inline_tags, masked, wikilinks

TLDR, CHEAT = cheats.DIALECTS
HEX = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def source(tmp_path: Path):
    def written(text: str | bytes, relative: str = "dns-notes.md", marks: Sequence[str] = ()) -> Source:
        path = tmp_path / "vault" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return Source(path, PurePosixPath(relative), frozenset(marks))

    return written


@pytest.fixture
def note(source):
    def read(
        text: str | bytes,
        relative: str = "dns-notes.md",
        dialect: Dialect = markdown.DIALECT,
        marks: Sequence[str] = (),
    ) -> Note:
        (found,) = dialect.notes(source(text, relative, marks))
        assert isinstance(found, Note)
        return found

    return read


def as_read(found: Note, dialect: Dialect = markdown.DIALECT) -> Read:
    return from_record(found.fields, found.content, found.title or found.name, keys=dialect.keys)


def targets(found: Note) -> list[str]:
    return [link.target for link in found.links]


TITLES = [
    ("# Notes on C#\n\ntext", "Notes on C#", "text"),
    ("# F#", "F#", ""),
    ("# Issue #123#\n", "Issue #123#", ""),
    ("# Closed ##\n", "Closed", ""),
    ("#\tTabbed\n\ntext", "Tabbed", "text"),
    ("   # Indented\ntext", "Indented", "text"),
    ("## Second level\n\ntext", "Second level", "text"),
    ("Setext\n======\n\ntext", "Setext", "text"),
    ("Setext\n------\n\ntext", "Setext", "text"),
    ("\ufeff# After a mark\n", "After a mark", ""),
    ("**Bold**\n\n# Not first\n", "Not first", "**Bold**\n\n# Not first"),
    ("# **Bold**\n\ntext", "Bold", "text"),
    ("# `npm ci` fails\n", "`npm ci` fails", ""),
    ("# The [docs](https://x.example/y)\n", "The docs", "# The [docs](https://x.example/y)"),
    ("# See [[dns|the DNS]] first\n", "See the DNS first", "# See [[dns|the DNS]] first"),
    ("# Anchored {#here}\n", "Anchored", "# Anchored {#here}"),
    ("<!-- a comment\nof two lines -->\n# Title\ntext", "Title", "<!-- a comment\nof two lines -->\ntext"),
    ("[[_TOC_]]\n\n# Title\n", "Title", "[[_TOC_]]"),
    ("[![ci](https://a/b.svg)](https://a)\n# Title\n", "Title", "[![ci](https://a/b.svg)](https://a)"),
    ("<div align=center>\n\n# Title\n", "Title", "<div align=center>"),
    ("<h1>In HTML</h1>\n\ntext", "In HTML", "<h1>In HTML</h1>\n\ntext"),
    ("#linux #dns\n\n# Title\n", "Title", "#linux #dns"),
    ("[home](../README.md) › [ops](index.md)\n\n# Title\n", "Title", "[home](../README.md) › [ops](index.md)"),
    ("% Of pandoc\n% Its author\n\ntext", "Of pandoc", "% Of pandoc\n% Its author\n\ntext"),
    ("## One\n\na\n\n## Two\n\nb", "", "## One\n\na\n\n## Two\n\nb"),
    ("# Introduction\n\ntext", "", "# Introduction\n\ntext"),
    ("Created: 2020-01-01\n\n# Title\n\ntext", "Title", "Created: 2020-01-01\n\n# Title\n\ntext"),
    ("```sh\n# comment\n```\n", "", "```sh\n# comment\n```"),
    ("~~~\n# comment\n~~~\n", "", "~~~\n# comment\n~~~"),
    ("    # indented code\n\ntext", "", "    # indented code\n\ntext"),
    ("no heading\n", "", "no heading"),
    ("#hashtag alone\n", "", "#hashtag alone"),
    ("# \n\ntext", "", "# \n\ntext"),
    ("# " + "x" * 600 + "\ntext", "", "# " + "x" * 600 + "\ntext"),
    ("---\nWarning: never restart\n---\n\ntext", "", None),
]


@pytest.mark.parametrize(("text", "title", "content"), TITLES)
def test_a_heading_is_the_title(note, text, title, content):
    found = note(text)
    assert (found.title, found.name) == (title, "dns notes")
    if content is not None:
        assert found.content == content


def test_a_given_title_leaves_the_heading_where_it_is(note):
    found = note("---\ntitle: Given\n---\n\n# Heading\n")
    assert as_read(found).draft.title == "Given"
    assert found.content == "# Heading"


@pytest.mark.parametrize(
    ("relative", "text", "title"),
    [
        ("ops/README.md", "# README\n\ntext", "ops"),
        ("ops/README.md", "# Running it\n\ntext", "Running it"),
        ("ops/dns-servers/index.md", "text", "dns servers"),
        ("ops/dns/_index.md", "---\ntitle: Overview\n---\ntext", "dns"),
        ("ops/index.en.md", "---\ntitle: index\n---\n# Hello\n", "Hello"),
        ("ops/Untitled 3.md", "text", "ops"),
        ("ops/resolvers.md", "# Notes\n\ntext", "resolvers"),
        ("ops/resolvers.md", "---\ntitle: untitled\n---\ntext", "resolvers"),
        ("README.md", "text", "vault"),
        ("todo.md", "text", "todo"),
        ("a_b-c d.md", "text", "a_b-c d"),
        ("a_b-c.md", "text", "a b c"),
        ("fünf🚀.md", "text", "fünf🚀"),
        ("My%20note.md", "text", "My note"),
        ("-.md", "text", "-"),
    ],
)
def test_a_name_that_says_nothing_gives_way_to_the_heading_or_the_folder(note, relative, text, title):
    assert as_read(note(text, relative)).draft.title == title


@pytest.mark.parametrize(
    ("relative", "moment", "name"),
    [
        ("2015-03-04-upgrade-redis.md", datetime(2015, 3, 4), "2015-03-04 upgrade redis"),
        ("2024-05-01.md", datetime(2024, 5, 1), "2024-05-01"),
        ("2024_05_01.md", datetime(2024, 5, 1), "2024-05-01"),
        ("20240501.md", datetime(2024, 5, 1), "2024-05-01"),
        ("2024-05-01 Standup.md", datetime(2024, 5, 1), "2024-05-01 Standup"),
        ("20210304101112.md", datetime(2021, 3, 4, 10, 11, 12), "20210304101112"),
        ("20210304101112-lock-order.md", datetime(2021, 3, 4, 10, 11, 12), "lock order"),
        ("202103041011 Lock order.md", datetime(2021, 3, 4, 10, 11), "Lock order"),
        ("2024-05-01T1430.md", datetime(2024, 5, 1, 14, 30), None),
        ("15.07.2019 Kickoff.md", datetime(2019, 7, 15), "15.07.2019 Kickoff"),
        ("May 1st, 2024.md", datetime(2024, 5, 1), "May 1st, 2024"),
        ("retro-2024-05-01.md", datetime(2024, 5, 1), "retro 2024-05-01"),
        ("journal/2024/05/01.md", datetime(2024, 5, 1), "2024-05-01"),
        ("2019-08-09-bundle/index.md", datetime(2019, 8, 9), "2019-08-09 bundle"),
        ("2024-13-01.md", None, None),
        ("2024-02-30.md", None, None),
        ("1641234567890.md", None, "1641234567890"),
        ("RFC-2119.md", None, "RFC 2119"),
        ("port-20210.md", None, "port 20210"),
    ],
)
def test_a_date_in_a_name_is_when_it_was_written(note, relative, moment, name):
    found = note("text", relative)
    assert found.created_at == moment
    assert name is None or found.name == name


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("a #linux and #net/dns.", ("linux", "net/dns")),
        ("#first\n- #item (#bracketed)", ("first", "item", "bracketed")),
        ("#1234 #12-34 #123", ()),
        ("#2024plan", ("2024plan",)),
        ("#fff #FFFFFF #a0b1c2 #abcdef #12ab", ()),
        ("#e2e #add #cafe", ("e2e", "add", "cafe")),
        ("#ネットワーク #größe #🔥", ("ネットワーク", "größe", "🔥")),
        ("`#code` and\n\n```\n#fenced\n```\n\n    #indented\n", ()),
        ("https://x.example/#frag [x](#anchor) [[note#heading]] <a href='#x'>", ()),
        ("# heading #no\n#include <stdio.h>\n#define X 1\n#!/bin/sh", ()),
        ("owner/repo#12 C# F# a#b", ()),
        ("<!-- #hidden --> <pre>#pre</pre>", ()),
        ("#[[several words]] [[no tag]]", ("several words",)),
        ("#twice #twice #a/", ("twice", "a")),
        ("\\#escaped #/path #-x", ()),
        ("text ``a ` #x`` #y", ("y",)),
        ("`open #z\n\n#closed`", ("z", "closed")),
    ],
)
def test_inline_tags(text, tags):
    assert inline_tags(masked(text)) == tags


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[[dns]] [[dns#Records|the records]] [[ops/dns]] ![[dns]]", ["dns", "dns#Records", "ops/dns", "dns"]),
        ("| a | [[dns\\|x]] |", ["dns"]),
        ("![[a.png]] [[#here]] [[^b1]] [[_TOC_]] `[[code]]`", []),
        ('[[ -f x ]] && [[ "$a" == b ]] [[1]](https://x.example) [[1, 2], [3]]', []),
        ("[[202103041011]] [[k3q9 | words]]", ["202103041011", "k3q9"]),
        ("[[a\nb]] [[]]", []),
    ],
)
def test_wikilinks(text, names):
    assert list(wikilinks(masked(text))) == names


def test_links_lead_to_other_notes_and_to_nothing_else(note):
    found = note(
        "[a](../ops/dns.md) [b](<with blank.md>) [c](with%20blank.md#part) [d](https://x.example/a.md) [e](mailto:a@b.c)\n"
        '![f](img.md.png) [g](data.csv) [h](#here) [i][ref] `[j](no.md)` [k](bare/path) [l](dns(1).md "title")\n\n'
        "[ref]: other.md\n"
    )
    assert targets(found) == [
        "../ops/dns.md",
        "with blank.md",
        "with blank.md#part",
        "bare/path",
        "dns(1).md",
        "other.md",
    ]
    assert "[a](../ops/dns.md)" in found.content


def test_links_in_fields_say_which_field_they_stand_in(note):
    found = note(
        '---\nup: "[[Home]]"\nrelated:\n  - "[[A|x]]"\nseen: [[B]]\ndate: "[[2019-07-15]]"\ntags: [[linux]]\n---\nx'
    )
    assert [(link.target, link.reason) for link in found.links] == [("Home", "up"), ("A", ""), ("B", "seen")]
    assert as_read(found).draft.tags == ("linux",)


def test_a_template_is_known_by_what_it_asks_for_or_by_saying_nothing(note):
    assert note("---\ntitle: {{title}}\n---\nx").is_template
    assert note("# <% tp.file.title %>\n").is_template
    assert note("## Context\n\n## Decision\n- \n", "templates/decision.md").is_template
    assert note("# {{date}}\n\nText", "Templates/daily.md").is_template
    assert note("x", "_templates/any.md").is_template
    assert not note("# Templates in C++\n\n`{{title}}` is Hugo's.", "cpp/templates.md").is_template
    assert not note("# SFINAE\n\nIt is no error.", "cpp/templates/sfinae.md").is_template
    assert note("---\ntitle: {{title}}\n---\nx").fields["title"] == "{{title}}"


def test_a_title_is_a_title_however_its_name_is_written(note):
    for head in ("Title: Given", "TITLE: Given", "title: [Given]"):
        found = note(f"---\n{head}\n---\n# Heading\n")
        assert (found.title, found.content, as_read(found).draft.title) == ("", "# Heading", "Given")


def test_an_empty_file_is_no_note(source):
    for text in ("", " \n\n", "\ufeff", "---\n---\n"):
        assert list(markdown.DIALECT.notes(source(text))) == []


def test_whether_a_page_is_published_is_no_date(note):
    read = as_read(note("---\npublished: false\nother_fields: {a: b}\n---\nx"))
    assert {field.name: field.value for field in read.draft.other_fields} == {"published": "false", "a": "b"}
    assert read.problems == ()
    assert as_read(note("---\npublished: 2020-01-02\n---\nx")).draft.created_at.year == 2020


def test_a_heading_that_says_nothing_is_the_title_where_the_file_is_called_so(note):
    assert note("# Home\n\nx", "home.md").title == "Home"
    assert note("# README\n\nx", "README.md").title == ""


def test_comments_in_front_matter_are_kept(note):
    found = note("---\n# asked by Ana\ntags: [a]  # and Ben\n---\nx")
    assert "asked by Ana" in found.fields["front_matter"]
    assert "and Ben" in found.fields["front_matter"]


def test_labels_without_lines_around_them_are_fields_where_one_is_the_title(note):
    found = note("Title: Ports\nDate: 2010-12-03 10:20\nTags: net, tcp\n\nBelow 1024.\n")
    assert found.fields == {"Title": "Ports", "Date": "2010-12-03 10:20", "Tags": "net, tcp"}
    assert (found.content, as_read(found).draft.title) == ("Below 1024.", "Ports")
    assert note("Title: alone\n\nx").content == "Title: alone\n\nx"
    assert note("Warning: one\nNote: two\n\nx").fields == {}


def test_a_file_in_conflict_comes_in_whole(note):
    found = note("# A\n\n<<<<<<< HEAD\nport 8080\n=======\nport 9090\n>>>>>>> other\n")
    assert found.title == "A"
    assert "port 8080" in found.content
    assert "port 9090" in found.content


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_other_encodings_are_read(note, encoding):
    assert note("# Größe\n\nß".encode(encoding)).title == "Größe"


def test_obsidian_takes_the_name_of_the_file_unless_one_heading_says_more(note, source):
    vault = {"dialect": obsidian.DIALECT, "marks": (".obsidian",)}
    one = note("# Pool sizes\n\ntext", "Postgres.md", **vault)
    assert (one.title, one.keywords) == ("Pool sizes", ("Postgres",))
    two = note("# One\n\n# Two\n", "Postgres.md", **vault)
    assert (two.title, two.name) == ("", "Postgres")
    assert obsidian.DIALECT.fits(source("x", marks=(".obsidian",)))
    assert obsidian.DIALECT.fits(source("![[embedded]]"))
    assert obsidian.DIALECT.fits(source("# T\n\ncreated:: [[2024-01-02]]\n"))
    assert not obsidian.DIALECT.fits(source("> [!NOTE]\n> GitHub has these, too. [[x]]"))


def test_obsidian_reads_fields_of_dataview_at_the_top_and_leaves_them_there(note):
    found = note("status:: seed\nup:: [[Home]]\n\ntext (source:: a book)\nlate:: x", dialect=obsidian.DIALECT)
    assert found.fields == {"status": "seed", "up": "[[Home]]"}
    assert found.content.startswith("status:: seed\n")
    assert ("Home", "up") in [(link.target, link.reason) for link in found.links] or targets(found) == ["Home"]


def test_obsidian_asks_the_vault_where_its_templates_are(source, tmp_path):
    (tmp_path / "vault" / ".obsidian").mkdir(parents=True)
    (tmp_path / "vault" / ".obsidian" / "templates.json").write_text('{"folder": "Forms"}')
    (form,) = obsidian.DIALECT.notes(source("All who came.", "Forms/meeting.md", (".obsidian",)))
    (other,) = obsidian.DIALECT.notes(source("All who came.", "Notes/meeting.md", (".obsidian",)))
    assert (form.is_template, other.is_template) == (True, False)


def test_a_canvas_is_one_note(note, source):
    found = note(
        '{"nodes":[{"id":"1","type":"text","text":"Below","y":9},{"id":"2","type":"file","file":"ops/DNS.md","y":1},'
        '{"id":"3","type":"file","file":"a.png","y":2}],"edges":[{"fromNode":"1","toNode":"2","label":"asks"}]}',
        "Flow.canvas",
        obsidian.DIALECT,
    )
    assert found.content == "- ops/DNS.md\n\n- a.png\n\nBelow\n\n- Below → ops/DNS.md: asks"
    assert targets(found) == ["ops/DNS.md"]
    assert note("{broken", "Flow.canvas", obsidian.DIALECT).content == "{broken"
    assert list(obsidian.DIALECT.notes(source("{}", "Flow.canvas"))) == []


def test_logseq_takes_properties_of_the_page_for_fields(note):
    found = note(
        "title:: Postgres\ntags:: db, [[sql]]\nalias:: pg\n\n- TODO a block\n\tid:: 1\n", dialect=logseq.DIALECT
    )
    assert found.fields == {"title": "Postgres", "tags": ["db", "sql"], "alias": ["pg"]}
    assert found.content == "- TODO a block\n\tid:: 1"
    first = note("- tags:: web\n  source:: x\n- text", dialect=logseq.DIALECT)
    assert first.fields == {"tags": ["web"], "source": "x"}
    block = note("- a task\n  owner:: Ana\n", dialect=logseq.DIALECT)
    assert (block.fields, block.content) == ({}, "- a task\n  owner:: Ana")


@pytest.mark.parametrize(
    ("relative", "title"),
    [
        ("pages/lang%2Fpython.md", "lang/python"),
        ("pages/lang___python.md", "lang/python"),
        ("pages/C++.md", "C++"),
        ("journals/2024_05_01.md", "2024-05-01"),
    ],
)
def test_logseq_names_pages_by_their_files(note, relative, title):
    found = note("- # A heading\n- text", relative, logseq.DIALECT, ("logseq",))
    assert found.title == title
    assert found.keywords == (("May 1st, 2024",) if "journals" in relative else ())


def test_logseq_is_known_by_its_folder_or_its_properties(source):
    assert logseq.DIALECT.fits(source("x", marks=("logseq",)))
    assert logseq.DIALECT.fits(source("# x", "pages/a.md", ("logseq",)))
    assert not logseq.DIALECT.fits(source("# My graph", "README.md", ("logseq",)))
    assert logseq.DIALECT.fits(source("tags:: a\n\n- b"))
    assert not logseq.DIALECT.fits(source("- a list\n- of things"))
    assert not logseq.DIALECT.fits(source("std::vector is a list"))
    assert list(logseq.DIALECT.notes(source("-\n-", marks=("logseq",)))) == []


def test_dendron_turns_links_round_and_knows_hierarchies(note, source):
    text = "---\nid: abcdefgh12345678\ntitle: Venv\ndesc: ''\nupdated: 1651234567890\ncreated: 1641234567890\n---\n"
    text += "[[the language|lang.python]] [[lang.c#anchor]] [[dendron://v/lang.go]] [[@ana]] ![[lang.rust]]"
    assert dendron.DIALECT.fits(source(text, "lang.python.venv.md"))
    found = note(text, "lang.python.venv.md", dendron.DIALECT)
    assert targets(found) == ["lang.python", "lang.c#anchor", "lang.go", "lang.rust"]
    assert (found.record_id, found.tags, found.keywords) == (
        "abcdefgh12345678",
        ("lang/python",),
        ("lang.python.venv",),
    )
    assert as_read(found).draft.created_at.year == 2022


def test_joplin_raw_items_know_their_notebook_and_their_tags(source, note):
    folder = {
        "1" * 32: "Note\n\nSee [other](:/" + "9" * 32 + ")\n\nid: {id}\nparent_id: " + "2" * 32 + "\nlatitude: 0.0\n"
        "user_created_time: 2021-03-04T10:11:12.000Z\nis_todo: 1\ndeleted_time: 1620284889000\ntype_: 1",
        "2" * 32: "Servers\n\nid: {id}\nparent_id: " + "3" * 32 + "\ntype_: 2",
        "3" * 32: "Work\n\nid: {id}\nparent_id: \ntype_: 2",
        "4" * 32: "linux\n\nid: {id}\ntype_: 5",
        "5" * 32: "id: {id}\nnote_id: " + "1" * 32 + "\ntag_id: " + "4" * 32 + "\ntype_: 6",
    }
    for name, text in folder.items():
        source(text.replace("{id}", name), f"{name}.md")
    found = note(folder["1" * 32].replace("{id}", "1" * 32), "1" * 32 + ".md", joplin.DIALECT)
    assert (found.title, found.record_id, found.tags) == ("Note", "1" * 32, ("linux",))
    assert targets(found) == ["9" * 32]
    assert found.fields["project"] == "Work/Servers"
    assert found.fields["is_todo"] == "1"
    assert found.deleted_at is not None
    assert as_read(found, joplin.DIALECT).draft.created_at.year == 2021
    assert list(joplin.DIALECT.notes(source(folder["2" * 32].replace("{id}", "2" * 32), "2" * 32 + ".md"))) == []


def test_an_encrypted_item_of_joplin_is_refused_and_says_why(source):
    text = f"\n\nid: {HEX}\nencryption_cipher_text: JED01\nencryption_applied: 1\ntype_: 1"
    (refused,) = joplin.DIALECT.notes(source(text, f"{HEX}.md"))
    assert isinstance(refused, Refused)
    assert "encrypted" in refused.error.message


def test_a_jex_holds_notes_with_their_notebooks(tmp_path):
    path = tmp_path / "all.jex"
    items = {
        "a.md": f"Note\n\ntext\n\nid: {HEX}\nparent_id: {'2' * 32}\ntype_: 1",
        "b.md": f"Work\n\nid: {'2' * 32}\nparent_id: \ntype_: 2",
        "c.md": "nothing of Joplin's",
        "resources/d.md": "attached",
    }
    with tarfile.open(path, "w") as archive:
        for name, text in items.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("e.md")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    found = list(joplin.DIALECT.notes(Source(path)))
    assert [(item.part, item.fields["project"]) for item in found if isinstance(item, Note)] == [("a.md", "Work")]
    assert [item.where for item in found if isinstance(item, Refused)] == [f"{path}, c.md"]
    path.write_bytes(b"no archive")
    with pytest.raises(InvalidInput):
        list(joplin.DIALECT.notes(Source(path)))


def test_notion_takes_the_lines_under_the_heading_for_fields(note, source):
    text = f"# Restart\n\n#: 12\nTags: ops, queue\nCreated: March 4, 2021 10:11 AM\nOwner: Ana\n\nText.\n[x](Old%20{HEX}.md)"
    assert notion.DIALECT.fits(source(text, f"Restart {HEX}.md"))
    found = note(text, f"Restart {HEX}.md", notion.DIALECT)
    assert (found.title, found.record_id) == ("Restart", HEX)
    assert found.content == f"Text.\n[x](Old%20{HEX}.md)"
    read = as_read(found, notion.DIALECT).draft
    assert (read.tags, read.created_at.year) == (("ops", "queue"), 2021)
    assert found.fields["Owner"] == "Ana"
    assert targets(found) == [HEX]
    prose = note("# A\n\nNote: stay here.\n\nx", f"A {HEX}.md", notion.DIALECT)
    assert prose.content == "Note: stay here.\n\nx"


def test_zk_reads_tags_between_colons_and_of_several_words(note, source):
    text = "# T\n\n:a:b-c:\n\n#two words# and #one, at 12:30:45"
    assert zk.DIALECT.fits(source(text))
    found = note(text, "k3q9-marks.md", zk.DIALECT, (".zk",))
    assert set(found.tags) == {"a", "b-c", "two words", "one"}
    assert found.keywords == ("k3q9",)
    assert not zk.DIALECT.fits(source("at 12:30:45\n:smile:\n"))


def test_hugo_reads_categories_and_keeps_addresses(note, source):
    text = '+++\ntitle = "T"\ncategories = ["Web"]\naliases = ["/old/", "other name"]\n[taxonomies]\ntags = ["x"]\n+++\n{{< ref "a" >}}'
    assert hugo.DIALECT.fits(source(text))
    found = note(text, dialect=hugo.DIALECT)
    assert (found.tags, found.keywords) == (("Web", "x"), ("other name",))
    kept = {field.name: field.value for field in as_read(found, hugo.DIALECT).draft.other_fields}
    assert kept["aliases"] == ["/old/", "other name"]
    assert found.content == '{{< ref "a" >}}'
    assert note('+++\npath = "2015/08/06/rust"\n+++\nx', dialect=hugo.DIALECT).created_at == datetime(2015, 8, 6)
    assert not hugo.DIALECT.fits(source("# No head\n"))


def test_basic_memory_makes_links_of_relations(note, source):
    text = "# T\n\n## Observations\n- [tip] use it #x (here)\n\n## Relations\n- part_of [[A]]\n- needs [[B|b]] (for rows)\n"
    text += "- supersedes [[C]]\n- relates_to [[D]]\n- and [[E]] is only text\n"
    assert basic_memory.DIALECT.fits(source(text))
    found = note("---\npermalink: a/t\n---\n" + text, dialect=basic_memory.DIALECT)
    assert [(link.target, link.type, link.reason) for link in found.links] == [
        ("A", LinkType.RELATED, "part_of"),
        ("B", LinkType.RELATED, "needs (for rows)"),
        ("C", LinkType.SUPERSEDES, ""),
        ("D", LinkType.RELATED, ""),
        ("E", LinkType.RELATED, ""),
    ]
    assert (found.record_id, found.keywords, found.tags) == ("a/t", ("a/t",), ("x",))


def test_pages_of_commands_come_in_as_they_are(note, source):
    page = "# tar\n\n> Pack files.\n\n- Unpack here:\n\n`tar -xf {{file}}`\n"
    assert TLDR.fits(source(page))
    found = note(page, "tar.md", TLDR)
    assert (found.title, found.is_template, found.tags) == ("tar", False, ())
    sheet = "% git, code\n\n# Undo\ngit reset <file>\n"
    assert CHEAT.fits(source(sheet, "git.cheat"))
    found = note(sheet, "git.cheat", CHEAT)
    assert (found.name, found.tags, found.content) == ("git", ("git", "code"), sheet.strip())
    assert CHEAT.fits(source("---\ntags: [net]\n---\n# To fetch:\ncurl x\n", "curl"))
    assert CHEAT.fits(source("# To see all:\nls -a\n\n# To see more:\nls -l\n", "ls"))
    for name in ("LICENSE", "Makefile", "sshd_config", "notes.txt"):
        assert not CHEAT.fits(source("# To see all:\nls -a\n\n# To see more:\nls -l\n", name))


@pytest.mark.parametrize(
    "dialect",
    [
        *(module.DIALECT for module in (basic_memory, dendron, hugo, joplin, logseq, markdown, notion, obsidian, zk)),
        TLDR,
        CHEAT,
    ],
    ids=lambda dialect: dialect.name,
)
def test_asking_whether_a_file_fits_never_raises(source, tmp_path, dialect):
    for data in (b"", b"\x00\x01\x02" * 50, b"\xff\xfe\xd8", "# T".encode("utf-16")):
        for suffix in dialect.suffixes:
            assert dialect.fits(source(data, f"a{suffix}")) in (True, False)
    assert dialect.fits(Source(tmp_path / f"gone{dialect.suffixes[0]}")) in (True, False)
