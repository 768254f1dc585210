"""The review in the terminal UI: what is due is said quietly, and asked a key at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.tui_driver import NOW, SAFARI, base_of, driven, form, opened, picking, put, sample

from rekall.app import App
from rekall.entry.fields import Draft
from rekall.entry.types import Status
from rekall.knowledge.review import Standing
from rekall.tui.review import ReviewScreen

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home", "quick_model")]


def old(number: int, title: str, **more: object) -> Draft:
    """An entry that was not looked at for years."""
    moment = NOW - timedelta(days=1000 - number)
    return replace(sample(number, title, f"The text of {title}."), created_at=moment, updated_at=moment, **more)


def three() -> list[Draft]:
    return [old(11, "one"), old(12, "two"), old(13, "three"), SAFARI]


def standing(rekall: App, number: int) -> Standing:
    return rekall.open_base().review.standing(f"01J0000000000000000000{number:04d}")


@driven
async def test_what_is_due_is_said_quietly_and_asked_about():
    with base_of(three()) as rekall:
        async with opened(rekall) as ui:
            assert "3 to review · model" in ui.status
            await ui.press("R")
            ui.assert_looks_like("review")
            await ui.press("h")
            assert "The text of two." in ui.text()
            assert standing(rekall, 11).times == 1
            await ui.press("n", "h")
            assert "reviewed: 3 entries" in ui.told
            assert "to review" not in ui.status
        assert standing(rekall, 12).due_at is None


@driven
async def test_an_answer_is_taken_back_and_an_entry_passed_over():
    with base_of(three()) as rekall:
        async with opened(rekall) as ui:
            await ui.press("R", "s", "o")
            assert standing(rekall, 12).entry.status is Status.OBSOLETE
            await ui.press("z")
            assert standing(rekall, 12).entry.status is Status.ACTIVE
            assert "The text of two." in ui.text()
            await ui.press("z", "u")
            assert "this is the first one" in ui.told
            assert "The text of one." in ui.text()
            await ui.press("escape")
            assert not isinstance(ui.app.screen, ReviewScreen)
            assert "3 to review" in ui.status


@driven
async def test_what_replaces_an_entry_is_looked_for():
    with base_of(three()) as rekall:
        async with opened(rekall) as ui:
            await ui.press("R", "O")
            await ui.type("safari")
            await ui.settle()
            await ui.press("enter")
            entry = standing(rekall, 11).entry
            assert (entry.status, entry.superseded_by) == (Status.OBSOLETE, SAFARI.id)
            await ui.press("q")
            assert "reviewed: 1 entry" in ui.told


@driven
async def test_what_is_changed_in_the_form_counts_and_what_is_not_does_not():
    with base_of(three()) as rekall:
        async with opened(rekall) as ui:
            await ui.press("R", "w")
            assert form(ui)
            await ui.press("escape")
            assert standing(rekall, 11).times == 0
            await ui.press("w")
            put(ui, "content", "Another text.")
            await ui.press("ctrl+s")
            found = standing(rekall, 11)
            assert (found.entry.content, found.times) == ("Another text.", 1)
            assert "The text of two." in ui.text()


@driven
async def test_an_entry_that_is_gone_meanwhile_is_passed_over():
    with base_of(three()) as rekall:
        async with opened(rekall) as ui:
            await ui.press("R")
            rekall.open_base().delete("01J00000000000000000000012")
            await ui.press("h")
            assert "The text of three." in ui.text()


@driven
async def test_nothing_due_is_said_and_no_screen_opened():
    with base_of([SAFARI]) as rekall:
        async with opened(rekall) as ui:
            assert "to review" not in ui.status
            await ui.press("R")
            assert "nothing to review" in ui.told
            assert not isinstance(ui.app.screen, ReviewScreen)


@driven
async def test_where_an_entry_is_only_chosen_nothing_is_reviewed():
    with base_of(three()) as rekall:
        async with picking(rekall) as ui:
            assert "to review" not in ui.text()
            await ui.press("down", "R")
            assert not isinstance(ui.app.screen, ReviewScreen)
