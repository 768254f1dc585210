"""Bad input and bad luck: each has a message, a hint and an exit code, and the database is as before or complete."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import FakeEncoder, Ran
from support.waiting import PATIENCE_S, until

from rekall.db import Database
from rekall.models.library import FolderLoader
from rekall.models.vectors import Matrix

Rekall = Callable[..., Ran]
Process = Callable[..., "subprocess.CompletedProcess[str]"]

posix = pytest.mark.skipif(os.name == "nt", reason="signals, pipes with names and file modes are POSIX")
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs what only Linux offers")


pytestmark = pytest.mark.usefixtures("quick_model")


def complains(ran: Ran, code: int) -> str:
    """The complaint, after checking that it is one as people should get it."""
    assert ran.code == code, ran
    assert ran.err.startswith("error: ") or "\nerror: " in ran.err
    assert "\n\nhint: " in ran.err
    assert "Traceback" not in ran.err
    return ran.err


def write_records(file: Path, records: Sequence[object]) -> Path:
    file.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return file


def intact(home: Path) -> bool:
    connection = apsw.Connection(str(home / "rekall.db"))
    verdicts = [connection.pragma("integrity_check"), connection.execute("PRAGMA foreign_key_check").fetchall()]
    connection.close()
    return verdicts == ["ok", []]


def state(rekall: Rekall) -> list[dict[str, Any]]:
    entries = rekall("list", "--all", "--json").json["entries"]
    assert isinstance(entries, list)
    return entries


@pytest.fixture
def base(rekall: Rekall) -> list[dict[str, Any]]:
    """A base with two entries."""
    assert rekall("add", "bug", "the first entry", "-c", "some text").code == 0
    assert rekall("add", "til", "the second entry", "-c", "other text").code == 0
    return state(rekall)


# text that is none


@pytest.mark.parametrize("bad", ["title \udcff", "\ud800"])
@pytest.mark.parametrize(
    "place",
    [
        "title",
        "--content",
        "--tag",
        "--project",
        "--situation",
        "--solution",
        "--what-failed",
        "--error",
        "--file",
        "--keyword",
        "--source",
    ],
)
def test_what_is_not_utf8_is_refused_whatever_field_it_is_for(
    rekall: Rekall, base: list[dict[str, Any]], place: str, bad: str
) -> None:
    arguments = ["add", "til", bad] if place == "title" else ["add", "til", "a title", place, bad]
    assert "UTF-8" in complains(rekall(*arguments), 4)
    assert rekall(*arguments, "--json").json["error"]["kind"] == "invalid_input"
    if place != "title":
        assert "UTF-8" in complains(rekall("edit", base[0]["id"], place, bad), 4)
    assert state(rekall) == base


@pytest.mark.parametrize(
    "command",
    [
        ("search", "\udcff"),
        ("search", "word\udcff", "--mode", "words"),
        ("search", '"\udcff" -\udcff tag:\udcff project:\udcff', "--mode", "words"),
        ("similar", "\udcff"),
        ("similar", "\udcff \udcfe"),
        ("list", "--tag", "\udcff"),
        ("list", "--project", "\udcff"),
        ("search", "x", "--tag", "\udcff"),
        ("show", "\udcff"),
        ("delete", "--yes", "\udcff"),
        ("edit", "\udcff", "--title", "x"),
        ("edit", "{id}", "--superseded-by", "\udcff"),
        ("list", "--type", "\udcff"),
        ("list", "--since", "\udcff"),
        ("list", "--status", "\udcff"),
        ("config", "get", "\udcff"),
        ("config", "set", "ui.editor", "\udcff"),
        ("--set", "ui.editor=\udcff", "list"),
        ("--set", "engine.model=\udcff", "search", "x"),
        ("model", "info", "\udcff"),
        ("embed", "\udcff"),
        ("\udcff",),
        ("list", "--\udcff"),
        ("import", "\udcff"),
        ("import", "x.md", "--type", "\udcff"),
        ("export", "\udcff.txt"),
        ("embed", "x", "--model", "\udcff"),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_bytes_that_are_no_text_never_crash_a_command(
    rekall: Rekall, base: list[dict[str, Any]], command: tuple[str, ...], form: tuple[str, ...]
) -> None:
    ran = rekall(*(word.replace("{id}", base[0]["id"]) for word in command), *(form if command[0] != "embed" else ()))
    assert ran.code in (0, 2, 3, 4, 6)
    assert ran.code == 0 or "hint" in ran.out + ran.err
    if form and command[0] != "embed":
        assert ran.json["schema_version"] == 2
    assert state(rekall) == base


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"caf\xe9", "café"),
        (b"caf\x82", "café"),
        ("größe".encode() + b" \xff", "größe ÿ"),
        (b"\xff\xfeU\x00", "U"),
        ("U and more".encode("utf-16-le"), "U and more"),
        (b"\xef\xbb\xbfU", "U"),
        (b"\xed\xa0\xbd\xed\xb8\x80", "😀"),
        (b"a \xed\xa0\x80", "a \ufffd"),
    ],
)
def test_stdin_of_any_encoding_is_text(rekall: Rekall, base: list[dict[str, Any]], data: bytes, text: str) -> None:
    ran = rekall("edit", base[0]["id"], "--content", "-", stdin=data)
    assert ran.code == 0, ran.err
    assert rekall("show", base[0]["id"], "--json").json["entry"]["content"] == text
    assert ("note: stdin is not" in ran.err) == (data[:3] != b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    "data", [b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 3, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(99)]
)
@pytest.mark.parametrize(
    "arguments",
    [("add", "til", "title", "-"), ("add", "til", "title", "--content", "-"), ("edit", "{id}", "--content", "-")],
)
def test_stdin_that_is_no_text_is_refused(
    rekall: Rekall, base: list[dict[str, Any]], data: bytes, arguments: tuple[str, ...]
) -> None:
    assert "stdin: it is no text" in complains(
        rekall(*(part.replace("{id}", base[0]["id"]) for part in arguments), stdin=data), 4
    )
    assert state(rekall) == base


@pytest.mark.parametrize("data", [b"caf\xe9", b'a\0b "c\0d" -e\0f'])
def test_a_query_from_stdin_that_is_no_text_never_crashes(
    rekall: Rekall, base: list[dict[str, Any]], data: bytes
) -> None:
    for mode in ("hybrid", "words"):
        assert rekall("search", "-", "--mode", mode, "--json", stdin=data).code in (0, 4)


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)),
        b"\0" * 100,
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0",
    ],
)
def test_a_file_that_is_no_text_is_refused_and_the_rest_goes_in(rekall: Rekall, tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "bad.md").write_bytes(data)
    (folder / "good.md").write_text("# good\n")
    ran = rekall("import", str(folder))
    assert "bad.md" in complains(ran, 4)
    assert [entry["title"] for entry in state(rekall)] == ["good"]


FIELDS = (
    "title",
    "content",
    "type",
    "status",
    "tags",
    "project",
    "confidence",
    "situation",
    "solution",
    "what_failed",
    "error_messages",
    "files",
    "keywords",
    "sources",
    "id",
    "_id",
    "superseded_by",
    "created_at",
    "updated_at",
    "links",
)
VALUES: tuple[Any, ...] = (
    "\ud800",
    "a\0b",
    ["\ud800"],
    [["x"]],
    {"a": 1},
    {"target": "\ud800"},
    [{"target": "\ud800"}],
    [{"target": {"a": 1}}],
    [{"target": "x", "type": "\ud800"}],
    float("inf"),
    float("nan"),
    -1,
    10**30,
    True,
    False,
    "",
    [],
    "9" * 5000,
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    1.5,
)


@pytest.mark.parametrize("name", FIELDS)
def test_no_value_of_a_field_stops_an_import(rekall: Rekall, tmp_path: Path, home: Path, name: str) -> None:
    records: list[dict[str, Any]] = [{"title": "t", "content": "c", name: value} for value in VALUES]
    ran = rekall("import", str(write_records(tmp_path / "odd.jsonl", [*records, {"title": "good"}])), "--json")
    assert ran.code in (0, 4)
    assert "good" in [entry["title"] for entry in state(rekall)]
    assert ran.json["added"] + ran.json["updated"] + len(ran.json["refused"]) >= len(records) - 2
    assert all(refused["message"] for refused in ran.json["refused"])
    assert rekall("search", "good", "--json").code == 0
    assert rekall("export", str(tmp_path / "all.jsonl")).code == 0
    assert rekall("export", str(tmp_path / "folder")).code == 0
    assert intact(home)


@pytest.mark.parametrize(
    "head",
    [
        "created: 0001-01-01 00:00:00+14:00",
        "updated: 9999-12-31 23:59:59-14:00",
        "created: 2024-13-45",
        "confidence: .inf",
        "confidence: .nan",
        "title: !!python/object/apply:os.system [id]",
        "- a\n- b",
        "a: &x [*x]",
        "tags: &a [*a]",
        "title: {a: b}",
        "? [a]\n: b",
        "title: !!binary aGk=",
        "tags: !!set {a, b}",
        "12: 13",
        "title: *nobody",
        "\t",
        "links: {target: x}",
        "links: [x]",
        "status: maybe",
        "id: 12",
        "title: '",
        "{" * 3000,
    ],
)
def test_no_front_matter_stops_an_import(rekall: Rekall, tmp_path: Path, home: Path, head: str) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a-odd.md").write_text(f"---\n{head}\n---\n\ntext\n", "utf-8")
    (folder / "b-good.md").write_text("# good\n")
    ran = rekall("import", str(folder), "--json")
    assert ran.code in (0, 4)
    assert ran.json["added"] + len(ran.json["refused"]) == 2
    assert "good" in [entry["title"] for entry in state(rekall)]
    assert intact(home)


def test_front_matter_that_never_ends_goes_in_as_it_is(rekall: Rekall, tmp_path: Path) -> None:
    (tmp_path / "open.md").write_text("---\ntitle: x\n\nthe text\n")
    assert rekall("import", str(tmp_path / "open.md")).code == 0
    (entry,) = state(rekall)
    assert "title: x" in entry["content"] or entry["title"] == "x"
    assert "the text" in entry["content"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_no_bytes_in_a_file_stop_an_import(rekall: Rekall, tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / "notes"
    folder.mkdir(exist_ok=True)
    for name in ("a.md", "b.json", "c.jsonl"):
        (folder / name).write_bytes(data)
    assert rekall("import", str(folder)).code in (0, 4)


@linux
def test_a_file_name_that_is_no_text_stops_nothing(rekall: Rekall, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "good.md").write_text("# good\n")
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.md")).write_text("# odd name\n")
    for form in ((), ("--json",)):
        assert rekall("import", str(folder), *form).code in (0, 4)
    assert "good" in [entry["title"] for entry in state(rekall)]


# too much


@pytest.mark.parametrize("name", ["situation", "title"])
def test_ten_megabytes_are_refused_with_the_limit(
    rekall: Rekall, tmp_path: Path, base: list[dict[str, Any]], name: str
) -> None:
    file = write_records(tmp_path / "large.jsonl", [{"title": "t", name: "word " * 2_000_000}, {"title": "good"}])
    ran = rekall("import", str(file))
    assert "limit" in complains(ran, 4)
    assert len(ran.err) < 2_000
    assert {entry["title"] for entry in state(rekall)} == {"good", *(entry["title"] for entry in base)}


def test_ten_megabytes_on_stdin_are_refused_with_the_limit(rekall: Rekall, home: Path) -> None:
    complaint = complains(rekall("add", "til", "large", "-", stdin=b"x" * 10_000_000), 4)
    assert "10.0 MB" in complaint
    assert "limit" in complaint
    assert not home.exists()


def test_a_note_at_the_limit_is_stored_and_found(rekall: Rekall) -> None:
    assert rekall("add", "til", "large", "-", stdin="needle " + "hay\n" * 1_000_000).code == 0
    assert [hit["title"] for hit in rekall("search", "needle", "--mode", "words", "--json").json["hits"]] == ["large"]


def test_a_long_query_is_answered(rekall: Rekall, base: list[dict[str, Any]]) -> None:
    log = " ".join(f"word{number}" for number in range(20_000)) + " the first entry"
    started = time.monotonic()
    for mode in ("words", "hybrid"):
        ran = rekall("search", "-", "--mode", mode, "--json", stdin=log)
        assert (ran.code, ran.err) == (0, "")
        assert ran.json["hits"][0]["title"] == "the first entry"
    assert time.monotonic() - started < PATIENCE_S


def test_a_long_title_names_its_limit(rekall: Rekall, home: Path) -> None:
    long = '{"title": "%s"}'
    assert "500" in complains(rekall("add", "--from-json", "-", stdin=long % ("x" * 501)), 4)
    assert not home.exists()
    assert rekall("add", "--from-json", "-", stdin=long % ("x" * 500)).code == 0


@pytest.mark.parametrize("title", ["", "  ", "\n\t", "\u3000"])
def test_an_empty_title_is_refused(rekall: Rekall, home: Path, title: str) -> None:
    assert "empty" in complains(rekall("add", "til", title), 4)
    assert not home.exists()


# files that cannot be read


@contextlib.contextmanager
def forbidden(path: Path, mode: int) -> Iterator[list[str]]:
    """The words to run Python with so that the modes of files bind it, the superuser included; skips where they never do."""
    drop = (  # the capabilities to pass over file modes, out of the bounding set
        "import ctypes, os, sys; libc = ctypes.CDLL(None); [libc.prctl(24, capability, 0, 0, 0) for capability in (1, 2, 3)]; "
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    python = [sys.executable, "-c", drop] if sys.platform == "linux" and os.geteuid() == 0 else [sys.executable]
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        probe = "import os, sys; sys.exit(os.access(sys.argv[1], os.W_OK, effective_ids=os.access in os.supports_effective_ids))"
        if subprocess.run([*python, "-c", probe, str(path)], check=False).returncode:
            pytest.skip("file modes bind nobody here")
        yield [*python, "-m", "rekall"]
    finally:
        path.chmod(before)


def run_bound(command: list[str], *arguments: str) -> Ran:
    ran = subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=PATIENCE_S,
        env={**os.environ, "REKALL_ENGINE_MODEL": "missing"},
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


@posix
def test_an_unreadable_file_is_refused_and_the_rest_goes_in(rekall: Rekall, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "good.md").write_text("# good\n")
    secret = folder / "secret.md"
    secret.write_text("# secret\n")
    with forbidden(secret, 0) as command:
        ran = run_bound(command, "import", str(folder))
    assert "secret.md" in complains(ran, 4)
    assert [entry["title"] for entry in state(rekall)] == ["good"]


@posix
def test_an_unreadable_input_of_embed_is_explained(tmp_path: Path) -> None:
    source = tmp_path / "texts.jsonl"
    source.write_text('"x"')
    with forbidden(source, 0) as command:
        assert "texts.jsonl" in complains(run_bound(command, "embed", "--input", str(source)), 4)


@posix
def test_a_read_only_database_can_be_neither_written_nor_harmed(
    rekall: Rekall, home: Path, base: list[dict[str, Any]]
) -> None:
    database = home / "rekall.db"
    with forbidden(home, 0o500), forbidden(database, 0o400) as command:
        for arguments in (("add", "til", "x"), ("delete", "--yes", base[0]["id"]), ("index", "rebuild", "--words")):
            complains(run_bound(command, *arguments), 5)
    assert state(rekall) == base
    assert intact(home)


@posix
def test_a_home_that_cannot_be_made_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    monkeypatch.setenv("REKALL_HOME", str(parent / "home"))
    with forbidden(parent, 0o500) as command:
        assert "REKALL_HOME" in complains(run_bound(command, "add", "til", "x"), 5)
        assert run_bound(command, "list").code == 0


def test_a_database_that_refuses_writes_is_read_only(
    rekall: Rekall, home: Path, base: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Database._open

    def open_read_only(self: Database, migrations: Sequence[str]) -> None:
        opened(self, migrations)
        self._connection.pragma("query_only", True)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "_open", open_read_only)
        assert str(home / "rekall.db") in complains(rekall("add", "til", "x"), 5)
        assert rekall("add", "til", "x", "--json").json["error"]["kind"] == "database_read_only"
        assert state(rekall) == base
    assert state(rekall) == base


def test_a_folder_called_like_a_note_is_a_folder(rekall: Rekall, tmp_path: Path) -> None:
    (tmp_path / "notes" / "folder.md").mkdir(parents=True)
    (tmp_path / "notes" / "folder.md" / "inside.md").write_text("# inside\n")
    assert rekall("import", str(tmp_path / "notes")).code == 0
    assert [entry["title"] for entry in state(rekall)] == ["inside"]


# databases that are not as they should be


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a lock."""
    defaults = Database.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "busy_timeout_s", 0.02)


@pytest.mark.usefixtures("impatient")
def test_a_locked_database_can_be_read_and_is_written_later(
    rekall: Rekall, home: Path, base: list[dict[str, Any]], tmp_path: Path
) -> None:
    notes = write_records(tmp_path / "notes.jsonl", [{"title": "imported"}])
    entry_id = base[0]["id"]
    other = apsw.Connection(str(home / "rekall.db"))
    other.execute("BEGIN IMMEDIATE")
    for command in (
        ("add", "til", "x"),
        ("edit", entry_id, "--title", "x"),
        ("delete", "--yes", entry_id),
        ("import", str(notes)),
        ("index", "rebuild"),
    ):
        assert "another" in complains(rekall(*command), 5)
        error = rekall(*command, "--json").json["error"]
        assert (error["kind"], error["retryable"]) == ("database_locked", True)
    assert state(rekall) == base
    assert len(rekall("search", "entry", "--json").json["hits"]) == 2
    other.execute("ROLLBACK")
    other.close()
    assert rekall("import", str(notes)).code == 0
    assert len(state(rekall)) == 3


@pytest.mark.usefixtures("impatient")
def test_what_was_edited_while_the_database_is_locked_is_kept(
    rekall: Rekall, home: Path, base: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "editor.py"
    script.write_text(
        "import pathlib, sys\nfile = pathlib.Path(sys.argv[1])\nfile.write_text(file.read_text() + 'precious')\n"
    )
    monkeypatch.setenv("VISUAL", f'"{sys.executable}" "{script}"')
    other = apsw.Connection(str(home / "rekall.db"))
    other.execute("BEGIN IMMEDIATE")
    ran = rekall("edit", base[0]["id"])
    other.close()
    complains(ran, 5)
    (draft,) = (home / "drafts").iterdir()
    assert "precious" in draft.read_text()
    assert str(draft) in ran.err
    assert state(rekall) == base


COMMANDS = [("list",), ("search", "x"), ("add", "til", "x"), ("stats",), ("index", "rebuild"), ("show", "ABC")]


def refuses(rekall: Rekall, home: Path, kind: str) -> None:
    """Every command ends with the error, and the file keeps its bytes."""
    before = (home / "rekall.db").read_bytes()
    for command in COMMANDS:
        assert str(home / "rekall.db") in complains(rekall(*command), 5)
        assert rekall(*command, "--json").json["error"]["kind"] == kind
    assert (home / "rekall.db").read_bytes() == before
    assert {path.name for path in home.iterdir()} == {"rekall.db"}


@pytest.mark.parametrize(
    "data",
    [b"hello, I am a letter\n" * 100, b"SQLite format 3\0" + b"\xff" * 4096, os.urandom(4096)],
    ids=["text", "magic", "noise"],
)
def test_a_file_that_is_no_database_is_left_alone(rekall: Rekall, home: Path, data: bytes) -> None:
    home.mkdir()
    (home / "rekall.db").write_bytes(data)
    refuses(rekall, home, "database_foreign")


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE entry (a)",
        "PRAGMA application_id = 7",
        "CREATE TABLE a (b); PRAGMA user_version = 1",
        "PRAGMA user_version = 3",
    ],
)
def test_a_database_of_another_program_is_left_alone(rekall: Rekall, home: Path, sql: str) -> None:
    home.mkdir()
    connection = apsw.Connection(str(home / "rekall.db"))
    connection.execute(sql)
    connection.close()
    refuses(rekall, home, "database_foreign")


def test_a_later_database_asks_for_an_upgrade_and_is_left_alone(
    rekall: Rekall, home: Path, base: list[dict[str, Any]]
) -> None:
    connection = apsw.Connection(str(home / "rekall.db"))
    version = connection.pragma("user_version")
    connection.pragma("user_version", version + 1)
    connection.pragma("journal_mode", "delete")
    connection.close()
    refuses(rekall, home, "database_too_new")
    assert "upgrade Rekall to at least that version" in rekall("list").err


def damage(home: Path, start: int, data: bytes) -> None:
    with (home / "rekall.db").open("rb+") as file:
        file.seek(start)
        file.write(data)


@pytest.mark.parametrize("how", ["noise", "zeros", "cut"])
def test_a_damaged_database_is_named_with_a_way_out(rekall: Rekall, home: Path, tmp_path: Path, how: str) -> None:
    rekall(
        "import",
        str(
            write_records(
                tmp_path / "notes.jsonl",
                [{"title": f"note {number}", "content": "text " * 200} for number in range(200)],
            )
        ),
    )
    size = (home / "rekall.db").stat().st_size
    if how == "cut":
        os.truncate(home / "rekall.db", size // 3)
    else:
        damage(home, 8192, (b"\xa5" if how == "noise" else b"\0") * (size - 8192))
    copy = (home / "rekall.db").read_bytes()
    ran = rekall("list", "--all")
    assert "rekall check --repair" in complains(ran, 5)
    assert rekall("list", "--all", "--json").json["error"]["kind"] == "database_corrupt"
    for command in (("search", "note"), ("add", "til", "x"), ("stats",)):
        complains(rekall(*command), 5)
    assert (home / "rekall.db").read_bytes() == copy


def test_a_folder_in_place_of_the_database_is_a_storage_error(rekall: Rekall, home: Path) -> None:
    (home / "rekall.db").mkdir(parents=True)
    for command in (("list",), ("add", "til", "x")):
        assert str(home / "rekall.db") in complains(rekall(*command), 5)


def test_a_file_in_place_of_the_home_is_a_storage_error(rekall: Rekall, home: Path) -> None:
    home.write_text("mine")
    complains(rekall("add", "til", "x"), 5)
    assert home.read_text() == "mine"


def test_an_empty_file_becomes_a_database(rekall: Rekall, home: Path) -> None:
    """What a crash right after the creation leaves."""
    home.mkdir()
    (home / "rekall.db").touch()
    assert rekall("add", "til", "x").code == 0
    assert len(state(rekall)) == 1


@pytest.mark.parametrize("mend", [("check", "--repair"), ("index", "rebuild", "--words")])
def test_an_index_that_is_broken_is_named_and_can_be_rebuilt(
    rekall: Rekall, home: Path, base: list[dict[str, Any]], mend: tuple[str, ...]
) -> None:
    connection = apsw.Connection(str(home / "rekall.db"))
    connection.execute("UPDATE words_data SET block = x'00ff' WHERE id > 10")
    connection.close()
    ran = rekall("search", "entry", "--mode", "words")
    assert ran.code == 5
    assert "rekall index rebuild --words" in ran.err
    assert rekall(*mend).code == 0
    assert len(rekall("search", "entry", "--mode", "words", "--json").json["hits"]) == 2


# no room left


def test_a_full_disk_stores_nothing_of_an_import_and_it_can_be_repeated(
    rekall: Rekall, home: Path, base: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_records(
        tmp_path / "notes.jsonl", [{"title": f"note {number}", "content": "text " * 300} for number in range(300)]
    )
    opened = Database._open

    def open_on_a_full_disk(self: Database, migrations: Sequence[str]) -> None:
        opened(self, migrations)
        self._connection.pragma("max_page_count", self._connection.pragma("page_count") + 5)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "_open", open_on_a_full_disk)
        assert "room" in complains(rekall("import", str(file)), 5)
        error = rekall("import", str(file), "--json").json["error"]
        assert (error["kind"], error["retryable"]) == ("disk_full", True)
        assert "room" in complains(rekall("add", "til", "x", "-", stdin="y" * 3_000_000), 5)
    assert state(rekall) == base
    assert intact(home)
    assert rekall("import", str(file), "--json").json["added"] == 300


@posix
def test_a_file_that_may_not_grow_keeps_what_it_took_and_goes_on(
    rekall: Rekall, home: Path, base: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = write_records(
        tmp_path / "notes.jsonl", [{"title": f"note {number}", "content": "text " * 300} for number in range(700)]
    )
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000)); "
        "from rekall.cli.main import run; run(sys.argv[1:])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, "import", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        env={**os.environ, "REKALL_ENGINE_MODEL": "missing"},
    )
    complains(Ran(ran.returncode, ran.stdout, ran.stderr), 5)
    now = state(rekall)
    assert [entry for entry in now if entry in base] == base
    assert intact(home)
    answer = rekall("import", str(file), "--json").json
    assert (answer["added"], answer["unchanged"]) == (700 - (len(now) - len(base)), len(now) - len(base))


@pytest.mark.parametrize(
    "command",
    [
        ("export", "{tmp}/all.jsonl"),
        ("export", "{tmp}/folder"),
        ("config", "set", "search.limit", "3"),
        ("embed", "x", "--output", "{tmp}/x.jsonl"),
    ],
)
def test_a_file_that_does_not_fit_is_not_half_written(
    rekall: Rekall,
    home: Path,
    base: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    (tmp_path / "all.jsonl").write_text("as before")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        complaint = complains(rekall(*(word.replace("{tmp}", str(tmp_path)) for word in command)), 5)
    assert "room" in complaint
    assert (tmp_path / "all.jsonl").read_text() == "as before"
    assert [path for path in tmp_path.rglob("*") if path.name.endswith(".part")] == []
    assert not (home / "config.toml").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_output_that_cannot_be_written_is_an_error(base: list[dict[str, Any]], form: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "rekall", "list", *form],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
    assert ran.returncode == 5
    assert "space" in ran.stderr
    assert "Traceback" not in ran.stderr


# Ctrl-C


def as_installed(loader: FolderLoader, name: str, encoder: FakeEncoder) -> FakeEncoder:
    """The encoder with the fingerprint of an installed model."""
    encoder.fingerprint = loader.identify(name).fingerprint
    return encoder


class InterruptedEncoder(FakeEncoder):
    """Ctrl-C comes when it has encoded for `patience` times."""

    def __init__(self, patience: int) -> None:
        super().__init__(dim=384)
        self.patience = patience

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        if texts and not self.patience:
            raise KeyboardInterrupt
        self.patience -= bool(texts)
        return super().encode_documents(texts)


@contextlib.contextmanager
def interrupted_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar at which somebody presses Ctrl-C."""

    def update(done: int, total: int) -> None:
        if done >= 100:
            raise KeyboardInterrupt

    yield update


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Four hundred short notes."""
    return write_records(
        tmp_path / "many.jsonl", [{"title": f"note {number}", "content": f"word{number}"} for number in range(400)]
    )


def interrupted(ran: Ran, out: str = "") -> None:
    assert ran.code == 130
    assert ran.out == out
    assert "interrupted" in ran.err
    assert "run the command again" in ran.err or "goes on with the next import" in ran.err


def test_an_import_interrupted_while_reading_keeps_what_it_stored_and_goes_on(
    rekall: Rekall, home: Path, base: list[dict[str, Any]], many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("rekall.cli.progress.progress_bar", interrupted_bar)
        interrupted(rekall("import", str(many)))
    kept = len(state(rekall)) - len(base)
    assert 0 < kept < 400
    assert [entry for entry in state(rekall) if entry in base] == base
    assert intact(home)
    answer = rekall("import", str(many), "--json").json
    assert (answer["added"], answer["unchanged"]) == (400 - kept, kept)


def test_an_import_interrupted_while_embedding_has_every_entry_and_goes_on(
    rekall: Rekall,
    home: Path,
    many: Path,
    quick_model: FakeEncoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(FolderLoader, "load", lambda self, name: as_installed(self, name, InterruptedEncoder(1)))
        interrupted(rekall("import", str(many)), "400 added\n")
    status = rekall("index", "status", "--json").json
    assert (status["entries"], status["words"], status["passages"]) == (400, 400, 400)
    assert 0 < status["vectors"] < 400
    assert intact(home)
    answer = rekall("import", str(many), "--json").json
    assert (answer["added"], answer["unchanged"], answer["embedded"]) == (0, 400, 400 - status["vectors"])
    assert len(quick_model.encoded) == 400 - status["vectors"]
    assert rekall("index", "status", "--json").json["pending_passages"] == 0


@pytest.mark.parametrize("patience", [0, 1])
def test_a_rebuild_of_vectors_interrupted_goes_on(
    rekall: Rekall, home: Path, many: Path, quick_model: FakeEncoder, monkeypatch: pytest.MonkeyPatch, patience: int
) -> None:
    rekall("import", str(many))
    before = rekall("search", "word7 note", "--json").json["hits"]
    quick_model.encoded.clear()
    with monkeypatch.context() as patch:
        patch.setattr(FolderLoader, "load", lambda self, name: as_installed(self, name, InterruptedEncoder(patience)))
        interrupted(rekall("index", "rebuild", "--vectors", "--from-scratch"))
    left = rekall("index", "status", "--json").json["pending_passages"]
    assert 0 < left <= 400
    assert intact(home)
    assert rekall("index", "rebuild", "--vectors", "--json").json["rebuilt"] == {"vectors": left}
    assert len(quick_model.encoded) == left
    assert rekall("search", "word7 note", "--json").json["hits"] == before


def test_a_rebuild_of_words_interrupted_leaves_the_old_index(
    rekall: Rekall, home: Path, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rekall("import", str(many))
    before = rekall("search", "word7", "--mode", "words", "--json").json["hits"]
    with monkeypatch.context() as patch:
        patch.setattr("rekall.cli.index.progress_bar", interrupted_bar)
        interrupted(rekall("index", "rebuild", "--words"))
    assert rekall("search", "word7", "--mode", "words", "--json").json["hits"] == before
    assert intact(home)
    assert rekall("index", "rebuild", "--words", "--json").json["rebuilt"] == {"words": 400}


def test_an_interruption_is_told_to_programs_too(rekall: Rekall, many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rekall.cli.progress.progress_bar", interrupted_bar)
    ran = rekall("import", str(many), "--json")
    assert ran.code == 130
    assert ran.json["error"]["kind"] == "interrupted"


# a shell lets what it starts in the background ignore Ctrl-C, and so would this
LISTENING = """
import signal, sys
from rekall.cli.main import run
signal.signal(signal.SIGINT, signal.default_int_handler)
run(sys.argv[1:])
"""


def start_import(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", LISTENING, "import", str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@posix
def test_a_real_ctrl_c_while_reading_changes_nothing(
    rekall: Rekall, home: Path, base: list[dict[str, Any]], tmp_path: Path
) -> None:
    pipe = tmp_path / "endless.jsonl"
    os.mkfifo(pipe)
    with start_import(pipe) as process:
        writer: list[int] = []

        def opened() -> bool:
            assert process.poll() is None
            with contextlib.suppress(OSError):
                writer.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
            return bool(writer)

        until(opened)
        os.write(writer[0], b'{"title": "half read"}\n' * 1000)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)  # a signal that comes just before a read is only seen after it
        with contextlib.suppress(BrokenPipeError):
            os.write(writer[0], b'{"title": "one more"}\n')
        out, err = process.communicate(timeout=PATIENCE_S)
        os.close(writer[0])
    interrupted(Ran(process.returncode, out, err))
    assert state(rekall) == base
    assert intact(home)


@posix
@pytest.mark.slow
def test_a_real_ctrl_c_while_embedding_has_every_entry_and_goes_on(rekall: Rekall, home: Path, tmp_path: Path) -> None:
    file = write_records(
        tmp_path / "many.jsonl",
        [{"title": f"note {number}", "content": f"word{number} " * 80} for number in range(600)],
    )

    def has_begun() -> bool:
        with contextlib.suppress(apsw.Error):
            connection = apsw.Connection(str(home / "rekall.db"), flags=apsw.SQLITE_OPEN_READONLY)
            try:
                return bool(connection.execute("SELECT count(*) FROM vectors_1").fetchall()[0][0])
            finally:
                connection.close()
        return False

    with start_import(file) as process:
        until(has_begun)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    interrupted(Ran(process.returncode, out, err), "600 added\n")
    assert intact(home)
    status = rekall("index", "status", "--json").json
    assert (status["entries"], status["words"]) == (600, 600)
    assert status["pending_passages"] > 0
    assert rekall("import", str(file), "--json").json["embedded"] == status["pending_passages"]
    assert rekall("index", "status", "--json").json["pending_passages"] == 0


# many at once


def test_many_processes_that_begin_a_base_together_lose_nothing(rekall: Rekall, home: Path) -> None:
    environment = {**os.environ, "REKALL_ENGINE_MODEL": "missing"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "rekall", "add", "til", f"note {number}", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for number in range(5)
    ]
    said = [process.communicate(timeout=PATIENCE_S) for process in processes]
    assert [process.returncode for process in processes] == [0] * 5, said
    assert sorted(entry["title"] for entry in state(rekall)) == [f"note {number}" for number in range(5)]
    assert intact(home)


def test_a_copy_of_the_home_is_a_base_of_its_own(
    rekall: Rekall, home: Path, tmp_path: Path, base: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(home, tmp_path / "copy")
    monkeypatch.setenv("REKALL_HOME", str(tmp_path / "copy"))
    assert state(rekall) == base


def test_a_title_of_megabytes_is_cut_where_rows_show_it(rekall, home):
    for number in range(30):
        assert rekall("add", "bug", f"zebra {number}").code == 0
    connection = apsw.Connection(str(home / "rekall.db"))
    connection.execute(
        "UPDATE entry SET title = 'zebra ' || hex(zeroblob(1000000)), project = hex(zeroblob(500000)) WHERE key = 7"
    )
    connection.close()
    assert rekall("index", "rebuild", "--words").code == 0
    for line in (
        "list --limit 40",
        "search zebra --mode words --limit 40",
        "search zebra --mode words --explain --limit 40",
    ):
        ran = rekall(*line.split())
        assert ran.code == 0
        assert len(ran.out) < 200_000
        assert "zebra 000" in ran.out
        assert "zebra 8" in ran.out
    entries = rekall("list", "--all", "--json").json["entries"]
    assert max(len(entry["title"]) for entry in entries) == 2_000_006
    gone = next(entry["id"] for entry in entries if len(entry["title"]) > 100)
    assert rekall("delete", gone, "--yes").code == 0
    assert len(rekall("restore").out) < 10_000
