"""What people type who come from the original Rekall: its verbs do the thing, or name today's command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.options import filter_options, json_option, pass_app
from rekall.cli.render import out, out_json, talk
from rekall.cli.where import joined
from rekall.errors import UsageError
from rekall.knowledge import answers
from rekall.wording import count_text, printable

if TYPE_CHECKING:
    from rekall.entry.filters import Filters

_SOURCES = "`rekall add --source TEXT` and `rekall edit --source TEXT` keep where an entry comes from"
_INSTALL = "`rekall mcp install` lists the assistants it can be set up for"
_PLACE = "there is one base a user; REKALL_HOME names the folder of another one"

TODAY: Mapping[str, str] = {
    "centrality": "`rekall graph --html FILE` draws what many links lead to larger; `rekall related ID` lists them",
    "consolidation": "`rekall generalize` lists groups of entries that are near, and drafts a pattern from one; `rekall conflicts` what says the same",
    "embeddings": "`rekall index` shows the vectors and rebuilds them; `rekall model` shows and changes the model",
    "migrate": "nothing to do: a base is brought up to date when it is opened; `rekall import FILE` takes in an original's",
    "install": _INSTALL,
    "hooks": "`rekall hook install` lists the clients that can have them",
    "research": f"there are no curated sources; {_SOURCES}",
    "sources": f"there is no list of sources; {_SOURCES}",
    "inbox": f"there is no inbox; {_SOURCES}",
    "staging": f"there is no staging; {_SOURCES}",
    "global": _PLACE,
    "--global": _PLACE,
    "-g": _PLACE,
    "--legacy": f"`rekall import ~/.rekall/knowledge.db` takes it in; {_PLACE}",
    "changelog": "`rekall version` shows what is installed; the changes are in CHANGELOG.md of the project",
}
"""The original's verbs and options that have no command under another name, and what a person may do instead."""


def refusal(name: str) -> UsageError | None:
    """The error that ends a command line with a verb of the original; None where it is none of these."""
    if name not in TODAY:
        return None
    noun = "option" if name.startswith("-") else "command"
    return UsageError(f"no {noun} {name!r}; the original Rekall had it", TODAY[name])


@click.command(hidden=True)
@click.argument("entry_id", metavar="ID")
@click.option("--replaced-by", "-r", metavar="ID", help="The entry to read instead.")
@click.option("--reason", metavar="TEXT", default="", help="Why.")
@json_option
@pass_app
def deprecate(app: App, entry_id: str, replaced_by: str | None, reason: str, as_json: bool) -> None:
    """Mark an entry as obsolete, as `rekall edit --status obsolete` and `--superseded-by` do."""
    home, ids = joined(app, [entry_id, replaced_by] if replaced_by else [entry_id])
    base = home.base
    saved = base.deprecate(ids[0], ids[1] if replaced_by else None, reason)
    if as_json:
        out_json({"entry": answers.view(base.get(saved.entry.id)), "warning": saved.warning or None})
    else:
        short = base.short_ids([saved.entry.id])
        out(f"obsolete {short[saved.entry.id]}  {printable(saved.entry.title)}")
        if saved.warning:
            talk(f"\nwarning: it can be found by words only: {saved.warning}\n\nhint: {saved.hint}")


@click.command(hidden=True)
@click.argument("source", metavar="ID")
@click.argument("target", metavar="OTHER")
@click.option("--type", "--as", "-t", "kind", metavar="TYPE", help="Only the link of this type.")
@json_option
@pass_app
def unlink(app: App, source: str, target: str, kind: str | None, as_json: bool) -> None:
    """Remove the links from one entry to another, as `rekall link --remove` does."""
    from rekall.entry import rules

    link_type = rules.link_type(kind) if kind else None
    home, (one, other) = joined(app, (source, target))
    count = home.base.unlink(one, other, link_type)
    if as_json:
        out_json({"removed_links": count})
    else:
        talk(f"removed {count_text(count, 'link')}")


@click.command(hidden=True)
@filter_options
@click.option("--limit", "-n", "-l", type=click.IntRange(1, 100_000), metavar="N", help="At most N entries.")
@json_option
@click.pass_context
def browse(context: click.Context, filters: Filters, limit: int | None, as_json: bool) -> None:
    """Open the terminal UI, as `rekall tui` does; with options or without a terminal, list as `rekall list` does."""
    from rekall.cli.listing import list_entries
    from rekall.cli.tui import can_draw, tui

    if can_draw() and filters.is_empty and limit is None and not as_json:
        context.invoke(tui)
    else:
        context.invoke(list_entries, **_typed(filters), limit=limit, everything=False, offset=0, as_json=as_json)


def _typed(filters: Filters) -> dict[str, tuple[str, ...]]:
    """Filters as the options of a command hold them."""
    from rekall.entry.filters import FILTERS

    return {each.name: each.texts(filters) for each in FILTERS}
