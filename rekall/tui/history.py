"""What was done to entries here, so that it can be undone: deletions and changes, the last first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rekall.entry.fields import Entry
from rekall.errors import EditConflict, NotFound
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.tasks import in_thread

if TYPE_CHECKING:
    from rekall.knowledge.reports import Saved

_MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class Changed:
    """An entry before a change and after it."""

    before: Entry
    after: Entry


class History:
    """Steps that can be undone, each of one entry or of several that were changed together."""

    def __init__(self, base: KnowledgeBase) -> None:
        """Nothing was done yet."""
        self._base = base
        self._steps: list[list[str | Changed]] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be undone."""
        return not self._steps

    def deleted(self, ids: Iterable[str]) -> None:
        """Entries were deleted together."""
        self._take(list(ids))

    def changed(self, changes: Iterable[Changed]) -> None:
        """Entries were changed together."""
        self._take(list(changes))

    async def undo(self) -> list[Saved]:
        """Undo the last step. Returns the entries as they are again.

        Raises:
            NotFound: An entry is gone for ever; it is passed over the next time.
            EditConflict: An entry was changed since; it is passed over the next time.
            RekallError: It cannot be undone now; the next time goes on.
        """
        step, saved = self._steps.pop(), []
        try:
            while step:
                saved.append(await in_thread(partial(self._put_back, step[-1])))
                step.pop()
        except (NotFound, EditConflict):
            step.pop()
            raise
        finally:
            if step:
                self._steps.append(step)
        return saved

    def _put_back(self, what: str | Changed) -> Saved:
        if isinstance(what, str):
            return self._base.restore(what)
        return self._base.edit(what.after, what.before.as_draft())

    def _take(self, step: list[str] | list[Changed]) -> None:
        if step:
            self._steps.append([*step])
            del self._steps[:-_MOST_STEPS]
