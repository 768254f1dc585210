"""Conflicts on the command line and over MCP: told, settled, merged, superseded."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Ran

Rekall = Callable[..., Ran]
pytestmark = pytest.mark.usefixtures("quick_model")


def add(rekall: Rekall, title: str, *options: str) -> str:
    ran = rekall("add", "til", title, "--json", *options)
    assert ran.code == 0, ran.err
    found = ran.json["entry"]["id"]
    assert isinstance(found, str)
    return found


@pytest.fixture
def pair(rekall: Rekall) -> list[str]:
    return [add(rekall, "Deploys need Node 18", "-c", "pin it"), add(rekall, "Deploys need Node 20", "--tag", "ci")]


def test_a_pair_is_told_with_both_places_and_numbered(rekall, pair, monkeypatch):
    monkeypatch.setenv("REKALL_TERMINAL", "test")
    add(rekall, "Something about the weather")
    ran = rekall("conflicts")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "version: 20 | 18"
    assert [line.split()[0] for line in lines[1:]] == ["1", "2"]
    assert all(len(line) <= 80 for line in lines)
    assert rekall("show", "2", "--raw").out == "pin it\n"


def test_where_there_is_nothing_that_is_said(rekall, pair):
    assert rekall("conflicts", "--kind", "negation").err == "no conflicts found here\n"
    assert rekall("conflicts", "-p", "nobody").code == 0
    assert rekall("conflicts", "nonsense entry").code == 3
    assert rekall("conflicts", "--all", "-n", "3").code == 2
    assert rekall("conflicts", "--kind", "verson").code == 2


def test_an_empty_base_has_none(rekall):
    ran = rekall("conflicts")
    assert (ran.code, ran.out) == (0, "")
    assert "no conflicts found among 0 entries" in ran.err
    assert rekall("conflicts", "--json").json["conflicts"] == []
    assert rekall("conflicts", "--dismissed").err == "no pairs were dismissed\n"


def test_a_pair_that_is_fine_is_told_no_more(rekall, pair):
    assert rekall("conflicts", "--dismiss", *pair).code == 0
    assert "no conflicts" in rekall("conflicts").err
    assert "Node 18" in rekall("conflicts", "--dismissed").out
    assert rekall("conflicts", "--dismissed", "--json").json["dismissed"][0]["ids"] == sorted(pair)
    assert rekall("conflicts", "--reopen", *pair).code == 0
    assert rekall("conflicts", "--reopen", *pair).code == 3
    assert rekall("conflicts", "--json").json["total"] == 1
    for names in ((), pair[:1], (pair[0], pair[0])):
        assert rekall("conflicts", "--dismiss", *names).code == 2
    assert rekall("conflicts", "--dismiss", "--reopen", *pair).code == 2


def test_entries_without_vectors_are_compared_by_words_which_is_said(rekall, missing_model):
    for title in ("Deploys need Node 18", "Deploys need Node 20"):
        add(rekall, title)
    ran = rekall("conflicts")
    assert "version: 20 | 18" in ran.out
    assert "compared by words alone" in " ".join(ran.err.split())


def test_merging_says_first_what_it_would_make(rekall, pair):
    before = rekall("show", *pair, "--json").json
    ran = rekall("merge", *pair, "--dry-run")
    assert ran.code == 0
    assert "keywords: [Deploys need Node 20]" in ran.out
    assert "rekall:" not in ran.out
    assert rekall("merge", *pair, "--dry-run", "--json").json["entry"]["tags"] == ["ci"]
    assert rekall("show", *pair, "--json").json == before


def test_a_merge_is_stored_at_once_where_there_is_no_terminal_and_undone_as_a_whole(rekall, pair):
    ran = rekall("merge", *pair)
    assert ran.code == 0
    assert ran.out.startswith("merged into ")
    old = rekall("show", pair[1], "--json").json["entry"]
    assert old["status"] == "obsolete"
    assert old["superseded_by"]["id"] == pair[0]
    assert rekall("undo", "--yes").code == 0
    assert rekall("show", pair[1], "--json").json["entry"]["status"] == "active"
    assert rekall("show", pair[0], "--json").json["entry"]["tags"] == []
    assert rekall("merge", pair[0], pair[0]).code == 4
    assert rekall("merge", pair[0], "nobody's").code == 3


def test_on_a_terminal_the_draft_is_edited_first(rekall, pair, tmp_path: Path, monkeypatch):
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import sys\npath = sys.argv[-1]\ntext = open(path, encoding='utf-8').read()\n"
        "open(path, 'w', encoding='utf-8').write(text.replace('pin it', 'pin both'))\n"
    )
    monkeypatch.setattr("rekall.cli.merge.on_terminal", lambda: True)
    monkeypatch.setenv("REKALL_UI_EDITOR", f'"{sys.executable}" "{editor}"')
    assert rekall("merge", *pair).code == 0
    assert rekall("show", pair[0], "--raw").out == "pin both\n"


def test_what_is_superseded_points_to_what_came_after(rekall, pair):
    ran = rekall("supersede", *pair, "--reason", "the old runtime is gone")
    assert ran.code == 0
    assert ran.out.startswith("obsolete ")
    assert "read " in ran.out
    entry = rekall("show", pair[0], "--json").json["entry"]
    assert entry["superseded_by"]["id"] == pair[1]
    assert entry["links"][0]["reason"] == "the old runtime is gone"
    assert "no conflicts" in rekall("conflicts").err


def test_a_new_entry_is_said_to_contradict_another(rekall, pair):
    ran = rekall("add", "til", "Deploys need Node 22")
    assert "it may contradict" in ran.err
    assert "22 here, 18 there" in ran.err
    assert "rekall supersede" in ran.err
    added = rekall("add", "til", "Deploys need Node 24", "--json").json
    assert {each["there"] for each in added["conflicts"]} == {"18", "20", "22"}
    assert added["conflicts"][0]["conflict"] == "version"


def test_an_assistant_hears_of_it_too(rekall, pair):
    from datetime import datetime, timezone

    from rekall.app import App
    from rekall.mcp.caller import Caller
    from rekall.mcp.inputs import AddInput
    from rekall.mcp.tools import add as add_tool

    app = App()
    caller = Caller(datetime.now(timezone.utc), lambda: True, app.settings.text)
    given = AddInput.model_validate({"type": "til", "title": "Deploys need Node 22", "content": "x"})
    answer = add_tool(app.open_base(to_write=True), given, caller)
    app.close()
    assert "may contradict: 22 here, 20 there" in answer.text
    assert set(answer.data["contradicts"]) == set(pair)
    assert json.dumps(answer.data)
