"""What a screen tells the person: on lines of its own, so that nothing is covered."""

from __future__ import annotations

from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static


class MessageLines(Static):
    """Advice that stays while it holds, and messages that go after a while. Without either it takes no room."""

    def __init__(self) -> None:
        super().__init__(id="messages", markup=False)
        self._advice = ""
        self._message = Content("")
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        """Start empty."""
        self._show()

    def advise(self, text: str) -> None:
        """Say something that holds until something else, or nothing, is advised."""
        if text != self._advice:
            self._advice = text
            self._show()

    def show(self, text: str, style: str, seconds: float) -> None:
        """Say something for a while, in place of the advice."""
        self._message = Content.assemble((text, style))
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(seconds, self.clear)
        self._show()

    def clear(self) -> bool:
        """Take the message away. Returns whether there was one."""
        was = bool(self._message.plain)
        self._message = Content("")
        self._show()
        return was

    def _show(self) -> None:
        shown = self._message if self._message.plain else Content(self._advice)
        self.display = bool(shown.plain)
        self.update(shown)
