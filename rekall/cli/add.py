"""`rekall add`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.editor import edit_until_good
from rekall.cli.fields import WRITTEN, changes_of
from rekall.cli.options import field_options, json_option, on_terminal, pass_app
from rekall.cli.render import out_json, talk
from rekall.cli.saved import print_saved
from rekall.entry.fields import CONTEXT, Draft
from rekall.entry.types import EntryType
from rekall.errors import UsageError

if TYPE_CHECKING:
    from rekall.knowledge.reports import Saved
    from rekall.knowledge_base import KnowledgeBase

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
@field_options(*WRITTEN)
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
    draft = changes_of(given).applied(Draft(rules.entry_type(kind), title))
    rules.checked(draft)  # before a database is created or an editor opens
    base = app.open_base(to_write=True)
    saved = _add_in_editor(app, base, draft) if empty and on_terminal() else base.add(draft)
    if saved is not None:
        print_saved(base, saved, "added", as_json=as_json)
    elif as_json:
        out_json({"entry": None, "warning": None, "secrets": []})
    else:
        talk("nothing written, nothing added")


def _add_in_editor(app: App, base: KnowledgeBase, draft: Draft) -> Saved | None:
    from rekall.exchange.markdown import edited_draft, text_to_edit

    return edit_until_good(
        app.places.drafts,
        "new",
        text_to_edit(draft) + "\n",
        app.settings.text("ui.editor"),
        lambda text: base.add(edited_draft(text, draft.type, draft.title)),
    )
