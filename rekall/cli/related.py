"""`rekall related`: what is linked with an entry, step by step, and what is near it and is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import click

from rekall.app import App
from rekall.cli.naming import METAVAR, entry_id, remember
from rekall.cli.options import filter_options, json_option, link_kinds_option, pass_app
from rekall.cli.render import out, out_json, styled, talk
from rekall.cli.tables import Row, row_of_entry, row_of_hit, table
from rekall.cli.where import Home, located
from rekall.entry.filters import Filters
from rekall.entry.rules import link_type
from rekall.knowledge import graph_answers
from rekall.knowledge.graph import DEEPEST, Related, Step
from rekall.wording import in_a_row

MOST = 100
"""Linked entries that are shown where nobody said how many; a hub may have thousands."""


@click.command()
@click.argument("name", metavar=METAVAR)
@click.option(
    "--depth", "-d", type=click.IntRange(1, DEEPEST), default=1, metavar="N", help="Follow links up to N steps (1)."
)
@link_kinds_option
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(1, 100_000),
    default=MOST,
    metavar="N",
    help=f"At most N linked entries ({MOST}).",
)
@click.option(
    "--near",
    "most_near",
    type=click.IntRange(0, 100),
    default=5,
    metavar="N",
    help="At most N near ones that are not linked (5).",
)
@filter_options
@json_option
@pass_app
def related(
    app: App, name: str, depth: int, kinds: tuple[str, ...], limit: int, most_near: int, filters: Filters, as_json: bool
) -> None:
    """List what is linked with an entry, up to N steps away, and what is near it in meaning and not linked.

    Each line says how the entry before it on the way bears on it. Links are followed in both directions.
    """
    home, entry = located(app, name, entry_id)
    found = home.base.graph.related(entry, depth, [link_type(each) for each in kinds], most_near, filters)
    steps = found.around.steps[:limit]
    if as_json:
        out_json(graph_answers.related(found, limit))
        return
    _print(app, home, found, steps)
    if not found.around.steps:
        talk(_nothing_linked(found, kinds))
    elif len(steps) < len(found.around.steps):
        talk(f"\n{len(steps):,} of {len(found.around.steps):,} linked entries; --limit shows more")
    if found.why_no_near and most_near:
        talk(f"\nnote: what is near cannot be said: {found.why_no_near}")


def _nothing_linked(found: Related, kinds: Sequence[str]) -> str:
    kind = f" by {' or '.join(kinds)}" if kinds else ""
    hint = "" if found.near else "; `rekall link` links it, `rekall similar` lists what is nearest"
    return f"nothing is linked with {in_a_row(found.around.entry.title)!r}{kind}{hint}"


def _print(app: App, home: Home, found: Related, steps: Sequence[Step]) -> None:
    """Print all groups as one table, so that their numbers name them all."""
    titles = {found.around.entry.id: found.around.entry.title}
    titles |= {step.entry.id: step.entry.title for step in found.around.steps}
    shown = [each for step in steps for each in (step.entry.id, step.through)]
    shown += [each.id for hit in found.near for each in (hit.entry, hit.successor) if each]
    short = home.base.short_ids(list(dict.fromkeys(shown)))
    rows = [_row(step, short, titles) for step in steps]
    rows += [replace(row_of_hit(hit, short, explain=False), text=_how_near(hit.why.similarity)) for hit in found.near]
    headings = [_heading(step) for step in steps] + ["Near in meaning, not linked"] * len(found.near)
    before = ""
    for heading, block in zip(headings, table(rows)):
        if heading != before:
            out(("\n" if before else "") + styled(heading, bold=True))
            before = heading
        out(block)
    listed = [step.entry.id for step in steps] + [hit.entry.id for hit in found.near]
    remember(app, listed, bases=home.of(listed))


def _heading(step: Step) -> str:
    """What the steps have in common that stand together."""
    if step.distance > 1:
        return f"{step.distance} steps away"
    return step.lines[0].phrase.capitalize()


def _row(step: Step, short: Mapping[str, str], titles: Mapping[str, str]) -> Row:
    """A step as a row: below it the way to it, or what else is to be said of the link."""
    reasons = [in_a_row(line.link.reason) for line in step.lines if line.link.reason]
    if step.distance == 1:
        said = [f"also {line.phrase}" for line in step.lines[1:]] + reasons
        return replace(row_of_entry(step.entry, short), text=", ".join(said))
    bears = " and ".join(f"{_verb(line.phrase)} it" for line in step.lines)
    through = f"{short[step.through]} {in_a_row(titles.get(step.through, ''))}"
    return replace(row_of_entry(step.entry, short), text=", ".join([f"{through} {bears}", *reasons]))


def _verb(phrase: str) -> str:
    """How one entry bears on another, as the verb of a sentence."""
    if phrase.endswith("s"):  # supersedes, contradicts
        return phrase
    return "is the source of" if phrase == "source of" else f"is {phrase}"


def _how_near(similarity: float | None) -> str:
    return f"similarity {similarity:.2f}" if similarity is not None else ""
