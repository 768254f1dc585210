"""Why a hit is there, as a person reads it: every part that counts, in words, and no line wider than the terminal."""

from dataclasses import replace
from datetime import datetime, timezone
from itertools import pairwise
from typing import Any

import click
import pytest
from support import Bench, ask

from rekall.cli.render import as_shown, cells
from rekall.cli.tables import hit_line, row_of_hit, table
from rekall.entry.fields import Draft, Entry
from rekall.entry.types import EntryType
from rekall.search.explain import why_line, why_parts
from rekall.search.results import Hit, LegReason, Mode, Why

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
FULL = Why(
    coverage=0.7812,
    words_rank=1,
    matched=("nginx", "502"),
    similarity=0.4577,
    head=0.4,
    best_passage=0.5154,
    meaning_rank=2,
    near=0.3,
    pieces=0.6981,
    pairs=0.4239,
    feedback=0.1089,
    crowding=0.1131,
)


def hit_of(score: float = 1.0543, **parts: Any) -> Hit:
    entry = Entry(EntryType.TIL, "nginx and its upstreams", id="01" + "A" * 24, created_at=NOW, updated_at=NOW)
    return Hit(entry, score, "a snippet", replace(FULL, **parts))


def test_each_part_that_counts_stands_in_the_line():
    assert why_parts(hit_of()) == [
        "score 1.054",
        "words 0.781 (#1: nginx, 502)",
        "meaning 0.458 (#2; head 0.400, best passage 0.515)",
        "pieces of words 0.698",
        "words side by side 0.424",
        "near the best +0.109",
        "crowd -0.113",
    ]
    assert why_line(hit_of()) == " · ".join(why_parts(hit_of()))


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({"best_passage": 0.4577, "head": 0.4577}, "meaning 0.458 (#2)"),
        ({"meaning_rank": None, "head": 0.5154}, "meaning 0.458 (beyond the first candidates)"),
        ({"words_rank": None}, "words 0.781 (beyond the first candidates: nginx, 502)"),
        ({"matched": ()}, "words 0.781 (#1)"),
        ({"matched": tuple("abcdefgh")}, "words 0.781 (#1: a, b, c, d, e, f and 2 more)"),
        ({"similarity": None, "head": None, "best_passage": None}, "meaning estimated 0.300, no vector yet"),
        ({"exact_title": True}, "exact title, so first"),
        ({"crowding": -0.05}, "crowd +0.050"),
        ({"others": (LegReason("recent", 1.0, 1), LegReason("liked", 0.5, None))}, "recent 1.000 (#1)"),
        ({"others": (LegReason("recent", 1.0, 1), LegReason("liked", 0.5, None))}, "liked 0.500"),
    ],
)
def test_a_part_says_what_is_special_about_it(parts, line):
    assert line in why_parts(hit_of(**parts))


def test_what_counts_nothing_is_not_named():
    nothing = {"coverage": 0.0001, "pieces": 0.0, "pairs": 0.0, "feedback": 0.0001, "crowding": -0.0004}
    assert why_parts(hit_of(**nothing)) == ["score 1.054", "meaning 0.458 (#2; head 0.400, best passage 0.515)"]
    assert why_parts(Hit(hit_of().entry, 0.0, "", Why())) == ["score 0.000"]


def test_by_meaning_alone_the_spelling_counts_nothing_and_is_not_named(bench: Bench):
    bench.base.add(Draft(EntryType.TIL, "the nginx timeout"))
    for mode, is_named in ((Mode.MEANING, False), (Mode.HYBRID, True), (Mode.WORDS, True)):
        (hit,) = ask(bench, "nginx timeout", mode).hits
        assert ("pieces of words" in why_line(hit)) is is_named
        assert ("meaning" in why_line(hit)) is (mode is not Mode.WORDS)


def shown(hit: Hit) -> list[str]:
    """The lines of a hit as a terminal shows them."""
    (block,) = table([row_of_hit(hit, {hit.entry.id: "01AAA"}, explain=True)])
    return click.unstyle(as_shown(block)).split("\n")


MANY = hit_of(matched=tuple(f"word{number}" for number in range(40)), exact_title=True)
WIDE = hit_of(matched=("数据库连接超时", "数据库", "连接"))


@pytest.mark.parametrize("columns", [80, 100, 140])
@pytest.mark.parametrize("hit", [hit_of(), MANY, WIDE], ids=["usual", "many words", "wide letters"])
def test_in_a_terminal_a_reason_is_wrapped_between_its_parts(monkeypatch, columns, hit):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = shown(hit)
    assert all(cells(line) <= columns for line in lines)
    reason = lines[2:]
    assert all(line.startswith("    ") and not line.endswith("·") for line in reason)
    assert " · ".join(line.strip() for line in reason) == why_line(hit)
    for one, other in pairwise(reason):  # no line is broken earlier than it must be
        assert cells(one) + 3 + cells(other.strip().split(" · ")[0]) > min(columns, 116)
    assert len(reason) <= 4


def test_a_part_that_no_line_holds_is_cut(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    lines = shown(MANY)
    assert all(cells(line) <= 40 for line in lines)
    assert any(line.endswith("…") and "words 0.781" in line for line in lines)


def test_in_a_pipe_a_reason_is_one_column():
    line = hit_line(hit_of(), {hit_of().entry.id: "01AAA"}, explain=True)
    assert line.split("\t")[-1] == why_line(hit_of())
    assert "\n" not in line


def test_a_word_that_would_move_the_cursor_is_shown_harmless(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert "a b" in "".join(shown(hit_of(matched=("a b",))))
    assert not any("\x1b" in line for line in shown(hit_of(matched=("a\x1b[2Jb",))))
