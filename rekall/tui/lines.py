"""Fields of one line that lose nothing of what is pasted into them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textual import events
from textual.message import Message
from textual.widgets import Input


class OneLine(Input):
    """A field of one line; lines that are pasted into it are joined by blanks, and the first key typed replaces nothing."""

    def __init__(self, value: str = "", placeholder: str = "", **options: Any) -> None:
        super().__init__(value, placeholder, select_on_focus=False, **options)

    def _on_paste(self, event: events.Paste) -> None:
        """Take every line of what the terminal pastes, not only the first."""
        self.take(event.text)
        event.stop()
        event.prevent_default()  # Input would add the first line

    def action_paste(self) -> None:
        """Take every line of the clipboard."""
        self.take(self.app.clipboard)

    def take(self, text: str) -> None:
        """Put a text where the cursor is."""
        self.replace(" ".join(joined_lines(text)), *self.selection)


class TitleLine(OneLine):
    """The title: of a text of several lines it keeps the first, and tells who can hold the rest."""

    @dataclass
    class Overflowed(Message):
        """More than a title was pasted."""

        rest: str

    def take(self, text: str) -> None:
        """Put the first line where the cursor is."""
        first, _, rest = text.strip("\r\n").replace("\r\n", "\n").replace("\r", "\n").partition("\n")
        self.replace(" ".join(first.split()), *self.selection)
        if rest.strip():
            self.post_message(self.Overflowed(rest.strip("\n")))


def joined_lines(text: str) -> list[str]:
    """The lines of a text that are not empty, each without blanks that are there for looks."""
    return [joined for line in text.splitlines() if (joined := " ".join(line.split()))]
