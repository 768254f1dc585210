"""The screen of a review: one entry after the other, a key each, as `rekall review` asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from rekall.entry.filters import Filters
from rekall.entry.types import Status
from rekall.errors import NotFound
from rekall.knowledge.review import Answer, Answered, Standing
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.detail import DetailPane
from rekall.tui.document import make_document
from rekall.tui.rows import brief
from rekall.tui.screens import Host, RekallScreen
from rekall.tui.tasks import in_thread
from rekall.wording import age_text, count_text

if TYPE_CHECKING:
    from rekall.entry.fields import Entry
    from rekall.knowledge.reports import Saved
    from rekall.tui.document import Document

_BAR = ("holds", "work", "outdated", "replaced", "never", "skip", "take_back", "leave")


async def open_review(screen: RekallScreen[None], base: KnowledgeBase, show_change: Callable[[str], None]) -> None:
    """Open the review of what is due today, or say that nothing is.

    Args:
        screen: What it is opened over.
        base: An open base.
        show_change: Called when it is over and entries were changed.
    """
    host = screen.host
    per_day = host.settings.whole("review.per_day")
    left = await in_thread(partial(base.review.left_today, per_day, host.now()))
    due = await in_thread(partial(base.review.due, Filters(), left, now=host.now()))
    if not due.entries:
        answered = f"{count_text(due.answered, 'entry', 'entries')} answered today" if due.answered else ""
        host.say("nothing to review", answered or "what is due is asked about, no more a day than review.per_day")
        return

    def over(answered: int | None) -> None:
        if answered:
            host.say("reviewed", count_text(answered, "entry", "entries"))
            show_change("")

    screen.app.push_screen(ReviewScreen(host, base, [each.entry.id for each in due.entries]), over)


class ReviewScreen(RekallScreen[int]):
    """Asks of entries whether they still hold. Every answer is kept at once; it ends with how many there were."""

    AUTO_FOCUS = "DetailPane"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "holds", "Holds", tooltip="It still holds: ask again later than the last time"),
        Binding("w,e", "work", "Needs work", tooltip="Edit it; what was changed counts as reviewed"),
        Binding("o", "outdated", "Outdated", tooltip="It holds no longer: mark it as obsolete"),
        Binding("O", "replaced", "Replaced", tooltip="It holds no longer: choose what is to be read instead"),
        Binding("n", "never", "Never again", tooltip="Never ask about it again"),
        Binding("s", "skip", "Skip", tooltip="Ask another time"),
        Binding("z,u", "take_back", "Back", tooltip="Take the last answer back"),
        Binding("q,escape", "leave", "Leave", priority=True, tooltip="Leave; the rest is asked another time"),
    ]

    def __init__(self, host: Host, base: KnowledgeBase, ids: Sequence[str]) -> None:
        """Ask about entries, by their whole ids."""
        super().__init__(host)
        self._base = base
        self._ids = list(ids)
        self._place = 0
        self._done: list[Answered | None] = []
        self.add_class("reading")
        self._heading = Static(id="review-place", markup=False)
        self._detail = DetailPane(id="detail")

    def compose(self) -> ComposeResult:
        """How far it is, the entry, the question, the keys."""
        yield self._heading
        yield self._detail
        yield Static(Content.assemble(("Does it still hold?", "bold $primary")), id="question", markup=False)
        yield self.messages
        yield self.keys

    def on_mount(self) -> None:
        """Show the first one."""
        self.prepare(self._show)

    def bar(self) -> Sequence[str] | None:
        """What the line of keys shows."""
        return _BAR

    def action_holds(self) -> None:
        """It holds."""
        self._answer(Answer.HOLDS)

    def action_never(self) -> None:
        """Never ask about it again."""
        self._answer(Answer.NEVER)

    def action_outdated(self) -> None:
        """It holds no longer, and nothing is in its place."""
        self._answer(Answer.OUTDATED)

    def action_replaced(self) -> None:
        """It holds no longer; the person chooses what is to be read instead."""
        from rekall.tui.linking import FindDialog

        def take(other: str | None) -> None:
            if other:
                self._answer(Answer.OUTDATED, other)

        self.app.push_screen(FindDialog(self._base, "To be read instead …", self._ids[self._place]), take)

    def action_work(self) -> None:
        """Edit it in the form."""
        self.prepare(self._edit)

    def action_skip(self) -> None:
        """Go on without an answer."""
        self.prepare(partial(self._go_on, None))

    def action_take_back(self) -> None:
        """Take the last answer back, and ask about that entry again."""
        self.prepare(self._take_back)

    def action_leave(self) -> None:
        """End it."""
        self.dismiss(sum(each is not None for each in self._done))

    def _answer(self, answer: Answer, successor: str | None = None) -> None:
        async def work() -> None:
            current = self._ids[self._place]
            await self._go_on(await in_thread(partial(self._base.review.answer, current, answer, successor)))

        self.prepare(work)

    async def _edit(self) -> None:
        from rekall.tui.form import FormScreen

        entry: Entry = (await in_thread(partial(self._base.get, self._ids[self._place]))).entry

        def take(saved: Saved | None) -> None:
            if saved is not None and saved.entry != entry:
                self._answer(Answer.CHANGED)

        self.app.push_screen(FormScreen(self.host, self._base, entry), take)

    async def _take_back(self) -> None:
        if not self._done:
            self.host.say("this is the first one", "")
            return
        last = self._done[-1]
        if last is not None:
            entry = await in_thread(partial(self._base.review.take_back, last))
            kept = "; what was changed stays" if last.answer is Answer.CHANGED else ""
            self.host.say(f"taken back{kept}", brief(entry.title))
        self._done.pop()
        self._place -= 1
        await self._show()

    async def _go_on(self, answered: Answered | None) -> None:
        self._done.append(answered)
        self._place += 1
        await self._show()

    async def _show(self) -> None:
        """Show the next entry that there is still something to ask about, or end."""
        while self._place < len(self._ids):
            try:
                standing, document = await in_thread(partial(self._read, self._ids[self._place]))
            except NotFound:
                standing = None
            if standing is not None and standing.entry.status is Status.ACTIVE:
                self._heading.update(self._place_text(standing))
                self._detail.show(document)
                return
            self._done.append(None)
            self._place += 1
        self.action_leave()

    def _read(self, entry_id: str) -> tuple[Standing, Document]:
        view = self._base.get(entry_id)
        short = self._base.short_ids([line.other.id for line in view.links])
        return self._base.review.standing(entry_id), make_document(view, "", lambda text: [], 0, short)

    def _place_text(self, standing: Standing) -> Content:
        age = age_text(standing.seen_at, self.host.now())
        seen = f"unchanged for {age}, never reviewed"
        if standing.times:
            seen = f"reviewed {count_text(standing.times, 'time')}, last {age} ago"
        return Content.assemble((f"{self._place + 1} of {len(self._ids)}", "bold"), (f"   {seen}", "$foreground 55%"))
