"""How long a server is waited for: as long as it is there, and no statement for ever.

A server bounds its statements by itself, and TCP notices a machine that is gone. What neither notices is a server that is
stopped or stuck: it takes what is sent, and nothing ever comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import psycopg
from psycopg import errors

SILENT_S = 5.0
"""After so many seconds of silence it is looked whether the server is still there."""

Row = tuple[Any, ...]
Result = TypeVar("Result")


class NoAnswer(psycopg.OperationalError):
    """Nothing came any more, and the connection was closed."""


class PatientConnection(psycopg.Connection[Row]):
    """A connection that is closed where the server is silent and not there, or silent for too long.

    Attributes:
        longest_s: Seconds of silence that are too long, though the server is there.
        looks: How many times in a row it must seem not to be there: one that is very busy lets nobody in for a while.
        is_there: Looks whether it is.
    """

    longest_s: float = float("inf")
    looks: int = 1
    is_there: Callable[[], bool] = staticmethod(lambda: True)

    def wait(self, gen: Generator[Any, Any, Result], *how: Any, **more: Any) -> Result:
        """Wait for what a generator of the driver waits for.

        Raises:
            NoAnswer: Nothing came.
        """
        return super().wait(self._watched(gen), *how, **more)

    def _watched(self, gen: Generator[Any, Any, Result]) -> Generator[Any, Any, Result]:
        """The same, which the driver wakes some times a second, with a look at the clock."""
        heard = looked = time.monotonic()
        missed = 0
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                now = time.monotonic()
                if ready:
                    heard = looked = now
                    missed = 0
                elif now - looked >= SILENT_S or now - heard >= self.longest_s:
                    missed = 0 if self.is_there() else missed + 1
                    looked = time.monotonic()
                    if missed >= self.looks or looked - heard >= self.longest_s:
                        self.pgconn.finish()
                        raise NoAnswer("the server did not answer")
                wanted = gen.send(ready)
        except StopIteration as ended:
            result: Result = ended.value
            return result


def connected(**parts: Any) -> PatientConnection:
    """A new connection, in which every statement is a transaction of its own.

    Raises:
        psycopg.Error: There is none; nothing stays of what began to connect.
    """
    try:
        return PatientConnection.connect(autocommit=True, **parts)
    except psycopg.Error as error:
        raise error.with_traceback(
            None
        ) from None  # a circle that would keep the socket until somebody searches for garbage


def is_there(parts: dict[str, Any]) -> bool:
    """Whether a server answers somebody who comes anew, be it with a refusal.

    Args:
        parts: How it is reached; with a bound to that.
    """
    try:
        connected(**parts).close()
    except errors.ConnectionTimeout:
        return False
    except psycopg.Error:
        return True
    return True
