"""`rekall delete`, `restore` and `link`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.asking import ask, need_somebody
from rekall.cli.forgetting import wiped_beside
from rekall.cli.naming import METAVAR, deleted_id, entry_id, remember
from rekall.cli.naming_past import versioned
from rekall.cli.options import json_option, limit_option, pass_app
from rekall.cli.render import columns, out, out_json, talk
from rekall.cli.saved import print_saved
from rekall.cli.where import joined, together
from rekall.entry.times import local_day
from rekall.entry.types import LinkType
from rekall.errors import Ambiguous, NotFound, UsageError
from rekall.knowledge import answers
from rekall.wording import count_text, in_a_row, printable, shell_word

if TYPE_CHECKING:
    from rekall.entry.fields import Entry
    from rekall.entry.types import Tombstone
    from rekall.knowledge.reports import Deleted
    from rekall.knowledge_base import KnowledgeBase

_MOST_NAMED = 10
"""Titles that a question names; of more entries it tells the number."""


@click.command()
@click.argument("names", metavar=f"{METAVAR}...", nargs=-1, required=True)
@click.option("--forever", is_flag=True, help="Leave nothing to restore; works on deleted entries too.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@json_option
@pass_app
def delete(app: App, names: tuple[str, ...], forever: bool, yes: bool, as_json: bool) -> None:
    """Delete entries, after asking once. `rekall restore` brings them back.

    An entry is named by its number in the last list, by its id, or by its title; - reads ids from stdin, as in
    `rekall search nginx --ids | rekall delete -`.
    """
    if forever:
        _delete_for_ever(app, names, yes=yes, as_json=as_json)
        return
    home, ids = together(app, names, entry_id)
    base = home.base
    if not ids:
        talk("nothing to delete: no ids on stdin")
        return
    entries = [base.get(each).entry for each in ids]
    short = base.short_ids(ids)
    if not yes:
        _ask(entries, short, "", as_json=as_json)
    base.delete_all(ids)
    if as_json:
        fields = [_deleted_fields(entry) for entry in entries]
        out_json({"deleted": fields[0]} if len(fields) == 1 else {"entries": fields})
        return
    for entry in entries:
        talk(f"deleted {short[entry.id]}  {in_a_row(entry.title)}")
    back = " ".join(short[each] for each in ids[:_MOST_NAMED])
    talk(f"\nhint: `rekall {home.option}restore {back}` brings {'it' if len(ids) == 1 else 'them'} back")


def _delete_for_ever(app: App, names: Sequence[str], *, yes: bool, as_json: bool) -> None:
    """Delete entries, or what is left of deleted ones, so that nothing can be restored."""
    home, ids = together(app, names, _erasable_id)
    base = home.base
    found = {each: None if base.erased(each) else _entry_or_tombstone(base, each) for each in ids}
    entries = [entry for entry in found.values() if entry is not None]
    short = base.short_ids(list(found))
    if not found:
        talk("nothing to delete: no ids on stdin")
        return
    if entries and not yes:
        _ask(entries, short, " for ever", as_json=as_json)
    erased = [base.delete(each, forever=True) for each in found]
    copies = {each: wiped_beside(app, each) for each in found}
    if as_json:
        gone = [_deleted_fields(entry) for entry in entries]
        named = {"entries": gone} if len(found) > 1 else {"deleted": gone[0] if gone else None}
        why = next((each.why_traces for each in erased if each.why_traces), None)
        backups = list(dict.fromkeys(str(copy) for each in copies.values() for copy in each))
        out_json({**named, "traces": bool(why), "why_traces": why, "backups": backups})
        return
    for each in erased:
        gone_now = found[each.entry_id]
        named_so = f"{short[each.entry_id]}  {in_a_row(gone_now.title)}" if gone_now else each.entry_id
        _report_erased(each, named_so, copies[each.entry_id])


def _ask(entries: Sequence[Entry | Tombstone], short: dict[str, str], how: str, *, as_json: bool) -> None:
    """Ask whether to delete entries; a no ends the command with the exit code of an interruption.

    Raises:
        UsageError: There is nobody to ask.
    """
    if len(entries) == 1:
        question = f"delete {entries[0].type.value} {printable(entries[0].title)!r}{how}?"
    else:
        question = f"delete these {len(entries)} entries{how}?"
    need_somebody("delete")
    if len(entries) > 1:
        for entry in entries[:_MOST_NAMED]:
            talk(f"  {short[entry.id]}  {in_a_row(entry.title)}")
        if len(entries) > _MOST_NAMED:
            talk(f"  and {len(entries) - _MOST_NAMED} more")
    ask(question, "nothing deleted", as_json=as_json)


def _report_erased(erased: Deleted, named: str, copies: Sequence[Path]) -> None:
    """Say that an entry is gone for ever, and what of it may still lie somewhere."""
    talk(f"deleted {named} for ever")
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
@click.argument("names", metavar=f"[{METAVAR}]...", nargs=-1)
@limit_option("20")
@json_option
@pass_app
def restore(app: App, names: tuple[str, ...], limit: int | None, as_json: bool) -> None:
    """Bring back deleted entries, or earlier versions; list what was deleted.

    Without a name, what was deleted is listed, the last first. A deleted entry is named by its number in that list, by its id, or by its title. ENTRY@NUMBER is a version of an entry,
    as `rekall history ENTRY` numbers them: the entry says again what it said then, and what it says now stays in its history.
    """
    for name in names:
        if (os.sep in name or name.endswith(".db")) and os.path.exists(name):
            raise _not_an_id(name)  # before the base is opened: it may be what is to be replaced
    if not names:
        _list_deleted(app, app.open_base(), limit or 20, as_json=as_json)
        return
    saved = []
    home, wanted = together(app, names, _restorable)
    base = home.base
    for entry, number in wanted:
        if number is not None:
            base.past.state(entry, number)
    with base.past.as_one(
        "restore", f"version {wanted[0][1]}" if len(wanted) == 1 and wanted[0][1] is not None else ""
    ):
        for entry, number in wanted:
            saved.append(base.restore(entry) if number is None else base.past.put_version(entry, number))
            if len(names) == 1 or not as_json:
                print_saved(base, saved[-1], "restored", as_json=as_json)
    if len(names) > 1 and as_json:
        out_json({"entries": [answers.view(base.get(each.entry.id)) for each in saved]})


def _restorable(app: App, base: KnowledgeBase, name: str) -> tuple[str, int | None]:
    """What a person wants back: a deleted entry, or a version of an entry."""
    return versioned(app, base, name) or (_deleted_named(app, base, name), None)


def _deleted_named(app: App, base: KnowledgeBase, name: str) -> str:
    """The id of the deleted entry that a person named; one that was never deleted is left to `restore` to refuse."""
    try:
        named = deleted_id(app, base, name)
    except NotFound as error:
        if isinstance(error, Ambiguous):
            raise
        if os.path.exists(name):
            raise _not_an_id(name) from error
        try:
            named = entry_id(app, base, name)
        except NotFound:
            raise error from None
    title = base.titles([named]).get(named)
    if title is not None:
        short = base.short_ids([named])[named]
        raise NotFound(
            f"{printable(title)!r} is not deleted",
            f"`rekall history {short}` lists its versions, `rekall restore {short}@VERSION` brings one back",
        )
    return named


def _list_deleted(app: App, base: KnowledgeBase, most: int, *, as_json: bool) -> None:
    """List what can be restored."""
    found = base.deleted(most)
    if as_json:
        out_json({"tombstones": [answers.tombstone(each) for each in found]})
    elif found:
        short = base.short_ids([item.id for item in found])
        out(
            columns(
                [
                    [f"{place:>2}", in_a_row(item.title), item.type.value, local_day(item.deleted_at), short[item.id]]
                    for place, item in enumerate(found, 1)
                ],
                stretch=1,
            )
        )
        remember(app, [item.id for item in found])
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
@click.argument("source", metavar=METAVAR)
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
@click.option("--remove", is_flag=True, help="Remove the link; without --type, every link from the first to the other.")
@json_option
@pass_app
def link(app: App, source: str, target: str, kind: str | None, reason: str, remove: bool, as_json: bool) -> None:
    """Link one entry to another.

    `rekall link 1 3` links two of the last list. An entry that is superseded becomes obsolete. Removing that link makes
    it active again, unless another entry supersedes it too.
    """
    from rekall.entry import rules

    link_type = rules.link_type(kind) if kind else None
    home, (source, target) = joined(app, (source, target))
    base = home.base
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


def _erasable_id(app: App, base: KnowledgeBase, name: str) -> str:
    """The id of what a person wants to be gone for ever: an entry, a deleted one, or one of which only traces are left."""
    left = base.erased(name)
    if left is not None:
        return left
    if name.strip().removeprefix("@").isdecimal() and len(name.strip().removeprefix("@")) <= 3:
        return _entry_or_tombstone(base, deleted_id(app, base, name)).id
    try:
        return _entry_or_tombstone(base, name).id
    except NotFound as error:
        if isinstance(error, Ambiguous):
            raise
        return entry_id(app, base, name)


def _entry_or_tombstone(base: KnowledgeBase, name: str) -> Entry | Tombstone:
    """The entry or the deleted one of an id, or of a part of one."""
    found: list[Entry | Tombstone] = []
    for look_up in (lambda: base.get(name).entry, lambda: base.find_deleted(name)):
        try:
            found.append(look_up())
        except Ambiguous:
            raise
        except NotFound:
            continue
    if len(found) > 1:
        candidates = [f"{item.id}  {item.title}" for item in found]
        raise Ambiguous(
            f"{name!r} matches both an entry and a deleted one", "give more characters of the id", candidates
        )
    return found[0] if found else base.get(name).entry
