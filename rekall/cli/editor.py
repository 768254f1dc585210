"""Writing an entry in the user's editor, without ever losing what was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from rekall.cli.options import on_terminal
from rekall.cli.render import error_text, talk
from rekall.errors import EditConflict, InvalidInput, RekallError
from rekall.system.drafts import DraftFile

Result = TypeVar("Result")


def edit_until_good(drafts: Path, name: str, text: str, editor: str, take: Callable[[str], Result]) -> Result | None:
    """Open `text` in an editor and pass the result to `take`, until it is accepted or the person gives up.

    The text is kept in a draft file, which stays if the person gives up.

    Args:
        drafts: The folder of drafts.
        name: The beginning of the draft's name.
        text: The initial text.
        editor: The configured editor, or empty.
        take: Stores the text; its error is shown and the editor opened again.

    Returns:
        What `take` returned; None if the text was left unchanged or emptied.

    Raises:
        RekallError: `take` raised it and the person gave up, or the editor failed; the hint says where the text is
        kept.
    """
    draft = DraftFile.begin(drafts, name, text)
    if draft.is_taken_up:
        talk(f"continuing the draft in {draft.path}")
    for other in draft.others:
        talk(f"note: there is an earlier draft in {other}")
    while True:
        edited = draft.edited(editor)
        if not edited:
            return None
        try:
            result = take(edited)
        except RekallError as error:
            again = isinstance(error, InvalidInput) and not isinstance(
                error, EditConflict
            )  # editing cannot fix the others
            if again and on_terminal():
                talk(error_text(error))
                if click.confirm("edit again?", default=True, err=True):
                    continue
            draft.not_accepted(error)
            raise
        draft.drop()
        return result
