"""Time and new ids, as everything below the builder asks for them; a test brings its own."""

from __future__ import annotations

import os
import time
from datetime import datetime, timezone

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PLACES = range(125, -1, -5)


class Clock:
    """The clocks of this machine."""

    def now(self) -> datetime:
        """The time: UTC, whole seconds."""
        return datetime.now(timezone.utc).replace(microsecond=0)

    def seconds(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def new_id(self, created_at: datetime | None) -> str:
        """A ULID whose time is the entry's own, so that ids of old notes are told apart by few characters."""
        milliseconds = int((created_at.timestamp() if created_at else time.time()) * 1000)
        number = int.from_bytes(max(milliseconds, 0).to_bytes(6, "big") + os.urandom(10), "big")
        return "".join([_DIGITS[number >> place & 31] for place in _PLACES])
