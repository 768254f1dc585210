"""Work that one process at a time does for all: who is at it, and taking it over from one that is dead or stands still."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from rekall.store.values import Lease
from rekall.system.clock import Clock
from rekall.system.processes import Processes

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

LEASE_S = 120.0
"""Seconds after which a lease that nobody renewed is free. It is renewed with every batch, which takes a second, and less
than a minute with the slowest models. A process of this machine that has ended holds nothing, however fresh; this is for
one that stands still, and for one of another machine."""


class Claims:
    """Takes leases, and knows which are held by somebody who lives."""

    def __init__(self, store: Store, clock: Clock, processes: Processes) -> None:
        """Work on an open store.

        Args:
            store: Keeps the leases.
            clock: The time.
            processes: The processes of this machine.
        """
        self._store = store
        self._clock = clock
        self._processes = processes

    def new_holder(self) -> str:
        """A token for somebody who is to hold leases; two threads of one process have two."""
        return os.urandom(8).hex()

    def of(self, name: str) -> Lease | None:
        """The lease of that name, or None when nobody who lives has it."""
        lease = self._store.leases.of(name)
        return lease if lease is not None and self.is_held(lease) else None

    def under(self, beginning: str) -> list[Lease]:
        """Every lease whose name begins so and that somebody who lives has."""
        return [lease for lease in self._store.leases.under(beginning) if self.is_held(lease)]

    def is_held(self, lease: Lease) -> bool:
        """Whether its holder lives: it was renewed lately, and its process runs as far as can be seen from here."""
        age = self._clock.now() - lease.renewed_at
        if abs(age) > timedelta(seconds=LEASE_S):  # far ahead: the clock was put back
            return False
        return not self.is_here(lease) or self._processes.is_running(lease.pid, lease.renewed_at)

    def is_here(self, lease: Lease) -> bool:
        """Whether its process is one of this machine."""
        return lease.host == self._processes.host()

    def take(self, name: str, holder: str, total: int = 0) -> Lease | None:
        """Take a lease that nobody who lives has. Returns None when somebody has it."""
        was = self._store.leases.of(name)
        if was is not None and self.is_held(was):
            return None
        made = Lease(name, holder, self._processes.this(), self._processes.host(), self._clock.now(), 0, total)
        return made if self._store.leases.take(made, was) else None

    def renew(self, lease: Lease, done: int, total: int) -> bool:
        """Say how far the work is. Returns False when it was taken over, because nothing was heard for too long."""
        return self._store.leases.renew(replace(lease, renewed_at=self._clock.now(), done=done, total=total))

    def release(self, holder: str, beginning: str = "") -> None:
        """Give up what a holder has, or what of it has a name that begins so."""
        self._store.leases.release(holder, beginning)

    def sweep(self, beginning: str) -> None:
        """Remove the leases under such names that nobody who lives has."""
        for lease in self._store.leases.under(beginning):
            if not self.is_held(lease):
                self._store.leases.release(lease.holder, lease.name)
