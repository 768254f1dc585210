"""Queries asked by a process of their own, whose time and peak memory are those of a search and of nothing else.

This module is both ends: `ask_apart` starts a process that runs it as a program. It reads only.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.errors import RekallError

if TYPE_CHECKING:
    from rekall.app import App
    from rekall.search.results import Mode


@dataclass(frozen=True, slots=True)
class Asked:
    """What a process found.

    Attributes:
        found: The entries of each query by id, best first.
        seconds: What each query took.
        peak_bytes: The most memory the process had.
        used: The mode that answered, which is another one where the model cannot be used.
        remark: Why it is another one, or what a person should know of the answers; empty for most.
    """

    found: tuple[tuple[str, ...], ...]
    seconds: tuple[float, ...]
    peak_bytes: int
    used: Mode
    remark: str


def ask_apart(database: Path, flags: Mapping[str, str] | None, mode: Mode, texts: Sequence[str], limit: int) -> Asked:
    """Ask a base in a process of its own.

    Args:
        database: The file of the base.
        flags: Settings given on the command line, by key.
        mode: How to search.
        texts: The queries, each taken as text.
        limit: How many hits to ask for.

    Raises:
        RekallError: What a search raised there, or that the process ended without an answer.
    """
    command = [sys.executable, "-m", "rekall.cli.asking_apart"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            answer, _ = child.communicate(pickle.dumps((database, flags, mode, list(texts), limit)))
        except BaseException:
            child.kill()
            raise
    try:
        found = pickle.loads(answer)  # noqa: S301  # of our own child
    except (EOFError, pickle.UnpicklingError):
        raise RekallError(f"the process that searched ended with code {child.returncode}") from None
    if isinstance(found, RekallError):
        raise found
    asked: Asked = found
    return asked


def _ask(app: App, mode: Mode, texts: Sequence[str], limit: int) -> Asked:
    from rekall.system.resident import peak_bytes

    base = app.open_base()
    found, seconds = [], []
    used, remark = mode, ""
    for text in texts:
        start = time.perf_counter()
        result = base.search(text, mode=mode, limit=limit, literal=True)
        seconds.append(time.perf_counter() - start)
        found.append(tuple(hit.entry.id for hit in result.hits))
        used, remark = result.mode.used, result.mode.reason or remark
    return Asked(tuple(found), tuple(seconds), peak_bytes(), used, remark)


def main() -> None:
    """Ask what the parent names, and answer with what was found or the error."""
    from rekall.app import App
    from rekall.errors import in_our_words

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but the answer may come out there
    try:
        database, flags, mode, texts, limit = pickle.load(sys.stdin.buffer)  # noqa: S301  # of our own parent
        app = App(flags=flags).over(database)
        found: object = _ask(app, mode, texts, limit)
        app.close()
    except (RekallError, OSError) as error:
        found = in_our_words(error)
    with answer:
        pickle.dump(found, answer)


if __name__ == "__main__":
    from rekall.cli import asking_apart  # the answer is of a class that the parent knows by this name

    asking_apart.main()
