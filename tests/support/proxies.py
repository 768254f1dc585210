"""Stands between a client and a PostgreSQL, and cuts the connection at a chosen moment."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from support.doorways import PORT, Doorway


class Proxy(Doorway):
    """Passes everything on, until the client sends what it is to cut at.

    Attributes:
        folder: The `host` of who wants to go through it.
    """

    def __init__(self, folder: Path, server: Path) -> None:
        """Listen in a folder for what is meant for the server of another."""
        self.folder = folder
        self.cuts = 0
        """How many connections it cut."""
        self._server = server
        self._at = b""
        self._is_answered = False
        self._is_held = False
        self._is_frozen = threading.Event()
        super().__init__(folder)

    def cut_at(self, text: bytes, *, is_answered: bool) -> None:
        """Cut the next connection on which the client sends a text, once.

        Args:
            text: What it sends.
            is_answered: Whether the server gets it, and its answer is lost; else the server never sees it.
        """
        self._at, self._is_answered, self._is_held = text, is_answered, False

    def hold_at(self, text: bytes) -> None:
        """Let nothing come back to the next connection on which the client sends a text, once; the server gets it."""
        self.cut_at(text, is_answered=True)
        self._is_held = True

    def freeze(self) -> None:
        """Take what is sent and pass nothing on from now, as a server that is stopped does."""
        self._is_frozen.set()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, selectors.DefaultSelector() as ready:
            server.connect(str(self._server / PORT))
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    source, target = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    with contextlib.suppress(ConnectionError):
                        data = source.recv(1 << 16)
                        if not data:
                            return
                        if source is client and self._at and self._at in data:
                            self._at = b""
                            self.cuts += 1
                            if self._is_answered:
                                target.sendall(data)
                                target.recv(1 << 16)
                            while self._is_held and source.recv(1 << 16):
                                pass
                            return
                        if self._is_frozen.is_set():
                            continue
                        target.sendall(data)
                        continue
                    return


@contextlib.contextmanager
def proxy(folder: Path, server: Path) -> Iterator[Proxy]:
    """A proxy for the time of a block."""
    made = Proxy(folder, server)
    try:
        yield made
    finally:
        made.close()
