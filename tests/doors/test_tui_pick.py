"""The terminal UI as a picker: it ends with the id of an entry, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.tui_driver import NGINX, SAFARI, base_of, driven, few, picking

from rekall.app import App

pytestmark = pytest.mark.usefixtures("quick_model")


@pytest.fixture
def rekall() -> Iterator[App]:
    with base_of(few()) as made:
        yield made


@driven
async def test_what_is_typed_narrows_and_enter_chooses(rekall):
    async with picking(rekall) as ui:
        assert ui.focused == "line"
        assert "Choose" in ui.lines()[-1]
        await ui.type("keepalive")
        await ui.pilot.press("enter")  # before the list shows what it finds
        await ui.until(lambda: not ui.app.is_running)
        assert ui.app.picked == NGINX.id


@driven
async def test_a_first_query_is_there_and_the_list_chooses_too(rekall):
    async with picking(rekall, "cookie") as ui:
        assert ui.titles()[0] == SAFARI.title
        await ui.press("down", "d", "a", "e")
        assert ui.lines()[-1].startswith(" enter Choose")
        assert ui.app.screen is ui.main
        assert rekall.open_base().count() == 4
        await ui.pilot.press("enter")
        await ui.until(lambda: not ui.app.is_running)
        assert ui.app.picked == SAFARI.id


@driven
async def test_escape_clears_the_query_and_then_leaves_with_nothing(rekall):
    async with picking(rekall, "cookie") as ui:
        await ui.press("escape")
        assert ui.main.line.value == ""
        await ui.pilot.press("escape")
        await ui.until(lambda: not ui.app.is_running)
        assert ui.app.picked is None
