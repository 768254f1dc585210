"""The terminal UI with several bases: it searches all of them, and reads and changes an entry where it lives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import Ran
from support.systems import not_on_windows
from support.tui_driver import NGINX, PAGING, SAFARI, TESTS, base_of, driven, opened, picking, put, sample

from rekall.app import App
from rekall.bases import KnownBase
from rekall.entry.types import LinkType
from rekall.knowledge_base import KnowledgeBase
from rekall.side_by_side import SideBySide

pytestmark = pytest.mark.usefixtures("quick_model")

IDLE = sample(5, "The load balancer drops idle nginx workers", "Ping every ten seconds.", "til")
HELD = sample(6, "nginx holds its workers", "Reload it, an idle one goes.", "til")


def named(folder: Path, *, read_only: bool = False) -> None:
    """Another base called team."""
    rekall = App()
    rekall.bases.add(KnownBase("team", str(folder), read_only))
    rekall.close()


@pytest.fixture
def folder(rekall: Callable[..., Ran], tmp_path: Path) -> Path:
    folder = tmp_path / "team"
    rekall("base", "init", str(folder))
    named(folder)
    return folder


@pytest.fixture
def app(folder: Path) -> Iterator[App]:
    with base_of([SAFARI, NGINX, PAGING]) as made:
        team = made.open_base("team")
        for draft in (IDLE, HELD):
            team.add(draft)
        yield made


def team_of(app: App) -> KnowledgeBase:
    return app.open_base("team")


async def looked_for(ui, line: str, title: str) -> None:
    """Search, and go to a hit."""
    await ui.press("slash")
    await ui.type(line)
    await ui.press("enter")
    await ui.until(lambda: title in ui.titles())
    await ui.settle()
    ui.main.entry_list.choose(ui.titles().index(title))
    await ui.settle()


@driven
async def test_a_search_asks_all_bases_and_the_list_is_that_of_the_one_in_use(app):
    async with opened(app) as ui:
        assert ui.titles() == [SAFARI.title, NGINX.title, PAGING.title]
        await looked_for(ui, "idle nginx", IDLE.title)
        assert {NGINX.title, IDLE.title, HELD.title} <= set(ui.titles())
        (line,) = (line for line in ui.lines() if IDLE.title in line)
        assert "(team)" in line
        (line,) = (line for line in ui.lines() if NGINX.title in line)
        assert "(" not in line
        await ui.press("enter")
        assert f"{IDLE.id} · in team" in ui.text()
        assert "Ping every ten seconds." in ui.text()
        await ui.press("escape", "s")
        assert "near in meaning to" in ui.status
        assert {row.base for row in (ui.main.entry_list.row_at(0),) if row} == {"team"}
        await ui.press("Y")
        assert ui.app.copied == [HELD.id]


@driven
async def test_an_entry_is_edited_tagged_and_deleted_where_it_lives(app):
    async with opened(app) as ui:
        await looked_for(ui, "idle nginx", IDLE.title)
        await ui.press("e")
        put(ui, "content", "Ping every five seconds.")
        await ui.press("ctrl+s")
        assert team_of(app).get(IDLE.id or "").entry.content == "Ping every five seconds."
        await ui.press("c")
        put(ui, "add_tags", "proxy")
        await ui.press("enter")
        assert team_of(app).get(IDLE.id or "").entry.tags == ("proxy",)
        assert ui.chosen == IDLE.title
        await ui.press("d")
        assert team_of(app).count() == 1
        await ui.press("u", "y")
        assert team_of(app).count() == 2
        assert app.open_base().count() == 3


@driven
async def test_links_stay_in_one_base_and_are_followed_there(app):
    async with opened(app) as ui:
        await looked_for(ui, "idle nginx", IDLE.title)
        await ui.press("x")
        assert list(ui.main.entry_list.marked) == [f"team/{IDLE.id}"]
        ui.main.entry_list.choose(ui.titles().index(NGINX.title))
        await ui.press("L")
        assert "these entries live in different bases" in ui.told
        ui.main.entry_list.choose(ui.titles().index(HELD.title))
        await ui.press("L")
        await ui.press("enter")
        (line,) = team_of(app).get(HELD.id or "").links
        assert (line.other.id, line.link.type) == (IDLE.id, LinkType.RELATED)
        await ui.press("l", "enter")
        assert f"{IDLE.id} · in team" in ui.text()
        await ui.press("l", "d", "y")
        assert team_of(app).get(HELD.id or "").links == ()


@driven
async def test_marks_of_several_bases_are_kept_apart(app):
    team_of(app).add(sample(2, "nginx answers 502 after idle workers", "Theirs says more."))
    async with opened(app) as ui:
        await looked_for(ui, "idle nginx", "nginx answers 502 after idle workers")
        await ui.press("x")
        assert list(ui.main.entry_list.marked) == [f"team/{NGINX.id}"]
        ui.main.entry_list.choose(ui.titles().index(NGINX.title))
        await ui.press("x", "d")
        assert "these entries live in different bases" in ui.told
        ui.main.entry_list.choose(ui.titles().index(NGINX.title))
        await ui.press("x", "d", "y")
        assert (app.open_base().count(), team_of(app).count()) == (3, 2)
        assert "marked" not in ui.status


@driven
async def test_a_base_that_is_only_read_refuses(app, folder):
    named(folder, read_only=True)
    app.close()
    reader = App()
    async with opened(reader) as ui:
        await looked_for(ui, "idle nginx", IDLE.title)
        await ui.press("d")
        assert "rekall.db is only read from here" in ui.told
        await ui.press("e")
        put(ui, "title", "Drops idle workers")
        await ui.press("ctrl+s")
        assert "is only read from here" in ui.text()
        assert [each.title for each in team_of(reader).list_entries().entries] == [IDLE.title, HELD.title]
    reader.close()


@driven
async def test_a_base_that_is_away_costs_a_note(app, folder):
    app.close()
    (folder / "rekall.db").rename(folder / "elsewhere.db")
    alone = App()
    async with opened(alone) as ui:
        await looked_for(ui, "idle nginx", NGINX.title)
        assert "without team" in ui.status
        assert "nothing of team is here" in ui.text()
    alone.close()


@driven
async def test_names_that_come_and_go_are_seen(app, folder, rekall, tmp_path):
    async with opened(app) as ui:
        with app.at_work():  # as for as long as it runs
            await looked_for(ui, "idle nginx", IDLE.title)
            await ui.press("enter", "e")
            put(ui, "content", "Ping every second.")
            App().bases.remove("team")
            await ui.press("ctrl+s")  # what was begun is stored where it was
            await ui.press("escape")
            await looked_for(ui, "idle nginx workers", NGINX.title)
            assert IDLE.title not in ui.titles()
            named(folder)
            await looked_for(ui, "idle nginx", IDLE.title)
            await ui.press("enter")
            assert "Ping every second." in ui.text()
            await ui.press("escape", "x")
            App().bases.remove("team")
            await looked_for(ui, "idle nginx workers", NGINX.title)
            await ui.press("d")
            assert "no base is called team any more" in ui.told


@not_on_windows("a file that is open cannot be moved there")
@driven
async def test_a_base_that_is_removed_under_it_costs_a_note(app, folder):
    async with opened(app) as ui:
        await looked_for(ui, "idle nginx", IDLE.title)
        for file in folder.glob("rekall.db*"):
            file.rename(file.with_name(f"moved.{file.name}"))
        await ui.press("enter")
        assert "team is not there" in ui.told
        await ui.press("escape", "d")
        assert "team is not there" in ui.told
        await looked_for(ui, "idle nginx workers", NGINX.title)
        assert "without team" in ui.status
        assert IDLE.title not in ui.titles()
        await ui.press("c")
        put(ui, "add_tags", "proxy")
        await ui.press("enter")
        assert "proxy" in app.open_base().get(NGINX.id or "").entry.tags


@driven
async def test_the_base_in_use_is_named(app, monkeypatch):
    app.close()
    monkeypatch.setenv("REKALL_BASES_USE", "team")
    theirs = App()
    async with opened(theirs) as ui:
        assert ui.lines()[0].split()[:2] == ["search", "team"]
        assert ui.titles() == [IDLE.title, HELD.title]
        await looked_for(ui, "idle nginx", NGINX.title)
        (line,) = (line for line in ui.lines() if NGINX.title in line)
        assert "(own)" in line
    theirs.close()


@driven
async def test_one_chooses_from_the_base_in_use(app):
    async with picking(app, "idle nginx") as ui:
        assert ui.titles()[0] == NGINX.title
        assert ui.main.entry_list.total == app.open_base().count() == 3


def test_without_others_a_search_asks_the_base_itself():
    with base_of([TESTS]) as alone:
        assert not isinstance(alone.asked, SideBySide)
