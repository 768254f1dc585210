"""A server over pipes and its client, which reads what there is with `os.read` and waits for nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import select
import time
from pathlib import Path
from typing import Any

from faults.forking import Child, Ended
from faults.homes import Home
from faults.operations import serve

GREETING = (
    {
        "id": 0,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "faults", "version": "1"},
        },
    },
    {"method": "notifications/initialized"},
)


class Conversation:
    """One server in a child, spoken to in lines."""

    def __init__(self, home: Home, place: Path, scratch: Path) -> None:
        """Start it and greet it.

        Args:
            home: Whose environment it sees.
            place: The home it serves.
            scratch: For what it says on stderr.
        """
        given, self._in = os.pipe()
        self._out, answered = os.pipe()

        ours = (self._in, self._out)
        self.child = Child(lambda: serve(place), scratch, home.environ(place), given, "server", ours, answered)
        os.close(given)
        os.close(answered)
        self._rest = b""
        self.answers: dict[Any, dict[str, Any]] = {}
        self.unasked: list[dict[str, Any]] = []
        for message in GREETING:
            self.say(message)
        self.await_answer(0)

    def say(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self.send(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def send(self, data: bytes) -> None:
        """Send bytes; those a server that is gone does not take are lost."""
        with contextlib.suppress(BrokenPipeError):
            while data:
                data = data[os.write(self._in, data[:65536]) :]
                self.take_in(0)

    def call(self, number: int, tool: str, arguments: dict[str, Any]) -> None:
        """Ask for a tool."""
        self.say({"id": number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})

    def take_in(self, wait_s: float) -> bool:
        """Read what has come. Returns whether the server may still say something."""
        ready, _, _ = select.select([self._out], [], [], wait_s)
        if not ready:
            return True
        data = os.read(self._out, 1 << 20)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "id" in message:
                self.answers[message["id"]] = message
                if message["id"] is None:
                    self.unasked.append(message)
        return bool(data)

    def await_answer(self, number: int, wait_s: float = 30.0) -> dict[str, Any] | None:
        """The answer to a request, None where none came."""
        end = time.monotonic() + wait_s
        while number not in self.answers:
            left = end - time.monotonic()
            if left <= 0 or not self.take_in(min(left, 0.5)):
                break
        return self.answers.get(number)

    def end(self) -> Ended:
        """Close its input, and wait until it has ended."""
        os.close(self._in)
        while self.take_in(30.0):
            pass
        os.close(self._out)
        return self.child.wait()

    def kill(self) -> Ended:
        """Kill it, and read what it had said until then."""
        ended = self.child.kill()
        os.close(self._in)
        while self.take_in(0):
            ready, _, _ = select.select([self._out], [], [], 0)
            if not ready:
                break
        os.close(self._out)
        return ended
