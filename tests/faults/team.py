"""A team's base under writers: its server killed, its connections cut, its disk full. What was acknowledged is there, whole."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from support.servers import Server

from faults.forking import HANG_S, Child, command, forked
from faults.homes import Home
from faults.tally import Tally

WRITERS = 3
_SAFE = ("fsync=on", "synchronous_commit=on", "max_connections=40", "wal_init_zero=off")
_SMALL = ("max_wal_size=32MB", "min_wal_size=32MB")
_DISK_MB = 160


def write_through(number: int, seed: int) -> None:
    """Add and change entries of the base in use, whatever becomes of its server, and say on stdout what came of each.

    Args:
        number: The writer's.
        seed: Chooses what is done.
    """
    from rekall.app import App
    from rekall.errors import StorageError

    def say(word: str, title: str, said: str) -> None:
        os.write(1, json.dumps([word, title, said]).encode() + b"\n")

    chance = random.Random(seed)
    app, mine, count = App(), dict[str, str](), 0
    while True:
        count += 1
        is_new = chance.random() < 0.6 or not mine
        title = f"Writer {number} note {count}" if is_new else chance.choice(sorted(mine))
        said = f"says word{number}x{count}"
        say("begin", title, said)
        try:
            base = app.open_base(to_write=True)
            if is_new:
                mine[title] = base.add("til", title, content=said).entry.id
            else:
                base.change(mine[title], content=said)
            say("done", title, said)
        except StorageError as error:
            say("unknown" if "while a change was being stored" in error.message else "refused", title, said)
            time.sleep(0.02)


@dataclass
class Said:
    """What writers said of each title.

    Attributes:
        known: What it must say.
        perhaps: What it may say instead, since nobody was told what became of it.
        refused: What it must not say.
    """

    known: dict[str, str] = field(default_factory=dict)
    perhaps: dict[str, set[str]] = field(default_factory=dict)
    refused: set[tuple[str, str]] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)

    def take(self, out: str) -> None:
        """Read all that a writer said."""
        open_: tuple[str, str] | None = None
        for line in out.splitlines():
            word, title, said = json.loads(line)
            self.counts[word] = self.counts.get(word, 0) + 1
            open_ = (title, said) if word == "begin" else None
            if word == "done":
                self.known[title] = said
                self.perhaps.pop(title, None)
            elif word == "unknown":
                self.perhaps.setdefault(title, set()).add(said)
            elif word == "refused":
                self.refused.add((title, said))
        if open_:
            self.perhaps.setdefault(open_[0], set()).add(open_[1])

    def problems(self, found: dict[str, str]) -> Iterator[str]:
        """What is wrong with the entries that are there."""
        for title, said in self.known.items():
            if found.get(title) != said and found.get(title) not in self.perhaps.get(title, ()):
                yield f"{title} says {found.get(title)!r}, and {said!r} was acknowledged"
        for title, said in found.items():
            if (title, said) in self.refused:
                yield f"{title} says {said!r}, which was refused"
            if title not in self.known and said not in self.perhaps.get(title, ()):
                yield f"{title} says {said!r}, which nobody wrote"


class _Team:
    """Writers at work on a base, each a process."""

    def __init__(self, home: Home, conninfo: str, seed: int) -> None:
        """Name the base in the home, and let them begin."""
        self.home, self.conninfo = home, conninfo
        (home.home / "bases.toml").write_text(f"[team]\nlocation = {json.dumps(conninfo)}\n", "utf-8")
        self.environ = {**home.environ(), "REKALL_BASES_USE": "team"}
        self.writers = [
            Child(lambda n=n: write_through(n, seed + n), home.folder, self.environ, name=f"team{n}")
            for n in range(WRITERS)
        ]

    def wait_for(self, more: int) -> None:
        """Wait until so many more changes were acknowledged."""
        wanted, end = self.done() + more, time.monotonic() + HANG_S
        while self.done() < wanted:
            assert time.monotonic() < end, "the writers have stopped: " + " ".join(
                each.err.read_text()[-900:] for each in self.writers
            )
            time.sleep(0.005)

    def done(self) -> int:
        """How many changes were acknowledged until now."""
        return sum(each.out.read_bytes().count(b'["done"') for each in self.writers if each.out.exists())

    def judge(self, tally: Tally, location: str) -> None:
        """End the writers, and compare what they said with what is in the base, reached by another way."""
        said = Said()
        for writer in self.writers:
            ended = writer.kill()
            said.take(ended.out)
            if ended.err:
                tally.problems.append(f"a writer: {ended.err[-900:]}")
        for word, name in (("done", "acknowledged"), ("refused", "refused"), ("unknown", "of which nobody was told")):
            tally.note(f"changes {name}", said.counts.get(word, 0))
        (self.home.home / "bases.toml").write_text(f"[team]\nlocation = {json.dumps(location)}\n", "utf-8")
        ended = forked(_read, self.home.folder, self.environ)
        if ended.code:
            tally.problems.append(f"the base cannot be read: {ended.text[-900:]}")
            return
        read = json.loads(ended.out)
        tally.problems += said.problems(read["entries"])
        tally.problems += [f"{title} is not found by its words" for title in read["unfound"]]


def _read() -> None:
    """Print the entries of the base in use, and those that their own words do not find."""
    from rekall.app import App
    from rekall.entry.filters import Filters
    from rekall.search.results import Mode

    base = App().open_base()
    entries = base.list_entries(Filters(), None).entries
    unfound = [
        each.title
        for each in entries
        if each.id not in {hit.entry.id for hit in base.search(each.content, Filters(), Mode.WORDS, 3).hits}
    ]
    said = json.dumps({"entries": {each.title: each.content for each in entries}, "unfound": unfound})
    os.write(1, said.encode())


def try_kills(home: Home, seed: int, rounds: int) -> Tally:
    """Kill the server and all its processes under writers, and start it again."""
    tally = Tally(f"a team's server is killed (-9) under {WRITERS} writers")
    chance = random.Random(seed)
    with _running(tally) as (server, base):
        team = _Team(home, base, seed)
        for _ in range(rounds):
            team.wait_for(chance.randrange(3, 12))
            time.sleep(chance.random() * 0.01)
            _kill(server)
            time.sleep(chance.random() * 0.2)
            server.start()
            tally.count("started again")
        team.wait_for(WRITERS)
        team.judge(tally, base)
    return tally


def try_cuts(home: Home, seed: int, rounds: int) -> Tally:
    """Cut the connections between writers and server, in the middle of what either says."""
    tally = Tally(f"connections to a team's server are cut under {WRITERS} writers")
    with _running(tally) as (server, base), _a_way(server, home.folder, seed) as (port, cut):
        team = _Team(home, f"host=127.0.0.1 port={port} dbname=postgres user=postgres", seed)
        for _ in range(rounds):
            team.wait_for(2)
            cut()
            tally.count("cut")
        team.wait_for(WRITERS)
        team.judge(tally, base)
    return tally


def try_full_disk(home: Home, seed: int, rounds: int) -> Tally:
    """Fill the disk of the server under writers, and give it room again."""
    tally = Tally(f"the disk of a team's server is full under {WRITERS} writers")
    with contextlib.ExitStack() as stack:
        disk = Path(tempfile.mkdtemp(prefix="rekall-disk-"))
        stack.callback(disk.rmdir)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(disk)], capture_output=True, check=False
        )
        if mounted.returncode:
            tally.note("left out: a small disk cannot be mounted here")
            return tally
        stack.callback(subprocess.run, ["umount", str(disk)], check=True)
        server, base = stack.enter_context(_running(tally, _SMALL, folder=disk / "s"))
        team = _Team(home, base, seed)
        for _ in range(rounds):
            team.wait_for(5)
            refused = _refused(team)
            _fill(disk / "ballast")
            end = time.monotonic() + HANG_S
            while _refused(team) == refused:
                assert time.monotonic() < end, "nothing was refused on a full disk"
                _fill(disk / "ballast")  # what the server gave back meanwhile
                time.sleep(0.01)
            (disk / "ballast").unlink()
            _revive(server)
            tally.count("full and freed")
        team.wait_for(WRITERS)
        team.judge(tally, base)
    return tally


def _refused(team: _Team) -> int:
    return sum(each.out.read_bytes().count(b'["refused"') for each in team.writers)


def _fill(file: Path) -> None:
    """Let a file take all the room there is."""
    with contextlib.suppress(OSError), open(file, "ab", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))


def _revive(server: Server) -> None:
    """Start a server that has given up for want of room."""
    if not _processes(server):
        with contextlib.suppress(OSError):  # it answers meanwhile
            server.start()


@contextlib.contextmanager
def _running(tally: Tally, settings: Sequence[str] = (), *, folder: Path | None = None) -> Iterator[tuple[Server, str]]:
    """A server that keeps what it acknowledges, and how an empty base on it is reached."""
    with tempfile.TemporaryDirectory(prefix="rekall-team-", dir="/tmp") as place:
        os.chmod(place, 0o755)
        server = Server(folder or Path(place) / "s", (*_SAFE, *settings))
        server.make()
        server.start()
        try:
            base = server.conninfo()
            ended = forked(command(["base", "init", base]), Path(place))
            if ended.code:
                tally.problems.append(f"no base is made: {ended.text[-900:]}")
            yield server, base
        finally:
            _kill(server)


@contextlib.contextmanager
def _a_way(server: Server, scratch: Path, seed: int) -> Iterator[tuple[int, Callable[[], None]]]:
    """A port of this machine that leads to a server, and what cuts everything that goes through it."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = int(door.getsockname()[1])
        carrier = Child(lambda: _carry(door, f"{server.folder}/.s.PGSQL.5432", seed), scratch, name="way")
    try:
        yield port, lambda: os.kill(carrier.pid, signal.SIGUSR1)
    finally:
        carrier.kill()


def _carry(door: socket.socket, to: str, seed: int) -> None:
    """Carry bytes to and fro. A signal cuts all ways: at once, or in the middle of what the server says next."""
    chance, others, told = random.Random(seed), dict[socket.socket, socket.socket](), []
    signal.signal(signal.SIGUSR1, lambda *_: told.append(chance.random() < 0.7))
    servers = set[socket.socket]()
    while True:
        ready, _, _ = select.select([door, *others], [], [], 0.01)
        for near in ready:
            if near is door:
                client, way = door.accept()[0], socket.socket(socket.AF_UNIX)
                way.connect(to)
                others.update({client: way, way: client})
                servers.add(way)
            elif near in others:
                said = near.recv(65536)
                is_cut = told and (near in servers or not told[0])
                if is_cut:
                    said = said[: chance.randrange(len(said))] if said else said
                with contextlib.suppress(OSError):
                    others[near].sendall(said)
                if is_cut:
                    told.clear()
                    _reset(others)
                elif not said:
                    _reset({each: each for each in (near, others[near])})
                    others = {one: other for one, other in others.items() if one.fileno() >= 0}


def _reset(ways: dict[socket.socket, socket.socket]) -> None:
    """Close connections as a network that is gone does: with no word of farewell."""
    for each in ways:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        each.close()
    ways.clear()


def _processes(server: Server) -> list[psutil.Process]:
    """The server and all its processes."""
    try:
        pid = int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except (OSError, ValueError, IndexError, psutil.Error):
        return []


def _kill(server: Server) -> None:
    """End it at once, as the kernel does when memory is short."""
    found = _processes(server)
    for each in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.send_signal(signal.SIGKILL)
    psutil.wait_procs(found, timeout=HANG_S)
