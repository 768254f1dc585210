"""`rekall edit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.editor import Desk, edit_until_good
from rekall.cli.fields import WRITTEN, changes_of
from rekall.cli.naming import METAVAR, Named, named
from rekall.cli.options import field_options, json_option, on_terminal, pass_app
from rekall.cli.render import out_json, talk
from rekall.cli.saved import print_changed, print_saved
from rekall.cli.show import source_of
from rekall.cli.where import Home, beside, together
from rekall.errors import EditConflict, UsageError
from rekall.knowledge import answers
from rekall.wording import count_text, printable, shell_word

if TYPE_CHECKING:
    from rekall.entry.changes import Changes
    from rekall.entry.fields import Draft, Entry
    from rekall.knowledge.reports import Saved
    from rekall.knowledge_base import KnowledgeBase


@click.command()
@click.argument("names", metavar=f"[{METAVAR}]...", nargs=-1)
@field_options("title", "type", "status", "superseded_by")
@click.option(
    "--untag", "--remove-tag", "remove_tags", multiple=True, metavar="TAG", help="A tag to remove; repeat for more."
)
@click.option("--add-tag", "more_tags", multiple=True, metavar="TAG", hidden=True, help="The same as --tag.")
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
@click.option("--fresh", is_flag=True, help="Start over in the editor, and throw away an earlier draft.")
@json_option
@pass_app
def edit(
    app: App,
    /,
    names: tuple[str, ...],
    remove_tags: tuple[str, ...],
    more_tags: tuple[str, ...],
    fresh: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Change entries, with options or in the editor; without a name, choose one.

    Each option replaces its field, except --tag, which adds, and holds for every entry that is named; - takes their ids
    from stdin. Without options the entry opens in ui.editor, $VISUAL or $EDITOR, at the passage that a search matched
    where it is named by the number of a hit. Headings in it such as Situation or Solution are its fields.
    """
    if given["content"] == "-" and "-" in names:
        raise UsageError("both the ids and the content are to come from stdin", "name the entry")
    home, found = together(app, names, named) if names else (Home(app.open_base()), [_picked(app, as_json=as_json)])
    base = home.base
    if given["superseded_by"] and found:
        given["superseded_by"] = beside(app, home, found[0].entry_id, given["superseded_by"])
    given["tags"] = (*given["tags"], *more_tags)
    given["project"] = "" if given["project"] == "-" else given["project"]
    if "" in given["sources"]:
        _edit_source(app, base, _only(found, "--source").entry_id, as_json=as_json)
        return
    changes = changes_of(given, remove_tags)
    if changes.is_empty and ("-" in names or (len(found) > 1 and as_json)):
        raise UsageError("there is nothing to change", "say what: `rekall edit - --tag git`")
    if changes.is_empty:
        _refuse_piped(names)
        for each in found:
            _edit_one(app, base, each, fresh=fresh, as_json=as_json)
    elif len(found) == 1 and "-" not in names:
        old = base.get(found[0].entry_id).entry
        print_saved(base, _stored(base, old, changes.applied(old.as_draft())), "changed", as_json=as_json)
    else:
        _change_all(base, found, changes, as_json=as_json)


def _picked(app: App, *, as_json: bool) -> Named:
    """The entry that a person chooses."""
    from rekall.cli.pick import can_pick, pick_one

    if as_json or not (can_pick() and on_terminal()):
        raise UsageError(
            "edit needs an entry",
            "`rekall list` and `rekall search` number what they show: `rekall edit 1`; on a terminal `rekall edit` lets you choose",
        )
    chosen = pick_one(app, "")
    if chosen is None:
        raise click.exceptions.Exit(130)
    return Named(chosen)


def _refuse_piped(names: Sequence[str]) -> None:
    """Refuse what is piped in: an editor would read it as keys, and the text would be lost."""
    from rekall.cli.add import piped_in

    if piped_in(is_content=False, is_taken=False).strip():
        name = shell_word(names[0]) if names else "1"
        raise UsageError(
            "a text is piped in, and nothing says where it goes",
            f"`rekall edit {name} -c -` makes it the content; `rekall edit {name} < /dev/tty` opens the editor in a loop",
        )


def _only(found: Sequence[Named], option: str) -> Named:
    if len(found) != 1:
        raise UsageError(f"{option} opens one file, and {len(found)} entries are named", "name one of them")
    return found[0]


def _change_all(base: KnowledgeBase, found: Sequence[Named], changes: Changes, *, as_json: bool) -> None:
    """Change several entries, all or none."""
    saved = base.change_all([each.entry_id for each in found], changes)
    print_changed(base, saved, as_json=as_json)
    same = len(found) - len(saved)
    if same and not as_json:
        talk(f"nothing changed in {count_text(same, 'entry', 'entries')}" if saved else "nothing changed")


def _edit_one(app: App, base: KnowledgeBase, named: Named, *, fresh: bool, as_json: bool) -> None:
    """Let the person change an entry in the editor."""
    old = base.get(named.entry_id).entry
    base.lookups.note_opened([old.id], "edit", named.line)
    saved = edited_in_editor(app, base, old, named.at, fresh=fresh)
    if saved is not None:
        print_saved(base, saved, "changed", as_json=as_json)
    elif as_json:
        out_json({"entry": answers.view(base.get(old.id)), "warning": None, "secrets": []})
    else:
        talk("nothing changed")


def edited_in_editor(app: App, base: KnowledgeBase, old: Entry, place: int = 0, *, fresh: bool = False) -> Saved | None:
    """Let the person change an entry in the editor. Returns it as it was stored; None where nothing was changed.

    Args:
        app: Knows the editor, and where drafts are kept.
        base: The base.
        old: The entry.
        place: The character of its content at which the editor begins.
        fresh: Whether an earlier draft is thrown away.
    """
    from rekall.exchange.editing import edited_draft, line_of_content, text_to_edit

    text = text_to_edit(old)
    line = line_of_content(text, place, old.content)
    desk = Desk(app.places.drafts, app.settings.text("ui.editor"), line, fresh)
    return edit_until_good(desk, old.id, text, lambda edited: _stored(base, old, edited_draft(edited, old.type)))


def _stored(base: KnowledgeBase, old: Entry, draft: Draft) -> Saved:
    """Store an edit, merged with what somebody else changed meanwhile, who is a window or a colleague away."""
    try:
        return base.edit(old, draft)
    except EditConflict:
        edited = base.sync.edit(old, draft)
    talk(
        f"note: somebody else changed its {', '.join(edited.theirs).replace('_', ' ')} meanwhile; both changes are in it"
    )
    return edited.saved


def _edit_source(app: App, base: KnowledgeBase, entry_id: str, *, as_json: bool) -> None:
    """Let the person edit the file of an entry, and take in what changed."""
    from rekall.system.editor import open_editor

    file = source_of(base.get(entry_id))
    closed = open_editor(file, app.settings.text("ui.editor"))
    if closed.code:
        raise UsageError(f"the editor ended with code {closed.code}", "nothing was imported; set ui.editor or $EDITOR")
    report = base.files.import_paths(file)
    view = base.get(entry_id)
    if as_json:
        found = answers.secrets([secret for _, secret in report.secrets])
        out_json({"entry": answers.view(view), "warning": report.warning or None, "secrets": found})
    else:
        talk(f"{'changed' if report.updated else 'nothing changed in'} {printable(view.entry.title)}, from {file}")
        if closed.is_soon and not report.updated:
            talk(f"note: the editor ended at once\n\nhint: {closed.advice}")
