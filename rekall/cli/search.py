"""`rekall search` and `rekall similar`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.options import filter_options, json_option, limit_option, pass_app, read_stdin
from rekall.cli.render import hit_line, hit_table, out, out_json, out_json_line, talk
from rekall.search.explain import stage_line
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
    help="What to go by (hybrid: both).",
)
@click.option("--explain", "-e", is_flag=True, help="Say why each hit is there.")
@click.option("--format", "-f", "form", type=click.Choice(FORMATS), default="table", help="How to print (table).")
@json_option
@pass_app
def search(
    app: App,
    words: tuple[str, ...],
    filters: Filters,
    limit: int | None,
    mode: str,
    explain: bool,
    form: str,
    as_json: bool,
) -> None:
    """Find entries by word, by meaning, or both.

    "Quotes" make a phrase, -word leaves out, and type:bug tag:nginx project:api since:2026-01-31
    status:active filter; all else is literal. Give - alone to read the query from stdin, for instance a stack trace; it is taken
    as text.
    """
    from rekall.search.results import Mode

    pasted = words == ("-",)
    line = read_stdin() if pasted else " ".join(words)
    base = app.open_base()
    notice = _notice if sys.stderr.isatty() and mode != "words" else lambda text: None
    result = base.search(
        line, filters, Mode(mode), limit or app.settings.whole("search.limit"), literal=pasted, notice=notice
    )
    if sys.stderr.isatty() and mode != "words":
        click.echo("\r\033[K", nl=False, err=True)
    print_result(base, result, "json" if as_json else form, explain=explain)


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="ID|TEXT...")
@filter_options
@limit_option("10, or search.limit")
@click.option("--explain", "-e", is_flag=True, help="Say why each hit is there.")
@click.option("--format", "-f", "form", type=click.Choice(FORMATS), default="table", help="How to print (table).")
@json_option
@pass_app
def similar(
    app: App, words: tuple[str, ...], filters: Filters, limit: int | None, explain: bool, form: str, as_json: bool
) -> None:
    """Find entries near in meaning to an entry, or to a text."""
    base = app.open_base()
    result = base.similar(" ".join(words), filters, limit or app.settings.whole("search.limit"))
    print_result(base, result, "json" if as_json else form, explain=explain)


def print_result(base: KnowledgeBase, result: SearchResult, form: str, *, explain: bool) -> None:
    """Print hits in one of `FORMATS`; what is missing and why goes to stderr."""
    if form == "json":
        from rekall.knowledge import answers

        out_json(answers.result(result, explain=explain))
        return
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
    if not result.hits:
        talk(_nothing_found(base.count()))


def _talk_about(result: SearchResult, *, explain: bool) -> None:
    """What a person should know beside the hits."""
    if explain and result.stages:
        talk("\n" + "\n".join(map(stage_line, result.stages)))
    for note in result.notes:
        talk(f"\nnote: {note}")
    if result.mode.used is not result.mode.requested:
        talk(f"\nfound by {result.mode.used.value} only: {result.mode.reason}")
    elif result.mode.reason:
        talk(f"\nnote: {result.mode.reason}")


def _nothing_found(total: int) -> str:
    if total:
        return f"nothing found among {count_text(total, 'entry', 'entries')}"
    return "nothing found; the base is empty, begin with `rekall add` or `rekall import`"


def _notice(text: str) -> None:
    """A word while something slow runs, gone when it is done."""
    click.echo(f"{text} …", nl=False, err=True)
