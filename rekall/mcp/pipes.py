"""The conversation over the process's own stdin and stdout: each line is answered, whatever it holds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
import threading
from collections.abc import Iterator
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.lowlevel import Server
from mcp.shared.message import SessionMessage
from pydantic_core import PydanticSerializationError

from rekall.mcp.lines import LineReader, Refusal, taken_apart

_PIECE_BYTES = 65_536

Incoming = MemoryObjectSendStream[SessionMessage | Exception]


async def serve(server: Server[Any]) -> None:
    """Serve the client at the other end until it closes its end, or ours.

    Raises:
        BrokenPipeError: It no longer reads; may come in a group.
    """
    with _own_pipes() as (source, target):
        incoming, to_serve = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        to_send, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
        out = _Out(target)
        reading = threading.Thread(
            target=_read_lines, args=(source, incoming, out, asyncio.get_running_loop()), name="stdin", daemon=True
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_send, outgoing, out)
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


def _read_lines(source: int, incoming: Incoming, out: _Out, loop: asyncio.AbstractEventLoop) -> None:
    """Hand over what comes, until the end; in a thread that ends with the process, as nothing else ends a wait for a line."""
    lines = LineReader(lambda: _read_some(source))

    async def hand_over(messages: list[Any]) -> None:
        for message in messages:
            if isinstance(message, Refusal):
                await out.write(message.dumped())
            else:
                await incoming.send(SessionMessage(message))

    def wait_for(work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result()

    # the server has ended, and with it the loop or the stream: nobody listens
    over = (RuntimeError, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)
    with contextlib.suppress(*over):
        while (line := lines.next()) is not None:
            messages = taken_apart(line)
            line = None  # it may be long, and the next wait too
            wait_for(hand_over(messages))
    with contextlib.suppress(*over):
        wait_for(incoming.aclose())


async def _send(outgoing: MemoryObjectReceiveStream[SessionMessage], out: _Out) -> None:
    async with outgoing:
        async for sent in outgoing:
            try:
                text = sent.message.model_dump_json(by_alias=True, exclude_unset=True)
            except PydanticSerializationError:  # half a character in a message that is not ours
                import json

                text = json.dumps(sent.message.model_dump(by_alias=True, exclude_unset=True), default=str)
            await out.write(text)


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
