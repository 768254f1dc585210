"""The form for writing an entry: its text on one page, its context on another."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input, Select, Static, TextArea

from rekall.entry.fields import BY_NAME, CONTEXT, Entry, Field, Kind
from rekall.entry.types import EntryType
from rekall.errors import EditConflict, NotFound, RekallError, in_our_words
from rekall.knowledge.reports import Saved
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.fields import draft_of, texts_of
from rekall.tui.kept import KeptText, empty_draft
from rekall.tui.lines import OneLine, TitleLine
from rekall.tui.rows import one_line
from rekall.tui.screens import Host, RekallScreen
from rekall.tui.tasks import in_thread
from rekall.wording import printable

_LINES = ("title", "tags", "project")
_CONTEXT_LINES = ("confidence", "status", "superseded_by")
_CONTEXT_AREAS = tuple(field.name for field in CONTEXT)
_SHOWN = ("type", "content", *_LINES, *_CONTEXT_AREAS, *_CONTEXT_LINES)
_HINTS = {
    "title": "what you will look for",
    "tags": "between commas",
    "superseded_by": "the id of the entry to read instead",
}
_HOW = {Kind.LIST: ", one a line", Kind.ITEMS: ", one a line; further lines of one are indented"}
_PAGES = ("page-text", "page-context")

_PAGE_NAMES = ("page 1 of 2 · ^t: situation, solution …", "page 2 of 2 · ^t: title, content")
"""What stands above each page: that there is another, and what is on it."""

KEEP_S = 2.0
"""How often what was typed is written to the draft file."""


class FormScreen(RekallScreen[Saved | None]):
    """Writes a new entry or changes one. What is typed is kept in a draft file until it is saved or discarded."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", priority=True, tooltip="Save the entry"),
        Binding("ctrl+t", "turn", "Other page", priority=True, tooltip="Turn to the other page"),
        Binding("escape", "leave", "Cancel", priority=True, tooltip="Leave the form"),
    ]

    AUTO_FOCUS = "#title"

    def __init__(self, host: Host, base: KnowledgeBase, entry: Entry | None) -> None:
        """Show a form.

        Args:
            host: The application.
            base: An open base.
            entry: The entry to change; None for a new one.
        """
        super().__init__(host)
        self._base = base
        self._drafts = host.places.drafts
        self._old = entry
        kind = EntryType(host.settings.text("add.type"))
        self._begun = self._onto = entry.as_draft() if entry else empty_draft(kind, host.near)
        """What the form started with, and what edited fields are applied to; they differ after a conflict."""
        self._kept = KeptText(self._drafts, entry, self._begun)
        self._kept_texts = texts_of(self._kept.found or self._begun)
        self._saved: Saved | None = None
        self._is_told = False
        self._is_saving = False

    def compose(self) -> ComposeResult:
        """Two pages, and a line below them for problems."""
        texts = self._kept_texts
        heading = f"edit  {one_line(self._old.title)}" if self._old else "new entry"
        with Horizontal(id="title-bar"):
            yield Static(heading, id="heading", markup=False)
            yield Static(_PAGE_NAMES[0], id="page-name", markup=False)
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
        yield self.messages
        yield self.keys

    def on_mount(self) -> None:
        """Focus the title, report drafts, and keep what is typed."""
        self.query_one("#title", Input).focus()
        kept = self._kept
        if kept.found:
            self.host.say("resuming your unsaved text", "ctrl+s saves it, escape discards it")
        if kept.problems:
            self.host.warn("a draft cannot be read and was left as it is", "\n".join(kept.problems))
        if kept.others:
            where = "\n".join(map(str, kept.others))
            self.host.warn("there are unsaved drafts of an earlier version", f"they are in\n{where}")
        self.set_interval(KEEP_S, self._keep_draft)

    @property
    def texts(self) -> dict[str, str]:
        """The current text of every field."""
        return {
            str(widget.id): _text(widget) for widget in self.query("Input, TextArea, Select") if widget.id in _SHOWN
        }

    @property
    def is_changed(self) -> bool:
        """Whether something typed is not saved."""
        return self.texts != texts_of(self._begun)

    def keep(self) -> Path | None:
        """Write unsaved text to the draft file for the last time. Returns the file, or None if nothing is unsaved.

        Raises:
            OSError: The file cannot be written.
        """
        path, texts = self._kept.path, self.texts
        is_kept = self.is_changed and texts == self._kept_texts and path.exists()
        return path if is_kept or self._kept.keep(self._begun, texts, self._onto, is_last=True) else None

    def on_title_line_overflowed(self, event: TitleLine.Overflowed) -> None:
        """What is pasted into the title and is longer than one goes on in the content."""
        content = self.query_one("#content", TextArea)
        content.text = f"{content.text.rstrip()}\n\n{event.rest}".lstrip("\n")
        self.host.say("pasted", "the first line is the title, the others are in the content")

    def action_turn(self) -> None:
        """Show the other page."""
        switcher = self.query_one(ContentSwitcher)
        turned = 1 - _PAGES.index(switcher.current or _PAGES[0])
        switcher.current = _PAGES[turned]
        self.query_one("#page-name", Static).update(_PAGE_NAMES[turned])
        first = "#title" if switcher.current == _PAGES[0] else "#situation"
        self.set_focus(self.query_one(first), scroll_visible=False)

    def action_leave(self) -> None:
        """Close the form, but not during a save; ask first if something was typed."""
        from rekall.tui.dialogs import Question

        if self._is_saving:
            return
        kinds = self.query_one(Select)
        if kinds.expanded:
            kinds.expanded = False
        elif not self.is_changed:
            self._drop_kept()
            self.dismiss(self._saved)
        else:

            def leave(answer: bool | None) -> None:
                if answer:
                    self._drop_kept()
                    self.dismiss(self._saved)

            question = Question("Discard what you typed?", "y discards it · escape keeps writing")
            self.app.push_screen(question, leave)

    def action_save(self) -> None:
        """Save the entry in the background: the model may have to be loaded."""
        if not self._is_saving:
            self._is_saving = True
            self.start(self._save, "save")

    async def _save(self) -> None:
        self._tell("saving …")
        saved: Saved | None = None
        texts = self.texts
        try:
            draft = draft_of(self._begun, texts, self._onto)
            old = self._old
            save = partial(self._base.edit, old, draft) if old else partial(self._base.add, draft)
            saved = await in_thread(save)
        except EditConflict as error:
            await self._rebase(error)
        except NotFound as error:
            self._old = None
            self._tell(f"{error.message}\nctrl+s adds your text as a new entry")
        except (RekallError, OSError) as error:
            told = in_our_words(error)
            self._tell(f"{told.message}\n{told.hint}".strip())
        finally:
            self._is_saving = saved is not None
        if saved is not None:
            self._drop_kept()
            if self.texts != texts:
                await self._go_on(saved)
                return
            while self.app.screen is not self:  # `dismiss` closes the topmost screen, whichever it is
                self.app.pop_screen()
            self.dismiss(saved)

    async def _go_on(self, saved: Saved) -> None:
        """Stay open with what was typed during the save."""
        self._saved, self._old = saved, saved.entry
        self._begun = self._onto = saved.entry.as_draft()
        self._kept = KeptText(self._drafts, saved.entry)
        self._is_saving = False
        self._tell("saved; ctrl+s saves what you typed since")
        await self._keep_draft(is_due=True)

    async def _rebase(self, error: EditConflict) -> None:
        """After a conflict, apply the edited fields to the entry as it is now; the next save stores the result."""
        assert self._old is not None
        try:
            now = (await in_thread(partial(self._base.get, self._old.id))).entry
        except RekallError as worse:
            self._tell(f"{worse.message}\n{worse.hint}".strip())
            return
        self._old, self._onto = now, now.as_draft()
        self._tell(f"{error.message}\nyour text is still here: ctrl+s applies the fields you changed to that version")
        moved = KeptText(self._drafts, now)
        if moved.found is None:  # otherwise another form keeps its text there
            before, self._kept = self._kept, moved
            if await self._keep_draft(is_due=True):
                before.drop()

    async def _keep_draft(self, *, is_due: bool = False) -> bool:
        """Write what was typed since the last time. Returns whether the draft file is up to date."""
        texts = self.texts
        if len(texts) < len(_SHOWN):  # the form is being closed
            return False
        if not is_due and texts == self._kept_texts:
            return True
        try:
            await in_thread(partial(self._kept.keep, self._begun, texts, self._onto))
        except OSError as error:
            if not self._is_told:
                self._is_told = True
                self.host.warn("your unsaved text cannot be kept in a draft", str(error))
            return False
        self._kept_texts = texts
        return True

    def _drop_kept(self) -> None:
        self._kept.drop()  # where it stays, the next form resumes it and can discard it

    def _tell(self, text: str) -> None:
        self.query_one("#problem", Static).update(printable(text))


def _line(name: str, text: str) -> Widget:
    field = BY_NAME[name]
    return Horizontal(
        Static(field.noun, classes="label", markup=False),
        (TitleLine if name == "title" else OneLine)(
            text, _HINTS.get(name) or _plain(field.help), id=name, compact=True
        ),
        classes="field",
    )


def _area(name: str, text: str) -> Widget:
    return Vertical(
        Static(_label(BY_NAME[name]), classes="label", markup=False),
        TextArea(text, id=name, compact=True, highlight_cursor_line=False),
        classes="area",
    )


def _plain(sentence: str) -> str:
    """A sentence of the table as it stands beside a field."""
    return sentence[:1].lower() + sentence[1:].removesuffix(".")


def _label(field: Field) -> str:
    """What stands above a text of several lines: its name, what it is for, and how items are told apart."""
    help_text = _plain(field.help)
    if field.kind in _HOW:
        return f"{help_text}{_HOW[field.kind]}"
    return "content, Markdown" if field.name == "content" else f"{field.noun}: {help_text}"


def _text(widget: Widget) -> str:
    if isinstance(widget, TextArea):
        return widget.text
    assert isinstance(widget, (Input, Select))
    return str(widget.value)
