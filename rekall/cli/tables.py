"""Hits and entries as the rows of one table: number, title, type, project, date, id, and how sure a hit is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from rekall.cli.render import cells, fit, styled, terminal_width
from rekall.entry.times import local_day
from rekall.search.explain import BETWEEN, why_line, why_parts
from rekall.system.last_lists import MOST_PLACES
from rekall.typeset.flat import flat
from rekall.wording import age_text, in_a_row, printable

if TYPE_CHECKING:
    from rekall.entry.fields import Entry
    from rekall.search.results import Hit

WIDEST = 116
"""Columns beyond these are left empty: an eye does not find its way from a title to what stands far to the right of it."""

_WHOLE_DATES = 100
"""On a narrower terminal a date is said as an age, which takes half the room."""

_LEAST_TITLE = 22
_ENOUGH_TITLE = 44
"""The cells of a title while there is another column to leave out: on a line in between about half of it."""

_LONGEST_PROJECT = 14
_LEAST_PROJECT = 10
_SEVERAL = 3
"""Of fewer rows every column may say the same."""

_LONGEST_WHERE_WIDE = 24
_ALIGNED_TITLE = 60
"""In a pipe nothing is cut; a longer title pushes what stands behind it to the right."""

Places = Sequence[tuple[int, int]]
Marking = Callable[[str], Places]
"""Says where in a text stands what was searched for."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry in a table.

    Attributes:
        title: Its title.
        kind: Its type.
        project: Its project, or empty.
        changed: When it was changed last.
        short: The id by which it is shown.
        mark: What is said behind the title, and never cut with it; or empty.
        match: How sure it is, or empty.
        is_faint: Whether it stands out less than others.
        note: What is to be known before it is read, or empty.
        text: A stretch of it, or empty.
        reasons: Why it is there, in parts.
    """

    title: str
    kind: str
    project: str
    changed: datetime
    short: str
    mark: str = ""
    match: str = ""
    is_faint: bool = False
    note: str = ""
    text: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Widths:
    """How wide each column is; 0 for one that is left out. `title` is not cut where `is_cut` is false."""

    number: int
    title: int
    kind: int
    project: int
    date: int
    short: int
    match: int
    is_cut: bool


def row_of_hit(hit: Hit, short: Mapping[str, str], *, explain: bool) -> Row:
    """A hit as a row."""
    entry = hit.entry
    note = ""
    if entry.status.value == "obsolete":
        note = (
            f"obsolete, see {short[hit.successor.id]} {in_a_row(hit.successor.title)}" if hit.successor else "obsolete"
        )
    return replace(
        _row(entry, short),
        mark=f" ({hit.base})" if hit.base else "",
        match=hit.match.value if hit.match else "",
        is_faint=hit.is_weak,
        note=note,
        text=in_a_row(flat(hit.snippet)),
        reasons=tuple(map(printable, why_parts(hit))) if explain else (),
    )


def row_of_entry(entry: Entry, short: Mapping[str, str]) -> Row:
    """An entry of a list as a row."""
    return replace(_row(entry, short), mark=" (obsolete)" if entry.status.value == "obsolete" else "")


def _row(entry: Entry, short: Mapping[str, str]) -> Row:
    project = in_a_row(entry.project or "")
    return Row(in_a_row(entry.title), entry.type.value, project, entry.updated_at, short[entry.id])


def table(rows: Sequence[Row], marking: Marking = lambda text: (), height: int | None = None) -> list[str]:
    """Rows for people, a block of lines each: the title with its columns, then a line of text and the reasons.

    Args:
        rows: The rows.
        marking: What is to be marked in titles and texts.
        height: The lines there is room for; the texts of the last rows are left out to fit, then rows.
    """
    if not rows:
        return []
    width = _width()
    widths = _widths(rows, width)
    heads = [_head(place, row, widths, width, marking) for place, row in enumerate(rows, 1)]
    texts = [_text(row, widths, width, marking) for row in rows]
    if height is not None:
        for place in range(len(rows) - 1, 0, -1):
            if sum(map(len, heads)) + sum(map(len, texts)) <= height:
                break
            texts[place] = []
        heads = heads[: max(height, 3)]
    return ["\n".join([*head, *text]) for head, text in zip(heads, texts)]


def _width() -> int | None:
    """The cells of a line; None where nothing is cut."""
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return min(terminal_width(), WIDEST)
    return None


def _widths(rows: Sequence[Row], width: int | None) -> _Widths:
    """The widths of the columns; those that tell least are left out where the titles have no room."""
    number = max(len(str(len(rows))), 2)
    has_age = width is not None and width < _WHOLE_DATES
    project = max(cells(row.project) for row in rows)
    found = _Widths(
        number,
        max(cells(row.title) + len(row.mark) for row in rows),
        max(len(row.kind) for row in rows),
        project if width is None else min(project, _LONGEST_PROJECT if has_age else _LONGEST_WHERE_WIDE),
        5 if has_age else 10,
        max(len(row.short) for row in rows),
        max(len(row.match) for row in rows),
        width is not None,
    )
    if width is None:
        return replace(found, title=min(found.title, _ALIGNED_TITLE))
    least = min(found.title, max(_LEAST_TITLE, width * 21 // 40), _ENOUGH_TITLE)
    room = width - number - 2 - _taken(found)
    for column in ("date", "project", "kind") if len(rows) >= _SEVERAL else ():
        if room < found.title and _is_same(rows, column, found):
            found = _without(found, column)
            room = width - number - 2 - _taken(found)
    narrow = max(found.project - max(least - room, 0), min(found.project, _LEAST_PROJECT))
    found = replace(found, project=narrow)
    for column in ("date", "project", "kind", "match"):
        room = width - number - 2 - _taken(found)
        if room >= least:
            break
        found = _without(found, column)
    return replace(found, title=max(min(found.title, width - number - 2 - _taken(found)), 8))


def _is_same(rows: Sequence[Row], column: str, widths: _Widths) -> bool:
    """Whether a column says the same of every row, so that nobody can choose by it."""
    if column == "date":
        return len({_date(row, widths).strip() for row in rows}) == 1
    return len({row.project if column == "project" else row.kind for row in rows}) == 1


def _without(widths: _Widths, column: str) -> _Widths:
    """The same with a column left out."""
    if column == "project":
        return replace(widths, project=0)
    if column == "date":
        return replace(widths, date=0)
    return replace(widths, kind=0) if column == "kind" else replace(widths, match=0)


def _taken(widths: _Widths) -> int:
    behind = (widths.kind, widths.project, widths.date, widths.short, widths.match)
    return sum(each + 2 for each in behind if each)


def _head(place: int, row: Row, widths: _Widths, width: int | None, marking: Marking) -> list[str]:
    """The line of a row with its columns, and what is to be known before it is read."""
    title = (fit(row.title, widths.title - len(row.mark)) if widths.is_cut else row.title) + row.mark
    blanks = " " * (widths.title - cells(title))
    behind = styled(_behind(row, widths), fg="cyan") + (styled(_match(row, widths), dim=True) if row.match else "")
    number = str(place) if place <= MOST_PLACES else ""
    named = marked(title, marking(title), bold=not row.is_faint or None)
    lines = [f"{number:>{widths.number}}  {named}{blanks}{behind}"]
    if row.note:
        lines.append(_indented(styled(_cut(row.note, widths, width), fg="yellow"), widths))
    return lines


def _text(row: Row, widths: _Widths, width: int | None, marking: Marking) -> list[str]:
    """The lines below: a stretch of the text, and the reasons."""
    text = row.text if widths.match or not row.match else "  ".join(filter(None, (row.match, row.text)))
    text = _cut(text, widths, width)
    lines = [marked(text, marking(text))] if text else []
    room = (width or 80) - widths.number - 2
    return [
        _indented(line, widths) for line in (*lines, *(styled(each, dim=True) for each in _packed(row.reasons, room)))
    ]


def _indented(line: str, widths: _Widths) -> str:
    return " " * (widths.number + 2) + line


def _cut(text: str, widths: _Widths, width: int | None) -> str:
    return text if width is None else fit(text, width - widths.number - 2)


def _behind(row: Row, widths: _Widths) -> str:
    """The columns behind the title."""
    columns = []
    if widths.kind:
        columns.append(row.kind.ljust(widths.kind))
    if widths.project:
        project = fit(row.project, widths.project) if widths.is_cut else row.project
        columns.append(project + " " * (widths.project - cells(project)))
    if widths.date:
        columns.append(_date(row, widths))
    columns.append(row.short.ljust(widths.short) if widths.match else row.short)
    return "".join(f"  {column}" for column in columns)


def _date(row: Row, widths: _Widths) -> str:
    """When a row was changed last: the day, or where that has no room its age."""
    if widths.date == 10:
        return local_day(row.changed)
    return age_text(row.changed, datetime.now(timezone.utc)).rjust(widths.date)


def _match(row: Row, widths: _Widths) -> str:
    return f"  {row.match:>{widths.match}}" if widths.match else ""


def marked(text: str, places: Places, bold: bool | None = None) -> str:
    """A text with what was searched for marked in it."""
    if not places:
        return styled(text, bold=True) if bold else text
    parts, at = [], 0
    for start, end in places:
        parts += [styled(text[at:start], bold=True) if bold and start > at else text[at:start]]
        parts += [styled(text[start:end], bold=True, underline=True)]
        at = end
    rest = text[at:]
    return "".join([*parts, styled(rest, bold=True) if bold and rest else rest])


def _packed(parts: Sequence[str], width: int) -> list[str]:
    """Parts of a reason on as few lines as they fit on, each part whole where a line holds it."""
    lines: list[str] = []
    for part in parts:
        if lines and cells(lines[-1]) + len(BETWEEN) + cells(part) <= width:
            lines[-1] += BETWEEN + part
        else:
            lines.append(part)
    return [fit(line, width) for line in lines]


def hit_line(hit: Hit, short: Mapping[str, str], *, explain: bool) -> str:
    """A hit on one line, for pipes: id, type, score, title, match, and the reasons if asked for, separated by tabs."""
    columns = [short[hit.entry.id], hit.entry.type.value, f"{hit.score:.3f}", in_a_row(hit.entry.title)]
    columns += [hit.match.value] if hit.match else [""] if explain or hit.base else []
    columns += [hit.base] if hit.base else []
    return "\t".join(columns + ([why_line(hit)] if explain else []))


def entry_line(entry: Entry, short: Mapping[str, str]) -> str:
    """An entry on one line, for pipes: id, type, date, title and project, separated by tabs."""
    columns = [short[entry.id], entry.type.value, local_day(entry.updated_at), in_a_row(entry.title)]
    return "\t".join([*columns, in_a_row(entry.project or "")])
