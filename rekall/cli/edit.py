"""`rekall edit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.editor import edit_until_good
from rekall.cli.fields import WRITTEN, changes_of
from rekall.cli.options import field_options, json_option, pass_app
from rekall.cli.render import out_json, talk
from rekall.cli.saved import print_saved
from rekall.cli.show import source_of
from rekall.errors import UsageError
from rekall.knowledge import answers
from rekall.wording import printable

if TYPE_CHECKING:
    from rekall.entry.fields import Entry
    from rekall.knowledge.reports import Saved
    from rekall.knowledge_base import KnowledgeBase


@click.command()
@click.argument("entry_id", metavar="ID")
@field_options("title", "type", "status", "superseded_by")
@click.option("--untag", "remove_tags", multiple=True, metavar="TAG", help="A tag to remove; repeat for more.")
@field_options(*(name for name in WRITTEN if name != "sources"))
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
    changes = changes_of(given, remove_tags)
    saved = _edit_in_editor(app, base, old) if changes.is_empty else base.edit(old, changes.applied(old.as_draft()))
    if saved is not None:
        print_saved(base, saved, "changed", as_json=as_json)
    elif as_json:
        out_json({"entry": answers.view(base.get(old.id)), "warning": None, "secrets": []})
    else:
        talk("nothing changed")


def _edit_in_editor(app: App, base: KnowledgeBase, old: Entry) -> Saved | None:
    from rekall.exchange.markdown import edited_draft, text_to_edit

    return edit_until_good(
        app.places.drafts,
        old.id,
        text_to_edit(old),
        app.settings.text("ui.editor"),
        lambda text: base.edit(old, edited_draft(text, old.type)),
    )


def _edit_source(app: App, base: KnowledgeBase, entry_id: str, *, as_json: bool) -> None:
    """Let the person edit the file of an entry, and take in what changed."""
    from rekall.system.editor import open_editor

    file = source_of(base.get(entry_id))
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
