"""Notes as other tools and people write them, each with the entry that it is: nothing is refused, and every word is found."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support import Bench, ask

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.times import local_time
from rekall.search.results import Mode


@dataclass(frozen=True)
class Case:
    """A file, and what it is as an entry; what is not said is not asked for."""

    text: str | bytes
    path: str = "a-note.md"
    title: str = ""
    content: str | None = None
    has: tuple[str, ...] = ()
    created: str = ""
    updated: str = ""
    tags: tuple[str, ...] | None = None
    keywords: tuple[str, ...] | None = None
    other: Mapping[str, Any] = field(default_factory=dict)
    found_by: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def front(line: str, body: str = "The body text.") -> str:
    return f"---\n{line}\n---\n{body}\n"


MS = 1_641_234_567_890
LONG = "Everything about replication " * 25

FIELDS_OF_OTHERS = {
    "dendron's milliseconds": Case(
        front(f"id: abc\ntitle: T\ndesc: ''\nupdated: {MS + 86_400_000}\ncreated: {MS}"),
        title="T",
        created="2022-01-03",
        updated="2022-01-04",
    ),
    "seconds with a fraction": Case(
        json.dumps({"content": "A fact.", "created_at": 1718000000.123}) + "\n",
        path="memories.jsonl",
        created="2024-06-10",
        found_by=("fact",),
    ),
    "a day in dots": Case(front("date: 15.07.2019"), created="2019-07-15"),
    "a day in slashes": Case(front("date: 2019/07/15"), created="2019-07-15"),
    "a day as a link": Case(front('date: "[[2019-07-15]]"'), created="2019-07-15"),
    "a day as a bare link": Case(front("date: [[2019-07-15]]"), created="2019-07-15"),
    "a day in words": Case(front("date: Monday, July 15th 2019, 3:04 pm"), created="2019-07-15 15:04"),
    "a day in the mail's words": Case(front("date: Mon, 15 Jul 2019 15:04:05 +0000"), created="2019-07-15 15:04"),
    "a day with an offset": Case(front("date: 2019-07-15 10:00:00 -0600"), created="2019-07-15 16:00"),
    "a day that is none": Case(
        front("date: 2019-02-30"), other={"date": "2019-02-30"}, found_by=("2019-02-30",), problems=("date",)
    ),
    "a day that may be two": Case(front("date: 03/04/2019"), other={"date": "03/04/2019"}, problems=("date",)),
    "a day that is a word": Case(front("date: soonish"), other={"date": "soonish"}, found_by=("soonish",)),
    "a status of one's own": Case(
        front("status: in-progress"), other={"status": "in-progress"}, found_by=("progress",), problems=("status",)
    ),
    "a list of statuses": Case(front("status: [seedling, review]"), found_by=("seedling", "review")),
    "a list for a type": Case(front('type: ["[[Meeting]]"]'), found_by=("meeting",)),
    "a list of types": Case(front("type: [talk, meeting]"), found_by=("talk", "meeting")),
    "a list for a project": Case(front('project: ["[[Apollo]]"]'), found_by=("apollo",)),
    "links to names": Case(front('links: ["[[Other]]"]'), found_by=("body",)),
    "a confidence in words": Case(front("confidence: high"), other={"confidence": "high"}, found_by=("high",)),
    "a share of confidence": Case(front("confidence: 0.9"), other={"confidence": "0.9"}),
    "a title that YAML takes for false": Case(front("title: No"), title="No"),
    "a title that YAML takes for a date": Case(front("title: 2024-01-05"), title="2024-01-05"),
    "tags that YAML takes for false": Case(front("tags: [no, se]"), tags=("no", "se")),
    "tags that look like a link": Case(front("tags: [[linux]]"), tags=("linux",)),
    "a colon in a title": Case(front("title: Postmortem: the stampede"), title="Postmortem: the stampede"),
    "a title in italics": Case(front("title: *Important* thing"), title="*Important* thing"),
    "a title with an at": Case(front("title: @angular/core"), title="@angular/core"),
    "a title of code": Case(front("title: `npm ci`"), title="`npm ci`"),
    "a title with a percent": Case(front("title: %APPDATA%"), title="%APPDATA%"),
    "a title with a hash": Case(front("title: '#1 rule'"), title="#1 rule"),
    "a title of a colon": Case(front("title: foo: bar: baz\ntags: [x]"), title="foo: bar: baz", tags=("x",)),
    "a list under tabs": Case(front("tags:\n\t- linux\n\t- dns\ntitle: T"), title="T", tags=("linux", "dns")),
    "a template's title": Case(front("title: {{title}}"), found_by=("body",)),
    "a path of Windows": Case(front('file: "C:\\Users\\me"'), found_by=("users", "body")),
    "an unclosed quote": Case(front('title: "half a quote\ntags: [a]'), found_by=("half", "quote", "body")),
    "an unclosed list": Case(front("title: T\ntags: [a, b"), title="T", found_by=("body",)),
    "a rule at the top": Case("---\n\nJust a text below a rule.\n", has=("Just a text",), found_by=("rule",)),
    "a rule at the top and one below": Case(
        "---\n\nFirst paragraph.\n\n---\n\nSecond.\n", has=("First paragraph.", "Second.")
    ),
    "nothing but a rule": Case("---\n", title="a note"),
    "a list between rules": Case(
        "---\n- one thing\n- another thing\n---\nBody.\n", found_by=("thing", "another", "body")
    ),
    "a head closed by dots": Case("---\ntitle: T\n...\nThe body.\n", title="T", content="The body."),
    "a head without an end": Case(
        "---\ntitle: T\ntags: [a]\n\nThe body.\n", title="T", tags=("a",), content="The body."
    ),
    "a long heading": Case(f"# {LONG}\n\nThe body.\n", has=("The body.",), found_by=("replication",)),
    "a long title": Case(front(f"title: {LONG}"), found_by=("replication",)),
    "PowerShell's encoding": Case(
        b"\xff\xfe" + "# Größe\r\n\r\nAus der Konsole.\r\n".encode("utf-16-le"),
        title="Größe",
        content="Aus der Konsole.",
        problems=("encoding",),
    ),
    "two titles": Case(front("title: One\ntitle: Two"), found_by=("one", "two")),
    "a mapping for a tag": Case(front("tags: {topic: linux}"), found_by=("linux", "topic")),
    "a mapping for a title": Case(front("title: {en: Hello, de: Hallo}"), found_by=("hello", "hallo")),
    "tags that are null": Case(front("tags:\naliases:\ndate:\ntitle: T"), title="T", tags=()),
    "a list of nothing": Case(front("tags: [null, '', ~, linux]"), tags=("linux",)),
    "a head in capitals": Case(
        front("Title: T\nTags: [a]\nDate: 2019-07-15"), title="T", tags=("a",), created="2019-07-15"
    ),
    "an author with an address": Case(front("author: Ann <ann@example.org>"), found_by=("ann@example.org",)),
}

TEXT_KEPT = {
    "prose between rules": Case(
        "---\nWarning: never restart the primary while the replica is catching up\n---\nThe body.\n",
        has=("never restart the primary", "The body."),
        found_by=("replica", "catching"),
    ),
    "a bookmark": Case(
        front(
            "url: https://pgbouncer.example/features\ndescription: A transaction pooler for Postgres\n"
            "summary: Watch advisory locks\naliases: [pglock, bouncer]\ntitle: PgBouncer",
            "",
        ),
        title="PgBouncer",
        keywords=("pglock", "bouncer"),
        other={"url": "https://pgbouncer.example/features", "description": "A transaction pooler for Postgres"},
        found_by=("transaction pooler", "pglock", "advisory"),
    ),
    "Google Keep": Case(
        json.dumps(
            {
                "color": "DEFAULT",
                "isTrashed": False,
                "isPinned": False,
                "isArchived": False,
                "textContent": "Milk and replication slots",
                "title": "Shopping",
                "userEditedTimestampUsec": 1563202800000000,
                "createdTimestampUsec": 1563199200000000,
                "labels": [{"name": "home"}],
            }
        ),
        path="Shopping.json",
        title="Shopping",
        content="Milk and replication slots",
        tags=("home",),
        created="2019-07-15",
        found_by=("replication",),
    ),
    "C#": Case("# Notes on C#\n\ntext\n", title="Notes on C#"),
    "F#": Case("# F#\n\ntext\n", title="F#"),
    "a number between hashes": Case("# Issue #123#\n\ntext\n", title="Issue #123#"),
    "closing hashes": Case("# Heading ##\n\ntext\n", title="Heading"),
    "an escaped hash": Case("# Only C \\#\n\ntext\n", found_by=("only",)),
    "a code in hex": Case(front("error: 0x80070005"), has=(), found_by=("0x80070005",)),
    "versions as tags": Case(front("tags: [3.10, 1.20]"), tags=("3.10", "1.20")),
    "a time as a title": Case(front("title: 12:30:45"), title="12:30:45"),
    "an octal number": Case(front("mode: 0755"), other={"mode": "0755"}, found_by=("0755",)),
    "numbers with underscores": Case(front("port: 8_080\nexp: 1e3"), other={"port": "8_080", "exp": "1e3"}),
    "yes and off": Case(front("draft: yes\nfeature: off"), other={"draft": "yes", "feature": "off"}),
    "a comment in the head": Case(front("title: T\n# remember the pooler\ntags: [a]"), title="T", found_by=("pooler",)),
    "a comment after a value": Case(front("title: T # see the runbook"), title="T", found_by=("runbook",)),
    "a block of text": Case(
        front("title: T\nsummary: |\n  first line\n  second pooler\nfolded: >\n  long\n  words"),
        found_by=("first line", "pooler", "long words"),
    ),
    "a nested mapping": Case(
        front("title: T\nmeta:\n  owner: ann\n  hosts: [db1, db2]"), found_by=("ann", "db2", "hosts")
    ),
    "an anchor": Case(front("title: T\nbase: &b\n  host: db7\nother:\n  <<: *b\n  port: 99"), found_by=("db7",)),
    "a tag of YAML": Case(front("title: T\nx: !ruby/object:Pooler\n  name: vault"), found_by=("vault",)),
    "a key with blanks": Case(front("title: T\nRead again: next spring"), found_by=("spring", "again")),
    "keys in other letters": Case(front("title: T\nschlüssel: wert\n标题: 数据库连接"), found_by=("wert", "数据库")),
    "an HTML comment": Case("# T\n\n<!-- do not forget the pooler -->\ntext\n", title="T", found_by=("pooler",)),
    "a footnote and a table": Case(
        "# T\n\n| host | port |\n|--|--|\n| db9 | 1 |\n\n[^1]: the pooler\n", found_by=("db9", "pooler")
    ),
}

DIALECTS = {
    "Hugo's TOML": Case(
        '+++\ntitle = "Release 1.2"\ndate = 2021-03-04T10:00:00Z\ntags = ["rust", "release"]\ndraft = false\n'
        '[extra]\nauthor = "Ann"\n+++\nThe body.\n',
        title="Release 1.2",
        created="2021-03-04",
        tags=("rust", "release"),
        content="The body.",
        found_by=("ann",),
    ),
    "Hugo's JSON": Case(
        '{\n  "title": "Release",\n  "date": "2021-03-04",\n  "tags": ["rust"]\n}\nThe body.\n',
        title="Release",
        created="2021-03-04",
        tags=("rust",),
        content="The body.",
    ),
    "an index of Hugo": Case(
        '+++\ndate = "2021-03-04"\n+++\nThe body.\n', path="content/blog/pooling/index.md", title="pooling"
    ),
    "Logseq": Case(
        "title:: Pooling\ntags:: linux, dns\nalias:: pgpool\n\n- A block about sockets\n  - below it\n",
        path="pages/x.md",
        title="Pooling",
        tags=("linux", "dns"),
        keywords=("pgpool",),
        found_by=("sockets", "below"),
    ),
    "a heading with a line under it": Case("A title\n=======\n\nThe body.\n", title="A title", content="The body."),
    "a heading after a comment": Case("<!-- made by hand -->\n# A title\n\nThe body.\n", title="A title"),
    "a heading after a table of contents": Case("[[_TOC_]]\n\n# A title\n\nThe body.\n", title="A title"),
    "a heading after blank lines": Case("\n\n# A title\n\nThe body.\n", title="A title"),
    "a blank line before the head": Case("\n---\ntitle: T\ntags: [a]\n---\nThe body.\n", title="T", tags=("a",)),
    "carriage returns": Case(
        b"---\rtitle: T\rtags: [a]\r---\rThe body.\r", title="T", tags=("a",), content="The body."
    ),
    "a tag with a hash": Case(front('tags: "#linux"'), tags=("linux",)),
    "tags with hashes": Case(front('tags: "#linux, #dns"'), tags=("linux", "dns")),
    "a list of tags with hashes": Case(front('tags: ["#linux", dns]'), tags=("linux", "dns")),
    "tags between blanks": Case(front("tags: linux dns"), tags=("linux", "dns")),
    "tags between commas": Case(front("tags: linux, name resolution"), tags=("linux", "name resolution")),
    "one tag": Case(front("tag: linux"), tags=("linux",)),
    "Hugo's other labels": Case(
        front("tags: [a]\ncategories: [Ops]\nkeywords: [pooler]"), tags=("a", "ops"), found_by=("pooler",)
    ),
    "tags in the text": Case(
        "# T\n\nA note #linux #net/dns and C# and #1 and `#!/bin/sh`.\n", tags=("linux", "net/dns")
    ),
    "no tags in code": Case(
        "# T\n\n```sh\n#comment in code\n#include\n```\n\n[a](https://x.example/#anchor)\n", tags=()
    ),
    "another name": Case(front("aliases:\n  - second name\n  - third"), keywords=("second name", "third")),
    "modified": Case(front("created: 2019-01-01\nmodified: 2021-02-03"), created="2019-01-01", updated="2021-02-03"),
    "lastmod": Case(front("date: 2019-01-01\nlastmod: 2021-02-03"), created="2019-01-01", updated="2021-02-03"),
    "a change alone": Case(front("updated: 2021-02-03"), updated="2021-02-03"),
    "Joplin's times": Case(
        front("title: T\nupdated: 2021-02-03 04:05:06Z\ncreated: 2019-01-02 03:04:05Z\nlatitude: 0.00000000"),
        created="2019-01-02 03:04",
        updated="2021-02-03 04:05",
    ),
    "a day in the file's name": Case("text\n", path="2015-03-04-jekyll-post.md", created="2015-03-04"),
    "a daily note": Case("text of the day\n", path="daily/2024-05-01.md", created="2024-05-01", title="2024-05-01"),
    "a journal of Logseq": Case("- text\n", path="journals/2024_05_01.md", created="2024-05-01"),
    "a zettel's number": Case("# A zettel\n\ntext\n", path="202105041030 A zettel.md", created="2021-05-04 10:30"),
    "README": Case("Just text.\n", path="pooler/README.md", title="pooler"),
    "README with a heading": Case(
        "# How the pooler works\n\ntext\n", path="pooler/README.md", title="How the pooler works"
    ),
    "Notion": Case(
        "# Meeting\n\nTags: ops, db\nCreated: July 15, 2019 3:04 PM\n\nWhat was said about sockets.\n",
        path="Meeting 0123456789abcdef0123456789abcdef.md",
        title="Meeting",
        tags=("ops", "db"),
        created="2019-07-15",
        found_by=("sockets",),
    ),
    "mdx": Case("---\ntitle: T\n---\nimport X from './x'\n\n# Heading\n\nThe body.\n", path="a.mdx", title="T"),
    "plain text": Case("First line\n\nAnd more about sockets.\n", path="a-note.txt", found_by=("sockets",)),
    "Org": Case(
        "#+TITLE: T\n#+FILETAGS: :linux:dns:\n\n* Heading\ntext about sockets\n",
        path="a.org",
        title="T",
        tags=("linux", "dns"),
        found_by=("sockets",),
    ),
    "a canvas": Case(
        json.dumps({"nodes": [{"id": "1", "type": "text", "text": "about sockets", "x": 0, "y": 0}], "edges": []}),
        path="board.canvas",
        title="board",
        found_by=("sockets",),
    ),
    "a suffix in capitals": Case("# T\n\ntext\n", path="A-NOTE.MD", title="T"),
}

EXPORTS = {
    "mcp-memory-service": Case(
        json.dumps(
            {
                "memories": [
                    {
                        "content": "The pooler needs sockets",
                        "content_hash": "ab12",
                        "tags": ["db"],
                        "memory_type": "note",
                        "created_at": 1718000000.5,
                    }
                ]
            }
        ),
        path="export.json",
        tags=("db",),
        created="2024-06-10",
        found_by=("pooler",),
    ),
    "the memory server": Case(
        '{"type":"entity","name":"Pooler","entityType":"service","observations":["needs sockets"]}\n',
        path="memory.jsonl",
        title="Pooler",
        found_by=("sockets", "service"),
    ),
    "mem0": Case(
        json.dumps(
            {
                "results": [
                    {
                        "id": "m-1",
                        "memory": "Ann likes sockets",
                        "user_id": "ann",
                        "created_at": "2024-06-10T08:00:00-07:00",
                    }
                ]
            }
        ),
        path="mem0.json",
        created="2024-06-10",
        found_by=("sockets",),
    ),
    "Simplenote": Case(
        json.dumps(
            {
                "activeNotes": [
                    {
                        "id": "s1",
                        "content": "Sockets\r\nand more",
                        "creationDate": "2019-07-15T10:00:00.000Z",
                        "lastModified": "2019-07-16T10:00:00.000Z",
                        "tags": ["net"],
                    }
                ],
                "trashedNotes": [],
            }
        ),
        path="notes.json",
        title="Sockets",
        tags=("net",),
        created="2019-07-15",
        updated="2019-07-16",
        found_by=("more",),
    ),
    "Pinboard": Case(
        json.dumps(
            [
                {
                    "href": "https://x.example/a",
                    "description": "A page on sockets",
                    "extended": "worth it",
                    "tags": "net dns",
                    "time": "2019-07-15T10:00:00Z",
                    "shared": "no",
                    "toread": "no",
                    "meta": "m",
                    "hash": "h",
                }
            ]
        ),
        path="pinboard.json",
        title="A page on sockets",
        tags=("net", "dns"),
        created="2019-07-15",
        found_by=("worth", "x.example"),
    ),
    "jrnl": Case(
        json.dumps(
            {
                "tags": {"@net": 1},
                "entries": [
                    {
                        "title": "Sockets again.",
                        "body": "They leak.",
                        "date": "2019-07-15",
                        "time": "10:00",
                        "tags": ["@net"],
                        "starred": False,
                    }
                ],
            }
        ),
        path="journal.json",
        title="Sockets again.",
        created="2019-07-15",
        found_by=("leak",),
    ),
    "Day One": Case(
        json.dumps(
            {
                "metadata": {"version": "1.0"},
                "entries": [
                    {
                        "uuid": "D1",
                        "creationDate": "2019-07-15T10:00:00Z",
                        "text": "# Sockets\n\nThey leak.",
                        "tags": ["net"],
                        "timeZone": "Europe/Berlin",
                    }
                ],
            }
        ),
        path="Journal.json",
        title="Sockets",
        tags=("net",),
        created="2019-07-15",
        found_by=("leak",),
    ),
    "any object with a text": Case(
        json.dumps({"heading": "Sockets", "noteBody": "They leak when the pooler restarts.", "when": "2019"}),
        path="odd.json",
        found_by=("leak", "sockets", "when"),
    ),
}

CASES = {**FIELDS_OF_OTHERS, **TEXT_KEPT, **DIALECTS, **EXPORTS}


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch):
    """Times without a zone are local; here that is Greenwich."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    if hasattr(time, "tzset"):
        time.tzset()
    yield
    monkeypatch.undo()
    if hasattr(time, "tzset"):
        time.tzset()


def imported(bench: Bench, folder: Path, case: Case) -> Entry:
    path = folder / case.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(case.text if isinstance(case.text, bytes) else case.text.encode())
    report = bench.base.files.import_paths([folder])
    assert [item.error.message for item in report.refused] == []
    assert set(case.problems) == {problem.split(" ")[0] for problem in report.problems} or not case.problems
    (entry,) = bench.base.list_entries(Filters(), None).entries
    return entry


@pytest.mark.parametrize("name", CASES)
def test_a_note_is_the_entry_it_is_meant_to_be(bench, tmp_path, name):
    case = CASES[name]
    folder = tmp_path / "notes"
    entry = imported(bench, folder, case)
    assert entry.title
    if case.title:
        assert entry.title == case.title
    if case.content is not None:
        assert entry.content.strip() == case.content
    for text in case.has:
        assert text in entry.content
    assert local_time(entry.created_at).startswith(case.created)
    assert local_time(entry.updated_at).startswith(case.updated)
    if case.tags is not None:
        assert sorted(entry.tags) == sorted(case.tags)
    if case.keywords is not None:
        assert set(case.keywords) <= set(entry.keywords)
    others = {other.name: other.value for other in entry.other_fields}
    assert {key: others.get(key) for key in case.other} == dict(case.other)
    for words in case.found_by:
        assert [hit.entry.id for hit in ask(bench, words, Mode.WORDS).hits] == [entry.id], words
    again = bench.base.files.import_paths([folder])
    assert (again.unchanged, again.added, again.updated, again.problems) == (1, 0, 0, {})


def test_a_note_without_any_date_is_as_old_as_its_file(bench, tmp_path):
    import os

    note = tmp_path / "notes" / "a.md"
    note.parent.mkdir()
    note.write_text("# T\n\ntext\n", "utf-8")
    os.utime(note, (1_425_427_200, 1_425_427_200))
    bench.base.files.import_paths([note.parent])
    (entry,) = bench.base.list_entries(Filters(), None).entries
    assert local_time(entry.created_at) == local_time(entry.updated_at) == "2015-03-04 00:00"


def test_a_tag_finds_what_is_below_it(bench, tmp_path):
    for name, tag in (("a", "net/dns"), ("b", "net"), ("c", "network"), ("d", "net/dns/bind")):
        (tmp_path / f"{name}.md").write_text(front(f"tags: [{tag}]\ntitle: {name}"), "utf-8")
    bench.base.files.import_paths([tmp_path / f"{name}.md" for name in "abcd"])
    found = {entry.title for entry in bench.base.list_entries(Filters(tags=("net",)), None).entries}
    assert found == {"a", "b", "d"}
    assert {hit.entry.title for hit in ask(bench, "body tag:net/dns", Mode.WORDS).hits} == {"a", "d"}


def test_every_odd_note_of_a_folder_goes_in_at_once(bench, tmp_path):
    for number, case in enumerate(CASES.values()):
        path = tmp_path / "notes" / str(number) / case.path
        path.parent.mkdir(parents=True)
        path.write_bytes(case.text if isinstance(case.text, bytes) else case.text.encode())
    report = bench.base.files.import_paths([tmp_path / "notes"])
    assert (report.added, report.refused) == (len(CASES), [])
    again = bench.base.files.import_paths([tmp_path / "notes"])
    assert (again.unchanged, again.added, again.updated) == (len(CASES), 0, 0)


def test_problems_are_counted_by_kind_with_their_files(bench, tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.md").write_text(front(f"status: state{number}\nconfidence: high"), "utf-8")
    report = bench.base.files.import_paths([tmp_path / f"{number}.md" for number in range(5)])
    assert {problem.split(" ")[0]: len(files) for problem, files in report.problems.items()} == {
        "status": 5,
        "confidence": 5,
    }
    assert len(report.problems) == 2
