"""What doors note of searches and readings, and what is shown of that."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from support import Ran
from support.systems import WINDOWS

from rekall.app import App
from rekall.knowledge.looked_for import looked_for
from rekall.knowledge.lookups import Lookups, Opened, Search
from rekall.system.lookup_log import LookupLog

Rekall = Callable[..., Ran]
pytestmark = pytest.mark.usefixtures("quick_model")


@pytest.fixture
def entry(rekall: Rekall) -> str:
    found = rekall("add", "bug", "CORS fails on Safari", "-c", "send Vary: Origin", "--json").json["entry"]["id"]
    assert isinstance(found, str)
    return found


def noted(home: Path) -> list[Search | Opened]:
    return list(Lookups(LookupLog(home / "lookups.jsonl")).all())


def test_searches_and_readings_are_noted_in_a_file_of_their_own(rekall, entry, home, tmp_path):
    rekall("search", "safari", "cors")
    rekall("search", "safari", "--json", "--mode", "words")
    rekall("search", "type:bug")
    rekall("search", "zebra", "crossing", "--mode", "words")
    rekall("show", entry)
    rekall("show", entry, "--path")
    said = noted(home)
    assert [(each.query, each.mode) for each in said if isinstance(each, Search)] == [
        ("safari cors", "hybrid"),
        ("safari", "words"),
        ("type:bug", "hybrid"),
        ("zebra crossing", "words"),
    ]
    assert [each.ids for each in said if isinstance(each, Opened)] == [(entry,)]
    for copy in (tmp_path / "out.jsonl", tmp_path / "folder"):
        assert rekall("export", str(copy)).code == 0
        text = copy.read_text("utf-8") if copy.is_file() else "".join(each.read_text() for each in copy.iterdir())
        assert "zebra" not in text
    assert rekall("backup", str(tmp_path / "copy.db")).code == 0
    assert b"zebra" not in (tmp_path / "copy.db").read_bytes()
    assert b"zebra" not in (home / "rekall.db").read_bytes()


def test_a_reading_by_number_names_the_query(rekall, entry, home, monkeypatch):
    monkeypatch.setenv("REKALL_TERMINAL", "test")
    rekall("search", "safari")
    rekall("show", "1")
    opened = noted(home)[-1]
    assert isinstance(opened, Opened)
    assert (opened.ids, opened.after) == ((entry,), "safari")


def test_one_setting_switches_it_off_and_forgetting_works_all_the_same(rekall, entry, home):
    rekall("search", "safari")
    assert rekall("config", "set", "lookups.keep", "off").code == 0
    rekall("search", "another")
    rekall("show", entry)
    assert len(noted(home)) == 1
    assert "lookups.keep is off" in rekall("stats", "--searches").err
    assert "forgotten" in rekall("stats", "--forget").err
    assert not (home / "lookups.jsonl").exists()
    assert "nothing to forget" in rekall("stats", "--forget").err


def test_before_there_is_a_base_nothing_is_noted(rekall, home):
    assert rekall("search", "safari").code == 0
    assert not home.exists() or list(home.iterdir()) == []


@pytest.mark.skipif(
    WINDOWS or os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="needs a user whom modes hold"
)
def test_where_it_cannot_be_written_a_search_answers_all_the_same(rekall, entry, home):
    home.chmod(0o500)
    try:
        assert rekall("search", "safari", "--mode", "words").code == 0
    finally:
        home.chmod(0o700)


def test_a_folder_in_its_place_keeps_no_search_from_answering(rekall, entry, home):
    (home / "lookups.jsonl").mkdir()
    ran = rekall("search", "safari", "--mode", "words")
    assert (ran.code, ran.err) == (0, "")
    assert rekall("stats", "--searches").code == 0


def test_deleting_for_ever_takes_what_found_it(rekall, entry, home):
    other = rekall("add", "til", "Something else", "--json").json["entry"]["id"]
    rekall("search", "safari")
    rekall("search", "cors fails on safari", "--mode", "words")
    rekall("show", entry)
    rekall("show", other)
    assert rekall("delete", entry, "--forever", "--yes").code == 0
    assert [each.ids for each in noted(home)] == [(other,)]
    assert b"safari" not in (home / "lookups.jsonl").read_bytes().lower()


def test_an_assistants_searches_are_noted(rekall, entry, home):
    from rekall.mcp.caller import Caller
    from rekall.mcp.inputs import GetInput, SearchInput
    from rekall.mcp.reading import get
    from rekall.mcp.tools import search

    with contextlib.closing(App()) as app:
        app.door = "mcp"
        base = app.open_base()
        caller = Caller(datetime.now(timezone.utc), lambda: True, app.settings.text)
        search(base, SearchInput.model_validate({"query": "safari"}), caller)
        get(base, GetInput.model_validate({"ids": [entry]}), caller)
    first, second = noted(home)
    assert isinstance(first, Search)
    assert isinstance(second, Opened)
    assert first.query == "safari"
    assert second.ids == (entry,)
    assert first.session.startswith("mcp-")


def test_python_notes_nothing(rekall, entry, home):
    with contextlib.closing(App()) as app:
        app.open_base().search("safari")
        app.open_base().lookups.note_opened([entry])
    assert noted(home) == []


# what it says


def line(at: datetime, place: str = "shell-1", **said: object) -> bytes:
    if "query" in said:
        said = {"mode": "words", "hits": 0, "best": "", "ids": [], **said}
    return json.dumps({"at": int(at.timestamp()), "from": place, **said}).encode()


def kept(tmp_path: Path, *lines: bytes) -> Lookups:
    log = LookupLog(tmp_path / "lookups.jsonl")
    for each in lines:
        log.add(each)
    return Lookups(log)


NOON = datetime(2026, 11, 27, 12, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)


def test_what_was_not_found_is_grouped_by_its_words(tmp_path):
    said = looked_for(
        kept(
            tmp_path,
            line(NOON, query="rotate the logs"),
            line(NOON + MINUTE, query="nginx", hits=3, best="strong"),
            line(NOON + 2 * MINUTE, query="Log rotation", hits=2, best="weak"),
            line(NOON + 3 * MINUTE, query="rotating logs"),
            line(NOON + 4 * MINUTE, query="kafka lag"),
        )
    )
    assert [(each.query, each.times, each.last) for each in said.unfound] == [
        ("rotating logs", 2, NOON + 3 * MINUTE),
        ("kafka lag", 1, NOON + 4 * MINUTE),
        ("Log rotation", 1, NOON + 2 * MINUTE),
    ]
    assert (said.searches, said.readings, said.since) == (5, 0, NOON)


def test_what_was_read_soon_after_or_is_found_by_now_was_found(tmp_path):
    said = looked_for(
        kept(
            tmp_path,
            line(NOON, query="weak one", hits=2, best="weak"),
            line(NOON + MINUTE, show=["A"]),
            line(NOON, "shell-2", query="read elsewhere", hits=2, best="weak"),
            line(NOON + MINUTE, "shell-3", show=["A"]),
            line(NOON, "shell-4", query="read too late", hits=2, best="weak"),
            line(NOON + 60 * MINUTE, "shell-4", copy=["B"]),
            line(NOON + 61 * MINUTE, query="written down since"),
            line(NOON + 62 * MINUTE, query="since written down", hits=1, best="likely"),
        )
    )
    assert {each.query for each in said.unfound} == {"read elsewhere", "read too late"}
    assert [(entry_id, use.times) for entry_id, use in said.used] == [("A", 2), ("B", 1)]


def test_both_lists_are_shown(rekall, entry, home):
    rekall("search", "zebra", "crossing", "--mode", "words")
    rekall("search", "crossing", "zebras", "--mode", "words")
    for _ in range(2):
        rekall("search", "nothing", "--mode", "words")
        rekall("show", entry)
    ran = rekall("stats", "--searches")
    assert ran.code == 0
    assert "looked for and not found" in ran.out
    assert "2×" in ran.out
    assert "crossing zebras" in ran.out
    assert "CORS fails on Safari" in ran.out
    assert all(len(each) <= 80 for each in ran.out.splitlines())
    assert rekall("stats", "--searches", "-n", "1", "--json").json["unfound"][0]["times"] == 2


def test_a_log_is_read_by_no_search(rekall, entry, home, monkeypatch):
    """However long it is: a search only adds to its end."""
    (home / "lookups.jsonl").write_bytes(line(NOON, query="x" * 50) + b"\n" + line(NOON, query="y") + b"\n")
    before = (home / "lookups.jsonl").stat().st_size

    def fail(*_: object) -> None:
        raise AssertionError("a search reads the log")

    monkeypatch.setattr(LookupLog, "lines", fail)
    assert rekall("search", "safari", "--mode", "words").code == 0
    grown = (home / "lookups.jsonl").stat().st_size - before
    assert 0 < grown < 400
