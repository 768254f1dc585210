"""`rekall list`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.options import filter_options, json_option, limit_option, pass_app
from rekall.cli.render import columns, out, out_json, talk, terminal_width, way_in
from rekall.entry.times import local_day
from rekall.knowledge import answers
from rekall.wording import count_text, in_a_row

if TYPE_CHECKING:
    from rekall.entry.fields import Entry
    from rekall.entry.filters import Filters

_NARROW = 60
"""On a terminal narrower than this, a list leaves out project and date."""


@click.command("list")
@filter_options
@limit_option("20; --all for all")
@click.option("--all", "everything", is_flag=True, help="List all entries.")
@click.option("--offset", type=click.IntRange(0), default=0, metavar="N", help="Skip the first N entries.")
@json_option
@pass_app
def list_entries(app: App, filters: Filters, limit: int | None, everything: bool, offset: int, as_json: bool) -> None:
    """List entries, most recently changed first."""
    base = app.open_base()
    page = base.list_entries(filters, None if everything else limit or 20, offset)
    if as_json:
        entries = [answers.entry(entry, page.successors.get(entry.id)) for entry in page.entries]
        out_json({"total": page.total, "entries": entries})
        return
    if page.entries:
        short = base.short_ids([entry.id for entry in page.entries])
        out(columns([_list_row(short, entry) for entry in page.entries], stretch=2))
    if not page.entries:
        talk("nothing to list" + ("" if page.total or not filters.is_empty else f"; {way_in()}"))
    elif page.total > len(page.entries):
        talk(
            f"\n{len(page.entries)} of {count_text(page.total, 'entry', 'entries')}; --all lists all, --limit and --offset choose a part"
        )


def _list_row(short: Mapping[str, str], entry: Entry) -> list[str]:
    obsolete = " (obsolete)" if entry.status.value == "obsolete" else ""
    row = [short[entry.id], entry.type.value, in_a_row(entry.title) + obsolete]
    return row if terminal_width() < _NARROW else [*row, in_a_row(entry.project or ""), local_day(entry.updated_at)]
