"""`rekall search` and `rekall similar`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.options import filter_options, json_option, limit_option, pass_app, read_stdin
from rekall.cli.render import hit_fields, hit_line, hit_table, out, out_json, out_json_line, result_fields, talk
from rekall.wording import count_text

if TYPE_CHECKING:
    from rekall.entry.types import Filters, SearchResult
    from rekall.knowledge_base import KnowledgeBase

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

    "Quotes" make a phrase, -word leaves out, and type:bug tag:nginx project:api status:active filter; all
    else is literal. Give - alone to read the query from stdin, for instance a stack trace; it is taken
    as text.
    """
    from rekall.entry.types import Mode

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
        out_json(result_fields(result))
        return
    if form == "jsonl":
        for hit in result.hits:
            out_json_line(hit_fields(hit))
    else:
        shown = {entry.id for hit in result.hits for entry in (hit.entry, hit.successor) if entry}
        short = {entry_id: base.short_id(entry_id) for entry_id in shown}
        if form == "plain":
            for hit in result.hits:
                out(hit_line(hit, short, explain=explain))
        elif result.hits:
            out(hit_table(result, short, explain=explain))
    if result.mode.used is not result.mode.requested:
        talk(f"\nfound by {result.mode.used.value} only: {result.mode.reason}")
    elif result.mode.reason:
        talk(f"\nnote: {result.mode.reason}")
    if not result.hits:
        total = base.count()
        talk(
            "nothing found"
            + (
                f" among {count_text(total, 'entry', 'entries')}"
                if total
                else "; the base is empty, begin with `rekall add` or `rekall import`"
            )
        )


def _notice(text: str) -> None:
    """A word while something slow runs, gone when it is done."""
    click.echo(f"{text} …", nl=False, err=True)
