"""Stands between clients and a PostgreSQL as a pooler does: a session of the server is a client's for a transaction, or as long as it stays."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

from support.doorways import PORT, Doorway

_REFUSED = (80877103, 80877104)
"""What asks for encryption, which is not there."""

_IDLE = b"Z\0\0\0\5I"
_BYE = b"X\0\0\0\4"


class Pooler(Doorway):
    """Lends sessions of a server out.

    Attributes:
        lent: How often a client got one.
    """

    def __init__(self, folder: Path, server: Path, *, by_transaction: bool, most: int) -> None:
        """Listen in a folder for what is meant for the server of another; so many clients have a session at once."""
        self._server = server
        self._by_transaction = by_transaction
        self._free = threading.Semaphore(most)
        self._idle: list[socket.socket] = []
        self.lent = 0
        super().__init__(folder)

    def close(self) -> None:
        """End it; connections end with their clients."""
        super().close()
        for session in self._idle:
            session.close()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(ConnectionError):
            hello = _hello(client)
            session, welcome = self._session(hello)
            session.close()
            client.sendall(welcome)
            while (data := client.recv(1 << 16)) not in (b"", _BYE):
                with self._free:
                    session = self._idle.pop() if self._idle else self._session(hello)[0]
                    self.lent += 1
                    self._idle += [session] if self._exchange(client, session, data) else []

    def _exchange(self, client: socket.socket, session: socket.socket, data: bytes) -> bool:
        """Pass everything on until the session is free for others. Returns whether it is any good."""
        session.sendall(data)
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, session)
            ready.register(session, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    source, target = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    data = source.recv(1 << 16)
                    if not data or (source is client and data == _BYE):
                        session.close()
                        return False
                    target.sendall(data)
                    if source is session and self._by_transaction and data.endswith(_IDLE):
                        return True

    def _session(self, hello: bytes) -> tuple[socket.socket, bytes]:
        """A new session of the server, and what a client is told of it: not its number."""
        session = socket.socket(socket.AF_UNIX)
        session.connect(str(self._server / PORT))
        session.sendall(hello)
        said = b""
        while not said.endswith(_IDLE):
            said += session.recv(1 << 16)
        at = said.rindex(b"K\0\0\0") + 5
        return session, said[:at] + b"\0\0\0\1" + said[at + 4 :]


def _hello(client: socket.socket) -> bytes:
    """What a client says first, without what asks for encryption."""
    while True:
        said = client.recv(1 << 16)
        if struct.unpack("!I", said[4:8])[0] not in _REFUSED:
            return said
        client.sendall(b"N")


@contextlib.contextmanager
def pooler(folder: Path, server: Path, *, by_transaction: bool, most: int = 9) -> Iterator[Pooler]:
    """A pooler for the time of a block."""
    made = Pooler(folder, server, by_transaction=by_transaction, most=most)
    try:
        yield made
    finally:
        made.close()
