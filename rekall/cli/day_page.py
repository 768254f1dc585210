"""The page of a day or of several: what was written down, changed, found outdated and deleted, by project."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

from rekall.app import App
from rekall.cli.naming import remember
from rekall.cli.render import cells, fit, out, out_json, styled, talk, terminal_width
from rekall.entry.fields import Entry
from rekall.entry.spoken_dates import span as spoken
from rekall.entry.types import Reference, Tombstone
from rekall.knowledge import answers
from rekall.typeset.flat import flat
from rekall.wording import count_text, in_a_row, printable, shell_word

if TYPE_CHECKING:
    from rekall.entry.spans import Span
    from rekall.knowledge.days import Day
    from rekall.knowledge_base import KnowledgeBase

_SIGNS = {"added": "+", "changed": "~", "obsolete": "-", "deleted": "x"}
_WIDEST = 100
_LONGEST_GIST = 300
_MOST_ROWS = 20
"""Entries of a project on a day, for an import may have brought thousands; `--json` has all."""


def print_page(app: App, base: KnowledgeBase, when: str, *, as_json: bool, as_markdown: bool) -> None:
    """Print what was done in a time that is named as people say it.

    Raises:
        InvalidInput: It is no date.
    """
    span = spoken(when or "today", datetime.now(timezone.utc))
    found = base.graph.days(span)
    if as_json:
        out_json({"span": str(span), "days": [_fields(base, each) for each in found]})
        return
    if not found:
        talk(f"nothing was written down or changed in {span}; `rekall today TEXT` writes a line")
        return
    if as_markdown:
        out("\n".join(_markdown(base, span, found)))
        return
    rows = (each for day in found for group in _by_project(day) for _, each in group.rows)
    ids = list(dict.fromkeys(each.id for each in rows if isinstance(each, Entry)))  # as they stand on the page
    gone = [each.id for day in found for each in day.deleted]
    out("\n".join(_lines(found, base.short_ids([*ids, *gone]), {each: place for place, each in enumerate(ids, 1)})))
    remember(app, ids)


def _lines(found: Sequence[Day], short: Mapping[str, str], number: Mapping[str, int]) -> Iterator[str]:
    is_cut = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = min(terminal_width(), _WIDEST) if is_cut else None
    for place, day in enumerate(found):
        if place:
            yield ""
        yield styled(_named(day.day), bold=True) + styled(f"  {_counts(day)}", dim=True)
        for group in _by_project(day):
            yield styled(f" {group.name}", fg="cyan")
            for sort, each in group.rows:
                yield from _row(sort, each, short, number, width)
            if group.more:
                yield f"      {group.more}"


def _row(
    sort: str, each: Entry | Tombstone, short: Mapping[str, str], number: Mapping[str, int], width: int | None
) -> Iterator[str]:
    """A line, and below what was written down how it begins."""
    head = f"{number.get(each.id, ''):>3} {_SIGNS[sort]} "
    title, behind = in_a_row(" ".join(each.title.split())), f"  {each.type.value}  {short[each.id]}"
    if width is not None:
        title = fit(title, max(width - len(head) - len(behind), 20))
        title += " " * max(min(width, 80) - len(head) - cells(title) - len(behind), 0)
    yield head + title + styled(behind, dim=True)
    gist = _gist(each) if sort == "added" and isinstance(each, Entry) else ""
    if gist:
        blank = " " * len(head)
        yield blank + styled(fit(gist, (width or _LONGEST_GIST) - len(blank)), dim=True)


def _gist(entry: Entry) -> str:
    """What an entry says, in a line: its solution, else how it begins."""
    return in_a_row(flat(entry.solution or entry.content or entry.situation)[: 2 * _LONGEST_GIST])


def _counts(day: Day) -> str:
    counts = [("added", day.added), ("changed", day.changed), ("obsolete", day.obsolete), ("deleted", day.deleted)]
    return ", ".join(f"{len(rows):,} {name}" for name, rows in counts if rows)


def _named(day: str) -> str:
    return f"{day} {date.fromisoformat(day):%A}"


@dataclass(frozen=True, slots=True)
class _Group:
    """What was done on a day in a project: the first rows, each with how, and where the others are to be seen."""

    name: str
    rows: tuple[tuple[str, Entry | Tombstone], ...]
    more: str


def _by_project(day: Day) -> Iterator[_Group]:
    """What was done, by project; entries of no project last, then what is gone."""
    rows = [(sort, entry) for sort in ("added", "changed", "obsolete") for entry in getattr(day, sort)]
    for project in sorted({entry.project or "" for _, entry in rows}, key=lambda name: (not name, name)):
        own = [(sort, entry) for sort, entry in rows if (entry.project or "") == project]
        where = f" --project {shell_word(project)}" if project else ""
        yield _group(in_a_row(project) or "no project", own, f"rekall list --created {day.day}{where}")
    if day.deleted:
        yield _group("deleted", [("deleted", each) for each in day.deleted], "rekall restore")


def _group(name: str, rows: Sequence[tuple[str, Entry | Tombstone]], command: str) -> _Group:
    more = len(rows) - _MOST_ROWS
    return _Group(name, tuple(rows[:_MOST_ROWS]), f"{more:,} more: `{command}`" if more > 0 else "")


def _markdown(base: KnowledgeBase, span: Span, found: Sequence[Day]) -> Iterator[str]:
    """The page as Markdown, for a report."""
    verbs = {"added": "", "changed": " (changed)", "obsolete": " (obsolete)", "deleted": ""}
    total = sum(len(day.added) for day in found)
    yield f"# {span}: {count_text(total, 'entry', 'entries')} written down"
    for day in found:
        yield from ("", f"## {_named(day.day)}")
        for group in _by_project(day):
            yield from ("", f"### {group.name}", "")
            for sort, each in group.rows:
                yield f"- **{printable(' '.join(each.title.split()))}**{verbs[sort]}"
                gist = _gist(each) if sort == "added" and isinstance(each, Entry) else ""
                if gist:
                    yield f"  {gist if len(gist) <= _LONGEST_GIST else gist[:_LONGEST_GIST] + '…'}"
            if group.more:
                yield f"- {group.more}"


def _fields(base: KnowledgeBase, day: Day) -> dict[str, Any]:
    after = {each.superseded_by for each in day.obsolete if each.superseded_by}
    titles = base.titles(after)

    def summary(entry: Entry) -> dict[str, Any]:
        successor = entry.superseded_by
        return answers.summary(entry, Reference(successor, titles.get(successor, "")) if successor else None)

    return {
        "day": day.day,
        "added": [summary(each) for each in day.added],
        "changed": [summary(each) for each in day.changed],
        "obsolete": [summary(each) for each in day.obsolete],
        "deleted": [answers.tombstone(each) for each in day.deleted],
    }
