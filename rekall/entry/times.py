"""Times as they are written: in files, in the database and in answers alike."""

from __future__ import annotations

from datetime import datetime, timezone

from rekall.errors import InvalidInput


def written(moment: datetime) -> str:
    """A time as text, 2026-01-31T09:00:00Z: UTC and whole seconds, so that texts sort as times do."""
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def parsed(text: str) -> datetime:
    """The time that `written` wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def moment(text: str) -> datetime:
    """A date (`2026-01-31`) or a time (`2026-01-31T09:00:00Z`) as a person writes it, UTC where it names no zone.

    Raises:
        InvalidInput: It is neither.
    """
    try:
        found = parsed(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{text!r} is not a date", "write 2026-01-31 or 2026-01-31T09:00:00Z") from None
