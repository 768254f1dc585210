"""The terminal UI: finding, reading, moving about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from support import FakeEncoder
from support.tui_driver import (
    NGINX,
    NOW,
    PAGING,
    SAFARI,
    Ui,
    add_in_another_window,
    base_of,
    driven,
    entry_id,
    few,
    opened,
    put,
    sample,
)
from textual import events

from rekall.app import App
from rekall.entry.types import LinkType, Status
from rekall.errors import DatabaseLocked, Superseded
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.themes import DARK, LIGHT, theme_name

pytestmark = pytest.mark.usefixtures("quick_model")


@pytest.fixture
def rekall() -> Iterator[App]:
    """Four entries, one obsolete, one linked."""
    with base_of(few()) as made:
        base = made.open_base()
        base.link(SAFARI.id or "", PAGING.id or "", LinkType.RELATED, "both about the API")
        base.link(PAGING.id or "", NGINX.id or "", LinkType.RELATED)
        yield made


@driven
async def test_the_newest_entries_are_listed(rekall):
    async with opened(rekall) as ui:
        assert ui.titles() == [draft.title for draft in few()]
        assert "4 entries · newest first" in ui.status
        assert ui.focused == "list"
        ui.assert_looks_like("list")


@driven
async def test_list_and_detail_stand_side_by_side_where_there_is_room(rekall):
    async with opened(rekall, (110, 32)) as ui:
        await ui.press("j")
        assert ui.chosen == NGINX.title
        assert "Raise the keepalive timeout." in ui.text()
        await ui.press("k")
        ui.assert_looks_like("wide")


@driven
async def test_the_detail_takes_the_place_of_the_list_where_there_is_not(rekall):
    async with opened(rekall) as ui:
        await ui.press("enter")
        assert NGINX.title not in ui.text()
        assert ui.focused == "detail"
        ui.assert_looks_like("detail")
        await ui.press("G")
        ui.assert_looks_like("detail-end")
        await ui.press("escape")
        assert NGINX.title in ui.text()
        assert ui.focused == "list"


@driven
async def test_every_part_of_an_entry_can_be_read(rekall):
    async with opened(rekall, (80, 60)) as ui:
        await ui.press("enter")
        text = ui.text()
        parts = [SAFARI.situation, SAFARI.solution, SAFARI.what_failed, *SAFARI.error_messages]
        parts += [*SAFARI.files, *SAFARI.sources, *SAFARI.keywords, "webapp #safari #auth", "confidence 4/5"]
        parts += ["Set the cookie on our own domain.", "proxy_pass http://api;", "• first", str(SAFARI.id)]
        parts += ["related to → Page by key, not by offset  0003  (both about the API)"]
        assert [part for part in parts if part not in text] == []


@driven
async def test_what_is_typed_at_once_after_a_slash_is_a_query_and_no_command(rekall):
    async with opened(rekall) as ui:
        count = ui.main.base.count()
        for key in "/dead/adding":
            ui.app.post_message(events.Key("slash" if key == "/" else key, key))
        await ui.pilot.pause()
        await ui.until(lambda: ui.app.typed.is_idle)
        await ui.settle()
        assert ui.main.line.value == "dead/adding"
        assert ui.main.base.count() == count
        assert ui.app.screen is ui.main


@driven
async def test_a_search_as_one_types_shows_words_and_then_meaning(rekall, quick_model, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(quick_model, "encode_queries", slowly(quick_model, go_on))
    async with opened(rekall) as ui:
        await ui.press("slash")
        ui.main.line.value = "keepalive"
        await ui.until(lambda: "searching by meaning" in ui.status)
        assert "1 hit · by words · searching by meaning …" in ui.status
        assert ui.titles() == [NGINX.title]
        assert "keepalive" in ui.lines()[3]
        go_on.set()
        await ui.settle()
        assert "by words and meaning" in ui.status
        assert "model loaded" in ui.status
        assert ui.titles()[0] == NGINX.title
        assert len(ui.titles()) == 4
        assert "keepalive" in ui.lines()[3]


@driven
async def test_a_pause_in_typing_asks_the_base_once(rekall, monkeypatch):
    asked: list[str] = []
    shown: list[str] = []
    real = KnowledgeBase.search

    def search(self, line, *arguments, **options):
        asked.append(line)
        return real(self, line, *arguments, **options)

    monkeypatch.setattr(KnowledgeBase, "search", search)
    async with opened(rekall) as ui:
        real_state = ui.main.show_state
        monkeypatch.setattr(ui.main.keeper, "_tell", lambda text: (shown.append(text), real_state(text)))
        ui.main.line.value = "keepalive"
        await ui.settle()
        assert asked == ["keepalive"]
        assert "1 hit · by words · searching by meaning …" in shown
        assert "by words and meaning" in ui.status


@driven
async def test_a_search_without_words_begins_at_its_first_row(rekall):
    async with opened(rekall) as ui:
        await ui.press("j", "j", "slash")
        ui.main.line.value = "status:active"
        await ui.settle()
        assert ui.chosen == ui.titles()[0] == SAFARI.title


@driven
async def test_hits_look_like_this(rekall):
    async with opened(rekall) as ui:
        await ui.press("slash")
        await ui.type("keepalive timeout")
        await ui.press("enter")
        ui.assert_looks_like("hits")
        await ui.press("enter")
        assert "words: keepalive, timeout" in " ".join(ui.text().split())
        ui.assert_looks_like("hit-read")


@driven
async def test_an_entry_that_was_chosen_stays_chosen_when_meaning_arrives(rekall, quick_model, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(quick_model, "encode_queries", slowly(quick_model, go_on))
    async with opened(rekall) as ui:
        await ui.press("slash")
        ui.main.line.value = "a an the of our cookie offset"
        await ui.until(lambda: "searching by meaning" in ui.status and len(ui.titles()) > 1)
        await ui.pilot.press("enter", "j")
        before = ui.chosen
        go_on.set()
        await ui.settle()
        assert ui.chosen == before
        assert "by words and meaning" in ui.status


@driven
async def test_a_later_keystroke_takes_the_place_of_a_search_that_waits(rekall, quick_model, monkeypatch):
    go_on = threading.Event()
    asked: list[str] = []
    monkeypatch.setattr(quick_model, "encode_queries", slowly(quick_model, go_on, asked))
    async with opened(rekall) as ui:
        await ui.press("slash")
        ui.main.line.value = "cookie"
        await ui.until(lambda: asked == ["cookie"])
        ui.main.line.value = "cookiex"
        await ui.until(lambda: "no hits · by words" in ui.status)
        ui.main.line.value = "cookiexyz"
        await ui.pilot.pause(0.1)
        go_on.set()
        await ui.settle()
        assert asked[0] == "cookie"
        assert asked[-1] == "cookiexyz"
        assert "cookiex" not in asked
        assert "nothing here is about this; the nearest 4" in ui.status


@driven
async def test_an_engine_that_is_missing_is_named(rekall, missing_model):
    async with opened(rekall) as ui:
        await ui.press("slash")
        await ui.type("cookie")
        await ui.settle()
        assert ui.titles() == [SAFARI.title]
        assert "1 hit · by words only" in ui.status
        assert ui.lines()[-3] == " no model 'missing' is installed; install it again"
        ui.assert_looks_like("words-only")


@driven
async def test_the_status_says_that_the_model_is_being_loaded(rekall, quick_model, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(quick_model, "encode_queries", slowly(quick_model, go_on))
    rekall.open_base().index.drop_model()
    quick_model.closed = False
    async with opened(rekall) as ui:
        assert "model not loaded" in ui.status
        ui.main.line.value = "cookie"
        await ui.until(lambda: "loading the model …" in ui.status)
        go_on.set()
        await ui.settle()
        assert "model loaded" in ui.status


@driven
async def test_the_query_language_works_in_the_search_line(rekall):
    rekall.settings.searches["chosen"] = "type:decision"
    async with opened(rekall) as ui:
        for line in ("@chosen", "type:decision"):
            await ui.press("slash")
            await ui.type(line)
            await ui.settle()
            assert ui.titles() == [PAGING.title]
            assert "1 hit" in ui.status
            await ui.press("escape")
        assert ui.titles() == [draft.title for draft in few()]
        assert ui.focused == "list"


@driven
async def test_letters_are_typed_while_the_search_line_has_the_keyboard(rekall):
    async with opened(rekall) as ui:
        await ui.press("slash")
        await ui.press(*"q/adeusylft?")
        assert ui.main.line.value == "q/adeusylft?"
        assert rekall.open_base().count() == 4
        assert "To the list" in ui.lines()[-1]
        assert "Search" not in ui.lines()[-1]


@driven
async def test_the_way_between_search_line_and_list(rekall):
    async with opened(rekall) as ui:
        await ui.press("up")
        assert ui.focused == "line"
        await ui.press("down")
        assert (ui.focused, ui.chosen) == ("list", SAFARI.title)
        await ui.press("slash")
        assert ui.focused == "line"
        await ui.press("enter")
        assert ui.focused == "list"


@driven
async def test_thousands_of_entries_are_paged(monkeypatch):
    with base_of([]) as rekall:
        base = rekall.open_base()
        with base._store.transaction():
            for number in range(2_000):
                draft = sample(number, f"entry number {number}")
                base._writer.put(None, base._writer.new_entry(draft))
        pages: list[int] = []
        real = KnowledgeBase.list_entries

        def listed(self, filters, limit, offset=0):
            pages.append(offset)
            assert limit is not None
            assert limit <= 400
            return real(self, filters, limit, offset)

        monkeypatch.setattr(KnowledgeBase, "list_entries", listed)
        async with opened(rekall) as ui:
            assert "2,000 entries" in ui.status
            assert pages == [0]
            await ui.press("G")
            assert ui.chosen == "entry number 1999"
            assert "entry number 1995" in ui.text()
            await ui.press("pageup")
            assert ui.chosen == "entry number 1990"
            await ui.press("g")
            assert ui.chosen == "entry number 0"
            for _ in range(60):
                await ui.pilot.press("pagedown")
            await ui.settle()
            assert ui.chosen == "entry number 540"
            assert "entry number 540" in ui.text()
            assert len(ui.titles()) <= 450
            assert len(pages) < 25


@driven
async def test_more_hits_come_at_the_end_of_the_list():
    drafts = [sample(number, f"the same words {number}") for number in range(30)]
    with base_of(drafts) as rekall:
        async with opened(rekall) as ui:
            await ui.press("slash")
            await ui.type("same words")
            await ui.press("enter")
            assert "the best 10" in ui.status
            tenth = ui.titles()[9]
            await ui.press("G")
            assert "the best 20" in ui.status
            assert ui.chosen == tenth
            await ui.press("G")
            assert "30 hits" in ui.status


@driven
async def test_filters_are_chosen_by_their_counts_shown_and_dropped(rekall):
    async with opened(rekall) as ui:
        await ui.press("f")
        ui.assert_looks_like("filters")
        await ui.type("deci")
        await ui.press("enter")
        assert ui.titles() == [PAGING.title]
        await ui.type("bug")
        await ui.press("enter")
        assert len(ui.titles()) == 3  # of several types any passes
        await ui.type("webapp")
        await ui.press("enter", "enter")
        assert len(ui.titles()) == 3  # the cursor stayed where it was
        await ui.press("enter", "escape")
        assert ui.titles() == [SAFARI.title]
        assert "type:decision ✕   type:bug ✕   project:webapp ✕" in ui.lines()[1]
        assert "1 entry with these filters" in ui.status
        await ui.pilot.click(offset=(ui.lines()[1].index("project"), 1))
        await ui.settle()
        assert ui.lines()[1].startswith(" type:decision ✕   type:bug ✕   f changes")
        await ui.press("F")
        assert len(ui.titles()) == 4
        assert ui.lines()[1] == ""


@driven
async def test_a_choice_is_taken_back_with_the_mouse_and_the_counts_follow(rekall):
    async with opened(rekall) as ui:
        await ui.press("f")
        row = next(place for place, line in enumerate(ui.lines()) if "[ ]      1  auth" in line)
        await ui.pilot.click(offset=(12, row))
        await ui.settle()
        assert ui.titles() == [SAFARI.title]
        assert "Filters · 1 entry passes" in ui.text()
        assert "[x]      1  auth" in ui.text()
        assert "1  nginx" not in ui.text()
        await ui.press("ctrl+x")
        assert "1  nginx" in ui.text()
        assert len(ui.titles()) == 4


@driven
async def test_entries_are_filtered_by_their_date(rekall):
    async with opened(rekall) as ui:
        await ui.press("f")
        put(ui, "since", "someday")
        await ui.settle()
        assert "'someday' is not a date" in ui.text()
        put(ui, "since", "2026-02-27")
        await ui.settle()
        assert ui.titles() == [SAFARI.title, NGINX.title]
        assert "not a date" not in ui.text()
        put(ui, "since", "2026-13")
        await ui.settle()
        assert len(ui.titles()) == 4  # nothing that could be read on the way to it
        put(ui, "since", "2026-02-27")
        await ui.press("escape")
        assert "since:2026-02-27" in ui.lines()[1]
        await ui.press("f")
        assert any("since  " in line and "2026-02-27" in line for line in ui.lines())
        put(ui, "since", "2026-02-27T13:00:00+01:00")
        await ui.press("escape")
        assert "since:2026-02-27T12:00" in ui.lines()[1]


@driven
async def test_filters_hold_in_a_search_too_and_what_finds_nothing_says_so(rekall):
    async with opened(rekall) as ui:
        await ui.press("f")
        await ui.type("#ngin")
        await ui.press("enter", "escape")
        assert ui.titles() == [NGINX.title]
        await ui.press("slash")
        await ui.type("cookie")
        await ui.settle()
        assert ui.titles() == [NGINX.title]
        ui.main.line.value = "-keepalive -idle"
        await ui.settle()
        assert "Nothing was found for “-keepalive -idle” among the entries with tag:nginx." in ui.text()
        assert "F   drops the filters" in ui.text()


@driven
async def test_similar_entries_and_back(rekall):
    async with opened(rekall) as ui:
        await ui.press("j", "s")
        assert NGINX.title not in ui.titles()
        assert "near in meaning to “nginx answers 502" in ui.status
        ui.assert_looks_like("similar")
        await ui.press("escape")
        assert ui.titles() == [draft.title for draft in few()]
        assert ui.chosen == NGINX.title


@driven
async def test_similar_without_a_model_is_told_and_the_list_stays(rekall, missing_model):
    async with opened(rekall) as ui:
        await ui.press("s")
        assert "similarity needs vectors" in ui.told
        assert len(ui.titles()) == 4
        assert "4 entries · newest first" in ui.status


@driven
async def test_similar_entries_come_though_another_window_writes_meanwhile(rekall, home, monkeypatch):
    monkeypatch.setattr("rekall.tui.main_screen.POLL_S", 0.05)
    go_on = threading.Event()
    real = KnowledgeBase.similar

    def similar(self, *arguments):
        assert go_on.wait(120)
        return real(self, *arguments)

    monkeypatch.setattr(KnowledgeBase, "similar", similar)
    async with opened(rekall) as ui:
        await ui.pilot.press("s")
        await ui.until(lambda: "searching by meaning" in ui.status)
        add_in_another_window(home, sample(0, "written meanwhile"))
        await ui.pilot.pause(0.3)
        go_on.set()
        await ui.settle()
        assert "near in meaning to “Safari blocks our cookie”" in ui.status


@driven
async def test_a_later_search_gives_up_a_similar_one(rekall, monkeypatch):
    asked: list[Callable[[], bool]] = []
    given_up = threading.Event()

    def similar(self, text_or_id, filters, limit, is_wanted, near):
        asked.append(is_wanted)
        while is_wanted():
            time.sleep(0.005)
        given_up.set()
        raise Superseded("nobody waits")

    monkeypatch.setattr(KnowledgeBase, "similar", similar)
    async with opened(rekall) as ui:
        await ui.pilot.press("s")
        await ui.until(lambda: bool(asked))
        await ui.pilot.press("slash", "5")
        await ui.settle()
        assert given_up.wait(120)
        assert "nothing here is about this; the nearest 4" in ui.status
        assert ui.told == ""


@driven
async def test_what_a_given_up_search_still_says_does_not_show(rekall, monkeypatch):
    notices: list[Callable[[str], None]] = []
    real = KnowledgeBase.search

    def search(self, *arguments, notice, **options):
        notices.append(notice)
        return real(self, *arguments, notice=notice, **options)

    monkeypatch.setattr(KnowledgeBase, "search", search)
    async with opened(rekall) as ui:
        await ui.press("slash", "5")
        before = ui.status
        notices[-1]("loading the model")
        await ui.settle()
        assert ui.status == before


@driven
async def test_the_neighbours_of_an_entry_that_was_deleted_meanwhile_are_left(rekall, home, monkeypatch):
    monkeypatch.setattr("rekall.tui.main_screen.POLL_S", 0.05)
    async with opened(rekall) as ui:
        await ui.press("j", "s")
        assert "near in meaning" in ui.status
        with base_of([]) as other:
            other.open_base().delete(NGINX.id or "")
        await ui.until(lambda: "this entry was deleted: nginx answers 502" in ui.told)
        await ui.settle()
        assert "3 entries · newest first" in ui.status
        assert ui.titles() == [draft.title for draft in few() if draft is not NGINX]


@driven
async def test_links_are_followed_and_one_comes_back(rekall):
    async with opened(rekall) as ui:
        await ui.press("l")
        assert ui.focused == "links"
        ui.assert_looks_like("links")
        await ui.press("enter")
        assert "An offset reads what it skips." in ui.text()
        await ui.press("l", "enter")
        assert "Raise the keepalive timeout." in ui.text()
        await ui.press("b")
        assert "An offset reads what it skips." in ui.text()
        await ui.press("backspace")
        assert "The login loops." in ui.text()
        await ui.press("escape")
        assert ui.focused == "list"


@driven
async def test_what_is_linked_is_a_tree_from_which_one_reads_on_and_comes_back(rekall):
    async with opened(rekall) as ui:
        await ui.press("T")
        await ui.until(lambda: "Around" in ui.text())
        ui.assert_looks_like("tree")
        await ui.press("minus")
        await ui.until(lambda: "1 step ·" in ui.text())
        assert NGINX.title not in ui.text().partition("Around")[2]
        await ui.press("enter")
        await ui.until(lambda: "An offset reads what it skips." in ui.text())
        await ui.press("b")
        await ui.until(lambda: "The login loops." in ui.text())
        await ui.press("escape", "G", "T")
        assert "no links" in ui.told


@driven
async def test_an_entry_without_links_says_so(rekall):
    async with opened(rekall) as ui:
        await ui.press("G", "l")
        assert "no links" in ui.told


@driven
async def test_an_obsolete_entry_says_so_in_words_and_names_its_successor(rekall):
    rekall.open_base().deprecate(NGINX.id or "", PAGING.id, "rewritten")
    async with opened(rekall) as ui:
        row = next(line for line in ui.lines() if "obsolete" in line)
        assert "obsolete, see Page by key, not by offset" in row
        await ui.press("g", "enter")
        assert "obsolete, see Page by key, not by offset" in ui.text()
        assert "superseded by ← Page by key, not by offset" in ui.text()
    assert rekall.open_base().get(NGINX.id or "").entry.status is Status.OBSOLETE


HOSTILE = [
    sample(1, "[bold]x[/] [@click=app.quit]go[/]", "[red]text[/] and [link](javascript:x) Vec<String> <b>b</b>"),
    sample(2, "escape \x1b[31mred\x1b[0m \x9b2J \x07", "\x1b]0;title\x07 \x1b[2J gone", tags=("\x1b[1m",)),
    sample(3, "x" * 490, "y" * 5_000 + "\n" + "| a | b |\n" * 50),
    sample(4, "漢字のタイトル 🚀👩‍👩‍👧 e\u0301", "漢字" * 300 + " 🚀" * 50),
    sample(5, "long content", "word " * 20_000),
    sample(
        6,
        "turned \u202e title \u200b",
        "\u2066 text &#8238; &#x200b; `\u202e`\n\n![\u202e](x)",
        tags=("t\u2067",),
        project="p\u202e",
    ),
]
UNSEEN = frozenset("\u200b\u202e\u2066\u2067")


@pytest.mark.parametrize("size", [(80, 24), (110, 32), (40, 12)])
@driven
async def test_entries_cannot_do_anything_to_the_screen(size):
    with base_of(HOSTILE) as rekall:
        async with opened(rekall, size) as ui:
            for _ in HOSTILE:
                await ui.press("enter")
                assert not any(
                    ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 or character in UNSEEN
                    for character in "".join(ui.lines())
                )
                await ui.press("escape", "j")
            await ui.press("g", "enter")
            assert "[bold]x[/] [@click=app.quit]go[/]" in " ".join(ui.text().split())
            await ui.press("G")
            assert "[red]text[/]" in ui.text()
            assert "Vec<String>" in ui.text()
            await ui.press("s", "l", "e", "escape", "d", "u", "Y")
            assert ui.app.is_running


@driven
async def test_long_content_says_how_much_is_left_out():
    with base_of([sample(1, "long", "z" * 250_000)]) as rekall:
        async with opened(rekall) as ui:
            await ui.press("enter", "G")
            detail = ui.main.detail
            await ui.until(lambda: detail.scroll_y == detail.max_scroll_y > 0)  # it glides there
            await ui.until(lambda: "(50,000 more characters: E opens the entry in your editor)" in ui.text())


@driven
async def test_the_help_names_every_key_and_where_the_data_lies(rekall, home):
    async with opened(rekall, (120, 45)) as ui:
        await ui.press("question_mark")
        text = ui.text()
        for key in (
            "/",
            "f  F",
            "s",
            "l",
            "a",
            "e  E",
            "d",
            "u  U  H",
            "y  Y",
            "t",
            "q",
            "escape",
            "-safari",
            "type:bug",
        ):
            assert f"  {key} " in text, key
        assert str(home)[:40] in text
        await ui.press("escape")
        assert "Where your data is" not in ui.text()


@driven
async def test_the_help_fits_a_small_screen(rekall):
    async with opened(rekall) as ui:
        await ui.press("question_mark")
        ui.assert_looks_like("help")


@driven
async def test_copying(rekall):
    async with opened(rekall) as ui:
        await ui.press("y", "Y")
        assert ui.app.copied == [SAFARI.content, SAFARI.id]
        await ui.press("j", "enter", "Y")
        assert ui.app.copied[-1] == NGINX.id


@driven
async def test_an_entry_without_content_is_copied_whole():
    with base_of([sample(1, "only a title")]) as rekall:
        async with opened(rekall) as ui:
            await ui.press("y")
            assert "title: only a title" in ui.app.copied[0]


@driven
async def test_the_address_of_a_link_is_copied_and_not_opened(monkeypatch):
    with base_of([sample(1, "link", "[text](https://example.org/a)")]) as rekall:
        async with opened(rekall) as ui:
            monkeypatch.setattr(ui.app, "open_url", lambda *_, **__: pytest.fail("opened"))
            await ui.press("enter")
            row = next(place for place, line in enumerate(ui.lines()) if "text" in line)
            await ui.pilot.click(offset=(ui.lines()[row].index("text"), row))
            await ui.settle()
            assert ui.app.copied == ["https://example.org/a"]


@driven
async def test_themes_go_round(rekall):
    async with opened(rekall) as ui:
        assert ui.app.theme == DARK.name
        seen = []
        for _ in range(4):
            await ui.press("t")
            seen.append(ui.app.theme)
        assert seen == [LIGHT.name, "nord", "ansi-dark", DARK.name]


@pytest.mark.parametrize(
    ("setting", "environ", "expected"),
    [
        ("auto", {}, DARK.name),
        ("auto", {"COLORFGBG": "0;15"}, LIGHT.name),
        ("auto", {"COLORFGBG": "15;0"}, DARK.name),
        ("light", {"COLORFGBG": "15;0"}, LIGHT.name),
        ("dark", {"COLORFGBG": "0;15"}, DARK.name),
    ],
)
def test_the_theme_follows_the_setting(setting, environ, expected):
    assert theme_name(setting, environ) == expected


@driven
async def test_an_empty_base_says_what_to_do():
    with base_of([]) as rekall:
        async with opened(rekall) as ui:
            ui.assert_looks_like("empty")
            rekall.open_base().add(NGINX)
            ui.main.show_change("")
            await ui.settle()
            assert NGINX.title in ui.text()
            assert "No entries yet" not in ui.text()


@driven
async def test_it_can_be_used_at_any_size(rekall):
    async with opened(rekall, (120, 40)) as ui:
        for size in ((80, 24), (40, 12), (20, 5), (1, 1), (200, 60), (40, 12)):
            await ui.pilot.resize_terminal(*size)
            await ui.settle()
        assert ui.chosen == SAFARI.title
        ui.assert_looks_like("tiny")
        await ui.press("enter")
        assert "The login loops." in ui.text() or "Safari blocks our cookie" in ui.text()
        await ui.pilot.resize_terminal(120, 40)
        await ui.settle()
        assert NGINX.title in ui.text()


@driven
async def test_what_another_process_writes_appears_and_the_choice_stays(rekall, home, monkeypatch):
    monkeypatch.setattr("rekall.tui.main_screen.POLL_S", 0.02)
    async with opened(rekall) as ui:
        await ui.press("j")
        add_in_another_window(home, replace(SAFARI, title="from elsewhere", id=entry_id(99), updated_at=NOW))
        await ui.until(lambda: "from elsewhere" in ui.titles())
        assert ui.chosen == NGINX.title
        assert "5 entries" in ui.status


@driven
async def test_the_detail_follows_what_another_process_writes(rekall, home, monkeypatch):
    monkeypatch.setattr("rekall.tui.main_screen.POLL_S", 0.02)
    async with opened(rekall) as ui:
        await ui.press("j", "enter")
        other = App()
        base = other.open_base()
        base.edit(base.get(NGINX.id or "").entry, replace(NGINX, content="Changed elsewhere."))
        await ui.until(lambda: "Changed elsewhere." in ui.text())
        base.delete(NGINX.id or "")
        await ui.until(lambda: "This entry was deleted." in ui.text())
        other.close()


@driven
async def test_an_error_becomes_a_notification(rekall, monkeypatch):
    def locked(self, entry_id):
        raise DatabaseLocked("rekall.db is locked", "try again in a moment")

    async with opened(rekall) as ui:
        monkeypatch.setattr(KnowledgeBase, "delete", locked)
        await ui.press("d")
        assert "error: rekall.db is locked\ntry again in a moment" in ui.told
        assert len(ui.titles()) == 4


@driven
async def test_an_entry_that_another_window_deleted_is_told(rekall):
    async with opened(rekall) as ui:
        rekall.open_base().delete(SAFARI.id or "")
        await ui.press("e")
        assert "error: no entry" in ui.told
        await ui.press("d")
        assert ui.told.count("error: no entry") == 2


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
@driven
async def test_quitting(rekall, key):
    async with opened(rekall) as ui:
        await ui.pilot.press(key)
        await ui.until(lambda: not ui.app.is_running)


@driven
async def test_quitting_does_not_wait_for_an_engine_that_hangs(rekall, quick_model, monkeypatch):
    go_on = threading.Event()
    asked: list[str] = []
    monkeypatch.setattr(quick_model, "encode_queries", slowly(quick_model, go_on, asked))
    async with opened(rekall) as ui:
        await ui.press("slash")
        await ui.type("cookie")
        await ui.until(lambda: bool(asked))
        await ui.pilot.press("ctrl+q")
        await ui.until(lambda: not ui.app.is_running)
        waiting = [thread for thread in threading.enumerate() if thread.name == "rekall-ui"]
        assert waiting
        assert all(thread.daemon for thread in waiting)
        go_on.set()


def slowly(encoder: FakeEncoder, go_on: threading.Event, asked: list[str] | None = None):
    """An engine that answers a query only when it is told to go on."""

    def encode(texts):
        if asked is not None:
            asked.extend(texts)
        assert go_on.wait(120)
        return encoder.encode_documents(texts)

    return encode


def test_a_picture_is_read_back_as_the_screen_shows_it(rekall):
    @driven
    async def look() -> None:
        async with opened(rekall) as ui:
            assert isinstance(ui, Ui)
            lines = ui.lines()
            assert len(lines) == 24
            assert lines[0].startswith(" search ")
            assert max(len(line) for line in lines) <= 80

    look()
