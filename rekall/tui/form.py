"""The form in which an entry is written: its text on one page, its context on another."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input, Select, Static, TextArea
from textual.worker import Worker

from rekall.drafts import earlier_drafts
from rekall.errors import EditConflict, NotFound, RekallError
from rekall.knowledge_base import KnowledgeBase
from rekall.reports import Saved
from rekall.tui.fields import draft_of, texts_of
from rekall.tui.key_bar import KeyBar
from rekall.tui.rows import one_line
from rekall.tui.tasks import in_thread
from rekall.types import Draft, Entry, EntryType

if TYPE_CHECKING:
    from rekall.tui.app import RekallApp

_LABELS = {
    "type": "type",
    "title": "title",
    "tags": "tags",
    "project": "project",
    "content": "content, Markdown",
    "status": "status",
    "superseded_by": "superseded by",
    "confidence": "confidence",
    "situation": "situation: when it happens",
    "error_messages": "error messages, one a line; further lines of one are indented",
    "solution": "solution: what helped",
    "what_failed": "what failed: what was tried in vain",
    "files": "files, one a line",
    "trigger_keywords": "keywords it shall be found by, one a line",
    "sources": "sources, one a line",
}
_HINTS = {
    "title": "what you will look for",
    "tags": "between commas",
    "status": "active or obsolete",
    "superseded_by": "the id of the entry to read instead",
    "confidence": "0 to 5",
}
_LINES = ("title", "tags", "project")
_CONTEXT_LINES = ("confidence", "status", "superseded_by")
_CONTEXT_AREAS = (
    "situation",
    "error_messages",
    "solution",
    "what_failed",
    "files",
    "trigger_keywords",
    "sources",
)
_PAGES = ("page-text", "page-context")


class FormScreen(Screen[Saved | None]):
    """Writes a new entry or changes one. Nothing typed is lost: it stays until it was stored or given up."""

    app: RekallApp

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", priority=True),
        Binding("ctrl+t", "turn", "Other page", priority=True),
        Binding("escape", "leave", "Cancel", priority=True),
    ]

    def __init__(self, base: KnowledgeBase, drafts: Path, entry: Entry | None) -> None:
        """Show a form.

        Args:
            base: An open base.
            drafts: Where a text is kept that is not saved when the program ends.
            entry: The entry to change; None for a new one.
        """
        super().__init__()
        self._base = base
        self._drafts = drafts
        self._old = entry
        self._begun = entry.as_draft() if entry else Draft(EntryType.TIL, "")
        self._draft_name = entry.id if entry else "new"
        self._is_saving = False

    def compose(self) -> ComposeResult:
        """Two pages, and below them what is wrong."""
        texts = texts_of(self._begun)
        heading = f"edit  {one_line(self._old.title)}" if self._old else "new entry"
        yield Static(heading, id="title-bar", markup=False)
        with ContentSwitcher(initial=_PAGES[0]):
            with Vertical(id=_PAGES[0]):
                with Horizontal(classes="field"):
                    yield Static("type", classes="label", markup=False)
                    kinds = [(kind.value, kind.value) for kind in EntryType]
                    yield Select(kinds, value=texts["type"], allow_blank=False, compact=True, id="type")
                yield from (_line(name, texts[name]) for name in _LINES)
                yield _area("content", texts["content"])
            with VerticalScroll(id=_PAGES[1], can_focus=False):
                yield from (_area(name, texts[name]) for name in _CONTEXT_AREAS)
                yield from (_line(name, texts[name]) for name in _CONTEXT_LINES)
        yield Static(id="problem", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Begin at the title, and tell of drafts that were left."""
        self.query_one("#title", Input).focus()
        for draft in earlier_drafts(self._drafts, self._draft_name):
            self.app.warn("an earlier draft of this was not saved", f"it lies in {draft}")

    @property
    def texts(self) -> dict[str, str]:
        """The text of every field, as it is now."""
        return {
            str(widget.id): _text(widget) for widget in self.query("Input, TextArea, Select") if widget.id in _LABELS
        }

    @property
    def is_changed(self) -> bool:
        """Whether something was typed that is not stored."""
        return self.texts != texts_of(self._begun)

    def keep(self) -> Iterator[Path]:
        """Write what was typed into a draft file, when there is something.

        Raises:
            OSError: It cannot be written.
        """
        if self.is_changed:
            from rekall.tui.outside import keep_draft

            yield keep_draft(self._drafts, self._draft_name, self._begun, self.texts)

    def action_turn(self) -> None:
        """Show the other page."""
        switcher = self.query_one(ContentSwitcher)
        switcher.current = _PAGES[1 - _PAGES.index(switcher.current or _PAGES[0])]
        first = "#title" if switcher.current == _PAGES[0] else "#situation"
        self.call_after_refresh(self.query_one(first).focus, scroll_visible=False)

    def action_leave(self) -> None:
        """Close the form; ask first when something was typed."""
        from rekall.tui.dialogs import Question

        kinds = self.query_one(Select)
        if kinds.expanded:
            kinds.expanded = False
        elif not self.is_changed:
            self.dismiss(None)
        else:

            def leave(answer: bool | None) -> None:
                if answer:
                    self.dismiss(None)

            question = Question("Throw away what you typed?", "y throws it away · escape goes on writing")
            self.app.push_screen(question, leave)

    def action_save(self) -> None:
        """Store the entry, beside the screen: the model may have to be loaded."""
        if not self._is_saving:
            _: Worker[None] = self.run_worker(self._save, group="save")

    async def _save(self) -> None:
        self._is_saving = True
        self._tell("saving …")
        try:
            draft = draft_of(self._begun, self.texts)
            old = self._old
            save = partial(self._base.edit, old, draft) if old else partial(self._base.add, draft)
            saved = await in_thread(save)
        except EditConflict as error:
            await self._begin_anew(error)
        except NotFound as error:
            self._old = None
            self._tell(f"{error.message}\nctrl+s adds your text as a new entry")
        except RekallError as error:
            self._tell(f"{error.message}\n{error.hint}".strip())
        else:
            self.dismiss(saved)
        finally:
            self._is_saving = False

    async def _begin_anew(self, error: EditConflict) -> None:
        """After a conflict the next save stands on the entry as it is now."""
        try:
            self._old = (await in_thread(partial(self._base.get, self._draft_name))).entry
            self._tell(f"{error.message}\nyour text stays here: ctrl+s puts it in the place of the other")
        except RekallError as worse:
            self._tell(f"{worse.message}\n{worse.hint}".strip())

    def _tell(self, text: str) -> None:
        self.query_one("#problem", Static).update(text)


def _line(name: str, text: str) -> Widget:
    return Horizontal(
        Static(_LABELS[name], classes="label", markup=False),
        Input(text, _HINTS.get(name, ""), id=name, compact=True),
        classes="field",
    )


def _area(name: str, text: str) -> Widget:
    return Vertical(
        Static(_LABELS[name], classes="label", markup=False),
        TextArea(text, id=name, compact=True, highlight_cursor_line=False),
        classes="area",
    )


def _text(widget: Widget) -> str:
    if isinstance(widget, TextArea):
        return widget.text
    assert isinstance(widget, (Input, Select))
    return str(widget.value)
