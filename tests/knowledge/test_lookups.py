"""What was looked for and read: noted in a file of its own, told by entry, forgotten on demand."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from support.secret_samples import KINDS, WORD, of
from support.systems import WINDOWS, links

from rekall.entry.fields import Entry
from rekall.entry.types import EntryType
from rekall.knowledge.looked_for import looked_for
from rekall.knowledge.lookups import Lookups, Opened, Search, Use, without_secrets
from rekall.search.results import Hit, Match, Mode, ModeReport, SearchResult, Why
from rekall.system.clock import Clock
from rekall.system.lookup_log import LookupLog

NOON = datetime(2026, 11, 27, 12, tzinfo=timezone.utc)
ONE, TWO, THREE, FOUR = (f"01K2KT{number:020d}" for number in range(1, 5))


class Ticking(Clock):
    """A minute later each time it is asked."""

    def __init__(self) -> None:
        self._asked = 0

    def now(self) -> datetime:
        self._asked += 1
        return NOON + timedelta(minutes=self._asked - 1)


def result(query: str, *ids: str, match: Match = Match.STRONG) -> SearchResult:
    hits = tuple(
        Hit(Entry(EntryType.BUG, "a title", id=each, created_at=NOON, updated_at=NOON), 1.0, "", Why(), match=match)
        for each in ids
    )
    return SearchResult(query, ModeReport(Mode.HYBRID, Mode.WORDS), hits)


@pytest.fixture
def log(tmp_path: Path) -> LookupLog:
    return LookupLog(tmp_path / "lookups.jsonl")


@pytest.fixture
def lookups(log: LookupLog) -> Lookups:
    return Lookups(log, Ticking(), "shell")


def test_a_search_is_told_as_it_was(lookups):
    lookups.note_search(result("cors – on Safari", ONE, TWO, THREE, FOUR))
    lookups.note_search(result("nothing of the kind"))
    lookups.note_opened([TWO], "copy")
    first, second, opened = lookups.all()
    assert isinstance(first, Search)
    assert isinstance(second, Search)
    assert isinstance(opened, Opened)
    assert (first.at, first.query, first.mode, first.hits, first.best) == (
        NOON,
        "cors – on Safari",
        "words",
        4,
        "strong",
    )
    assert first.ids == (ONE, TWO, THREE)
    assert (second.hits, second.best, second.ids) == (0, "", ())
    assert (opened.at, opened.how, opened.ids) == (NOON + timedelta(minutes=2), "copy", (TWO,))
    assert first.session == opened.session
    assert lookups.since() == NOON


def test_entries_are_told_with_how_often_and_when_last(lookups):
    lookups.note_search(result("one", ONE, TWO))
    lookups.note_search(result("two", TWO))
    lookups.note_opened([TWO, ONE, TWO])
    assert lookups.found([ONE, TWO, THREE]) == {ONE: Use(1, NOON), TWO: Use(2, NOON + timedelta(minutes=1))}
    assert lookups.opened([TWO, THREE]) == {TWO: Use(1, NOON + timedelta(minutes=2))}


def test_a_list_of_what_passes_filters_is_no_search(lookups):
    lookups.note_search(result("  "))
    lookups.note_opened([])
    assert list(lookups.all()) == []
    assert lookups.since() is None


def test_nothing_is_noted_or_told_where_nothing_is_kept(log):
    Lookups(log).note_search(result("before", ONE))
    off = Lookups(log, is_kept=False)
    off.note_search(result("after", ONE))
    off.note_opened([ONE])
    assert off.found([ONE]) == {}
    assert off.since() is None
    assert [each.query for each in Lookups(log).all() if isinstance(each, Search)] == ["before"]
    assert off.forget_all() > 0
    assert list(Lookups(log).all()) == []
    Lookups().note_search(result("nowhere", ONE))
    assert Lookups().forget_all() == 0


def test_a_secret_in_a_query_is_not_written(lookups, log):
    token = KINDS["github classic"][1](random.Random(5))
    password = of(WORD, 14)(random.Random(7))
    lookups.note_search(result(f"git push fails with {token}"))
    lookups.note_search(result(f"db password={password}"))
    lookups.note_search(result(f"curl https://me:{password}@git.host.dev"))
    written = b"".join(log.lines())
    assert token.encode() not in written
    assert password.encode() not in written
    assert b"git push fails with" in written


@pytest.mark.parametrize(
    "query", ["safari blocks my api call", "nginx 502 upstream", "docker run -it", "größe in byte"]
)
def test_a_plain_query_is_written_as_it_is(query):
    assert without_secrets(query) == query


def test_an_erased_entry_is_forgotten_with_the_queries_that_found_or_quote_it(lookups, log):
    lookups.note_search(result("what it was about", TWO, ONE))
    lookups.note_search(result("Cookie  Lost on iPad", THREE))
    lookups.note_search(result("cookie lost", THREE))
    lookups.note_opened([ONE, THREE])
    lookups.note_opened([ONE])
    lookups.forget(ONE, "cookie lost on ipad")
    said = list(lookups.all())
    assert [each.query for each in said if isinstance(each, Search)] == ["cookie lost"]
    assert [each.ids for each in said if isinstance(each, Opened)] == [(THREE,)]
    assert ONE.encode() not in b"".join(log.lines())


def test_what_cannot_be_read_is_passed_over(lookups, tmp_path):
    lookups.note_search(result("sound", ONE))
    with (tmp_path / "lookups.jsonl").open("ab") as file:
        file.write(
            b'\xff\xfe\n[]\n{"at":1}\n{"at":1,"from":"x","query":1,"mode":"","hits":"a","best":"","ids":[]}\n'
            b'{"at":1e99,"from":"x","show":["a"]}\n{"at":1,"from":"x","query":"","mode":"","hits":1,"best":"","ids":[1]}\n'
            b'{"at":1,"from":"x","query":"cut off'
        )
    lookups.note_search(result("lost with it", ONE))
    lookups.note_search(result("after", ONE))
    assert [each.query for each in lookups.all() if isinstance(each, Search)] == ["sound", "after"]


def test_a_place_of_another_kind_is_told_as_text(lookups, tmp_path):
    said = b'{"at":1,"from":{"a":[1]},"query":"kafka lag","mode":"words","hits":0,"best":"","ids":[]}\n'
    (tmp_path / "lookups.jsonl").write_bytes(said)
    assert [each.query for each in looked_for(lookups).unfound] == ["kafka lag"]


@pytest.mark.skipif(WINDOWS, reason="has no pipes in folders")
def test_a_pipe_in_its_place_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "lookups.jsonl")
    log = LookupLog(tmp_path / "lookups.jsonl")
    log.add(b"a line")
    assert list(log.lines()) == []


@links
def test_behind_a_link_the_file_itself_is_wiped_and_the_link_stays(tmp_path):
    (tmp_path / "disk").mkdir()
    link, file = tmp_path / "lookups.jsonl", tmp_path / "disk" / "log.jsonl"
    file.touch()
    link.symlink_to(file)
    log = LookupLog(link, most_bytes=20)
    for number in range(4):
        log.add(b"a line %d" % number)
    lookups = Lookups(log, Ticking(), "shell")
    assert sorted(path.name for path in tmp_path.rglob("*.jsonl")) == ["log.jsonl", "log.older.jsonl", "lookups.jsonl"]
    assert lookups.forget_all() > 0
    assert sorted(path.name for path in tmp_path.rglob("*.jsonl")) == ["lookups.jsonl"]
    assert link.is_symlink()
    log.add(b"again")
    assert file.read_bytes() == b"again\n"


@pytest.mark.skipif(WINDOWS, reason="has no pipes in folders")
def test_what_is_no_file_is_neither_waited_for_nor_removed(tmp_path):
    path = tmp_path / "lookups.jsonl"
    os.mkfifo(path)
    lookups = Lookups(LookupLog(path), Ticking(), "shell")
    lookups.forget(ONE, "a title")
    assert lookups.forget_all() == 0
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_full_file_becomes_the_older_one_and_both_stay_bounded(tmp_path):
    log = LookupLog(tmp_path / "lookups.jsonl", most_bytes=1_000)
    for number in range(100):
        log.add(b"%03d %s" % (number, b"x" * 95))
    lines = list(log.lines())
    numbers = [int(line[:3]) for line in lines]
    assert numbers == list(range(numbers[0], 100))
    assert len(lines) >= 10
    assert log.size_bytes() <= 2 * 1_100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lookups.jsonl", "lookups.older.jsonl"]


@pytest.mark.skipif(WINDOWS, reason="modes are of POSIX")
def test_nobody_else_may_read_it(log, tmp_path):
    log.add(b"a line")
    assert stat.S_IMODE((tmp_path / "lookups.jsonl").stat().st_mode) == 0o600


def test_what_cannot_be_written_is_no_fault(tmp_path):
    LookupLog(tmp_path / "gone" / "lookups.jsonl").add(b"a line")
    (tmp_path / "lookups.jsonl").mkdir()
    log = LookupLog(tmp_path / "lookups.jsonl")
    log.add(b"a line")
    assert list(log.lines()) == []
    assert not (tmp_path / "gone").exists()


ADDING = """
import sys
from pathlib import Path
from rekall.system.lookup_log import LookupLog
log = LookupLog(Path(sys.argv[1]), 20_000)
sys.stdin.readline()
for number in range(300):
    log.add(b"%s %03d %s" % (sys.argv[2].encode(), number, b"x" * 60))
"""


def test_processes_that_add_at_once_lose_nothing(tmp_path):
    """The file gets full twice meanwhile; only what is older than two files goes."""
    path = tmp_path / "lookups.jsonl"
    command = [sys.executable, "-c", ADDING, str(path)]
    adding = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, env={**os.environ}, text=True) for name in ("a", "b")
    ]
    for each in adding:
        each.communicate("go\n", timeout=120)
        assert each.returncode == 0
    lines = list(LookupLog(path).lines())
    assert all(len(line) == 67 and line.endswith(b"x\n") for line in lines)
    assert len(lines) > 20_000 // 67
    for name in (b"a", b"b"):
        numbers = [int(line[2:5]) for line in lines if line[:1] == name]
        assert numbers == list(range(300 - len(numbers), 300))
