"""The Textual application: theme, notifications, quitting."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.command import CommandPalette, Provider
from textual.notifications import SeverityLevel
from textual.widgets import Input

from rekall import app as rekall_app
from rekall.config import Places, Settings
from rekall.errors import NotFound, RekallError, StorageError, in_our_words
from rekall.knowledge_base import KnowledgeBase
from rekall.tui import closing, themes
from rekall.tui.main_screen import MainScreen
from rekall.tui.palette import Commands
from rekall.tui.screens import WIDE, RekallScreen
from rekall.tui.typed_ahead import TypedAhead
from rekall.wording import printable

if TYPE_CHECKING:
    from rekall.side_by_side import SideBySide


def _now() -> datetime:
    return datetime.now(timezone.utc)


def pick(rekall: rekall_app.App, line: str = "") -> str | None:
    """Let a person choose an entry on the terminal. It draws on stderr, so that stdout may be a pipe.

    Args:
        rekall: The application; the caller closes it.
        line: What is searched for at first.

    Returns:
        The entry's id; None when nothing was chosen.

    Raises:
        StorageError: The database cannot be used.
        InvalidInput: A setting is wrong.
    """
    chooser = RekallApp(rekall, line=line, is_picker=True)
    chooser.run()
    return chooser.picked


class RekallApp(App[str]):
    """The terminal UI over an open base, and the `Host` of its screens. Its result is a text to print after it ends."""

    TITLE = "Rekall"
    CSS_PATH = Path(__file__).with_name("styles.tcss")
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {Commands}
    HORIZONTAL_BREAKPOINTS = [(0, "narrow"), (WIDE, "wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("colon", "command_palette", "More", key_display=":"),
        Binding("ctrl+p", "command_palette", "More", show=False, priority=True),
        Binding("question_mark", "help", "Help", key_display="?", tooltip="Show every key"),
        Binding("t", "next_theme", "Colours", show=False, tooltip="Switch to other colours"),
        Binding("q", "quit", "Quit", tooltip="Quit"),
        Binding("ctrl+c,ctrl+q", "quit", "Quit", show=False, priority=True),
    ]

    def __init__(
        self,
        rekall: rekall_app.App,
        *,
        debounce_s: float = 0.15,
        now: Callable[[], datetime] = _now,
        line: str = "",
        is_picker: bool = False,
    ) -> None:
        """Open the base.

        Args:
            rekall: The application below; the caller closes it.
            debounce_s: Seconds of rest after a keystroke before a search starts.
            now: The current time, for ages.
            line: What is searched for at first.
            is_picker: Only choose an entry: `enter` ends with its id in `picked`, and nothing can be changed.

        Raises:
            StorageError: The database cannot be used.
            InvalidInput: A setting is wrong.
        """
        super().__init__()
        self._deafen: Callable[[], None] = lambda: None
        self.rekall = rekall
        self.debounce_s = debounce_s
        self.now = now
        self.picked: str | None = None
        """The id of the entry that was chosen by a picker."""
        self.typed = TypedAhead(self, super().on_event, self._must_wait)
        self._line = line
        self._is_picker = is_picker
        self._base = rekall.open_base(to_write=not is_picker)
        for theme in (themes.DARK, themes.LIGHT):
            self.register_theme(theme)
        self.theme = themes.theme_name(self.settings.text("ui.theme"))

    def get_default_screen(self) -> MainScreen:
        """The main screen."""
        limit = self.settings.whole("search.limit")
        return MainScreen(self, self._base, limit, line=self._line, pick=self._pick if self._is_picker else None)

    def _pick(self, entry_id: str) -> None:
        """End with an entry."""
        self.picked = entry_id
        self._end()

    @property
    def places(self) -> Places:
        """Where the database, the settings and the drafts are."""
        return self.rekall.places

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.rekall.settings

    @property
    def near(self) -> str | None:
        """The project of the folder that it was started in."""
        project = self.rekall.project()
        return project.name if project else None

    @property
    def in_use(self) -> str:
        """The name of the base in use; empty where it is one's own."""
        name = self.rekall.in_use
        return "" if name == rekall_app.OWN else name

    def open_base(self, name: str) -> KnowledgeBase:
        """The base of a name. Raises StorageError, InvalidInput."""
        try:
            return self.rekall.open_base(name)
        except NotFound as error:  # it was forgotten meanwhile, and no entry is known to be gone
            raise StorageError(f"no base is called {name} any more", error.hint) from error

    @property
    def asked(self) -> KnowledgeBase | SideBySide:
        """What a search asks: the bases that have a name by now."""
        asked = self._base if self._is_picker else self.rekall.asked
        return self._base if isinstance(asked, KnowledgeBase) else asked

    def say(self, title: str, text: str) -> None:
        """Report something that went well."""
        self.notify(printable(text), title=printable(title), markup=False)

    def warn(self, message: str, hint: str) -> None:
        """Report something the person should know."""
        self.notify(printable(f"{message}\n{hint}".strip()), severity="warning", timeout=10, markup=False)

    def complain(self, error: RekallError | OSError) -> None:
        """Report what went wrong and what to do about it."""
        error = in_our_words(error)
        text = "\n".join(filter(None, (error.message, *error.candidates, error.hint)))
        self.notify(printable(text), severity="error", timeout=10, markup=False)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Say something on a line of the screen, where it covers nothing, instead of in a box over the list."""
        screen = next((each for each in reversed(self.screen_stack) if isinstance(each, RekallScreen)), None)
        if screen is None:
            super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)
            return
        text = f"{title}: {message}" if title and message else title or message
        screen.tell(text, severity, timeout)

    def action_next_theme(self) -> None:
        """Switch to the next colours."""
        names = themes.THEMES
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(place + 1) % len(names)]
        self.say("colours", self.theme)

    def action_command_palette(self) -> None:
        """Show everything that can be done on the screen."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(placeholder="what do you want to do?", id="--command-palette"))

    def action_help(self) -> None:
        """Show every key."""
        from rekall.tui.dialogs import HelpDialog

        self.push_screen(HelpDialog(self.places))

    async def on_event(self, event: events.Event) -> None:
        """Take keys one after the other."""
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            await self.typed.add(event)
        else:
            await super().on_event(event)

    async def on_followed(self) -> None:
        """A key has done what it does."""
        await self.typed.followed()

    def pop_screen(self) -> AwaitComplete:
        """Close the screen on top."""
        closed = super().pop_screen()
        self.typed.screen_closed()
        return closed

    def take_keys(self) -> None:
        """Go on with the keys that waited for what is shown now."""
        self.call_later(self.typed.go_on)

    def _must_wait(self, key: str) -> bool:
        return isinstance(self.screen, RekallScreen) and self.screen.holds(key)

    def on_key(self, event: events.Key) -> None:
        """A key that comes here was typed for a field that opened meanwhile, which would have kept it; it is no command."""
        field = self.screen.focused
        if isinstance(field, Input) and event.is_printable and event.character:
            field.insert_text_at_cursor(event.character)
            event.stop()
            event.prevent_default()

    async def action_quit(self) -> None:
        """Quit at once, whatever is still running; text that was typed and not saved goes into a draft file."""
        self._end()

    def on_mount(self) -> None:
        """Quit in the same way when the window is closed, and at a shutdown."""
        if not self.is_headless:
            self._deafen = closing.listen(asyncio.get_running_loop(), self._end)

    def on_unmount(self) -> None:
        """Listen no more."""
        self._deafen()

    def _end(self) -> None:
        kept: list[Path] = []
        for screen in self.screen_stack:
            if isinstance(screen, RekallScreen):  # dialogs have nothing to keep
                with contextlib.suppress(OSError):  # there is nowhere else to keep it, and quitting must work
                    path = screen.keep()
                    kept += [path] if path else []
        self.exit("\n".join(f"your text is kept in {path}" for path in kept) or None)
