"""`rekall history ENTRY --forget`: what an entry said before is dropped, and its bytes are wiped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekall.app import App
from rekall.cli.asking import ask, need_somebody
from rekall.cli.render import out_json, talk
from rekall.system.drafts import traces_of
from rekall.wording import count_text, in_a_row, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rekall.knowledge_base import KnowledgeBase


def forget_past(app: App, base: KnowledgeBase, entry_id: str, *, yes: bool, as_json: bool) -> None:
    """Ask, and drop the versions of an entry."""
    states = base.past.states(entry_id)
    versions = sum(each.said is not None for each in states[1:])
    title = next((str(each.said["title"]) for each in states if each.said is not None), entry_id)
    if not yes:
        need_somebody("history --forget")
        before = count_text(versions, "version")
        question = f"forget {before} of {printable(title)!r}? They cannot be restored, and changes of it not undone."
        ask(question, "nothing forgotten", as_json=as_json)
    gone = base.past.forget(entry_id)
    copies = wiped_beside(app, entry_id)
    if as_json:
        why = gone.why_traces or None
        backups = [str(each) for each in copies]
        out_json({"id": entry_id, "forgotten": versions, "traces": bool(why), "why_traces": why, "backups": backups})
        return
    short = base.short_ids([entry_id])[entry_id]
    talk(f"forgot {count_text(versions, 'version')} of {short}  {in_a_row(title)}")
    if gone.why_traces:
        talk(
            f"\nnote: {gone.why_traces}, so traces of them stay in the file for now; the next command that can removes "
            f"them, and `rekall history {short} --forget` tries at once"
        )
    if copies:
        talk("\nnote: copies that were made before may still hold them; delete these files if nothing of it may stay:")
        for copy in copies:
            talk(f"  {printable(str(copy))}")


def wiped_beside(app: App, entry_id: str) -> Sequence[Path]:
    """The copies of the base that hold an entry of which something must not stay; its drafts are removed."""
    from rekall.system.replacing import remove_file

    for draft in traces_of(app.places.drafts, entry_id):
        remove_file(draft)
    return app.base_file().copies_with(entry_id)
