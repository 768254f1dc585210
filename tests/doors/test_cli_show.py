"""How an entry is read in the shell: set for a terminal, paged, marked where it matched; plain in a pipe."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import pytest
from rich.cells import cell_len
from support import Ran
from support.launching import on_a_terminal
from support.waiting import PATIENCE_S

from rekall.cli import pager
from rekall.cli.page import plain_text, set_for
from rekall.cli.render import as_shown, at_words, cells
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.entry.view import EntryView
from rekall.knowledge_base import KnowledgeBase
from rekall.typeset.markdown import MarkdownText, Page
from rekall.typeset.text import wrapped

Rekall = Callable[..., Ran]

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo terminals")

CONTENT = (
    """# First steps

Some words that are long enough to be broken at a blank somewhere, 日本語のテキスト and a `code span` with [a link](http://x/y).

- one
- two

```sh
$ a line of code that is much longer than any terminal of forty columns could ever hold in one piece
```

| key | what it does |
|---|---|
| a | something that takes quite a few words to say |
"""
    + "\nfiller\n" * 30
    + "\nThe walrus operator binds a name.\n"
    + "\nfiller\n" * 30
)


def view_of(base: KnowledgeBase, **values: object) -> EntryView:
    draft = {"title": "A title", "content": CONTENT, "tags": ("net",), "situation": "under load", **values}
    return base.get(base.add(Draft(EntryType.BUG, **draft)).entry.id)  # type: ignore[arg-type]


def lines_of(view: EntryView, width: int, line: str = "", base: KnowledgeBase | None = None, at: int = 0) -> list[str]:
    def marking(text: str) -> Sequence[tuple[int, int]]:
        return base.highlights(text, line) if base and line else ()

    printed = set_for(view, {view.entry.id: "AAAA"}, width, marking, at, is_rendered=True)
    return [as_shown(each) for each in printed.lines]


@pytest.mark.parametrize("width", [40, 80, 300])
def test_a_terminal_gets_markdown_broken_at_words_and_code_whole(bench, width: int) -> None:
    lines = list(map(click.unstyle, lines_of(view_of(bench.base), width)))
    text = "\n".join(lines)
    code = next(line for line in lines if "$ a line of code" in line)
    assert code.endswith("in one piece")
    assert all(cell_len(line) <= min(width, 100) for line in lines if line != code)
    assert "# First" not in text
    assert "```" not in text
    assert "• one\n• two" in text
    assert "a link <http://x/y>" in " ".join(text.split())
    assert " ".join(text.split()).count("something") == 1
    words = set(CONTENT.replace("`", " ").replace("[", " ").replace("]", " ").split())
    assert {word for word in words if word.isalpha() and word.isascii()} <= set(text.split()) | {"sh"}


def test_a_pipe_gets_the_text_as_it_is_stored(bench) -> None:
    view = view_of(bench.base)
    text = as_shown(plain_text(view, {view.entry.id: "AAAA"}))
    assert CONTENT.strip() in click.unstyle(text)


def test_what_was_searched_for_is_marked_and_opened_at(bench) -> None:
    view = view_of(bench.base)
    mark = click.style("x", bold=True, underline=True, reset=False).partition("x")[0]

    def marking(text: str) -> Sequence[tuple[int, int]]:
        return bench.base.highlights(text, "walrus operators")

    printed = set_for(view, {view.entry.id: "AAAA"}, 80, marking, 0, is_rendered=True)
    line = as_shown(printed.lines[printed.at])
    assert click.unstyle(line) == "The walrus operator binds a name."
    assert line.count(mark) == 2
    at = view.entry.content.index("binds")
    by_place = set_for(view, {view.entry.id: "AAAA"}, 80, lambda text: (), at, is_rendered=True)
    assert by_place.at == printed.at
    assert set_for(view, {view.entry.id: "AAAA"}, 80, lambda text: (), 0, is_rendered=True).at == 0


def test_a_long_text_opens_at_its_match_though_its_lines_are_broken(bench) -> None:
    content = "a row with\ttabs and many words that take more than one line at forty columns\n" * 1_500 + "the quagga\n"
    view = view_of(bench.base, content=content, situation="")
    printed = set_for(view, {view.entry.id: "AAAA"}, 40, lambda text: (), content.index("quagga"), is_rendered=True)
    assert as_shown(printed.lines[printed.at]) == "the quagga"
    assert not any("\t" in line for line in printed.lines)


def test_a_table_that_is_too_wide_folds_its_widest_column() -> None:
    source = "| k | v |\n|---|---|\n| a | " + "word " * 30 + "|\n| b | 日本語の長い文章がここにあります |"
    lines = [line.plain for line in MarkdownText(source).laid_out(Page(40, cells))]
    assert max(map(cell_len, lines)) <= 40
    assert " ".join(lines).count("word") == 30
    assert sum(line.startswith("a  ") for line in lines) == 1


@pytest.mark.parametrize("width", [5, 11, 30])
@pytest.mark.parametrize(
    "text",
    ["plain words here", "日本語のテキストは blanks なし", "x" * 70, "e\u0301 " * 30, " a\n\n b", "👩\u200d👧 " * 9],
)
def test_no_line_is_wider_and_no_word_is_lost(text: str, width: int) -> None:
    lines = [text[start:end] for start, end in wrapped(text, width, cell_len)]
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert not any(line.startswith("\u0301") for line in lines)


def test_notes_are_broken_at_words_and_in_no_command() -> None:
    text = "note: 1,551 entries have no vector yet and can be found by words only; run `rekall index rebuild --vectors` now\n\nhint: short"
    lines = at_words(text, 60).split("\n")
    assert all(len(line) <= 60 for line in lines)
    assert any("`rekall index rebuild --vectors`" in line for line in lines)
    assert " ".join(" ".join(lines).split()) == " ".join(text.split())
    assert at_words("  " + "word " * 20, 30).split("\n")[1].startswith("  word")


@pytest.mark.parametrize(
    ("environ", "command"),
    [
        ({"PAGER": "less -S"}, ["less", "-S"]),
        ({"PAGER": "less", "REKALL_PAGER": "most"}, ["most"]),
        ({"PAGER": "cat"}, []),
        ({"PAGER": ""}, []),
        ({"PAGER": "less", "REKALL_PAGER": ""}, []),
        ({"PAGER": "a 'b"}, ["a", "'b"]),
        ({"PATH": "/nowhere"}, []),
    ],
)
def test_the_pager_is_the_persons_own(environ: dict[str, str], command: list[str]) -> None:
    assert pager.pager_command(environ) == command


@pytest.mark.parametrize(
    ("command", "environ", "takes"),
    [
        (["less"], {}, True),
        (["less", "-R"], {"LESS": "i"}, True),
        (["less"], {"LESS": "i"}, False),
        (["more"], {}, False),
        (["/opt/bin/bat", "-p"], {}, True),
    ],
)
def test_a_pager_gets_styles_only_if_it_shows_them(command: list[str], environ: dict[str, str], takes: bool) -> None:
    assert pager.takes_styles(command, environ) is takes


class Terminal:
    """What a command writes on a pseudo terminal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *lines: str, rows: int = 24, **environ: str) -> str:
        script = self._folder / "typed.sh"
        script.write_text("\n".join(lines) + "\n")
        own = {**os.environ, "TERM": "xterm-256color", "RK": f"{sys.executable} -m rekall", **environ}
        process, terminal = on_a_terminal(["sh", str(script)], own, rows=rows)
        said = b""
        with contextlib.suppress(OSError):  # Linux says so of a terminal whose last program is gone
            while piece := os.read(terminal, 65_536):
                said += piece
        process.wait(PATIENCE_S)
        os.close(terminal)
        return said.decode("utf-8", "replace").replace("\r\n", "\n")


class TerminalText(io.StringIO):
    """A terminal that shows nothing."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@posix
def test_a_list_and_its_numbers_on_a_real_terminal(rekall: Rekall, quick_model, tmp_path: Path) -> None:
    long = rekall("add", "til", "Long", "-c", CONTENT, "--json").json["entry"]["id"]
    rekall("add", "til", "Short", "-c", "no walrus, " + "just words " * 30)
    script = tmp_path / "my pager.py"
    script.write_text(
        "import sys, pathlib\npathlib.Path(sys.argv[1]).write_text(repr((sys.argv[2:], sys.stdin.read())))\n"
    )
    note = tmp_path / "paged"
    said = Terminal(tmp_path)(
        "$RK search -m words walrus operator",
        "$RK show 1",
        "$RK show Short",
        "REKALL_PAGER=/no/such/program $RK show 1 --no-pager",
        "REKALL_PAGER=false $RK show 1 | tail -n 1",
        "REKALL_PAGER=false $RK show 1",
        REKALL_PAGER=f"'{sys.executable}' '{script}' {note}",
        NO_COLOR="",
    )
    plain = click.unstyle(said)
    assert plain.split()[:3] == ["1", "Long", "til"]
    assert f"  {long[-4:]}  " in plain
    assert click.style("walrus", bold=True, underline=True, reset=False).partition("\x1b[0m")[0] in said
    arguments, text = eval(note.read_text())  # our own repr
    assert (arguments, text) == ([], click.unstyle(text))  # it is not known to take styles, or a line to open at
    assert "The walrus operator binds a name." in text
    assert (
        plain.count("The walrus operator binds a name.") == 3
    )  # beside its title, and where there was no pager or it failed
    assert plain.count("just words just words") >= 1


@posix
def test_help_and_names_that_are_more_than_the_screen_are_paged(rekall: Rekall, quick_model, tmp_path: Path) -> None:
    rekall("add", "til", "Much", *(word for number in range(25) for word in ("--tag", f"t{number}")))
    note = tmp_path / "paged"
    Terminal(tmp_path)("$RK help", "$RK help types", "$RK tags", "$RK projects", REKALL_PAGER=f"tee -a {note}")
    said = note.read_text()
    assert "Short for others: ls (list)" in said
    assert "something was broken" not in said
    assert "t24  1" in said


@posix
@pytest.mark.parametrize(("at", "line"), [(0, None), (8, None), (30, 28), (95, 78), (99, 78)])
def test_a_pager_opens_at_a_line_but_shows_no_empty_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at: int, line: int | None
) -> None:
    less, note = tmp_path / "less", tmp_path / "note"
    less.write_text(f'#!/bin/sh\necho "$@" > "{note}"\ncat > /dev/null\n')
    less.chmod(0o755)
    monkeypatch.setattr("sys.stdout", TerminalText())
    monkeypatch.setattr("rekall.cli.pager.shutil.get_terminal_size", lambda fallback: os.terminal_size((80, 24)))
    pager.show_lines(
        [f"line {place}" for place in range(100)], at, environ={"PAGER": str(less), "PATH": os.environ["PATH"]}
    )
    assert note.read_text().split() == ([f"+{line}"] if line else [])


@pytest.mark.parametrize("command", [("show",), ("pick",), ("show", "--json")])
def test_without_a_terminal_one_is_to_say_which_entry(rekall: Rekall, command: tuple[str, ...]) -> None:
    ran = rekall(*command, *(() if "--json" in command else ("--json",)))
    assert (ran.code, ran.json["error"]["kind"]) == (2, "usage")
    assert "rekall" in ran.json["error"]["hint"]


@posix
def test_a_person_chooses_by_number_or_by_other_words_or_leaves(
    rekall: Rekall, quick_model, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {
        title: rekall("add", "til", title, "-c", "the text", "--json").json["entry"]["id"] for title in ("one", "two")
    }
    monkeypatch.setattr("rekall.cli.pick.can_pick", lambda: True)
    monkeypatch.setenv("REKALL_UI_PICKER", "list")
    assert rekall("pick", stdin="1\n").out == f"{ids['two']}\n"
    assert rekall("pick", "--title", stdin="one\n1\n").out == "one\n"
    assert rekall("pick", "one", "--content", stdin="1\n").out == "the text\n"
    ran = rekall("pick", stdin="\n")
    assert (ran.code, ran.out, "error" in ran.err) == (130, "", False)
    assert rekall("pick", "--content", "--title").code == 2


@posix
def test_fzf_is_given_what_was_found_and_its_choice_is_taken(
    rekall: Rekall, quick_model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = rekall("add", "til", "one", "--json").json["entry"]["id"]
    rekall("add", "til", "two\ttabs")
    fzf = tmp_path / "bin" / "fzf"
    fzf.parent.mkdir()
    monkeypatch.setenv("PATH", f"{fzf.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("rekall.cli.pick.can_pick", lambda: True)
    for body, code, out in (("tail -n 1", 0, f"{entry}\n"), ("cat >/dev/null; exit 130", 130, ""), ("exit 1", 130, "")):
        fzf.write_text(f"#!/bin/sh\n{body}\n")
        fzf.chmod(0o755)
        ran = rekall("pick")
        assert (ran.code, ran.out) == (code, out)


def test_raw_is_the_text_alone_byte_for_byte(rekall: Rekall, quick_model) -> None:
    content = "line\n\x1b[31mred\u202e\n\ttab"
    entry = rekall("add", "til", "x", "-", "--json", stdin=content).json["entry"]
    assert rekall("show", entry["id"], "--raw").out == entry["content"] + "\n"
    for other in ("--json", "--path"):
        assert rekall("show", entry["id"], "--raw", other).code == 2


def test_whole_entries_of_a_search_for_a_model(rekall: Rekall, quick_model) -> None:
    for title in ("one", "two"):
        rekall("add", "til", title, "-c", f"all of {title}")
    out = rekall("search", "one two", "--mode", "words", "--full").out
    assert "all of one" in out
    assert "all of two" in out
    assert out.count("-" * 72) == 1
    said = rekall("search", "one", "--mode", "words", "--full", "--json").json
    assert said["hits"][0]["entry"]["content"] == "all of one"
    assert "all of one" in rekall("list", "--full").out


@pytest.mark.parametrize(
    "options",
    [("--json", "--format", "plain"), ("--ids", "--json"), ("--ids", "--full"), ("--full", "--format", "plain")],
)
@pytest.mark.parametrize("command", [("search", "x"), ("list",), ("similar", "x")])
def test_two_forms_at_once_are_a_mistake(rekall: Rekall, command: tuple[str, ...], options: tuple[str, ...]) -> None:
    ran = rekall(*command, *options)
    assert ran.code == 2
    assert "two forms of one answer" in ran.err + ran.out
    assert rekall(*command, "--json", "--format", "json").code == 0 or command[0] == "similar"


@pytest.mark.parametrize(
    ("options", "titles"),
    [
        ((), "C b A"),
        (("--reverse",), "A b C"),
        (("--sort", "title"), "A b C"),
        (("--sort", "title", "--reverse"), "C b A"),
        (("--sort", "project"), "b C A"),
        (("--sort", "type"), "A C b"),
        (("--sort", "created"), "C b A"),
    ],
)
def test_both_sort_alike(rekall: Rekall, quick_model, options: tuple[str, ...], titles: str) -> None:
    for title, kind, project in (("A", "bug", ""), ("b", "til", "a"), ("C", "config", "B")):
        rekall("add", kind, title, "-p", project, "-c", "same words")
    entries = rekall("list", "--json", *options).json["entries"]
    assert " ".join(entry["title"] for entry in entries) == titles
    if options and "--sort" in options:
        hits = rekall("search", "same", "--mode", "words", "--json", *options).json["hits"]
        assert " ".join(hit["title"] for hit in hits) == titles
    lines = rekall("list", "--format", "jsonl", *options).out.splitlines()
    assert [json.loads(line) for line in lines] == entries
