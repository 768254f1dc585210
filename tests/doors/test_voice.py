"""One voice: mistakes in a command line, help in 80 columns with examples that hold, topics, aliases."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from support import Ran
from support.systems import WINDOWS, shell_line

from rekall.cli.commands import ALIASES, COMMANDS
from rekall.cli.examples import EXAMPLES
from rekall.cli.helping import GROUPS
from rekall.cli.main import cli
from rekall.cli.topics import TOPICS, page
from rekall.entry.filters import FILTERS
from rekall.entry.types import EntryType

Rekall = Callable[..., Ran]

CLICKS_OWN = re.compile(
    r"No such|Missing|Invalid value|Got unexpected|is not a valid|is not one of|Try '|requires an argument"
)


def every_command(group: click.Command = cli, path: str = "") -> Iterator[tuple[str, click.Command]]:
    yield path, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            child = group.get_command(context, name)
            assert child is not None
            if not child.hidden:
                yield from every_command(child, f"{path} {name}".strip())


# mistakes


@pytest.mark.parametrize(
    ("line", "said", "hint"),
    [
        ("tgas", "no command 'tgas'", "did you mean `rekall tags`?"),
        ("tag", "no command 'tag'", "did you mean `rekall tags`?"),
        ("redo", "no command 'redo'", "did you mean `rekall undo`?"),
        ("completion", "no command 'completion'", "did you mean `rekall init`?"),
        ("xyzzy", "no command 'xyzzy'", "`rekall --help` lists the commands"),
        ("config edti", "`rekall config` has no command 'edti'", "did you mean `rekall config edit`?"),
        ("config xyzzy", "`rekall config` has no command 'xyzzy'", "`rekall config --help` lists them: "),
        ("show --jsno 1", "`rekall show` has no option '--jsno'", "did you mean --json?"),
        ("config get", "KEY is missing", "for example `rekall config get search.limit`"),
        ("link 1", " is missing", "for example `rekall link 1 3`"),
        ("list --limit abc", "--limit takes a whole number from 1 to 100,000, not 'abc'", "for example `rekall list"),
        ("list --limit 0", "--limit takes a whole number from 1 to 100,000, not '0'", "for example `rekall list"),
        ("tags --sort nmae", "--sort takes count or name, not 'nmae'", "did you mean name?"),
        ("version a b", "too many arguments for `rekall version`: a b", "it takes no arguments"),
        (
            "list --since last week",
            "too many arguments for `rekall list`: week",
            'a date of several words goes in quotes: --since "last week"',
        ),
        (
            "export x --created 2 days ago",
            "too many arguments for `rekall export`: days ago",
            'a date of several words goes in quotes: --created "2 days ago"',
        ),
        ("list --since monday x", "too many arguments for `rekall list`: x", "it takes no arguments"),
        ("config get a b", "too many arguments for `rekall config get`: b", "it takes KEY"),
        ("list --limit", "--limit needs a value", "for example `rekall list"),
        ("list -n", "-n needs a value", "for example `rekall list -n VALUE`"),
        ("graph --html", "--html needs a value", "for example `rekall graph --html notes.html`; more by"),
        ("edit x --file", "--file needs a value", "for example `rekall edit --file VALUE`; more by"),
        ("stats --json=yes", "--json takes no value", "for example `rekall stats`"),
        ("model use", "NAME is missing", "for example `rekall model use"),
        ("doctor --set a=b", "has no option '--set'", "it stands before the command: `rekall --set KEY=VALUE doctor`"),
        ("list --offset -1", "--offset takes a whole number, 0 or more, not '-1'", "for example `rekall list"),
        ("rm", "ENTRY is missing", "for example `rekall delete 1`; more by `rekall rm --help`"),
        ("list nginx 502", "too many arguments for `rekall list`: nginx 502", "it takes no arguments; `rekall search"),
        ("list --yes", "`rekall list` has no option '--yes'", "`rekall list --help` lists its options"),
        ("bench --n 3", "`rekall bench` has no option '--n'", "`rekall bench --help` lists its options"),
        ("tags k8s", "`rekall tags` has no command 'k8s'", "`rekall list --tag k8s` lists the entries with a tag; "),
        ("projects merge a b", "has no command 'merge'", "`rekall projects rename A B` moves the entries"),
        ("config reset search.limit", "has no command 'reset'", "did you mean `rekall config unset`?"),
    ],
)
def test_mistakes_are_told_in_our_words(rekall: Rekall, line: str, said: str, hint: str) -> None:
    ran = rekall(*shlex.split(line))
    assert (ran.code, ran.out) == (2, "")
    told, _, hinted = ran.err.partition("\n\nhint: ")
    assert said in told
    assert told.startswith("error: ")
    assert hinted.startswith(hint)
    assert not CLICKS_OWN.search(ran.err)


@pytest.mark.parametrize("line", ["check /no/such/file", "restore-base /no/such/file", "import /no/such/file"])
def test_a_path_that_is_not_there_ends_as_every_name_that_is_none(rekall: Rekall, line: str) -> None:
    ran = rekall(*line.split())
    assert ran.code == 3
    assert str(Path("/no/such/file")) in ran.err.replace("/", os.sep)
    assert "does not exist" in ran.err


def test_no_command_speaks_in_the_voice_of_click(rekall: Rekall) -> None:
    for path, command in every_command():
        if path in ("add", "today", "search", "similar", "hook run", "mcp", "embed"):  # what these are given is text
            continue
        words = path.split()
        attempts = [[*words, "--no-such-option"], [*words, *["x"] * 9]]
        attempts += [
            [*words, option.opts[0], "no-such-value"]
            for option in command.params
            if isinstance(option, click.Option) and isinstance(option.type, (click.Choice, click.IntRange))
        ]
        for attempt in attempts:
            if isinstance(command, click.Group) and "x" in attempt:
                continue
            if any(isinstance(each, click.Argument) and each.nargs == -1 for each in command.params) and "x" in attempt:
                continue
            ran = rekall(*attempt)
            assert ran.code == (3 if "does not exist" in ran.err else 2), (attempt, ran)
            assert "\n\nhint: " in ran.err
            assert not CLICKS_OWN.search(ran.err), (attempt, ran.err)


def test_a_mistake_is_told_to_programs_too(rekall: Rekall) -> None:
    error = rekall("list", "--limit", "abc", "--json").json["error"]
    assert (error["kind"], error["hint"].startswith("for example")) == ("usage", True)


def test_what_hides_in_a_word_is_spelled_out(rekall: Rekall) -> None:
    for line in (("\u202etgas",), ("show", "--\u202ex"), ("tags", "--sort", "\u202e"), ("version", "\x1b[2J")):
        ran = rekall(*line)
        assert ran.code == 2
        assert "\u202e" not in ran.err
        assert "\x1b" not in ran.err


# help


def test_the_help_of_every_command_fits_80_columns_and_shows_examples(rekall: Rekall, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for path, _ in every_command():
        ran = rekall(*path.split(), "--help")
        assert ran.code == 0
        assert [line for line in ran.out.splitlines() if len(line) > 80] == [], path
        assert "\nExamples:\n" in ran.out, path
        assert ran.out.splitlines()[0].startswith(f"Usage: rekall {path}".strip())


def test_every_command_has_examples_and_every_example_its_command() -> None:
    assert {path for path, _ in every_command()} == set(EXAMPLES)
    for path, lines in EXAMPLES.items():
        assert 2 <= len(lines) <= 4, path
        assert all(len(line) <= 77 for line in lines), path
        assert any(f"rekall {path}".strip() in line for line in lines), path


@pytest.mark.parametrize("line", dict.fromkeys(line for lines in EXAMPLES.values() for line in lines))
def test_an_example_is_a_line_that_the_command_takes(line: str) -> None:
    """Each call of `rekall` in it is parsed by the command it names; only files need not be there."""
    plain = re.split(r"\s#", line)[0]
    inside, outside = re.findall(r'"\$\((.*?)\)"', plain), re.sub(r'"\$\(.*?\)"', "1", plain)
    for part in (*inside, *(re.split(r"[|;]", outside) if "'" not in outside else [outside])):
        words = shlex.split(part.partition(" | ")[0])
        words = [word for word in words if not re.fullmatch(r"[A-Z]+=.*", word)]
        if words[:1] != ["rekall"]:
            continue
        missing = None
        try:
            _parsed(cli, click.Context(cli, info_name="rekall"), words[1:])
        except click.BadParameter as error:
            missing = error.message
        assert missing is None or "does not exist" in missing, line


def _parsed(group: click.Group, context: click.Context, words: list[str]) -> None:
    """Let the command that words name parse what follows it, and those below it too."""
    words = list(words)
    while words and words[0] in ("--set", "-b"):
        words = words[2:]
    if not words:
        return
    command = group.get_command(context, words[0])
    assert command is not None, words
    if isinstance(command, click.Group) and len(words) > 1 and not words[1].startswith("-"):
        _parsed(command, click.Context(command, info_name=words[0], parent=context), words[1:])
        return
    with command.make_context(words[0], words[1:], parent=context):
        pass


def test_the_help_groups_every_command_once(rekall: Rekall) -> None:
    grouped = [name for _, names in GROUPS for name in names]
    assert sorted(grouped) == sorted(COMMANDS)
    shown = rekall("--help").out
    assert all(f"\n{title}:\n" in shown for title, _ in GROUPS)


def test_aliases_do_what_they_stand_for_and_are_not_in_the_list(rekall: Rekall, quick_model) -> None:
    assert rekall("new", "til", "a thought").code == 0
    for alias, name in ALIASES.items():
        assert name in COMMANDS
        assert f"\n  {alias} " not in rekall("--help").out
        shown = rekall(alias, "--help").out
        assert shown.partition("\n")[2] == rekall(name, "--help").out.partition("\n")[2]
    assert rekall("ls", "--json").json["total"] == 1
    assert rekall("find", "thought", "--mode", "words", "--json").json["hits"]
    assert rekall("rm", "a thought", "--yes").code == 0
    assert all(alias in rekall("help").out for alias in ALIASES)


# topics


def test_help_shows_a_command_a_subcommand_or_a_topic(rekall: Rekall) -> None:
    assert rekall("help", "search").out == rekall("search", "--help").out
    assert rekall("help", "config", "set").out == rekall("config", "set", "--help").out
    assert rekall("help", "ls").out.splitlines()[1:] == rekall("list", "--help").out.splitlines()[1:]
    for topic in TOPICS:
        for name in (topic.name, *topic.others):
            if name not in {*COMMANDS, *ALIASES}:
                assert rekall("help", name).out == f"{topic.title}\n\n{page(topic)}\n"
    everything = rekall("help").out
    assert all(topic.title in everything for topic in TOPICS)
    ran = rekall("help", "qurey")
    assert (ran.code, "did you mean `rekall help query`?" in ran.err) == (3, True)


def test_topics_fit_a_screen_and_say_what_is_true() -> None:
    texts = {topic.name: page(topic) for topic in TOPICS}
    for name, text in texts.items():
        lines = text.splitlines()
        assert len(lines) <= 40, name
        assert [line for line in lines if len(line) > 80] == [], name
    assert all(f"  {kind.value} " in texts["types"] for kind in EntryType)
    assert all(f"{each.key}:" in texts["query"] + texts["dates"] for each in FILTERS)
    for command in re.findall(r"`rekall ([a-z-]+)", "\n".join(texts.values())):
        assert command in COMMANDS, command


def test_the_readable_version_names_rekall(rekall: Rekall) -> None:
    assert re.fullmatch(r"rekall \d+\.\d+\.\d+\S*\n", rekall("--version").out)


def test_a_file_of_settings_is_edited_and_taken_over_when_it_is_right(
    rekall: Rekall, home, monkeypatch, tmp_path
) -> None:
    editor = tmp_path / "editor.py"
    editor.write_text("import sys, pathlib, os\npathlib.Path(sys.argv[1]).write_text(os.environ['TEXT'])\n")
    monkeypatch.setenv("EDITOR", shell_line(sys.executable, editor))
    monkeypatch.setenv("TEXT", "[search]\nlimit = 0\n")
    ran = rekall("config", "edit")
    assert (ran.code, "search.limit is 0" in ran.err) == (4, True)
    assert not (home / "config.toml").exists()
    monkeypatch.setenv("TEXT", "[search]\nlimit = 7\n")
    assert rekall("config", "edit").code == 0
    assert rekall("config", "get", "search.limit").out == "7\n"
    assert [path.name for path in home.iterdir() if "edited" in path.name] == []
    ran = rekall("config", "unset", "search.limit")
    assert (ran.code, ran.err) == (0, "search.limit = 10\n")
    assert "was not set" in rekall("config", "unset", "search.limit").err
    assert rekall("config", "unset", "serach.limit").code == 3
    assert rekall("config", "set", "search.limit", "9").code == 0
    assert rekall("config", "unset", "search").code == 3  # a section is more than anybody means
    assert rekall("config", "get", "search.limit").out == "9\n"


def test_the_editor_that_the_hint_names_is_taken_whatever_is_set(rekall: Rekall) -> None:
    rekall("config", "set", "ui.editor", "/no/such/editor")
    ran = rekall("config", "edit")
    assert ran.code == 4
    hinted = ran.err.partition("hint: `rekall ")[2].partition("`")[0]
    ran = rekall(*hinted.replace("nano", "rem" if WINDOWS else "true").split())
    assert ran.code == 0, ran
