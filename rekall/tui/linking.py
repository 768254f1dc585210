"""Links made and removed: which entry, in which way, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from rekall.entry.types import LinkType
from rekall.entry.view import LinkLine
from rekall.knowledge_base import KnowledgeBase
from rekall.search.results import Mode
from rekall.tui.dialogs import Dialog, Question
from rekall.tui.lines import OneLine
from rekall.tui.rows import one_line
from rekall.tui.screens import RekallScreen
from rekall.tui.tasks import in_thread
from rekall.wording import count_text, printable

_MOST_FOUND = 10


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which an entry can bear on another.

    Attributes:
        type: The kind of link.
        is_outgoing: Whether it starts at the entry that is shown.
        phrase: How the shown entry bears on the other one.
    """

    type: LinkType
    is_outgoing: bool
    phrase: str


WAYS = (
    Way(LinkType.RELATED, True, "is related to"),
    Way(LinkType.SUPERSEDES, True, "supersedes"),
    Way(LinkType.SUPERSEDES, False, "is superseded by"),
    Way(LinkType.DERIVED_FROM, True, "is derived from"),
    Way(LinkType.DERIVED_FROM, False, "is the source of"),
    Way(LinkType.CONTRADICTS, True, "contradicts"),
)
"""What can be said of two entries, seen from one of them."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person said of a link that is to be made."""

    way: Way
    reason: str


class LinkDialog(Dialog[Chosen]):
    """Asks in which way an entry bears on others, and why."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "choose(1)", "Next way", priority=True),
        Binding("up", "choose(-1)", "Way before", priority=True),
    ]

    def __init__(self, title: str, others: Sequence[str]) -> None:
        """Ask.

        Args:
            title: The title of the entry that the link is seen from.
            others: The titles of the others.
        """
        super().__init__()
        self._title = one_line(title)
        self._others = one_line(others[0]) if len(others) == 1 else f"the {len(others)} marked entries"

    def compose(self) -> ComposeResult:
        """The ways, and a line for the reason."""
        with Vertical(id="box") as box:
            box.border_title = "Link"
            box.border_subtitle = "up, down choose · enter links · escape does not"
            yield Static(Content.assemble((self._title, "bold")), id="link-from", markup=False)
            ways = OptionList(*(Option(way.phrase) for way in WAYS), id="ways", markup=False, compact=True)
            ways.can_focus = False
            yield ways
            yield Static(Content.assemble((self._others, "bold")), id="link-to", markup=False)
            with Horizontal(classes="field"):
                yield Static("reason", classes="label", markup=False)
                yield OneLine(placeholder="may be empty", id="reason", compact=True)

    def on_mount(self) -> None:
        """Begin with the first way."""
        self.query_one(OptionList).highlighted = 0

    def action_choose(self, by: int) -> None:
        """Go to another way."""
        ways = self.query_one(OptionList)
        ways.highlighted = ((ways.highlighted or 0) + by) % len(WAYS)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click chooses a way; enter in the line links."""
        event.stop()
        self.query_one(Input).focus()

    def on_input_submitted(self) -> None:
        """Link."""
        way = WAYS[self.query_one(OptionList).highlighted or 0]
        self.dismiss(Chosen(way, self.query_one(Input).value.strip()))


class FindDialog(Dialog[str]):
    """Looks for an entry by its words; the answer is its id."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "choose(1)", "Next", priority=True),
        Binding("up", "choose(-1)", "Before", priority=True),
    ]

    def __init__(self, base: KnowledgeBase, title: str, without: str) -> None:
        """Look in a base.

        Args:
            base: An open base.
            title: What it is looked for for.
            without: The id of an entry that is not meant.
        """
        super().__init__()
        self._base, self._heading, self._without = base, title, without
        self._found: list[str] = []

    def compose(self) -> ComposeResult:
        """A line to type in, and what was found."""
        with Vertical(id="box") as box:
            box.border_title = self._heading
            box.border_subtitle = "type words · up, down, enter choose · escape leaves"
            yield OneLine(placeholder="words of the other entry", id="find", compact=True)
            found = OptionList(id="found", markup=False, compact=True)
            found.can_focus = False
            yield found

    def on_mount(self) -> None:
        """Show the newest ones first."""
        self._search("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look for what is typed."""
        self._search(event.value)

    def action_choose(self, by: int) -> None:
        """Go to another entry."""
        found = self.query_one("#found", OptionList)
        if self._found:
            found.highlighted = ((found.highlighted or 0) + by) % len(self._found)

    def on_input_submitted(self) -> None:
        """Answer with the chosen one."""
        place = self.query_one("#found", OptionList).highlighted
        if place is not None and self._found:
            self.dismiss(self._found[place])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click answers."""
        event.stop()
        self.dismiss(self._found[event.option_index])

    def _search(self, line: str) -> None:
        async def work() -> None:
            found = await in_thread(partial(self._entries, line))
            self._found = [entry_id for entry_id, _ in found]
            options = self.query_one("#found", OptionList)
            options.set_options(Option(line) for _, line in found)
            options.highlighted = 0 if found else None

        self.run_worker(work(), group="find", exclusive=True)

    def _entries(self, line: str) -> list[tuple[str, Content]]:
        if line.strip():
            hits = self._base.search(line, mode=Mode.WORDS, limit=_MOST_FOUND + 1, unfinished=True).hits
            entries = [hit.entry for hit in hits]
        else:
            entries = list(self._base.list_entries(limit=_MOST_FOUND + 1).entries)
        return [
            (entry.id, Content.assemble((f"{entry.type.value}  ", "$foreground 55%"), one_line(entry.title)))
            for entry in entries
            if entry.id != self._without
        ][:_MOST_FOUND]


class LinkActions:
    """Links and unlinks entries on behalf of a screen."""

    def __init__(self, screen: RekallScreen[None], base: KnowledgeBase, show_change: Callable[[str], None]) -> None:
        """Nothing is linked yet; `show_change` is called with the entry a link was seen from."""
        self._screen = screen
        self._host = screen.host
        self._base = base
        self._show_change = show_change

    def link(self, entry_id: str, others: Sequence[str]) -> None:
        """Link an entry with others, or where there are none with one that the person looks for."""
        if not entry_id:
            return
        if others:
            self._screen.prepare(partial(self._ask, entry_id, others))
            return

        def take(other: str | None) -> None:
            if other:
                self._screen.prepare(partial(self._ask, entry_id, [other]))

        self._screen.app.push_screen(FindDialog(self._base, "Link with …", entry_id), take)

    def unlink(self, entry_id: str, line: LinkLine) -> None:
        """Remove a link after a question."""

        def take(answer: bool | None) -> None:
            if answer:
                self._screen.start(partial(self._unlink, entry_id, line))

        other = one_line(line.other.title or line.other.id)
        question = Question(f"Remove the link “{line.phrase} {other}”?", "y removes it · n keeps it")
        self._screen.app.push_screen(question, take)

    async def _ask(self, entry_id: str, others: Sequence[str]) -> None:
        titles = await in_thread(partial(self._base.titles, [entry_id, *others]))
        there = [other for other in others if other in titles]
        if entry_id not in titles or not there:
            self._host.say("nothing to link", "the entry was deleted")
            return

        def take(chosen: Chosen | None) -> None:
            if chosen is not None:
                self._screen.start(partial(self._link, entry_id, there, chosen))

        self._screen.app.push_screen(LinkDialog(titles[entry_id], [titles[other] for other in there]), take)

    async def _link(self, entry_id: str, others: Sequence[str], chosen: Chosen) -> None:
        def link() -> None:
            with self._base.past.as_one("link"):
                self._link_all(entry_id, others, chosen)

        await in_thread(link)
        self._host.say(f"linked, {chosen.way.phrase}", count_text(len(others), "entry", "entries"))
        self._show_change(entry_id)

    def _link_all(self, entry_id: str, others: Sequence[str], chosen: Chosen) -> None:
        for other in others:
            source, target = (entry_id, other) if chosen.way.is_outgoing else (other, entry_id)
            self._base.link(source, target, chosen.way.type, chosen.reason)

    async def _unlink(self, entry_id: str, line: LinkLine) -> None:
        link = line.link
        await in_thread(lambda: self._base.unlink(link.source, link.target, link.type))
        self._host.say("removed the link", f"{line.phrase} {printable(line.other.title)}")
        self._show_change(entry_id)
