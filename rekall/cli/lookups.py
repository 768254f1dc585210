"""`rekall stats --searches`: what was looked for and not found, and what is read most."""

from __future__ import annotations

from typing import Any

from rekall.app import App
from rekall.cli.naming import remember
from rekall.cli.render import columns, out, out_json, styled, talk
from rekall.entry.times import local_day, written
from rekall.knowledge import answers
from rekall.knowledge.lookups import Use
from rekall.wording import count_text, in_a_row, size_text

_MOST_QUERY = 60


def print_searches(app: App, most: int, *, as_json: bool) -> None:
    """Print what was looked for and read."""
    from rekall.knowledge.looked_for import looked_for

    base = app.open_base()
    said = looked_for(base.lookups)
    titles = base.titles([entry_id for entry_id, _ in said.used])
    used = [(entry_id, use) for entry_id, use in said.used if entry_id in titles][:most]
    if as_json:
        entries = [answers.summary(view.entry, view.successor) for view in (base.get(each) for each, _ in used)]
        out_json(
            {
                "kept": base.lookups.is_kept,
                "since": written(said.since) if said.since else None,
                "searches": said.searches,
                "readings": said.readings,
                "unfound": [
                    {"query": each.query, "times": each.times, "last": written(each.last)}
                    for each in said.unfound[:most]
                ],
                "used": [{**entry, **_fields(use)} for entry, (_, use) in zip(entries, used)],
            }
        )
        return
    if said.unfound:
        out(styled("looked for and not found", bold=True))
        rows = [[f"{each.times}×", local_day(each.last), in_a_row(each.query)] for each in said.unfound[:most]]
        out(columns(rows, stretch=2))
    if used:
        short = base.short_ids([entry_id for entry_id, _ in used])
        out(("\n" if said.unfound else "") + styled("read most", bold=True))
        rows = [
            [str(place), f"{use.times}×", local_day(use.last), short[entry_id], in_a_row(titles[entry_id])]
            for place, (entry_id, use) in enumerate(used, 1)
        ]
        out(columns(rows, stretch=4))
        remember(app, [entry_id for entry_id, _ in used])
    if not base.lookups.is_kept:
        talk(
            "nothing is kept of searches: lookups.keep is off"
            if app.settings.text("lookups.keep") == "off"
            else _none()
        )
    elif said.since is None:
        talk(_none())
    else:
        talk(
            f"\n{count_text(said.searches, 'search', 'searches')} and {count_text(said.readings, 'reading')} since "
            f"{local_day(said.since)}, kept on this machine alone; --forget forgets them"
        )


def forget_searches(app: App, *, as_json: bool) -> None:
    """Forget all that was looked for and read."""
    size = app.lookups().forget_all()
    if as_json:
        out_json({"forgotten_bytes": size})
    else:
        talk(f"forgotten: {size_text(size)} of searches and readings" if size else "there was nothing to forget")


def _none() -> str:
    return "nothing was looked for yet"


def _fields(use: Use) -> dict[str, Any]:
    return {"times": use.times, "last": written(use.last)}
