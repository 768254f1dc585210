"""The dialogs: help, filters, and a question."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from rekall.config import Places
from rekall.wording import printable

Answer = TypeVar("Answer")

KEYS = (
    ("/", "search: type words, or what you mean"),
    ("enter", "from the search to the list; read the entry"),
    ("escape", "back; take the marks away; clear the search"),
    ("up", "in the search: the line that was cleared"),
    ("j k  g G", "down, up, first, last: as the arrows, home, end"),
    ("n  N", "next, previous match in the entry"),
    ("f  F", "filter by type, project, tag, date; none"),
    ("s", "entries near in meaning to this one"),
    ("l  b  T", "its links; back again; all around it, as a tree"),
    ("a", "add an entry"),
    ("e  E", "edit it here, or in your editor (also ctrl+e)"),
    ("o", "open its file in your editor, import it again"),
    ("x  X  A", "mark it (also space), up to here, all of the list"),
    ("c", "change tags, project, … of what is marked"),
    ("L", "link it with what is marked, or look for one"),
    ("d", "delete it, what is marked, a link"),
    ("u  U  H", "undo what was done last; redo; versions"),
    ("y  Y", "copy its content, or its id"),
    ("R", "review what is due: does it still hold?"),
    (":  t", "find what can be done by name; other colours"),
    ("q", "quit (also ctrl+c, ctrl+q)"),
)
"""What the help shows, and docs/tui.md."""

QUERIES = (
    ('"login loop"', "these words in this order"),
    ("-safari", "without this word"),
    ("type:bug", "only this type"),
    ("tag:nginx", "also project:api, since:2026-01-31, status:active"),
)


class Dialog(ModalScreen[Answer]):
    """A box in the middle of the screen; escape closes it without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close")]

    def on_resize(self, event: events.Resize) -> None:
        """Give lists half the screen, so that what stands below them is seen."""
        for options in self.query(OptionList):
            options.styles.max_height = max(event.size.height // 2, 4)

    def action_close(self) -> None:
        """Close it without an answer."""
        self.dismiss(None)


class HelpDialog(Dialog[None]):
    """Every key, the query language, and where the data is."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,q", "close", "Close", show=False)]

    def __init__(self, places: Places) -> None:
        super().__init__()
        self._places = places

    def compose(self) -> ComposeResult:
        """One text, which scrolls on a small screen."""
        with VerticalScroll(id="box") as box:
            box.border_title = "Help"
            box.border_subtitle = "escape closes"
            yield Static(self._text(), markup=False)

    def _text(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for title, lines in (("Keys", KEYS), ("In a search", QUERIES)):
            parts += [(title, "bold $secondary"), "\n"]
            for key, text in lines:
                parts += [(f"  {key:<14}", "bold"), text, "\n"]
            parts.append("\n")
        parts += [
            ("Where your data is", "bold $secondary"),
            printable(
                f"\n  {self._places.database}\n  settings: {self._places.config_file}\n  drafts: {self._places.drafts}"
            ),
        ]
        return Content.assemble(*parts)


class Question(Dialog[bool]):
    """A yes-or-no question: y is yes, any other way out is no."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "yes", "Yes"), Binding("n", "close", "No")]

    def __init__(self, text: str, choices: str) -> None:
        """Ask.

        Args:
            text: The question.
            choices: What each key does.
        """
        super().__init__()
        self._question, self._choices = text, choices

    def compose(self) -> ComposeResult:
        """The question and its keys."""
        with VerticalScroll(id="box") as box:
            box.border_subtitle = self._choices
            yield Static(printable(self._question), markup=False)

    def action_yes(self) -> None:
        """Answer yes."""
        self.dismiss(True)
