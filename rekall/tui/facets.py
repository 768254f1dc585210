"""The dialog of filters: what there is to choose from, with counts; each choice holds at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from rekall.entry.filters import FILTERS, Filters
from rekall.errors import RekallError
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.dialogs import Dialog
from rekall.tui.lines import OneLine
from rekall.tui.rows import one_line
from rekall.tui.tasks import in_thread
from rekall.wording import count_text, printable

_TYPED = tuple(each for each in FILTERS if each.name not in ("types", "project", "tags", "status"))
_BY_NAME = {each.name: each for each in FILTERS}
_MOST = 300
"""Values of a filter that are shown; typing finds the others among as many."""

_CHOSEN, _OPEN = "[x]", "[ ]"


@dataclass(frozen=True, slots=True)
class Facet:
    """One value that can be chosen.

    Attributes:
        name: The filter's name.
        value: The value as it is typed.
        count: How many entries have it, of those that pass the other filters.
        is_chosen: Whether it is among the filters.
    """

    name: str
    value: str
    count: int
    is_chosen: bool


def facets_of(base: KnowledgeBase, filters: Filters) -> list[Facet]:
    """What can be chosen beside some filters; what is chosen is always there, also where nothing has it."""
    found: list[Facet] = []
    for name, counts in _counts(base, filters):
        chosen = _BY_NAME[name].texts(filters)
        names = [*chosen, *(value for value in counts if value not in chosen)]
        found += [Facet(name, value, counts.get(value, 0), value in chosen) for value in names]
    return found


def toggled(filters: Filters, name: str, value: str) -> Filters:
    """The filters with a value chosen, or no longer; of a filter with one value the last choice holds.

    Raises:
        InvalidInput: The value cannot be read.
    """
    each = _BY_NAME[name]
    texts = {other.name: list(other.texts(filters)) for other in FILTERS}
    now = texts[name]
    if value in now:
        now.remove(value)
    else:
        texts[name] = [*now, value] if each.is_list else [value]
    return Filters.read(texts)


def chips(filters: Filters) -> Iterator[tuple[str, str, str]]:
    """Each value of the filters: the filter's name, the value, and both as they are shown."""
    for each in FILTERS:
        for text in each.texts(filters):
            yield each.name, text, f"{each.key}:{one_line(text)}"


def _counts(base: KnowledgeBase, filters: Filters) -> Iterator[tuple[str, Mapping[str, int]]]:
    """The values of each filter, counted beside the others: a second type adds entries, a second tag takes some away."""
    yield "types", base.facets(replace(filters, types=()), _MOST, ("types",)).types
    yield "project", base.facets(replace(filters, project=None), _MOST, ("projects",)).projects
    yield "tags", base.facets(filters, _MOST, ("tags",)).tags
    yield "status", base.facets(replace(filters, status=None), _MOST, ("statuses",)).statuses


class FacetDialog(Dialog[None]):
    """Choices of types, projects, tags and status with counts, and lines for what is typed, such as dates."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "choose(1)", "Next", priority=True),
        Binding("up", "choose(-1)", "Before", priority=True),
        Binding("pagedown", "choose(8)", "Further", priority=True),
        Binding("pageup", "choose(-8)", "Back", priority=True),
        Binding("ctrl+x", "clear", "No filters", priority=True),
    ]

    def __init__(self, base: KnowledgeBase, filters: Filters, apply: Callable[[Filters], None]) -> None:
        """Choose among a base's entries.

        Args:
            base: An open base.
            filters: Those in force.
            apply: Called with each other choice at once.
        """
        super().__init__()
        self._base = base
        self._filters = filters
        self._apply = apply
        self._facets: list[Facet] = []
        self._shown: list[Facet | None] = []
        self._wrong: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """A line to narrow the choices, the choices, and a line for each filter that is typed."""
        with Vertical(id="box") as box:
            box.border_title = "Filters"
            box.border_subtitle = "up, down, enter choose · tab to dates · ^x none · escape closes"
            yield OneLine(placeholder="type to find a tag, a project …", id="narrow", compact=True)
            options = OptionList(id="facets", markup=False, compact=True)
            options.can_focus = False
            yield options
            for each in _TYPED:
                with Horizontal(classes="field"):
                    yield Static(each.key, classes="label", markup=False)
                    yield OneLine(", ".join(each.texts(self._filters)), each.hint, id=each.name, compact=True)
            yield Static(id="problem", markup=False)

    def on_mount(self) -> None:
        """Count."""
        self._count()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the choices, or take what is typed once it can be read."""
        name = str(event.input.id)
        if name == "narrow":
            self._show(keep=False)
            return
        each = _BY_NAME[name]
        text = event.value.strip()
        typed = [part.strip() for part in text.split(",")] if each.is_list else [text]
        self._wrong.pop(name, None)
        try:
            value = getattr(Filters.read({name: typed}), name)
        except RekallError as error:
            self._wrong[name] = f"{error.message}\n{error.hint}".strip()
            value = getattr(Filters(), name)  # not what could be read on the way
        self._take(replace(self._filters, **{name: value}))
        self._tell()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter chooses what the cursor is at; in a line that is typed it closes, if the line can be read."""
        if event.input.id == "narrow":
            place = self.query_one(OptionList).highlighted
            facet = self._shown[place] if place is not None else None
            if facet is not None:
                self._toggle(facet)
        elif not self._wrong:
            self.dismiss(None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click chooses."""
        event.stop()
        facet = self._shown[event.option_index]
        if facet is not None:
            self._toggle(facet)

    def action_choose(self, by: int) -> None:
        """Move the cursor among the choices."""
        self.query_one("#narrow").focus()
        options = self.query_one(OptionList)
        choices = [place for place, facet in enumerate(self._shown) if facet is not None]
        if choices:
            here = choices.index(options.highlighted) if options.highlighted in choices else -1 if by > 0 else 0
            options.highlighted = choices[max(min(here + by, len(choices) - 1), 0)]
            if options.highlighted == choices[0]:
                options.scroll_home(animate=False)

    def action_clear(self) -> None:
        """Drop all filters."""
        self._wrong.clear()
        for each in _TYPED:
            with self.prevent(Input.Changed):
                self.query_one(f"#{each.name}", Input).value = ""
        self._tell()
        self._take(Filters())

    def _toggle(self, facet: Facet) -> None:
        with self.prevent(Input.Changed):  # which would go to the first choice
            self.query_one("#narrow", Input).value = ""
        self._take(toggled(self._filters, facet.name, facet.value))

    def _take(self, filters: Filters) -> None:
        """Apply other filters, and count anew."""
        if filters != self._filters:
            self._filters = filters
            self._apply(filters)
            self._count()

    def _count(self) -> None:
        async def work() -> None:
            filters = self._filters
            facets, passing = await in_thread(partial(self._counted, filters))
            if filters == self._filters and self.is_current:
                self._facets = facets
                every = " passes" if passing == 1 else " pass"
                title = count_text(passing, "entry", "entries") + ("" if filters.is_empty else every)
                self.query_one("#box").border_title = f"Filters · {title}"
                self._show(keep=True)

        self.run_worker(work(), group="count", exclusive=True)

    def _counted(self, filters: Filters) -> tuple[list[Facet], int]:
        return facets_of(self._base, filters), self._base.list_entries(filters, 1).total

    def _show(self, *, keep: bool) -> None:
        """Show the choices that hold what is typed; with `keep` the cursor stays at its choice."""
        options = self.query_one(OptionList)
        place = options.highlighted
        before = self._shown[place] if place is not None and place < len(self._shown) else None
        typed = self.query_one("#narrow", Input).value.strip().casefold().removeprefix("#")
        self._shown = []
        shown: list[Option] = []
        for name in ("types", "project", "tags", "status"):
            facets = [each for each in self._facets if each.name == name and typed in each.value.casefold()]
            if facets:
                shown.append(Option(Content.assemble((name, "bold $secondary")), disabled=True))
                self._shown.append(None)
            for facet in facets:
                shown.append(Option(_line(facet)))
                self._shown.append(facet)
        if not shown:
            shown.append(
                Option(
                    Content("nothing here is called so" if typed else "no entry passes these filters"), disabled=True
                )
            )
            self._shown.append(None)
        options.set_options(shown)
        choices = [at for at, facet in enumerate(self._shown) if facet is not None]
        same = [at for at in choices if keep and before and _is_same(before, self._shown[at])]
        options.highlighted = same[0] if same else choices[0] if choices else None

    def _tell(self) -> None:
        self.query_one("#problem", Static).update(printable("\n".join(self._wrong.values())))


def _is_same(one: Facet, other: Facet | None) -> bool:
    return other is not None and (one.name, one.value) == (other.name, other.value)


def _line(facet: Facet) -> Content:
    mark = _CHOSEN if facet.is_chosen else _OPEN
    return Content.assemble(
        (f" {mark} ", "$accent" if facet.is_chosen else "$foreground 55%"),
        (f"{facet.count:>6,}  ", "$foreground 65%"),
        (one_line(facet.value), "bold" if facet.is_chosen else ""),
    )
