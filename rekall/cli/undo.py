"""`rekall undo`: what was done last is taken back as a whole."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.asking import ask, need_somebody
from rekall.cli.options import json_option, pass_app
from rekall.cli.progress import progress_bar
from rekall.cli.render import fit, out_json, talk, terminal_width
from rekall.cli.where import called
from rekall.knowledge.past_words import change_text, plan_fields, plan_text
from rekall.wording import count_text, in_a_row, printable

if TYPE_CHECKING:
    from rekall.knowledge.undoing import Plan
    from rekall.knowledge_base import KnowledgeBase

_MOST_NAMED = 10
_WHOLE = 10_000
"""Cells where no terminal shows them."""


@click.command()
@click.argument("number", metavar="[NUMBER]", type=click.IntRange(1), required=False)
@click.option("--dry-run", is_flag=True, help="Only show what would be undone.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@json_option
@pass_app
def undo(app: App, number: int | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Undo what was done last as a whole: an edit, a deletion, an import.

    Again, what was done before that is undone. What becomes of the entries is shown before you are asked. NUMBER, from `rekall history`, undoes that change; that of an
    undo does it again. Where an entry was changed since, nothing is undone.
    """
    base = app.open_base(to_write=not dry_run)
    plan = base.past.plan(number)
    if not as_json:
        _show(plan, f" in {called(app.in_use)}" if app.others() else "")
    if dry_run:
        if as_json:
            out_json(plan_fields(plan))
        return
    if not yes:
        need_somebody("undo")
        ask("undo it?", "nothing undone", as_json=as_json)
    with progress_bar("undoing (ctrl-c leaves all as it was)") as show:
        done = base.past.undo(plan.operation.number, show)
    if as_json:
        out_json(plan_fields(done))
    else:
        talk("undone")
        _tell_of_vectors(base, plan)
        talk(f"\nhint: `rekall undo {done.undone_by}` does it again")


def _tell_of_vectors(base: KnowledgeBase, plan: Plan) -> None:
    """Say that vectors are missing where so much came back that they were not made at once."""
    waiting = base.index.status().pending_entries if plan.is_large else 0
    if waiting:
        what = f"{count_text(waiting, 'entry has', 'entries have')} no vector yet"
        talk(f"\nnote: {what} and can be found by words only; run `rekall index rebuild --vectors`")


def _show(plan: Plan, where: str) -> None:
    talk(f"undo {plan.operation.number}{where}: {printable(plan_text(plan))}")
    for change in plan.changes[:_MOST_NAMED]:
        talk(fit(f"  {in_a_row(change_text(change))}", terminal_width() if sys.stderr.isatty() else _WHOLE))
    if len(plan.changes) > _MOST_NAMED:
        talk(f"  and {count_text(len(plan.changes) - _MOST_NAMED, 'more entry', 'more entries')}")
    if plan.links:
        talk(f"  {count_text(plan.links, 'link')} as before")
