"""The conversation over the process's own stdin and stdout: each line is answered, whatever it holds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any

import anyio
import mcp_types as protocol
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.lowlevel import Server
from mcp.shared.message import SessionMessage
from pydantic_core import PydanticSerializationError

from rekall.mcp.lines import LineReader, Refusal, taken_apart

_PIECE_BYTES = 65_536

_PATIENCE_S = 10.0
"""How long no answer may come when the client has closed its end: an engine that hangs is not waited for."""

Incoming = MemoryObjectSendStream[SessionMessage | Exception]


async def serve(server: Server[Any], is_writing: Callable[[], bool]) -> None:
    """Serve the client at the other end until it closes its end and has its answers, or closes ours.

    Args:
        server: Speaks the protocol.
        is_writing: Whether it is at something that is written down.

    Raises:
        BrokenPipeError: It no longer reads; may come in a group.
    """
    with _own_pipes() as (source, target):
        incoming, to_serve = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        to_send, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
        out, under_way = _Out(target), _UnderWay(is_writing)
        reading = threading.Thread(
            target=_read_lines,
            args=(source, incoming, out, under_way, asyncio.get_running_loop()),
            name="stdin",
            daemon=True,
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_send, outgoing, out, under_way)
            reading.start()
            await server.run(to_serve, to_send, server.create_initialization_options())


class _Out:
    """Where lines go, one at a time and whole."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._turn = anyio.Lock()

    async def write(self, text: str) -> None:
        """Write a line."""
        async with self._turn:
            await anyio.to_thread.run_sync(_write_all, self._target, text.encode("utf-8", "replace") + b"\n")


class _UnderWay:
    """Requests that were handed over and have no answer yet; for the loop's own thread."""

    def __init__(self, is_writing: Callable[[], bool]) -> None:
        """Wait for as long as answers come, and for what is being written down however long it takes."""
        self._is_writing = is_writing
        self._ids: Counter[str] = Counter()
        self._is_over = False
        self._changed = anyio.Event()

    def came(self, message: Any) -> None:
        """A message of the client: a request waits, and its wish to have no answer ends that."""
        if isinstance(message, protocol.JSONRPCRequest):
            self._ids[str(message.id)] += 1
        elif isinstance(message, protocol.JSONRPCNotification) and message.method == "notifications/cancelled":
            self._end((message.params or {}).get("requestId"))

    def went(self, message: Any) -> None:
        """A message to the client: an answer ends what waits. What the server asks has ids of its own."""
        if not isinstance(message, (protocol.JSONRPCRequest, protocol.JSONRPCNotification)):
            self._end(message.id)

    def give_up(self) -> None:
        """Nothing is answered any more."""
        self._is_over = True
        self._tell()

    async def none_left(self) -> None:
        """Wait until every request has its answer, or none will come."""
        while any(self._ids.values()) and not self._is_over:
            with anyio.move_on_after(_PATIENCE_S) as patience:
                await self._changed.wait()
            if patience.cancelled_caught and not self._is_writing():
                break

    def _end(self, ended: Any) -> None:
        if ended is not None and self._ids[str(ended)] > 0:
            self._ids[str(ended)] -= 1
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()


def _read_lines(
    source: int, incoming: Incoming, out: _Out, under_way: _UnderWay, loop: asyncio.AbstractEventLoop
) -> None:
    """Hand over what comes, until the end; in a thread that ends with the process, as nothing else ends a wait for a line.

    The server is told of the end when all that came has its answer: it gives up what is under way then, and a client that
    is not answered repeats what was stored.
    """
    lines = LineReader(lambda: _read_some(source))

    async def hand_over(messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, Refusal):
                await out.write(message.dumped())
            else:
                under_way.came(message)
                await incoming.send(SessionMessage(message))

    def wait_for(work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result()

    # the server has ended, and with it the loop or the stream: nobody listens
    over = (RuntimeError, CancelledError, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)
    with contextlib.suppress(*over):
        while (line := lines.next()) is not None:
            messages = taken_apart(line)
            line = None  # it may be long, and the next wait too
            wait_for(hand_over(messages))
    with contextlib.suppress(*over):
        wait_for(under_way.none_left())
    with contextlib.suppress(*over):
        wait_for(incoming.aclose())


async def _send(outgoing: MemoryObjectReceiveStream[SessionMessage], out: _Out, under_way: _UnderWay) -> None:
    try:
        async with outgoing:
            async for sent in outgoing:
                await out.write(_dumped(sent.message))
                under_way.went(sent.message)
    finally:
        under_way.give_up()


def _dumped(message: protocol.JSONRPCMessage) -> str:
    try:
        return message.model_dump_json(by_alias=True, exclude_unset=True)
    except PydanticSerializationError:  # half a character in a message that is not ours
        import json

        return json.dumps(message.model_dump(by_alias=True, exclude_unset=True), default=str)


def _read_some(source: int) -> bytes:
    while True:
        try:
            return os.read(source, _PIECE_BYTES)
        except BlockingIOError:  # a client may have made its end one that does not wait, and this one with it
            select.select([source], [], [])


def _write_all(target: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(target, rest) :]
        except BlockingIOError:
            select.select([], [target], [])


@contextlib.contextmanager
def _own_pipes() -> Iterator[tuple[int, int]]:
    """The two pipes to the client, for the protocol alone.

    What else reads stdin finds it empty, and what else writes to stdout, here or in a child, writes to stderr.
    """
    sys.stdout.flush()
    source, target = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # stderr is closed
        os.dup2(nothing, 1)
    os.close(nothing)
    _tell_windows()
    try:
        yield source, target
    finally:
        sys.stdout.flush()
        os.dup2(source, 0)
        os.dup2(target, 1)
        _tell_windows()


def _tell_windows() -> None:
    """Let children inherit what the descriptors are now."""
    if sys.platform == "win32":
        from mcp.os.win32.utilities import rebind_std_handle_to_fd

        for descriptor in (0, 1):
            with contextlib.suppress(OSError):
                rebind_std_handle_to_fd(descriptor)
