"""Writing an entry in the user's editor, without ever losing what was written."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from rekall.cli.options import on_terminal
from rekall.cli.render import error_text, talk
from rekall.errors import InvalidInput, RekallError
from rekall.files import make_private_folder, write_atomically

Result = TypeVar("Result")


def edit_until_good(draft_file: Path, text: str, editor: str, take: Callable[[str], Result]) -> Result | None:
    """Open `text` in an editor and hand what comes back to `take`, again and again until it is accepted.

    The text lies in `draft_file` meanwhile, and stays there when the person gives up.

    Args:
        draft_file: Where the text is edited; one that is left from another time is taken up again.
        text: What to begin with.
        editor: The configured editor, or empty.
        take: Stores the text; its error is shown and the editor opened again.

    Returns:
        What `take` returned; None when the text was left as it was or emptied.

    Raises:
        InvalidInput: The editor failed, or the person gave up; the message names the file.
    """
    make_private_folder(draft_file.parent)
    if draft_file.exists():
        talk(f"going on with the draft in {draft_file}")
    else:
        write_atomically(draft_file, text.encode())
    while True:
        _open_editor(draft_file, editor)
        edited = draft_file.read_text("utf-8", "surrogateescape")
        if edited == text or not edited.strip():
            draft_file.unlink()
            return None
        try:
            result = take(edited)
        except RekallError as error:
            talk(error_text(error))
            if not (on_terminal() and click.confirm("edit again?", default=True, err=True)):
                raise InvalidInput(
                    f"not stored: {error.message}",
                    f"your text is kept in {draft_file}; the same command takes it up again",
                ) from error
        else:
            draft_file.unlink()
            return result


def find_editor(configured: str) -> str:
    """The editor to use: the setting, $VISUAL, $EDITOR, or what the system has."""
    return (
        configured
        or os.environ.get("VISUAL")
        or os.environ.get("EDITOR")
        or ("notepad" if sys.platform == "win32" else "vi")
    )


def _open_editor(file: Path, configured: str) -> None:
    editor = find_editor(configured)
    quoted = f'"{file}"' if sys.platform == "win32" else shlex.quote(str(file))
    code = subprocess.call(f"{editor} {quoted}", shell=True)  # the setting may carry options: "code --wait"
    if code != 0:
        raise InvalidInput(
            f"the editor `{editor}` ended with code {code}",
            f"your text is kept in {file}; set another editor with `rekall config set ui.editor NAME`",
        )
