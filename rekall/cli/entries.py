"""`rekall add`, `show`, `edit`, `delete`, `restore`, `link` and `list`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.editor import edit_until_good
from rekall.cli.options import (
    field_options,
    filter_options,
    json_option,
    limit_option,
    on_terminal,
    pass_app,
    read_stdin,
)
from rekall.cli.render import columns, entry_text, out, out_json, talk, terminal_width, way_in
from rekall.cli.saved import print_saved
from rekall.entry.changes import Changes
from rekall.entry.fields import CONTEXT, Draft
from rekall.entry.times import local_day
from rekall.entry.types import EntryType, LinkType
from rekall.errors import Ambiguous, Interrupted, NotFound, UsageError
from rekall.knowledge import answers
from rekall.system.drafts import traces_of
from rekall.wording import count_text, in_a_row, printable, shell_word

if TYPE_CHECKING:
    from pathlib import Path

    from rekall.entry.fields import Entry
    from rekall.entry.filters import Filters
    from rekall.entry.types import Tombstone
    from rekall.entry.view import EntryView
    from rekall.knowledge.reports import Deleted, Saved
    from rekall.knowledge_base import KnowledgeBase

_NARROW = 60
"""On a terminal narrower than this, a list leaves out project and date."""

_WRITTEN = ("content", "tags", "project", "confidence", *(field.name for field in CONTEXT))
"""The fields that both `add` and `edit` take as options."""

_TYPES = [kind.value for kind in EntryType]
_ADD_HELP = f"""Write down an entry.

TYPE is {", ".join(_TYPES[:-1])} or {_TYPES[-1]}. On a terminal, the editor opens if no text is given.
"""

_TEXTS = ("content", *(field.name for field in CONTEXT if field.embedded))
"""If none of these is given, the entry says nothing yet and the editor opens."""


@click.command(help=_ADD_HELP)
@click.argument("kind", metavar="TYPE")
@click.argument("title")
@click.argument("stdin", required=False, metavar="[-]")
@field_options(*_WRITTEN)
@json_option
@pass_app
def add(app: App, /, kind: str, title: str, stdin: str | None, as_json: bool, **given: Any) -> None:
    """Write down an entry; its help is `_ADD_HELP`."""
    from rekall.entry import rules

    if stdin is not None:
        if stdin != "-" or given["content"] is not None:
            raise UsageError(
                f"unexpected argument {stdin!r}",
                "put a title of several words in quotes; a lone - reads the content from stdin",
            )
        given["content"] = "-"
    empty = not any(given[name] for name in _TEXTS)
    draft = _changes(given).applied(Draft(rules.entry_type(kind), title))
    rules.checked(draft)  # before a database is created or an editor opens
    base = app.open_base(to_write=True)
    saved = _add_in_editor(app, base, draft) if empty and on_terminal() else base.add(draft)
    if saved is not None:
        print_saved(base, saved, "added", as_json=as_json)
    elif as_json:
        out_json({"entry": None, "warning": None, "secrets": []})
    else:
        talk("nothing written, nothing added")


@click.command()
@click.argument("entry_id", metavar="ID")
@click.option("--path", "path_only", is_flag=True, help="Print only the file it was imported from.")
@json_option
@pass_app
def show(app: App, entry_id: str, path_only: bool, as_json: bool) -> None:
    """Show an entry in full."""
    base = app.open_base()
    view = base.get(entry_id)
    if path_only:
        out(str(_source_of(view)))
    elif as_json:
        out_json({"entry": answers.view(view)})
    else:
        out(entry_text(view))


@click.command()
@click.argument("entry_id", metavar="ID")
@field_options("title", "type", "status", "superseded_by")
@click.option("--untag", "remove_tags", multiple=True, metavar="TAG", help="A tag to remove; repeat for more.")
@field_options(*(name for name in _WRITTEN if name != "sources"))
@click.option(
    "--source",
    "sources",
    multiple=True,
    is_flag=False,
    flag_value="",
    metavar="[TEXT]",
    help="Where it comes from: a link, a book. Alone: open the file it was imported from, then import that again.",
)
@json_option
@pass_app
def edit(app: App, /, entry_id: str, remove_tags: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Change an entry, with options or in the editor.

    Each option replaces its field, except --tag, which adds. Without options, the entry opens as Markdown in ui.editor,
    $VISUAL or $EDITOR.
    """
    base = app.open_base()
    if "" in given["sources"]:
        _edit_source(app, base, entry_id, as_json=as_json)
        return
    old = base.get(entry_id).entry
    changes = _changes(given, remove_tags)
    saved = _edit_in_editor(app, base, old) if changes.is_empty else base.edit(old, changes.applied(old.as_draft()))
    if saved is not None:
        print_saved(base, saved, "changed", as_json=as_json)
    elif as_json:
        out_json({"entry": answers.view(base.get(old.id)), "warning": None, "secrets": []})
    else:
        talk("nothing changed")


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


@click.command("list")
@filter_options
@limit_option("20; --all for all")
@click.option("--all", "everything", is_flag=True, help="List all entries.")
@click.option("--offset", type=click.IntRange(0), default=0, metavar="N", help="Skip the first N entries.")
@json_option
@pass_app
def list_entries(app: App, filters: Filters, limit: int | None, everything: bool, offset: int, as_json: bool) -> None:
    """List entries, most recently changed first."""
    base = app.open_base()
    page = base.list_entries(filters, None if everything else limit or 20, offset)
    if as_json:
        entries = [answers.entry(entry, page.successors.get(entry.id)) for entry in page.entries]
        out_json({"total": page.total, "entries": entries})
        return
    if page.entries:
        short = base.short_ids([entry.id for entry in page.entries])
        out(columns([_list_row(short, entry) for entry in page.entries], stretch=2))
    if not page.entries:
        talk("nothing to list" + ("" if page.total or not filters.is_empty else f"; {way_in()}"))
    elif page.total > len(page.entries):
        talk(
            f"\n{len(page.entries)} of {count_text(page.total, 'entry', 'entries')}; --all lists all, --limit and --offset choose a part"
        )


def _list_row(short: Mapping[str, str], entry: Entry) -> list[str]:
    obsolete = " (obsolete)" if entry.status.value == "obsolete" else ""
    row = [short[entry.id], entry.type.value, in_a_row(entry.title) + obsolete]
    return row if terminal_width() < _NARROW else [*row, in_a_row(entry.project or ""), local_day(entry.updated_at)]


def _add_in_editor(app: App, base: KnowledgeBase, draft: Draft) -> Saved | None:
    from rekall.exchange.markdown import edited_draft, text_to_edit

    return edit_until_good(
        app.places.drafts,
        "new",
        text_to_edit(draft) + "\n",
        app.settings.text("ui.editor"),
        lambda text: base.add(edited_draft(text, draft.type, draft.title)),
    )


def _edit_in_editor(app: App, base: KnowledgeBase, old: Entry) -> Saved | None:
    from rekall.exchange.markdown import edited_draft, text_to_edit

    return edit_until_good(
        app.places.drafts,
        old.id,
        text_to_edit(old),
        app.settings.text("ui.editor"),
        lambda text: base.edit(old, edited_draft(text, old.type)),
    )


def _source_of(view: EntryView) -> Path:
    """The file that an entry was imported from. Raises NotFound."""
    from rekall.knowledge.origins import source_file

    if not view.origin:
        raise NotFound(f"{view.entry.title!r} was not imported from a file", "`rekall edit` changes it here")
    file = source_file(view.origin)
    if file is None:
        raise NotFound(f"its file is gone: {view.origin}", "if it was moved, import it from where it is now")
    return file


def _edit_source(app: App, base: KnowledgeBase, entry_id: str, *, as_json: bool) -> None:
    """Let the person edit the file of an entry, and take in what changed."""
    from rekall.system.editor import open_editor

    file = _source_of(base.get(entry_id))
    code = open_editor(file, app.settings.text("ui.editor"))
    if code:
        raise UsageError(f"the editor ended with code {code}", "nothing was imported; set ui.editor or $EDITOR")
    report = base.files.import_paths(file)
    view = base.get(entry_id)
    if as_json:
        found = answers.secrets([secret for _, secret in report.secrets])
        out_json({"entry": answers.view(view), "warning": report.warning or None, "secrets": found})
    else:
        talk(f"{'changed' if report.updated else 'nothing changed in'} {printable(view.entry.title)}, from {file}")


def _changes(given: Mapping[str, Any], remove_tags: tuple[str, ...] = ()) -> Changes:
    """The changes given on the command line; fields not given stay as they are."""
    values = {name: value for name, value in given.items() if value is not None and value != ()}
    add_tags = values.pop("tags", ())
    if values.get("content") == "-":
        values["content"] = read_stdin()
    return Changes.of(add_tags=add_tags, remove_tags=remove_tags, **values)


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
