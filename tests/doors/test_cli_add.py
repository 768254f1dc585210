"""Capture from the shell: a thought in one breath, what is piped in, whole entries, templates, drafts."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import CHECKOUT, Ran
from support.systems import program, shell_line

from rekall.entry.titles import shortened, titled
from rekall.entry.types import EntryType
from rekall.system import stdin
from rekall.system.editor import open_editor
from rekall.system.stdin import Came, whats_on_stdin

Rekall = Callable[..., Ran]
pytestmark = pytest.mark.usefixtures("quick_model")
posix = pytest.mark.skipif(os.name == "nt", reason="it is about pipes and programs of POSIX")


TRACE = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    a["a"]\n'


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits at the terminal."""
    for door in ("add", "edit", "editor"):
        monkeypatch.setattr(f"rekall.cli.{door}.on_terminal", lambda: True)


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Sets $VISUAL to a program of a name that runs lines with `file` and its `text`, and notes its arguments."""

    def install(body: str, name: str = "pen") -> Path:
        script = tmp_path / "bin" / name
        script.parent.mkdir(exist_ok=True)
        noted = tmp_path / "arguments.json"
        source = (
            "import json, pathlib, sys\n"
            f"pathlib.Path({str(noted)!r}).write_text(json.dumps(sys.argv[1:]))\n"
            "file = next(pathlib.Path(each) for each in reversed(sys.argv[1:]) if pathlib.Path(each).is_file())\n"
            f"text = file.read_text('utf-8')\n{body}\n"
        )
        monkeypatch.setenv("VISUAL", shell_line(program(script, source)))
        monkeypatch.setattr("rekall.system.editor.AT_ONCE_S", 0.0)  # it is quick because it is a program
        return noted

    return install


def added(rekall: Rekall, *arguments: str, text: str | bytes = "") -> dict[str, Any]:
    ran = rekall("add", *arguments, "--json", stdin=text)
    assert ran.code == 0, ran.err
    return dict(ran.json["entry"])


def drafts(home: Path) -> list[Path]:
    return sorted((home / "drafts").glob("*.md"))


# words


@pytest.mark.parametrize(
    ("words", "kind", "title"),
    [
        (("just", "a", "thought"), "til", "just a thought"),
        (("just a thought",), "til", "just a thought"),
        (("just a thought", "hello"), "til", "just a thought hello"),
        (("bug", "CORS fails on Safari"), "bug", "CORS fails on Safari"),
        (("bug", "CORS", "fails"), "bug", "CORS fails"),
        (("BUG", "CORS", "fails"), "bug", "CORS fails"),
        (("bug:", "CORS", "fails"), "bug", "CORS fails"),
        (("TIL: tabs are wide",), "til", "tabs are wide"),
        (("Bug", "fixes", "take", "long"), "til", "Bug fixes take long"),
        (("Bug", "fixes take long"), "bug", "fixes take long"),
        (("bug fixes take long",), "til", "bug fixes take long"),
        (("--type", "til", "bug", "fixes", "take", "long"), "til", "bug fixes take long"),
        (("note: see https://example.org",), "til", "note: see https://example.org"),
        (("git", "log", "-S", "finds", "a", "string"), "til", "git log -S finds a string"),
        (("til", "docker", "run", "-it", "maps", "a", "terminal"), "til", "docker run -it maps a terminal"),
        (("use", "--tag", "in", "git", "describe"), "til", "use --tag in git describe"),
        (("docker", "maps", "ports", "with", "-p", "80:80"), "til", "docker maps ports with -p 80:80"),
        (("--", "-rf", "is", "for", "rm"), "til", "-rf is for rm"),
        (("-", "--", "x"), "til", "- x"),
    ],
)
def test_a_thought_is_taken_as_it_is_typed(rekall: Rekall, words: tuple[str, ...], kind: str, title: str) -> None:
    ran = rekall("add", "--json", *words)
    entry = ran.json["entry"]
    assert (entry["type"], entry["title"], entry["content"]) == (kind, title, "")


@pytest.mark.parametrize(
    "words",
    [
        ("--tag", "git", "a", "thought"),
        ("a", "thought", "--tag", "git"),
        ("til", "a thought", "--tag", "git"),
        ("til", "--tag", "git", "a", "thought"),
        ("a thought", "--tag=git"),
    ],
)
def test_options_stand_on_either_side(rekall: Rekall, words: tuple[str, ...]) -> None:
    entry = added(rekall, *words)
    assert (entry["title"], entry["tags"]) == ("a thought", ["git"])


@pytest.mark.parametrize("content", ["42", "", "-", "…", "-v shows more"])
def test_the_old_way_takes_any_content(rekall: Rekall, content: str) -> None:
    assert added(rekall, "bug", "A title", "-c", content)["content"] == content.replace("-", "", content == "-")


def test_a_type_that_is_nearly_one_is_refused_before_a_title_in_quotes(rekall: Rekall) -> None:
    ran = rekall("add", "bugg", "CORS fails on Safari")
    assert ran.code == 4
    assert "did you mean `bug`?" in ran.err


def test_a_misspelt_option_is_none_of_the_text(rekall: Rekall) -> None:
    assert rekall("add", "bug", "A title", "--confidnce", "3").code == 2
    assert rekall("add", "a thought", "--tags", "git").code == 2
    assert rekall("add", "a thought", "--tag").code == 2
    assert rekall("search", "a thought", "--tag").code == 2


def test_a_word_that_is_an_option_elsewhere_is_told_of(rekall: Rekall) -> None:
    ran = rekall("add", "use", "--tag", "in", "git", "describe")
    assert "--tag is part of the text" in ran.err


def test_the_setting_says_the_type_of_a_thought(rekall: Rekall) -> None:
    rekall("config", "set", "add.type", "reference")
    assert rekall("add", "just", "a", "thought").out.split()[2] == "reference"


def test_nothing_at_all_is_explained(rekall: Rekall, home: Path) -> None:
    for words in ((), ("bug",), ("--tag", "x")):
        ran = rekall("add", *words)
        assert (ran.code, "nothing to write down" in ran.err) == (2, True)
    assert not home.exists()


LONG = (
    "The proxy in front of the old cluster drops every header with an underscore in its name, which nobody had told us"
)


def test_a_long_line_becomes_the_content_and_its_beginning_the_title(rekall: Rekall) -> None:
    entry = added(rekall, *LONG.split())
    assert entry["content"] == LONG
    assert entry["title"].endswith("…")
    assert LONG.startswith(entry["title"][:-1] + " ")
    assert added(rekall, "bug", LONG, "-c", "more")["title"] == LONG  # whoever gives both, means it


@pytest.mark.parametrize(
    ("line", "title"),
    [
        (f"It is the proxy. {LONG}", "It is the proxy"),
        (f"Is it the proxy? {LONG}", "Is it the proxy?"),
        (f"Ask, e.g. the proxy. {LONG}", "Ask, e.g. the proxy"),
        (
            f"Yes. {LONG}",
            "Yes. The proxy in front of the old cluster drops every header with an underscore in its name, which…",
        ),
        ("x" * 150, "x" * 99 + "…"),
        (
            "プロキシのせいだった、長い間だれも気づかなかった。" + "あ" * 100,
            "プロキシのせいだった、長い間だれも気づかなかった。",
        ),
    ],
)
def test_a_title_ends_with_a_sentence_or_a_word(line: str, title: str) -> None:
    assert shortened(line) == title
    assert len(title) <= 100
    assert titled(line) == (title, line)


@pytest.mark.parametrize(
    ("text", "title", "content"),
    [
        ("one\ntwo\n\nthree\n", "one", "two\n\nthree"),
        ("\n \n\n# One #1\n\ntwo", "One #1", "two"),
        ("#hashtag\n", "#hashtag", ""),
        ("", "", ""),
        ("  \n", "", ""),
        ("```sh\ntar -xf a.tar\n```\nUnpacks it", "tar -xf a.tar", "```sh\ntar -xf a.tar\n```\nUnpacks it"),
        ("~~~\n\n  deep\n~~~", "deep", "~~~\n\n  deep\n~~~"),
        ("```\n```\nUnpacks it", "Unpacks it", "```\n```\nUnpacks it"),
        ("```tar -xf``` unpacks\nit", "```tar -xf``` unpacks", "it"),
        ("```", "```", ""),
        ("---\n# One\n\ntwo", "One", "---\n# One\n\ntwo"),
        ("====\n----\none\n", "one", "====\n----\none"),
        ("--", "--", ""),
        ("- one\n- two", "- one", "- two"),
        ("🚀\none", "🚀", "one"),
        (f"{TRACE}KeyError: 'a'\n", "KeyError: 'a'", f"{TRACE}KeyError: 'a'"),
        (
            f"{TRACE}KeyError: 1\n\nDuring it:\n\n{TRACE}app.Bad\n",
            "app.Bad",
            f"{TRACE}KeyError: 1\n\nDuring it:\n\n{TRACE}app.Bad",
        ),
        ("Traceback (most recent call last):\n  cut", "Traceback (most recent call last):", "  cut"),
    ],
)
def test_the_first_line_is_the_title(text: str, title: str, content: str) -> None:
    assert titled(text) == (title, content)


# stdin


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("head", ["---\ntitle: {}\ntags: [web]\n---\n", "+++\ntitle = {}\ntags = ['web']\n+++\n"])
def test_a_piped_head_says_fields_however_lines_end(rekall: Rekall, head: str, end: str) -> None:
    entry = added(rekall, text=f"{head.format(repr('A head'))}Body\nmore\n".replace("\n", end))
    assert (entry["title"], entry["tags"], entry["content"]) == ("A head", ["web"], "Body\nmore")


@pytest.mark.parametrize(
    "text",
    ["---\na rule\n---\nBody", "---\nkind: Pod\nmetadata:\n  name: web\n", "+++ b/file.c\n+int x;", "---\n- a\n- b\n"],
)
def test_a_piped_text_that_only_looks_like_a_head_is_kept_whole(rekall: Rekall, text: str) -> None:
    entry = added(rekall, text=text)
    assert all(line in f"{entry['title']}\n{entry['content']}" for line in text.splitlines())
    assert entry["other_fields"] == {}


@pytest.mark.parametrize("words", [("--title", "a"), ("a", "--body=b"), ("git", "push", "--title", "a", "b")])
def test_what_others_call_a_title_is_said_to_be_text(rekall: Rekall, words: tuple[str, ...]) -> None:
    ran = rekall("add", *words, "--json")
    assert ran.json["entry"]["title"] == " ".join(words)
    assert "is part of the text: the first line is the title" in ran.err


def test_json_that_is_piped_in_as_text_is_said_to_be_text(rekall: Rekall) -> None:
    for text, is_said in (('{"title": "a"}', True), ('[{"title": "a"}]', True), ('{"title": a', False), ("[x]", False)):
        ran = rekall("add", "--json", stdin=text)
        assert ran.json["entry"]["title"] == text
        assert ("--from-json" in ran.err) == is_said


def test_what_is_piped_into_edit_is_not_thrown_away(rekall: Rekall, editor: Callable[[str], Path]) -> None:
    noted = editor("file.write_text(text + 'typed')")
    name = added(rekall, "it is there")["id"]
    ran = rekall("edit", name, stdin="a new text\n")
    assert ran.code == 2
    assert f"rekall edit {name} -c -" in ran.err
    assert not noted.exists()
    assert rekall("edit", name, "-c", "-", stdin="a new text\n").code == 0
    assert rekall("show", name, "--json").json["entry"]["content"] == "a new text"


@pytest.mark.parametrize("words", [("bug",), ("bug:",)])
def test_a_type_alone_is_no_entry(rekall: Rekall, words: tuple[str, ...]) -> None:
    assert rekall("add", *words).code == 2
    entry = added(rekall, *words, text="it fails\n")
    assert (entry["type"], entry["title"]) == ("bug", "it fails")


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize("name", ["latin-1", "utf-16"])
def test_what_an_editor_saves_in_another_encoding_is_read(
    rekall: Rekall, editor: Callable[[str], Path], name: str
) -> None:
    editor(f"file.write_bytes(text.replace('title:', 'title: café', 1).encode({name!r}))")
    ran = rekall("add")
    assert ran.code == 0
    assert "café" in ran.out
    assert "note: what the editor saved is not UTF-8: it is read as" in ran.err


def test_what_is_piped_in_is_the_content(rekall: Rekall) -> None:
    entry = added(rekall, "til", "piped without dash", text="piped body\n")
    assert (entry["title"], entry["content"]) == ("piped without dash", "piped body")
    entry = added(rekall, "bug", "tests", "fail", text="line one\n\nline two\n")
    assert (entry["title"], entry["content"]) == ("tests fail", "line one\n\nline two")


@pytest.mark.parametrize("words", [(), ("-",)])
def test_without_words_the_first_line_is_the_title(rekall: Rekall, words: tuple[str, ...]) -> None:
    entry = added(rekall, *words, text="\ufeffa title\r\n\r\nand a text\r\n")
    assert (entry["type"], entry["title"], entry["content"]) == ("til", "a title", "and a text")
    assert added(rekall, "bug", *words, text="broken\n")["type"] == "bug"


def test_a_note_with_a_head_says_its_own_fields(rekall: Rekall) -> None:
    note = "---\ntitle: From a file\ntype: bug\ntags: [a]\n---\nthe text\n\n## Solution\n\nwait\n"
    entry = added(rekall, "--tag", "b", text=note)
    assert (entry["title"], entry["type"], entry["tags"], entry["content"], entry["solution"]) == (
        "From a file",
        "bug",
        ["a", "b"],
        "the text",
        "wait",
    )
    assert rekall("add", stdin=note.replace("bug", "bugg")).code == 4


def test_content_and_a_pipe_are_both_kept(rekall: Rekall) -> None:
    ran = rekall("add", "bug", "tests fail", "-c", "since the upgrade", "--json", stdin="the log\n")
    assert ran.json["entry"]["content"] == "since the upgrade\n\nthe log"
    assert "stdin" in ran.err


def test_bytes_that_are_no_text_are_refused_and_nothing_stored(rekall: Rekall, home: Path) -> None:
    assert rekall("add", "a", "thought", stdin=b"\x7fELF\x02" + bytes(range(256)) * 2).code == 4
    assert not home.exists()


@pytest.fixture
def fd0() -> Iterator[Callable[[int], None]]:
    """Puts a file in the place of stdin, and stdin back afterwards."""
    kept = os.dup(0)

    def put(number: int) -> None:
        os.dup2(number, 0)
        os.close(number)

    yield put
    os.dup2(kept, 0)
    os.close(kept)


@posix
def test_what_lies_on_stdin_is_told_apart(fd0: Callable[[int], None], tmp_path: Path) -> None:
    def of(number: int) -> tuple[Came, bytes]:
        fd0(number)
        found = whats_on_stdin(100)
        return found.came, found.data

    file = tmp_path / "lines"
    file.write_bytes(b"one\ntwo\n")
    assert of(os.open(file, os.O_RDONLY)) == (Came.TEXT, b"one\ntwo\n")
    looped = os.open(file, os.O_RDONLY)
    os.read(looped, 4)  # as `while read line` has
    assert of(looped) == (Came.REST, b"")
    assert of(os.open(os.devnull, os.O_RDONLY)) == (Came.NOTHING, b"")
    assert of(os.open(tmp_path, os.O_RDONLY)) == (Came.NOTHING, b"")
    (tmp_path / "empty").touch()
    assert of(os.open(tmp_path / "empty", os.O_RDONLY)) == (Came.NOTHING, b"")
    read, write = os.pipe()
    os.write(write, b"piped" * 30)
    os.close(write)
    assert of(read) == (Came.TEXT, (b"piped" * 30)[:101])
    read, write = os.pipe()
    os.close(write)
    assert of(read) == (Came.NOTHING, b"")


@posix
@pytest.mark.skipif(not os.path.isdir("/proc/self/fdinfo"), reason="the system does not say who writes to a pipe")
def test_a_silent_pipe_is_waited_for_only_while_another_program_may_write(
    fd0: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stdin, "PATIENCE_S", 0.05)
    read, write = os.pipe()
    fd0(read)
    waited: list[bool] = []
    assert whats_on_stdin(100, lambda: waited.append(True)).came is Came.SILENCE  # only we could write
    assert waited == []

    script = "import sys; sys.stdin.readline(); print('at last')"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=write) as slow:
        os.close(write)
        assert slow.stdin is not None
        found = whats_on_stdin(100, lambda: _close(slow.stdin))  # it writes once we are known to wait
        assert (found.came, found.data) == (Came.TEXT, b"at last\n")


def _close(stream: Any) -> None:
    stream.close()


@posix
def test_a_command_with_an_open_pipe_that_nobody_uses_ends(tmp_path: Path) -> None:
    environ = {**os.environ, "REKALL_ENGINE_MODEL": "missing"}
    command = [sys.executable, "-m", "rekall", "add", "a", "thought", "--json"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
    ) as ran:
        assert ran.stdout is not None
        assert ran.stderr is not None
        answer, said = json.loads(ran.stdout.read()), ran.stderr.read().decode()
        assert ran.wait() == 0
    assert answer["entry"]["title"] == "a thought"
    assert "nothing came over it" in said


# the project, and what it says


@pytest.mark.parametrize(
    ("options", "project"),
    [((), "webapp"), (("-p", "other"), "other"), (("-p", "-"), None), (("--project=",), None)],
)
def test_a_new_entry_belongs_to_the_project_of_the_folder(
    rekall: Rekall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], project: str | None
) -> None:
    (tmp_path / ".rekall.toml").write_text('project = "webapp"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REKALL_ADD_PROJECT", "auto")
    ran = rekall("add", *options, "CORS fails on Safari")
    chosen = f"til in {project}" if project else "til"
    assert ran.out.split(maxsplit=2)[2] == f"{chosen}  CORS fails on Safari\n"
    assert rekall("list", "--json").json["entries"][0]["project"] == project


def test_it_says_what_it_resembles(rekall: Rekall) -> None:
    first = rekall("add", "bug", "pip resolver loops with an old lock file", "-p", "api")
    assert first.err == ""
    again = rekall("add", "pip resolver loops with an old lock file")
    name = first.out.split()[1]
    assert f"it resembles\n  {name}  bug in api  pip resolver loops" in again.err
    answer = rekall("add", "pip resolver loops with an old lock file", "--json").json
    assert [each["title"] for each in answer["alike"]] == ["pip resolver loops with an old lock file"] * 2


# whole entries


def test_a_whole_entry_comes_with_its_context(rekall: Rekall) -> None:
    first = added(rekall, "the first")
    given = {
        "title": "CORS fails",
        "type": "bug",
        "error_messages": ["status 0", "blocked"],
        "confidence": 5,
        "project": None,
        "created_at": "2020-01-31T09:00:00Z",
        "other_fields": {"team": "red"},
        "links": [{"target": first["id"], "type": "derived_from"}],
    }
    entry = added(rekall, "--from-json", "-", "--tag", "web", text=json.dumps(given))
    shown = rekall("show", entry["id"], "--json").json["entry"]
    assert {name: shown[name] for name in given if name != "links"} == {k: v for k, v in given.items() if k != "links"}
    assert (shown["tags"], shown["links"][0]["type"]) == (["web"], "derived_from")
    again = {**shown, "id": None, "title": "a copy", "links": []}
    assert added(rekall, "--from-json", "-", text=json.dumps({"schema_version": 2, "entry": again}))["confidence"] == 5


@pytest.mark.parametrize(
    "shape", ['[{"title": "a"}, {"content": "b\\nmore"}]', '{"title": "a"}\n\n{"content": "b\\nmore"}\n']
)
def test_several_whole_entries(rekall: Rekall, tmp_path: Path, shape: str) -> None:
    file = tmp_path / "entries.json"
    file.write_text(shape)
    answer = rekall("add", "--from-json", str(file), "--json").json
    assert [(each["entry"]["title"], each["entry"]["content"]) for each in answer["added"]] == [
        ("a", ""),
        ("b", "more"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"titel": "a"}', "did you mean 'title'?"),
        ('{"title": "a", "eror_messages": []}', "did you mean 'error_messages'?"),
        ('{"title": "a", "type": "bugg"}', "unknown type 'bugg'"),
        ('{"title": "a", "confidence": 9}', "confidence"),
        ('{"title": "a", "content": ["b"]}', "expected text"),
        ('{"title": "a", "id": "x"}', "no id of an entry"),
        ('{"title": "a", "links": [{"target": "b", "type": "related"}]}', "no id of an entry"),
        ('[{"title": "fine"}, {"title": ""}]', "entry 2"),
        ('[{"title": "fine"}, 3]', "entry 2"),
        ('{"title": "a", "content": "b", "body": "c"}', "the same field"),
        ('{"title": "a", "content": "b", "content": "c"}', "stands twice"),
        ('{"title": "a"}\n\n{"title": }\n', "line 3: it is no JSON"),
        ("null", "it is null"),
        ("{", "no JSON"),
        ("[]", "no entry"),
        ("", "no entry"),
        ("[" * 100_000, "nested"),
    ],
)
def test_a_whole_entry_that_says_more_than_there_is_is_refused(
    rekall: Rekall, text: str, said: str, home: Path
) -> None:
    ran = rekall("add", "--from-json", "-", stdin=text)
    assert ran.code == 4
    assert said in ran.err
    assert not (home / "rekall.db").exists()


@pytest.mark.parametrize(
    ("second", "code", "said"),
    [
        ({"links": [{"target": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "type": "related"}]}, 3, "no entry"),
        ({"superseded_by": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, 3, "no entry"),
        ({"id": "THERE"}, 4, "there already is an entry"),
    ],
)
def test_of_whole_entries_all_are_stored_or_none(rekall: Rekall, second: dict[str, Any], code: int, said: str) -> None:
    there = added(rekall, "it is there")
    second = {name: there["id"] if value == "THERE" else value for name, value in second.items()}
    ran = rekall("add", "--from-json", "-", stdin=json.dumps([{"title": "first"}, {"title": "second", **second}]))
    assert ran.code == code
    assert said in ran.err
    assert "nothing was added" in ran.err
    assert [each["title"] for each in rekall("list", "--json").json["entries"]] == ["it is there"]


def test_whole_entries_may_name_each_other(rekall: Rekall) -> None:
    old, new = "01ARZ3NDEKTSV4RRFFQ69G5FA1", "01ARZ3NDEKTSV4RRFFQ69G5FA2"
    given = [
        {"id": old, "title": "Jobs go through Redis", "status": "obsolete", "superseded_by": new},
        {"id": new, "title": "Jobs go through NATS", "links": [{"target": old, "type": "related"}]},
    ]
    answer = rekall("add", "--from-json", "-", "--json", stdin=json.dumps(given)).json
    first, second = (each["entry"] for each in answer["added"])
    assert (first["status"], first["superseded_by"]["id"]) == ("obsolete", new)
    assert {each["type"] for each in second["links"]} == {"related", "supersedes"}


def test_it_resembles_what_has_its_title_and_not_what_has_another_number(rekall: Rekall) -> None:
    first = added(rekall, "Postgres locks the table", "-c", "It takes an ACCESS EXCLUSIVE lock while it adds a check.")
    again = rekall("add", "postgres  locks the table", "--json").json
    assert [each["id"] for each in again["alike"]] == [first["id"]]
    added(rekall, "step 1 of the release")
    assert rekall("add", "step 2 of the release", "--json").json["alike"] == []


# the editor


@posix
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vim", ["+7", "FILE"]),
        ("nvim", ["+7", "FILE"]),
        ("vim.basic", ["+7", "FILE"]),
        ("nano", ["+7", "FILE"]),
        ("emacs-nox", ["+7", "FILE"]),
        ("emacs-29.1", ["+7", "FILE"]),
        ("micro", ["+7", "FILE"]),
        ("kak", ["+7", "FILE"]),
        ("hx", ["FILE:7"]),
        ("code", ["-g", "FILE:7"]),
        ("subl", ["FILE:7"]),
        ("zed", ["FILE:7"]),
        ("kate", ["-l", "7", "FILE"]),
        ("pen", ["FILE"]),
    ],
)
def test_an_editor_begins_at_the_line(tmp_path: Path, name: str, arguments: list[str]) -> None:
    script, noted = tmp_path / "an app" / name, tmp_path / "noted"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{noted}"\n')
    script.chmod(0o755)
    file = tmp_path / "a file's name.md"
    assert open_editor(file, f"'{script}'", 7).code == 0
    assert noted.read_text().splitlines() == [each.replace("FILE", str(file)) for each in arguments]
    assert open_editor(file, f"'{script}' --wait", 0).code == 0
    assert noted.read_text().splitlines() == ["--wait", str(file)]


def test_add_alone_opens_the_editor_where_one_writes(
    rekall: Rekall, home: Path, editor: Callable[..., Path], person: None
) -> None:
    noted = editor(
        "file.write_text(text.replace('title:', 'title: CORS fails').replace('## Error\\n', '## Error\\nstatus 0\\n'))",
        "vim",
    )
    ran = rekall("add", "bug", "--json")
    entry = ran.json["entry"]
    assert (entry["type"], entry["title"], entry["error_messages"], entry["content"]) == (
        "bug",
        "CORS fails",
        ["status 0"],
        "",
    )
    assert json.loads(noted.read_text())[0] == "+2"
    assert drafts(home) == []


def test_a_title_that_nobody_wrote_is_the_first_line(rekall: Rekall, editor: Callable[..., Path], person: None) -> None:
    editor("file.write_text(text.replace('---\\n\\n', '---\\nthe point\\n\\nand why\\n', 1))")
    entry = rekall("add", "--json").json["entry"]
    assert (entry["title"], entry["content"]) == ("the point", "and why")


def test_words_that_were_typed_are_kept_by_an_editor_that_changes_nothing(
    rekall: Rekall, editor: Callable[..., Path], person: None
) -> None:
    editor("")
    assert rekall("add", "-e", "a", "thought", "--json").json["entry"]["title"] == "a thought"


def test_an_own_template_is_begun_with(
    rekall: Rekall, home: Path, editor: Callable[..., Path], person: None, tmp_path: Path
) -> None:
    (home / "templates").mkdir(parents=True)
    (home / "templates" / "bug.md").write_text("---\ntags: [triage]\nproject: ops\n---\n## Timeline\n\n## Solution\n")
    editor(
        "file.write_text(text.replace('title:', 'title: Down').replace('## Timeline\\n', '## Timeline\\n9:00 up\\n'))"
    )
    entry = rekall("add", "bug", "-p", "mine", "--json").json["entry"]
    assert (entry["tags"], entry["project"], entry["content"]) == (["triage"], "mine", "## Timeline\n9:00 up")
    for broken in ("tags: [x", "confidence: 9", "status: wip"):
        (home / "templates" / "bug.md").write_text(f"---\n{broken}\n---\n")
        ran = rekall("add", "bug")
        assert ran.code == 4
        assert "bug.md" in ran.err


def test_a_broken_draft_can_be_discarded_or_begun_anew(
    rekall: Rekall, home: Path, editor: Callable[..., Path], person: None
) -> None:
    editor("file.write_text('---\\ntitle: [x\\n---\\n')")
    ran = rekall("add", "bug", stdin="d\n")
    assert (ran.code, drafts(home)) == (1, [])
    assert "nothing added" in ran.err
    assert rekall("add", "bug", stdin="what\nk\n").code == 4
    assert len(drafts(home)) == 1

    editor("assert 'title: [x' not in text\nfile.write_text(text.replace('title:', 'title: anew'))")
    ran = rekall("add", "bug", "--fresh", "--json")
    assert (ran.json["entry"]["title"], drafts(home)) == ("anew", [])


def test_what_an_editor_that_failed_left_can_be_stored(
    rekall: Rekall, home: Path, editor: Callable[..., Path], person: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(
        "file.write_text(text.replace('title:', 'title: Half', 1).replace('## Solution', '## Solution\\n\\nall of it'))\nsys.exit(3)"
    )
    assert rekall("add", "bug").code == 4
    draft = home / "drafts" / drafts(home)[0]
    editor("")
    assert f"`rekall add < {draft}` stores it" in rekall("add").err
    monkeypatch.setattr("rekall.cli.add.on_terminal", lambda: False)
    entry = added(rekall, text=draft.read_text("utf-8"))
    assert (entry["title"], entry["type"], entry["solution"], entry["content"]) == ("Half", "bug", "all of it", "")


def test_edit_begins_at_the_passage_that_matched(
    rekall: Rekall, editor: Callable[..., Path], person: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REKALL_TERMINAL", "this one")
    body = "\n".join(f"line {number} of a long note about nothing much" for number in range(60))
    added(rekall, "A long note", "-c", f"{body}\nthe walrus operator hides here\n{body}")
    rekall("search", "walrus", "--mode", "words")
    noted = editor("", "vim")
    rekall("edit", "1")
    plus, file = json.loads(noted.read_text())
    assert plus == f"+{8 + 60}", file


def test_edit_fresh_forgets_the_draft(rekall: Rekall, home: Path, editor: Callable[..., Path], person: None) -> None:
    entry = added(rekall, "a thought")
    editor("file.write_text('---\\ntitle: [x\\n---\\n')")
    assert rekall("edit", entry["id"], stdin="k\n").code == 4
    editor("assert '[x' not in text\nfile.write_text(text.replace('a thought', 'two'))")
    assert rekall("edit", entry["id"], "--fresh").code == 0
    assert drafts(home) == []


def test_several_entries_are_changed_at_once(rekall: Rekall) -> None:
    ids = [added(rekall, f"note {number}")["id"] for number in range(3)]
    ran = rekall("edit", "-", "--add-tag", "x", "--tag", "y", stdin="\n".join(ids))
    assert (ran.code, ran.out.count("changed ")) == (0, 3)
    assert [each["tags"] for each in rekall("list", "--json").json["entries"]] == [["y", "x"]] * 3
    ran = rekall("edit", ids[0], ids[1], "--remove-tag", "x", "--json")
    assert [each["entry"]["tags"] for each in ran.json["changed"]] == [["y"], ["y"]]
    assert rekall("edit", *ids, "--title", "").code == 4
    assert rekall("edit", "-", stdin=ids[0]).code == 2
    assert rekall("edit", "-", "-c", "-", stdin=ids[0]).code == 2
    assert "nothing changed" in rekall("edit", "-", "--tag", "y", stdin="\n".join(ids)).err


@posix
def test_what_the_document_says_is_true(rekall: Rekall) -> None:
    document = (CHECKOUT / "docs" / "writing.md").read_text("utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", document, re.DOTALL) for line in block.splitlines()]
    assert len(lines) > 20
    for line in lines:
        before, pipe, command = line.partition(" | ")
        piped = subprocess.run(["sh", "-c", before], capture_output=True, check=True).stdout if pipe else b""
        program, *arguments = shlex.split(command if pipe else line)
        ran = rekall(*arguments, stdin=piped)
        assert (program, ran.code) == ("rekall", 0), (line, ran.err)
        assert ran.out, line
    entries = {each["title"]: each for each in rekall("list", "--all", "--json").json["entries"]}
    assert {each["type"] for each in entries.values()} == {kind.value for kind in EntryType}
    assert entries["Jobs go through Redis"]["status"] == "obsolete"
    assert entries["Workers need jitter"]["content"] == "All of them woke in the same second."
    for kind in EntryType:
        assert f"| `{kind.value}` |" in document
