"""How the terminal UI ends when its window is closed or the system shuts down: what was typed is kept first."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable

_CONSOLE_EVENTS = frozenset((2, 5, 6))
"""Windows' CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT and CTRL_SHUTDOWN_EVENT."""

_PATIENCE_S = 4.0
"""Windows kills a process five seconds after it told it."""


def listen(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> Callable[[], None]:
    """Call `end` in a loop when the terminal goes away.

    Returns:
        What stops that; also what must live as long as the loop.
    """
    if sys.platform == "win32":
        return _listen_to_console(loop, end)
    for number in (signal.SIGHUP, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    return lambda: None


def told_by_console(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> Callable[[int], bool]:
    """What Windows calls, in a thread of its own, with an event of the console; when it returns the process is ended."""

    def told(event: int) -> bool:
        if event not in _CONSOLE_EVENTS:
            return False
        is_done = threading.Event()

        def end_and_say() -> None:
            try:
                end()
            finally:
                is_done.set()

        loop.call_soon_threadsafe(end_and_say)
        is_done.wait(_PATIENCE_S)
        return True

    return told


def _listen_to_console(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> Callable[[], None]:
    import ctypes

    system = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]  # Windows only
    handler = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(told_by_console(loop, end))  # type: ignore[attr-defined,unused-ignore]
    system.SetConsoleCtrlHandler(handler, True)

    def stop() -> None:
        system.SetConsoleCtrlHandler(handler, False)

    return stop
