"""`rekall suggest`: links worth making, each with its reason; made or set aside by number, by ids, or key by key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.naming import remember, spread
from rekall.cli.options import filter_options, json_option, on_terminal, pass_app
from rekall.cli.render import error_text, out, out_json, styled, talk, way_in
from rekall.cli.where import Home, joined
from rekall.entry.filters import Filters
from rekall.entry.rules import link_type
from rekall.entry.times import written
from rekall.entry.types import LinkType
from rekall.errors import NotFound, RekallError, UsageError
from rekall.knowledge import answers, graph_answers
from rekall.system.last_lists import LastList, LastLists
from rekall.wording import count_text, in_a_row

if TYPE_CHECKING:
    from rekall.knowledge.suggesting import Suggestion, Suggestions
    from rekall.knowledge_base import KnowledgeBase

Pair = tuple[str, str]

_BETWEEN = ":"
"""What stands between the ids of a pair that is typed."""


@click.command()
@click.argument("names", metavar="[N|ID:ID]...", nargs=-1)
@click.option("--accept", is_flag=True, help="Make the links of these numbers of the last list, or pairs of ids.")
@click.option("--dismiss", is_flag=True, help="Never suggest these again.")
@click.option("--reopen", is_flag=True, help="Take that back, for numbers of --dismissed or pairs of ids.")
@click.option("--dismissed", is_flag=True, help="List what was set aside.")
@click.option(
    "--as",
    "kind",
    metavar="KIND",
    help="With --accept: related (the default), supersedes, derived_from or contradicts.",
)
@click.option("--interactive", "-i", is_flag=True, help="Go through them: a key for each.")
@click.option("--limit", "-n", type=click.IntRange(1, 10_000), default=20, metavar="N", help="At most N links (20).")
@filter_options
@json_option
@pass_app
def suggest(
    app: App,
    names: tuple[str, ...],
    accept: bool,
    dismiss: bool,
    reopen: bool,
    dismissed: bool,
    kind: str | None,
    interactive: bool,
    limit: int,
    filters: Filters,
    as_json: bool,
) -> None:
    """List links worth making: entries that name each other, or are near in meaning, and are not linked.

    An entry names another by its id, its title, or by having the same error message or file. Of each pair the reasons
    are told. What says nearly the same is left to `rekall conflicts`. Filters hold for either end.

    `rekall suggest --accept 1 3-5` makes those links of the list; `--dismiss 2` sets one aside for good.
    """
    given = [name for name, flag in (("--accept", accept), ("--dismiss", dismiss), ("--reopen", reopen)) if flag]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} say different things", "give one of them")
    if bool(given) != bool(names):
        raise UsageError(
            f"{given[0]} needs numbers of the last list, or pairs of ids" if given else "what is to become of these?",
            "`rekall suggest --accept 1 3` or `rekall suggest --dismiss K7Q2:9XA4`",
        )
    if kind is not None and not accept:
        raise UsageError("--as says how --accept links", "`rekall suggest --accept 1 --as supersedes`")
    if dismissed:
        if given or interactive:
            raise UsageError("--dismissed lists what was set aside", "`rekall suggest --reopen N` takes one back")
        _list_dismissed(app, as_json=as_json)
        return
    if given:
        _settle(app, given[0], names, link_type(kind) if kind else LinkType.RELATED, as_json=as_json)
        return
    if interactive and (as_json or not on_terminal()):
        raise UsageError(
            "there is no terminal to ask on", "leave out --interactive; --accept and --dismiss take numbers"
        )
    base = app.open_base(to_write=interactive)
    found = base.graph.suggester.find(filters, None if interactive else limit)
    if as_json:
        out_json(
            {
                "total": found.total,
                "repeats": found.repeats,
                "links": [graph_answers.suggestion(each) for each in found.links],
            }
        )
    elif interactive:
        _Asking(base, found).run()
    else:
        _print(app, base, found)


def _print(app: App, base: KnowledgeBase, found: Suggestions) -> None:
    short = _short(base, found.links)
    for place, each in enumerate(found.links, 1):
        for line in _lines(each, short, f"{place:>2}"):
            out(line)
    if found.links:
        remember(app, [each.source.id for each in found.links])
        ends = tuple(end for each in found.links for end in (each.source.id, each.target.id))
        _lists(app).keep(LastList(ends, bases=(app.in_use,) * len(ends)))
        more = (
            f"{len(found.links):,} of {found.total:,}; --limit shows more. " if len(found.links) < found.total else ""
        )
        talk(f"\n{more}`rekall suggest --accept N` links them, `--dismiss N` sets one aside, `-i` asks of each")
    elif not base.count():
        talk(f"no links to suggest: the base is empty; {way_in()}")
    else:
        talk(
            "no links to suggest"
            + ("; nothing has a vector yet: `rekall index rebuild --vectors`" if found.without_vectors else "")
        )
    if found.repeats:
        talk(f"note: {count_text(found.repeats, 'pair')} left out, for they say nearly the same: `rekall conflicts`")


def _list_dismissed(app: App, *, as_json: bool) -> None:
    """List the pairs that are not suggested, so that their numbers can be reopened."""
    base = app.open_base()
    pairs = base.graph.suggester.dismissed()
    if as_json:
        said = [{"ids": [each.first, each.second], "judged_at": written(each.judged_at)} for each in pairs]
        out_json({"dismissed": said})
        return
    ends = [end for each in pairs for end in (each.first, each.second)]
    short, titles = base.short_ids(list(dict.fromkeys(ends))), base.titles(ends)
    for place, each in enumerate(pairs, 1):
        named = [f"{short[end]}  {in_a_row(titles.get(end, ''))}" for end in (each.first, each.second)]
        out(f"{place:>2}  {named[0]}\n    {named[1]}")
    if pairs:
        _lists(app).keep(LastList(tuple(ends), bases=(app.in_use,) * len(ends)))
        talk("\n`rekall suggest --reopen N` lets one be suggested again")
    else:
        talk("nothing was set aside")


def _lines(each: Suggestion, short: dict[str, str], head: str) -> tuple[str, str, str]:
    """A suggestion in three lines: one entry, the other, and why."""
    source, target = (f"{short[entry.id]}  {in_a_row(entry.title)}" for entry in (each.source, each.target))
    blank = " " * (len(head) + 2)
    return f"{head}  {source}", f"{blank}{target}", blank + styled(in_a_row("; ".join(each.reasons)), dim=True)


def _short(base: KnowledgeBase, links: Sequence[Suggestion]) -> dict[str, str]:
    return base.short_ids(list({entry.id for each in links for entry in (each.source, each.target)}))


def _settle(app: App, wish: str, names: Sequence[str], kind: LinkType, *, as_json: bool) -> None:
    """Make or set aside what was named."""
    found = [_pair(app, name) for name in spread(names)]
    pairs = list(dict.fromkeys(pair for _, pair in found))
    homes = list(dict.fromkeys(home for home, _ in found)) or [Home(app.open_base())]
    if len(homes) > 1:
        raise UsageError("these pairs live in different bases", "name those of one base at a time")
    base = homes[0].base
    suggester = base.graph.suggester
    if wish == "--accept":
        made = suggester.accept(pairs, kind)
        if as_json:
            out_json({"made": [answers.link(link) for link in made]})
            return
        _tell(base, pairs, f"linked, {kind.value}:")
        return
    count = len(pairs)
    if wish == "--dismiss":
        suggester.dismiss(pairs)
    else:
        count = suggester.take_back(pairs)
    if as_json:
        out_json({"set_aside" if wish == "--dismiss" else "reopened": count})
    elif wish == "--dismiss":
        _tell(base, pairs, "not suggested again:")
    else:
        talk(f"{count_text(count, 'pair')} may be suggested again")


def _tell(base: KnowledgeBase, pairs: Sequence[Pair], verb: str) -> None:
    ids = [end for pair in pairs for end in pair]
    short, titles = base.short_ids(ids), base.titles(ids)
    for one, other in pairs:
        named = (f"{short[end]} {in_a_row(titles.get(end, ''))}" for end in (one, other))
        out(f"{verb} {' → '.join(named)}")


def _pair(app: App, name: str) -> tuple[Home, Pair]:
    """Two entries: those of a number of the list of suggestions that this terminal showed last, or two ids."""
    if _BETWEEN in name:
        one, _, other = name.partition(_BETWEEN)
        home, (source, target) = joined(app, (one, other))
        if source == target:
            raise UsageError(f"{name!r} names one entry twice", "name two: K7Q2:9XA4")
        return home, (source, target)
    lists = _lists(app)
    last = lists.last()
    shown = last.ids if last is not None else ()
    number = int(name.lstrip("@")) if name.lstrip("@").isdecimal() and len(name) < 6 else 0
    if not 1 <= number <= len(shown) // 2:
        if number and last is None and not lists.can_remember:
            raise NotFound(
                f"no suggestion {name!r}: this is no terminal that remembers a list", "name two ids: K7Q2:9XA4"
            )
        raise NotFound(f"no suggestion {name!r}", "`rekall suggest` numbers them; two ids do as well: K7Q2:9XA4")
    at = 2 * number - 2
    where = last.bases[at] if last is not None and at < len(last.bases) else ""
    where = "" if where == app.in_use else where
    return Home(app.open_base(where), where), (shown[at], shown[at + 1])


def _lists(app: App) -> LastLists:
    """Where the last suggestions of each terminal are kept, beside its last lists of entries."""
    return LastLists(app.places.lists / "suggested")


class _Asking:
    """Goes through suggestions on the terminal; every answer is a key, and is kept at once."""

    _HELP = "l link  s supersedes  d derived from  c contradicts  x never suggest it  space skip  q quit"

    def __init__(self, base: KnowledgeBase, found: Suggestions) -> None:
        self._base, self._found = base, found
        self._linked = self._dismissed = 0

    def run(self) -> None:
        """Ask, until the last one or until the person leaves."""
        from rekall.cli.keys import Keys

        keys, links = Keys(), self._found.links
        short = _short(self._base, links)
        if links:
            talk(self._HELP)
        for place, each in enumerate(links, 1):
            out("")
            for line in _lines(each, short, f"{place}/{len(links)}"):
                out(line)
            try:
                while not self._does(keys.next(), each):
                    talk(self._HELP)
            except (EOFError, StopIteration):
                break
        what = f"{count_text(self._linked, 'link')} made, {self._dismissed:,} set aside"
        talk(f"\n{what}" if links else "no links to suggest")

    def _does(self, key: str, each: Suggestion) -> bool:
        """Do what a key says. Returns whether it says anything. Raises StopIteration: The person leaves."""
        kinds = {"l": LinkType.RELATED, "y": LinkType.RELATED, "s": LinkType.SUPERSEDES}
        kinds |= {"d": LinkType.DERIVED_FROM, "c": LinkType.CONTRADICTS}
        pair = [(each.source.id, each.target.id)]
        if key in ("q", "\x1b", "\x04", "\x03"):
            raise StopIteration
        try:
            if key in kinds:
                self._base.graph.suggester.accept(pair, kinds[key])
                self._linked += 1
                talk(f"linked, {kinds[key].value}")
            elif key in ("x", "n"):
                self._base.graph.suggester.dismiss(pair)
                self._dismissed += 1
                talk("set aside")
            else:
                return key in (" ", "k", "\r", "\n")
        except RekallError as error:  # it was deleted meanwhile, for instance
            talk(error_text(error))
        return True
