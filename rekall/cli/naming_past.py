"""What a person may call a version of an entry, ENTRY@NUMBER, and an entry whose past is looked at: it may be deleted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rekall.app import App
from rekall.cli.naming import deleted_id, entry_id
from rekall.errors import Ambiguous, NotFound

if TYPE_CHECKING:
    from rekall.knowledge_base import KnowledgeBase

VERSION = re.compile(r"(?P<entry>.*[^@\s,])@(?P<number>[0-9]{1,18})", re.DOTALL)


def versioned(app: App, base: KnowledgeBase, text: str) -> tuple[str, int] | None:
    """The id and the number of ENTRY@NUMBER; None for anything else, and for what is the title of an entry.

    Raises:
        NotFound, Ambiguous: What stands before the @ names no entry, or several.
    """
    found = VERSION.fullmatch(text.strip())
    if found is None or any(each.title.strip() == text.strip() for each in base.titled(text.strip())):
        return None
    return known_id(app, base, found["entry"]), int(found["number"])


def known_id(app: App, base: KnowledgeBase, name: str) -> str:
    """The whole id of the entry that a person named, or of the deleted one."""
    try:
        return entry_id(app, base, name)
    except NotFound as error:
        if isinstance(error, Ambiguous):
            raise
        try:
            return deleted_id(app, base, name)
        except NotFound:
            raise error from None
