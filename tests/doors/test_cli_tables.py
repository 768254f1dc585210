"""Tables in the shell: the title has the room, and nothing that matters is cut away with it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import click
import pytest
from rich.cells import cell_len

from rekall.cli.render import as_shown, cells, error_text, fit
from rekall.cli.tables import Row, table
from rekall.errors import Ambiguous
from rekall.typeset.flat import flat

TITLE = "The proxy closes idle connections of the billing service before the pool notices"
NOW = datetime.now(timezone.utc)


def row(place: int, **said: str) -> Row:
    values = {
        "title": f"{place} {TITLE}",
        "kind": "reference",
        "project": f"project-number-{place}",
        "short": f"K{place}ZZ",
    }
    return Row(changed=NOW - timedelta(days=place), **(values | said))


def shown(rows: list[Row], monkeypatch: pytest.MonkeyPatch, columns: int) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = [click.unstyle(as_shown(line)) for block in table(rows) for line in block.split("\n")]
    assert max(map(cell_len, lines)) <= columns
    return lines


@pytest.mark.parametrize(("columns", "least"), [(50, 22), (80, 36), (100, 40), (200, 40)])
@pytest.mark.parametrize("match", ["", "strong"])
def test_a_title_keeps_nearly_half_of_the_line(monkeypatch, columns, least, match):
    for line in shown([row(place, match=match) for place in range(1, 6)], monkeypatch, columns):
        title = line[4:].partition("…")[0]
        assert len(title) >= least - 2, line


def test_columns_that_say_the_same_everywhere_give_their_room_to_the_titles(monkeypatch):
    rows = [row(place, project="billing", kind="bug") for place in range(1, 4)]
    for line in shown(rows, monkeypatch, 80):
        assert "billing  " not in line
        assert "  bug  " not in line
    short = [row(place, project="billing", kind="bug", title="Short") for place in range(1, 4)]
    for line in shown(short, monkeypatch, 80):
        assert "  bug  billing  " in line


def test_few_rows_keep_what_they_all_say(monkeypatch):
    assert all("  bug  billing" in line for line in shown([row(1, project="billing", kind="bug")], monkeypatch, 80))


@pytest.mark.parametrize("columns", [40, 50, 80, 200])
def test_a_mark_is_never_cut_away_with_the_title(monkeypatch, columns):
    lines = shown([row(1), row(2, mark=" (obsolete)"), row(3)], monkeypatch, columns)
    assert ["(obsolete)" in line for line in lines] == [False, True, False]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_what_may_have_been_meant_takes_a_line_each_on_a_terminal(monkeypatch, is_terminal):
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal)
    monkeypatch.setenv("COLUMNS", "60")
    lines = error_text(Ambiguous("it fits two", "give more", [f"K1ZZ  {TITLE}", f"K2ZZ  {TITLE}"])).split("\n")
    assert lines[2].startswith("  K2ZZ  The proxy")
    assert (cell_len(lines[2]) <= 60) is is_terminal
    assert (TITLE in lines[2]) is not is_terminal


@pytest.mark.parametrize(
    ("snippet", "line"),
    [
        ("# Proxy\ntext", "Proxy text"),
        ("Proxy ====== The pool. ## Sizes It is ten.", "Proxy The pool. Sizes It is ten."),
        ("| size | time | |---|--:| | ten | one |", "size | time | | ten | one |"),
        ("git diff -- a | sort --- b", "git diff -- a | sort --- b"),
        ("-----BEGIN KEY----- # note", "-----BEGIN KEY----- # note"),
        ("a | - | b", "a | - | b"),
        ("… | ten | one |", "… ten | one |"),
        ("… - an item", "… an item"),
    ],
)
def test_marks_of_markdown_within_a_snippet_are_not_shown(snippet, line):
    assert flat(snippet) == line


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "café – “so” it goes…",
        "no\u00a0break",
        "日本語",
        "soft\u00adhyphen",
        "e\u0301",
        "🚀 up",
        "→ far",
        "\u200b",
        "",
    ],
)
def test_widths_are_those_of_rich(text):
    assert cells(text) == cell_len(text)
    for width in range(1, 8):
        assert cell_len(fit(text, width)) <= width
