"""The texts of a large import, stored by a process of its own, which gives back all its memory before the model is loaded.

Among what lives on, the memory of fifty thousand names and links would stay with this process, and the model would come on top.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.cli.ending import interrupts_held, let_interrupts_in
from rekall.errors import Interrupted, RekallError
from rekall.system.pipes import closed_pipe_ignored

if TYPE_CHECKING:
    from rekall.knowledge.files import ImportOptions
    from rekall.knowledge.import_report import ImportReport

LARGE_FILES = 500
LARGE_BYTES = 2_000_000
"""From either on an import is large: it would leave some 10 MB behind."""


def is_large(paths: Sequence[Path]) -> bool:
    """Whether an import reads many files, or much. Folders are looked at until that is known."""
    if any(map(_is_pipe, paths)):
        return False  # a pipe of this process is none of another's
    files = size = 0
    waiting = [str(path) for path in paths]
    while waiting and files < LARGE_FILES and size < LARGE_BYTES:
        path = waiting.pop()
        try:
            if not os.path.isdir(path):
                files, size = files + 1, size + os.stat(path).st_size
                continue
            with os.scandir(path) as inside:
                waiting += (entry.path for entry in inside if not entry.name.startswith(".") and not entry.is_symlink())
        except OSError:
            continue  # the import itself says what cannot be read
    return files >= LARGE_FILES or size >= LARGE_BYTES


def _is_pipe(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False  # the import itself says what cannot be read


def store_apart(
    paths: Sequence[Path], options: ImportOptions, flags: Mapping[str, str] | None, door: str
) -> ImportReport:
    """Store the texts of an import in a process of its own.

    Raises:
        RekallError: What the import raised there, or that it ended without an answer.
    """
    with interrupts_held():  # the child lets them in when it can answer
        child = subprocess.Popen(
            [sys.executable, "-m", "rekall.cli.apart"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
    is_interrupted = False
    try:
        answer, _ = child.communicate(pickle.dumps((list(paths), options, flags, door)))
    except KeyboardInterrupt:
        is_interrupted = True
        with contextlib.suppress(ProcessLookupError, ValueError):  # a terminal has told it already; Windows cannot
            child.send_signal(signal.SIGINT)
        answer, _ = child.communicate()  # it says what it has stored
    except BaseException:  # this process is told to end, so nobody takes the answer
        child.kill()
        child.wait()
        raise
    try:
        found = pickle.loads(answer)  # noqa: S301  # of our own child
    except (EOFError, pickle.UnpicklingError):
        raise RekallError(
            f"the process that stored the texts ended with code {child.returncode}",
            "what it had stored is there; run the same import again",
        ) from None
    if isinstance(found, RekallError):
        raise found
    report: ImportReport = found
    if is_interrupted:
        raise Interrupted(
            f"interrupted: {report.stored:,} stored",
            "the vectors are made by the next import or `rekall index rebuild`",
        )
    return report


def _main() -> None:
    """Store what the parent names, and answer with the report or the error."""
    from rekall.app import App
    from rekall.cli.progress import progress_line
    from rekall.errors import in_our_words

    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but the answer may come out there
    try:
        let_interrupts_in()
        paths, options, flags, door = pickle.load(sys.stdin.buffer)  # noqa: S301  # of our own parent
        app = App(flags=flags)
        app.door = door
        base = app.open_base(to_write=not options.dry_run)
        with progress_line() as show:
            found: object = base.files.store_texts(paths, options, lambda done, total: show("reading", done, total))
        base.close()
    except (RekallError, OSError) as error:
        found = in_our_words(error)
    except KeyboardInterrupt:
        found = Interrupted("interrupted", "run the same import again; it skips what is stored")
    except EOFError:  # the parent was told to end before it said what to store
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the answer is on its way
    with closed_pipe_ignored(), answer:  # the parent may have been killed
        pickle.dump(found, answer)


if __name__ == "__main__":
    _main()
