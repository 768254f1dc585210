"""Files made to stop an import, to fill its memory or to speak through its messages: one is refused or stored, and the rest goes on."""

import contextlib
import io
import itertools
import json
import os
import random
import re
import socket
import sqlite3
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import Bench
from support.depth import some
from support.systems import not_on_windows, own_memory
from support.warm import WarmProgram

from rekall.entry import rules
from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput, RekallError
from rekall.exchange import bounds, pipes, reading
from rekall.exchange.folders import File
from rekall.exchange.page import markdown_of, soup_of
from rekall.knowledge.import_report import ImportReport

WATCHDOG_S = 300
"""Far above what any of these takes on the slowest machine, far below what one that is not bounded would."""

MOST_MESSAGE = 300


def head(yaml: str) -> str:
    return f"---\n{yaml}\n---\nThe body of it.\n"


def bomb(levels: int) -> str:
    return "\n".join(
        ["a0: &a0 lol", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels + 1))]
    )


def take(bench: Bench, folder: Path) -> ImportReport:
    """Import a folder between two neighbours, which must go in whatever lies beside them."""
    (folder / "a0 first.md").write_text("# First neighbour\n\nBefore it.\n")
    (folder / "zz last.md").write_text("# Last neighbour\n\nAfter it.\n")
    report = bench.base.files.import_paths([folder])
    titles = {entry.title for entry in bench.base.list_entries(Filters(), None).entries}
    assert {"First neighbour", "Last neighbour"} <= titles
    told = [*(item.error.message for item in report.refused), *report.problems, *report.unknown_types]
    assert max(map(len, told), default=0) <= MOST_MESSAGE
    assert not any("please report" in item.error.hint for item in report.refused), report.refused
    return report


FIELDS = ("title", "tags", "confidence", "date", "id", "status", "type", "superseded_by", "links", "sources", "x")
NUMBERS = {
    "hex": "0x" + "f" * 5000,
    "octal": "0o" + "7" * 20_000,
    "binary": "0b" + "1" * 50_000,
    "sexagesimal": ":".join(["59"] * 3000),
    "digits": "9" * 100_000,
    "float": "1." + "3" * 100_000,
    "exponent": "1e999999999",
    "half": ".5",
    "infinite": ".inf",
    "no number": ".nan",
}
TAGGED = (
    "!!timestamp 2026",
    "!!binary ====",
    "!!int abc",
    "!!float x",
    "!!set {a, b}",
    "!!python/object/apply:os.system [id]",
)

STORED = {
    **{f"bomb in {name}": head(f"{bomb(9)}\n{name}: *a9") for name in (*FIELDS, "other_fields", "content")},
    **{f"small bomb in {name}": head(f"{bomb(4)}\n{name}: *a4") for name in FIELDS},
    **{f"{kind} in {name}": head(f"{name}: {value}") for kind, value in NUMBERS.items() for name in FIELDS},
    **{f"{value[:12]} in {name}": head(f"{name}: {value}") for value in TAGGED for name in FIELDS},
    "recursive aliases": head("a: &a [*a, *a]\nb: &b {x: *b}\ntags: *a\ntitle: *a"),
    "a long scalar aliased": head(f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 5000)}]"),
    "merge keys": head("\n".join(["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: *a{n - 1}, k: *a{n - 1}, j: *a{n - 1}}}" for n in range(1, 40))])),
    "a name as long as a book": head("k" * 300_000 + ": v\ntitle: T"),
    "an id as long as a book": head(f"id: {'k' * 300_000}\ntype: {'t' * 300_000}\nproject: {'p' * 300_000}"),
    "ten thousand names": head("\n".join(f"k{n}: v" for n in range(10_000))),
    "one name ten thousand times": head("\n".join(f"k: v{n}" for n in range(10_000))),
    "nested lists": head("x: " + "[" * 100_000),
    "nested TOML": "+++\nx = " + "[" * 100_000 + "\n+++\nbody\n",
    "dotted TOML": "+++\n" + "a." * 50_000 + "b = 1\n+++\nbody\n",
    "a number of TOML": "+++\nx = 0x" + "f" * 100_000 + "\n+++\nbody\n",
    "hashtags": "# T\n\n" + " ".join(f"#tag{n}" for n in range(50_000)),
    "wikilinks": "# T\n\n" + " ".join(f"[[n{n}]]" for n in range(50_000)),
    "conflicts": "<<<<<<< a\n=======\n" * 50_000,
    "blanks in a heading": "# x" + " " * 300_000 + "y\n",
    "brackets": "[" * 200_000 + "\n# T\n",
    "NULs among text": b"# T\n\na word\0 or two of them" * 3,
    "no UTF-8": b"# T\n\n" + "café ".encode("latin-1") * 100,
    "halves of characters": head('title: "a \\ud83d b"\n"\\ud83d": x\ntags: ["\\udc00"]'),
}  # fmt: skip


@some(1 / 2)
@pytest.mark.parametrize("name", STORED)
def test_a_hostile_note_goes_in_as_text_and_so_do_its_neighbours(bench, tmp_path, name):
    what = STORED[name]
    (tmp_path / "hostile.md").write_bytes(what if isinstance(what, bytes) else what.encode())
    report = take(bench, tmp_path)
    assert (report.added, report.refused) == (3, [])


NAMED = "abcdefghij"
DEFINED = "".join(f'<!ENTITY {one} "{f"&{before};" * 10}">' for before, one in itertools.pairwise(NAMED))
LAUGHS = f'<!DOCTYPE l [<!ENTITY a "lol">{DEFINED}]>'
SECRET = '<!DOCTYPE l [<!ENTITY j SYSTEM "file:///etc/passwd">]>'
OTHERS = {
    "laughs.opml": (LAUGHS + '<opml><body><outline text="&j;"/></body></opml>', "entities"),
    "laughs.enex": (LAUGHS + "<en-export><note><title>&j;</title></note></en-export>", "entities"),
    "outside.opml": (SECRET + '<opml><body><outline text="x">&j;</outline></body></opml>', "entities"),
    "outside.enex": (SECRET + "<en-export><note><title>&j;</title></note></en-export>", "entities"),
    "deep.json": ("[" * 100_000 + "]" * 100_000, "nested"),
    "deep.jsonl": ("[" * 100_000 + "]" * 100_000, "nested"),
    "deep.ipynb": ('{"cells": ' + "[" * 100_000, "nested"),
    "nothing.jsonl": ("{broken\n" * 3_000, "cannot"),
    "noise.md": (random.Random(1).randbytes(50_000), "no text"),
    "noise.jex": (random.Random(1).randbytes(50_000), "JEX"),
    "noise.rekall.zip": (random.Random(1).randbytes(50_000), "cannot be read"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_hostile_file_of_another_kind_is_refused_in_plain_words(bench, tmp_path, name):
    what, why = OTHERS[name]
    (tmp_path / name).write_bytes(what if isinstance(what, bytes) else what.encode())
    report = take(bench, tmp_path)
    assert report.added == 2
    assert any(why in item.error.message for item in report.refused), report.refused
    assert len(report.refused) <= reading.MOST_REFUSED + 1
    everything = json.dumps([entry.content for entry in bench.base.list_entries(Filters(), None).entries])
    assert "root:" not in everything


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("drawer.org", ":PROPERTIES:\n" + ":a:b:c:d: x\n" * 40 + "text\n"),
        ("begin.org", "#+begin_src a\n" * 50_000),
        ("blanks.org", "#+title: x" + " " * 200_000 + "y\n* h" + " " * 200_000 + "y\n"),
        ("links.org", "* h\n" + "[[id:" * 50_000),
        ("blanks.adoc", "= a" + " " * 200_000 + "y\n:a:" + " " * 200_000 + "\n"),
        ("brackets.tid", "title: a\ntags: " + "[[ " * 50_000 + "\n\n" + "[[" * 50_000),
        ("comments.html", "<!-- a -->" * 40 + "text, and no page"),
        ("open.html", "<html><body>word " + "<!--" * 50_000),
        ("open2.html", "<html><body>word " + "<a b='" * 50_000),
        ("blanks.html", "<html><body>x" + " " * 200_000 + "y"),
        ("code.html", "<html><body>{% if %} word" + "<pre>" * 50_000),
        ("quotes.html", "<html><body>" + "<blockquote>" * 300 + "x<br>" * 2_000),
        ("many.html", "<html><body>" + "<p>word</p>" * 120_000),
        ("deep.html", "<html><body>" + "<div>" * 20_000 + "word"),
        ("deep.opml", "<opml><body>" + '<outline text="a">' * 5_000 + "</outline>" * 5_000 + "</body></opml>"),
        ("deep.canvas", '{"nodes":[{"id":"a","type":"text","text":"some words"}],"x":' + "[" * 100_000),
        ("roam.json", json.dumps([{"title": "P", "children": [{"string": "word " * 20_000, "uid": "abc"}, *({"string": "((abc))" * 500, "uid": f"u{n}"} for n in range(300))]}])),
        ("same.json", '{"text": "some words", ' + ",".join(f'"k": {n}' for n in range(20_000)) + "}"),
        ("numbers.json", '{"text": "some words", "n": ' + "9" * 100_000 + ', "e": 1e999999, "i": NaN}'),
        ("halves.json", '{"title": "a \\ud83d b", "text": "some \\udc00 words", "tags": ["\\ud800"]}'),
        ("text.enex", "<en-export><note><title>t</title><content><![CDATA[" + "<div>" * 20_000 + "word]]></content></note></en-export>"),
    ],
)  # fmt: skip
def test_what_used_to_take_the_square_of_its_length_goes_in(bench, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    report = take(bench, tmp_path)
    assert report.refused == []
    assert report.added + sum(report.left_out.values()) >= 3


def zipped(path: Path, members: dict[str, Callable[[], bytes]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data())


def test_an_archive_is_never_unpacked_beyond_a_bound_nor_outside_of_memory(bench, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    zipped(
        folder / "bomb.rekall.zip", {"manifest.json": lambda: b"{}", "entries.json": lambda: b"[" + b" " * 80_000_000}
    )
    entries = b'[{"id": 1, "title": "Told", "content": "words"}]'
    zipped(
        folder / "paths.rekall.zip",
        {"../../out.md": lambda: b"x", "/abs.md": lambda: b"x", "entries.json": lambda: entries},
    )
    zipped(
        folder / "names.rekall.zip", {f"n{n}": lambda: b"" for n in range(30_000)} | {"entries.json": lambda: entries}
    )
    report = take(bench, folder)
    assert report.added == 3
    assert sorted(Path(item.where.split(", ")[0]).name for item in report.refused) == [
        "bomb.rekall.zip",
        "names.rekall.zip",
    ]
    assert not list(tmp_path.rglob("out.md"))


def test_headers_of_a_jex_that_lie_about_their_length_are_refused(bench, tmp_path):
    for name, kind, size in (
        ("pax", tarfile.XHDTYPE, 2_000_000_000),
        ("long", tarfile.GNUTYPE_LONGNAME, 3_000_000_000),
    ):
        header = tarfile.TarInfo("x")
        header.type, header.size = kind, size
        with (tmp_path / f"{name}.jex").open("wb") as file:
            file.write(header.tobuf(tarfile.GNU_FORMAT))
            file.truncate(size)  # a hole
    header = tarfile.TarInfo("x")
    data = b"99999999999999999999 path=a.md\n"
    header.type, header.size = tarfile.XHDTYPE, len(data)
    (tmp_path / "digits.jex").write_bytes(header.tobuf(tarfile.USTAR_FORMAT) + data.ljust(512, b"\0") + b"\0" * 1024)
    with tarfile.open(tmp_path / "packed.jex", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.md"), io.BytesIO())
    report = take(bench, tmp_path)
    assert report.added == 2
    assert {Path(item.where).name for item in report.refused} >= {"pax.jex", "long.jex", "packed.jex"}


def test_columns_that_a_base_makes_up_do_not_fill_the_memory(bench, tmp_path):
    base = sqlite3.connect(tmp_path / "knowledge.db")
    base.execute("CREATE TABLE entries (id, title, content TEXT AS (hex(zeroblob(100000000))), type, confidence)")
    base.execute("INSERT INTO entries (id, title, type, confidence) VALUES ('1', 'Made up', 'bug', 1)")
    base.commit()
    base.close()
    report = take(bench, tmp_path)
    assert all("Made up" not in item.error.message for item in report.refused)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_pipes_sockets_and_circles_are_passed_over(bench, tmp_path, monkeypatch):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("pipe.md", "pipe.jsonl", ".gitignore", "0" * 32 + ".md"):
        os.mkfifo(folder / name)
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket.md")
    for link, target in (
        ("self", "."),
        ("circle.md", "circle.md"),
        ("endless.md", "/dev/random"),
        ("gone.md", "nowhere"),
    ):
        os.symlink(target, folder / link)
    (folder / ".obsidian").mkdir()
    os.mkfifo(folder / ".obsidian" / "templates.json")
    assert take(bench, folder).added == 2
    for name, what in (("endless.md", "device"), ("socket.md", "socket")):
        report = bench.base.files.import_paths([folder / name])
        assert [item.error.message for item in report.refused] == [f"it is a {what}, no file"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
@pytest.mark.parametrize(
    ("name", "data", "titles"),
    [
        ("pipe.md", b"# A heading\n\nSome words.\n", ["A heading"]),
        ("pipe.jsonl", b'{"title": "one", "content": "words"}\n' * 3, ["one"] * 3),
        ("pipe.json", b'[{"title": "one", "content": "some words"}]', ["one"]),
        ("pipe.html", b"<html><title>A page</title><p>Some words", ["A page"]),
        ("pipe", b"Some words.\n", ["pipe"]),
        ("pipe", b'{"title": "one", "content": "words"}\n{"title": "two", "content": "words"}\n', ["one", "two"]),
        ("pipe", b'{"title": "one",\n "content": "words of it"}', ["one"]),
        ("pipe.md", b"", []),
    ],
)
def test_a_pipe_that_is_named_is_read_to_its_end(bench, tmp_path, name, data, titles):
    path = tmp_path / name
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(data,))
    writer.start()
    report = bench.base.files.import_paths([path])
    writer.join()
    assert report.refused == []
    assert sorted(entry.title for entry in bench.base.list_entries(Filters(), None).entries) == titles


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_without_an_end_is_refused_under_its_own_name(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(pipes, "MOST_PIPED_BYTES", 3_000_000)
    path = tmp_path / "pipe.jsonl"
    os.mkfifo(path)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), path.open("wb") as pipe:
            while True:
                pipe.write(b"{}\n" * 10_000)

    writer = threading.Thread(target=write)
    writer.start()
    (refused,) = bench.base.files.import_paths([path]).refused
    writer.join()
    assert refused.where == str(path)
    assert "3 MB" in refused.error.message


@pytest.mark.skipif(os.name == "nt" or not Path("/dev/fd").exists(), reason="open files have no paths")
def test_a_pipe_without_a_name_is_read_and_known_again(bench):
    data = b'{"title": "one", "content": "words"}\n{broken\n'
    for added in (1, 0):
        reader, writer = os.pipe()
        os.write(writer, data)
        os.close(writer)
        report = bench.base.files.import_paths([f"/dev/fd/{reader}"])
        os.close(reader)
        assert (report.added, report.unchanged) == (added, 1 - added)
        assert [item.where for item in report.refused] == [f"/dev/fd/{reader}, line 2"]


def test_a_file_that_grows_while_it_is_read_is_read_to_a_bound(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("begun\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "read", lambda number, size: b"x" * size)
        with pytest.raises(InvalidInput, match=r"and the limit is 0\.1 MB"):
            bounds.read_whole(path, 100_000)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
def test_a_file_without_a_size_is_read(bench, tmp_path):
    os.symlink("/proc/self/status", tmp_path / "status.txt")
    assert take(bench, tmp_path).added == 3


@not_on_windows("nobody can stand in a folder whose path is that long")
def test_folders_deeper_than_a_path_may_be_long_are_named_and_the_rest_goes_in(bench, tmp_path, monkeypatch):
    folder = tmp_path / "in"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for _ in range(60):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
    Path("x.md").write_text("deep\n")
    os.chdir(folder)
    report = take(bench, folder)
    assert report.added == 2
    assert len(report.refused) == 1
    os.chdir(folder)
    for _ in range(60):
        os.chdir("d" * 200)
    os.remove("x.md")
    for _ in range(60):
        os.chdir("..")
        os.rmdir("d" * 200)


def test_names_as_long_as_names_may_be_go_in(bench, tmp_path):
    for number in range(3):
        (tmp_path / ("n" * 251 + f"{number}.md")).write_text(f"text {number}\n")
    assert take(bench, tmp_path).added == 5


def test_no_error_of_a_dialect_costs_another_file(bench, tmp_path, monkeypatch):
    from rekall.exchange.dialects import plain_text

    for error in (MemoryError(), RecursionError(), AssertionError("x" * 9_999), struct_error(), KeyError("k" * 9_999)):
        folder = tmp_path / type(error).__name__
        folder.mkdir()
        (folder / "hostile.txt").write_text("words\n")

        def failing(source: object, error: BaseException = error) -> list[object]:
            raise error

        monkeypatch.setattr(plain_text.DIALECT, "notes", failing, raising=False)
        found = list(reading.read_files([File(str(folder / "hostile.txt"), "hostile.txt", folder)], reading.Choices()))
        assert [type(item).__name__ for item in found] == ["Refused"]
        assert len(found[0].error.message) < MOST_MESSAGE


def struct_error() -> Exception:
    import struct

    return struct.error("unpack")


WORDS = (
    "title",
    "tags",
    "date",
    "confidence",
    "x y",
    "links",
    "<<",
    "?",
    "id",
    "aliases",
    "superseded_by",
    "type",
    '"q',
    "é",
)
VALUES = (
    "v", "[a, b", "{a: b}", "&a [*b]", "*a", "&b {<<: *a}", "!!timestamp 2026", "!!binary x", ".5", "0x" + "f" * 4400, "1e9999",
    "59:59:59", '"\\ud800"', "|\n  text", ">-\n  a\n  b", "'it''s", "- - - a", "[[[[x]]]]", "2026-02-31", "~", "@x", "%y", "`z",
    "true", "\t", "a: b: c", "[" * 60 + "]" * 60, "!<tag> x", "9" * 5000, "-.inf", "#", "{{title}}", "\x00", "\u2028", "🦆",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_random_heads_never_cost_a_neighbour(bench, tmp_path, seed):
    chosen = random.Random(seed)
    for number in range(60):
        lines = [f"{chosen.choice(WORDS)}: {chosen.choice(VALUES)}" for _ in range(chosen.randint(1, 9))]
        fence = chosen.choice(("---", "---", "---", "+++"))
        (tmp_path / f"n{number}.md").write_text("\n".join((fence, *lines, fence, f"body {number}")), "utf-8")
    report = take(bench, tmp_path)
    assert report.added + len(report.refused) + report.left_out["template"] == 62


CHILD = """
import re, sys
from pathlib import Path
from support import make_bench

def work():
    report = make_bench().base.files.import_paths([Path(sys.argv[1])])
    for item in report.refused:
        print(item.error.message)
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
    print(report.added, peak)
"""


@pytest.fixture(scope="module")
def child() -> Iterator[WarmProgram]:
    """Imports in a process whose peak is its own."""
    program = WarmProgram(CHILD)
    yield program
    program.close()


def hole(path: Path, size: int, begin: bytes = b"") -> None:
    with path.open("wb") as file:
        file.write(begin)
        file.truncate(size)


def lines_of_json(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b'{"text": "')
        for _ in range(300):
            file.write(b"x " * 500_000)
        file.write(b'"}\n{"text": "a small one"}\n')


LARGE = {
    "a.md": (lambda path: hole(path, 300_000_000), 2, "it has 300 MB, and the limit is 16 MB"),
    "a.txt": (lambda path: hole(path, 300_000_000), 2, "it has 300 MB, and the limit is 16 MB"),
    "a.json": (lambda path: hole(path, 300_000_000), 2, "it has 300 MB, and the limit is 64 MB"),
    "a.canvas": (lambda path: hole(path, 300_000_000), 2, "it has 300 MB, and the limit is 64 MB"),
    "a.jsonl": (lines_of_json, 3, "it has 300 MB, and the limit is 64 MB"),
    "b.json": (lambda path: path.write_bytes(b"[" + b"1," * 30_000_000 + b"1]"), 2, None),
    "c.json": (lambda path: path.write_bytes(b'[{"a":[' + b'{"aaaaaaaaaaaaaa":1},' * 500_000 + b"{}]}]"), 2, None),
    "e.json": (lambda path: path.write_bytes(b'[{"text": "some words"}, {"a":[' + b'{"aaaaaaaaaaaaaa":1},' * 500_000 + b"{}]}]"), 3, "so many values"),
    "d.json": (lambda path: path.write_bytes(b'{"text": "' + b"ab " * 12_000_000 + b'"}'), 2, "one text in it"),
    "a.enex": (lambda path: hole(path, 300_000_000, b'<en-export><note a="'), 2, ""),
    "b.enex": (
        lambda path: path.write_bytes(b"<en-export><note><title>t</title>" + b"<a>x</a>" * 3_000_000 + b"</note></en-export>"),
        2,
        "a note in it has",
    ),
}  # fmt: skip


@pytest.mark.slow
@own_memory
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("name", LARGE)
def test_a_huge_file_is_refused_with_its_size_and_takes_no_memory(tmp_path, child, name):
    write, added, why = LARGE[name]
    write(tmp_path / name)
    (tmp_path / "0.md").write_text("# First neighbour\n\ntext\n")
    (tmp_path / "z.md").write_text("# Last neighbour\n\ntext\n")
    ran = child.run(str(tmp_path), patience_s=WATCHDOG_S)
    assert ran.returncode == 0, ran.stderr
    *messages, last = ran.stdout.splitlines()
    stored, peak_mb = map(int, last.split())
    assert stored == added
    assert bool(messages) is (why is not None)  # in a list of numbers is no note
    assert why is None or any(why in message for message in messages), messages
    assert peak_mb < 300


def test_a_folder_with_a_hostile_file_ends_with_code_4_and_says_which_and_why(rekall, tmp_path, quick_model):
    (tmp_path / "note.md").write_text("# A note\n\ntext\n")
    (tmp_path / "huge.md").write_bytes(b"x " * 8_500_000)
    ran = rekall("import", str(tmp_path))
    assert ran.code == 4
    assert "1 added, 1 refused" in ran.out
    assert re.search(r"refused .*huge\.md: it has 17 MB, and the limit is 16 MB", ran.err)
    assert "1 item could not be taken in; the rest is stored" in ran.err


def test_stdin_without_an_end_is_refused(rekall, monkeypatch, quick_model):
    for room in ("add", "options"):
        monkeypatch.setattr(f"rekall.cli.{room}.MOST_STDIN_BYTES", 1_000_000)
    ran = rekall("add", "til", "A title", "-", stdin=b"x " * 600_000)
    assert ran.code == 4
    assert "stdin has more than 1 MB" in ran.err


def endless():
    while True:
        yield "tag"


@pytest.mark.parametrize(
    "values",
    [
        {"tags": [f"t{n}" for n in range(1_000_000)]},
        {"tags": endless()},
        {"tags": 5},
        {"tags": [5]},
        {"files": ["f" * 5_000_000]},
        {"sources": [str(n) + "s" * 100_000 for n in range(150)]},
        {"keywords": [f"k{n}" for n in range(201)]},
        {"project": "p" * 501},
        {"title": "t" * 1_000_000},
        {"confidence": 10**5000},
        {"confidence": "0x" + "f" * 5000},
        {"content": [["a"] * 1_000_000]},
        {"content": b"x" * 1_000_000},
        {"id": "i" * 1_000_000},
        {"id": 10**5000},
        {"type": "t" * 1_000_000},
        {"type": ["bug"]},
        {"other_fields": {"x": 10**5000}},
        {"other_fields": {f"k{n}": n for n in range(5_000)}},
        {"other_fields": {"k" * 5_000: 1}},
        {"other_fields": {"x": object()}},
        dict.fromkeys(("content", "situation", "solution"), "x" * 4000000),
    ],
    ids=lambda values: "-".join(values),
)
def test_a_draft_of_a_program_is_bounded_too(values):
    given = {"type": EntryType.TIL, "title": "T", **values}
    with pytest.raises(RekallError) as caught:
        rules.checked(Draft(**given))
    assert len(caught.value.message) < MOST_MESSAGE


def test_a_page_is_indented_no_deeper_than_anybody_reads():
    text = markdown_of(soup_of("<blockquote>" * 200 + "word"))
    assert 0 < text.count(">") <= 20
    assert text.endswith("word")


def test_a_page_of_more_elements_than_a_tree_is_made_of_keeps_its_words():
    text = markdown_of(soup_of("<p>one &amp; two</p>" * 60_000))
    assert text.count("one & two") == 60_000


def test_declarations_of_a_page_are_no_text_and_what_does_not_end_is():
    assert markdown_of(soup_of("<!DOCTYPE html><!-- hidden -->shown<![CDATA[a < b]]> <b>3</b> < 4 <!-- open")) == (
        "showna < b **3** < 4 <!-- open"
    )
