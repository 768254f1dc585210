"""`rekall search` and `rekall similar`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.options import filter_options, json_option, limit_option, pass_app, read_stdin
from rekall.cli.render import hit_line, hit_table, out, out_json, out_json_line, talk, way_in
from rekall.search.explain import NOTHING_CLOSE, left_out_text, stage_line
from rekall.wording import count_text

if TYPE_CHECKING:
    from rekall.entry.filters import Filters
    from rekall.knowledge_base import KnowledgeBase
    from rekall.search.results import SearchResult

FORMATS = ("table", "plain", "json", "jsonl")


@click.command()
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

    "Quotes" make a phrase, -word excludes a word, and type:bug tag:nginx project:api since:2026-01-31
    status:active filter; anything else is searched as text. A lone - reads the query from stdin, for example a stack
    trace, and takes all of it as text.

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
    print_result(base, result, "json" if as_json else form, explain=explain)


@click.command()
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
    """Find entries close in meaning to an entry or a text."""
    base = app.open_base()
    result = base.similar(" ".join(words), filters, limit or app.settings.whole("search.limit"))
    print_result(base, result, "json" if as_json else form, explain=explain)


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
        talk(f"\nnote: {note}")
    if result.weaker:
        talk(f"\nnote: {left_out_text(result)}; without --min they are shown")
    if result.mode.used is not result.mode.requested:
        talk(f"\nfound by {result.mode.used.value} only: {result.mode.reason}")
    elif result.mode.reason:
        talk(f"\nnote: {result.mode.reason}")


def _nothing_found(total: int) -> str:
    if total:
        return f"nothing found among {count_text(total, 'entry', 'entries')}"
    return f"nothing found: the base is empty; {way_in()}"


def _notice(text: str) -> None:
    """Show a word while something slow runs; it is erased afterwards."""
    click.echo(f"{text} …", nl=False, err=True)
