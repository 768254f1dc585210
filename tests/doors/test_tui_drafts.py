"""The terminal UI: what is typed and not saved is kept, taken up again, and removed when it is not needed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.tui_driver import (
    NGINX,
    SAFARI,
    Terminal,
    base_of,
    drafts_of,
    driven,
    edited_by,
    few,
    form,
    lent,
    opened,
    put,
)

from rekall.app import App
from rekall.tui.fields import texts_of
from rekall.tui.kept import KeptText

pytestmark = pytest.mark.usefixtures("quick_model")
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo terminals")
__all__ = ["lent"]


@pytest.fixture
def rekall() -> Iterator[App]:
    with base_of(few()) as made:
        yield made


async def quit_with(rekall: App, keys: str, **texts: str) -> None:
    """Open a form, type, and end the program."""
    async with opened(rekall) as ui:
        await ui.press(*keys)
        for name, text in texts.items():
            put(ui, name, text)
        await ui.pilot.press("ctrl+c")
        await ui.until(lambda: not ui.app.is_running)


@driven
async def test_quitting_keeps_what_was_typed_and_the_next_form_goes_on_with_it(rekall):
    async with opened(rekall) as ui:
        await ui.press("e")
        put(ui, "content", "not saved")
        await ui.pilot.press("ctrl+c")
        await ui.until(lambda: not ui.app.is_running)
        (draft,) = drafts_of(rekall)
        assert ui.app.return_value == f"your text is kept in {draft}"
    text = draft.read_text("utf-8")
    assert draft.name.startswith(str(SAFARI.id))
    assert "title: Safari blocks our cookie" in text
    assert "not saved\n" in text
    async with opened(rekall) as ui:
        await ui.press("e")
        assert form(ui).texts["content"] == "not saved"
        assert ui.told.count("resuming your unsaved text") == 1


@driven
async def test_quitting_keeps_a_text_whose_fields_cannot_be_read(rekall):
    async with opened(rekall) as ui:
        await ui.press("a")
        put(ui, "content", "not saved")
        put(ui, "confidence", "much")
        await ui.pilot.press("ctrl+q")
        await ui.until(lambda: not ui.app.is_running)
    assert "not saved" in drafts_of(rekall)[0].read_text("utf-8")


@driven
async def test_quitting_a_form_that_was_not_touched_leaves_nothing(rekall):
    async with opened(rekall) as ui:
        await ui.press("e")
        await ui.pilot.press("ctrl+q")
        await ui.until(lambda: not ui.app.is_running)
        assert ui.app.return_value is None
    assert drafts_of(rekall) == []


@driven
async def test_a_new_entry_goes_on_too_and_with_every_field(rekall):
    typed = {
        "title": "# Half: a thought",
        "tags": "one, two words",
        "project": "api",
        "content": "first\n\n---\nlast",
        "situation": "at night",
        "error_messages": "Trace:\n  line 1\n  line 2\nOOM",
        "confidence": "4",
        "type": "bug",
    }
    await quit_with(rekall, "a", **typed)
    async with opened(rekall) as ui:
        await ui.press("a")
        texts = form(ui).texts
        assert {name: texts[name] for name in typed} == typed


@driven
async def test_what_is_typed_is_kept_while_the_form_is_open_and_gone_when_it_is_saved(rekall, monkeypatch):
    monkeypatch.setattr("rekall.tui.form.KEEP_S", 0.2)
    async with opened(rekall) as ui:
        await ui.press("j", "e")
        await ui.pilot.pause(0.3)
        assert drafts_of(rekall) == []
        put(ui, "content", "not saved")
        await ui.until(lambda: bool(drafts_of(rekall)))
        await ui.press("ctrl+s")
        assert rekall.open_base().get(NGINX.id or "").entry.content == "not saved"
        assert drafts_of(rekall) == []
        await ui.press("e")
        put(ui, "content", "once more")
        await ui.until(lambda: bool(drafts_of(rekall)))
        put(ui, "content", "not saved")
        await ui.until(lambda: not drafts_of(rekall))


@pytest.mark.parametrize("last", ["ctrl+s", "escape"])
@driven
async def test_a_draft_that_was_taken_up_is_removed_when_it_is_saved_or_thrown_away(rekall, last):
    await quit_with(rekall, "e", content="not saved")
    async with opened(rekall) as ui:
        await ui.press("e", last)
        if last == "escape":
            await ui.press("y")
        assert ui.app.screen is ui.main
        kept = rekall.open_base().get(SAFARI.id or "").entry.content
        assert kept == ("not saved" if last == "ctrl+s" else SAFARI.content)
        assert drafts_of(rekall) == []


@driven
async def test_a_draft_that_cannot_be_read_is_told_and_left_alone(rekall):
    await quit_with(rekall, "e", content="not saved")
    (broken,) = drafts_of(rekall)
    broken.write_text("---\ntitle: [\n---\n", "utf-8")
    async with opened(rekall) as ui:
        await ui.press("e")
        assert f"cannot be read and was left as it is\n{broken}" in ui.told
        assert form(ui).texts["content"] == SAFARI.content
        put(ui, "content", "another")
        await ui.pilot.press("ctrl+c")
        await ui.until(lambda: not ui.app.is_running)
    assert broken.read_text("utf-8") == "---\ntitle: [\n---\n"
    async with opened(rekall) as ui:
        await ui.press("e")
        assert form(ui).texts["content"] == "another"
        await ui.press("ctrl+s")
    assert drafts_of(rekall) == [broken]


@driven
async def test_a_draft_that_is_empty_is_none(rekall):
    await quit_with(rekall, "e", content="not saved")
    drafts_of(rekall)[0].write_text("\n")
    async with opened(rekall) as ui:
        await ui.press("e")
        assert form(ui).texts["content"] == SAFARI.content
        assert ui.told == ""


@driven
async def test_a_draft_of_an_older_text_is_told(rekall):
    await quit_with(rekall, "e", content="not saved")
    (older,) = drafts_of(rekall)
    base = rekall.open_base()
    base.edit(base.get(SAFARI.id or "").entry, replace(SAFARI, content="theirs"))
    async with opened(rekall) as ui:
        await ui.press("e")
        assert str(older) in ui.told
        assert form(ui).texts["content"] == "theirs"


@driven
async def test_after_a_conflict_the_draft_belongs_to_the_entry_as_it_is_now(rekall):
    base = rekall.open_base()
    async with opened(rekall) as ui:
        await ui.press("e")
        put(ui, "title", "mine")
        base.edit(base.get(SAFARI.id or "").entry, replace(SAFARI, content="theirs"))
        await ui.press("ctrl+s")
        await ui.pilot.press("ctrl+c")
        await ui.until(lambda: not ui.app.is_running)
    async with opened(rekall) as ui:
        await ui.press("e")
        assert (form(ui).texts["title"], form(ui).texts["content"]) == ("mine", "theirs")
        await ui.press("ctrl+s")
    assert drafts_of(rekall) == []


@driven
async def test_the_editor_goes_on_with_what_the_form_kept(rekall, lent, tmp_path, monkeypatch):
    await quit_with(rekall, "e", content="not saved")
    edited_by(tmp_path, "t = t.replace('not saved', 'saved at last')", monkeypatch)
    async with opened(rekall) as ui:
        await ui.press("E")
        assert "resuming your unsaved text" in ui.told
        assert rekall.open_base().get(SAFARI.id or "").entry.content == "saved at last"
    assert drafts_of(rekall) == []


@posix
@pytest.mark.slow
def test_the_command_goes_on_with_what_the_form_kept(rekall, tmp_path, monkeypatch):
    driven(quit_with)(rekall=rekall, keys="e", content="not saved")
    edited_by(tmp_path, "t = t.replace('not saved', 'saved at last')", monkeypatch)
    with Terminal("edit", str(SAFARI.id)) as terminal:
        assert terminal.exit_code() == 0
        assert b"continuing the draft" in terminal.shown
    assert rekall.open_base().get(SAFARI.id or "").entry.content == "saved at last"
    assert drafts_of(rekall) == []


@driven
async def test_a_disk_that_keeps_nothing_is_told_once(rekall, monkeypatch):
    def refuse(self, text):
        raise OSError("no room")

    monkeypatch.setattr("rekall.tui.form.KEEP_S", 0.2)
    monkeypatch.setattr("rekall.system.drafts.DraftFile.write", refuse)
    async with opened(rekall) as ui:
        await ui.press("a")
        await ui.type("A title")
        await ui.pilot.pause(0.7)
        assert ui.told.count("no room") == 1
        await ui.press("ctrl+s")
        assert ui.chosen == "A title"


def test_nothing_is_kept_any_more_after_the_text_was_dropped(rekall):
    entry = rekall.open_base().get(SAFARI.id or "").entry
    kept = KeptText(rekall.places.drafts, entry)
    begun = entry.as_draft()
    texts = {**texts_of(begun), "content": "typed"}
    assert kept.keep(begun, texts, begun)
    assert len(drafts_of(rekall)) == 1
    kept.drop()
    assert not kept.keep(begun, {**texts, "title": "late"}, begun)
    assert drafts_of(rekall) == []


def test_an_earlier_text_never_takes_the_place_of_the_last(rekall):
    entry = rekall.open_base().get(SAFARI.id or "").entry
    kept = KeptText(rekall.places.drafts, entry)
    begun = entry.as_draft()
    assert kept.keep(begun, {**texts_of(begun), "content": "last"}, begun, is_last=True)
    kept.keep(begun, {**texts_of(begun), "content": "earlier"}, begun)
    assert "last\n" in drafts_of(rekall)[0].read_text("utf-8")


@posix
@pytest.mark.slow
@pytest.mark.parametrize("end", ["terminated", "window closed", "killed"])
def test_what_was_typed_outlives_the_process(home, end):
    with base_of(few()) as rekall, Terminal() as terminal:
        terminal.read_until(lambda shown: b"entries" in shown)
        terminal.type("a")
        terminal.read_until(lambda shown: b"new entry" in shown)
        terminal.type("Half a thought")
        terminal.read_until(lambda shown: b"thought" in shown)
        if end == "terminated":
            os.kill(terminal.pid, signal.SIGTERM)
        elif end == "window closed":
            terminal.hang_up()
        else:
            terminal.read_until(lambda shown: bool(drafts_of(rekall)))
            os.kill(terminal.pid, signal.SIGKILL)
        terminal.exit_code()
        (draft,) = drafts_of(rekall)
        assert "title: Half a thought" in draft.read_text("utf-8")
        if end == "terminated":
            assert terminal.shown.rindex(b"\x1b[?1049l") > terminal.shown.rindex(b"\x1b[?1049h")
