"""`rekall search` and `rekall similar`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.options import filter_options, json_option, limit_option, pass_app, read_stdin
from rekall.cli.render import hit_line, hit_table, out, out_json, out_json_line, talk, way_in
from rekall.cli.typed import NOTES, LineCommand
from rekall.search.explain import NOTHING_CLOSE, left_out_text, stage_line
from rekall.wording import count_text, printable, shell_word

if TYPE_CHECKING:
    from rekall.entry.filters import Filters
    from rekall.knowledge_base import KnowledgeBase
    from rekall.search.results import SearchResult

FORMATS = ("table", "plain", "json", "jsonl")


@click.command(cls=LineCommand)
@click.argument("words", nargs=-1, required=True)
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
@click.option("--format", "-f", "form", type=click.Choice(FORMATS), default="table", help="The output format (table).")
@json_option
@pass_app
def search(
    app: App,
    words: tuple[str, ...],
    filters: Filters,
    limit: int | None,
    mode: str,
    least: str | None,
    explain: bool,
    form: str,
    as_json: bool,
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

    Each hit says how sure it is that it is about what was asked: strong, likely or weak.
    """
    from rekall.search.results import Mode

    pasted = words == ("-",)
    line = read_stdin() if pasted else " ".join(words)
    base = app.open_base()
    notice = _notice if sys.stderr.isatty() and mode != "words" else lambda text: None
    result = base.search(
        line,
        filters,
        Mode(mode),
        limit or app.settings.whole("search.limit"),
        literal=pasted,
        at_least=least,
        notice=notice,
    )
    if sys.stderr.isatty() and mode != "words":
        click.echo("\r\033[K", nl=False, err=True)
    print_result(base, _with_notes(result), "json" if as_json else form, explain=explain)


@click.command(cls=LineCommand)
@click.argument("words", nargs=-1, required=True, metavar="ID|TEXT...")
@filter_options
@limit_option("10, or search.limit")
@click.option("--explain", "-e", is_flag=True, help="Explain why each hit is there.")
@click.option("--format", "-f", "form", type=click.Choice(FORMATS), default="table", help="The output format (table).")
@json_option
@pass_app
def similar(
    app: App, words: tuple[str, ...], filters: Filters, limit: int | None, explain: bool, form: str, as_json: bool
) -> None:
    """Find entries close in meaning to an entry or a text.

    Options stand before the text or after it; every other dash is part of it.
    """
    base = app.open_base()
    result = base.similar(" ".join(words), filters, limit or app.settings.whole("search.limit"))
    print_result(base, _with_notes(result), "json" if as_json else form, explain=explain)


def _with_notes(result: SearchResult) -> SearchResult:
    """A result that also says how the command line was read."""
    from dataclasses import replace

    read = click.get_current_context().meta.get(NOTES, ())
    return replace(result, notes=(*read, *result.notes))


def print_result(base: KnowledgeBase, result: SearchResult, form: str, *, explain: bool) -> None:
    """Print hits in one of `FORMATS`; notes about what is missing go to stderr."""
    if form == "json":
        from rekall.knowledge import answers

        out_json(answers.result(result, explain=explain))
        return
    if result.nothing_close:  # above the list on a terminal, and not among the data in a pipe
        talk(f"{NOTHING_CLOSE}; the nearest:" if result.hits else NOTHING_CLOSE)
    if form == "jsonl":
        from rekall.knowledge import answers

        for hit in result.hits:
            out_json_line(answers.hit(hit))
    else:
        short = base.short_ids([named.id for hit in result.hits for named in (hit.entry, hit.successor) if named])
        if form == "plain":
            for hit in result.hits:
                out(hit_line(hit, short, explain=explain))
        elif result.hits:
            out(hit_table(result, short, explain=explain))
    _talk_about(result, explain=explain)
    if not result.hits and not result.weaker:
        talk(_nothing_found(base.count()))


def _talk_about(result: SearchResult, *, explain: bool) -> None:
    """Print what a person should know besides the hits."""
    if explain and result.stages:
        talk("\n" + "\n".join(map(stage_line, result.stages)))
    for note in result.notes:
        talk(f"\nnote: {_in_a_shell(note)}")
    if result.weaker:
        talk(f"\nnote: {left_out_text(result)}; without --min they are shown")
    if result.mode.used is not result.mode.requested:
        talk(f"\nfound by {result.mode.used.value} only: {result.mode.reason}")
    elif result.mode.reason:
        talk(f"\nnote: {result.mode.reason}")


def _in_a_shell(note: str) -> str:
    """A note whose quoted text can be typed: a shell takes the quotes away unless they are quoted."""
    import re

    return re.sub(r'"[^"]*"(?= searches)', lambda typed: shell_word(typed[0]), note)


def _nothing_found(total: int) -> str:
    if total:
        return f"nothing found among {count_text(total, 'entry', 'entries')}"
    return f"nothing found: the base is empty; {way_in()}"


def _notice(text: str) -> None:
    """Show a word while something slow runs; it is erased afterwards."""
    click.echo(f"{printable(text)} …", nl=False, err=True)
