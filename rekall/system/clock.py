"""Time and new ids, as everything below the builder asks for them; a test brings its own."""

from __future__ import annotations

import os
import time
from datetime import datetime, timezone


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
        from ulid import ULID  # 20 ms that a search does not pay

        milliseconds = int((created_at.timestamp() if created_at else time.time()) * 1000)
        return str(ULID.from_bytes(max(milliseconds, 0).to_bytes(6, "big") + os.urandom(10)))
