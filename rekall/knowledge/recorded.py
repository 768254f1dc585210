"""A store of which every change is recorded; what records them is imported with the first change, since a search makes none."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rekall.knowledge.recording import Recorder
    from rekall.store.contract import Store
    from rekall.system.clock import Clock

_RECORDED = ("entries", "links", "transaction", "history")
"""The parts of a store through which entries and links change; every other is the store's own."""


@dataclass
class Actor:
    """Who works with a base: the door, and the name of the program behind it, or empty."""

    door: str = "python"
    client: str = ""


class Recorded:
    """Stands in the place of a store for whatever writes to it; see `recording.Recorder`."""

    def __init__(self, store: Store, clock: Clock, most: int) -> None:
        """Record the changes of a store.

        Args:
            store: The store.
            clock: The time.
            most: How many versions of an entry are kept; 0 records nothing.
        """
        self._store = store
        self._made: Recorder | None = None
        self._making = threading.Lock()
        self._clock = clock
        self._most = most
        self.actor = Actor()
        self._mine = threading.local()

    @property
    def recorder(self) -> Recorder:
        """What records: one for all threads, as what a transaction of one changes another would not know of."""
        if self._made is None:
            from rekall.knowledge.recording import Recorder

            with self._making:
                if self._made is None:
                    self._made = Recorder(self._store, self._clock, self._who, self._most)
        return self._made

    @contextlib.contextmanager
    def acting(self, door: str, client: str = "") -> Iterator[None]:
        """Say who makes the changes of a block, in this thread alone: a server works for several at once."""
        outer: Actor | None = getattr(self._mine, "actor", None)
        self._mine.actor = Actor(door, client)
        try:
            yield
        finally:
            self._mine.actor = outer

    def _who(self) -> tuple[str, str]:
        actor: Actor = getattr(self._mine, "actor", None) or self.actor
        return actor.door, actor.client

    def __getattr__(self, name: str) -> Any:
        """A part of the store."""
        return getattr(self.recorder if name in _RECORDED else self._store, name)


def act_as(store: Store, door: str, client: str = "") -> None:
    """Say who makes the changes of a store that is recorded."""
    if isinstance(store, Recorded):
        store.actor.door, store.actor.client = door, client


def operation(store: Store, verb: str, source: str = "", undoes: int | None = None) -> AbstractContextManager[object]:
    """Let every change of a block be one operation in the history of a store that is recorded.

    Args:
        store: The store.
        verb: What is done, in a word.
        source: What it is done with.
        undoes: The operation that it takes back, or None.
    """
    return store.recorder.operation(verb, source, undoes) if isinstance(store, Recorded) else nullcontext()
