"""`rekall merge` and `rekall supersede`: what becomes of two entries that say the same, or of one that is outdated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.editor import Desk, edit_until_good
from rekall.cli.naming import METAVAR
from rekall.cli.options import json_option, on_terminal, pass_app
from rekall.cli.render import out, out_json, talk
from rekall.cli.saved import print_saved
from rekall.cli.where import joined
from rekall.entry.fields import values_of
from rekall.knowledge import answers
from rekall.wording import printable

if TYPE_CHECKING:
    from rekall.knowledge.reports import Saved


@click.command()
@click.argument("name", metavar=METAVAR)
@click.argument("other", metavar="OTHER")
@click.option("--yes", "-y", "is_agreed", is_flag=True, help="Store it as it is, without the editor.")
@click.option("--dry-run", is_flag=True, help="Print what the entry would say, and change nothing.")
@click.option("--fresh", is_flag=True, help="Start over in the editor, and throw away an earlier draft.")
@json_option
@pass_app
def merge(app: App, name: str, other: str, is_agreed: bool, dry_run: bool, fresh: bool, as_json: bool) -> None:
    """Make one entry of two.

    The first keeps all that both say: texts one after the other without the paragraphs that both have, tags and other
    lists united. On a terminal it opens in the editor before it is stored. The other becomes obsolete and points to it; its links to
    further entries are the first one's, too. `rekall undo` takes all of it back.
    """
    from rekall.exchange.editing import edited_draft, text_to_edit
    from rekall.knowledge.uniting import may_be_merged

    home, ids = joined(app, (name, other))
    base = home.base
    one, gone = (base.get(each).entry for each in ids)
    may_be_merged(one, gone)
    draft = base.conflicts.united(one, gone)
    if dry_run:
        if as_json:
            said = {field: value for field, value in values_of(draft).items() if value is not None}
            shown = replace(one, **said)
            out_json({"entry": {**answers.entry(shown, None, ()), "origin": None}, "warning": None, "secrets": []})
        else:
            out(text_to_edit(draft).partition("<!-- rekall:")[0].rstrip())
        return
    if is_agreed or as_json or not on_terminal():
        saved: Saved | None = base.conflicts.merge(one, gone, draft)
    else:

        def store(edited: str) -> Saved:
            return base.conflicts.merge(one, gone, edited_draft(edited, one.type))

        desk = Desk(app.places.drafts, app.settings.text("ui.editor"), 0, fresh, takes_unchanged=True)
        saved = edit_until_good(desk, f"{one.id}-merged", text_to_edit(draft), store)
    if saved is None:
        talk("nothing changed")
    else:
        print_saved(base, saved, "merged into", as_json=as_json)


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--reason", metavar="TEXT", default="", help="Why.")
@json_option
@pass_app
def supersede(app: App, old: str, new: str, reason: str, as_json: bool) -> None:
    """Let one entry replace another.

    The old one becomes obsolete and points to the new one, as `rekall edit OLD --superseded-by NEW` and
    `rekall link NEW OLD --as supersedes` do. It stays readable, and ranks below its successor.
    """
    home, ids = joined(app, (old, new))
    base = home.base
    saved = base.deprecate(ids[0], ids[1], reason)
    print_saved(base, saved, "obsolete", as_json=as_json)
    if not as_json:
        out(f"read {base.short_ids(ids)[ids[1]]} instead  {printable(base.titles(ids)[ids[1]])}")
