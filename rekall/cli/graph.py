"""`rekall graph`: what is linked around an entry as a tree, or a base as a page to wander in."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.export import warn_of_secrets
from rekall.cli.naming import METAVAR, entry_id
from rekall.cli.options import filter_options, json_option, link_kinds_option, pass_app
from rekall.cli.progress import progress_bar
from rekall.cli.render import out, out_json, talk, terminal_width
from rekall.cli.tree import signs, tree
from rekall.cli.where import located
from rekall.entry.filters import Filters
from rekall.entry.rules import link_type
from rekall.errors import UsageError
from rekall.knowledge import graph_answers
from rekall.knowledge.graph import DEEPEST
from rekall.wording import count_text, printable

if TYPE_CHECKING:
    from rekall.knowledge.graph import Around
    from rekall.knowledge_base import KnowledgeBase

_MOST_LINES = 200
"""Lines of a tree that are shown where nobody said how many."""


@click.command()
@click.argument("name", metavar=f"[{METAVAR}]", required=False)
@click.option("--depth", "-d", type=click.IntRange(1, DEEPEST), metavar="N", help="Follow links up to N steps (2).")
@link_kinds_option
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Write a page to wander in; without ENTRY of the whole base.",
)
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help=f"At most N lines ({_MOST_LINES}), or entries of a page.",
)
@filter_options
@json_option
@pass_app
def graph(
    app: App,
    name: str | None,
    depth: int | None,
    kinds: tuple[str, ...],
    page: Path | None,
    limit: int | None,
    filters: Filters,
    as_json: bool,
) -> None:
    """Draw what is linked around an entry as a tree, or write a base as a page to wander in.

    In the tree each entry stands once, where it is nearest; elsewhere it is only named: (above), (below).

    The page is one file that needs no network: a map of the entries and their links to move about in, and each note to
    read beside it. What is near in meaning hangs together by dotted lines; what hangs on nothing lies with its project.
    Filters choose its entries. Whoever gets the page can read them.
    """
    if name is None and page is None:
        raise UsageError(
            "graph needs an entry, or a page to write",
            "`rekall graph 1` draws a tree, `rekall graph --html notes.html` the whole base",
        )
    if name is None and (depth or kinds):
        raise UsageError("--depth and --as say how far to go from an entry", "name the entry, or leave them out")
    found = None
    if name is not None:
        home, entry = located(app, name, entry_id)
        base = home.base
        found = base.graph.around(entry, depth or 2, [link_type(each) for each in kinds], filters)
    else:
        base = app.open_base()
    if page is not None:
        _write(base, page, filters, found, limit, as_json=as_json)
    elif found is not None and as_json:
        out_json(graph_answers.around(found, limit or _MOST_LINES))
    elif found is not None:
        _draw(base, found, limit or _MOST_LINES)


def _write(
    base: KnowledgeBase, page: Path, filters: Filters, found: Around | None, limit: int | None, *, as_json: bool
) -> None:
    to_stdout = str(page) == "-"
    if to_stdout and as_json:
        raise UsageError("--json would mix its report with the page", "name a file")
    total = len(found.steps) + 1 if found else base.count() if filters.is_empty else 0
    with progress_bar("writing") as writing:
        target = sys.stdout.buffer if to_stdout else page
        written, left = base.graph.write_page(
            target,
            filters if found is None else Filters(),
            found,
            most=limit or 0,
            progress=lambda done: writing(done, total),
        )
        if to_stdout:
            sys.stdout.buffer.flush()
    if as_json:
        out_json({"exported": written.exported, "left_out": left, "secrets": list(written.secrets), "path": str(page)})
        return
    where = "" if to_stdout else f" to {printable(str(page))}"
    which = "farther" if found else "older"
    rest = f"; {left:,} {which} ones were left out, --limit takes more, filters choose" if left else ""
    talk(f"wrote {count_text(written.exported, 'entry', 'entries')}{where}{rest}")
    warn_of_secrets(written, "html")


def _draw(base: KnowledgeBase, found: Around, limit: int) -> None:
    short = base.short_ids([found.entry.id, *(step.entry.id for step in found.steps)])
    width = terminal_width() if sys.stdout.isatty() or "COLUMNS" in os.environ else None
    count = 0
    for count, line in enumerate(tree(found, short, signs(), width), 1):
        if count <= limit:
            out(line)
    if count > limit:
        talk(f"\n{limit:,} of {count:,} lines; --limit shows more")
    elif not found.steps:
        talk("nothing is linked with it; `rekall related` shows what is near, `rekall link` links it")
    else:
        talk(f"\n{count_text(len(found.steps), 'entry', 'entries')} linked")
