"""Keys that come faster than the terminal UI answers: each is taken for what the person meant by it."""

from support.tui_driver import NGINX, SAFARI, Ui, base_of, driven, entry_id, few, form, opened
from textual import events


async def at_once(ui: Ui, *keys: str) -> None:
    """Keys that are all there before the first is looked at."""
    for key in keys:
        ui.app.post_message(events.Key(key, {"slash": "/"}.get(key, key if len(key) == 1 else None)))
    await ui.pilot.pause()
    await ui.until(lambda: ui.app.typed.is_idle)
    await ui.settle()


@driven
async def test_every_key_means_what_the_person_was_at():
    with base_of(few()) as rekall:
        async with opened(rekall) as ui:
            await at_once(ui, "enter", "slash", *"dep")
            assert (ui.main.line.value, ui.focused) == ("dep", "line")
            await at_once(ui, "escape", "enter", "escape", "slash", *"nginx", "enter", "x", "enter")
            assert list(ui.main.entry_list.marked) == [entry_id(2)]  # of the hits, not of the list before
            assert ui.focused == "detail"
            await at_once(ui, "escape", "escape", "escape", "e", *"ded")
            assert form(ui).texts["title"] == f"{SAFARI.title}ded"  # the title is not replaced either
            await at_once(ui, "ctrl+t", *"si")
            assert form(ui).texts["situation"] == f"si{SAFARI.situation}"
            await at_once(ui, "escape", "y", "d", "d")
            assert SAFARI.title not in ui.titles()
            assert NGINX.title not in ui.titles()
            assert len(ui.titles()) == 2
            await at_once(ui, "u", "y", "u", "y")
            assert len(ui.titles()) == 4


@driven
async def test_what_is_typed_when_all_is_closed_goes_nowhere():
    with base_of(few()) as rekall:
        async with opened(rekall) as ui:
            app = ui.app
        assert not app.screen_stack
        await app.typed.add(events.Key("a", "a"))
        assert not app.typed.is_idle  # kept, and nobody is asked for a screen
