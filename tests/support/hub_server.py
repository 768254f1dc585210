"""A model hub on the loopback: the part of its interface that the real client speaks, and what can go wrong with it.

The hub answers `GET /api/models/REPO[/revision/REV]` with the commit, the files, their sizes and hashes, and
`/REPO/resolve/REV/FILE` with a redirect: on the same host for what lies in git, to a second host for large files.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin", ".onnx", ".h5", ".gguf", "tokenizer.json")
HELD_BYTES = 10_000
HOLDS_OUT_S = 600.0  # longer than any test: what ends a wait is an event, or the client's own deadline
CHATTER = {"X-HF-Warning": "news; a new release is out"}  # the client passes it on to the terminal
TOKEN = "hf_secretsecretsecret"


@dataclass(frozen=True)
class Request:
    """What one request asked for; `host` is "hub" or "store"."""

    host: str
    method: str
    path: str
    headers: Mapping[str, str]


@dataclass
class Hub:
    """The repositories, the faults, and every request so far.

    Attributes:
        files: Bytes by repository, commit and name.
        refs: Commit by repository and branch or tag.
        refusals: Status and X-Error-Code by the beginning of a path.
        cuts: By name of a file, how many bytes go out before the connection is closed, once for each number.
        hiccups: Statuses of the next answers of the store.
        altered: Bytes to send in place of a file's own.
        private: Repositories that want TOKEN.
        hangs: Whether nothing is ever answered.
        raw_answer: What every request gets, when it is set.
        tells_hashes: Whether the listing has sizes and hashes.
        knows_ranges: Whether a part of a file can be asked for.
        released: While it is clear, a large file waits after its first half.
        stopped: Set when the server goes down.
    """

    address: str = ""
    store_address: str = ""
    files: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    refs: dict[str, dict[str, str]] = field(default_factory=dict)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=dict)
    hiccups: list[int] = field(default_factory=list)
    altered: dict[str, bytes] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    hangs: bool = False
    raw_answer: bytes = b""
    tells_hashes: bool = True
    knows_ranges: bool = True
    released: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.released.set()

    def reset(self) -> None:
        """Forget everything but the addresses, and let go what still waits."""
        self.released.set()
        self.stopped.set()
        self.__dict__.update(Hub(self.address, self.store_address).__dict__)

    def add(self, repository: str, files: Mapping[str, bytes], branch: str = "main") -> str:
        """Put a commit on a branch; its name."""
        commit = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.files.setdefault(repository, {})[commit] = dict(files)
        self.refs.setdefault(repository, {})[branch] = commit
        return commit

    def sent(self) -> list[Request]:
        """The requests for the bytes of a file, in order."""
        return [item for item in self.requests if item.method == "GET" and item.path.startswith("/stored/")]

    def sent_names(self) -> list[str]:
        """The names of the files whose bytes were asked for, in order."""
        return [request.path.split("/resolve/")[1].split("/", 1)[1] for request in self.sent()]


def git_digest(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_large(name: str) -> bool:
    return name.endswith(LARGE)


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub and its store on two ports of the loopback."""
    hub = Hub()
    servers = [_Server(("127.0.0.1", 0), hub, host) for host in ("hub", "store")]
    hub.address, hub.store_address = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        hub.reset()
        for server, thread in zip(servers, threads):
            server.shutdown()
            thread.join()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], hub: Hub, host: str) -> None:
        super().__init__(address, _Handler)
        self.hub = hub
        self.host = host

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is one of the things that are tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every body waits 40 ms for the acknowledgement of its headers
    server: _Server

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def log_message(self, format: str, *arguments: object) -> None:
        """The tests read `requests`."""

    def answer(self) -> None:
        hub, path = self.server.hub, unquote(urlsplit(self.path).path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        hub.requests.append(Request(self.server.host, self.command, path, headers))
        refusal = next((hub.refusals[start] for start in hub.refusals if path.startswith(start)), None)
        if hub.hangs:
            hub.stopped.wait(HOLDS_OUT_S)
            self.close_connection = True
        elif hub.raw_answer:
            self.send(200, {"Content-Type": "text/html"}, hub.raw_answer)
        elif refusal:
            self.send(refusal[0], {"X-Error-Code": refusal[1]} if refusal[1] else {}, b'{"error": "no"}')
        elif hub.hiccups and self.server.host == "store":
            self.send(hub.hiccups.pop(0), {}, b"")
        elif path.startswith("/api/models/"):
            self.send_listing(path.removeprefix("/api/models/"))
        elif path.startswith("/stored/"):
            self.send_file(path.removeprefix("/stored/"))
        elif "/resolve/" in path:
            self.redirect(path.removeprefix("/"))
        else:
            self.send(404, {}, b"")

    def may_read(self, repository: str) -> bool:
        return repository not in self.server.hub.private or self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def send_listing(self, asked: str) -> None:
        hub = self.server.hub
        repository, _, revision = asked.partition("/revision/")
        if repository not in hub.files or not self.may_read(repository):
            # as the hub does: who shows no token is not told what exists
            self.send(404 if "Authorization" in self.headers else 401, {"X-Error-Code": "RepoNotFound"}, b"{}")
            return
        commit = hub.refs[repository].get(revision or "main", revision)
        if commit not in hub.files[repository]:
            self.send(404, {"X-Error-Code": "RevisionNotFound"}, b"{}")
            return
        siblings = [_sibling(name, data, hub.tells_hashes) for name, data in hub.files[repository][commit].items()]
        body = {"id": repository, "modelId": repository, "sha": commit, "private": False, "siblings": siblings}
        self.send(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def redirect(self, path: str) -> None:
        hub = self.server.hub
        repository, _, rest = path.partition("/resolve/")
        revision, _, name = rest.partition("/")
        commit = hub.refs.get(repository, {}).get(revision, revision)
        data = hub.files.get(repository, {}).get(commit, {}).get(name)
        if data is None or not self.may_read(repository):
            self.send(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}, b"")
            return
        headers = {"X-Repo-Commit": commit, "ETag": f'"{git_digest(data)}"'}
        stored = f"/stored/{repository}/resolve/{commit}/{name}"
        if not is_large(name):
            self.send(307, {**headers, "Location": stored}, b"")
            return
        digest = hashlib.sha256(data).hexdigest()
        # X-Xet names another way of transport, which the client takes when it is not told otherwise
        headers |= {"X-Xet-Hash": digest, "X-Xet-Refresh-Route": f"{hub.address}/api/xet-read-token"}
        headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(data))}
        self.send(302, {**headers, "Location": hub.store_address + stored}, b"")

    def send_file(self, path: str) -> None:
        hub = self.server.hub
        repository, _, rest = path.partition("/resolve/")
        commit, _, name = rest.partition("/")
        data = hub.altered.get(name, hub.files[repository][commit][name])
        start = 0
        headers = {"X-Repo-Commit": commit, "ETag": f'"{git_digest(data)}"'}
        if self.headers.get("Range") and hub.knows_ranges:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        cuts = hub.cuts.get(name)
        only = cuts.pop(0) if cuts and self.command == "GET" else len(data)
        self.send(206 if "Content-Range" in headers else 200, headers, data[start:], only)

    def send(self, status: int, headers: Mapping[str, str], body: bytes, only: int | None = None) -> None:
        """Answer; of the body that is promised, `only` so many bytes go out."""
        self.send_response(status)
        for name, value in {**headers, **CHATTER, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        sent = body if only is None else body[:only]
        half = len(sent) // 2
        self.wfile.write(sent[:half])
        if half > HELD_BYTES and not self.server.hub.released.is_set():
            self.server.hub.released.wait(HOLDS_OUT_S)
        self.wfile.write(sent[half:])
        if len(sent) < len(body):
            self.close_connection = True


def _sibling(name: str, data: bytes, tells_hashes: bool) -> dict[str, object]:
    if not tells_hashes:
        return {"rfilename": name}
    entry: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": git_digest(data)}
    if is_large(name):
        entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 135}
    return entry
