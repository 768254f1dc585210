"""Saved searches: kept as they were typed, run by their names, and in nobody's way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import Ran

from rekall.cli.completing import complete
from rekall.cli.main import cli
from rekall.config import find_places, read_config

Rekall = Callable[..., Ran]
pytestmark = pytest.mark.usefixtures("quick_model")


def lines() -> dict[str, object]:
    return {key: value for key, value in read_config(find_places().config_file).items() if key.startswith("searches.")}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--save", "slow", "timeout", "--type", "bug", "--since", "2w"), "timeout type:bug since:2w"),
        (("--type", "bug", "--type", "til", "--save", "slow"), "type:bug type:til"),
        (("--since", "3 months ago", "--save=slow", "time out"), 'time out since:"3 months ago"'),
        (("--save", "@slow", '"timed out" -chrome until:last week'), '"timed out" -chrome until:last week'),
        (("-p", "web shop", "--save", "slow", "docker", "run", "-it"), 'docker run -it project:"web shop"'),
        (("timed out", "--save", "slow"), "timed out"),
    ],
)
def test_a_line_is_kept_as_it_was_typed(rekall: Rekall, words: tuple[str, ...], line: str) -> None:
    ran = rekall("search", *words)
    assert (ran.code, ran.out, ran.err) == (0, "", f"saved @slow: {line}\n")
    assert lines() == {"searches.slow": line}
    assert rekall("search", "--saved").out == f"@slow  {line}\n"


def test_its_name_stands_for_it_before_further_words(rekall: Rekall) -> None:
    for kind, title in (("bug", "nginx timeout"), ("bug", "postgres timeout"), ("til", "nginx timeout too")):
        rekall("add", kind, title)
    rekall("search", "--save", "slow", "timeout", "type:bug")

    def found(*words: str) -> set[str]:
        return {hit["title"] for hit in rekall("search", *words, "--json", "--mode", "words").json["hits"]}

    assert found("@slow") == {"nginx timeout", "postgres timeout"}
    assert found("@slow -postgres") == {"nginx timeout"}
    assert found("@slow", "--type", "til") == {"nginx timeout too"}
    answer = rekall("search", "@slow", "nginx", "--json").json
    assert answer["query"] == "timeout type:bug nginx"
    assert answer["notes"][0] == "@slow is your saved search: timeout type:bug"
    rekall("search", "--save", "slower", "@slow", "postgres")
    assert lines()["searches.slower"] == "timeout type:bug postgres"


@pytest.mark.parametrize(
    "line", ["@decorator", "mail @slow", "@slow.example", "npm install --save slow", "git --saved"]
)
def test_any_other_line_stays_text(rekall: Rekall, line: str) -> None:
    rekall("add", "til", line)
    rekall("search", "--save", "slow", "timeout")
    for words in ((line,), tuple(line.split())):
        answer = rekall("search", "--json", *words).json
        assert (answer["query"], answer["hits"][0]["title"]) == (line, line)
    assert lines() == {"searches.slow": "timeout"}


def test_a_slip_in_a_name_is_told_and_searched_as_text(rekall: Rekall) -> None:
    rekall("search", "--save", "deadlocks", "deadlock")
    ran = rekall("search", "@deadlok", "--json")
    assert ran.json["query"] == "@deadlok"
    assert "did you mean @deadlocks?" in ran.json["notes"][0]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--save", "slow"), 2, "nothing to save"),
        (("--save", "3", "x"), 4, "no name"),
        (("--save", "two words", "x"), 4, "no name"),
        (("--save", "slow", "-"), 2, "one line"),
        (("--save", "slow", "a\nb"), 2, "one line"),
        (("--save", "slow", "-p", ".", "x"), 2, "depends on the folder"),
        (("--since", "2 weeks ago", "--save", "slow", 'a "b'), 4, "no end"),
        (("--save", "slow", "--forget", "slow"), 2, "two things"),
        (("--saved", "x"), 2, "searches nothing"),
        (("--forget", "slow"), 3, "no saved search @slow"),
        ((), 2, "WORDS is missing"),
    ],
)
def test_what_cannot_be_kept_is_said(rekall: Rekall, words: tuple[str, ...], code: int, said: str) -> None:
    ran = rekall("search", *words)
    assert (ran.code, said in ran.err) == (code, True), ran
    assert lines() == {}


def test_what_is_no_part_of_the_query_is_not_kept_and_said(rekall: Rekall) -> None:
    ran = rekall("search", "-n", "5", "--save", "slow", "timeout")
    assert "--limit is not kept" in ran.err
    assert lines() == {"searches.slow": "timeout"}


def test_the_rest_of_the_file_stays_and_no_command_complains_of_it(rekall: Rekall, home: Path) -> None:
    home.mkdir()
    file = home / "config.toml"
    file.write_text('# mine\n[ui]\ntheme = "dark"  # at night\n')
    rekall("search", "--save", "slow", "timeout")
    assert file.read_text() == '# mine\n[ui]\ntheme = "dark"  # at night\n\n[searches]\nslow = "timeout"\n'
    assert rekall("search", "timeout").err.count("searches") == 0
    assert "it was: timeout" in rekall("search", "--save", "slow", "late").err
    assert rekall("config", "unset", "searches.slow").code == 0
    assert rekall("config", "unset", "searches.slow").code == 3
    rekall("search", "--save", "slow", "timeout")
    assert rekall("search", "--forget", "@slow").err == "forgot @slow: timeout\n"
    assert lines() == {}
    file.write_text("searches = 3\n")
    assert rekall("search", "--save", "slow", "timeout").code == 4
    file.write_text("[searches]\nslow = 3\n")
    assert "passed over" in rekall("search", "@slow").err


def test_names_are_completed(rekall: Rekall) -> None:
    rekall("search", "--save", "slow", "timeout")

    def offered(*words: str) -> list[str]:
        return [offer.value for offer in complete(cli, words[:-1], words[-1]).offers]

    assert offered("search", "@") == offered("search", "@sl") == ["@slow"]
    assert offered("search", "nginx", "@") == []
    assert offered("search", "--forget", "") == offered("search", "--save", "s") == ["slow"]
    assert offered("config", "unset", "searches.") == ["searches.slow"]
