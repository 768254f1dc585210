"""`rekall stale`: what seems to hold no longer, with the reasons."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.forms import scope
from rekall.cli.naming import remember
from rekall.cli.options import filter_options, json_option, limit_option, pass_app
from rekall.cli.render import fit, out, out_json, styled, talk, terminal_width, way_in
from rekall.entry.times import written
from rekall.errors import UsageError
from rekall.knowledge import answers
from rekall.knowledge.stale import Around, Sign
from rekall.wording import count_text, in_a_row

if TYPE_CHECKING:
    from rekall.entry.filters import Filters
    from rekall.knowledge.stale import Stale

_USUAL = 10
_SIGNS = tuple(sign.value.replace("_", "-") for sign in Sign)


@click.command()
@filter_options
@limit_option(f"{_USUAL}; --all for all")
@click.option("--all", "everything", is_flag=True, help="List all of them.")
@click.option(
    "--because",
    "signs",
    multiple=True,
    metavar="REASON",
    type=click.Choice(_SIGNS),
    help=f"Only for this reason, one of {', '.join(_SIGNS)}; repeat for more.",
)
@click.option("--ids", is_flag=True, help="Print only ids, one a line: for `rekall review -` and its like.")
@json_option
@pass_app
def stale(
    app: App,
    filters: Filters,
    limit: int | None,
    everything: bool,
    signs: tuple[str, ...],
    ids: bool,
    as_json: bool,
) -> None:
    """List entries that seem to hold no longer, with the reasons, the worst first.

    Its files are gone or were renamed, a day that it waits for has passed, others name a later version of what it is
    about, it builds on what is superseded, the file it was imported from is gone, you were not sure of it, no search
    finds it, or it is old. Files are looked for in the repository one stands in, for entries of its project, and beside
    the source of what was imported; nothing is changed.
    """
    if everything and limit is not None:
        raise UsageError("--all and --limit say different things", "give one of them")
    if ids and as_json:
        raise UsageError("--ids and --json are two forms of one answer", "give one of them")
    project, _ = scope(app, filters.project) if filters.project else (None, None)
    base = app.open_base()
    wanted = frozenset(Sign(each.replace("-", "_")) for each in signs) or frozenset(Sign)
    found = base.review.stale(
        _around(app, wanted), replace(filters, project=project), None if everything else limit or _USUAL
    )
    if as_json:
        out_json({"total": found.total, "entries": [_fields(each) for each in found.entries]})
        return
    listed = [each.entry.id for each in found.entries]
    if ids:
        for each in listed:
            out(each)
        return
    if not listed:
        talk("nothing seems stale" if base.count() else f"nothing seems stale; {way_in()}")
        return
    short = base.short_ids(listed)
    for place, one in enumerate(found.entries, 1):
        out("\n".join(_lines(place, one, short[one.entry.id])))
    remember(app, listed)
    more = found.total - len(listed)
    talk(
        f"\n{count_text(len(listed), 'entry', 'entries')}"
        + (f" of {found.total:,}; --all lists all" if more else "")
        + "; `rekall review 1` asks whether the first one holds"
    )


def _around(app: App, signs: frozenset[Sign]) -> Around:
    """What is looked at beside the notes: the folder one stands in, and what was searched for."""
    here = app.project()
    try:
        folder = Path.cwd() if here is not None else None
    except OSError:  # it is gone
        folder = None
    return Around(folder, here.name if here else None, app.open_base().lookups, signs)


def _lines(place: int, one: Stale, short: str) -> Iterator[str]:
    """An entry and its reasons."""
    width = terminal_width()
    kind = one.entry.type.value
    room = max(width - 6 - len(kind) - len(short) - 4, 20)
    yield f"{place:>2}  {styled(fit(in_a_row(one.entry.title), room), bold=True)}  {kind}  {short}"
    for reason in one.reasons:
        yield from _wrapped(in_a_row(reason.text), "    ", width)
        yield from _wrapped(f"-> {in_a_row(reason.hint).replace('ID', short)}", "       ", width)


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _fields(one: Stale) -> dict[str, Any]:
    """An entry and its reasons, as JSON."""
    reasons = [
        {"sign": each.sign.value, "text": each.text, "hint": each.hint.replace("ID", one.entry.id)}
        for each in one.reasons
    ]
    return {
        **answers.summary(one.entry, None),
        "seen_at": written(one.seen_at),
        "weight": round(one.weight, 3),
        "reasons": reasons,
    }
