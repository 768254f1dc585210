"""Which project the client works on: the folders it says it has open, asked for late and once, else this process's own.

A client that speaks a later protocol is asked with the answer to its first call that wants to know (docs/adr/0028).
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import anyio
import anyio.to_thread
import mcp_types as protocol
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from rekall.app import App
from rekall.system.repository import Project

PATIENCE_S = 1.0
"""How long a client may take to name its folders, and a disk to read them: the first call waits for it."""

ROOTS = "roots"
"""What the question is called in an answer that asks it."""

_MOST_ROOTS = 16
_MOST_CLIENTS = 256

Context = ServerRequestContext[Any]
Projects = tuple[Project, ...]


class Workspace:
    """What each client of a server works on.

    A client is asked once. What it says is kept until it says that it has changed; where it names no folder in time, or none
    that is one, the folder counts in which this process was started.
    """

    def __init__(self, app: App, *, is_shared: bool = False) -> None:
        """Ask nothing yet.

        Args:
            app: Knows the settings, and the project of this process's folder.
            is_shared: Whether it serves clients that did not start it: where it was started says nothing about them.
        """
        self._app = app
        self._is_shared = is_shared
        self._known: OrderedDict[str, Projects | None] = OrderedDict()  # None: asked, and no folder named
        self._reading = anyio.CapacityLimiter(1)
        self._here: Projects | None = None

    async def projects(
        self, context: Context, responses: Mapping[str, Any] | None
    ) -> Projects | protocol.InputRequiredResult:
        """The projects that the client has open, or the question to send it.

        Args:
            context: The request that wants to know.
            responses: What the client answered to that question, when this is the same request again.
        """
        client = self._client(context)
        if client is None:
            return ()
        said = (responses or {}).get(ROOTS)
        if isinstance(said, protocol.ListRootsResult):
            self._keep(client, await self._read(_folders(root.uri for root in said.roots)))
        elif client not in self._known and self._can_say(context):
            self._keep(client, None)  # once
            if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
                return protocol.InputRequiredResult(input_requests={ROOTS: protocol.ListRootsRequest()})
            self._keep(client, await self._read(_folders(await _asked(context))))
        known = self._known.get(client)
        return await self._own() if known is None else known

    async def forget(self, context: Context, params: Any) -> None:
        """The client has other folders open now."""
        self._known.pop(self._client(context) or "", None)

    def _client(self, context: Context) -> str | None:
        """What a client is known by; None for one that nothing tells from others."""
        if not self._is_shared:
            return ""
        headers = getattr(context.request, "headers", {})
        return headers.get("mcp-session-id") or None

    def _can_say(self, context: Context) -> bool:
        """Whether a client can name its folders, and the person wants a project to be taken from them."""
        capabilities = context.session.client_capabilities
        has_roots = capabilities is not None and capabilities.roots is not None
        return has_roots and self._app.settings.text("add.project") == "auto"

    def _keep(self, client: str, found: Projects | None) -> None:
        self._known[client] = found
        self._known.move_to_end(client)
        while len(self._known) > _MOST_CLIENTS:
            self._known.popitem(last=False)

    async def _own(self) -> Projects:
        """The project of the folder in which this process was started."""
        if self._is_shared:
            return ()
        if self._here is None:
            self._here = await self._in_time(lambda: (found,) if (found := self._app.project()) else ()) or ()
        return self._here

    async def _read(self, folders: list[Path]) -> Projects | None:
        """The projects of folders, each once; None of no folder."""
        if not folders:
            return None

        def read() -> Projects:
            from rekall.system.repository import project_of

            found = [project_of(folder) for folder in folders]
            return tuple({each.name: each for each in found if each}.values())

        return await self._in_time(read)

    async def _in_time(self, read: Callable[[], Projects]) -> Projects | None:
        """What a disk says, unless it takes too long."""
        with anyio.move_on_after(PATIENCE_S):
            return await anyio.to_thread.run_sync(read, limiter=self._reading, abandon_on_cancel=True)
        return None


async def _asked(context: Context) -> list[str]:
    """The addresses of the folders that a client has open; none where it does not say or says something else."""
    question = protocol.ListRootsRequest()
    related = ServerMessageMetadata(related_request_id=context.request_id)
    try:
        said = await context.session.send_request(question, protocol.ListRootsResult, PATIENCE_S, related)
    except (MCPError, ValidationError):  # it cannot, will not, or names what is no folder of this machine
        return []
    return [str(root.uri) for root in said.roots]


def _folders(addresses: Iterable[Any]) -> list[Path]:
    """The folders of this machine that file: addresses name; others are passed over."""
    found: list[Path] = []
    for address in addresses:
        try:
            parts = urlsplit(str(address))
        except ValueError:
            continue
        if parts.scheme != "file" or (parts.netloc not in ("", "localhost") and sys.platform != "win32"):
            continue
        host = f"//{parts.netloc}" if parts.netloc not in ("", "localhost") else ""
        text = url2pathname(host + parts.path) if sys.platform == "win32" else unquote(parts.path)
        if text and "\0" not in text and Path(text).is_absolute():
            found.append(Path(text))
        if len(found) == _MOST_ROOTS:
            break
    return found
