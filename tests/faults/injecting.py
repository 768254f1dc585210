"""Stops this process, or fails a call, at the n-th call that changes a file: SQLite's own calls and Python's.

SQLite lets each of its system calls be replaced (`xSetSystemCall`), and errors then travel the way the kernel's do. A
sync cannot be replaced so: it stands in the table of methods that SQLite calls its files by. A VFS in Python would see
all of it too, but apsw raises what such a VFS says even where SQLite goes on, as when a base is closed.

Python's own files are seen by an audit hook, by a wrapper around `os.fsync`, and by a raw file below every file that is
opened to be written.
"""

from __future__ import annotations

import builtins
import ctypes
import errno
import functools
import io
import mmap
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import apsw

from faults.power import Unsynced, handle_of

KILL, TORN, POWER, COUNT = "kill", "torn", "power", "count"
ERRORS = ("ENOSPC", "EIO")
WRITE, SYNC, TRUNCATE, UNLINK, RENAME, MAKE = "write", "sync", "truncate", "unlink", "rename", "make"
LIKELY = {"ENOSPC": {WRITE, TRUNCATE, RENAME, MAKE}, "EIO": {WRITE, SYNC, TRUNCATE, UNLINK, RENAME, MAKE}}
"""Which calls a full disk, or a broken one, makes fail; a full disk unlinks and syncs."""

_SYNC_METHOD = 5
"""The place of xSync in sqlite3_io_methods, after its version, xClose, xRead, xWrite and xTruncate."""

_AUDITED = {
    "os.rename": RENAME,
    "os.remove": UNLINK,
    "os.rmdir": UNLINK,
    "os.truncate": TRUNCATE,
    "os.mkdir": MAKE,
    "os.link": RENAME,
}


@dataclass
class Fault:
    """What happens at which call.

    Attributes:
        what: `kill` before the call, `torn` in the middle of a write, `power` when the power goes before the call, an
            error's name, or `count`: nothing.
        at: The number of the call, from 1.
        once: An error fails this call alone, else every later one too.
        met: The calls so far, by name.
    """

    what: str = COUNT
    at: int = 0
    once: bool = False
    met: list[str] = field(default_factory=list)
    unsynced: Unsynced = field(default_factory=Unsynced)

    def meet(self, name: str, torn: Callable[[], object] | None = None) -> int:
        """One call is about to be made. Returns the errno to fail with, 0 to go on."""
        self.met.append(name)
        number = len(self.met)
        if self.what == COUNT or number < self.at:
            return 0
        if self.what in ERRORS:
            is_due = name in LIKELY[self.what] and (not self.once or number == self.at)
            return int(getattr(errno, self.what)) if is_due else 0
        if torn is not None and self.what == TORN:
            torn()
        if self.what == POWER:
            self.what = COUNT  # what is undone now is no call of the command's
            self.unsynced.lose(self.at)
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    def note_write(self, handle: int, at: int, length: int) -> None:
        """So many bytes are about to be written."""
        if self.what == POWER:
            self.unsynced.write(handle, at, length)

    def note_truncate(self, handle: int, size: int) -> None:
        """A file is about to be cut."""
        if self.what == POWER:
            self.unsynced.truncate(handle, size)

    def note_sync(self, handle: int) -> None:
        """A sync has ended well."""
        if self.what == POWER:
            self.unsynced.synced(handle)


def install(fault: Fault) -> None:
    """From now on every call of this process that changes a file meets the fault. There is no way back: fork first."""
    _replace_system_calls(fault)
    _replace_sync(fault)
    _watch_python(fault)


_kept: list[Any] = []
"""What C code points to must stay alive."""


def _replace_system_calls(fault: Fault) -> None:
    vfs = apsw.VFS("faults-calls", "unix")
    _kept.append(vfs)

    def replace(name: str, kind: Any, make: Callable[[Any], Callable[..., int]]) -> None:
        replaced = kind(make(kind(vfs.xGetSystemCall(name))))
        _kept.append(replaced)
        # apsw hands it to the VFS below, for all connections of the process
        vfs.xSetSystemCall(name, ctypes.cast(replaced, ctypes.c_void_p).value)

    integer, size_t, offset = ctypes.c_int, ctypes.c_size_t, ctypes.c_int64
    write_kind = ctypes.CFUNCTYPE(ctypes.c_ssize_t, integer, ctypes.c_void_p, size_t, offset, use_errno=True)
    replace("pwrite64" if sys.platform == "linux" else "pwrite", write_kind, _write(fault))
    replace("ftruncate", ctypes.CFUNCTYPE(integer, integer, offset, use_errno=True), _truncate(fault))
    replace("unlink", ctypes.CFUNCTYPE(integer, ctypes.c_char_p, use_errno=True), _unlink(fault))


def _failing(number: int) -> int:
    """End a call of C with an error."""
    ctypes.set_errno(number)
    return -1


def _write(fault: Fault) -> Callable[[Any], Callable[..., int]]:
    def make(real: Any) -> Callable[..., int]:
        def call(fd: int, data: int, size: int, at: int) -> int:
            number = fault.meet(WRITE, lambda: real(fd, data, size // 2, at))
            fault.note_write(fd, at, size)
            return _failing(number) if number else real(fd, data, size, at)

        return call

    return make


def _truncate(fault: Fault) -> Callable[[Any], Callable[..., int]]:
    def make(real: Any) -> Callable[..., int]:
        def call(fd: int, size: int) -> int:
            number = fault.meet(TRUNCATE)
            fault.note_truncate(fd, size)
            return _failing(number) if number else real(fd, size)

        return call

    return make


def _unlink(fault: Fault) -> Callable[[Any], Callable[..., int]]:
    def make(real: Any) -> Callable[..., int]:
        def call(path: bytes) -> int:
            number = fault.meet(UNLINK)
            return _failing(number) if number else real(path)

        return call

    return make


def _replace_sync(fault: Fault) -> None:
    """Put a function of ours into the tables of methods of SQLite's files, which hold the sync of the base and its log."""
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
    for slot in _sync_slots():
        real = kind(slot[0])

        def sync(file: int, flags: int, real: Any = real) -> int:
            if fault.meet(SYNC):
                return apsw.SQLITE_IOERR_FSYNC
            code: int = real(file, flags)
            if not code:
                fault.note_sync(handle_of(file))
            return code

        replaced = kind(sync)
        _kept.append(replaced)
        slot[0] = ctypes.cast(replaced, ctypes.c_void_p).value


@functools.cache
def _sync_slots() -> list[Any]:
    """Where the addresses of SQLite's sync functions stand: files that are locked have one table, logs another."""
    libc = ctypes.CDLL(None)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        connection = apsw.Connection(os.path.join(folder, "any.db"))
        connection.pragma("journal_mode", "wal")
        connection.execute("CREATE TABLE any (thing)")
        for operation in (apsw.SQLITE_FCNTL_FILE_POINTER, apsw.SQLITE_FCNTL_JOURNAL_POINTER):
            file = ctypes.c_void_p()
            connection.file_control("main", operation, ctypes.addressof(file))
            assert file.value
            methods = ctypes.cast(file.value, ctypes.POINTER(ctypes.c_void_p))[0]
            assert methods
            place = methods + ctypes.sizeof(ctypes.c_void_p) * _SYNC_METHOD
            page = place & ~(mmap.PAGESIZE - 1)
            if libc.mprotect(
                ctypes.c_void_p(page), ctypes.c_size_t(2 * mmap.PAGESIZE), mmap.PROT_READ | mmap.PROT_WRITE
            ):
                raise OSError("the tables of SQLite's methods cannot be written here")
            found.append(ctypes.cast(place, ctypes.POINTER(ctypes.c_void_p)))
        connection.close()
    return found


def prepare() -> None:
    """Find in this process what `install` replaces in its children."""
    _sync_slots()


def _makes_a_file(arguments: tuple[Any, ...]) -> bool:
    path, _, flags = arguments
    return (
        isinstance(flags, int) and bool(flags & os.O_CREAT) and not isinstance(path, int) and not os.path.exists(path)
    )


def _opened(raw: io.FileIO, mode: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What `open` makes of a raw file."""
    if arguments[:1] == (0,) or options.get("buffering") == 0:
        return raw
    buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
    if "b" in mode:
        return buffered
    names = ("encoding", "errors", "newline")
    return io.TextIOWrapper(buffered, *arguments[1:4], **{name: options[name] for name in names if name in options})


def _checking(fault: Fault) -> Callable[..., None]:
    """What raises an error that is due, as Python raises those of the system."""

    def check(name: str, torn: Callable[[], object] | None = None) -> None:
        number = fault.meet(name, torn)
        if number:
            raise OSError(number, os.strerror(number))

    return check


def _watch_python(fault: Fault) -> None:
    check = _checking(fault)

    class Raw(io.FileIO):
        def write(self, data: Any) -> int | None:
            if not self.seekable():  # a pipe
                return super().write(data)
            check(WRITE, lambda: io.FileIO.write(self, bytes(data)[: len(data) // 2]))
            fault.note_write(self.fileno(), self.tell(), len(data))
            return super().write(data)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _AUDITED:
            check(_AUDITED[event])
        elif event == "open" and _makes_a_file(arguments):
            check(MAKE)

    real_open, real_fsync = io.open, os.fsync

    def opened(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if (isinstance(file, int) and file < 3) or not set(mode) & set("wax+"):
            return real_open(file, mode, *arguments, **options)
        raw = Raw(file, mode.replace("b", "").replace("t", ""), options.get("closefd", True))
        return _opened(raw, mode, arguments, options)

    def synced(file: Any) -> None:
        check(SYNC)
        real_fsync(file)
        fault.note_sync(file)

    io.open = builtins.open = opened  # type: ignore[assignment]
    os.fsync = synced
    sys.addaudithook(hook)
