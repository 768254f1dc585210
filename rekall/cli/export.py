"""`rekall export`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import click

from rekall.app import App
from rekall.cli.ending import is_unread, output_lost
from rekall.cli.options import filter_options, json_option, pass_app
from rekall.cli.progress import progress_bar
from rekall.cli.render import out_json, talk
from rekall.errors import UsageError
from rekall.wording import count_text, printable

if TYPE_CHECKING:
    from rekall.entry.filters import Filters
    from rekall.exchange.outgoing import Written

_NAMED = 5
"""Entries with secrets that are named; `--json` names all."""

_FORMATS = ("jsonl", "json", "markdown", "obsidian", "html")


@click.command()
@click.argument("path", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice(_FORMATS),
    help="The format; by default as the path says, and jsonl to stdout.",
)
@click.option("--no-deleted", is_flag=True, help="Leave out what was deleted.")
@filter_options
@json_option
@pass_app
def export(app: App, path: Path, form: str | None, no_deleted: bool, filters: Filters, as_json: bool) -> None:
    """Write entries out: JSON, Markdown, an Obsidian vault, or a page to read and search.

    PATH says how: a name in .jsonl, .json, .html, or a folder for Markdown files; .md takes a single entry; - is stdout.
    `--format obsidian` makes a folder of notes with wikilinks, aliases and tags.

    Importing jsonl, json, Markdown or the vault into an empty base gives the same entries, with what was kept of other
    tools' fields, and all links. Without filters, what was deleted goes along too, except into a vault or a page.

    Examples: `rekall export notes.jsonl`, `rekall export vault --format obsidian`, `rekall export - --tag web | jq .title`.
    """
    to_stdout = str(path) == "-"
    if to_stdout and as_json:
        raise UsageError(
            "--json would mix its report with the entries", "leave it out; `--format json` writes one object"
        )
    base = app.open_base()
    total = base.count() if filters.is_empty else 0
    drawn = contextlib.nullcontext(_silent) if to_stdout and sys.stdout.isatty() else progress_bar("writing")
    with drawn as writing, _lost_if_unwritten() if to_stdout else contextlib.nullcontext():
        written = base.files.export(
            _stdout(is_json=form not in ("markdown", "html")) if to_stdout else path,
            filters,
            lambda done: writing(done, total),
            form=form or "",
            deleted=not no_deleted,
        )
        if to_stdout:
            sys.stdout.buffer.flush()  # what did not arrive is not told as exported
    if as_json:
        out_json(
            {
                "exported": written.exported,
                "deleted": written.deleted,
                "removed": list(written.removed),
                "secrets": list(written.secrets),
                "format": written.format,
                "path": str(path),
            }
        )
    else:
        _tell(written, path, to_stdout=to_stdout)
        warn_of_secrets(written, written.format)


@contextlib.contextmanager
def _lost_if_unwritten() -> Iterator[None]:
    """Says that stdout cannot be written, where that ends an export to it; a reader that has enough is no error."""
    try:
        yield
    except OSError as error:
        if is_unread(error):
            raise
        raise output_lost(error) from error


def _stdout(*, is_json: bool) -> IO[bytes]:
    """Where an export to stdout goes: as it is, unless a person looks at it."""
    return cast(IO[bytes], _OnTerminal(is_json)) if sys.stdout.isatty() else sys.stdout.buffer


class _OnTerminal:
    """Writes what a terminal would obey, or a reader would not see, as escapes of JSON, else spelled out."""

    def __init__(self, is_json: bool) -> None:
        self._is_json = is_json

    def write(self, data: bytes) -> int:
        """Write whole texts."""
        from rekall.unseen import escaped, marked

        text = data.decode("utf-8", "replace")
        return sys.stdout.buffer.write((escaped(text) if self._is_json else marked(text)).encode("utf-8", "replace"))


def _tell(written: Written, path: Path, *, to_stdout: bool) -> None:
    what = count_text(written.exported, "entry", "entries")
    deleted = f" and {count_text(written.deleted, 'deleted one')}" if written.deleted else ""
    hint = " (--no-deleted leaves those out)" if written.deleted else ""
    where = "" if to_stdout else f" to {printable(str(path))}"
    talk(f"exported {what}{deleted}{where}{hint}")
    if written.removed:
        files = count_text(len(written.removed), "file")
        talk(f"removed {files} of an earlier export whose entry has another name now or was deleted")


def warn_of_secrets(written: Written, form: str) -> None:
    """Say that what was written holds keys or tokens; it is usually meant for somebody else."""
    count = len(written.secrets)
    if count:
        named = ", ".join(written.secrets[:_NAMED]) + (
            f" and {count - _NAMED:,} more (--json names all)" if count > _NAMED else ""
        )
        page = " Whoever gets the page can read them." if form == "html" else ""
        talk(
            f"\nwarning: {count_text(count, 'entry holds', 'entries hold')} what looks like a key or token: {named}.{page}"
            "\n\nhint: `rekall edit ID` takes it out; a key that was shared is best replaced"
        )


def _silent(done: int, total: int) -> None:
    """No progress: the entries themselves are on the screen."""
