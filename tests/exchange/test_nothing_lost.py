"""Every word of a file is in the base afterwards, whatever the file is; and no file costs the ones after it."""

import json
import random
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support import Bench, ask, make_bench
from support.depth import some, tries
from support.warm import WarmProgram

from rekall.entry.fields import FIELDS, Entry
from rekall.entry.filters import Filters
from rekall.entry.record import to_record
from rekall.search.results import Mode

WORD = re.compile(r"[^\W_]{2,}")
PLAIN = st.sampled_from(
    [
        "pooler",
        "socket",
        "replica",
        "über",
        "größe",
        "данные",
        "数据库",
        "timeout",
        "e2e",
        "ssh",
        "utf8",
        "naïve",
        "x86",
        "no",
        "yes",
        "null",
        "true",
        "off",
        "Title",
    ]
)
WORDS = st.lists(
    PLAIN | st.text(st.characters(categories=["Ll", "Lu", "Lo", "Nd"]), min_size=2, max_size=9), min_size=1, max_size=5
)
SENTENCE = WORDS.map(" ".join)
NAME = st.sampled_from(
    [
        *("title", "Title", "tags", "tag", "aliases", "date", "created", "updated", "type", "status", "project", "id"),
        *("confidence", "links", "related", "url", "source", "author", "description", "summary", "content", "text"),
        *(
            "error",
            "files",
            "keywords",
            "categories",
            "draft",
            "other_fields",
            "front_matter",
            "not_read",
            "a b",
            "größe",
        ),
        *(
            "superseded_by",
            "situation",
            "solution",
            "cssclass",
            "sticker",
            "parent",
            "up",
            "- odd",
            "1",
            "key.with.dots",
        ),
    ]
)
SCALAR = st.sampled_from(
    [
        *(
            "0x80070005",
            "3.10",
            "12:30:45",
            "no",
            "1.20",
            "~",
            "null",
            "''",
            '""',
            "2019-02-30",
            "2019-07-15",
            "1e400",
            ".inf",
        ),
        *(
            "0o17",
            "1_000",
            "-",
            "[]",
            "{}",
            "[a, b]",
            "{a: b}",
            "{{title}}",
            "[[link word]]",
            '["[[link word]]"]',
            "#tag word",
        ),
        *(
            "*alias word",
            "&anchor word",
            "!tag word",
            "!!str word",
            "!!python/object:os.system word",
            "!!timestamp word",
        ),
        *(
            "@at word",
            "`code word`",
            "%percent word",
            "? question",
            "| ",
            "> ",
            "|- word",
            "a: b: c",
            "'open quote",
            '"open quote',
        ),
        *(
            "word # comment here",
            "'it''s quoted'",
            '"esc \\u00e9 word"',
            '"bad \\q escape"',
            "C:\\Users\\me",
            "word\ttab",
            "- item",
        ),
        *(
            "<<: *nobody",
            "***",
            "::",
            "a\u2028b word",
            "\ufeffword",
            "😀 word",
            "\x85word",
            "{% raw %} word",
            "<% tp.date %>",
        ),
    ]
)
LINE = st.one_of(
    st.builds("{}: {}".format, NAME, SCALAR | SENTENCE),
    st.builds('{}: "{}"'.format, NAME, SENTENCE),
    st.builds("{}:\n  - {}\n  - {}".format, NAME, SCALAR | SENTENCE, SENTENCE),
    st.builds("{}:\n- {}\n- {}".format, NAME, SENTENCE, SCALAR),
    st.builds("{}:\n\t- {}".format, NAME, SENTENCE),
    st.builds("{}:\n  inner: {}\n  deep:\n    more: {}".format, NAME, SENTENCE, SCALAR | SENTENCE),
    st.builds("{}: |\n  {}\n  {}".format, NAME, SENTENCE, SENTENCE),
    st.builds("{}: >-\n  {}\n\n  {}".format, NAME, SENTENCE, SENTENCE),
    st.builds("{}: [{}, {}".format, NAME, SENTENCE, SENTENCE),
    st.builds("{}: {{one: {}, two: {}}}".format, NAME, SENTENCE, SCALAR),
    st.builds("{}: &here {}\nagain: *here".format, NAME, SENTENCE),
    st.builds("# {}".format, SENTENCE),
    st.builds("  {}: {}".format, NAME, SENTENCE),
    SENTENCE,
    SCALAR,
    st.just(""),
)
BLOCK = st.one_of(
    SENTENCE,
    SCALAR,
    st.builds("# {}".format, SENTENCE),
    st.builds("## {} ##".format, SENTENCE),
    st.builds("{}\n====".format, SENTENCE),
    st.builds("- {}\n  - {}".format, SENTENCE, SENTENCE),
    st.builds("> [!note] {}\n> {}".format, SENTENCE, SENTENCE),
    st.builds("```sh\n# {}\n{}\n```".format, SENTENCE, SENTENCE),
    st.builds("<!-- {} -->".format, SENTENCE),
    st.builds("%% {} %%".format, SENTENCE),
    st.builds("{}:: {}".format, NAME, SENTENCE),
    st.builds("- {}:: {}\n  {}".format, NAME, SENTENCE, SENTENCE),
    st.builds("See [[{}]], [[{}|{}]] and ![[{}#{}]].".format, *[SENTENCE] * 5),
    st.builds("See [{}]({}.md) and [x](https://example.org/{}).".format, SENTENCE, PLAIN, PLAIN),
    st.builds("#tag{} and #{}/{}".format, PLAIN, PLAIN, PLAIN),
    st.builds("| {} | {} |\n|--|--|\n| {} | {} |".format, *[SENTENCE] * 4),
    st.builds("Tags: {}\nCreated: {}".format, SENTENCE, SCALAR),
    st.builds("- [category] {} #tag ({})\n- relates_to [[{}]]".format, *[SENTENCE] * 3),
    st.just("---"),
    st.just("***"),
    st.just(""),
)
HEAD = st.one_of(
    st.lists(LINE, min_size=1, max_size=7).map(lambda lines: "---\n" + "\n".join(lines) + "\n---\n"),
    st.lists(LINE, min_size=1, max_size=4).map(lambda lines: "---\n" + "\n".join(lines) + "\n...\n"),
    st.lists(LINE, min_size=1, max_size=4).map(lambda lines: "---\n" + "\n".join(lines) + "\n\n"),
    st.lists(
        st.builds("{} = {}".format, NAME, SENTENCE.map(lambda text: json.dumps(text, ensure_ascii=False)) | SCALAR),
        min_size=1,
        max_size=4,
    ).map(lambda lines: "+++\n" + "\n".join(lines) + "\n+++\n"),
    st.dictionaries(NAME, SENTENCE | st.lists(SENTENCE, max_size=3), min_size=1, max_size=4).map(
        lambda fields: json.dumps(fields, ensure_ascii=False, indent=2) + "\n"
    ),
    st.just(""),
)
FILE = st.builds(
    lambda head, blocks, end: head + end.join(blocks),
    HEAD,
    st.lists(BLOCK, max_size=6),
    st.sampled_from(["\n", "\n\n"]),
)
SUFFIXES = (".md", ".md", ".md", ".markdown", ".mdx", ".txt", ".org")
MARKS = ((), (".obsidian",), ("logseq",), ("dendron.yml",), (".zk",))


def is_note(text: str) -> bool:
    return bool(WORD.search(text))


def entries(bench: Bench) -> list[Entry]:
    return list(bench.base.list_entries(Filters(), None).entries)


def words(text: str) -> set[str]:
    """The words of a text that must be somewhere afterwards: numbers alone are often dates."""
    return {word for word in WORD.findall(text.casefold()) if not word.isdigit()}


def said(entry: Entry) -> set[str]:
    return words("\n".join(text for field in FIELDS for text in field.texts(entry)))


def became_something(text: str, entry: Entry) -> set[str]:
    """Words of lines that are a time, a type or a status of the entry now, and names of fields."""
    excused = {*words(" ".join(field.name + " " + " ".join(field.aliases) for field in FIELDS))}
    excused |= {"links", "null", "date", "title", "id", "categories", "related", "parent", "up"}
    for line in text.casefold().splitlines():
        if re.match(r"\s*(?:- )?[\"']?(?:date|created|updated|modified)[\"']?\s*(?::|=|::)", line) and re.search(
            r"\d{4}", line
        ):
            excused |= words(line)
    return excused


def missing(text: str, entry: Entry, links: str) -> set[str]:
    # an escape of YAML or JSON is no word of the note
    plain = re.sub(r"\w*\\(?:u[0-9a-fA-F]{4}|[a-zA-Z])\w*", " ", text)
    return words(plain) - said(entry) - words(links) - became_something(text, entry)


def import_text(folder: Path, text: str, marks: tuple[str, ...] = (), suffix: str = ".md") -> Bench:
    for mark in marks:
        (folder / mark).mkdir(exist_ok=True)
    (folder / f"a-note{suffix}").write_bytes(text.encode())
    bench = make_bench()
    report = bench.base.files.import_paths([folder])
    assert [item.error.message for item in report.refused] == []
    return bench


@pytest.fixture
def fresh(tmp_path_factory):
    return lambda: tmp_path_factory.mktemp("notes")


@settings(deadline=None, max_examples=tries(250), suppress_health_check=list(HealthCheck))
@given(text=FILE.filter(is_note), marks=st.sampled_from(MARKS), suffix=st.sampled_from(SUFFIXES))
@example(text="---\nWarning: never restart the primary\n---\nbody", marks=(), suffix=".md")
def test_every_word_of_a_file_is_in_its_entry_and_is_found(fresh, text, marks, suffix):
    bench = import_text(fresh(), text, marks, suffix)
    (entry,) = entries(bench)
    links = "\n".join(f"{link.link.reason} {link.link.type.value}" for link in bench.base.get(entry.id).links)
    assert missing(text, entry, links) == set()
    whole = {word.casefold() for word in re.findall(r"(?<!\S)[a-zA-Z0-9]{2,}(?!\S)", text)}
    known = sorted(whole & said(entry))
    for word in random.Random(text).sample(known, min(3, len(known))):
        if word not in became_something(text, entry):
            assert ask(bench, f'"{word}"', Mode.WORDS).hits, word
    bench.base.close()


@settings(deadline=None, max_examples=tries(60), suppress_health_check=list(HealthCheck))
@given(texts=st.lists(FILE, min_size=1, max_size=4), form=st.sampled_from(["jsonl", "markdown"]))
def test_what_was_imported_survives_an_export(fresh, texts, form):
    folder, out = fresh(), fresh()
    for number, text in enumerate(texts):
        (folder / f"n{number}.md").write_bytes(f"{text}\n\n[[n{(number + 1) % len(texts)}]]\n".encode())
    bench, other = make_bench(), make_bench()
    bench.base.files.import_paths([folder])
    target = out / ("base.jsonl" if form == "jsonl" else "base")
    bench.base.files.export(target, form="" if form == "jsonl" else "markdown")
    report = other.base.files.import_paths([target])
    assert report.refused == []

    def told(base: Bench) -> dict[str, object]:
        return {
            entry.id: ({**to_record(entry, full=True), "content": entry.content}, _links(base, entry))
            for entry in entries(base)
        }

    assert told(other) == told(bench)
    bench.base.close()
    other.base.close()


def _links(bench: Bench, entry: Entry) -> list[tuple[str, str, str]]:
    return sorted(
        (line.other.id, line.link.type.value, line.link.reason)
        for line in bench.base.get(entry.id).links
        if line.is_outgoing
    )


@settings(deadline=None, max_examples=tries(60), suppress_health_check=list(HealthCheck))
@given(text=FILE.filter(is_note))
def test_a_second_import_changes_nothing(fresh, text):
    folder = fresh()
    bench = import_text(folder, text)
    moment = bench.store.moment()
    report = bench.base.files.import_paths([folder])
    assert (report.unchanged, report.added, report.updated) == (1, 0, 0)
    assert bench.store.moment() == moment
    bench.base.close()


@settings(deadline=None, max_examples=tries(150), suppress_health_check=list(HealthCheck))
@given(
    data=st.binary(max_size=200) | st.binary(max_size=60).map(lambda data: b"---\ntitle: " + data + b"\n---\nbody\n")
)
def test_no_bytes_stop_an_import(fresh, data):
    folder = fresh()
    for suffix in ("md", "json", "jsonl", "txt", "org", "enex", "html", "csv", "canvas"):
        (folder / f"a.{suffix}").write_bytes(data)
    (folder / "zzz.md").write_text("# The one after\n", "utf-8")
    bench = make_bench()
    bench.base.files.import_paths([folder])
    assert "The one after" in {entry.title for entry in entries(bench)}
    bench.base.close()


# hostile heads


def bomb(levels: int, field: str) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [" + ", ".join([f"*a{level - 1}"] * 10) + "]")
    return "\n".join([*lines, f"{field}: *a{levels - 1}"])


def names_bomb(levels: int) -> str:
    """Aliases as names of a mapping: each is written out."""
    lines = ["a0: &a0 {x: y}"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} {{? *a{level - 1} : *a{level - 1}, z: *a{level - 1}}}")
    return "\n".join(lines)


FIELDS_BOMBED = (
    "confidence",
    "title",
    "tags",
    "links",
    "id",
    "date",
    "status",
    "type",
    "project",
    "unknown",
    "aliases",
    "files",
)
HOSTILE = {
    **{f"aliases of aliases in {name}": bomb(9, name) for name in FIELDS_BOMBED},
    "a few aliases of aliases": bomb(5, "confidence"),
    "aliases in names": names_bomb(30),
    "an alias of itself": "a: &a [*a]\ntitle: T",
    "merges of merges": "\n".join(
        ["m0: &m0 {k: v}", *(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}], k{n}: v}}" for n in range(1, 40))]
    ),
    "a huge number in hex": "title: 0x" + "f" * 5000,
    "a huge number in a list": "tags: [0" + "7" * 20000 + "]",
    "a huge confidence": "confidence: 0x" + "f" * 200_000,
    "a huge date": "date: " + "9" * 100_000,
    "a huge exponent": "confidence: 1e999999999\ndate: 1e999999999",
    "sixties": "title: " + ":".join(["59"] * 3000),
    "sixties with a fraction": "title: " + ":".join(["59"] * 3000) + ".5",
    "a timestamp that is none": "x: !!timestamp 2026",
    "binary that is none": "x: !!binary '%%%%'",
    "a float that is none": "x: !!float word\ny: !!int word\nz: !!bool word\nn: !!null word",
    "sets and orders": "x: !!set [a, b]\ny: !!omap [a]\nz: !!pairs word",
    "python's objects": "x: !!python/object/apply:os.system ['true']\ny: !!python/name:os.system\nz: !!python/tuple [a]",
    "deep lists": "x: " + "[" * 200_000,
    "deep lists that close": "x: " + "[" * 100_000 + "]" * 100_000,
    "deep mappings": "x: " + "{a: " * 100_000,
    "deep lines": "\n".join(" " * depth + "a:" for depth in range(2_000)),
    "very deep lists": "x: " + "[" * 1_000_000,
    "many tags": "tags: [" + "t, " * 1_000_000 + "t]",
    "many different tags": "tags: [" + ", ".join(f"t{number}" for number in range(200_000)) + "]",
    "many links": "links: [" + ", ".join(f'"[[n{number}]]"' for number in range(100_000)) + "]",
    "many links under each other": "links:\n" + "\n".join(f'- "[[n{number}]]"' for number in range(100_000)),
    "many keys": "\n".join(f"k{number}: v" for number in range(100_000)),
    "the same key often": "\n".join(["key: value"] * 50_000),
    "the same key with other values": "\n".join(f"key: value{number}" for number in range(50_000)),
    "many anchors": "\n".join(f"k{number}: &n{number} v" for number in range(50_000)),
    "megabytes on a line": "title: " + "word " * 800_000,
    "megabytes without a blank": "title: " + "w" * 4_000_000,
    "megabytes of a broken line": "title: [" + "w" * 3_000_000,
    "megabytes of colons": ":" * 2_000_000,
    "megabytes of dashes": "-" * 2_000_000,
    "dashes with blanks": "- " * 500_000,
    "quotes": "x: " + "'" * 1_000_001,
    "backslashes": 'x: "' + "\\" * 1_000_001 + '"',
    "brackets of links": "x: " + "[[" * 300_000,
    "question marks": "? " * 100_000,
    "exclamation marks": "x: " + "!" * 500_000 + " y",
    "comments": "# word\n" * 200_000,
    "documents in a row": "title: T\n--- \nx: y\n" * 3,
    "a reader's own escapes": 'x: "\\uD800\\x00\\U0010FFFF"',
    "control characters": "x: a\x00b\x01\x02\x7f\ny: \x85\u2028",
}

CHILD = """
import resource, sys, tempfile
from pathlib import Path
from support import make_bench
from rekall.entry.filters import Filters

with tempfile.TemporaryDirectory() as folder:  # whatever is loaded once
    Path(folder, "a.md").write_text("---\\ntitle: T\\ndate: 15 July 2019\\n---\\n# A\\n\\ntext\\n", "utf-8")
    warm = make_bench()
    assert warm.base.files.import_paths([Path(folder)]).added == 1
    warm.base.close()

def work():
    bench = make_bench()
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + (int(sys.argv[2]) << 20), -1))
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + int(sys.argv[3]), -1))
    report = bench.base.files.import_paths([Path(sys.argv[1])])
    titles = {entry.title for entry in bench.base.list_entries(Filters(), None).entries}
    assert "The one after" in titles, titles
    sizes = [len(item.error.message) for item in report.refused] + [len(problem) for problem in report.problems]
    assert max(sizes, default=0) < 2000, sizes
    print(len(report.refused), report.added)
"""
MOST_MB = 500
"""More than it has before; the largest of these heads has 4 MB."""

MOST_CPU_S = 60
"""Far above what any of them needs, far below what a bomb would."""


@pytest.fixture(scope="module")
def child() -> Iterator[WarmProgram]:
    """Imports in a process that dies when it takes more memory or work than any such note is worth."""
    program = WarmProgram(CHILD)
    yield program
    program.close()


@pytest.mark.slow
@some(1 / 3)
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_head_costs_neither_memory_nor_the_next_file(tmp_path, child, name):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.md").write_text(f"---\n{HOSTILE[name]}\n---\nThe body.\n", "utf-8")
    (folder / "b.md").write_text("# The one after\n", "utf-8")
    ran = child.run(str(folder), str(MOST_MB), str(MOST_CPU_S), patience_s=600)
    assert ran.returncode == 0, ran.stderr[-3000:]
    refused, added = map(int, ran.stdout.split())
    too_large = len(HOSTILE[name]) > 1_000_000  # more than the text of an entry may be
    assert (refused, added) == (0, 2) or too_large


@pytest.mark.parametrize("name", [name for name in HOSTILE if len(HOSTILE[name]) < 30_000])
def test_a_hostile_head_that_is_small_goes_in_with_its_body(bench, tmp_path, name):
    (tmp_path / "a.md").write_text(f"---\n{HOSTILE[name]}\n---\nThe pooler leaks sockets.\n", "utf-8")
    report = bench.base.files.import_paths([tmp_path / "a.md"])
    assert report.refused == []
    assert len(ask(bench, "pooler sockets", Mode.WORDS).hits) == 1


def test_the_words_of_a_refused_record_do_not_stop_the_others(bench, tmp_path):
    rows = [
        '{"title": "A", "content": "a"}',
        '{"broken',
        "[" * 100_000,
        '{"n": ' + "9" * 10_000 + "}",
        '{"title": "Z", "content": "z"}',
    ]
    (tmp_path / "facts.jsonl").write_text("\n".join(rows), "utf-8")
    report = bench.base.files.import_paths([tmp_path / "facts.jsonl"])
    assert {"A", "Z"} <= {entry.title for entry in entries(bench)}
    assert all(item.where for item in report.refused)


def test_times_are_kept_to_the_second_and_are_no_words_to_look_for(bench, tmp_path):
    (tmp_path / "a.md").write_text("---\ndate: Monday, July 15th 2019, 3:04 pm +0000\n---\n# A\n", "utf-8")
    bench.base.files.import_paths([tmp_path / "a.md"])
    (entry,) = entries(bench)
    assert entry.created_at == datetime(2019, 7, 15, 15, 4, tzinfo=timezone.utc)
