"""How results look on a terminal and in a pipe; the only module that writes to stdout."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from rekall.cli.ending import is_unread, output_lost, silence
from rekall.wording import printable, shell_word

if TYPE_CHECKING:
    from rekall.errors import RekallError

SCHEMA_VERSION = 2
"""The version of every JSON answer (docs/json.md). A new field does not change it; a renamed or removed one does."""

_WIDEST = 10_000
"""$COLUMNS may say anything."""

_LONGEST_CELL = 16_000
"""What is made for a row is shorter, with all that is spelled out in it."""

_OURS = f"\x1b<{os.urandom(8).hex()}>"
"""Begins our own styles until they are printed: no note and no path can hold it, so what looks like a style in them is text."""


_NARROW = dict.fromkeys((*range(0x20, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x300), *range(0x2010, 0x2028)))
"""Characters of one cell, for `str.translate` to leave out."""

ANSWERS = "rekall.cli.answers"
"""Where in click's context the `ending.Answers` of a command are."""


def out(text: str = "") -> None:
    """Data, to stdout.

    Raises:
        OutputLost: It cannot be written, and that is all that the command does; else it is noted, and the command goes on.
        BrokenPipeError: Nobody reads any more, likewise.
    """
    _print(as_shown(text))


def out_exactly(text: str) -> None:
    """A text exactly as it is stored, for a file or another program; raises as `out` does."""
    _print(text, exactly=True)


def _print(text: str, *, exactly: bool = False) -> None:
    """Print a text that holds nothing unseen, or that nobody reads on a terminal."""
    try:
        click.echo(text, color=True if exactly else None)
    except (OSError, ValueError) as error:
        context = click.get_current_context(silent=True)
        answers = context.meta.get(ANSWERS) if context else None
        if answers is not None and answers.takes_effect:
            answers.lose(text, error)
        elif is_unread(error):
            raise
        else:
            raise output_lost(error) from error


def talk(text: str) -> None:
    """Everything that is not data, to stderr; where that fails, nobody is told, and nothing else fails.

    On a terminal a line that is too long for it is broken at blanks, but inside no command.
    """
    try:
        shown = as_shown(text)
        click.echo(at_words(shown, terminal_width()) if sys.stderr.isatty() else shown, err=True)
    except (OSError, ValueError):
        silence(sys.stderr)


def at_words(text: str, width: int) -> str:
    """A text with its long lines broken at blanks, further lines as far in as the first; what stands in ` stays whole."""
    if "\x1b" in text or all(cells(line) <= width for line in text.split("\n")):
        return text
    import re

    lines: list[str] = []
    for line in text.split("\n"):
        indent = " " * (len(line) - len(line.lstrip(" ")))
        room, begun = width - len(indent), ""
        for blanks, word in re.findall(r"(\s*)((?:`[^`]*`|[^\s`])+|`)", line):
            longer = f"{begun}{blanks}{word}" if begun else word
            if begun and cells(longer) > room:
                lines.append(indent + begun)
                longer = word
            begun = longer
        lines.append(indent + begun if begun else "")
    return "\n".join(lines)


def styled(text: str, **style: Any) -> str:
    """A text that `out` and `talk` show in a style."""
    begin, _, end = click.style("|", **style).replace("\x1b", _OURS).partition("|")
    return f"{begin}{text}{end}"


def as_shown(text: str) -> str:
    """A text with its styles, and with every other unseen character spelled out: nothing comes past this.

    What is laid out was made `printable` before, so that its width is known.
    """
    if _OURS not in text:
        return printable(text)
    import re

    pieces = re.split(f"{_OURS}(\\[[0-9;]*m)", text)
    return "".join(f"\x1b{piece}" if at % 2 else printable(piece) for at, piece in enumerate(pieces))


def out_json(data: Mapping[str, Any]) -> None:
    """Data in the versioned envelope."""
    _print(_json({"schema_version": SCHEMA_VERSION, **data}, indent=2))


def out_json_line(data: Mapping[str, Any]) -> None:
    """One JSON object on a line of its own."""
    _print(_json(data))


def error_text(error: RekallError) -> str:
    """An error for people: what happened, what may have been meant, a line each, a blank line, what to do."""
    lines = [f"error: {error.message}"]
    width = terminal_width() if sys.stderr.isatty() else _WIDEST
    lines += [fit(printable(f"  {candidate}"), width) for candidate in error.candidates]
    return printable("\n".join(lines + (["", f"hint: {error.hint}"] if error.hint else [])))


def error_fields(error: RekallError) -> dict[str, Any]:
    """An error for programs, which branch on `kind`."""
    fields: dict[str, Any] = {
        "kind": error.kind,
        "message": error.message,
        "hint": error.hint,
        "retryable": error.retryable,
    }
    if error.candidates:
        fields["candidates"] = list(error.candidates)
    return {"error": fields}


def columns(rows: Sequence[Sequence[str]], stretch: int | None = None) -> str:
    """Rows as aligned columns.

    Args:
        rows: Cells; every row has the same number.
        stretch: The column to shorten if a line would not fit the terminal.
    """
    rows = [[printable(cell[:_LONGEST_CELL]) for cell in row] for row in rows]
    widths = [max(cells(row[place]) for row in rows) for place in range(len(rows[0]))]
    if stretch is not None and (sys.stdout.isatty() or "COLUMNS" in os.environ):  # a pipe gets all of it
        taken = sum(widths) + 2 * (len(widths) - 1) - widths[stretch]
        widths[stretch] = min(widths[stretch], max(terminal_width() - taken, 10))
    lines = []
    for row in rows:
        shown = [fit(cell, width) for cell, width in zip(row, widths)]
        lines.append("  ".join(cell + " " * (width - cells(cell)) for cell, width in zip(shown, widths)).rstrip())
    return "\n".join(lines)


def _json(data: Mapping[str, Any], indent: int | None = None) -> str:
    """JSON in which what a terminal would obey, or a reader would not see, is written as escapes: it says the same."""
    text = json.dumps(data, ensure_ascii=False, indent=indent)
    if text.isascii() and "\x7f" not in text:
        return text
    from rekall.unseen import escaped

    return escaped(text)


def fit(text: str, width: int) -> str:
    """A text on one line, cut to a number of terminal cells."""
    text = " ".join(text.splitlines()) if "\n" in text else text
    if cells(text) <= width:
        return text
    if _is_narrow(text):
        return text[: max(width - 1, 0)].rstrip() + "…"
    from rich.cells import set_cell_size

    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…"


def cells(text: str) -> int:
    """How many terminal cells a text takes; wide characters take two."""
    if _is_narrow(text):
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _is_narrow(text: str) -> bool:
    """Whether each character surely takes one cell: what most Western texts are made of, and what marks a cut in them.

    Nothing else needs rich, whose tables cost a search a third of a megabyte.
    """
    return text.isascii() or not text.translate(_NARROW)


def terminal_width() -> int:
    """Columns of the terminal, or $COLUMNS; 80 in a pipe."""
    return min(_terminal_size()[0], _WIDEST)


def terminal_lines() -> int:
    """Lines of the terminal, or $LINES; 24 in a pipe."""
    return _terminal_size()[1]


def _terminal_size() -> tuple[int, int]:
    import shutil  # with two libraries for archives, which need not stand beside the model

    return shutil.get_terminal_size((80, 24))


def way_in() -> str:
    """How to begin in an empty base; where one of the original lies in one of its places, how to take that in."""
    from rekall.config import find_original_base

    found = find_original_base()
    start = "start with `rekall add` or `rekall import`"
    return (
        f"{start}\n\nhint: `rekall import {shell_word(found)}` takes in the base of the original Rekall"
        if found
        else start
    )
