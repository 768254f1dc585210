"""Leaves out waiting for the disk: whatever a test can see is the same without it, and a power cut is tried elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from rekall.db import Database
from rekall.system import files

OPEN, MIGRATE = Database._open, Database._migrate
"""As they are outside of the tests."""


@contextmanager
def no_waiting_for_the_disk() -> Iterator[None]:
    """Write without telling the disk, in this process; `make faults` and every process of its own do as they always do."""

    def opened(self: Database, migrations: Sequence[str]) -> None:
        OPEN(self, migrations)
        self._connection.pragma("synchronous", "OFF")

    def migrated(self: Database, migrations: Sequence[str]) -> None:
        self._connection.pragma("synchronous", "OFF")
        MIGRATE(self, migrations)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "_open", opened)
        patch.setattr(Database, "_migrate", migrated)
        patch.setattr(os, "fsync", lambda handle: None)
        patch.setattr(files, "_FULL_SYNC", None)
        yield
