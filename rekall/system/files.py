"""Files written whole or not at all, readable by their owner alone."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rekall.system.replacing import discard, discard_folder, put_aside, take_place, told_of
from rekall.system.spelling import openable

_CHANGING_S = 10.0
"""How long others may take to change a small file each; it takes milliseconds."""

PRIVATE_FILE = 0o600  # what mkstemp gives, too
PRIVATE_FOLDER = 0o700
_CHUNK_BYTES = 1 << 18
_PIECE_BYTES = 1 << 16
_NAME_BYTES = 120  # of what a scratch name is for: a name may be as long as the system lets it be

_FULL_SYNC = 51 if sys.platform == "darwin" else None  # fcntl's F_FULLFSYNC
_BARRIER_SYNC = 85  # F_BARRIERFSYNC, for which Python has no name

_SCRATCH = re.compile(
    r"\.(?P<name>.*?)\.(?:(?P<pid>\d{1,10})-(?P<host>[0-9a-f]{8})\.)?[a-z0-9_]{8}\.(?P<kind>part|old|gone|busy)",
    re.DOTALL,
)


def make_private_folder(path: Path) -> None:
    """Create a folder, and its missing parents, readable by the owner alone.

    A folder that exists keeps its mode: it may be shared on purpose.

    Raises:
        OSError: It cannot be made: the system does not let it, or its drive or share is not there.
    """
    missing = []
    folder = path
    while not folder.exists() and folder != folder.parent:
        missing.append(folder)
        folder = folder.parent
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process may make it between the two lines
            folder.mkdir(mode=PRIVATE_FOLDER)


@contextlib.contextmanager
def changing(path: Path) -> Iterator[None]:
    """Let nobody else change a small file of ours between its being read and written: their change would be lost. Its folder is made.

    Raises:
        OSError: The folder cannot be made; as a TimeoutError, others were at the file all the time.
    """
    from rekall.system.one_by_one import one_by_one  # the engine's process does without

    make_private_folder(path.parent)
    with one_by_one(path, _CHANGING_S):
        yield


def write_atomically(path: Path, data: bytes, *, is_named: bool = False, is_last: bool = True) -> None:
    """Put `data` at `path` so that a reader sees the old file or the new one, never a part.

    Args:
        path: The file.
        data: What it is to hold.
        is_named: Whether a person named the path; see `named_file_written_whole`.
        is_last: Whether it must be on the disk at the end; see `file_written_whole`.

    Raises:
        FileHeld: Another program has what is at `path` open; it is as before.
        OSError: The folder cannot be written or the disk is full; `path` is as before.
    """
    with named_file_written_whole(path) if is_named else file_written_whole(path, is_last=is_last) as file:
        file.write(data)


def write_in_pieces(file: IO[bytes], data: memoryview | bytes) -> None:
    """Write data that will be mapped.

    One large write leaves large pages in Linux's file cache, and mapping one row of a table then makes two megabytes
    resident: 6 MB for a short query of the shipped model, 18 MB for a static one.
    """
    view = memoryview(data)
    for start in range(0, len(view), _PIECE_BYTES):
        file.write(view[start : start + _PIECE_BYTES])


@contextlib.contextmanager
def file_written_whole(
    path: Path, *, is_last: bool = True, last_look: Callable[[], None] | None = None
) -> Iterator[IO[bytes]]:
    """A file to write to, which takes its place at `path` when the block ends well; else `path` is as before.

    A symbolic link there is replaced, not followed. What another program has open for a moment is waited for.

    Args:
        path: The file.
        is_last: Whether it must be on the disk when the block has ended; who writes many calls `sync_folder` at the end.
        last_look: Called when all is written, right before the file takes its place; it may raise.

    Raises:
        FileHeld: Another program has what is at `path` open.
        OSError: The folder cannot be written or the disk is full.
    """
    import tempfile  # 2 MB with what it brings, and a search writes nothing

    path = Path(openable(path))
    try:
        handle, name = tempfile.mkstemp(prefix=_scratch_prefix(path), suffix=".part", dir=path.parent)
    except OSError as error:
        raise told_of(error, path) from error
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            sync(file.fileno(), is_all=False)
        if last_look:
            last_look()
        take_place(part, path)
    except BaseException:
        discard(part)
        raise
    if is_last:
        sync_folder(path.parent)


@contextlib.contextmanager
def named_file_written_whole(path: Path) -> Iterator[IO[bytes]]:
    """The same for a path that a person named: where a link leads is written, and a pipe or a device as it is."""
    if path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") as pipe:
            yield pipe
    else:
        with file_written_whole(Path(os.path.realpath(path)) if path.is_symlink() else path) as file:
            yield file


@contextlib.contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """A scratch folder beside `path` that takes its place when the block ends well.

    When the block raises, the scratch folder is removed and `path` is as before.
    """
    scratch = _scratch_folder(path)
    old = scratch.with_suffix(".old")
    try:
        yield scratch
        for file in scratch.iterdir():
            _sync_file(file)
        if path.exists():
            put_aside(path, old)
        take_place(scratch, path)
    except BaseException:
        discard_folder(scratch)
        if old.exists() and not path.exists():
            put_aside(old, path)
        raise
    with contextlib.suppress(OSError):  # the new one stands; what is left of the old one goes with a later sweep
        remove_folder(old, old.with_suffix(".gone"))
    sync_folder(path.parent)


def remove_folder(path: Path, trash: Path | None = None) -> bool:
    """Remove a folder: its name is free at once, what a program has open goes with a later sweep.

    Args:
        path: The folder; one that is not there is as good as removed.
        trash: The name under which it is removed bit by bit.

    Returns:
        Whether all of it is gone.

    Raises:
        FileHeld: A file of it is open in a way that the name cannot be freed; everything is as before.
        OSError: The system refuses it.
    """
    if not path.exists():
        return True
    trash = trash or name_to_remove(path)
    put_aside(path, trash)
    return discard_folder(trash)


@contextlib.contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """A private folder beside `path` in which something is made for its place; it is gone when the block ends."""
    scratch = _scratch_folder(path)
    try:
        yield scratch
    finally:
        discard_folder(scratch)


def _scratch_folder(path: Path) -> Path:
    import tempfile

    try:
        return Path(tempfile.mkdtemp(prefix=_scratch_prefix(path), suffix=".part", dir=path.parent))
    except OSError as error:
        raise told_of(error, path) from error


@dataclass(frozen=True, slots=True)
class ScratchName:
    """What the name of a scratch file or folder says.

    Attributes:
        name: What it was to become; the beginning of that where the name is long.
        pid: The process that makes it; None in names that an earlier Rekall gave.
        host: Where that process runs, see `host_mark`.
        is_aside: Whether it is what stood in the place before, put aside until the new one stands there.
        is_trash: Whether it only waits to be removed.
    """

    name: str
    pid: int | None
    host: str
    is_aside: bool
    is_trash: bool

    @classmethod
    def read(cls, name: str) -> ScratchName | None:
        """What a file's name says; None when it is no scratch name."""
        found = _SCRATCH.fullmatch(name)
        if found is None:
            return None
        pid = int(found["pid"]) if found["pid"] else None
        return cls(found["name"], pid, found["host"] or "", found["kind"] == "old", found["kind"] == "gone")

    @property
    def is_here(self) -> bool:
        """Whether its process is one of this machine."""
        return self.host == host_mark()

    @property
    def place(self) -> str | None:
        """The whole name of what it was to become; None where only its beginning is known."""
        return None if len(self.name.encode("utf-8", "surrogateescape")) > _NAME_BYTES - 4 else self.name


def name_to_remove(path: Path) -> Path:
    """A name beside a path under which it can be removed bit by bit: what is left there when a process dies is swept."""
    return scratch_name(path, "gone")


def scratch_name(path: Path, kind: str) -> Path:
    """A name beside a path for something that this process needs for a while; what is left when it dies is swept."""
    return path.with_name(f"{_scratch_prefix(path)}{os.urandom(4).hex()}.{kind}")


def host_mark() -> str:
    """Eight characters for the machine, or the container, in which process numbers mean the same."""
    from rekall.system.processes import Processes

    return f"{zlib.crc32(Processes().host().encode('utf-8', 'replace')):08x}"


def _scratch_prefix(path: Path) -> str:
    """How the names of scratch files for a path begin: with what they become, and the process that makes them."""
    name = path.name.encode("utf-8", "surrogateescape")[:_NAME_BYTES].decode("utf-8", "ignore")
    return f".{name}.{os.getpid()}-{host_mark()}."


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in lower-case hex, read a piece at a time."""
    import hashlib  # brings OpenSSL, 3 MB resident that a search does without

    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def crc32_of(path: Path) -> int:
    """The CRC-32 of a file: tells accidental damage, at a few milliseconds for ten megabytes."""
    checksum = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            checksum = zlib.crc32(chunk, checksum)
    return checksum


def sync_folder(path: Path) -> None:
    """Make a rename inside `path` durable, where the system lets a folder be opened (not Windows)."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        sync(handle)
    finally:
        os.close(handle)


def sync(descriptor: int, *, is_all: bool = True) -> None:
    """Bring what was written to a file or folder to the disk.

    On macOS fsync hands it to the drive, which keeps it in a memory of its own: F_FULLFSYNC empties that, and
    F_BARRIERFSYNC, which costs little, sees to it that nothing written later comes first.

    Args:
        descriptor: Of the file or folder.
        is_all: Whether it must be there at the end; otherwise only before whatever follows.
    """
    if _FULL_SYNC is not None:
        import fcntl

        for request in (_FULL_SYNC,) if is_all else (_BARRIER_SYNC, _FULL_SYNC):
            try:
                fcntl.fcntl(descriptor, request)
            except OSError:  # a volume that knows of no such thing: a share, a stick
                continue
            return
    os.fsync(descriptor)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        sync(file.fileno(), is_all=False)
