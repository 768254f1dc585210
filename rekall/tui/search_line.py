"""The search line: an input that keeps all of what is pasted into it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Input

from rekall.tui.lines import joined_lines
from rekall.wording import count_text

MOST_CHARS = 20_000
"""How much of a paste is kept: more than any error message, less than what makes a line slow to draw."""

_MOST_SHOWN = 44
"""How much of one line of a paste is shown."""

_TRACEBACK = "Traceback (most recent call last)"
"""Begins what says in its last line what went wrong."""


class SearchLine(Input):
    """The search line; its keys in the footer say how to leave it.

    Several pasted lines stand in it as one fold, the first of them and how many follow. A fold is whole or gone: what is
    typed inside comes behind it, and what deletes a part of it deletes all.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.enter_line", "To the list", key_display="enter"),
        Binding("down", "screen.to_list", "To the list", show=False),
        Binding("up", "bring_back", "Line before"),
        Binding("escape", "screen.leave", "Clear"),
    ]

    def __init__(self) -> None:
        super().__init__(placeholder='words or meaning, "a phrase", -without, type:bug', id="line", compact=True)
        self._folds: dict[str, str] = {}
        self._before = ""

    @property
    def is_literal(self) -> bool:
        """Whether it holds a text of several lines that was pasted: then all of it is text."""
        return any(fold in self.value for fold in self._folds)

    @property
    def query_text(self) -> str:
        """What is searched for: what it shows, with all of what was pasted."""
        text = self.value
        for fold, whole in self._folds.items():
            text = text.replace(fold, whole)
        return text

    def replace(self, text: str, start: int, end: int) -> None:
        """Put a text in place of another, and of the folds that the other touches; what was a line or a fold can be brought back."""
        start, end = min(start, end), max(start, end)
        takes_fold = False
        for first, behind in self._places():
            if start == end and first < start < behind:
                start = end = behind
            elif start < behind and end > first:
                start, end, takes_fold = min(start, first), max(end, behind), True
        if takes_fold or (start == 0 and end == len(self.value) > 1):
            self._keep()
        super().replace(text, start, end)

    def drop(self) -> None:
        """Empty the line; it can be brought back."""
        self._keep()
        self.value = ""

    def action_bring_back(self) -> None:
        """Put the line before in place of this one, which is the line before then."""
        self.value, self._before = self._before, self.value
        self.cursor_position = len(self.value)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to bring back only after something was taken away."""
        return bool(self._before) if action == "bring_back" else super().check_action(action, parameters)

    def _keep(self) -> None:
        if self.value:
            self._before = self.value
            self.refresh_bindings()

    def _places(self) -> list[tuple[int, int]]:
        """Where the folds stand."""
        found = []
        for fold in self._folds:
            at = self.value.find(fold)
            while at >= 0:
                found.append((at, at + len(fold)))
                at = self.value.find(fold, at + len(fold))
        return sorted(found)

    def _on_paste(self, event: events.Paste) -> None:
        """Take every line of what the terminal pastes, not only the first."""
        self.take(event.text)
        event.stop()
        event.prevent_default()  # Input would add the first line

    def action_paste(self) -> None:
        """Take every line of the clipboard."""
        self.take(self.app.clipboard)

    def take(self, text: str) -> None:
        """Put a text where the cursor is; several lines as one fold, which stands for all of them joined by blanks."""
        lines = joined_lines(text[: 2 * MOST_CHARS])
        if len(lines) > 1:
            self.replace(self._folded(lines), *self.selection)
        elif one := "".join(text.splitlines())[:MOST_CHARS]:
            self.replace(one, *self.selection)

    def _folded(self, lines: Sequence[str]) -> str:
        """The fold of some lines: the one that says most of them, how many others there are, and of two that look alike which."""
        telling, whole = lines[-1 if lines[0].startswith(_TRACEBACK) else 0], " ".join(lines)[:MOST_CHARS]
        shown = telling if len(telling) <= _MOST_SHOWN else f"{telling[:_MOST_SHOWN]}…"
        rest = f" +{count_text(len(lines) - 1, 'line')}"
        alike = (f"{shown} ({number}){rest}" if number > 1 else shown + rest for number in count(1))
        fold = next(each for each in alike if self._folds.get(each, whole) == whole)
        self._folds[fold] = whole
        return fold


class PickLine(SearchLine):
    """The search line where an entry is to be chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.enter_line", "Choose", key_display="enter"),
        Binding("up", "bring_back", "Line before"),
        Binding("escape", "screen.leave", "Clear, then leave"),
    ]
