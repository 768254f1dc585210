"""The server: the protocol's requests, each answered by one use case in a worker thread."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

import anyio
import anyio.to_thread
import mcp_types as protocol
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from rekall.app import App
from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.times import written
from rekall.errors import Ambiguous, InvalidInput, NotFound, RekallError, in_our_words
from rekall.knowledge_base import KnowledgeBase
from rekall.mcp.answers import (
    TITLE_CHARS,
    Answer,
    cut,
    entry_items,
    entry_text,
    error_answer,
    hit_items,
    named_in,
    shortened,
)
from rekall.mcp.caller import Caller, IsWanted
from rekall.mcp.frames import Frame, shown
from rekall.mcp.guide import GUIDES, INSTRUCTIONS, Guide
from rekall.mcp.inputs import schema_of, validated
from rekall.mcp.tools import TOOLS, Tool
from rekall.mcp.where import base_for, base_of
from rekall.mcp.workspace import Context, Projects, Workspace
from rekall.search.results import Match
from rekall.system.clock import Clock
from rekall.wording import installed_version, left_out_text, printable

if TYPE_CHECKING:  # a process with one base needs none of it
    from rekall.side_by_side import SideBySide

ENTRY_URI = "rekall://entry/"
RECENT_URI = "rekall://recent"
RECENT_ENTRIES = 30

CLIENT_CHARS = 60
"""Of the name of a client; it may say anything."""

ENGINE_THREADS = 4
"""Threads that may wait for the model; the others stay free for what needs none."""

OTHER_THREADS = 2

Result = TypeVar("Result")


class RekallServer:
    """Answers a client's requests over one base, which is opened with the first of them.

    The handshake and the list of tools touch neither the base nor the engine. A search that was cancelled gives up its
    turn at the engine.
    """

    def __init__(self, app: App, *, read_only: bool = False, with_data: bool = False, is_shared: bool = False) -> None:
        """Open nothing yet.

        Args:
            app: Builds the base; its model should live in a child.
            read_only: Offer only the tools that change nothing.
            with_data: Say facts for programs beside the text. Many clients show a model nothing else then (docs/adr/0028).
            is_shared: Serve clients that did not start it.
        """
        self._app = app
        self._with_data = with_data
        self._workspace = Workspace(app, is_shared=is_shared)
        self._opening = threading.Lock()
        self._writing: list[None] = []  # one for each thread that writes
        self._waiting = anyio.CapacityLimiter(ENGINE_THREADS)
        self._quick = anyio.CapacityLimiter(OTHER_THREADS)
        self._tools = {tool.name: tool for tool in TOOLS if not (read_only and tool.writes)}

    def protocol_server(self) -> Server[Any]:
        """The server that speaks the protocol, over whatever transport."""
        server: Server[Any] = Server(
            "rekall",
            version=installed_version(),
            title="Rekall",
            instructions=INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
        )
        changed = "notifications/roots/list_changed"
        server.add_notification_handler(changed, protocol.NotificationParams, self._workspace.forget)
        return server

    def is_writing(self) -> bool:
        """Whether something is being written down just now."""
        return bool(self._writing)

    async def _list_tools(self, context: Context, params: Any) -> protocol.ListToolsResult:
        return protocol.ListToolsResult(tools=[_as_protocol(tool) for tool in self._tools.values()])

    async def _call_tool(
        self, context: Context, params: protocol.CallToolRequestParams
    ) -> protocol.CallToolResult | protocol.InputRequiredResult:
        try:
            tool = self._named(params.name)
            given = validated(tool.takes, params.arguments)
            where: Projects | protocol.InputRequiredResult = ()
            if tool.asks_where(given):
                where = await self._workspace.projects(context, params.input_responses)
            if isinstance(where, protocol.InputRequiredResult):
                return where
            limiter = self._waiting if tool.asks_engine else self._quick
            client = _client_of(context) if tool.writes else ""

            def run(base: KnowledgeBase, is_wanted: IsWanted) -> Answer:
                caller = self._caller(is_wanted, where)
                base = base_for(base, caller.beside, given)
                acting = base.past.act_as("mcp", client) if tool.writes else contextlib.nullcontext()
                try:
                    with acting:
                        answer = tool.run(base, given, caller)
                except Ambiguous as error:
                    error.candidates = shortened(base, error.candidates)
                    raise
                damaged = base.damaged()
                return replace(answer, text=f"{answer.text}\nnote: {left_out_text(damaged)}") if damaged else answer

            answer = await self._in_thread(limiter, run, to_write=tool.writes)
        except (RekallError, OSError) as error:
            return self._result(error_answer(in_our_words(error)), is_error=True)
        return self._result(answer)

    def _caller(self, is_wanted: IsWanted, where: Projects) -> Caller:
        setting = self._app.settings.text
        return Caller(Clock().now().astimezone(), is_wanted, setting, where, self._with_data, self._beside())

    def _beside(self) -> SideBySide | None:
        """The base with those beside it that have a name by now; None where there are none."""
        asked = self._app.asked
        return None if isinstance(asked, KnowledgeBase) else asked

    def _result(self, answer: Answer, *, is_error: bool = False) -> protocol.CallToolResult:
        """An answer as it goes out; nothing unseen comes past this."""
        if not answer.is_shown:
            answer = Answer(printable(answer.text), shown(answer.data))
        content: list[protocol.ContentBlock] = [protocol.TextContent(text=answer.text)]
        if not self._with_data:
            return protocol.CallToolResult(content=content, is_error=is_error)
        return protocol.CallToolResult(content=content, structured_content=answer.data, is_error=is_error)

    async def _list_resources(self, context: Context, params: Any) -> protocol.ListResourcesResult:
        entries = await self._or_protocol_error(self._in_thread(self._quick, lambda base, _: _recent(base)))
        resources = [
            protocol.Resource(
                uri=RECENT_URI,
                name="recent",
                title="Recent entries",
                description=f"The {RECENT_ENTRIES} most recently changed entries.",
                mime_type="text/plain",
            )
        ]
        resources += [
            protocol.Resource(
                uri=ENTRY_URI + entry.id,
                name=entry.id,
                title=cut(entry.title, TITLE_CHARS),
                description=f"A note: {entry.type.value}, changed {written(entry.updated_at)}.",
                mime_type="text/markdown",
            )
            for entry in entries
        ]
        return protocol.ListResourcesResult(resources=resources)

    async def _list_templates(self, context: Context, params: Any) -> protocol.ListResourceTemplatesResult:
        template = protocol.ResourceTemplate(
            uri_template=ENTRY_URI + "{id}",
            name="entry",
            title="An entry",
            description="An entry in full, by its id.",
            mime_type="text/markdown",
        )
        return protocol.ListResourceTemplatesResult(resource_templates=[template])

    async def _read_resource(
        self, context: Context, params: protocol.ReadResourceRequestParams
    ) -> protocol.ReadResourceResult:
        def read(base: KnowledgeBase, _: IsWanted) -> tuple[str, str]:
            if params.uri == RECENT_URI:
                lines = "\n".join(item.text for item in entry_items(base, _recent(base)))
                return "text/plain", Frame().around(lines) if lines else "Nothing has been written down yet."
            if params.uri.startswith(ENTRY_URI):
                name = unquote(params.uri.removeprefix(ENTRY_URI))
                there = base_of(base, self._beside(), name)
                view = there.get(name)
                short = there.short_ids(named_in([view]))
                return "text/markdown", Frame().around(entry_text(view, short), f"entry {short[view.entry.id]}")
            raise NotFound(f"no resource {params.uri!r}", f"there are {RECENT_URI} and {ENTRY_URI}ID")

        mime_type, text = await self._or_protocol_error(self._in_thread(self._quick, read))
        content = protocol.TextResourceContents(uri=params.uri, mime_type=mime_type, text=text)
        return protocol.ReadResourceResult(contents=[content])

    async def _list_prompts(self, context: Context, params: Any) -> protocol.ListPromptsResult:
        return protocol.ListPromptsResult(
            prompts=[
                protocol.Prompt(
                    name=guide.name,
                    title=guide.title,
                    description=guide.description,
                    arguments=[
                        protocol.PromptArgument(
                            name=guide.argument, description=guide.argument_description, required=guide.is_required
                        )
                    ],
                )
                for guide in GUIDES
            ]
        )

    async def _get_prompt(
        self, context: Context, params: protocol.GetPromptRequestParams
    ) -> protocol.GetPromptResult | protocol.InputRequiredResult:
        guide = next((guide for guide in GUIDES if guide.name == params.name), None)
        if guide is None:
            known = ", ".join(guide.name for guide in GUIDES)
            raise MCPError(protocol.INVALID_PARAMS, f"no prompt {params.name!r}; there are {known}")
        argument = (params.arguments or {}).get(guide.argument, "").strip()
        if guide.is_required and not argument:
            raise MCPError(
                protocol.INVALID_PARAMS, f"{guide.name} needs {guide.argument!r}: {guide.argument_description}"
            )

        where = await self._or_protocol_error(self._workspace.projects(context, params.input_responses))
        if isinstance(where, protocol.InputRequiredResult):
            return where

        def write(base: KnowledgeBase, is_wanted: IsWanted) -> str:
            return _guide_text(base, guide, argument, self._caller(is_wanted, where))

        text = await self._or_protocol_error(self._in_thread(self._waiting, write))
        message = protocol.PromptMessage(role="user", content=protocol.TextContent(text=text))
        return protocol.GetPromptResult(description=guide.description, messages=[message])

    async def _in_thread(
        self,
        limiter: anyio.CapacityLimiter,
        work: Callable[[KnowledgeBase, IsWanted], Result],
        *,
        to_write: bool = False,
    ) -> Result:
        """Do a piece of work beside the protocol.

        When the request is cancelled, the work is told and left behind; what writes is waited for, as the process may
        end next.
        """
        gone = threading.Event()

        def run() -> Result:
            with self._app.at_work():
                return do()

        def do() -> Result:
            with self._opening:
                base = self._app.open_base(to_write=to_write)
            if not to_write:
                return work(base, lambda: not gone.is_set())
            self._writing.append(None)
            try:
                return work(base, lambda: not gone.is_set())
            finally:
                self._writing.pop()

        try:
            return await anyio.to_thread.run_sync(run, limiter=limiter, abandon_on_cancel=not to_write)
        finally:
            gone.set()

    async def _or_protocol_error(self, work: Any) -> Any:
        try:
            return await work
        except (RekallError, OSError) as error:
            raise MCPError(protocol.INVALID_PARAMS, error_answer(in_our_words(error)).text) from error

    def _named(self, name: str) -> Tool:
        if name in self._tools:
            return self._tools[name]
        if any(tool.name == name for tool in TOOLS):
            raise InvalidInput(
                f"{name} is not offered: this server is read-only", "tell the person what should be changed"
            )
        raise InvalidInput(f"no tool {name!r}", f"tools: {', '.join(self._tools)}")


def _client_of(context: Context) -> str:
    """What the client that asks calls itself, for the history; empty where it does not say."""
    said = context.session.client_params
    return cut(said.client_info.name.strip(), CLIENT_CHARS) if said is not None else ""


def _as_protocol(tool: Tool) -> protocol.Tool:
    return protocol.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=schema_of(tool.takes),
        annotations=protocol.ToolAnnotations(
            read_only_hint=None if tool.writes else True,
            destructive_hint=tool.destroys if tool.writes else None,
            open_world_hint=False,
        ),
    )


def _recent(base: KnowledgeBase) -> tuple[Entry, ...]:
    return base.list_entries(Filters(), RECENT_ENTRIES).entries


def _guide_text(base: KnowledgeBase, guide: Guide, argument: str, caller: Caller) -> str:
    """A prompt's text, with what a search for its argument finds where it asks for that."""
    found = ""
    if "{found}" in guide.text:
        result = base.search(
            argument,
            limit=5,
            literal=True,
            at_least=Match.LIKELY,
            near=caller.project,
            is_wanted=caller.is_wanted,
        )
        nothing = "(nothing in the base is about this)" if result.nothing_close else "(nothing)"
        lines = "\n".join(item.text for item in hit_items(base, result.hits))
        found = Frame().around(lines) if lines else nothing
    topic = f", above all at what concerns {argument}," if argument else ""
    values = {"{topic}": topic, "{found}": found, "{argument}": argument}
    return printable(re.sub("|".join(values), lambda place: values[place[0]], guide.text))
