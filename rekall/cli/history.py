"""`rekall history`: what was done to the base, and the versions of an entry."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.naming import METAVAR
from rekall.cli.naming_past import known_id
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import ANSWERS, columns, out, out_json, talk
from rekall.cli.where import located
from rekall.errors import UsageError
from rekall.knowledge.past_words import done_fields, done_text, state_fields, state_text, when_text, who_text
from rekall.wording import in_a_row, printable

if TYPE_CHECKING:
    from rekall.knowledge.versions import State
    from rekall.knowledge_base import KnowledgeBase
    from rekall.store.past import Operation

_WIDEST_WHO = 24
"""Cells for who did it; the name of a client may be anything."""


@click.command()
@click.argument("name", metavar=f"[{METAVAR}]", required=False)
@click.option("--forget", is_flag=True, help="Drop the versions of the entry, and every trace of them.")
@click.option("--yes", "-y", is_flag=True, help="With --forget: do not ask for confirmation.")
@click.option("--limit", "-n", type=click.IntRange(1, 100_000), metavar="N", help="At most N lines (20).")
@json_option
@pass_app
@click.pass_context
def history(
    context: click.Context, app: App, name: str | None, forget: bool, yes: bool, limit: int | None, as_json: bool
) -> None:
    """List what was done, or the versions of an entry.

    The last comes first. A deleted entry has versions, too. A version has the number of the change that made it. `rekall diff ENTRY NUMBER` compares it with what the entry says
    now, `rekall show ENTRY@NUMBER` shows it, `rekall restore ENTRY@NUMBER` brings it back, and `rekall undo NUMBER` undoes
    the change.
    """
    if forget:
        from rekall.cli.forgetting import forget_past

        if name is None:
            raise UsageError("--forget needs an entry", "`rekall history ENTRY --forget` drops what it said before")
        if ANSWERS in context.meta:
            context.meta[ANSWERS].takes_effect = True
        home, entry = located(app, name, known_id)
        forget_past(app, home.base, entry, yes=yes, as_json=as_json)
    elif name is None:
        _list_done(app.open_base(), limit or 20, as_json=as_json)
    else:
        home, entry = located(app, name, known_id)
        _list_states(home.base, entry, limit or 20, as_json=as_json)


def _list_done(base: KnowledgeBase, most: int, *, as_json: bool) -> None:
    found = base.past.done(most)
    if as_json:
        out_json({"operations": [done_fields(each) for each in found]})
    elif found:
        only = [each.touched.entry_id if each.touched.entries == 1 else "" for each in found]
        short = base.short_ids([each for each in only if each])
        rows = [
            [*_when_and_who(each.operation), in_a_row(done_text(each)), short.get(entry_id, "")]
            for each, entry_id in zip(found, only)
        ]
        out(columns(rows, stretch=3))
    else:
        talk("nothing was done yet that is remembered")
    if not (as_json or base.past.is_kept):
        talk("\nnote: history.keep is 0: what is done now is not remembered")


def _list_states(base: KnowledgeBase, entry_id: str, most: int, *, as_json: bool) -> None:
    states = base.past.states(entry_id)
    if as_json:
        versions = [state_fields(each) for each in states[:most]]
        out_json({"id": entry_id, "total": len(states), "versions": versions})
        return
    short = base.short_ids([entry_id])[entry_id]
    if sys.stdout.isatty():
        talk(f"{short}  {in_a_row(_title(states))}")
    if not states:
        talk("nothing was changed since it was written, as far as is remembered")
        return
    out(
        columns(
            [[*_when_and_who(each.operation, each.number), in_a_row(state_text(each))] for each in states[:most]], 3
        )
    )
    there = [each for each in states if each.said is not None]
    if len(states) > most:
        talk(f"\nnote: {len(states) - most:,} earlier ones; -n shows more")
    if len(there) > 1 and sys.stdout.isatty():
        older = there[1].number
        talk(f"\nhint: `rekall diff {short} {older}`, `rekall show {short}@{older}`, `rekall restore {short}@{older}`")


def _title(states: list[State]) -> str:
    """The title of an entry, or the one that it had last."""
    return next((str(each.said.get("title", "")) for each in states if each.said is not None), "")


def _when_and_who(operation: Operation | None, number: int = 0) -> list[str]:
    if operation is None:
        return [f"{number:>4}", "", ""]
    who = printable(who_text(operation)[:200])
    return [
        f"{operation.number:>4}",
        when_text(operation),
        who if len(who) <= _WIDEST_WHO else f"{who[: _WIDEST_WHO - 1]}…",
    ]
