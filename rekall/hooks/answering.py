"""What is said to an event: the notes of the project, or what was surely found; most often nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.hooks import choosing, telling
from rekall.hooks.events import Asked
from rekall.hooks.hosts import Moment
from rekall.hooks.seen import Seen
from rekall.hooks.telling import Told
from rekall.search.results import Match, Mode, SearchResult

if TYPE_CHECKING:
    from rekall.app import App
    from rekall.knowledge_base import KnowledgeBase

_LOOKED_AT = 10
"""Hits that are asked for: those that were given already come off."""


def answer(app: App, asked: Asked, seen: Seen, tell: Callable[[Told | None], None] = lambda _: None) -> Told | None:
    """What the assistant is told; None for nothing. Changes nothing.

    Args:
        app: The application, over a base that is there.
        asked: What the host asks.
        seen: What the session was given already.
        tell: Told what the words alone find, before the model is waited for.
    """
    base = app.open_base()
    if asked.moment is Moment.SESSION:
        return _for_session(base, project_name(app, asked), seen)

    def told(found: SearchResult) -> Told | None:
        sure = [hit for hit in found.hits if hit.match is Match.STRONG and hit.entry.id not in seen.ids]
        if not sure:
            return None
        return telling.answer_text(asked.moment, sure, base.short_ids([hit.entry.id for hit in sure]))

    return told(
        base.search(
            asked.text,
            mode=Mode.WORDS if seen.is_slow else Mode.HYBRID,
            limit=_LOOKED_AT,
            literal=True,
            at_least=Match.STRONG,
            near=project_name(app, asked) or None,
            words_first=lambda found: tell(told(found)),
        )
    )


def project_name(app: App, asked: Asked) -> str:
    """The project that the assistant works in; empty where it is in none."""
    from rekall.system.repository import project_of

    if app.settings.text("add.project") != "auto":
        return ""
    try:
        found = project_of(Path(asked.folder or os.getcwd()))
    except (
        OSError,
        ValueError,
    ):  # the folder is gone, or what was sent is no path: a question is answered all the same
        return ""
    return found.name if found else ""


def _for_session(base: KnowledgeBase, project: str, seen: Seen) -> Told | None:
    if not project:
        return None
    entries, total = choosing.notes_for(base, project, datetime.now(timezone.utc))
    new = [entry for entry in entries if entry.id not in seen.ids]
    return telling.session_text(project, new, total, base.short_ids([entry.id for entry in new]))
