"""What is pasted into the search line of the terminal UI."""

import pytest
from support.tui_driver import base_of, driven, form, opened, sample
from textual import events

from rekall.tui.search_line import MOST_CHARS

TRACE = """Traceback (most recent call last):
  File "app.py", line 3, in <module>
    main()
KeyError: 'type:bug "of" -zebra'
"""


@pytest.fixture
def rekall():
    drafts = [
        sample(1, "A KeyError of the zebra", "KeyError: 'type:bug of zebra'", kind="til"),
        sample(2, "Traceback in a File", "Traceback (most recent call last), in the app", kind="til"),
    ]
    with base_of(drafts) as made:
        yield made


async def paste(ui, text: str) -> None:
    await ui.press("slash")
    ui.app.post_message(events.Paste(text))
    await ui.settle()


@driven
async def test_a_pasted_traceback_keeps_every_line_and_is_text(rekall):
    async with opened(rekall) as ui:
        await paste(ui, TRACE)
        assert ui.main.line.value == "KeyError: 'type:bug \"of\" -zebra' +3 lines"  # its last line says most
        assert ui.main.line.query_text == " ".join(TRACE.split())
        assert ui.main.line.is_literal
        assert ui.titles()[0] == "A KeyError of the zebra"
        assert "left out" not in ui.status
        assert "filter" not in ui.status


@driven
async def test_the_clipboard_is_taken_whole_too(rekall):
    async with opened(rekall) as ui:
        ui.app.copy_to_clipboard(TRACE)
        await ui.press("slash", "ctrl+v")
        assert ui.main.line.query_text == " ".join(TRACE.split())
        assert ui.main.line.is_literal


@driven
async def test_a_pasted_line_is_a_query_like_any_other(rekall):
    async with opened(rekall) as ui:
        await paste(ui, "KeyError type:bug\n")
        assert ui.main.line.value == "KeyError type:bug"
        assert not ui.main.line.is_literal
        assert ui.titles() == []
        assert "no entry passes the filter type:bug" in ui.lines()[-3]


@driven
async def test_a_fold_is_whole_or_gone(rekall):
    async with opened(rekall) as ui:
        await paste(ui, "zebra\ntype:bug")
        assert ui.titles()[0] == "A KeyError of the zebra"
        line = ui.main.line
        await ui.press("left", "x")  # what is typed inside comes behind it
        assert (line.value, line.query_text) == ("zebra +1 linex", "zebra type:bugx")
        line.cursor_position = 0
        await ui.press("a", "delete")
        assert (line.value, line.query_text, line.is_literal) == ("ax", "ax", False)
        line.select_all()
        ui.app.post_message(events.Paste("a\r\nb\r\n\r\nc"))
        await ui.settle()
        assert (line.value, line.query_text) == ("a +2 lines", "a b c")
        ui.app.post_message(events.Paste("a\nd\ne"))
        await ui.settle()
        assert (line.value, line.query_text) == ("a +2 linesa (2) +2 lines", "a b ca d e")
        await ui.press("backspace", "backspace")
        assert line.value == ""
        await ui.press("up")  # what was taken away comes back
        assert line.query_text == "a b c"
        await ui.press("escape", "slash")
        assert line.value == ""
        await ui.press("up")
        assert line.query_text == "a b c"


@driven
async def test_a_huge_paste_is_cut_and_an_empty_one_changes_nothing(rekall):
    async with opened(rekall) as ui:
        await paste(ui, "word\n" * MOST_CHARS)
        assert len(ui.main.line.query_text) == MOST_CHARS
        before = ui.main.line.value
        ui.app.post_message(events.Paste("\n\n"))
        await ui.settle()
        assert ui.main.line.value == before


@driven
async def test_what_a_line_leaves_out_is_said_in_the_status(rekall):
    async with opened(rekall, (200, 24)) as ui:
        await ui.press("slash")
        await ui.type("traceback -zebra")
        await ui.settle()
        assert ui.titles() == ["Traceback in a File"]
        assert 'left out 1 entry with zebra; "-zebra" searches for it' in ui.lines()[-3]


@driven
async def test_what_is_pasted_over_the_list_is_searched_and_a_title_overflows_into_the_content(rekall):
    async with opened(rekall) as ui:
        ui.app.post_message(events.Paste(TRACE))
        await ui.settle()
        assert ui.focused == "line"
        assert ui.main.line.query_text == " ".join(TRACE.split())
        await ui.press("escape", "a")
        ui.app.post_message(events.Paste(TRACE))
        await ui.settle()
        texts = form(ui).texts
        assert texts["title"] == "Traceback (most recent call last):"
        assert (
            texts["content"] == '  File "app.py", line 3, in <module>\n    main()\nKeyError: \'type:bug "of" -zebra\''
        )
        await ui.press("tab")
        ui.app.post_message(events.Paste("a,\r\nb\r\n"))
        await ui.settle()
        assert form(ui).texts["tags"] == "a, b"
