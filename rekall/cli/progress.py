"""Progress on stderr, shown only on a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rekall.errors import Interrupted
from rekall.wording import printable

if TYPE_CHECKING:
    from rekall.knowledge_base import KnowledgeBase


@contextlib.contextmanager
def progress_bar(label: str, unit: str = "") -> Iterator[Callable[[int, int], None]]:
    """A function to call with the amount done and the total; it draws on a terminal and is silent elsewhere.

    Args:
        label: What is being done.
        unit: "bytes" shows sizes in place of counts.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn() if unit == "bytes" else MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(printable(label), total=None)

        def update(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total or None)

        yield update


@contextlib.contextmanager
def progress_line() -> Iterator[Callable[[str, int, int], None]]:
    """A function to call with what is being done, the amount and the total: one line, whatever is done after what.

    An empty name takes the line away, so that something can be printed.
    """
    with contextlib.ExitStack() as stack:
        shown = ""
        update: Callable[[int, int], None] = _nowhere

        def tell(label: str, done: int, total: int) -> None:
            nonlocal shown, update
            if label != shown:
                stack.close()
                shown = label
                update = stack.enter_context(progress_bar(label)) if label else _nowhere
            update(done, total)

        yield tell


def _nowhere(done: int, total: int) -> None:
    """Shows nothing."""


@contextlib.contextmanager
def how_far_when_interrupted(base: KnowledgeBase) -> Iterator[None]:
    """Say after Ctrl-C how much is embedded by now, and how it goes on.

    Raises:
        Interrupted: The block was.
    """
    try:
        yield
    except KeyboardInterrupt:
        done, _, goes_on = base.index.how_far().partition("; ")
        raise Interrupted(f"interrupted: {done}", goes_on) from None
