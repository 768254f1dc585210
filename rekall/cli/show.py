"""`rekall show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import entry_text, out, out_json
from rekall.errors import NotFound
from rekall.knowledge import answers

if TYPE_CHECKING:
    from rekall.entry.view import EntryView


@click.command()
@click.argument("entry_id", metavar="ID")
@click.option("--path", "path_only", is_flag=True, help="Print only the file it was imported from.")
@json_option
@pass_app
def show(app: App, entry_id: str, path_only: bool, as_json: bool) -> None:
    """Show an entry in full."""
    base = app.open_base()
    view = base.get(entry_id)
    if path_only:
        out(str(source_of(view)))
    elif as_json:
        out_json({"entry": answers.view(view)})
    else:
        out(entry_text(view))


def source_of(view: EntryView) -> Path:
    """The file that an entry was imported from. Raises NotFound."""
    from rekall.knowledge.origins import source_file

    if not view.origin:
        raise NotFound(f"{view.entry.title!r} was not imported from a file", "`rekall edit` changes it here")
    file = source_file(view.origin)
    if file is None:
        raise NotFound(f"its file is gone: {view.origin}", "if it was moved, import it from where it is now")
    return file
