"""How the shell says what became of an answer in a review, and how long an entry was not looked at."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from rekall.entry.times import local_day
from rekall.knowledge.review import Answer
from rekall.wording import age_text, count_text

if TYPE_CHECKING:
    from rekall.knowledge.review import Answered, Standing


def said(answered: Answered) -> str:
    """What became of an answer, in a few words."""
    if answered.answer is Answer.OUTDATED:
        return "obsolete"
    if answered.due_at is None:
        return "never asked about again"
    if answered.answer is Answer.AGAIN:
        return "due now"
    word = "holds" if answered.answer is Answer.HOLDS else "changed"
    return f"{word}; asked about again {ahead(answered.due_at)}"


def seen_text(standing: Standing) -> str:
    """How long an entry was not looked at."""
    age = age_text(standing.seen_at, datetime.now(timezone.utc))
    if standing.times:
        last = "just now" if age == "now" else f"{age} ago"
        return f"looked at {count_text(standing.times, 'time')}, last {last}"
    return "changed just now" if age == "now" else f"unchanged for {age}, never reviewed"


def ahead(moment: datetime) -> str:
    """How far a day lies ahead, and which it is."""
    now = datetime.now(timezone.utc)
    return f"in {age_text(now - (moment - now), now)} ({local_day(moment)})"
