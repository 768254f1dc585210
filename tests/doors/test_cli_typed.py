"""Queries typed into a shell without quotes: what is an option there, and what is part of the query."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import FakeEncoder, Ran
from support.systems import WINDOWS, program

from rekall.cli.search import search
from rekall.cli.typed import Options, Typed, read_line

Rekall = Callable[..., Ran]

NOTES = {
    "Search a string in history": "git log -S finds when a string came or went",
    "Run a shell in a container": "docker run -it --rm alpine sh",
    "Publish a port": "docker run -p 80:80 -it nginx",
    "All warnings": "gcc -Wall -Wextra main.c",
    "Unpack": "tar -xvf archive.tar",
    "Leave comments out": "grep -v ^# config",
    "Remove a folder": "rm -rf build",
    "Browsers": "nginx behind chrome",
    "Proxy": "nginx alone",
}


def options() -> Options:
    context = click.Context(search, help_option_names=["-h", "--help"])
    named = {way: each for each in search.params if isinstance(each, click.Option) for way in each.opts}
    return Options(named, context.help_option_names, context)


def read(line: str) -> Typed:
    """A command line cut at its blanks; `_` stands for a blank inside quotes."""
    return read_line(options(), [word.replace("_", " ") for word in line.split()])


@pytest.mark.parametrize(
    "line",
    [
        *("git log -S x", "docker run -it", "gcc -Wall", "nginx -chrome", "tar -xvf", "rm -rf", "grep -v ^#"),
        *("docker run -p 80:80 -it", "ls -la", "nginx -timeout", "nginx -node", "nginx -foo", "nginx -explain"),
        *("git log --oneline", "git log --format=oneline", "docker build -t app .", "git commit -m message"),
        *("tail -f", "mkdir -p", "ssh -p 2222", "docker run -p 80:80", "head -n many", "df -h", "ps -ef", "du -sh"),
        *("find . -name x -type f", "find . -type f", "psql -pretty", "docker run -p80:80", "gh pr --json title"),
        *("sed -e s/a/b/ file", "rg --type py foo", "grep --format json x", "a -", "cmd -- ", "-chrome nginx"),
        *("journalctl -u nginx --since today", "journalctl -f --limit many", "dnf -y list --type pkgs"),
        *("-Wall gcc", "-1 errno", "--no-verify git commit", "docker ps --format {{.ID}}", "git diff --limit x y"),
    ],
)
def test_a_dash_is_part_of_the_query(line):
    typed = read(line)
    assert (typed.options, typed.words) == ((), tuple(word for word in line.split() if word != "--"))


@pytest.mark.parametrize(
    ("line", "taken", "words"),
    [
        ("nginx_timeout -n 3 --type bug", "-n 3 --type bug", "nginx_timeout"),
        ("nginx timeout -n 3 --type bug --json", "-n 3 --type bug --json", "nginx timeout"),
        ("-n 3 --type bug nginx timeout", "-n 3 --type bug", "nginx timeout"),
        ("-n3 nginx -fjson", "-n3 -fjson", "nginx"),
        ("nginx -n5", "-n5", "nginx"),
        ("nginx -t bug -p web", "-t bug -p web", "nginx"),
        ("nginx --limit=3", "--limit=3", "nginx"),
        ("nginx -e", "-e", "nginx"),
        ("-e docker run -it --mode words", "-e --mode words", "docker run -it"),
        ("git log -n 5", "-n 5", "git log"),
        ("--json git log -S x -n 5", "--json -n 5", "git log -S x"),
        ("docker run -it --tag web", "--tag web", "docker run -it"),
        ("nginx --since 3_days_ago --until -1d", "--since 3_days_ago --until -1d", "nginx"),
        ("nginx --help", "--help", "nginx"),
        ("-h", "-h", ""),
        ("nginx_timeout -h", "-h", "nginx_timeout"),
        ("nginx -n 3 -- -it", "-n 3", "nginx -it"),
        ("-- -n 3", "", "-n 3"),
        ("docker -- --json", "", "docker --json"),
        ("- --json", "--json", "-"),
        # mistakes, which click reports
        ("nginx --type bugs", "--type bugs", "nginx"),
        ("nginx --limt 3", "--limt 3", "nginx"),
        ("nginx --limit 0", "--limit 0", "nginx"),
        ("nginx --limit", "--limit", "nginx"),
        ("nginx_timeout -n many", "-n many", "nginx_timeout"),
        ("-t bugg nginx", "-t bugg", "nginx"),
    ],
)
def test_options_stand_before_the_query_or_after_it(line, taken, words):
    typed = read(line)
    assert (
        " ".join(word.replace(" ", "_") for word in typed.options),
        " ".join(word.replace(" ", "_") for word in typed.words),
    ) == (taken, words)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("git log --format=oneline", "--format=oneline was searched as text"),
        ("gh pr list --json title", "--json was searched as text"),
        ("nginx timeout --limti 3", "did you mean the option --limit?"),
        ("nginx timeout --since 3 days ago", 'a date of several words goes in quotes, --since "3 days ago"'),
        ("journalctl -u nginx --since boot time", "--since was searched as text: options stand"),
        ("git log -S x", ""),
        ("git log --oneline", ""),
        ("nginx timeout --limit 3", ""),
        ("zzz-no-program timeout -n 3", ""),
    ],
)
def test_what_may_surprise_is_said(line, said):
    notes = read(line).notes
    assert (said in " ".join(notes)) if said else notes == ()


def test_a_short_option_behind_a_program_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "tailor", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    (note,) = read("tailor -n 5").notes
    assert note == "-n 5 was taken as the option --limit; quote the whole line to search for it"
    assert read("tailor --limit 5").notes == read("tailor_-n_5").notes == read("-n 5 tailor").notes == ()


@settings(deadline=None, max_examples=300)
@given(
    args=st.lists(
        st.sampled_from(
            ["-n", "5", "-it", "git", "--json", "--type", "bug", "-p", "-", "--", "-e", "--limt", "a b", "-h"]
        )
        | st.text(max_size=5),
        max_size=8,
    )
)
def test_nothing_typed_is_lost(args):
    typed = read_line(options(), args)
    rest = [*typed.options, *typed.words]
    expected = list(args)
    if "--" in expected:
        expected.remove("--")
    assert sorted(rest) == sorted(expected)
    kept = iter(args)
    assert all(word in kept for word in typed.words)


@pytest.fixture
def noted(rekall: Rekall, quick_model: FakeEncoder) -> Rekall:
    for title, content in NOTES.items():
        assert rekall("add", "til", title, "-c", content).code == 0
    return rekall


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("git log -S x", "Search a string in history"),
        ("docker run -it", "Run a shell in a container"),
        ("docker run -p 80:80 -it", "Publish a port"),
        ("gcc -Wall", "All warnings"),
        ("tar -xvf", "Unpack"),
        ("grep -v ^#", "Leave comments out"),
        ("rm -rf", "Remove a folder"),
        ("nginx -chrome", "Proxy"),
    ],
)
def test_a_command_typed_without_quotes_is_searched(noted: Rekall, line: str, title: str) -> None:
    ran = noted("search", *line.split(), "--mode", "words", "--json")
    assert ran.code == 0
    assert title in [hit["title"] for hit in ran.json["hits"]]
    assert ran.out == noted("search", line, "--mode", "words", "--json").out


def test_what_is_left_out_is_said_on_stderr_and_in_json(noted: Rekall) -> None:
    said = noted("search", "nginx", "-chrome", "--mode", "words", "--json").json
    assert said["left_out"] == [{"text": "chrome", "entries": 1}]
    assert said["notes"] == ['left out 1 entry with chrome; "-chrome" searches for it']
    assert "left_out" not in noted("search", "nginx", "--json").json
    for form in ("table", "plain", "jsonl"):
        ran = noted("search", "nginx", "-chrome", "--mode", "words", "--format", form)
        typed = '"\\"-chrome\\""' if WINDOWS else """'"-chrome"'"""
        assert f"\nnote: left out 1 entry with chrome; {typed} searches for it\n" in ran.err
        assert "left out" not in ran.out
    advised = noted("search", "nginx", '"-chrome"', "--mode", "words", "--json").json
    assert [hit["title"] for hit in advised["hits"]] == ["Browsers"]


def test_how_the_command_line_was_read_is_said(noted: Rekall) -> None:
    ran = noted("search", "git", "log", "--format=oneline", "--json")
    assert any(note.startswith("--format=oneline was searched as text") for note in ran.json["notes"])
    assert "note: --format=oneline was searched as text" in noted("search", "git", "log", "--format=oneline").err


def test_similar_reads_its_text_in_the_same_way(noted: Rekall) -> None:
    ran = noted("similar", "docker", "run", "-it", "--json", "-n", "2")
    assert (ran.code, len(ran.json["hits"]), ran.json["query"]) == (0, 2, "docker run -it")


def test_a_query_is_needed(rekall: Rekall) -> None:
    for line in (("search",), ("search", "--json"), ("search", "--"), ("similar", "-n", "3")):
        assert rekall(*line).code == 2
