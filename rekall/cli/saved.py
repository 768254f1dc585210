"""How a stored entry is told: what it is called now, and what there is to know of it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rekall.cli.render import out, out_json, talk
from rekall.errors import RekallError
from rekall.knowledge import answers
from rekall.knowledge.capturing import about_secrets
from rekall.wording import printable

if TYPE_CHECKING:
    from rekall.knowledge.reports import Saved
    from rekall.knowledge_base import KnowledgeBase


def print_saved(base: KnowledgeBase, saved: Saved, verb: str, *, as_json: bool) -> None:
    """Tell what was stored. That it cannot be read again just now is no reason to fail: it is stored.

    Args:
        base: The base it is in.
        saved: What was stored.
        verb: What was done.
        as_json: Whether a program reads it.
    """
    if as_json:
        try:
            entry = answers.view(base.get(saved.entry.id))
        except RekallError:
            entry = {**answers.entry(saved.entry, None, ()), "origin": None}
        out_json({"entry": entry, "warning": saved.warning or None, "secrets": answers.secrets(saved.secrets)})
        return
    named = saved.entry.id
    with contextlib.suppress(RekallError):
        named = base.short_ids([named])[named]
    out(f"{verb} {named}  {printable(saved.entry.title)}")
    if saved.secrets:
        talk(f"\nwarning: {about_secrets(saved.secrets)}")
    if saved.warning:
        talk(f"\nwarning: stored, but it can be found by words only: {saved.warning}\n\nhint: {saved.hint}")
