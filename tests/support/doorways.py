"""A socket where clients of a PostgreSQL are let in, each to a thread of its own: what a proxy and a pooler begin with."""

from __future__ import annotations

import contextlib
import socket
import threading
from abc import ABC, abstractmethod
from pathlib import Path

PORT = ".s.PGSQL.5432"
"""What a server's socket is called."""


class Doorway(ABC):
    """Lets clients in until it is closed; what is done with each is its heirs' to say."""

    def __init__(self, folder: Path) -> None:
        """Listen in a folder, once everything that serves a client is there."""
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / PORT))
        self._listener.listen()
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def close(self) -> None:
        """End it; connections end with their clients."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                client, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(client,)))
                self._threads[-1].start()

    @abstractmethod
    def _serve(self, client: socket.socket) -> None:
        """Be there for a client until it goes."""
