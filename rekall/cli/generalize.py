"""`rekall generalize`: a pattern drafted from several entries, or groups that are worth one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.editor import Desk, edit_until_good
from rekall.cli.naming import METAVAR, remember, spread
from rekall.cli.options import filter_options, json_option, on_terminal, pass_app, read_stdin
from rekall.cli.render import ANSWERS, out, out_json, styled, talk, way_in
from rekall.cli.saved import print_saved
from rekall.cli.where import joined
from rekall.entry.filters import Filters
from rekall.errors import InvalidInput, UsageError
from rekall.knowledge import graph_answers
from rekall.wording import count_text, in_a_row

if TYPE_CHECKING:
    from rekall.entry.fields import Draft
    from rekall.knowledge.generalizing import Group
    from rekall.knowledge.reports import Saved
    from rekall.knowledge_base import KnowledgeBase


@click.command()
@click.argument("names", metavar=f"[{METAVAR}]...", nargs=-1)
@click.option(
    "--title",
    metavar="TEXT",
    default="",
    help="The title of the pattern; by default what their titles share.",
)
@click.option("--dry-run", "-n", is_flag=True, help="Print the draft, and store nothing.")
@click.option("--yes", "-y", is_flag=True, help="Store the draft as it is, without the editor.")
@click.option("--fresh", is_flag=True, help="Start over in the editor, and throw away an earlier draft.")
@click.option("--limit", type=click.IntRange(1, 100), default=10, metavar="N", help="At most N groups (10).")
@filter_options
@json_option
@pass_app
@click.pass_context
def generalize(
    context: click.Context,
    app: App,
    names: tuple[str, ...],
    title: str,
    dry_run: bool,
    yes: bool,
    fresh: bool,
    limit: int,
    filters: Filters,
    as_json: bool,
) -> None:
    """Draft a pattern from several entries, in the editor; without entries, list groups that are worth one.

    The draft holds what they share (words of their titles, tags, keywords, files, error messages), and of each, quoted
    and named by its id, its situation, its solution and how its text begins. Nothing is made up. Stored, the pattern is
    linked with each, derived_from.

    In a pipe the draft comes from stdin: `rekall generalize 1 2 3 --dry-run > p.md`, write, then
    `rekall generalize 1 2 3 < p.md`.
    """
    if not names:
        _list_groups(app, app.open_base(), filters, limit, as_json=as_json)
        return
    if not filters.is_empty:
        raise UsageError("filters choose among groups, and entries are named here", "leave one of them out")
    home, named = joined(app, list(spread(names)))
    base, ids = home.base, list(dict.fromkeys(named))
    draft = base.graph.generalizer.draft(ids, base.short_ids(ids), title)
    if dry_run:
        if ANSWERS in context.meta:
            context.meta[ANSWERS].takes_effect = False
        _print_draft(draft, ids, as_json=as_json)
        return
    saved = _stored(app, base, draft, ids, title, fresh=fresh, as_it_is=yes)
    if saved is None:
        talk("nothing stored: the draft was left as it was; `--yes` stores it so")
    else:
        print_saved(base, saved, f"derived from {count_text(len(ids), 'entry', 'entries')}:", as_json=as_json)


def _stored(
    app: App, base: KnowledgeBase, draft: Draft, ids: list[str], title: str, *, fresh: bool, as_it_is: bool
) -> Saved | None:
    """Store what a person or a program makes of the draft; None where it is left."""
    from rekall.exchange.editing import edited_draft, text_to_edit

    def store(text: str) -> Saved:
        written = edited_draft(text, draft.type, title)
        if not written.title.strip():
            raise InvalidInput("the text has no title", "begin it with a line `# Title`, or give one with --title")
        return base.graph.generalizer.add(written, ids)

    if as_it_is:
        return base.graph.generalizer.add(draft, ids)
    if on_terminal():
        desk = Desk(app.places.drafts, app.settings.text("ui.editor"), fresh=fresh)
        return edit_until_good(desk, f"pattern-{ids[0]}-{len(ids)}", text_to_edit(draft), store)
    text = "" if sys.stdin.isatty() else read_stdin()
    if not text.strip():
        raise UsageError(
            "there is no terminal to write in",
            "--yes stores the draft as it is, --dry-run prints it; or give the text on stdin",
        )
    return store(text)


def _print_draft(draft: Draft, ids: list[str], *, as_json: bool) -> None:
    if as_json:
        out_json({"draft": graph_answers.draft(draft), "derived_from": ids})
        return
    from rekall.exchange.editing import text_to_edit

    out(text_to_edit(draft).rstrip("\n"))


def _list_groups(app: App, base: KnowledgeBase, filters: Filters, most: int, *, as_json: bool) -> None:
    """Print groups, their entries numbered on, so that their numbers can be typed behind the command."""
    groups = base.graph.generalizer.groups(filters, most)
    if as_json:
        out_json({"groups": [graph_answers.group(each) for each in groups]})
        return
    if not groups and not base.count():
        talk(f"no group of entries: the base is empty; {way_in()}")
        return
    if not groups:
        reason = (
            "" if base.index.status().vectors else ": nothing has a vector, `rekall index rebuild --vectors` makes them"
        )
        talk(f"no group of three entries that are near each other{reason}")
        return
    ids = [entry.id for each in groups for entry in each.entries]
    short, number = base.short_ids(ids), 1
    for place, each in enumerate(groups):
        out(("\n" if place else "") + styled(_heading(each), bold=True))
        for entry in each.entries:
            out(f"{number:>3}  {short[entry.id]}  {in_a_row(entry.title)}")
            number += 1
    remember(app, ids)
    talk(f"\n`rekall generalize 1-{len(groups[0].entries)}` drafts a pattern from the first group")


def _heading(group: Group) -> str:
    """What a group has in common, in a line."""
    shared = group.shared
    said = [" ".join(shared.words), " ".join(f"#{tag}" for tag in shared.tags), ", ".join(shared.projects[:3])]
    what = " · ".join(filter(None, said))
    return in_a_row(
        f"{count_text(len(group.entries), 'entry', 'entries')}: {what}"
        if what
        else count_text(len(group.entries), "entry", "entries")
    )
