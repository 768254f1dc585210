"""The terminal UI: several entries at once, links made and removed, and every action by its name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.tui_driver import (
    NGINX,
    PAGING,
    SAFARI,
    TESTS,
    base_of,
    driven,
    edited_by,
    few,
    lent,
    opened,
    put,
    sample,
)

from rekall.app import App
from rekall.entry.types import EntryType, LinkType

pytestmark = pytest.mark.usefixtures("quick_model")
__all__ = ["lent"]


@pytest.fixture
def rekall() -> Iterator[App]:
    with base_of(few()) as made:
        yield made


@driven
async def test_marked_entries_are_counted_and_changed_together(rekall):
    async with opened(rekall) as ui:
        await ui.press("x", "space")
        assert ui.status.startswith(" 2 marked · 4 entries")
        ui.assert_looks_like("marked")
        await ui.press("c")
        assert "Change 2 entries" in ui.text()
        put(ui, "add_tags", "#web, shared")
        put(ui, "remove_tags", "safari")
        put(ui, "type", "pattern")
        await ui.press("enter")
        base = rekall.open_base()
        safari, nginx = (base.get(draft.id or "").entry for draft in (SAFARI, NGINX))
        assert (safari.tags, nginx.tags) == (("auth", "web", "shared"), ("nginx", "web", "shared"))
        assert safari.type is nginx.type is EntryType.PATTERN
        assert base.get(PAGING.id or "").entry.type is EntryType.DECISION
        assert "changed, u takes it back: 2 entries" in ui.told
        await ui.press("slash")
        await ui.type("offset")
        await ui.press("enter")
        ui.main.entry_list.show([row for row in [ui.main.entry_list.row_at(0)] if row], 1)
        ui.main.show_state("1 hit")
        await ui.settle()
        assert "2 marked, 2 elsewhere" in ui.status
        rekall.open_base().delete(SAFARI.id or "")
        ui.main.show_change("")
        await ui.settle()
        assert ui.status.startswith(" 1 marked")  # of what was deleted there is nothing to change
        await ui.press("escape")
        assert "marked" not in ui.status


@driven
async def test_all_that_is_marked_is_deleted_after_a_question_and_comes_back(rekall):
    async with opened(rekall) as ui:
        await ui.press("j", "x", "j", "X")
        assert ui.status.startswith(" 3 marked")
        await ui.press("d")
        assert "Delete 3 marked entries?" in ui.text()
        assert TESTS.title in ui.text()
        await ui.press("n")
        assert rekall.open_base().count() == 4
        await ui.press("d", "y")
        assert ui.titles() == [SAFARI.title]
        assert "marked" not in ui.status
        await ui.press("u", "y")
        assert rekall.open_base().count() == 4
        assert "undone, U does it again: 3 entries" in ui.told


@driven
async def test_what_is_wrong_with_a_change_is_said_and_nothing_is_changed(rekall):
    async with opened(rekall) as ui:
        await ui.press("A", "c")
        put(ui, "type", "bugg")
        await ui.press("enter")
        assert "unknown type 'bugg'" in ui.text()
        put(ui, "type", "")
        put(ui, "project", "-")
        await ui.press("enter")
        assert {entry.project for entry in rekall.open_base().list_entries().entries} == {None}
        assert "2 entries, 2 already so" in ui.told
        await ui.press("u", "y")
        assert [entry.project for entry in rekall.open_base().list_entries().entries].count(None) == 2


@driven
async def test_a_mark_is_set_with_the_mouse(rekall):
    async with opened(rekall) as ui:
        await ui.pilot.click(offset=(1, 4))
        await ui.pilot.click(offset=(9, 8), shift=True)
        await ui.settle()
        assert list(ui.main.entry_list.marked) == [NGINX.id, PAGING.id, TESTS.id]
        await ui.pilot.click(offset=(9, 6), control=True)
        await ui.settle()
        assert list(ui.main.entry_list.marked) == [NGINX.id, TESTS.id]


@driven
async def test_a_marked_entry_is_linked_and_the_link_removed(rekall):
    async with opened(rekall) as ui:
        await ui.press("x", "j", "L")
        ui.assert_looks_like("link-dialog")
        await ui.pilot.press("down", "down")
        await ui.type("told anew")
        await ui.press("enter")
        view = rekall.open_base().get(PAGING.id or "")
        (line,) = view.links
        assert (line.phrase, line.other.id, line.link.reason) == ("superseded by", SAFARI.id, "told anew")
        await ui.press("l", "d")
        assert "Remove the link “superseded by Safari blocks our cookie”?" in ui.text()
        await ui.press("y")
        assert rekall.open_base().get(PAGING.id or "").links == ()
        assert rekall.open_base().count() == 4


@driven
async def test_the_other_end_of_a_link_is_looked_for(rekall):
    async with opened(rekall) as ui:
        await ui.press("enter", "L")
        await ui.type("midni")
        await ui.settle()
        await ui.press("enter")
        await ui.press("enter")
        (line,) = rekall.open_base().get(SAFARI.id or "").links
        assert (line.link.type, line.other.id) == (LinkType.RELATED, TESTS.id)
        await ui.press("G")
        assert "related to → A test fails around midnight" in ui.text()


@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
@driven
async def test_every_action_is_found_by_its_name(rekall, key):
    async with opened(rekall) as ui:
        await ui.pilot.press(key)
        await ui.until(lambda: "Delete the entry, or all that are marked" in ui.text())
        await ui.type("near in mean")
        await ui.until(lambda: "Delete the entry" not in ui.text() and "Entries near in meaning" in ui.text())
        await ui.pilot.press("enter")
        await ui.until(lambda: "near in meaning to" in ui.status)


@driven
async def test_the_file_of_an_entry_is_opened_and_imported_again(rekall, tmp_path, monkeypatch, lent):
    file = tmp_path / "notes" / "a.md"
    file.parent.mkdir()
    file.write_text("# From a file\n\nold words\n", "utf-8")
    base = rekall.open_base(to_write=True)
    base.files.import_paths(file)
    edited_by(tmp_path, "t = t.replace('old', 'new')", monkeypatch)
    async with opened(rekall) as ui:
        await ui.press("o")
        assert "imported again" in ui.told
        assert base.list_entries().entries[0].content == "new words"
        await ui.press("G", "o")
        assert "this entry was not imported from a file" in ui.told
        assert lent == ["lent", "back"]


LONG = "\n\n".join(f"Paragraph {number} says nothing of it." for number in range(40))


@driven
async def test_a_hit_opens_at_the_passage_that_matched_and_n_goes_on():
    content = f"{LONG}\n\nThe zebra crossing **was** repainted.\n\n{LONG}\n\n- zebra again"
    with base_of([sample(1, "Streets", content)]) as rekall:
        async with opened(rekall) as ui:
            await ui.press("slash")
            await ui.type("zebra crossi")
            await ui.press("enter")
            assert "zebra crossing was repainted" in ui.lines()[3]
            await ui.press("enter")
            assert any(line.endswith("The zebra crossing was repainted.") for line in ui.lines())
            await ui.press("n")
            assert "match 2 of 2" in ui.told
            assert any(line.endswith("• zebra again") for line in ui.lines())
            await ui.press("n")
            assert any(line.endswith("The zebra crossing was repainted.") for line in ui.lines())
            await ui.press("N")
            assert any(line.endswith("• zebra again") for line in ui.lines())
