"""`rekall diff`: what differs between two versions of an entry."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.naming import METAVAR
from rekall.cli.naming_past import VERSION, known_id, versioned
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import cells, out_json, styled, talk, terminal_width
from rekall.cli.where import located
from rekall.errors import NotFound
from rekall.knowledge.past_words import state_fields, version_text
from rekall.wording import in_a_row, printable

if TYPE_CHECKING:
    from rekall.knowledge.differences import Difference, DiffLine
    from rekall.knowledge.versions import State
    from rekall.knowledge_base import KnowledgeBase

_COLOURS = {"-": "red", "+": "green", "@": "cyan"}


@click.command()
@click.argument("name", metavar=METAVAR)
@click.argument("older", metavar="[VERSION]", type=click.IntRange(0), required=False)
@click.argument("newer", metavar="[VERSION]", type=click.IntRange(0), required=False)
@click.option("--no-pager", is_flag=True, help="Print it even where it is longer than the screen.")
@json_option
@pass_app
def diff(app: App, name: str, older: int | None, newer: int | None, no_pager: bool, as_json: bool) -> None:
    """Show what differs between versions of an entry.

    By default that is what changed since the last version that said something else; with VERSION since that one. `rekall history ENTRY` numbers them. With two, these are compared. What went is marked -, what came +;
    on a terminal the words that differ are marked in lines that were changed.
    """
    from rekall.knowledge.differences import differences

    home, (entry_id, number) = located(app, name, _named)
    base = home.base
    if number is not None:
        older, newer = number, older if newer is None else newer
    there = [each for each in base.past.states(entry_id) if each.said is not None]
    before, after = _chosen(base, entry_id, there, older, newer)
    titles = base.past.titles(
        {end for state in (before, after) for link in state.links for end in (link.source, link.target)}
    )
    found = differences(before, after, titles)
    present = there[0].number
    if as_json:
        pair = {"before": state_fields(before), "after": state_fields(after)}
        out_json({"id": entry_id, **pair, "differences": [_fields(each) for each in found]})
        return
    short = base.short_ids([entry_id])[entry_id]
    talk(
        f"{short}  {in_a_row(str((after.said or {})['title']))}: {version_text(before)} → {version_text(after, present)}"
    )
    if not found:
        talk("nothing differs")
        return
    from rekall.cli.pager import show_lines

    show_lines(list(_shown(found)), may_page=not no_pager)


def _named(app: App, base: KnowledgeBase, name: str) -> tuple[str, int | None]:
    """The entry that a person named, and the version that the name says."""
    version = versioned(app, base, name) if VERSION.fullmatch(name.strip()) else None
    return version or (known_id(app, base, name), None)


def _chosen(
    base: KnowledgeBase, entry_id: str, there: Sequence[State], older: int | None, newer: int | None
) -> tuple[State, State]:
    """The two versions, the earlier one first as they were named."""
    past = base.past
    if newer is not None and older is not None:
        return past.state(entry_id, older), past.state(entry_id, newer)
    if older is not None:
        return past.state(entry_id, older), there[0]
    now = there[0] if there else None
    changed = [each for each in there[1:] if now and (each.said != now.said or each.links != now.links)]
    if now is None or not changed:
        raise NotFound("no earlier version of that entry is kept", "`rekall history ENTRY` lists its versions")
    return changed[0], now


def _shown(found: Sequence[Difference]) -> Iterator[str]:
    """What differs as lines: cut to what is of interest and broken at words on a terminal, in a pipe as it is."""
    from rekall.knowledge.differences import excerpt

    width = terminal_width() if sys.stdout.isatty() else None
    for number, each in enumerate(found):
        if number:
            yield ""
        yield styled(printable(each.noun), bold=True)
        for line in each.lines:
            yield from _drawn(excerpt(line), width) if width else [printable(line.marked)]


def _drawn(line: DiffLine, width: int) -> Iterator[str]:
    from rekall.typeset.text import Run, Style, StyledText, expanded

    mark, colour = line.side.value, _COLOURS.get(line.side.value)
    if printable(line.text) == line.text and "\t" not in line.text:
        text = StyledText(line.text).marked(line.spans)
    else:  # what is spelled out moves the places
        text = StyledText(expanded(printable(line.text)))

    def in_colour(run: Run) -> str:
        return styled(run.text, fg=colour, reverse=True if Style.MATCH in run.styles else None) if colour else run.text

    for runs in text.lines(max(width - 2, 20), cells) or [()]:
        shown = "".join(map(in_colour, runs))
        yield f"{styled(mark, fg=colour) if colour else mark} {shown}".rstrip()


def _fields(each: Difference) -> dict[str, Any]:
    return {
        "field": each.field,
        "before": each.before,
        "after": each.after,
        "lines": [line.marked for line in each.lines],
    }
