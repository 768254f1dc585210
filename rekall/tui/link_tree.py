"""What is linked around an entry, as a tree in a dialog: enter reads an entry of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from rekall.entry.types import Status
from rekall.knowledge.graph import Around
from rekall.knowledge.link_tree import Again, Branch, branches
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.dialogs import Dialog
from rekall.tui.rows import one_line
from rekall.tui.screens import RekallScreen
from rekall.tui.tasks import in_thread

_DEPTH, _DEEPEST = 2, 9
_MOST_LINES = 500
"""Lines that anybody scrolls through; a hub may have thousands."""


class TreeDialog(Dialog[str]):
    """The tree; the answer is the id of the entry that is chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,right", "deepen(1)", "Further", priority=True),
        Binding("minus,left", "deepen(-1)", "Less far", priority=True),
        Binding("j", "choose(1)", "Down", show=False),
        Binding("k", "choose(-1)", "Up", show=False),
    ]

    def __init__(self, base: KnowledgeBase, around: Around) -> None:
        """Show what is around an entry, at first as far as it was looked at."""
        super().__init__()
        self._base, self._around, self._depth = base, around, _DEPTH

    def compose(self) -> ComposeResult:
        """The lines."""
        with Vertical(id="box") as box:
            box.border_title = f"Around “{one_line(self._around.entry.title)[:50]}”"
            yield OptionList(id="tree", markup=False, compact=True)

    def on_mount(self) -> None:
        """Draw it."""
        self._draw()
        self.query_one(OptionList).focus()

    def action_choose(self, by: int) -> None:
        """Go to another line."""
        tree = self.query_one(OptionList)
        tree.highlighted = min(max((tree.highlighted or 0) + by, 0), tree.option_count - 1)

    def action_deepen(self, by: int) -> None:
        """Follow links one step further, or one less."""
        depth = min(max(self._depth + by, 1), _DEEPEST)
        if depth == self._depth:
            return
        self._depth = depth

        async def work() -> None:
            self._around = await in_thread(partial(self._base.graph.around, self._around.entry.id, depth))
            self._draw()

        self.run_worker(work(), group="tree", exclusive=True)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with an entry."""
        event.stop()
        self.dismiss(self._ids[event.option_index])

    def _draw(self) -> None:
        found = list(islice(branches(self._around), _MOST_LINES + 1))
        shown = found[:_MOST_LINES]
        self._ids = [branch.entry.id for branch in shown]
        tree = self.query_one(OptionList)
        tree.set_options(Option(_line(branch)) for branch in shown)
        tree.highlighted = min(1, len(shown) - 1)
        cut = f" · the first {_MOST_LINES} lines" if len(found) > len(shown) else ""
        steps = "1 step" if self._depth == 1 else f"{self._depth} steps"
        self.query_one("#box").border_subtitle = f"{steps}{cut} · + - farther, less far · enter reads · escape leaves"


class TreeActions:
    """Opens the tree on behalf of a screen."""

    def __init__(self, screen: RekallScreen[None], base: KnowledgeBase, read: Callable[[str], None]) -> None:
        """Nothing is shown yet; `read` is called with the entry that is chosen."""
        self._screen, self._base, self._read = screen, base, read

    def show(self, entry_id: str) -> None:
        """Show what is linked around an entry."""
        if entry_id:
            self._screen.prepare(partial(self._open, entry_id))

    async def _open(self, entry_id: str) -> None:
        around = await in_thread(partial(self._base.graph.around, entry_id, _DEPTH))
        if not around.steps:
            self._screen.host.say("no links", "this entry is not linked to others")
            return

        def take(chosen: str | None) -> None:
            if chosen:
                self._read(chosen)

        self._screen.app.push_screen(TreeDialog(self._base, around), take)


def _line(branch: Branch) -> Content:
    """A line of the tree."""
    before = "".join("│  " if is_more else "   " for is_more in branch.more[:-1])
    before += ("├─ " if branch.more[-1] else "└─ ") if branch.more else ""
    bears = " and ".join(f"{line.phrase} {line.arrow}" for line in branch.lines)
    again = branch.again is not Again.HERE
    behind = f" ({branch.again.value})" if again else ""
    is_obsolete = branch.entry.status is Status.OBSOLETE and not again
    return Content.assemble(
        (before, "$foreground 50%"),
        (f"{bears} " if bears else "", "$foreground 60%"),
        (one_line(branch.entry.title), "" if branch.more else "bold"),
        (behind, "$foreground 50%"),
        (" (obsolete)" if is_obsolete else "", "$warning"),
    )
