"""`rekall export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.options import filter_options, json_option, pass_app
from rekall.cli.progress import progress_bar
from rekall.cli.render import out_json, talk
from rekall.wording import count_text

if TYPE_CHECKING:
    from rekall.entry.filters import Filters


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@filter_options
@json_option
@pass_app
def export(app: App, path: Path, filters: Filters, as_json: bool) -> None:
    """Write entries to a .jsonl file, or to a folder as Markdown.

    Importing either one into an empty base gives the same entries.
    """
    base = app.open_base()
    with progress_bar("writing") as writing:
        count = base.files.export(path, filters, lambda done: writing(done, 0))
    if as_json:
        out_json({"exported": count, "path": str(path)})
    else:
        talk(f"exported {count_text(count, 'entry', 'entries')} to {path}")
