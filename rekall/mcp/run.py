"""Runs the server until its client is gone: over the process's own pipes, or over HTTP on this machine."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio

from rekall.app import App
from rekall.errors import InvalidInput
from rekall.mcp.server import RekallServer
from rekall.system.pipes import is_closed_pipe
from rekall.system.resident import keep_one_heap
from rekall.wording import printable

if TYPE_CHECKING:
    from rekall.mcp.guard import Guard

HOST = "127.0.0.1"
PATH = "/mcp"

_SELDOM_S = 1.0
_MOST_MESSAGES = 1_000


def serve_stdio(app: App, *, read_only: bool = False, with_data: bool = False) -> None:
    """Serve the client at the other end of stdin and stdout, until it closes them.

    Ctrl-C ends the process at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from rekall.mcp import pipes

    keep_one_heap()
    _log_to_stderr()
    server = RekallServer(app, read_only=read_only, with_data=with_data)
    try:
        anyio.run(pipes.serve, server.protocol_server(), server.is_writing)
    except Exception as error:
        if not _is_hang_up(error):
            raise


class _Seen(logging.Formatter):
    """Lines of a log with nothing in them that a terminal obeys: they quote what clients send."""

    def format(self, record: logging.LogRecord) -> str:
        """A line, or several with a traceback."""
        return printable(super().format(record))


class _Seldom(logging.Filter):
    """Lets each message of a library through once a second: a log must not grow as fast as somebody calls."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[object, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is shown."""
        message = str(record.msg).partition("\n")[0]
        last = self._last.get(message, -_SELDOM_S)
        if record.levelno >= logging.CRITICAL or record.relativeCreated / 1000 - last >= _SELDOM_S:
            if len(self._last) > _MOST_MESSAGES:
                self._last.clear()
            self._last[message] = record.relativeCreated / 1000
            return True
        return False


def _log_to_stderr() -> None:
    """Say on stderr what goes wrong in the libraries below."""
    handler = logging.StreamHandler()
    handler.addFilter(_Seldom())
    handler.setFormatter(_Seen("%(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def _is_hang_up(error: BaseException) -> bool:
    """Whether all that went wrong is that the client has closed its end. Task groups wrap what their tasks raise."""
    inner = getattr(error, "exceptions", None)
    if inner is not None:
        return all(_is_hang_up(each) for each in inner)
    return is_closed_pipe(error) or isinstance(
        error, (ConnectionError, anyio.BrokenResourceError, anyio.ClosedResourceError)
    )


def http_app(app: App, port: int, token: str | None, *, read_only: bool = False, with_data: bool = False) -> Guard:
    """The server as an ASGI application that only this person's programs may call.

    Every user of a machine can reach its ports, so requests carry a token. So can a page in a browser: they must name
    this host and this port, and come from no other origin.
    """
    from mcp.server.transport_security import TransportSecuritySettings

    from rekall.mcp.guard import MOST_BODY_BYTES, Guard

    names = [f"{name}:{port}" for name in (HOST, "localhost")]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=names,
        allowed_origins=[f"http://{name}" for name in names],
    )
    server = RekallServer(app, read_only=read_only, with_data=with_data, is_shared=True).protocol_server()
    return Guard(
        server.streamable_http_app(
            streamable_http_path=PATH,
            transport_security=security,
            host=HOST,
            max_request_body_size=2 * MOST_BODY_BYTES,  # what was mended may be longer than what came
        ),
        token,
    )


def serve_http(
    app: App,
    port: int,
    token: str | None,
    ready: Callable[[str], None],
    *,
    read_only: bool = False,
    with_data: bool = False,
) -> None:
    """Serve any number of clients over HTTP on the loopback interface, until interrupted.

    Args:
        app: Builds the base.
        port: Where; 0 takes a free one.
        token: What requests must carry; None lets in every user of this machine.
        ready: Told the address.
        read_only: See `RekallServer`.
        with_data: See `RekallServer`.

    Raises:
        InvalidInput: The port is taken.
    """
    import socket

    import uvicorn

    from rekall.mcp.guard import AT_ONCE, BoundedProtocol

    keep_one_heap()
    _log_to_stderr()
    with socket.socket() as listener:
        if os.name != "nt":  # there it would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise InvalidInput(f"port {port} cannot be used: {error}", "choose another one with --port") from error
        listener.listen()  # whoever is told the address may call at once
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            http_app(app, port, token, read_only=read_only, with_data=with_data),
            http=BoundedProtocol,
            ws="none",
            backlog=AT_ONCE,
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
        )
        ready(f"http://{HOST}:{port}{PATH}")
        sys.stderr.flush()
        with contextlib.suppress(KeyboardInterrupt):  # how one ends it
            uvicorn.Server(config).run(sockets=[listener])
