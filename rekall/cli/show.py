"""`rekall show`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.naming import METAVAR, Named, named
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import out, out_exactly, out_json, talk, terminal_width
from rekall.cli.where import all_located
from rekall.errors import NotFound, UsageError
from rekall.knowledge import answers
from rekall.wording import printable

if TYPE_CHECKING:
    from rekall.cli.page import Printed
    from rekall.entry.view import EntryView
    from rekall.knowledge_base import KnowledgeBase

    _Found = tuple[KnowledgeBase, Named]

_BETWEEN = "─"


@click.command()
@click.argument("names", metavar=f"[{METAVAR}]...", nargs=-1)
@click.option("--raw", is_flag=True, help="Print only the text, as it is stored.")
@click.option("--path", "path_only", is_flag=True, help="Print only the file it was imported from.")
@click.option("--match", "words", metavar="WORDS", help="Mark these words, and open where they stand.")
@click.option("--no-pager", is_flag=True, help="Print it even where it is longer than the screen.")
@json_option
@pass_app
def show(
    app: App,
    names: tuple[str, ...],
    raw: bool,
    path_only: bool,
    words: str | None,
    no_pager: bool,
    as_json: bool,
) -> None:
    """Show entries in full; without a name, choose one.

    An entry is named by its number in the list that was shown last, by its id or the end of it, or by its title. One
    that is named by the number of a search opens where that matched. ENTRY@NUMBER is what it said after that change, as
    `rekall history ENTRY` numbers them.

    On a terminal Markdown is rendered, and what is longer than the screen goes through $REKALL_PAGER, $PAGER or less; in
    a pipe the text stands as it is stored.
    """
    said = [option for option, given in (("--raw", raw), ("--path", path_only), ("--json", as_json)) if given]
    if len(said) > 1:
        raise UsageError(f"{said[0]} and {said[1]} are two forms of one answer", "give one of them")
    found = (
        [(home.base, each) for home, each in all_located(app, names, _now_or_then)]
        if names
        else _picked(app, as_json=as_json)
    )
    if not found:
        talk("nothing to show: no ids on stdin")
    elif path_only:
        for each in found:
            out(str(source_of(_view(each))))
    elif raw:
        for each in found:
            _print_raw(_view(each))
    elif as_json:
        views = [answers.view(_view(each)) for each in found]
        out_json({"entry": views[0]} if len(views) == 1 else {"entries": views})
    elif sys.stdout.isatty():
        _show_on_terminal(found, words, may_page=not no_pager)
    else:
        _print_views((base, _view((base, each))) for base, each in found)
    if found and not path_only:
        own = app.open_base()
        own.lookups.note_opened([each.entry_id for base, each in found if base is own], after=found[0][1].line)


def _now_or_then(app: App, base: KnowledgeBase, name: str) -> Named:
    """The entry that a person named, or a version of one."""
    if "@" not in name.lstrip("@"):
        return named(app, base, name)
    from rekall.cli.naming_past import versioned

    version = versioned(app, base, name)
    return named(app, base, name) if version is None else Named(version[0], version=version[1])


def _view(found: _Found) -> EntryView:
    """An entry as it is, or as it was."""
    base, named = found
    if named.version is None:
        return base.get(named.entry_id)
    return base.past.view(named.entry_id, named.version)


def print_in_full(found: Iterable[tuple[KnowledgeBase, str]]) -> None:
    """Print whole entries as text, a line between two, each from its base."""
    _print_views((base, base.get(entry_id)) for base, entry_id in found)


def _print_views(found: Iterable[tuple[KnowledgeBase, EntryView]]) -> None:
    from rekall.cli.page import plain_text

    for place, (base, view) in enumerate(found):
        out((f"\n{'-' * 72}\n\n" if place else "") + plain_text(view, _short(base, view)))


def _show_on_terminal(found: Sequence[_Found], words: str | None, *, may_page: bool) -> None:
    from rekall.cli.pager import show_lines

    lines: list[str] = []
    at = 0
    for each in found:
        printed = _set(each, words)
        if lines:
            lines += ["", _BETWEEN * min(terminal_width(), 72), ""]
        elif printed.at:
            at = printed.at
        lines += printed.lines
    show_lines(lines, at, may_page=may_page)


def _set(found: _Found, words: str | None) -> Printed:
    """An entry set for this terminal, with what was searched for marked."""
    from rekall.cli.page import set_for

    base, named = found
    line = named.line if words is None else words
    view = _view(found)
    at = named.at if words is None else 0

    def marking(text: str) -> Sequence[tuple[int, int]]:
        return base.highlights(text, line) if line else ()

    return set_for(view, _short(base, view), terminal_width(), marking, at, is_rendered=True)


def _short(base: KnowledgeBase, view: EntryView) -> dict[str, str]:
    """The ids by which an entry and those beside it are shown."""
    beside = [line.other.id for line in view.links] + ([view.successor.id] if view.successor else [])
    return base.short_ids([view.entry.id, *beside])


def _print_raw(view: EntryView) -> None:
    """Print the content: exactly to a file or a program, and with nothing that a terminal would obey to a person."""
    if sys.stdout.isatty():
        out(printable(view.entry.content))
    else:
        out_exactly(view.entry.content)


def _picked(app: App, *, as_json: bool) -> list[_Found]:
    """The entry that a person chooses."""
    from rekall.cli.pick import can_pick, pick_one

    if as_json or not (can_pick() and sys.stdout.isatty()):
        raise UsageError(
            "show needs an entry",
            "`rekall list` and `rekall search` number what they show: `rekall show 1`; on a terminal `rekall show` lets you choose",
        )
    chosen = pick_one(app, "")
    if chosen is None:
        raise click.exceptions.Exit(130)
    return [(app.open_base(), Named(chosen))]


def source_of(view: EntryView) -> Path:
    """The file that an entry was imported from. Raises NotFound."""
    from rekall.knowledge.origins import source_file

    if not view.origin:
        raise NotFound(f"{view.entry.title!r} was not imported from a file", "`rekall edit` changes it here")
    file = source_file(view.origin)
    if file is None:
        raise NotFound(f"its file is gone: {view.origin}", "if it was moved, import it from where it is now")
    return file
