"""`rekall mcp` as a process: over pipes and over HTTP, with the engine in a child that may be killed, hang or idle."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import mcp_types as protocol
import psutil
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from pydantic import FileUrl
from support import CHECKOUT
from support.systems import HOW_KILLED, KILL, KILLED, WINE, not_on_windows, own_memory, signals
from test_mcp_workspace import repository

NOTES = CHECKOUT / "examples" / "notes"
SOME_NOTES = ("[n-s]*.md", "login-*.md")
IDLE_S = 1.2
IDLE = ("--set", f"performance.model_idle_timeout_minutes={IDLE_S / 60}")
PATIENCE_S = 120.0
"""How long a busy machine may take. Only what is broken takes so long."""

WITHOUT_DEADLINES = """
import sys
from rekall.cli.main import run
from rekall.models.engine.process_encoder import ProcessEncoder

deadlines = ProcessEncoder.__init__.__kwdefaults__
assert {"load_deadline_s", "request_deadline_s"} <= set(deadlines)
deadlines.update(load_deadline_s=600.0, request_deadline_s=600.0)
run(sys.argv[1:])
"""

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")

Found = TypeVar("Found")


def until(look: Callable[[], Found], wait_s: float = PATIENCE_S) -> Found:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + wait_s
    while not (found := look()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
    return found


class Server:
    """A server over pipes, spoken to in raw lines."""

    def __init__(self, *settings: str, command: Sequence[str] | None = None, **more: Any) -> None:
        self.process = subprocess.Popen(
            [*(command or (sys.executable, "-m", "rekall", *settings, "mcp", "--structured"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **{"cwd": CHECKOUT, **more},
        )
        assert self.process.stdin
        assert self.process.stdout
        assert self.process.stderr
        self.stdin, self.stdout, self.stderr = self.process.stdin, self.process.stdout, self.process.stderr
        self.seen = psutil.Process(self.process.pid)
        self.said: list[bytes] = []
        self.answers: dict[Any, dict[str, Any]] = {}
        self.errors: list[bytes] = []
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._last_id = 0
        self._readers = [
            threading.Thread(target=lambda: [self._lines.put(line) for line in itertools.chain(self.stdout, [b""])]),
            threading.Thread(target=lambda: [self.errors.append(line) for line in self.stderr]),
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            children = self.children()
            self.process.kill()
            for child in children:  # one that stands still would not notice, and stay
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            self.stdin.close()
        for reader in self._readers:
            reader.join()
        self.stdout.close()
        self.stderr.close()

    def send(self, data: bytes) -> None:
        self.stdin.write(data)
        self.stdin.flush()

    def request(self, method: str, params: Any = None) -> int:
        self._last_id += 1
        message = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params or {}}
        self.send(json.dumps(message).encode() + b"\n")
        return self._last_id

    def notify(self, method: str, params: Any = None) -> None:
        self.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params or {}}).encode() + b"\n")

    def answer(self, number: int, wait_s: float = PATIENCE_S) -> dict[str, Any]:
        """The answer to a request; those to others are kept."""
        while number not in self.answers:
            line = self._lines.get(timeout=wait_s)
            assert line, b"".join(self.errors).decode()
            self.said.append(line)
            message = json.loads(line)
            self.answers[message.get("id")] = message
        return self.answers[number]

    def is_answered(self, number: int) -> bool:
        while not self._lines.empty():
            self.said.append(self._lines.get())
            message = json.loads(self.said[-1])
            self.answers[message.get("id")] = message
        return number in self.answers

    def ask(self, method: str, params: Any = None) -> dict[str, Any]:
        return self.answer(self.request(method, params))

    def start_call(self, name: str, **arguments: Any) -> int:
        return self.request("tools/call", {"name": name, "arguments": arguments})

    def result(self, number: int) -> dict[str, Any]:
        answer = self.answer(number)
        assert "result" in answer, answer
        assert not answer["result"]["isError"], answer["result"]["content"][0]["text"]
        data = answer["result"]["structuredContent"]
        assert isinstance(data, dict)
        return {**data, "text": answer["result"]["content"][0]["text"]}

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        return self.result(self.start_call(name, **arguments))

    def shake_hands(self) -> dict[str, Any]:
        about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        answer = self.ask("initialize", about)
        self.notify("notifications/initialized")
        return answer

    def children(self) -> list[psutil.Process]:
        found = self.seen.children(recursive=True)
        return [child for child in found if child.name() != "conhost.exe"]  # which Windows itself starts beside one

    def engine(self) -> psutil.Process:
        (child,) = self.children()
        return child

    def searched(self, query: str) -> int:
        """How many processes it has right after a search by meaning."""
        while True:
            begun = time.monotonic()
            assert self.call("search", query=query)["mode"] == "hybrid"
            found = len(self.children())
            if found or time.monotonic() - begun < IDLE_S:  # else it may have been dropped again already
                return found

    def left(self) -> str:
        """How it ended, and what it had to say."""
        code = self.process.wait(PATIENCE_S)
        self._readers[1].join(PATIENCE_S)
        return f"{code} {b''.join(self.errors).decode()}".strip()


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with some of the sample notes in it."""
    folder = tmp_path_factory.mktemp("imported") / "home"
    chosen = sorted(str(note) for pattern in SOME_NOTES for note in NOTES.glob(pattern))
    assert len(chosen) > 10
    environ = {name: value for name, value in os.environ.items() if not name.startswith("REKALL_")}
    subprocess.run(
        [sys.executable, "-m", "rekall", "import", *chosen],
        env={**environ, "REKALL_HOME": str(folder)},
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def notes(imported: Path, home: Path) -> Path:
    """This test's home, with some of the sample notes in it."""
    shutil.copytree(imported, home)
    return home


@pytest.fixture
def server(notes: Path) -> Iterator[Server]:
    """A server over the sample notes, greeted, with its model loaded. It never gives up on its engine."""
    with Server(command=(sys.executable, "-c", WITHOUT_DEADLINES, "mcp", "--structured")) as started:
        started.shake_hands()
        started.call("search", query="authentication vanishes on ipad")
        yield started


def suspend(process: psutil.Process) -> None:
    """Let a process stand still, and wait until all its threads do: a busy machine lets them go on for a while."""
    process.suspend()
    if not WINE:  # it suspends a process, and never tells that it is
        until(lambda: process.status() == psutil.STATUS_STOPPED)
    for task in Path(f"/proc/{process.pid}/task").glob("*/stat"):
        until(lambda: task.read_text().rpartition(")")[2].split()[0] == "T")  # noqa: B023


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


# over pipes: the protocol


@linux_only
def test_the_handshake_and_the_lists_touch_neither_engine_nor_base(home):
    with Server() as started:
        assert started.shake_hands()["result"]["serverInfo"]["name"] == "rekall"
        assert len(started.ask("tools/list")["result"]["tools"]) == 11
        assert started.ask("prompts/list")["result"]["prompts"]
        maps = Path(f"/proc/{started.process.pid}/maps").read_text()
        assert "pydantic_core" in maps  # it would show
        assert [name for name in ("onnxruntime", "numpy", "tokenizers", "rekall.db") if name in maps] == []
        assert started.children() == []
    assert not home.exists()


def test_the_sdk_s_own_client_is_served(notes):
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "rekall", "mcp", "--structured"], env={**os.environ}, cwd=CHECKOUT
    )

    async def speak() -> tuple[str, str, list[str]]:
        async with Client(stdio_client(parameters)) as client:
            found = await client.call_tool("search", {"query": "authentication vanishes on ipad", "limit": 1})
            read = await client.read_resource("rekall://recent")
            return (
                found.content[0].text,
                read.contents[0].text,
                [tool.name for tool in (await client.list_tools()).tools],
            )

    found, recent, tools = asyncio.run(speak())
    assert found.startswith("Found by words and meaning")
    assert "Safari" in found
    assert len(recent.splitlines()) > 5
    assert "search" in tools


UNANSWERED = {
    "empty lines": b"\n\n \n\r\n",
    "a foreign answer": b'{"jsonrpc": "2.0", "id": 99, "result": {}}\n',
    "an unknown notification": b'{"jsonrpc": "2.0", "method": "notifications/zebra"}\n',
    "cancelling nothing": b'{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 999}}\n',
}


def test_what_needs_no_answer_gets_none_and_the_server_goes_on(home):
    with Server() as started:
        early = started.ask("tools/list")
        assert early["error"]["code"] == -32602
        started.shake_hands()
        for kind, line in UNANSWERED.items():
            started.send(line)
            assert "tools" in started.ask("tools/list")["result"], kind
        assert started.answers.keys() == set(range(1, len(UNANSWERED) + 3))
        assert started.ask("zebra/run")["error"]["code"] == -32601
        assert started.ask("tools/call", {"arguments": {}})["error"]["code"] == -32602
        assert started.ask("tools/call", {"name": "zebra"})["result"]["isError"]
        started.stdin.close()
        assert started.left().startswith("0")
        for line in started.said:
            message = json.loads(line)
            assert message["jsonrpc"] == "2.0"
            assert "result" in message or "error" in message


def test_a_line_may_come_in_pieces(home):
    with Server() as started:
        started.shake_hands()
        line = b'{"jsonrpc": "2.0", "id": "p", "method": "ping"}\n'
        for start in range(0, len(line), 5):
            started.send(line[start : start + 5])
            time.sleep(0.005)
        assert "result" in started.answer("p")  # type: ignore[arg-type]


def test_a_line_of_three_megabytes_is_read(home):
    with Server("--set", "engine.model=none") as started:  # embedding is not what is tried here
        started.shake_hands()
        said = started.ask("tools/call", {"name": "search", "arguments": {"query": "word " * 600_000}})
        assert "should have at most 20000 characters" in said["result"]["content"][0]["text"]
        content = "word " * 600_000
        entry = started.call("add", type="til", title="long", content=content)["id"]
        assert len(started.call("get", ids=[entry], max_tokens=50_000)["text"]) > 140_000


# over pipes: the end


def test_a_server_that_nobody_speaks_to_ends_with_its_stdin(home):
    with Server() as started:
        started.stdin.close()
        assert started.left() == "0"
        assert started.answers == {}
    assert not home.exists()


def test_half_a_line_and_the_end_are_an_end(home):
    with Server() as started:
        started.shake_hands()
        started.send(b'{"jsonrpc": "2.0", "id"')
        started.stdin.close()
        assert started.left() == "0"


def test_the_end_of_stdin_ends_the_server_and_its_engine(server):
    engine = server.engine()
    server.stdin.close()
    assert server.left() == "0"
    until(lambda: is_gone(engine))


def test_the_end_of_stdin_waits_for_no_engine_that_hangs(server):
    engine = server.engine()
    suspend(engine)
    for number in range(6):
        server.start_call("search", query=f"lock {number}")
    server.start_call("add", type="til", title="never mind")
    assert server.call("recent", limit=1)["entries"]
    begun = time.monotonic()
    server.stdin.close()
    assert server.left() == "0"
    assert time.monotonic() - begun < PATIENCE_S  # an engine is given up after ten minutes
    until(lambda: is_gone(engine))


@pytest.mark.parametrize(
    "number", [KILL, *(pytest.param(each, marks=signals) for each in (signal.SIGTERM, signal.SIGINT))]
)
def test_a_signal_ends_the_server_and_its_engine(server, number):
    engine = server.engine()
    os.kill(server.process.pid, number)
    assert server.left() == str(KILLED if number == KILL else -number)
    until(lambda: is_gone(engine))


@signals
def test_ctrl_c_ends_a_server_that_waits_for_its_first_line(home):
    with Server() as started:
        started.shake_hands()
        started.process.send_signal(signal.SIGINT)
        assert started.left() == str(-signal.SIGINT)


# over pipes: the engine


def test_a_client_that_hangs_up_while_an_answer_is_due_leaves_no_traceback(home):
    command = [sys.executable, "-m", "rekall", "mcp"]
    about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    first = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about})
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        print(first, file=process.stdin, flush=True)
        process.stdout.readline()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            for number in range(2, 30):
                asked = {"jsonrpc": "2.0", "id": number, "method": "tools/list", "params": {}}
                print(json.dumps(asked), file=process.stdin, flush=True)
            process.stdin.close()
        assert (process.wait(PATIENCE_S), "Traceback" in process.stderr.read()) == (0, False)


@pytest.mark.parametrize("end", [b"\n", b""])
def test_what_was_asked_before_the_end_of_stdin_is_answered(home, rekall, end):
    with Server() as server:
        server.shake_hands()
        numbers = [server.start_call("add", type="til", title=f"word {number}") for number in range(5)]
        numbers += [server.start_call(name, **given) for name, given in (("recent", {}), ("search", {"query": "word"}))]
        cancelled = server.start_call("search", query="never mind")
        server.notify("notifications/cancelled", {"requestId": cancelled})
        last = {"name": "add", "arguments": {"type": "til", "title": "the last word"}}
        asked = {"jsonrpc": "2.0", "id": "last", "method": "tools/call", "params": last}
        server.send(json.dumps(asked).encode() + end)
        server.stdin.close()
        for number in (*numbers, "last"):
            assert not server.answer(number)["result"]["isError"], number
        assert server.left() == "0"
    assert rekall("list", "--json").json["total"] == 6


def test_what_an_assistant_wrote_last_is_stored_though_it_hangs_up(home, rekall):
    with Server() as server:
        server.shake_hands()
        server.start_call("add", type="til", title="the last word")
        server.stdin.close()
        server.process.wait(PATIENCE_S)
    assert [entry["title"] for entry in rekall("list", "--json").json["entries"]] == ["the last word"]


def test_an_engine_killed_between_two_searches_is_started_again(server):
    first = server.engine()
    first.kill()
    until(lambda: is_gone(first))
    said = server.call("search", query="the deploy waits for a lock")
    assert said["mode"] == "hybrid" or HOW_KILLED in said["text"]  # a process is not over with its first thread
    assert server.call("search", query="another lock")["mode"] == "hybrid"


def test_an_engine_killed_during_a_search_leaves_the_words_and_the_reason(server):
    for wait_s, query in ((0.2, "nginx answers 502"), (2, "nginx 502"), (10, "answers 502"), (30, "nginx answers")):
        first = server.engine()
        suspend(first)
        number = server.start_call("search", query=query)
        server.call("recent", limit=1)
        time.sleep(wait_s)  # let it reach the engine
        assert not server.is_answered(number)
        first.kill()
        said = server.result(number)
        if said["mode"] == "words":
            break  # else it had not reached the engine, and went to the next one
    assert said["mode"] == "words"
    assert HOW_KILLED in said["text"]
    assert said["hits"]
    assert "\nNote: the engine" in server.answer(number)["result"]["content"][0]["text"]
    assert server.call("search", query="the deploy waits for a lock")["mode"] == "hybrid"
    assert server.engine().pid != first.pid


def test_what_needs_no_engine_does_not_wait_for_it(server):
    engine = server.engine()
    entry = server.call("recent", limit=1)["entries"][0]["id"]
    suspend(engine)
    waiting = [server.start_call("search", query=f"lock number {number}") for number in range(8)]
    assert server.call("get", ids=[entry])["entries"]
    assert server.call("recent")["entries"]
    assert server.call("usage")["entries"] > 5
    assert server.ask("resources/list")["result"]["resources"]
    assert server.ask("tools/list")["result"]["tools"]
    assert "error" in server.ask("resources/read", {"uri": "rekall://other"})
    assert not any(map(server.is_answered, waiting))
    engine.resume()
    assert {server.result(number)["mode"] for number in waiting} == {"hybrid"}


def test_a_cancelled_request_gives_up_its_turn(server):
    engine = server.engine()
    suspend(engine)
    cancelled = [server.start_call("search", query=f"lock number {number}") for number in range(40)]
    for number in cancelled:
        server.notify("notifications/cancelled", {"requestId": number, "reason": "no more"})
    wanted = server.start_call("search", query="the deploy waits for a lock")
    assert server.call("usage")["entries"] > 5
    assert not server.is_answered(wanted)
    engine.resume()
    assert server.result(wanted)["mode"] == "hybrid"
    assert server.call("search", query="another lock")["mode"] == "hybrid"
    assert not [number for number in cancelled if "result" in server.answers.get(number, {})]
    assert server.engine().pid == engine.pid


@pytest.mark.slow
def test_a_hundred_calls_at_once_are_all_answered(server):
    ids = [item["id"] for item in server.call("recent", limit=10)["entries"]]
    before = server.call("usage")["entries"]
    calls = []
    for number in range(25):
        calls.append(("search", server.start_call("search", query=f"the deploy waits, number {number}")))
        calls.append(("get", server.start_call("get", ids=[ids[number % len(ids)]])))
        calls.append(("recent", server.start_call("recent", limit=3)))
        calls.append(("add", server.start_call("add", type="til", title=f"note number {number}", content="x")))
    answers = [(name, server.result(number)) for name, number in calls]
    assert {answer["mode"] for name, answer in answers if name == "search"} == {"hybrid"}
    assert [answer["entries"][0]["id"] for name, answer in answers if name == "get"] == (ids * 3)[:25]
    assert {len(answer["entries"]) for name, answer in answers if name == "recent"} == {3}
    added = [answer for name, answer in answers if name == "add"]
    assert len({answer["id"] for answer in added}) == 25
    assert not [answer for answer in added if "Note: " in answer["text"]]
    assert server.call("usage")["entries"] == before + 25
    assert len(server.children()) == 1


def test_many_first_calls_at_once_open_one_base(home):
    with Server("--set", "engine.model=none") as started:
        started.shake_hands()
        numbers = [started.start_call("recent") for _ in range(8)]
        numbers += [started.start_call("add", type="til", title=f"note {number}") for number in range(8)]
        numbers += [started.start_call("usage") for _ in range(8)]
        for number in numbers:
            started.result(number)
        assert started.call("recent")["total"] == 8


def test_the_model_is_dropped_when_idle_and_comes_back(notes):
    with Server(*IDLE) as started:
        started.shake_hands()
        assert started.searched("signed out") == 1
        until(lambda: not started.children())
        assert started.searched("the deploy waits") == 1


IDLE_BYTES = 71e6 if sys.version_info < (3, 13) else 75e6
"""The interpreters since 3.13 are larger: it takes 72.9 MB on Debian's 3.14."""


@linux_only
@own_memory
def test_an_idle_server_stays_far_below_its_limit(notes):
    with Server(*IDLE) as started:
        started.shake_hands()
        started.ask("tools/list")
        for query in ("authentication vanishes on ipad", "nginx 502"):
            assert started.call("search", query=query)["mode"] == "hybrid"
        until(lambda: not started.children())
        until(lambda: started.seen.memory_info().rss <= IDLE_BYTES)  # it is given back a moment later


AUDITED = """
import json, os, sys

written, sockets = [], []
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

def watch(event, arguments):
    if event.startswith("socket."):
        sockets.append(f"{event} {arguments[1:]}")
    elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
        written.append(os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else "")
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.link", "os.symlink", "os.truncate"):
        written.append(os.fsdecode(arguments[0]))

sys.addaudithook(watch)
from rekall.cli.main import run
try:
    run(sys.argv[2:])
except SystemExit as ended:
    code = ended.code or 0
with open(sys.argv[1], "w", encoding="utf-8") as report:
    json.dump({"code": code, "written": written, "sockets": sockets}, report)
"""


@not_on_windows("an event loop wakes itself by a socket there")
def test_over_pipes_no_socket_is_opened_and_nothing_is_written_elsewhere(notes, tmp_path):
    import socket

    elsewhere = tmp_path / "elsewhere"
    names = (
        "HOME",
        "TMPDIR",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
        "XDG_RUNTIME_DIR",
    )
    for name in names:
        (elsewhere / name).mkdir(parents=True)
    env = {**os.environ, **{name: str(elsewhere / name) for name in names}}
    env |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(CHECKOUT)}
    env.pop("ORT_DISABLE_TELEMETRY", None)
    report = tmp_path / "report.json"
    command = (sys.executable, "-c", AUDITED, str(report), "mcp", "--structured")
    with Server(command=command, env=env, cwd=elsewhere) as started:
        started.shake_hands()
        started.ask("tools/list")
        started.ask("resources/list")
        assert started.call("search", query="signed out")["mode"] == "hybrid"
        started.call("add", type="til", title="a note")
        started.stdin.close()
        assert started.left() == "0"
    told = json.loads(report.read_text("utf-8"))
    assert told["code"] == 0
    pair = f"socket.__new__ ({int(socket.AF_UNIX)}, "  # asyncio wakes itself up through one
    assert [event for event in told["sockets"] if not event.startswith(pair)] == []
    assert len(told["sockets"]) == 2
    allowed = ("", os.devnull, str(report))
    outside = [
        path for path in told["written"] if path not in allowed and not Path(path).resolve().is_relative_to(notes)
    ]
    assert outside == []
    assert [path for path in elsewhere.rglob("*") if not path.is_dir()] == []


def test_a_client_is_asked_over_pipes_which_project_it_has_open(home, tmp_path, monkeypatch):
    monkeypatch.setenv("REKALL_ADD_PROJECT", "auto")
    top = repository(tmp_path / "webapp")

    async def name_it(context: Any) -> protocol.ListRootsResult:
        return protocol.ListRootsResult(roots=[protocol.Root(uri=FileUrl(top.as_uri()))])

    async def speak() -> str:
        arguments = ["-m", "rekall", "--set", "engine.model=none", "mcp"]
        server = StdioServerParameters(command=sys.executable, args=arguments, env={**os.environ}, cwd=CHECKOUT)
        async with Client(stdio_client(server), mode="legacy", list_roots_callback=name_it) as client:
            return str((await client.call_tool("add", {"content": "a thought"})).content[0].text)

    assert asyncio.run(speak()).splitlines()[0].endswith(" (til, project webapp)")


# over HTTP


class HttpServer(Server):
    """A server over HTTP, and where it is."""

    def __init__(self, *settings: str, port: int = 0, options: Sequence[str] = ("--no-token",)) -> None:
        command = (
            sys.executable,
            "-m",
            "rekall",
            *settings,
            "mcp",
            "--http",
            "--structured",
            "--port",
            str(port),
            *options,
        )
        super().__init__(command=command)
        line = until(lambda: self.errors[0] if self.errors else b"").decode()
        self.url = line.removeprefix("serving at ").partition(" ")[0]
        self.port = urlsplit(self.url).port or 0

    def post(self, headers: dict[str, str], path: str = "/mcp", method: str = "POST") -> tuple[int, dict[str, str]]:
        """Status and headers of a handshake sent by hand."""
        about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.putrequest(method, path, skip_host=True)
            usual = {"Host": f"127.0.0.1:{self.port}", "Content-Type": "application/json"}
            usual |= {"Accept": "application/json, text/event-stream", "Content-Length": str(len(message))}
            for name, value in {**usual, **headers}.items():
                if value:
                    connection.putheader(name, value)
            connection.endheaders(message.encode())
            response = connection.getresponse()
            response.read()
            return response.status, {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()


@pytest.fixture
def http_server(notes: Path) -> Iterator[HttpServer]:
    with HttpServer() as started:
        yield started


def test_clients_are_served_over_http_side_by_side(http_server):
    async def speak() -> None:
        async with Client(http_server.url) as one, Client(http_server.url, mode="legacy") as other:
            added = await one.call_tool("add", {"type": "til", "title": "zebra crossing"})
            found = await asyncio.gather(
                *(client.call_tool("search", {"query": f"zebra {n}"}) for n in range(6) for client in (one, other))
            )
            assert {result.structured_content["hits"][0]["id"] for result in found} == {added.structured_content["id"]}
            assert len((await other.list_tools()).tools) == 11
            assert (await other.call_tool("zebra")).is_error

    asyncio.run(speak())
    assert len(http_server.children()) == 1
    assert len(http_server.errors) == 1


def test_a_client_may_call_as_soon_as_it_knows_the_address(home):
    with HttpServer() as started:
        assert started.post({})[0] == 200


def test_only_this_machine_is_listened_to(http_server):
    listening = [each for each in http_server.seen.net_connections("inet") if each.status == psutil.CONN_LISTEN]
    assert [(each.laddr.ip, each.laddr.port) for each in listening] == [("127.0.0.1", http_server.port)]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:{port}"}, 200),
        ({"Origin": "http://localhost:{port}"}, 200),
        ({"Origin": "http://127.0.0.1:{port}", "Host": "localhost:{port}"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:{port}"}, 421),
        ({"Host": "127.0.0.1.evil.example:{port}"}, 421),
        ({"Host": "localhost:1"}, 421),
        ({"Host": "localhost"}, 421),
        ({"Host": "127.0.0.1"}, 421),
        ({"Host": ""}, 400),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "https://localhost:{port}"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Origin": "http://localhost"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:{port}.evil.example"}, 403),
        ({"Content-Type": "text/plain"}, 400),
    ],
    ids=str,
)
def test_a_request_names_this_host_and_comes_from_nowhere_else(shared_http, headers, status):
    named = {name: value.replace("{port}", str(shared_http.port)) for name, value in headers.items()}
    got, replied = shared_http.post(named)
    assert got == status
    assert "access-control-allow-origin" not in replied


@pytest.mark.parametrize(
    ("method", "path", "status"), [("OPTIONS", "/mcp", 405), ("POST", "/", 404), ("GET", "/", 404)]
)
def test_nothing_else_is_served(shared_http, method, path, status):
    got, replied = shared_http.post({}, path, method)
    assert got == status
    assert "access-control-allow-origin" not in replied


@pytest.fixture(scope="module")
def shared_http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """A server for requests that change nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REKALL_HOME", str(tmp_path_factory.mktemp("http") / "home"))
        started = HttpServer()
    with started:
        yield started


def test_a_read_only_server_is_one_over_http_too(notes):
    async def look(url: str) -> set[str]:
        async with Client(url) as client:
            return {tool.name for tool in (await client.list_tools()).tools}

    with HttpServer(options=["--read-only", "--no-token"]) as started:
        assert asyncio.run(look(started.url)) == {"search", "get", "similar", "recent", "usage", "history"}


def test_a_port_that_is_taken_is_an_error_with_a_way_out(shared_http, rekall_process):
    ran = rekall_process("mcp", "--http", "--port", str(shared_http.port), check=False)
    assert ran.returncode == 4
    assert ran.stderr.startswith(f"error: port {shared_http.port} cannot be used: ")
    assert "hint: choose another one with --port" in ran.stderr
    assert ran.stdout == ""


@signals
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_an_http_server_with_its_engine_and_a_client_connected(notes, name):
    with HttpServer() as started:

        async def speak() -> float:
            async with Client(started.url, mode="legacy") as client:
                await client.call_tool("search", {"query": "signed out"})
                engine = started.engine()
                begun = time.monotonic()
                started.process.send_signal(getattr(signal, name))
                await asyncio.to_thread(started.process.wait, PATIENCE_S)
                took = time.monotonic() - begun
                until(lambda: is_gone(engine))
                return took

        assert asyncio.run(speak()) < PATIENCE_S
        said = started.left()
        assert "Traceback" not in said
        assert started.process.returncode in ((0,) if name == "SIGINT" else (-signal.SIGTERM, 128 + signal.SIGTERM))
