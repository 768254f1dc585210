"""`rekall graph`: what is linked around an entry as a tree, or a base as a page to wander in."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.naming import METAVAR, entry_id
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import out, out_json, talk, terminal_width
from rekall.cli.tree import signs, tree
from rekall.entry.rules import link_type
from rekall.knowledge import graph_answers
from rekall.knowledge.graph import DEEPEST
from rekall.wording import count_text

if TYPE_CHECKING:
    from rekall.knowledge.graph import Around
    from rekall.knowledge_base import KnowledgeBase

_MOST_LINES = 200
"""Lines of a tree that are shown where nobody said how many."""


@click.command()
@click.argument("name", metavar=METAVAR)
@click.option(
    "--depth", "-d", type=click.IntRange(1, DEEPEST), default=2, metavar="N", help="Follow links up to N steps (2)."
)
@click.option(
    "--type", "-t", "types", multiple=True, metavar="TYPE", help="Follow links of this kind only; may be repeated."
)
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(1, 100_000),
    default=_MOST_LINES,
    metavar="N",
    help=f"At most N lines ({_MOST_LINES}).",
)
@json_option
@pass_app
def graph(app: App, name: str, depth: int, types: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Draw what is linked around an entry as a tree."""
    base = app.open_base()
    found = base.graph.around(entry_id(app, base, name), depth, [link_type(each) for each in types])
    if as_json:
        out_json(graph_answers.around(found, limit))
    else:
        _draw(base, found, limit)


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
