"""The dialogs: help, filters, and a question."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from rekall.config import Places
from rekall.entry.filters import FILTERS, Filter, Filters
from rekall.errors import RekallError
from rekall.wording import printable

Answer = TypeVar("Answer")

KEYS = (
    ("/", "search: type words, or what you mean"),
    ("enter", "read the entry; open the chosen link"),
    ("escape", "back; in the search, clear it"),
    ("j k  g G", "down, up, first, last: as the arrows, home, end"),
    ("f  F", "filter by type, tag, project, status, date; none"),
    ("s", "entries near in meaning to this one"),
    ("l", "the entries it is linked with"),
    ("b", "back to the entry before"),
    ("a", "add an entry"),
    ("e  E", "edit it here, or in your editor (also ctrl+e)"),
    ("d  u", "delete it; undo, as often as you deleted"),
    ("y  Y", "copy its content, or its id"),
    ("t", "other colours"),
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


class FilterDialog(Dialog[Filters]):
    """The conditions that every entry of the list meets."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "apply", "Apply", priority=True)]

    def __init__(self, filters: Filters) -> None:
        super().__init__()
        self._filters = filters

    def compose(self) -> ComposeResult:
        """A line for each condition."""
        with VerticalScroll(id="box", can_focus=False) as box:
            box.border_title = "Filters"
            box.border_subtitle = "enter applies · escape leaves them"
            for each in FILTERS:
                yield _line(each.name, ", ".join(each.texts(self._filters)), each.hint, list(each.values))
            yield Static(id="problem", markup=False)

    def on_input_submitted(self) -> None:
        """Enter in any line applies them all."""
        self.action_apply()

    def action_apply(self) -> None:
        """Close with the filters, or say what is wrong with them."""
        try:
            filters = Filters.read({each.name: self._values(each) for each in FILTERS})
        except RekallError as error:
            self.query_one("#problem", Static).update(printable(f"{error.message}\n{error.hint}".strip()))
        else:
            self.dismiss(filters)

    def _values(self, each: Filter) -> list[str]:
        text = self.query_one(f"#{each.name}", Input).value.strip()
        return [part.strip() for part in text.split(",")] if each.is_list else [text]


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


def _line(name: str, value: str, placeholder: str, known: list[str] | None = None) -> Horizontal:
    suggester = SuggestFromList(known, case_sensitive=False) if known else None
    return Horizontal(
        Static(name, classes="label", markup=False),
        Input(value, placeholder, id=name, compact=True, suggester=suggester),
        classes="field",
    )
