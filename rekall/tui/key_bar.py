"""The line at the bottom: the keys that can be pressed now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.style import Style
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.screen import Screen


class KeyBar(Static):
    """The keys whose bindings are to be shown, as one text.

    Textual's footer makes new widgets for all keys whenever the focus moves: reading sixty entries left 40 MB behind.
    """

    def __init__(self) -> None:
        super().__init__(markup=False)

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._show)

    def on_resize(self) -> None:
        """Move the keys closer together on a narrow screen."""
        self._show(self.screen)

    def on_unmount(self) -> None:
        """Stop following the focus."""
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _show(self, screen: Screen[object]) -> None:
        shown: dict[str, Content] = {}
        for _, binding, is_enabled, _ in screen.active_bindings.values():
            if binding.show and is_enabled and binding.action not in shown:
                click = Style.from_meta({"@click": f"app.simulate_key({binding.key!r})"})
                key = self.app.get_key_display(binding)
                text = Content.assemble((key, "bold $primary"), " ", (binding.description, "$foreground 65%"))
                shown[binding.action] = text.stylize(click)
        line = Content("  ").join(shown.values())
        self.update(line if line.cell_length <= self.size.width else Content(" ").join(shown.values()))
