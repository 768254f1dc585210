"""What an empty base says."""

from __future__ import annotations

from textual.content import Content

from rekall.wording import printable, shell_word

WELCOME = Content.assemble(
    ("No entries yet", "bold $primary"),
    "\n\n",
    ("a", "bold"),
    "   adds an entry\n",
    ("rekall import FOLDER", "bold"),
    "   imports your Markdown notes\n",
    ("?", "bold"),
    "   shows every key",
)


def welcome() -> Content:
    """What to do first; where a base of the original Rekall lies in one of its places, how to take that in."""
    from rekall.config import find_original_base

    found = find_original_base()
    if found is None:
        return WELCOME
    return WELCOME + Content.assemble(
        "\n\nThe base of the original Rekall comes in with\n", (printable(f"rekall import {shell_word(found)}"), "bold")
    )
