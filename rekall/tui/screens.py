"""What every screen has: the application around it, background work, and text to keep when the program ends."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from textual.screen import Screen
from textual.worker import Worker

from rekall.config import Places, Settings
from rekall.errors import RekallError

Result = TypeVar("Result")

WIDE = 100
"""From this many columns on, list and detail stand side by side; below, one takes the place of the other."""


class Host(Protocol):
    """The application, as far as its screens need it.

    Attributes:
        debounce_s: Seconds of rest after a keystroke before a search starts.
        now: The current time, for ages.
    """

    debounce_s: float
    now: Callable[[], datetime]

    @property
    def places(self) -> Places:
        """Where the database, the settings and the drafts are."""
        ...

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        ...

    def say(self, title: str, text: str) -> None:
        """Report something that went well."""
        ...

    def warn(self, message: str, hint: str) -> None:
        """Report something the person should know."""
        ...

    def complain(self, error: RekallError | OSError) -> None:
        """Report what went wrong and what to do about it."""
        ...

    def copy_to_clipboard(self, text: str) -> None:
        """Put a text on the clipboard."""
        ...

    def suspend(self) -> AbstractContextManager[None]:
        """Hand the terminal to another program for the length of a block."""
        ...


class RekallScreen(Screen[Result]):
    """A screen that talks to the person through its host."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.host = host

    def start(
        self, work: Callable[[], Coroutine[Any, Any, None]], group: str = "change", *, exclusive: bool = False
    ) -> None:
        """Do something in the background; an error becomes a notification.

        Args:
            work: Called when it starts; in an exclusive group a later call may cancel it before that.
            group: What it belongs to.
            exclusive: Cancel whatever the group is doing.
        """

        async def guarded() -> None:
            try:
                await work()
            except (RekallError, OSError) as error:
                self.host.complain(error)

        _: Worker[None] = self.run_worker(guarded, group=group, exclusive=exclusive)

    def keep(self) -> Path | None:
        """Write to disk what the end of the program would lose. Returns the file; most screens have nothing to keep.

        Raises:
            OSError: The file cannot be written.
        """
        return None
