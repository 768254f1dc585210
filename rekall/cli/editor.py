"""Writing an entry in the user's editor, without ever losing what was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from rekall.cli.options import on_terminal
from rekall.cli.render import error_text, talk
from rekall.errors import EditConflict, InvalidInput, RekallError
from rekall.system.drafts import NEW, DraftFile
from rekall.wording import shell_word

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Desk:
    """Where and how somebody writes.

    Attributes:
        drafts: The folder of drafts.
        editor: The configured editor, or empty.
        line: The line at which the editor begins, where it can; 0 for the first.
        fresh: Throw an earlier draft of the same text away, instead of going on with it.
        takes_unchanged: A text that was left as it was is taken, too.
    """

    drafts: Path
    editor: str
    line: int = 0
    fresh: bool = False
    takes_unchanged: bool = False


def edit_until_good(desk: Desk, name: str, text: str, take: Callable[[str], Result]) -> Result | None:
    """Open `text` in an editor and pass the result to `take`, until it is accepted or the person gives up.

    The text is kept in a draft file, which stays if the person wants to go on with it later.

    Args:
        desk: Where it is written.
        name: The beginning of the draft's name.
        text: The initial text.
        take: Stores the text; its error is shown, and the person asked whether to edit it again, keep it or discard it.

    Returns:
        What `take` returned; None if the text was left unchanged, emptied or discarded.

    Raises:
        RekallError: `take` raised it and the person gave up, or the editor failed; the hint says where the text is
        kept.
    """
    draft = DraftFile.begin(desk.drafts, name, text, fresh=desk.fresh)
    if draft.is_taken_up:
        talk(f"continuing the draft in {draft.path}; `--fresh` starts over")
    for other in draft.others:
        way = f"; `rekall add < {shell_word(other)}` stores it" if name == NEW else ""
        talk(f"note: there is an earlier draft in {other}{way}")
    line = 0 if draft.is_taken_up else desk.line
    while True:
        edited = draft.edited(desk.editor, line, takes_unchanged=desk.takes_unchanged)
        if edited.note:
            talk(f"note: {edited.note}" + (f"\n\nhint: {edited.advice}" if edited.advice else ""))
        if not edited.text:
            return None
        try:
            result = take(edited.text)
        except RekallError as error:
            can_be_mended = isinstance(error, InvalidInput) and not isinstance(error, EditConflict)
            wish = _asked(error) if can_be_mended and on_terminal() else "keep"
            if wish == "edit":
                line = 0
                continue
            if wish == "discard":
                talk(draft.drop() or "the draft is gone")
                return None
            draft.not_accepted(error)
            raise
        remark = draft.drop()
        if remark:
            talk(f"note: {remark}")
        return result


def _asked(error: RekallError) -> str:
    """What a person wants to do about a text that was not accepted."""
    talk(error_text(error))
    while True:
        said = click.prompt(
            "[e]dit again, [k]eep the draft for later, or [d]iscard it?",
            default="e",
            show_default=False,
            prompt_suffix=" ",
            err=True,
        )
        wish = next((each for each in ("edit", "keep", "discard") if each.startswith(said.strip().lower() or "e")), "")
        if wish or said.strip().lower() in ("y", "yes", "n", "no"):
            return wish or ("edit" if said.strip().lower().startswith("y") else "keep")
        talk("e, k or d")
