"""`rekall search` and `rekall similar`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.forms import Form, Wanted, form_options, scope
from rekall.cli.options import filter_options, limit_option, pass_app, read_stdin
from rekall.cli.render import at_words, out, out_json, out_json_line, talk, terminal_lines, terminal_width, way_in
from rekall.cli.typed import NOTES, LineCommand
from rekall.errors import Ambiguous, NotFound
from rekall.search.explain import NOTHING_CLOSE, left_out_text, stage_line
from rekall.search.results import AskedBase
from rekall.search.titles import spelt_alike
from rekall.wording import count_text, printable, shell_word

if TYPE_CHECKING:
    from rekall.cli.tables import Marking
    from rekall.cli.where import Home
    from rekall.entry.filters import Filters
    from rekall.knowledge_base import KnowledgeBase
    from rekall.search.results import Hit, SearchResult

SORTS = ("relevance", "changed", "created", "title", "type", "project")
_AROUND = 3
"""Lines of a screen for the command above a table and the prompt below it."""

_KEYS: dict[str, Callable[[Hit], Any]] = {
    "changed": lambda hit: hit.entry.updated_at,
    "created": lambda hit: hit.entry.created_at,
    "title": lambda hit: hit.entry.title.casefold(),
    "type": lambda hit: hit.entry.type.value,
    "project": lambda hit: (hit.entry.project is None, (hit.entry.project or "").casefold()),
}


@click.command(cls=LineCommand)
@click.argument("words", nargs=-1, metavar="WORDS...")
@click.option("--save", metavar="NAME", help="Keep the line under a name, for `rekall search @NAME`; it is not run.")
@click.option("--saved", "is_listed", is_flag=True, help="List the saved searches.")
@click.option("--forget", metavar="NAME", help="Forget a saved search.")
@filter_options
@limit_option("10, or search.limit")
@click.option(
    "--mode",
    "-m",
    type=click.Choice(["hybrid", "words", "meaning"]),
    default="hybrid",
    help="What to search by (hybrid: both).",
)
@click.option(
    "--min", "least", type=click.Choice(["strong", "likely"]), help="Leave out hits that are less sure to be about it."
)
@click.option("--explain", "-e", is_flag=True, help="Explain why each hit is there.")
@form_options(SORTS, "relevance")
@pass_app
@click.pass_context
def search(
    context: click.Context,
    app: App,
    words: tuple[str, ...],
    save: str | None,
    is_listed: bool,
    forget: str | None,
    filters: Filters,
    limit: int | None,
    mode: str,
    least: str | None,
    explain: bool,
    wanted: Wanted,
) -> None:
    """Find entries by word, by meaning, or both.

    Type what you would type into a shell: the flags of `docker run -it` are searched with the rest. "Quotes" make a
    phrase, -word leaves a word out unless an entry writes it so, as with `find -name`, and NOT word or !word does the
    same. type:bug tag:nginx project:api since:2026-01-31 status:active filter. Whatever was left out or filtered is
    said. A text of several lines, and what a lone - reads from stdin, is taken as text from end to end.

    A word that no entry holds finds those that begin so; a misspelt one is searched as the nearest word of the base, and
    that is said. In quotes it is searched as typed.

    Options stand before the query or after it; every other dash is part of it. To search for what looks like an
    option, put the line in quotes, or -- before it.

    Each hit says how sure it is that it is about what was asked: strong, likely or weak. Its number names it until the
    next list: `rekall show 1`.

    --save NAME before the words keeps them with the filters, and @NAME as the first word of a query, or all of it, stands
    for them: `rekall search @slow nginx`. Dates stay as they were typed.

    Inside a repository, entries of its project come before others that are about as good. -p NAME keeps to a project,
    -p . to that of the folder; -p all prefers none.
    """
    from rekall.search.results import Mode

    if is_listed or not (save is None and forget is None):
        from rekall.cli.saved_searches import Wish, do

        do(app, context, Wish(save, forget, is_listed), words, as_json=wanted.form is Form.JSON)
        return
    if not words:
        raise click.MissingParameter(ctx=context, param=context.command.params[0])
    pasted = words == ("-",)
    line = read_stdin() if pasted else " ".join(words)
    note = ""
    if line.lstrip().startswith("@") and not pasted and app.settings.searches:
        from rekall.cli.saved_searches import note_of
        from rekall.search.saved import expanded

        note = note_of(line, app.settings.searches)
        line = expanded(line, app.settings.searches)
    project, near = scope(app, filters.project)
    base, asked = app.open_base(), app.asked
    notice = _notice if sys.stderr.isatty() and mode != "words" else lambda text: None
    result = asked.search(
        line,
        replace(filters, project=project),
        Mode(mode),
        limit or app.settings.whole("search.limit"),
        literal=pasted,
        at_least=least,
        near=near,
        notice=notice,
    )
    if sys.stderr.isatty() and mode != "words":
        click.echo("\r\033[K", nl=False, err=True)

    def marking(text: str) -> Sequence[tuple[int, int]]:
        return base.highlights(text, line, literal=pasted)

    result = replace(result, notes=(note, *result.notes)) if note else result
    print_result(app, base, _with_notes(result), wanted, marking, explain=explain, fits=limit is None)
    base.lookups.note_search(result.here)


@click.command(cls=LineCommand)
@click.argument("words", nargs=-1, required=True, metavar="ENTRY|TEXT...")
@filter_options
@limit_option("10, or search.limit")
@click.option("--explain", "-e", is_flag=True, help="Explain why each hit is there.")
@form_options(SORTS, "relevance")
@pass_app
def similar(
    app: App, words: tuple[str, ...], filters: Filters, limit: int | None, explain: bool, wanted: Wanted
) -> None:
    """Find entries close in meaning to an entry or a text.

    An entry is named by its number in the last list, by its id, or by its title as it is. Options stand before the text
    or after it; every other dash is part of it.
    """
    project, near = scope(app, filters.project)
    text = " ".join(words)
    home, text = _entry_or_text(app, text)
    most = limit or app.settings.whole("search.limit")
    result = home.base.similar(text, replace(filters, project=project), most, near=near)
    print_result(app, home.base, _with_notes(_of(home, result)), wanted, explain=explain, fits=limit is None)


def _entry_or_text(app: App, text: str) -> tuple[Home, str]:
    """The id of the entry that a person named, with its home; else the text itself, and the base in use."""
    from rekall.cli.where import Home, located

    if "\n" in text.strip():  # neither an id nor a title, so that no other base is asked for it
        return Home(app.open_base()), text
    try:
        return located(app, text, _named_as_it_is)
    except Ambiguous:
        raise
    except NotFound:
        if text.startswith("@"):
            raise
    return Home(app.open_base()), text


def _named_as_it_is(app: App, base: KnowledgeBase, text: str) -> str:
    """The id of the entry that a text names by a number, an id or a whole title, and not by words of it."""
    from rekall.cli.naming import entry_id

    if text.strip().removeprefix("@").isdecimal():  # a place in the last list, or what such a note is about
        return entry_id(app, base, text)
    titled = [each.id for each in base.titled(text) if spelt_alike(each.title, text)]
    if len(titled) == 1:
        return titled[0]
    if not text.isalnum() or (text.isalpha() and text.islower()):  # ids are shown in capitals
        raise NotFound("no entry is called so")
    return base.get(text).entry.id


def _of(home: Home, result: SearchResult) -> SearchResult:
    """An answer whose hits say in which base they live."""
    hits = tuple(replace(hit, base=home.name) for hit in result.hits)
    asked = (AskedBase(home.name, len(hits)),) if home.name else ()
    return replace(result, hits=hits, bases=asked)


def _with_notes(result: SearchResult) -> SearchResult:
    """A result that also says how the command line was read."""
    read = click.get_current_context().meta.get(NOTES, ())
    return replace(result, notes=(*read, *result.notes))


def print_result(
    app: App,
    base: KnowledgeBase,
    result: SearchResult,
    wanted: Wanted,
    marking: Marking = lambda text: (),
    *,
    explain: bool,
    fits: bool,
) -> None:
    """Print hits in the form that is wanted; notes about what is missing go to stderr.

    Args:
        app: Keeps what was shown.
        base: The base.
        result: The answer.
        wanted: How to say it.
        marking: What was searched for, in titles and texts.
        explain: Whether to say why each hit is there.
        fits: Whether the table may leave out texts to fit the screen, since nobody said how many hits to show.
    """
    base.index.drop_model()  # it has answered, and what is said of its answer needs room
    result = replace(result, hits=_sorted(result.hits, wanted))
    if wanted.form is Form.JSON:
        out_json(_json(app, result, wanted, explain=explain))
        return
    if result.nothing_close:  # above the list on a terminal, and not among the data in a pipe
        talk(f"{NOTHING_CLOSE}; the nearest:" if result.hits else NOTHING_CLOSE)
    notes = _notes(result, explain=explain)
    if wanted.form in (Form.JSONL, Form.IDS, Form.FULL):
        _print_for_programs(app, result, wanted)
    elif result.hits:
        _print_lines(app, result, wanted, marking, notes, explain=explain, fits=fits)
    for note in notes:
        talk(note)
    if not result.hits and not result.weaker:
        talk(_nothing_found(base.count(), result.query))


def _print_for_programs(app: App, result: SearchResult, wanted: Wanted) -> None:
    """Print a line of JSON or an id a hit, or whole entries."""
    if wanted.form is Form.JSONL:
        for said in _json(app, result, replace(wanted, form=Form.JSON), explain=False)["hits"]:
            out_json_line(said)
    elif wanted.form is Form.IDS:
        for hit in result.hits:
            out(hit.entry.id)
    else:
        from rekall.cli.show import print_in_full

        print_in_full((app.open_base(hit.base), hit.entry.id) for hit in result.hits)


def _print_lines(
    app: App,
    result: SearchResult,
    wanted: Wanted,
    marking: Marking,
    notes: Sequence[str],
    *,
    explain: bool,
    fits: bool,
) -> None:
    """Print a table, or a line a hit."""
    from rekall.cli.naming import remember
    from rekall.cli.tables import hit_line, row_of_hit, table
    from rekall.cli.where import short_ids

    short = short_ids(app, result.hits)
    if wanted.form is Form.PLAIN:
        for hit in result.hits:
            out(hit_line(hit, short, explain=explain))
        return
    is_seen = sys.stdout.isatty()
    height = _room(result, notes) if is_seen and fits and not explain else None
    rows = [row_of_hit(hit, short, explain=explain) for hit in result.hits]
    shown = table(rows, marking if is_seen else lambda text: (), height)
    out("\n".join(shown))
    hits = result.hits[: len(shown)]
    bases = [hit.base for hit in hits] if result.bases else []
    remember(app, [hit.entry.id for hit in hits], result.query, [hit.at for hit in hits], bases)


def _room(result: SearchResult, notes: Sequence[str]) -> int:
    """The lines of the screen that are left for a table."""
    width, height = terminal_width(), terminal_lines()
    below = sum(at_words(printable(note), width).count("\n") + 1 for note in notes)
    return height - _AROUND - below - int(result.nothing_close)


def _sorted(hits: tuple[Hit, ...], wanted: Wanted) -> tuple[Hit, ...]:
    """Hits in the order that is wanted: what is newest first, or names from A on."""
    if wanted.sort not in (None, "relevance"):
        newest = wanted.sort in ("changed", "created")
        latest = sorted(hits, key=lambda hit: hit.entry.id, reverse=True)  # of equal ones, as a list has them
        hits = tuple(sorted(latest, key=_KEYS[str(wanted.sort)], reverse=newest))
    return hits[::-1] if wanted.is_reversed else hits


def _json(app: App, result: SearchResult, wanted: Wanted, *, explain: bool) -> dict[str, Any]:
    """The answer for programs."""
    from rekall.knowledge import answers

    said = answers.result(result, explain=explain)
    if wanted.is_full:
        for hit, named in zip(said["hits"], result.hits):
            hit["entry"] = answers.view(app.open_base(named.base).get(named.entry.id))
    return said


def _notes(result: SearchResult, *, explain: bool) -> list[str]:
    """What a person should know besides the hits, each as it is printed."""
    notes = ["\n" + "\n".join(map(stage_line, result.stages))] if explain and result.stages else []
    notes += [f"\nnote: {_in_a_shell(note)}" for note in result.notes]
    notes += [f"\nnote: {each.said}" for each in result.bases if each.said]
    if result.weaker:
        notes.append(f"\nnote: {left_out_text(result)}; without --min they are shown")
    if result.mode.used is not result.mode.requested:
        notes.append(f"\nfound by {result.mode.used.value} only: {result.mode.reason}")
    elif result.mode.reason:
        notes.append(f"\nnote: {result.mode.reason}")
    return notes


def _in_a_shell(note: str) -> str:
    """A note whose quoted text can be typed: a shell takes the quotes away unless they are quoted."""
    import re

    return re.sub(r'"[^"]*"(?= searches)', lambda typed: shell_word(typed[0]), note)


def _nothing_found(total: int, query: str) -> str:
    if total and not query.strip():
        return "nothing to search for; `rekall list` lists entries"
    if total:
        return f"nothing found among {count_text(total, 'entry', 'entries')}"
    return f"nothing found: the base is empty; {way_in()}"


def _notice(text: str) -> None:
    """Show a word while something slow runs; it is erased afterwards."""
    click.echo(f"{printable(text)} …", nl=False, err=True)
