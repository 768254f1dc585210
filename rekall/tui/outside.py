"""An entry in the person's own editor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from rekall.entry.types import Entry
from rekall.errors import InvalidInput, RekallError
from rekall.exchange.markdown import edited_draft, text_to_edit
from rekall.knowledge.reports import Saved
from rekall.knowledge_base import KnowledgeBase
from rekall.system.drafts import DraftFile
from rekall.tui.tasks import in_thread

if TYPE_CHECKING:
    from rekall.tui.app import RekallApp


async def edit_outside(app: RekallApp, base: KnowledgeBase, old: Entry, say_saved: Callable[[Saved], None]) -> None:
    """Open an entry as Markdown in the editor, and store what comes back.

    The text lies in a draft file, which stays until it was stored: the next time the editor goes on with it.

    Args:
        app: Gives up the terminal meanwhile.
        base: An open base.
        old: The entry as it is.
        say_saved: Told what was stored.

    Raises:
        RekallError: The editor failed, or the text cannot be stored; the hint says where it is kept.
    """
    try:
        draft = DraftFile.begin(app.rekall.places.drafts, old.id, text_to_edit(old))
        if draft.is_taken_up:
            app.say("going on with the text that was not saved", str(draft.path))
        for other in draft.others:
            app.warn("an earlier draft of this was not saved", f"it lies in {other}")
        with _lent_terminal(app):
            edited = draft.edited(app.rekall.settings.text("ui.editor"))
    except OSError as error:
        raise InvalidInput(f"cannot keep a draft: {error}", "check the folder and the free space") from error
    except SuspendNotSupported:
        raise InvalidInput("this terminal cannot be lent to an editor", "edit here with e") from None
    if not edited:
        app.say("nothing was changed", old.title)
        return

    try:
        saved = await in_thread(lambda: base.edit(old, edited_draft(edited, old.type)))
    except RekallError as error:
        draft.not_accepted(error)
        raise
    draft.drop()
    say_saved(saved)


@contextmanager
def _lent_terminal(app: RekallApp) -> Iterator[None]:
    """Let another program draw; whatever happens, the terminal comes back."""
    problem: BaseException | None = None
    with app.suspend():  # takes the terminal back only from a block that ends well
        try:
            yield
        except BaseException as error:
            problem = error
    if problem is not None:
        raise problem
