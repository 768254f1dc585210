"""The line at the bottom: the keys that can be pressed now, and for a moment what a key has done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.style import Style
from textual.timer import Timer
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.screen import Screen


_LAST = 3
"""How many keys at the end of the line stay whatever room there is: they lead to all the others."""


class KeyBar(Static):
    """The keys whose bindings are to be shown, as one text.

    Textual's footer makes new widgets for all keys whenever the focus moves: reading sixty entries left 40 MB behind.
    """

    def __init__(self, wanted: Callable[[], Sequence[str] | None]) -> None:
        """Show the keys of the actions that are wanted, in their order; with None those whose bindings say so."""
        super().__init__(markup=False)
        self._wanted = wanted
        self._said: Timer | None = None

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._show)

    def on_resize(self) -> None:
        """Move the keys closer together on a narrow screen."""
        self._show(self.screen)

    def on_unmount(self) -> None:
        """Stop following the focus."""
        self.screen.bindings_updated_signal.unsubscribe(self)

    def say(self, text: str, style: str, seconds: float) -> None:
        """Say something for a while in place of the keys, which work all the same."""
        if self._said is not None:
            self._said.stop()
        self._said = self.set_timer(seconds, self._show_again)
        self.update(Content.assemble((" ".join(text.split()), style)))

    def clear(self) -> None:
        """Take back what was said: something later is said elsewhere."""
        if self._said is not None:
            self._said.stop()
            self._show_again()

    def _show_again(self) -> None:
        self._said = None
        self._show(self.screen)

    def _show(self, screen: Screen[object]) -> None:
        if self._said is not None:
            return
        wanted = self._wanted()
        keys: dict[str, str] = {}
        shown: dict[str, Content] = {}
        for _, binding, is_enabled, _ in screen.active_bindings.values():
            action = binding.action.removeprefix("screen.").removeprefix("app.")
            is_wanted = binding.show if wanted is None else action in wanted
            key = self.app.get_key_display(binding)
            if is_enabled and is_wanted and (action not in shown or len(key) < len(keys[action])):
                keys[action] = key
                click = Style.from_meta({"@click": f"app.simulate_key({binding.key!r})"})
                text = Content.assemble((key, "bold $primary"), " ", (binding.description, "$foreground 65%"))
                shown[action] = text.stylize(click)
        texts = list(shown.values()) if wanted is None else [shown[action] for action in wanted if action in shown]
        self.update(self._fitted(texts))

    def _fitted(self, texts: list[Content]) -> Content:
        """Keys closer together where they have no room, and without those in the middle where that is not enough."""
        room = self.size.width
        line = Content("  ").join(texts)
        if line.cell_length > room:
            line = Content(" ").join(texts)
        while line.cell_length > room and len(texts) > _LAST:
            del texts[-_LAST - 1]
            line = Content(" ").join(texts)
        return line
