"""The way back: the versions of an entry with what differs since each, and the last change, shown before it is undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from rekall.knowledge.past_words import change_text, plan_text, state_text, version_text, when_text, who_text
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.dialogs import Dialog, Question
from rekall.tui.rows import brief, one_line
from rekall.tui.screens import RekallScreen
from rekall.tui.tasks import from_thread, in_thread
from rekall.wording import count_text, printable

if TYPE_CHECKING:
    from rekall.knowledge.differences import Difference
    from rekall.knowledge.reports import Saved
    from rekall.knowledge.undoing import Plan
    from rekall.knowledge.versions import State

_MOST_NAMED = 6
_STYLES = {"-": "$error", "+": "$success", "@": "$foreground 55%", " ": "$foreground 75%"}
_MOST_LINES = 500


class VersionsDialog(Dialog[int]):
    """The versions of an entry; below, what differs between the chosen one and the present. The answer is its number."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown,ctrl+d", "scroll(1)", "Further", priority=True),
        Binding("pageup,ctrl+u", "scroll(-1)", "Back", priority=True),
        Binding("j", "choose(1)", "Older", show=False),
        Binding("k", "choose(-1)", "Newer", show=False),
    ]

    def __init__(self, base: KnowledgeBase, title: str, states: Sequence[State]) -> None:
        """Show versions.

        Args:
            base: An open base.
            title: The title of the entry.
            states: Its versions, the present one first.
        """
        super().__init__()
        self._base = base
        self._title = title
        self._states = states

    def compose(self) -> ComposeResult:
        """The versions, and the preview."""
        with Vertical(id="box") as box:
            box.border_title = f"Versions of “{one_line(self._title)[:50]}”"
            box.border_subtitle = "enter brings one back · pgdn scrolls · escape leaves"
            yield OptionList(*map(Option, map(_line, self._states)), id="versions", markup=False, compact=True)
            with VerticalScroll(id="preview", can_focus=False):
                yield Static(id="difference", markup=False)

    def on_mount(self) -> None:
        """Begin with the version before the present one."""
        versions = self.query_one(OptionList)
        versions.focus()
        versions.highlighted = min(1, len(self._states) - 1)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show what differs since the version."""
        event.stop()
        state = self._states[event.option_index]

        async def work() -> None:
            shown = await in_thread(partial(self._difference, state))
            self.query_one("#difference", Static).update(shown)
            self.query_one("#preview").scroll_home(animate=False)

        self.run_worker(work(), group="preview", exclusive=True)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with a version that says something else than the present one."""
        event.stop()
        state = self._states[event.option_index]
        if state.said is not None and state.said != self._states[0].said:
            self.dismiss(state.number)

    def action_choose(self, by: int) -> None:
        """Go to an older or a newer version."""
        versions = self.query_one(OptionList)
        versions.highlighted = min(max((versions.highlighted or 0) + by, 0), len(self._states) - 1)

    def action_scroll(self, by: int) -> None:
        """Scroll the preview."""
        preview = self.query_one("#preview")
        preview.scroll_relative(y=by * max(preview.size.height - 1, 1), animate=False)

    def _difference(self, state: State) -> Content:
        present = self._states[0]
        if state.said is None:
            return Content.styled("the entry was deleted then", "$foreground 55%")
        if state.number == present.number:
            return Content.styled("this is what it says now", "$foreground 55%")
        from rekall.knowledge.differences import differences

        ends = {end for each in (state, present) for link in each.links for end in (link.source, link.target)}
        found = differences(state, present, self._base.past.titles(ends))
        if not found:
            return Content.styled("it says the same now", "$foreground 55%")
        return _drawn(found)


def _line(state: State) -> Content:
    if state.operation is None:
        return Content.assemble((f"{'':<16}  ", ""), printable(state_text(state)))
    who = printable(who_text(state.operation))[:20]
    return Content.assemble(
        f"{when_text(state.operation)}  ", (f"{who}  ", "$foreground 55%"), one_line(state_text(state))
    )


def _drawn(found: Sequence[Difference]) -> Content:
    """What differs, as lines in colours; words that differ stand out in their line."""
    from rekall.knowledge.differences import excerpt

    lines: list[Content] = []
    for each in found:
        lines.append(Content.styled(each.noun, "bold"))
        for line in map(excerpt, each.lines):
            shown, style = printable(line.text), _STYLES[line.side.value]
            text = Content.styled(f"{line.side.value} {shown}", style)
            for start, end in line.spans if shown == line.text else ():
                text = text.stylize("reverse", start + 2, end + 2)
            lines.append(text)
        if len(lines) > _MOST_LINES:
            lines.append(Content.styled("… `rekall diff` shows all of it", "$foreground 55%"))
            break
    return Content("\n").join(lines)


class WayBack:
    """Looks at the past of entries and goes back, on behalf of a screen."""

    def __init__(self, screen: RekallScreen[None], base: KnowledgeBase, show_change: Callable[[str], None]) -> None:
        """Nothing is undone yet; `show_change` is called with the entry that changed, or with an empty id."""
        self._screen = screen
        self._host = screen.host
        self._base = base
        self._show_change = show_change

    def versions(self, entry_id: str) -> None:
        """Show the versions of an entry, and bring the chosen one back after a question."""

        async def show() -> None:
            states = await in_thread(partial(self._base.past.states, entry_id))
            if len(states) < 2:
                self._host.say(
                    "no earlier version is kept", brief(str((states[0].said or {}).get("title", ""))) if states else ""
                )
                return
            title = str((states[0].said or {}).get("title", ""))
            self._screen.app.push_screen(VersionsDialog(self._base, title, states), take)

        def take(number: int | None) -> None:
            if number is not None:
                self._screen.prepare(partial(self._ask_version, entry_id, number))

        if entry_id:
            self._screen.prepare(show)

    def undo(self) -> None:
        """Show what was done last, and undo it after a yes."""
        self._go_back(lambda: None)

    def redo(self) -> None:
        """Show what was undone last, and do it again after a yes."""
        self._go_back(self._base.past.last_undo)

    def _go_back(self, which: Callable[[], int | None]) -> None:
        async def ask() -> None:
            plan = await in_thread(lambda: self._base.past.plan(which()))
            self._screen.app.push_screen(Question(_asked(plan), "y undoes it · n leaves it"), partial(take, plan))

        def take(plan: Plan, answer: bool | None) -> None:
            if answer:
                self._screen.prepare(partial(self._undo, plan))

        self._screen.prepare(ask)

    async def _ask_version(self, entry_id: str, number: int) -> None:
        state = await in_thread(partial(self._base.past.state, entry_id, number))
        title = one_line(str((state.said or {}).get("title", "")))

        def take(answer: bool | None) -> None:
            if answer:
                self._screen.prepare(partial(self._put, entry_id, number))

        text = f"Bring this back?\n  {title[:66]}\n  {printable(version_text(state))}"
        self._screen.app.push_screen(Question(text, "y brings it back · n leaves the entry as it is"), take)

    async def _put(self, entry_id: str, number: int) -> None:
        saved: Saved = await in_thread(partial(self._base.past.put_version, entry_id, number))
        if saved.warning:
            self._host.warn(f"stored, but it can be found by words only: {saved.warning}", saved.hint)
        else:
            self._host.say("brought back, u undoes that", brief(saved.entry.title))
        self._show_change(entry_id)

    async def _undo(self, shown: Plan) -> None:
        tell = from_thread(self._tell_of if shown.is_large else lambda _: None)
        number = shown.operation.number
        plan = await in_thread(partial(self._base.past.undo, number, lambda done, total: tell((done, total))))
        only = plan.changes[0] if len(plan.changes) == 1 else None
        text = brief(only.title) if only else count_text(len(plan.changes), "entry", "entries")
        self._host.say(
            "done again" if plan.operation.undoes else "undone, U does it again",
            text if plan.changes else count_text(plan.links, "link"),
        )
        there = [each for each in plan.changes if each.does in ("changes back", "brings back")]
        self._show_change(there[0].entry_id if there else "")

    def _tell_of(self, progress: tuple[int, int]) -> None:
        """Say how far a large undo is."""
        self._host.say("undoing", "{:,} of {:,} entries; quitting leaves all as it was".format(*progress))


def _asked(plan: Plan) -> str:
    """The question before something is undone: what it was, and what becomes of the entries."""
    lines = [f"Undo this? {printable(plan_text(plan))}"]
    lines += [f"  {one_line(change_text(each))[:68]}" for each in plan.changes[:_MOST_NAMED]]
    if len(plan.changes) > _MOST_NAMED:
        lines.append(f"  and {len(plan.changes) - _MOST_NAMED:,} more")
    if plan.links:
        lines.append(f"  {count_text(plan.links, 'link')} as before")
    return "\n".join(lines)
