"""Editing an entry in the person's own editor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from textual.app import SuspendNotSupported

from rekall.entry.fields import Entry
from rekall.errors import InvalidInput, RekallError
from rekall.exchange.markdown import edited_draft, text_to_edit
from rekall.knowledge.reports import Saved
from rekall.knowledge_base import KnowledgeBase
from rekall.system.drafts import DraftFile
from rekall.tui.screens import Host
from rekall.tui.tasks import in_thread


async def edit_outside(host: Host, base: KnowledgeBase, old: Entry, say_saved: Callable[[Saved], None]) -> None:
    """Open an entry as Markdown in the editor, and store what comes back.

    The text is in a draft file, which stays until the entry is stored: the editor reopens it next time.

    Args:
        host: Hands over its terminal meanwhile.
        base: An open base.
        old: The entry as it is.
        say_saved: Called with what was stored.

    Raises:
        RekallError: The editor failed, or the text cannot be stored; the hint says where it is kept.
    """
    try:
        draft = DraftFile.begin(host.places.drafts, old.id, text_to_edit(old))
        if draft.is_taken_up:
            host.say("resuming your unsaved text", str(draft.path))
        for other in draft.others:
            host.warn("there is an unsaved draft of an earlier version", f"it is in {other}")
        with _terminal_of(host):
            edited = draft.edited(host.settings.text("ui.editor"))
    except OSError as error:
        raise InvalidInput(f"cannot keep a draft: {error}", "check the folder and the free space") from error
    except SuspendNotSupported:
        raise InvalidInput("this terminal cannot be handed to an editor", "edit here with e") from None
    if not edited:
        host.say("nothing was changed", old.title)
        return

    try:
        saved = await in_thread(lambda: base.edit(old, edited_draft(edited, old.type)))
    except RekallError as error:
        draft.not_accepted(error)
        raise
    draft.drop()
    say_saved(saved)


@contextmanager
def _terminal_of(host: Host) -> Iterator[None]:
    """Let another program draw; whatever happens, the terminal comes back."""
    problem: BaseException | None = None
    with host.suspend():  # takes the terminal back only if its block does not raise
        try:
            yield
        except BaseException as error:
            problem = error
    if problem is not None:
        raise problem
