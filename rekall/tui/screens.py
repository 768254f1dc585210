"""What every screen has: the application around it, background work, and text to keep when the program ends."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from textual.content import Content
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.worker import Worker

from rekall.config import Places, Settings
from rekall.errors import RekallError
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.key_bar import KeyBar
from rekall.tui.messages import MessageLines

if TYPE_CHECKING:
    from rekall.side_by_side import SideBySide

Result = TypeVar("Result")

WIDE = 100
"""From this many columns on, list and detail stand side by side; below, one takes the place of the other."""


_MESSAGES: dict[SeverityLevel, tuple[str, float]] = {
    "information": ("$foreground 80%", 4.0),
    "warning": ("$warning", 10.0),
    "error": ("$error", 10.0),
}
"""How a message looks, and how many seconds it stays."""


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

    @property
    def near(self) -> str | None:
        """The project of the folder that it was started in."""
        ...

    @property
    def in_use(self) -> str:
        """The name of the base in use; empty where it is one's own."""
        ...

    @property
    def asked(self) -> KnowledgeBase | SideBySide:
        """What a search asks."""
        ...

    def open_base(self, name: str) -> KnowledgeBase:
        """The base of a name. Raises StorageError, InvalidInput, NotFound."""
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

    def take_keys(self) -> None:
        """Go on with the keys that waited because the screen holds them no more."""
        ...

    def copy_to_clipboard(self, text: str) -> None:
        """Put a text on the clipboard."""
        ...

    def suspend(self) -> AbstractContextManager[None]:
        """Hand the terminal to another program for the length of a block."""
        ...


class RekallScreen(Screen[Result]):
    """A screen that talks to the person through its host, on lines of its own: nothing is ever covered."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.host = host
        self.messages = MessageLines()
        self.keys = KeyBar(self.bar)
        self._preparing = 0

    def holds(self, key: str) -> bool:
        """Whether what a key is about is still to be shown, so that it has to wait; without a name it is a paste."""
        return self._preparing > 0

    def bar(self) -> Sequence[str] | None:
        """The actions that the line of keys shows, in order; None for those whose bindings say so."""
        return None

    def tell(self, text: str, severity: SeverityLevel, seconds: float | None = None) -> None:
        """Say something for a while: what a key has done in place of the keys, what went wrong or is longer on lines of its own."""
        style, usual_s = _MESSAGES[severity]
        if severity == "information" and Content(" ".join(text.split())).cell_length <= self.size.width - 2:
            self.keys.say(text, style, seconds or usual_s)
        else:
            self.keys.clear()
            self.messages.show(text, style, seconds or usual_s)

    def prepare(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something that ends with another screen, a dialog or a changed list: what is typed meanwhile is for that."""

        async def then_go_on() -> None:
            try:
                await work()
            finally:
                self._preparing -= 1
                self.host.take_keys()

        self._preparing += 1
        self.start(then_go_on)

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
