"""The person's own editor: over an entry, and over the file that an entry was imported from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from textual.app import SuspendNotSupported

from rekall.entry.fields import Entry
from rekall.errors import InvalidInput, NotFound, RekallError
from rekall.exchange.editing import edited_draft, line_of_content, text_to_edit
from rekall.knowledge.origins import source_file
from rekall.knowledge.reports import Saved
from rekall.knowledge_base import KnowledgeBase
from rekall.system.drafts import DraftFile
from rekall.system.editor import has_window, open_editor
from rekall.tui.screens import Host
from rekall.tui.tasks import in_thread

Result = TypeVar("Result")


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
        text = text_to_edit(old)
        draft = DraftFile.begin(host.places.drafts, old.id, text)
        if draft.is_taken_up:
            host.say("resuming your unsaved text", str(draft.path))
        for other in draft.others:
            host.warn("there is an unsaved draft of an earlier version", f"it is in {other}")
        line = 0 if draft.is_taken_up else line_of_content(text)
        edited = await _in_editor(host, lambda editor: draft.edited(editor, line))
    except OSError as error:
        raise InvalidInput(f"cannot keep a draft: {error}", "check the folder and the free space") from error
    except SuspendNotSupported:
        raise InvalidInput("this terminal cannot be handed to an editor", "edit here with e") from None
    if edited.note:
        host.warn(edited.note, edited.advice)
    if not edited.text:
        if not edited.note:
            host.say("nothing was changed", old.title)
        return

    try:
        saved = await in_thread(lambda: base.edit(old, edited_draft(edited.text, old.type)))
    except RekallError as error:
        draft.not_accepted(error)
        raise
    remark = draft.drop()
    say_saved(saved)
    if remark:
        host.warn(remark, "what you wrote is stored")


async def edit_source(host: Host, base: KnowledgeBase, entry_id: str) -> bool:
    """Open the file that an entry was imported from in the editor, and import it again.

    Returns:
        Whether the base was changed.

    Raises:
        NotFound: It came from no file, or the file is gone.
        InvalidInput: The editor failed.
    """
    view = await in_thread(lambda: base.get(entry_id))
    if not view.origin:
        raise NotFound("this entry was not imported from a file", "E opens the entry in your editor")
    file = source_file(view.origin)
    if file is None:
        raise NotFound(f"its file is gone: {view.origin}", "if it was moved, import it from where it is now")
    try:
        closed = await _in_editor(host, lambda editor: open_editor(file, editor))
    except SuspendNotSupported:
        raise InvalidInput("this terminal cannot be handed to an editor", f"the file is {file}") from None
    if closed.code:
        raise InvalidInput(
            f"the editor ended with code {closed.code}", "nothing was imported; set ui.editor or $EDITOR"
        )
    report = await in_thread(lambda: base.files.import_paths(file))
    if report.warning:
        host.warn(f"imported, but it can be found by words only: {report.warning}", report.hint)
    elif report.stored or not closed.is_soon:
        host.say("imported again" if report.stored else "nothing was changed in", str(file))
    else:
        host.warn(f"the editor ended at once; nothing was changed yet in {file}", closed.advice)
    return bool(report.stored)


async def _in_editor(host: Host, work: Callable[[str], Result]) -> Result:
    """Let the editor work: it has the terminal meanwhile, or a window of its own where the terminal cannot be lent, as on Windows.

    Args:
        host: Lends its terminal.
        work: Opens the configured editor, and returns when that ended.

    Raises:
        SuspendNotSupported: The terminal cannot be lent, and the editor needs one.
    """
    editor = host.settings.text("ui.editor")
    try:
        with _terminal_of(host):
            return work(editor)
    except SuspendNotSupported:
        if not has_window(editor):
            raise
    host.say("it is open in your editor", "save and close it there to go on")
    return await in_thread(lambda: work(editor))


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
