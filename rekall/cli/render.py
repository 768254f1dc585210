"""How results look on a terminal and in a pipe: the only room that writes to stdout."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from rekall.wording import printable, why_line

if TYPE_CHECKING:
    from rekall.entry.types import Entry, Hit, Link, SearchResult, Tombstone
    from rekall.errors import RekallError

SCHEMA_VERSION = 1
"""Of every JSON answer. New fields do not change it; a renamed or removed one does."""

_ESCAPED = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}
"""The control characters that JSON lets stand in a string."""


def out(text: str = "") -> None:
    """Data, to stdout."""
    click.echo(text)


LATER = "`rekall index rebuild --vectors` makes the vectors later"


def talk(text: str) -> None:
    """Everything that is not data, to stderr."""
    click.echo(text, err=True)


def out_json(data: Mapping[str, Any]) -> None:
    """Data in the versioned envelope."""
    out(_json({"schema_version": SCHEMA_VERSION, **data}, indent=2))


def out_json_line(data: Mapping[str, Any]) -> None:
    """One JSON object on a line of its own."""
    out(_json(data))


def error_text(error: RekallError) -> str:
    """An error as people read it: what happened, a blank line, what to do."""
    lines = [f"error: {error.message}"]
    lines += [f"  {printable(candidate)}" for candidate in error.candidates]
    return "\n".join(lines + (["", f"hint: {error.hint}"] if error.hint else []))


def error_fields(error: RekallError) -> dict[str, Any]:
    """An error as programs read it; they branch on `kind`."""
    fields: dict[str, Any] = {
        "kind": error.kind,
        "message": error.message,
        "hint": error.hint,
        "retryable": error.retryable,
    }
    if error.candidates:
        fields["candidates"] = list(error.candidates)
    return {"error": fields}


def entry_fields(entry: Entry, links: Sequence[Link] = ()) -> dict[str, Any]:
    """An entry as JSON: the fields of an export, empty ones included."""
    from rekall.entry.record import to_fields

    fields = {**to_fields(entry, links, full=True), "content": entry.content}
    return {
        name: (value if value != "" or name not in ("project", "superseded_by") else None)
        for name, value in fields.items()
    }


def tombstone_fields(tombstone: Tombstone) -> dict[str, Any]:
    """A deleted entry as JSON."""
    from rekall.entry.record import written

    return {
        "id": tombstone.id,
        "type": tombstone.type.value,
        "title": tombstone.title,
        "deleted_at": written(tombstone.deleted_at),
    }


def link_fields(link: Link) -> dict[str, Any]:
    """A link as JSON."""
    return {"source": link.source, "target": link.target, "type": link.type.value, "reason": link.reason}


def hit_fields(hit: Hit) -> dict[str, Any]:
    """A search hit as JSON."""
    entry, why = hit.entry, hit.why
    return {
        "id": entry.id,
        "type": entry.type.value,
        "title": entry.title,
        "score": round(hit.score, 6),
        "similarity": None if why.similarity is None else round(why.similarity, 6),
        "snippet": hit.snippet,
        "tags": list(entry.tags),
        "project": entry.project,
        "status": entry.status.value,
        "superseded_by": None if hit.successor is None else {"id": hit.successor.id, "title": hit.successor.title},
        "updated_at": entry_fields(entry)["updated_at"],
        "why": {
            "coverage": round(why.coverage, 6),
            "words_rank": why.words_rank,
            "matched": list(why.matched),
            "head": None if why.head is None else round(why.head, 6),
            "best_passage": None if why.best_passage is None else round(why.best_passage, 6),
            "meaning_rank": why.meaning_rank,
        },
    }


def result_fields(result: SearchResult) -> dict[str, Any]:
    """A search result as JSON."""
    mode = {
        "requested": result.mode.requested.value,
        "used": result.mode.used.value,
        "reason": result.mode.reason or None,
    }
    return {"query": result.query, "mode": mode, "hits": [hit_fields(hit) for hit in result.hits]}


def hit_table(result: SearchResult, short: Mapping[str, str], *, explain: bool) -> str:
    """Hits for reading: a line of title and labels, a line of text, and the reasons when asked for."""
    width = terminal_width()
    blocks = []
    for place, hit in enumerate(result.hits, 1):
        entry = hit.entry
        labels = "  ".join(filter(None, (entry.type.value, printable(entry.project or ""), short[entry.id])))
        number = f"{place:>2}  "
        if cells(labels) > width // 2:
            labels = short[entry.id]
        room = max(width - len(number) - cells(labels) - 2, 8)
        title = fit(printable(entry.title), room)
        lines = [
            number + click.style(title, bold=True) + " " * (room - cells(title) + 2) + click.style(labels, fg="cyan")
        ]
        if entry.status.value == "obsolete":
            successor = f", see {short[hit.successor.id]} {printable(hit.successor.title)}" if hit.successor else ""
            lines.append(click.style(fit(f"    obsolete{successor}", width), fg="yellow"))
        if hit.snippet:
            lines.append(fit(f"    {printable(hit.snippet)}", width))
        if explain:
            lines.append(click.style(f"    {why_line(hit)}", dim=True))
        blocks.append("\n".join(line.rstrip() for line in lines))
    return "\n".join(blocks)


def hit_line(hit: Hit, short: Mapping[str, str], *, explain: bool) -> str:
    """A hit on one line, for pipes: id, type, score, title, and the reasons when asked for, between tabs."""
    columns = [short[hit.entry.id], hit.entry.type.value, f"{hit.score:.3f}", printable(hit.entry.title)]
    return "\t".join(columns + ([why_line(hit)] if explain else []))


def entry_text(entry: Entry, links: Sequence[Link], successor: Entry | None, titles: Mapping[str, str]) -> str:
    """An entry in full, for reading."""
    context = entry.context
    lines = [click.style(printable(entry.title), bold=True)]
    labels = [
        entry.type.value,
        entry.project or "",
        entry.status.value if entry.status.value != "active" else "",
        ", ".join(entry.tags),
    ]
    lines.append("  ".join(printable(label) for label in labels if label))
    if successor:
        lines.append(click.style(f"superseded by {successor.id}  {printable(successor.title)}", fg="yellow"))
    lines.append(
        click.style(
            f"{entry.id}  created {entry.created_at:%Y-%m-%d}  changed {entry.updated_at:%Y-%m-%d}  confidence {entry.confidence}/5",
            dim=True,
        )
    )
    for name, text in (
        ("Situation", context.situation),
        ("Error", "\n".join(context.error_messages)),
        ("Solution", context.solution),
        ("What failed", context.what_failed),
    ):
        if text:
            lines += ["", click.style(name, bold=True), printable(text)]
    if entry.content:
        lines += ["", printable(entry.content)]
    for name, values in (
        ("Files", context.files),
        ("Keywords", context.trigger_keywords),
        ("Sources", context.sources),
    ):
        if values:
            lines += ["", click.style(name, bold=True), *(f"  {printable(value)}" for value in values)]
    if links:
        lines += ["", click.style("Links", bold=True)]
        for link in links:
            away = link.source == entry.id
            other = link.target if away else link.source
            reason = f"  ({printable(link.reason)})" if link.reason else ""
            lines.append(
                f"  {link.type.value} {'→' if away else '←'} {other}  {printable(titles.get(other, ''))}{reason}"
            )
    return "\n".join(lines)


def columns(rows: Sequence[Sequence[str]], stretch: int | None = None) -> str:
    """Rows with their cells one under the other.

    Args:
        rows: Cells; every row has as many.
        stretch: The column that is shortened where a line would not fit the terminal.
    """
    widths = [max(cells(row[place]) for row in rows) for place in range(len(rows[0]))]
    if stretch is not None and (sys.stdout.isatty() or "COLUMNS" in os.environ):  # a pipe gets all of it
        taken = sum(widths) + 2 * (len(widths) - 1) - widths[stretch]
        widths[stretch] = max(min(widths[stretch], terminal_width() - taken), 10)
    lines = []
    for row in rows:
        shown = [fit(cell, width) for cell, width in zip(row, widths)]
        lines.append("  ".join(cell + " " * (width - cells(cell)) for cell, width in zip(shown, widths)).rstrip())
    return "\n".join(lines)


def _json(data: Mapping[str, Any], indent: int | None = None) -> str:
    """JSON in which no character can move a terminal's cursor."""
    return json.dumps(data, ensure_ascii=False, indent=indent).translate(_ESCAPED)


def fit(text: str, width: int) -> str:
    """A text on one line of at most so many terminal cells."""
    text = " ".join(text.splitlines()) if "\n" in text else text
    if cells(text) <= width:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…"


def cells(text: str) -> int:
    """How many terminal cells a text takes; wide characters take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def terminal_width() -> int:
    """Columns of the terminal, or $COLUMNS; 80 in a pipe."""
    return shutil.get_terminal_size((80, 24)).columns
