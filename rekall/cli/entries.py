"""`rekall delete`, `restore` and `link`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.options import json_option, limit_option, on_terminal, pass_app
from rekall.cli.render import columns, out, out_json, talk
from rekall.cli.saved import print_saved
from rekall.entry.times import local_day
from rekall.entry.types import LinkType
from rekall.errors import Ambiguous, Interrupted, NotFound, UsageError
from rekall.knowledge import answers
from rekall.system.drafts import traces_of
from rekall.wording import count_text, in_a_row, printable, shell_word

if TYPE_CHECKING:
    from rekall.entry.fields import Entry
    from rekall.entry.types import Tombstone
    from rekall.knowledge.reports import Deleted
    from rekall.knowledge_base import KnowledgeBase


@click.command()
@click.argument("entry_id", metavar="ID")
@click.option("--forever", is_flag=True, help="Leave nothing to restore; works on deleted entries too.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@json_option
@pass_app
def delete(app: App, entry_id: str, forever: bool, yes: bool, as_json: bool) -> None:
    """Delete an entry, after asking. `rekall restore` brings it back."""
    base = app.open_base()
    left = base.erased(entry_id) if forever else None
    if left is not None:
        _report_erased(app, base.delete(left, forever=True), None, as_json=as_json)
        return
    entry = _entry_or_tombstone(base, entry_id) if forever else base.get(entry_id).entry
    for_ever = " for ever" if forever else ""
    if not yes:
        if not on_terminal():
            raise UsageError(
                "delete asks for confirmation, and there is no terminal to ask on",
                "add --yes to delete without being asked",
            )
        if not click.confirm(f"delete {entry.type.value} {printable(entry.title)!r}{for_ever}?", err=True):
            raise Interrupted("nothing deleted")
    if forever:
        _report_erased(app, base.delete(entry.id, forever=True), entry, as_json=as_json)
        return
    base.delete(entry.id)
    if as_json:
        out_json({"deleted": _deleted_fields(entry)})
    else:
        talk(f"deleted {entry.id}  {printable(entry.title)}")
        talk(f"\nhint: `rekall restore {entry.id}` brings it back")


def _report_erased(app: App, erased: Deleted, entry: Entry | Tombstone | None, *, as_json: bool) -> None:
    """Say that an entry is gone for ever, and what of it may still lie somewhere.

    Args:
        app: Knows where drafts and backups lie.
        erased: What became of it.
        entry: What it was; None when it was gone already, and its traces were wiped now.
        as_json: Whether a program reads it.
    """
    for draft in traces_of(app.places.drafts, erased.entry_id):
        draft.unlink(missing_ok=True)
    copies = app.base_file().copies_with(erased.entry_id)
    if as_json:
        gone = _deleted_fields(entry) if entry else None
        why = erased.why_traces or None
        out_json({"deleted": gone, "traces": bool(why), "why_traces": why, "backups": list(map(str, copies))})
        return
    talk(f"deleted {erased.entry_id}{f'  {printable(entry.title)}' if entry else ''} for ever")
    if erased.why_traces:
        talk(
            f"\nnote: {erased.why_traces}, so traces of its text stay in the file for now; the next command that can "
            f"removes them, and `rekall delete --forever {erased.entry_id}` tries at once"
        )
    if copies:
        talk("\nnote: it is still in copies that were made before; delete these files if nothing of it may stay:")
        for copy in copies:
            talk(f"  {printable(str(copy))}")


def _deleted_fields(entry: Entry | Tombstone) -> dict[str, Any]:
    return {"id": entry.id, "type": entry.type.value, "title": entry.title}


@click.command()
@click.argument("entry_id", metavar="ID", required=False)
@limit_option("20")
@json_option
@pass_app
def restore(app: App, entry_id: str | None, limit: int | None, as_json: bool) -> None:
    """Bring back a deleted entry; without ID, list deleted entries, most recent first."""
    if entry_id is not None and (os.sep in entry_id or entry_id.endswith(".db")) and os.path.exists(entry_id):
        raise _not_an_id(entry_id)  # before the base is opened: it may be what is to be replaced
    base = app.open_base()
    if entry_id is not None:
        try:
            saved = base.restore(entry_id)
        except NotFound as error:
            if isinstance(error, Ambiguous) or not os.path.exists(entry_id):
                raise
            raise _not_an_id(entry_id) from error
        print_saved(base, saved, "restored", as_json=as_json)
        return
    found = base.deleted(limit or 20)
    if as_json:
        out_json({"tombstones": [answers.tombstone(each) for each in found]})
    elif found:
        rows = [[item.id, item.type.value, in_a_row(item.title), local_day(item.deleted_at)] for item in found]
        out(columns(rows, stretch=2))
    else:
        talk("no deleted entries to restore")


def _not_an_id(path: str) -> UsageError:
    """What to say to a file where the id of a deleted entry belongs."""
    file = shell_word(path)
    return UsageError(
        f"restore brings back a deleted entry, and {path} is a file",
        f"did you mean `rekall restore-base {file}`, for a backup of the whole base, or `rekall import {file}`?",
    )


@click.command()
@click.argument("source", metavar="ID")
@click.argument("target", metavar="OTHER")
@click.option(
    "--type",
    "--as",
    "-t",
    "kind",
    metavar="TYPE",
    help="related (the default), supersedes, derived_from or contradicts.",
)
@click.option("--reason", metavar="TEXT", default="", help="Why.")
@click.option("--remove", is_flag=True, help="Remove the link; without --type, every link from ID to OTHER.")
@json_option
@pass_app
def link(app: App, source: str, target: str, kind: str | None, reason: str, remove: bool, as_json: bool) -> None:
    """Link one entry to another. An entry that is superseded becomes obsolete.

    Removing that link makes it active again, unless another entry supersedes it too.
    """
    from rekall.entry import rules

    base = app.open_base()
    link_type = rules.link_type(kind) if kind else None
    if remove:
        count = base.unlink(source, target, link_type)
        if as_json:
            out_json({"removed_links": count})
        else:
            talk(f"removed {count_text(count, 'link')}")
        return
    made = base.link(source, target, link_type or LinkType.RELATED, reason)
    if as_json:
        out_json({"link": answers.link(made)})
    else:
        titles = base.titles([made.source, made.target])
        out(f"{printable(titles[made.source])}  {made.type.value} →  {printable(titles[made.target])}")


def _entry_or_tombstone(base: KnowledgeBase, entry_id: str) -> Entry | Tombstone:
    """The entry or tombstone that an id prefix names."""
    found: list[Entry | Tombstone] = []
    for look_up in (lambda: base.get(entry_id).entry, lambda: base.find_deleted(entry_id)):
        try:
            found.append(look_up())
        except Ambiguous:
            raise
        except NotFound:
            continue
    if len(found) > 1:
        candidates = [f"{item.id}  {item.title}" for item in found]
        raise Ambiguous(
            f"{entry_id!r} matches both an entry and a deleted one", "give more characters of the id", candidates
        )
    return found[0] if found else base.find_deleted(entry_id)
