"""The search line: an input that keeps all of what is pasted into it."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Input

MOST_CHARS = 20_000
"""How much of a paste is kept: more than any error message, less than what makes a line slow to draw."""


class SearchLine(Input):
    """The search line; its keys in the footer say how to leave it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.enter_line", "To the list", key_display="enter"),
        Binding("down", "screen.to_list", "To the list", show=False),
        Binding("escape", "screen.leave", "Clear"),
    ]

    def __init__(self) -> None:
        super().__init__(placeholder='words or meaning, "a phrase", -without, type:bug', id="line", compact=True)
        self._pasted = ""

    @property
    def is_literal(self) -> bool:
        """Whether it holds a text of several lines that was pasted: then all of it is text."""
        return bool(self._pasted) and self._pasted in self.value

    def _on_paste(self, event: events.Paste) -> None:
        """Take every line of what the terminal pastes, not only the first."""
        self._put(event.text)
        event.stop()
        event.prevent_default()  # Input would add the first line

    def action_paste(self) -> None:
        """Take every line of the clipboard."""
        self._put(self.app.clipboard)

    def _put(self, text: str) -> None:
        """Put a text where the cursor is, its lines joined by blanks."""
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        one = " ".join(lines)[:MOST_CHARS] if len(lines) > 1 else "".join(text.splitlines())[:MOST_CHARS]
        if len(lines) > 1:
            self._pasted = one
        if one:
            self.replace(one, *self.selection)


class PickLine(SearchLine):
    """The search line where an entry is to be chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.enter_line", "Choose", key_display="enter"),
        Binding("escape", "screen.leave", "Clear, then leave"),
    ]
