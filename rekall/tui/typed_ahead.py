"""Keys in the order in which they were typed: each has done what it does before the next is looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from textual import events
from textual.app import App
from textual.message import Message
from textual.timer import Timer

_ROUNDS = 2
"""How often a `Followed` goes the way of a key: the second time behind what the key's action said to its screen."""

_PATIENCE_S = 1.0
"""After this long a key counts as done: what it closed may have swallowed what followed it."""

GIVING_UP = frozenset({"escape", "ctrl+c", "ctrl+q"})
"""Keys that wait for nothing that is still to be shown, and take away what does."""


class Followed(Message):
    """Goes the way of a key, behind it, from the widget that got it up to the application."""


class TypedAhead:
    """Keys and pastes that wait for the one before them, or for what they are about.

    Textual hands a key to a widget and looks for the next one before the first is done. What is typed fast, or while
    the screen is busy, would be taken for something else: text for commands.
    """

    def __init__(
        self, app: App[str], take: Callable[[events.Event], Awaitable[None]], must_wait: Callable[[str], bool]
    ) -> None:
        """Nothing waits.

        Args:
            app: The application.
            take: Does what the application does with an event.
            must_wait: Whether what a key is about is still to be shown; asked with an empty name for a paste.
        """
        self._app, self._take, self._must_wait = app, take, must_wait
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._rounds = 0
        self._patience: Timer | None = None

    @property
    def is_idle(self) -> bool:
        """Whether every key has done what it does."""
        return not (self._waiting or self._rounds)

    async def add(self, event: events.Key | events.Paste) -> None:
        """Take an event when its turn has come."""
        if not self._rounds and isinstance(event, events.Key) and event.key in GIVING_UP:
            self._waiting.clear()
        self._waiting.append(event)
        await self.go_on()

    async def go_on(self) -> None:
        """Take the next one, unless one is under way, or everything is closed already."""
        if self._waiting and not self._rounds and self._app.screen_stack:
            event = self._waiting[0]
            key = event.key if isinstance(event, events.Key) else ""
            if key in GIVING_UP or not self._must_wait(key):
                await self._do(self._waiting.popleft())

    async def followed(self) -> None:
        """What followed a key has arrived."""
        if self._rounds:
            self._rounds -= 1
            if not (self._rounds and self._follow()):
                await self._end()

    def screen_closed(self) -> None:
        """What follows the key that closed a screen was lost with it: send another."""
        if self._rounds and not self._follow():
            self._app.call_later(self._end)

    async def _do(self, event: events.Event) -> None:
        self._rounds = _ROUNDS
        if self._patience is not None:
            self._patience.stop()
        self._patience = self._app.set_timer(_PATIENCE_S, self._end)
        target, screen = self._app.focused or self._app.screen, self._app.screen
        await self._take(event)
        if not (target.post_message(Followed()) if self._app.screen is screen else self._follow()):
            await self._end()

    def _follow(self) -> bool:
        return (self._app.focused or self._app.screen).post_message(Followed())

    async def _end(self) -> None:
        self._rounds = 0
        if self._patience is not None:
            self._patience.stop()
            self._patience = None
        await self.go_on()
