"""Writing an entry in the user's editor, without ever losing what was written."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from rekall.cli.options import on_terminal
from rekall.cli.render import error_text, talk
from rekall.errors import EditConflict, InvalidInput, RekallError
from rekall.files import make_private_folder, write_atomically

Result = TypeVar("Result")


def edit_until_good(drafts: Path, name: str, text: str, editor: str, take: Callable[[str], Result]) -> Result | None:
    """Open `text` in an editor and hand what comes back to `take`, again and again until it is accepted.

    The text lies in a draft file meanwhile, and stays there when the person gives up. The file's name holds a
    hash of what was begun with, so a draft is taken up again only where it fits.

    Args:
        drafts: The folder of drafts.
        name: The beginning of the draft's name.
        text: What to begin with.
        editor: The configured editor, or empty.
        take: Stores the text; its error is shown and the editor opened again.

    Returns:
        What `take` returned; None when the text was left as it was or emptied.

    Raises:
        RekallError: What `take` raised and the person gave up on, or that the editor failed; the hint says where
            the text is kept.
    """
    make_private_folder(drafts)
    draft_file = drafts / f"{name}-{zlib.crc32(text.encode()):08x}.md"
    for other in sorted(drafts.glob(f"{name}-*.md")):
        talk(
            f"going on with the draft in {other}" if other == draft_file else f"note: an earlier draft lies in {other}"
        )
    if not draft_file.exists():
        write_atomically(draft_file, text.encode())
    while True:
        code = _open_editor(draft_file, editor)
        edited = draft_file.read_text("utf-8", "surrogateescape")
        if edited == text or not edited.strip():
            draft_file.unlink()
        if code != 0:
            kept = f"your text is kept in {draft_file}; " if draft_file.exists() else ""
            raise InvalidInput(
                f"the editor `{find_editor(editor)}` ended with code {code}",
                f"{kept}set another editor with `rekall config set ui.editor NAME`",
            )
        if not draft_file.exists():
            return None
        try:
            result = take(edited)
        except RekallError as error:
            again = isinstance(error, InvalidInput) and not isinstance(
                error, EditConflict
            )  # editing cannot mend the rest
            if again and on_terminal():
                talk(error_text(error))
                if click.confirm("edit again?", default=True, err=True):
                    continue
            error.hint = f"your text is kept in {draft_file}" + (f"; {error.hint}" if error.hint else "")
            raise
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


def _open_editor(file: Path, configured: str) -> int:
    """Let the person edit the file. Returns the editor's exit code."""
    quoted = f'"{file}"' if sys.platform == "win32" else shlex.quote(str(file))
    # through the shell, because the setting may carry options: "code --wait"
    return subprocess.call(f"{find_editor(configured)} {quoted}", shell=True)
