"""`rekall list`."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.forms import Form, Wanted, form_options, scope
from rekall.cli.naming import remember
from rekall.cli.options import filter_options, limit_option, pass_app
from rekall.cli.render import out, out_json, out_json_line, talk, terminal_lines, way_in
from rekall.cli.tables import entry_line, row_of_entry, table
from rekall.errors import UsageError
from rekall.knowledge import answers
from rekall.store.values import Order
from rekall.wording import count_text

if TYPE_CHECKING:
    from rekall.entry.filters import Filters
    from rekall.knowledge.reports import Page
    from rekall.knowledge_base import KnowledgeBase

_AROUND = 4
"""Lines of a screen for the command, what is said below a list, and the prompt."""

SORTS = tuple(order.value for order in Order)


@click.command("list")
@filter_options
@limit_option("20; --all for all")
@click.option("--all", "everything", is_flag=True, help="List all entries.")
@click.option("--offset", type=click.IntRange(0), default=0, metavar="N", help="Skip the first N entries.")
@form_options(SORTS, "changed")
@pass_app
def list_entries(app: App, filters: Filters, limit: int | None, everything: bool, offset: int, wanted: Wanted) -> None:
    """List entries, most recently changed first.

    The numbers name them until the next list on this terminal: `rekall show 3`.
    """
    if everything and limit is not None:
        raise UsageError("--all and --limit say different things", "give one of them")
    project, _ = scope(app, filters.project) if filters.project else (None, None)
    base = app.open_base()
    order = Order(wanted.sort or Order.CHANGED.value)
    most = None if everything else limit or _usual()
    page = base.list_entries(replace(filters, project=project), most, offset, order, is_reversed=wanted.is_reversed)
    if wanted.form is Form.JSON:
        entries = [answers.entry(entry, page.successors.get(entry.id)) for entry in page.entries]
        out_json({"total": page.total, "entries": entries})
        return
    _print(app, base, page, wanted)
    if page.total and not page.entries:
        talk(f"nothing to list: {count_text(page.total, 'entry', 'entries')}, and --offset skips {offset:,}")
    elif not page.entries:
        talk("nothing to list" + ("" if not filters.is_empty else f"; {way_in()}"))
    elif page.total > len(page.entries) and wanted.form in (Form.TABLE, Form.PLAIN):
        talk(
            f"\n{len(page.entries)} of {count_text(page.total, 'entry', 'entries')}; --all lists all, --limit and --offset choose a part"
        )


def _usual() -> int:
    """How many entries are listed where nobody said how many: what a screen holds with the command and the prompt."""
    lines = terminal_lines() if sys.stdout.isatty() else 24
    return min(max(lines - _AROUND, 3), 20)


def _print(app: App, base: KnowledgeBase, page: Page, wanted: Wanted) -> None:
    """Print the entries of a page in the form that is wanted."""
    ids = [entry.id for entry in page.entries]
    if wanted.form is Form.JSONL:
        for entry in page.entries:
            out_json_line(answers.entry(entry, page.successors.get(entry.id)))
    elif wanted.form is Form.IDS:
        for each in ids:
            out(each)
    elif wanted.form is Form.FULL:
        from rekall.cli.show import print_in_full

        print_in_full((base, each) for each in ids)
    elif page.entries:
        short = base.short_ids(ids)
        if wanted.form is Form.PLAIN:
            for entry in page.entries:
                out(entry_line(entry, short))
        else:
            out("\n".join(table([row_of_entry(entry, short) for entry in page.entries])))
            remember(app, ids)
