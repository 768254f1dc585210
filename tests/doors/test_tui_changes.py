"""The terminal UI: adding, editing, deleting, the editor, and ending with something unsaved."""

from __future__ import annotations

import errno
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.systems import WINDOWS, program, shell_line
from support.tui_driver import (
    NGINX,
    SAFARI,
    base_of,
    drafts_of,
    driven,
    edited_by,
    few,
    form,
    lent,
    opened,
    put,
    sample,
)
from textual import events

from rekall.app import App
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType, Status
from rekall.errors import DatabaseLocked, DiskFull, InvalidInput
from rekall.knowledge.undoing import Past
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.app import RekallApp
from rekall.tui.fields import draft_of, items_of, lines_of, texts_of
from rekall.tui.themes import DARK

pytestmark = pytest.mark.usefixtures("quick_model")
__all__ = ["lent"]


@pytest.fixture
def rekall() -> Iterator[App]:
    with base_of(few()) as made:
        yield made


@driven
async def test_an_entry_is_added(rekall):
    async with opened(rekall) as ui:
        await ui.press("a")
        ui.assert_looks_like("form")
        await ui.type("Redis forgets")
        await ui.pilot.press("tab")
        await ui.type("redis, Cache")
        await ui.pilot.press("tab", "tab")
        await ui.type("It was full.")
        put(ui, "type", "pitfall")
        await ui.press("ctrl+t")
        ui.assert_looks_like("form-context")
        await ui.type("Under load")
        put(ui, "error_messages", "OOM\nTrace:\n  line 1\n  line 2")
        await ui.press("ctrl+s")
        entry = rekall.open_base().get(ui.main.current_key).entry
        assert (entry.type, entry.title, entry.content) == (EntryType.PITFALL, "Redis forgets", "It was full.")
        assert entry.tags == ("redis", "cache")
        assert entry.situation == "Under load"
        assert entry.error_messages == ("OOM", "Trace:\nline 1\nline 2")
        assert ui.chosen == "Redis forgets"
        assert "saved: Redis forgets" in ui.told
        assert rekall.open_base().index.status().pending_entries == 0


@driven
async def test_what_is_typed_while_a_form_opens_is_its_title_and_no_command(rekall):
    async with opened(rekall) as ui:
        for key in "aquick dt":
            ui.app.post_message(events.Key("space" if key == " " else key, key))
        await ui.settle()
        await ui.until(lambda: ui.app.typed.is_idle)
        assert form(ui).texts["title"] == "quick dt"
        assert ui.app.is_running
        assert ui.app.theme == DARK.name


@driven
async def test_what_is_wrong_is_said_and_nothing_typed_is_lost(rekall):
    async with opened(rekall) as ui:
        await ui.press("a")
        put(ui, "content", "text without a title")
        await ui.press("ctrl+s")
        assert "the title is empty" in ui.text()
        assert "give the entry a title" in ui.text()
        ui.assert_looks_like("form-problem")
        await ui.type("A title")
        put(ui, "confidence", "much")
        await ui.press("ctrl+s")
        assert "confidence is 'much', expected a whole number" in ui.text()
        put(ui, "confidence", "9")
        await ui.press("ctrl+s")
        assert "must be from 0 to 5" in ui.text()
        put(ui, "confidence", "5")
        await ui.press("ctrl+s")
        entry = rekall.open_base().get(ui.main.current_key).entry
        assert (entry.title, entry.content, entry.confidence) == ("A title", "text without a title", 5)


@driven
async def test_a_disk_that_is_full_leaves_the_form_open(rekall, monkeypatch):
    def full(self, draft):
        raise DiskFull("no room left", "free some space")

    async with opened(rekall) as ui:
        await ui.press("a")
        await ui.type("A title")
        with monkeypatch.context() as patch:
            patch.setattr(KnowledgeBase, "add", full)
            await ui.press("ctrl+s")
        assert "no room left\nfree some space" in "\n".join(line.strip() for line in ui.lines())
        await ui.press("ctrl+s")
        assert ui.chosen == "A title"


@driven
async def test_leaving_asks_when_something_was_typed(rekall):
    async with opened(rekall) as ui:
        await ui.press("a", "escape")
        assert ui.app.screen is ui.main
        await ui.press("a")
        await ui.type("half a")
        await ui.press("escape")
        assert "Discard what you typed?" in ui.text()
        await ui.press("escape")
        assert form(ui).texts["title"] == "half a"
        await ui.press("escape", "n")
        assert form(ui).texts["title"] == "half a"
        await ui.press("escape", "y")
        assert ui.app.screen is ui.main
        assert rekall.open_base().count() == 4


@driven
async def test_an_entry_is_edited(rekall):
    async with opened(rekall) as ui:
        await ui.press("j", "e")
        assert form(ui).texts["title"] == NGINX.title
        put(ui, "title", "nginx answers 502")
        put(ui, "status", "obsolete")
        await ui.press("ctrl+s")
        entry = rekall.open_base().get(NGINX.id or "").entry
        assert (entry.title, entry.status, entry.content) == ("nginx answers 502", Status.OBSOLETE, NGINX.content)
        assert entry.created_at == NGINX.created_at
        assert ui.chosen == "nginx answers 502"
        await ui.press("u")
        assert "Undo this? edit, " in ui.text()
        assert "changes back nginx answers 502: title, status" in ui.text()
        await ui.press("n")
        assert rekall.open_base().get(NGINX.id or "").entry.title == "nginx answers 502"
        await ui.press("u", "y")
        entry = rekall.open_base().get(NGINX.id or "").entry
        assert (entry.title, entry.status) == (NGINX.title, Status.ACTIVE)
        assert ui.chosen == NGINX.title


@driven
async def test_an_edit_changes_what_the_detail_shows(rekall):
    async with opened(rekall) as ui:
        await ui.press("j", "enter", "e")
        put(ui, "content", "Say it anew.")
        await ui.press("ctrl+s")
        assert "Say it anew." in ui.text()


@driven
async def test_a_conflict_is_explained_and_the_text_stays(rekall):
    base = rekall.open_base()
    async with opened(rekall) as ui:
        await ui.press("j", "e")
        put(ui, "content", "mine")
        base.edit(base.get(NGINX.id or "").entry, replace(NGINX, content="theirs"))
        await ui.press("ctrl+s")
        assert "was changed in another window since you opened it" in " ".join(ui.text().split())
        ui.assert_looks_like("form-conflict")
        assert base.get(NGINX.id or "").entry.content == "theirs"
        assert form(ui).texts["content"] == "mine"
        await ui.press("ctrl+s")
        assert base.get(NGINX.id or "").entry.content == "mine"


@driven
async def test_after_a_conflict_only_what_was_typed_here_takes_the_place_of_the_other(rekall):
    base = rekall.open_base()
    async with opened(rekall) as ui:
        await ui.press("e")
        put(ui, "title", "mine")
        theirs = replace(SAFARI, content="theirs", solution="their solution")
        base.edit(base.get(SAFARI.id or "").entry, theirs)
        await ui.press("ctrl+s", "ctrl+s")
        entry = base.get(SAFARI.id or "").entry
        assert (entry.title, entry.content, entry.solution) == ("mine", "theirs", "their solution")
        assert entry.situation == SAFARI.situation


@driven
async def test_an_entry_that_was_deleted_meanwhile_can_be_added_anew(rekall):
    base = rekall.open_base()
    async with opened(rekall) as ui:
        await ui.press("j", "e")
        put(ui, "content", "mine")
        base.delete(NGINX.id or "")
        await ui.press("ctrl+s")
        assert "ctrl+s adds your text as a new entry" in ui.text()
        await ui.press("ctrl+s")
        entry = base.get(ui.main.current_key).entry
        assert (entry.title, entry.content) == (NGINX.title, "mine")
        assert entry.id != NGINX.id


@driven
async def test_an_entry_saved_without_its_vectors_warns(rekall, quick_model, monkeypatch, missing_model):
    async with opened(rekall) as ui:
        await ui.press("a")
        await ui.type("No model")
        await ui.press("ctrl+s")
        assert "warning: stored, but it can be found by words only" in ui.told
        assert ui.chosen == "No model"


@driven
async def test_saving_is_said_while_it_lasts_and_happens_once(rekall, quick_model, monkeypatch):
    go_on = threading.Event()
    real = quick_model.encode_documents

    def encode(texts):
        assert go_on.wait(120)
        return real(texts)

    monkeypatch.setattr(quick_model, "encode_documents", encode)
    async with opened(rekall) as ui:
        await ui.press("a")
        await ui.type("Slow")
        await ui.pilot.press("ctrl+s")
        await ui.until(lambda: "saving …" in ui.text())
        await ui.pilot.press("ctrl+s")
        go_on.set()
        await ui.settle()
        assert rekall.open_base().count() == 5


@driven
async def test_keys_while_it_is_saved_change_nothing(rekall, monkeypatch):
    go_on = threading.Event()
    real = KnowledgeBase.add

    def add(self, draft):
        assert go_on.wait(120)
        return real(self, draft)

    monkeypatch.setattr(KnowledgeBase, "add", add)
    async with opened(rekall) as ui:
        await ui.press("a")
        await ui.type("Slow")
        await ui.pilot.press("ctrl+s", "escape", "ctrl+s", "escape", "ctrl+s")
        assert "saving …" in ui.text()
        ui.app.action_help()
        go_on.set()
        await ui.settle()
        assert ui.app.screen is ui.main
        assert ui.titles().count("Slow") == 1
        assert rekall.open_base().count() == 5


@driven
async def test_what_is_typed_while_it_is_saved_stays(rekall, monkeypatch):
    go_on = threading.Event()
    real = KnowledgeBase.add

    def add(self, draft):
        assert go_on.wait(120)
        return real(self, draft)

    monkeypatch.setattr(KnowledgeBase, "add", add)
    async with opened(rekall) as ui:
        await ui.press("a")
        await ui.type("Slow")
        await ui.pilot.press("ctrl+s")
        put(ui, "content", "an afterthought")
        go_on.set()
        await ui.settle()
        assert "saved; ctrl+s saves what you typed since" in ui.text()
        assert rekall.open_base().count() == 5
        await ui.press("ctrl+s")
        entry = rekall.open_base().get(ui.main.current_key).entry
        assert (entry.title, entry.content) == ("Slow", "an afterthought")
        assert rekall.open_base().count() == 5
    assert drafts_of(rekall) == []


@driven
async def test_what_the_system_refuses_is_told_and_the_form_stays(rekall, monkeypatch):
    def refuse(self, *arguments):
        raise OSError(errno.EIO, "the disk is ill")

    async with opened(rekall) as ui:
        await ui.press("a")
        await ui.type("A title")
        with monkeypatch.context() as patch:
            patch.setattr(KnowledgeBase, "add", refuse)
            await ui.press("ctrl+s")
        assert "the disk is ill" in ui.text()
        await ui.press("ctrl+s")
        assert ui.chosen == "A title"
        monkeypatch.setattr(KnowledgeBase, "delete", refuse)
        await ui.press("d")
        assert "error: the disk is ill" in ui.told


@driven
async def test_deleting_can_be_undone_as_often_as_one_deleted(rekall):
    base = rekall.open_base()
    async with opened(rekall) as ui:
        await ui.press("d")
        assert "deleted, u brings it back: Safari blocks our cookie" in ui.told
        assert ui.chosen == NGINX.title
        await ui.press("enter", "d")
        assert ui.focused == "list"
        assert base.count() == 2
        await ui.press("u", "y")
        assert ui.chosen == NGINX.title
        await ui.press("u", "y")
        assert ui.titles() == [draft.title for draft in few()]
        assert ui.chosen == SAFARI.title
        await ui.press("u")  # what was done before this window was opened
        assert "Undo this? add" in ui.text()
        await ui.press("escape")
        assert base.count() == 4


@driven
async def test_what_was_undone_is_done_again_step_by_step(rekall):
    base = rekall.open_base()
    async with opened(rekall) as ui:
        await ui.press("U")
        assert "nothing to do again" in ui.told
        await ui.press("d", "d", "u", "y", "u", "y")
        assert "undone, U does it again" in ui.told
        assert base.count() == 4
        await ui.press("U", "y")
        assert (base.count(), "done again" in ui.told) == (3, True)
        await ui.press("u", "y", "U", "y", "U", "y")
        assert base.count() == 2
        await ui.press("U")
        assert "nothing to do again" in ui.told


@driven
async def test_an_undo_that_fails_can_be_tried_again(rekall, monkeypatch):
    def locked(self, number, tell):
        raise DatabaseLocked("locked", "try again")

    async with opened(rekall) as ui:
        await ui.press("d")
        with monkeypatch.context() as patch:
            patch.setattr(Past, "undo", locked)
            await ui.press("u", "y")
        assert "error: locked" in ui.told
        await ui.press("u", "y")
        assert rekall.open_base().count() == 4


@driven
async def test_a_large_undo_says_how_far_it_is(rekall, monkeypatch):
    base = rekall.open_base()
    with base.past.as_one("import"):
        for number in range(60):
            base.add("til", f"note {number}")
    said: list[str] = []
    async with opened(rekall) as ui:
        with monkeypatch.context() as patch:
            patch.setattr(RekallApp, "say", lambda self, title, text: said.append(f"{title}: {text}"))
            await ui.press("u", "y")
    assert said[-2:] == [
        "undoing: 60 of 60 entries; quitting leaves all as it was",
        "undone, U does it again: 60 entries",
    ]
    assert said[0].startswith("undoing: 0 of 60 entries")


@driven
async def test_a_hit_that_is_deleted_leaves_the_hits(rekall):
    async with opened(rekall) as ui:
        await ui.press("slash")
        await ui.type("keepalive")
        await ui.press("enter", "d")
        assert NGINX.title not in ui.titles()
        await ui.press("u", "y")
        assert NGINX.title in ui.titles()


@driven
async def test_an_entry_is_edited_in_the_editor(rekall, lent, tmp_path, monkeypatch):
    edited_by(tmp_path, "t = t.replace('Raise the', 'Lower the')", monkeypatch)
    async with opened(rekall) as ui:
        await ui.press("j", "E")
        assert lent == ["lent", "back"]
        assert rekall.open_base().get(NGINX.id or "").entry.content == "Lower the keepalive timeout."
        assert "saved" in ui.told
    assert drafts_of(rekall) == []


@driven
async def test_the_editor_that_is_configured_comes_first(lent, tmp_path, monkeypatch):
    edited_by(tmp_path, "t = t.replace('Raise', 'Lower')", monkeypatch)
    failing = shell_line(sys.executable, "-c", "raise SystemExit(1)") if WINDOWS else "false"
    monkeypatch.setenv("REKALL_UI_EDITOR", failing)
    with base_of(few()) as rekall:
        async with opened(rekall) as ui:
            await ui.press("j", "ctrl+e")
            assert ("exited with code 1" if WINDOWS else "the editor `false` exited with code 1") in ui.told
            assert drafts_of(rekall) == []


@driven
async def test_an_editor_that_changes_nothing(rekall, lent, tmp_path, monkeypatch):
    edited_by(tmp_path, "", monkeypatch)
    async with opened(rekall) as ui:
        await ui.press("E")
        assert "nothing was changed" in ui.told
    assert drafts_of(rekall) == []


@driven
async def test_a_text_that_cannot_be_stored_stays_in_its_draft_and_is_taken_up(rekall, lent, tmp_path, monkeypatch):
    edited_by(tmp_path, "t = t.replace('type: bug', 'type: bugg')", monkeypatch)
    async with opened(rekall) as ui:
        await ui.press("j", "E")
        (draft,) = drafts_of(rekall)
        assert "unknown type 'bugg'" in ui.told
        assert f"your text is kept in {draft}" in ui.told
        edited_by(tmp_path, "t = t.replace('type: bugg', 'type: til')", monkeypatch)
        await ui.press("E")
        assert rekall.open_base().get(NGINX.id or "").entry.type is EntryType.TIL
    assert drafts_of(rekall) == []


@driven
async def test_an_editor_that_fails_keeps_what_was_written(rekall, lent, tmp_path, monkeypatch):
    edited_by(tmp_path, "p.write_text(t + 'more', 'utf-8'); sys.exit(3)", monkeypatch)
    async with opened(rekall) as ui:
        await ui.press("E")
        (draft,) = drafts_of(rekall)
        assert "exited with code 3" in ui.told
        assert f"your text is kept in {draft}" in ui.told
        assert draft.read_text("utf-8").endswith("more")


@driven
async def test_a_terminal_that_cannot_be_lent_is_told(rekall, monkeypatch):
    monkeypatch.setenv("EDITOR", "true")
    async with opened(rekall) as ui:
        await ui.press("E")
        assert "this terminal cannot be handed to an editor" in ui.told


@driven
async def test_an_editor_with_a_window_of_its_own_needs_no_terminal(rekall, tmp_path, monkeypatch):
    lines = "import pathlib, sys\np = pathlib.Path(sys.argv[-1])\nt = p.read_text('utf-8').replace('Raise', 'Lower')"
    window = program(tmp_path / "notepad", f"{lines}\np.write_text(t, 'utf-8')\n")
    monkeypatch.setenv("EDITOR", shell_line(window))
    async with opened(rekall) as ui:
        await ui.press("j", "E")
        assert "it is open in your editor" in ui.told
        assert rekall.open_base().get(NGINX.id or "").entry.content == "Lower the keepalive timeout."
    assert drafts_of(rekall) == []


items = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r")).map(str.strip).filter(bool), max_size=4)


@given(items.map(tuple))
def test_lists_come_back_from_their_lines(values):
    assert items_of(lines_of(values)) == values


def test_a_form_that_was_not_touched_gives_back_what_a_text_cannot_show():
    begun = Draft(
        EntryType.BUG,
        "t \x1b[1m",
        "c \x1b",
        ("a,b", "c"),
        error_messages=("one\n\n  two\x07",),
        keywords=("k\x1b",),
    )
    texts = texts_of(begun)
    assert "\x1b" not in "".join(texts.values())
    assert draft_of(begun, texts) == begun
    changed = draft_of(begun, {**texts, "content": "new"})
    assert changed == replace(begun, content="new")
    assert texts["content"] == "c <U+001B>"
    assert draft_of(begun, {**texts, "content": "more c <U+001B>"}) == replace(begun, content="more c \x1b")
    assert draft_of(begun, {**texts, "title": "t [1m"}) == replace(begun, title="t [1m")


def test_fields_that_make_no_sense_are_named():
    begun = sample(1, "t")
    with pytest.raises(InvalidInput, match="confidence is 'x'"):
        draft_of(begun, {**texts_of(begun), "confidence": "x"})
    with pytest.raises(InvalidInput, match="unknown status 'gone'"):
        draft_of(begun, {**texts_of(begun), "status": "gone"})


@driven
async def test_nothing_done_is_nothing_to_undo(rekall):
    base = rekall.open_base()
    async with opened(rekall) as ui:
        for _ in range(4):
            await ui.press("u", "y")
        assert base.count() == 0
        await ui.press("u")
        assert "nothing to undo" in ui.told


@driven
async def test_an_earlier_version_is_seen_and_brought_back(rekall, monkeypatch):
    monkeypatch.setattr("rekall.knowledge.past_words.local_time", lambda moment: "2026-03-01 12:00")  # in every zone
    base = rekall.open_base()
    base.change(NGINX.id or "", title="nginx answers 502", content="Lower the buffer.")
    base.change(NGINX.id or "", tags=["gone"])
    async with opened(rekall) as ui:
        await ui.press("H")
        assert "Versions of “nginx answers 502”" in ui.text()
        assert "edit: tags" in ui.text()
        await ui.press("j")
        ui.assert_looks_like("versions")
        assert f"- {NGINX.title}" in ui.text()
        assert "+ nginx answers 502" in ui.text()
        await ui.press("enter")
        assert "Bring this back?" in ui.text()
        await ui.press("n")
        assert base.get(NGINX.id or "").entry.title == "nginx answers 502"
        await ui.press("H", "j", "enter", "y")
        assert base.get(NGINX.id or "").entry.content == NGINX.content
        assert base.get(NGINX.id or "").entry.title == NGINX.title
        await ui.press("u", "y")
        assert base.get(NGINX.id or "").entry.title == "nginx answers 502"


@driven
async def test_of_an_entry_that_never_changed_there_is_no_earlier_version(rekall):
    async with opened(rekall) as ui:
        await ui.press("H")
        assert "no earlier version is kept" in ui.told
