"""The dialog that asks what is to be different about several entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from rekall.entry.changes import Changes
from rekall.entry.fields import Entry
from rekall.entry.types import EntryType, Status
from rekall.errors import RekallError
from rekall.tui.dialogs import Dialog
from rekall.tui.lines import OneLine
from rekall.tui.rows import one_line
from rekall.wording import count_text, printable

NONE = "-"
"""Typed as the project: none."""

_MOST_NAMED = 5


class ChangeDialog(Dialog[Changes]):
    """What is typed is changed, what is left empty stays. Its answer is never without effect unless nothing was typed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "apply", "Apply", priority=True)]

    def __init__(self, entries: Sequence[Entry], total: int) -> None:
        """Ask about entries.

        Args:
            entries: The first of them, whose values are named.
            total: How many there are in all.
        """
        super().__init__()
        self._entries = entries
        self._total = total

    def compose(self) -> ComposeResult:
        """A line for each part that can be changed, with what the entries have now beside it."""
        entries = self._entries
        tags = Counter(tag for entry in entries for tag in entry.tags)
        projects = Counter(entry.project for entry in entries if entry.project)
        types = Counter(entry.type.value for entry in entries)
        states = Counter(entry.status.value for entry in entries)
        with VerticalScroll(id="box", can_focus=False) as box:
            what = count_text(self._total, "entry", "entries")
            box.border_title = f"Change {what}" if self._total > 1 else f"Change “{one_line(entries[0].title)[:50]}”"
            box.border_subtitle = "enter changes them · escape leaves them as they are"
            yield _line("add_tags", "add tags", "between commas", [])
            yield _line("remove_tags", "remove tags", _has(tags) or "they have none", list(tags))
            yield _line(
                "project", "project", f"{_has(projects) or 'they have none'}; {NONE} takes it away", list(projects)
            )
            yield _line("type", "type", _has(types), [kind.value for kind in EntryType])
            yield _line("status", "status", _has(states), [status.value for status in Status])
            yield Static(id="problem", markup=False)

    def on_input_submitted(self) -> None:
        """Enter in any line changes them all."""
        self.action_apply()

    def action_apply(self) -> None:
        """Close with the changes, or say what is wrong with them."""
        try:
            changes = self._changes()
        except RekallError as error:
            self.query_one("#problem", Static).update(printable(f"{error.message}\n{error.hint}".strip()))
        else:
            self.dismiss(changes)

    def _changes(self) -> Changes:
        values: dict[str, Any] = {name: text for name in ("project", "type", "status") if (text := self._typed(name))}
        if values.get("project") == NONE:
            values["project"] = None
        return Changes.of(add_tags=self._tags("add_tags"), remove_tags=self._tags("remove_tags"), **values)

    def _tags(self, name: str) -> list[str]:
        return [tag for part in self._typed(name).split(",") if (tag := part.strip().removeprefix("#"))]

    def _typed(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()


def _has(counted: Counter[str]) -> str:
    """What the entries have now: the commonest values, with counts where they differ."""
    shown = [
        f"{one_line(name)} {count}" if len(counted) > 1 else one_line(name)
        for name, count in counted.most_common(_MOST_NAMED)
    ]
    return ", ".join([*shown, "…"] if len(counted) > _MOST_NAMED else shown)


def _line(name: str, label: str, now: str, known: list[str]) -> Horizontal:
    suggester = SuggestFromList(known, case_sensitive=False) if known else None
    return Horizontal(
        Static(label, classes="label", markup=False),
        OneLine("", now, id=name, compact=True, suggester=suggester),
        classes="field",
    )
