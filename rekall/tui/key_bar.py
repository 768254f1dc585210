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
        line = Content("  ").join(texts)
        self.update(line if line.cell_length <= self.size.width - 2 else Content(" ").join(texts))
