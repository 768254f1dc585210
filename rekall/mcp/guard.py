"""The HTTP server's door: whose requests are let in, and how long a connection may keep it waiting."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from rekall.mcp.lines import mended

HEADERS_S = 10.0
"""How long the head of a request may take, from the connection or from its first byte on."""

BODY_S = 30.0
MOST_CONNECTIONS = 256
AT_ONCE = 32
"""Connections that are taken before one of too many is let go."""

MOST_BODY_BYTES = 4 * 1024 * 1024

_REFUSED = (
    b"This server answers whoever sends its token: Authorization: Bearer TOKEN. "
    b"`rekall mcp install CLIENT --http --write` writes it where a client needs it.\n"
)


def most_connections() -> int:
    """How many connections there may be: as many as promised, or half of the files that this process may open."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST_CONNECTIONS
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, max(files // 2 - 32, 8))


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn, which itself waits for ever for a request that was begun or never comes.

    A connection without a request under way is ended after `HEADERS_S`; where there are too many, the one that has been
    waiting longest makes room. What was asked may take as long as it takes.
    """

    def __init__(self, *arguments: Any, **more: Any) -> None:
        """As uvicorn makes it."""
        super().__init__(*arguments, **more)
        self._deadline: asyncio.TimerHandle | None = None
        self.waits_since = 0.0

    @property
    def can_go(self) -> bool:
        """Whether nothing is lost with it."""
        return self._deadline is not None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.waits_since = self.loop.time()
        self._wait()
        there = [each for each in self.connections if isinstance(each, BoundedProtocol)]
        there = [each for each in there if not each.transport.is_closing()]  # those that go are still in the set
        if len(there) > most_connections():
            others = [each for each in there if each.can_go and each is not self]
            min(others, key=lambda each: each.waits_since, default=self).transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request; a head that has begun has until its deadline, however many pieces it takes."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_no_more()
        elif self._deadline is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self.waits_since = self.loop.time()
        self._deadline = self.loop.call_later(HEADERS_S, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Guard:
    """Lets in requests that carry the token and whose body comes in time."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        """Guard an application.

        Args:
            app: What answers.
            token: What a request must carry; None lets in whoever reaches the port.
        """
        self._app = app
        self._token = token.encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif not self._is_known(scope):
            await _refuse(send, 401, _REFUSED, (b"www-authenticate", b"Bearer"))
        elif scope["method"] != "POST":
            await self._app(scope, receive, send)
        else:
            body = None
            with anyio.move_on_after(BODY_S) as waiting:
                body = await _body(receive)
            if waiting.cancelled_caught:
                await _refuse(send, 408, b"The body did not come in time.\n")
            elif body is not None and len(body) > MOST_BODY_BYTES:
                await _refuse(send, 413, b"The body is too long.\n")
            elif body is not None:
                await self._app(scope, _replayed(body, receive), send)

    def _is_known(self, scope: Scope) -> bool:
        """Whether a request carries the token, once; how long that takes tells nothing of it."""
        if self._token is None:
            return True
        sent = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, token = sent[0].partition(b" ") if len(sent) == 1 else (b"", b"", b"")
        return hmac.compare_digest(token.strip(), self._token) and scheme.lower() == b"bearer"


async def _body(receive: Receive) -> bytes | None:
    """A whole body, or its beginning when it is too long; None when the client has gone."""
    parts, length, more = [], 0, True
    while more and length <= MOST_BODY_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        more = message.get("more_body", False)
    return mended(b"".join(parts))


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Gives the body, then what else comes: that the client has gone."""
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _refuse(send: Send, status: int, text: bytes, *more: tuple[bytes, bytes]) -> None:
    length = str(len(text)).encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", length), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *more]})
    await send({"type": "http.response.body", "body": text})
