"""Background work: calls in threads that quitting does not wait for."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

Given = TypeVar("Given")
Result = TypeVar("Result")


async def in_thread(call: Callable[[], Result]) -> Result:
    """Run a call in a thread of its own and wait for its result.

    The thread is a daemon: unlike a thread of asyncio's pool it never delays quitting, and an engine may hang for a
    minute. When the wait is cancelled, the call runs on and its result is dropped.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def succeed(result: Result) -> None:
        if not done.done():
            done.set_result(result)

    def fail(error: BaseException) -> None:
        if not done.done():
            done.set_exception(error)

    def run() -> None:
        try:
            settle: Callable[[], None] = partial(succeed, call())
        except BaseException as error:  # of any kind: the awaiting task must see it
            settle = partial(fail, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended and nothing awaits the result
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=run, name="rekall-ui", daemon=True).start()
    return await done


def from_thread(call: Callable[[Given], None]) -> Callable[[Given], None]:
    """A function for any thread to call: it makes `call` run soon after, in the thread of the current event loop."""
    loop = asyncio.get_running_loop()
    context = contextvars.copy_context()

    def pass_on(given: Given) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(call, given, context=context)

    return pass_on
