"""`rekall conflicts`: entries that contradict or repeat each other, and what becomes of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.naming import METAVAR, remember, spread
from rekall.cli.options import filter_options, json_option, limit_option, pass_app
from rekall.cli.render import fit, out, out_json, styled, talk, terminal_width
from rekall.cli.where import Home, joined
from rekall.errors import NotFound, UsageError
from rekall.wording import count_text, in_a_row, printable

if TYPE_CHECKING:
    from rekall.entry.fields import Entry
    from rekall.entry.filters import Filters
    from rekall.knowledge.conflicts import Conflict, Conflicts
    from rekall.knowledge_base import KnowledgeBase

KINDS = ("contradicts", "negation", "version", "number", "repeat")
_USUAL = 20
_MOST_COPIES = 6
"""Entries of one text that are listed."""
_INDENT = 10


@click.command()
@click.argument("names", metavar=f"[{METAVAR}]...", nargs=-1)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(KINDS),
    multiple=True,
    metavar="KIND",
    help=f"Only pairs of this kind: {', '.join(KINDS)}; may be repeated.",
)
@filter_options
@limit_option(f"{_USUAL}; --all for all")
@click.option("--all", "everything", is_flag=True, help="Show all pairs.")
@click.option("--dismiss", is_flag=True, help="The two entries that are named are fine: do not tell of them again.")
@click.option("--reopen", is_flag=True, help="Take that back.")
@click.option("--dismissed", is_flag=True, help="List the pairs that are fine.")
@json_option
@pass_app
def conflicts(
    app: App,
    names: tuple[str, ...],
    kinds: tuple[str, ...],
    filters: Filters,
    limit: int | None,
    everything: bool,
    dismiss: bool,
    reopen: bool,
    dismissed: bool,
    as_json: bool,
) -> None:
    """Find entries that contradict or repeat each other.

    Entries that are near in meaning are compared, statement by statement: the same with another number or version, one that
    denies what the other says, one that says the same. What a link says contradicts comes first, then the surest. Nothing is
    understood, so look at both places before you act. With entries or filters at least one of each pair is among them.

    The numbers name them until the next list: `rekall merge 1 2` makes one entry of both, `rekall supersede 1 2` lets the
    second replace the first, `rekall conflicts --dismiss 1 2` says that both are fine.
    """
    if sum((dismiss, reopen, dismissed)) > 1:
        raise UsageError("--dismiss, --reopen and --dismissed say different things", "give one of them")
    if everything and limit is not None:
        raise UsageError("--all and --limit say different things", "give one of them")
    if dismissed:
        _print_dismissed(app, app.open_base(), as_json=as_json)
    elif dismiss or reopen:
        _settle(app, names, reopen=reopen, as_json=as_json)
    else:
        _print_found(app, names, kinds, filters, None if everything else limit or _USUAL, as_json=as_json)


def _print_found(
    app: App, names: Sequence[str], kinds: Sequence[str], filters: Filters, limit: int | None, *, as_json: bool
) -> None:
    from rekall.knowledge import conflict_answers
    from rekall.knowledge.disagreement import Clash

    home, named = joined(app, list(spread(names)))
    base, ids = home.base, list(dict.fromkeys(named))
    if names and not ids:
        talk("nothing to compare: no ids on stdin")
        return
    found = base.conflicts.find(filters, limit, ids, [Clash(each) for each in kinds])
    if as_json:
        out_json(conflict_answers.conflicts(found))
        return
    if found.pairs:
        _print_pairs(app, home, [(each.entries, _said(each), each) for each in found.pairs])
    for note in _notes(found, is_narrowed=bool(ids or kinds or not filters.is_empty)):
        talk(note)


def _print_pairs(app: App, home: Home, pairs: Sequence[tuple[tuple[Entry, ...], str, Conflict | None]]) -> None:
    """Print pairs, and keep their numbers for the next command."""
    ids = [entry.id for entries, *_ in pairs for entry in entries[:_MOST_COPIES]]
    short = home.base.short_ids(ids)
    width = terminal_width() if sys.stdout.isatty() else 10_000
    places = list(dict.fromkeys(ids))
    wide = len(str(len(places)))
    lines: list[str] = []
    for entries, said, pair in pairs:
        lines += [""] if lines else []
        lines.append(fit(printable(said), width))
        statements = (pair.what.here_in, pair.what.there_in) if pair else ("", "")
        for entry, statement in zip(entries[:_MOST_COPIES], (*statements, *[""] * _MOST_COPIES)):
            place = f"{places.index(entry.id) + 1:>{wide}}"
            head = f"  {place}  {short[entry.id]}  "
            lines.append(
                f"  {place}  {styled(short[entry.id], dim=True)}  {fit(in_a_row(entry.title), width - len(head))}"
            )
            if statement and in_a_row(statement) != in_a_row(entry.title):
                lines.append(" " * len(head) + styled(fit(in_a_row(statement), width - len(head)), dim=True))
        if len(entries) > _MOST_COPIES:
            lines.append(
                styled(f"  {'':>{wide}}  and {len(entries) - _MOST_COPIES:,} more; --json has them all", dim=True)
            )
    out("\n".join(lines))
    remember(app, places, bases=home.of(places))


def _said(pair: Conflict) -> str:
    """What is between two entries, on a line."""
    from rekall.knowledge.conflict_answers import WORDS
    from rekall.knowledge.disagreement import Clash

    what = pair.what
    if what.clash is Clash.CONTRADICTS:
        return f"{what.clash.value}{f': {pair.reason}' if pair.reason else ''}"
    if what.clash is Clash.REPEAT:
        said = f"{len(pair.entries):,} entries of one text" if pair.more else WORDS[what.clash]
        return f"{what.clash.value}: {said}"
    return f"{what.clash.value}: {in_a_row(what.here)} | {in_a_row(what.there)}"


def _notes(found: Conflicts, *, is_narrowed: bool) -> list[str]:
    notes = []
    if not found.pairs:
        where = "here" if is_narrowed else f"among {count_text(found.entries, 'entry', 'entries')}"
        notes.append(f"no conflicts found {where}")
    elif len(found.pairs) < found.total:
        notes.append(f"\n{len(found.pairs)} of {count_text(found.total, 'pair')}; --all shows all")
    if found.compared < found.entries and not is_narrowed:
        notes.append(
            f"\nnote: in a base of {found.entries:,} only the {found.compared:,} that were changed last were compared with all; "
            "filters such as --project choose others"
        )
    if found.by_words:
        which = "they" if found.by_words == found.compared else count_text(found.by_words, "entry", "entries")
        notes.append(
            f"\nnote: {which} {'have' if which == 'they' or found.by_words > 1 else 'has'} no vectors and were compared by "
            "words alone, which finds less; `rekall index rebuild` makes them"
        )
    if found.pairs and sys.stdout.isatty():
        notes.append(
            "\nhint: `rekall merge 1 2` makes one of both, `rekall supersede 1 2` lets 2 replace 1, "
            "`rekall conflicts --dismiss 1 2` says that they are fine"
        )
    return notes


def _settle(app: App, names: Sequence[str], *, reopen: bool, as_json: bool) -> None:
    """Remember that two entries are fine, or no longer."""
    home, named = joined(app, list(spread(names)))
    base, ids = home.base, list(dict.fromkeys(named))
    if len(ids) != 2:
        option = "--reopen" if reopen else "--dismiss"
        raise UsageError(f"{option} takes two entries, and {len(ids)} are named", f"`rekall conflicts {option} 1 2`")
    if not reopen:
        base.conflicts.dismiss(*ids)
    elif not base.conflicts.take_back(*ids):
        raise NotFound("nobody said that these two are fine", "`rekall conflicts --dismissed` lists the pairs")
    if as_json:
        out_json({"dismissed": not reopen, "ids": ids})
    else:
        titles = base.titles(ids)
        verb = "reopened" if reopen else "fine"
        out(f"{verb}: {printable(titles[ids[0]])}  |  {printable(titles[ids[1]])}")


def _print_dismissed(app: App, base: KnowledgeBase, *, as_json: bool) -> None:
    from rekall.entry.times import local_day, written

    known = base.conflicts.dismissed()
    if as_json:
        said: list[dict[str, Any]] = [
            {"ids": [each.first, each.second], "judged_at": written(each.judged_at)} for each in known
        ]
        out_json({"dismissed": said})
        return
    look_up: Callable[[str], Entry] = lambda entry_id: base.get(entry_id).entry  # noqa: E731
    pairs = [
        ((look_up(each.first), look_up(each.second)), f"fine since {local_day(each.judged_at)}", None) for each in known
    ]
    if pairs:
        _print_pairs(app, Home(base), pairs)
    else:
        talk("no pairs were dismissed")
