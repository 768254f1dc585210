"""What a tool knows of whoever calls it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rekall.system.repository import Project

if TYPE_CHECKING:  # a process with one base needs none of it
    from rekall.side_by_side import SideBySide

IsWanted = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Caller:
    """A call of a tool, beside its arguments.

    Attributes:
        now: The time where the server runs.
        is_wanted: Whether somebody still waits for the answer.
        setting: The text of a setting by its key.
        projects: What the client has open.
        with_data: Whether facts go out beside the text.
        beside: The base with others beside it; None where there are none.
    """

    now: datetime
    is_wanted: IsWanted
    setting: Callable[[str], str]
    projects: tuple[Project, ...] = ()
    with_data: bool = False
    beside: SideBySide | None = None

    @property
    def project(self) -> str | None:
        """The one project that the client works on; None where it has none open, or several."""
        return self.projects[0].name if len(self.projects) == 1 else None
