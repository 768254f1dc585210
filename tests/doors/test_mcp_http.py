"""Who is let in over HTTP, for how long a connection may say nothing, and where the token is kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tomlkit
import yaml
from support import Ran
from support.systems import modes
from test_mcp_transports import PATIENCE_S, HttpServer, until

from rekall.config import Places
from rekall.errors import InvalidInput
from rekall.mcp import guard
from rekall.mcp.clients import CLIENTS
from rekall.mcp.guard import Guard
from rekall.mcp.token import checked, token_file, wanted_token

Rekall = Callable[..., Ran]
GIVEN = "a-token-of-this-test-0123"

SHORT = """
import sys
from rekall.mcp import guard
guard.HEADERS_S, guard.BODY_S, guard.MOST_CONNECTIONS = 0.5, 0.5, 20
from rekall.cli.main import run
run(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HttpServer, str]]:
    """A server with the token it made, and that token."""
    home = tmp_path_factory.mktemp("guarded") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REKALL_HOME", str(home))
        patch.delenv("REKALL_MCP_TOKEN", raising=False)
        started = HttpServer(options=())
    with started:
        yield started, (home / "mcp-token").read_text().strip()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("", 401),
        ("Bearer {token}", 200),
        ("bearer {token}", 200),
        ("Bearer  {token}", 200),
        ("Bearer x{token}", 401),
        ("Bearer {token}x", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Basic {token}", 401),
        ("{token}", 401),
        ("Bearer {token}, Bearer x", 401),
        ("Bearer \xff", 401),
    ],
)
def test_only_the_token_opens_the_door(guarded, sent, status):
    server, token = guarded
    got, headers = server.post({"Authorization": sent.replace("{token}", token)})
    assert got == status
    if status == 401:
        assert headers["www-authenticate"] == "Bearer"
        assert headers["connection"] == "close"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/mcp"), ("DELETE", "/mcp"), ("OPTIONS", "/mcp"), ("POST", "/"), ("GET", "/x")]
)
def test_whoever_has_no_token_is_told_nothing_more(guarded, method, path):
    assert guarded[0].post({}, path, method)[0] == 401


def test_another_host_or_origin_is_refused_with_the_token_too(guarded):
    server, token = guarded
    assert server.post({"Authorization": f"Bearer {token}", "Host": "evil.example"})[0] == 421
    assert server.post({"Authorization": f"Bearer {token}", "Origin": "http://evil.example"})[0] == 403


@modes
def test_the_token_is_its_owner_s_alone_and_never_told(guarded):
    server, token = guarded
    said = b"".join(server.errors).decode()
    file = Path(said.partition("the token in ")[2].partition("; stop")[0])
    assert file.read_text().strip() == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token not in said
    assert token not in " ".join(server.seen.cmdline())


def test_a_token_is_kept_for_the_next_start(home):
    places = Places(home / "config.toml", home / "rekall.db", home / "models")
    first = wanted_token(places, None, {})
    assert wanted_token(places, None, {}) == first
    assert len(first) >= 43
    assert wanted_token(places, None, {"REKALL_MCP_TOKEN": GIVEN}) == GIVEN
    assert wanted_token(places, "x" * 20, {"REKALL_MCP_TOKEN": GIVEN}) == "x" * 20
    assert wanted_token(places, None, {"REKALL_MCP_TOKEN": ""}) == first


@pytest.mark.parametrize(
    "token", ["", "short", "with blank in the middle", "ümlaut-ümlaut-ümlaut", "line\nbreak-line-break"]
)
def test_a_token_that_is_none_is_refused_and_not_repeated(token):
    with pytest.raises(InvalidInput) as raised:
        checked(token)
    assert not token or token not in raised.value.message + raised.value.hint


@modes
def test_a_token_file_that_others_could_read_is_closed_and_one_of_another_kind_refused(home):
    places = Places(home / "config.toml", home / "rekall.db", home / "models")
    token = wanted_token(places, None, {})
    file = token_file(places)
    file.chmod(0o644)
    assert wanted_token(places, None, {}) == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("no")
    with pytest.raises(InvalidInput, match="holds no token"):
        wanted_token(places, None, {})
    file.unlink()
    file.symlink_to(home / "elsewhere")
    with pytest.raises(InvalidInput, match="cannot hold the token"):
        wanted_token(places, None, {})


def test_a_token_may_come_from_the_environment(home, monkeypatch):
    monkeypatch.setenv("REKALL_MCP_TOKEN", GIVEN)
    with HttpServer(options=()) as started:
        assert started.post({"Authorization": f"Bearer {GIVEN}"})[0] == 200
        assert started.post({})[0] == 401
        assert GIVEN not in b"".join(started.errors).decode()
    assert not (home / "mcp-token").exists()


@pytest.mark.parametrize(
    "options",
    [("--token", GIVEN), ("--no-token",), ("--http", "--token", GIVEN, "--no-token"), ("--http", "--token", "short")],
)
def test_options_that_do_not_go_together_are_refused(rekall: Rekall, options):
    ran = rekall("mcp", *options)
    assert ran.code in (2, 4)
    assert "hint: " in ran.err


# connections that say nothing


@pytest.fixture
def impatient(home: Path) -> Iterator[HttpServer]:
    """A server that waits half a second, for twenty connections."""
    yield from served(SHORT)


@pytest.fixture
def narrow(home: Path) -> Iterator[HttpServer]:
    """A server that waits as long as any, for twenty connections."""
    yield from served(SHORT.replace("0.5, 0.5", "600.0, 600.0"))


def served(script: str) -> Iterator[HttpServer]:
    started = HttpServer.__new__(HttpServer)
    command = (sys.executable, "-c", script, "mcp", "--http", "--port", "0", "--no-token")
    super(HttpServer, started).__init__(command=command)
    with started:
        line = until(lambda: started.errors[0] if started.errors else b"").decode()
        started.url = line.removeprefix("serving at ").partition(" ")[0]
        started.port = int(started.url.rpartition(":")[2].partition("/")[0])
        yield started


def opened(server: HttpServer, data: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)
    connection.sendall(data)
    return connection


def rest_of(connection: socket.socket) -> bytes:
    """What comes until the server ends the connection."""
    got = b""
    with connection, contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65_536):
            got += data
    return got


HEAD = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"", b""),
        (b"POST /mcp HT", b""),
        (HEAD, b""),
        (HEAD + b"Content-Length: 100\r\n\r\n{", b"HTTP/1.1 408"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", b"HTTP/1.1 408"),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", b"HTTP/1.1 404"),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\nGET / HT", b"HTTP/1.1 404"),
        (b"nonsense\r\n\r\n", b"HTTP/1.1 400"),
    ],
)
def test_a_connection_that_says_nothing_more_is_ended(impatient, said, answer):
    got = rest_of(opened(impatient, said.replace(b"%d", str(impatient.port).encode())))
    assert got.startswith(answer)
    assert impatient.post({})[0] == 200


def test_a_head_that_dribbles_in_is_not_waited_for(impatient):
    connection = opened(impatient, b"POST /mcp HTTP/1.1\r\n")

    def is_ended() -> bool:
        try:
            connection.sendall(b"X: y\r\n")
        except OSError:
            return True
        return False

    until(is_ended)
    connection.close()
    assert impatient.post({})[0] == 200


def test_idle_connections_make_room(impatient):
    idle = [opened(impatient, b"") for _ in range(60)]
    assert impatient.post({})[0] == 200
    assert [rest_of(each) for each in idle] == [b""] * 60


def test_a_burst_of_connections_leaves_no_more_than_there_may_be(narrow):
    idle = [opened(narrow, b"POST /mcp HT" if number % 2 else b"") for number in range(120)]
    try:
        until(lambda: sum(each.status == "ESTABLISHED" for each in narrow.seen.net_connections()) <= 20)
        assert narrow.post({})[0] == 200
    finally:
        for each in idle:
            each.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_there_are_fewer_connections_than_files_may_be_opened():
    import resource

    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, files[1]))
    try:
        assert guard.most_connections() == 118
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, files)


def test_a_message_that_comes_again_and_again_is_logged_once_a_second():
    import logging

    from rekall.mcp.run import _Seldom

    seldom = _Seldom()
    records = [logging.LogRecord("asyncio", logging.ERROR, "", 0, text, None, None) for text in ("a\nb", "a\nc", "d")]
    records += [logging.LogRecord("asyncio", logging.ERROR, "", 0, "a\nd", None, None)]
    for record, at_ms in zip(records, (1000.0, 1500.0, 1600.0, 2100.0), strict=True):
        record.relativeCreated = at_ms
    assert [seldom.filter(record) for record in records] == [True, False, True, True]


def test_a_stream_that_waits_for_news_is_not_ended(impatient):
    from mcp.client.client import Client

    async def wait() -> Any:
        async with Client(impatient.url, mode="legacy") as client:
            await client.list_tools()
            await asyncio.sleep(2)  # four times as long as a head may take
            return await client.list_tools()

    assert asyncio.run(wait()).tools


def test_a_body_that_is_too_long_is_refused(impatient):
    head = HEAD.replace(b"%d", str(impatient.port).encode()) + b"Content-Length: 20000000\r\n\r\n"
    connection = opened(impatient, head)
    with contextlib.suppress(OSError):
        for _ in range(20):
            connection.sendall(b"x" * 1_000_000)
    with contextlib.suppress(OSError):
        assert connection.recv(100).startswith(b"HTTP/1.1 413")
    connection.close()
    assert impatient.post({})[0] == 200


def test_half_a_character_is_served_over_http_too(impatient):
    body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"\\ud83d","version":"1"}}}'
    head = HEAD.replace(b"%d", str(impatient.port).encode()) + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(
        body
    )
    assert rest_of(opened(impatient, head + body)).startswith(b"HTTP/1.1 200")


def test_a_client_that_leaves_in_the_middle_of_a_body_is_forgotten():
    called = []

    async def app(*_: Any) -> None:
        called.append(1)

    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        called.append(message)

    asyncio.run(Guard(app, None)({"type": "http", "method": "POST", "headers": []}, gone, send))  # type: ignore[arg-type]
    assert called == []


def test_the_deadlines_are_longer_than_a_person_s_machine_is_slow():
    assert guard.HEADERS_S >= 5
    assert guard.BODY_S >= guard.HEADERS_S


# clients


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "user"
    folder.mkdir()
    for name in ("HOME", "USERPROFILE", "APPDATA"):
        monkeypatch.setenv(name, str(folder))
    return folder


REMOTE = [client for client in CLIENTS if client.address]


@pytest.mark.parametrize("client", REMOTE, ids=lambda client: client.name)
def test_the_token_is_written_where_a_client_needs_it_and_shown_nowhere(rekall: Rekall, user, home, client):
    ran = rekall("mcp", "install", client.name, "--http", "--port", "9000", "--write")
    assert ran.code == 0, ran.err
    token = (home / "mcp-token").read_text().strip()
    path = client.path()
    read = {"toml": tomlkit.parse, "yaml": yaml.safe_load, "json": json.loads}[client.format](path.read_text())
    entry = read[client.section]["rekall"]
    assert entry[client.address] == "http://127.0.0.1:9000/mcp"
    assert entry["http_headers" if client.format == "toml" else "headers"] == {"Authorization": f"Bearer {token}"}
    assert not {"command", "cmd"} & entry.keys()
    assert token not in ran.out + ran.err
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = rekall("mcp", "install", client.name, "--http", "--port", "9000", "--write")
    assert "nothing changed" in again.err
    for more in ((), ("--json",)):
        printed = rekall("mcp", "install", client.name, "--http", *more)
        assert "Bearer TOKEN" in printed.out
        assert token not in printed.out + printed.err


def test_a_client_s_own_settings_and_headers_stay_and_its_file_is_closed_to_others(rekall: Rekall, user, home):
    path = user / ".cursor" / "mcp.json"
    path.parent.mkdir()
    address = "http://127.0.0.1:8799/mcp"
    old = {"url": address, "headers": {"X-Mine": "1", "Authorization": "Bearer old"}, "disabled": True}
    path.write_text(json.dumps({"mcpServers": {"other": {"url": "http://x"}, "rekall": old}}))
    path.chmod(0o644)
    assert rekall("mcp", "install", "cursor", "--http", "--write").code == 0
    servers = json.loads(path.read_text())["mcpServers"]
    assert servers["other"] == {"url": "http://x"}
    assert servers["rekall"]["disabled"] is True
    assert servers["rekall"]["headers"]["X-Mine"] == "1"
    assert servers["rekall"]["headers"]["Authorization"] != "Bearer old"
    if sys.platform != "win32":
        assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}
    assert rekall("mcp", "install", "cursor", "--write").code == 0
    assert not {"url", "headers"} & json.loads(path.read_text())["mcpServers"]["rekall"].keys()


def test_a_client_that_knows_no_server_over_http_is_told_so(rekall: Rekall, user, home):
    ran = rekall("mcp", "install", "claude-desktop", "--http", "--write")
    assert (ran.code, ran.out) == (4, "")
    assert "without --http" in ran.err
    assert not (home / "mcp-token").exists()
    assert rekall("mcp", "install", "cursor", "--port", "1").code == 2
    assert rekall("mcp", "install", "cursor", "--http", "--read-only").code == 2


def test_each_change_of_several_clients_at_once_is_known_by_its_own(impatient):
    from mcp.client.client import Client
    from mcp_types import Implementation

    async def writes(name: str, mode: str) -> None:
        client = Client(impatient.url, mode=mode, client_info=Implementation(name=name, version="1"))
        async with client as session:
            for number in range(3):
                added = await session.call_tool("add", {"type": "til", "content": f"{name} says {number}"})
                assert not added.is_error, added.content

    async def all_at_once() -> str:
        await asyncio.gather(writes("old editor", "legacy"), writes("new editor", "auto"), writes("agent", "auto"))
        async with Client(impatient.url) as session:
            return str((await session.call_tool("history", {})).content[0].text)

    told = asyncio.run(all_at_once())
    said = re.findall(r"mcp \(([a-z ]+)\)  add: ([a-z ]+) says", told)
    assert len(said) == 9, told
    assert all(client == title for client, title in said)
