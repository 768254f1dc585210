"""A program that has loaded what it needs, and does each piece of work in a copy of itself: a process without its start."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from support.runs import CHECKOUT
from support.waiting import PATIENCE_S

FORKS = hasattr(os, "fork")

SERVER = """
import json, os, sys, traceback

def copy(asked):
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(asked["env"])
    sys.argv[1:] = asked["arguments"]
    code = 1
    try:
        work()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

asking, answers = os.fdopen(os.dup(0), "r"), os.fdopen(os.dup(1), "w")
for line in iter(asking.readline, ""):
    pid = os.fork()
    if pid == 0:
        asked = json.loads(line)
        os.close(asking.fileno())
        os.close(answers.fileno())
        copy(asked)
    print(pid, file=answers, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), file=answers, flush=True)
"""


class WarmProgram:
    """A program that waits in a process of its own, which no thread and no test has touched.

    Each run is a fork of it: a process with memory, limits, files and an end of its own. Where nothing forks, each starts anew.
    """

    def __init__(self, program: str) -> None:
        """Start it.

        Args:
            program: Its text. It imports what it needs, and defines `work`, which reads `sys.argv[1:]`.
        """
        self._program = program
        self._environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "tests")])}
        if not FORKS:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-c", program + SERVER],
            cwd=CHECKOUT,
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def run(
        self, *arguments: str, env: Mapping[str, str] = {}, patience_s: float = PATIENCE_S
    ) -> subprocess.CompletedProcess[str]:
        """Do the work with these arguments in a copy, and wait until that has ended."""
        if not FORKS:
            return subprocess.run(
                [sys.executable, "-c", f"{self._program}\nwork()", *arguments],
                cwd=CHECKOUT,
                env={**self._environ, **env},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=False,
                timeout=patience_s,
            )
        assert self._process.stdin is not None
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            asked = {"arguments": arguments, "env": {**os.environ, **env}, "out": str(out), "err": str(err)}
            print(json.dumps(asked), file=self._process.stdin, flush=True)
            pid = int(self._answer(PATIENCE_S))
            try:
                code = int(self._answer(patience_s))
            except TimeoutError:
                os.kill(pid, 9)
                self._answer(PATIENCE_S)
                raise subprocess.TimeoutExpired(arguments, patience_s) from None
            return subprocess.CompletedProcess(
                list(arguments), code, out.read_text("utf-8", "replace"), err.read_text("utf-8", "replace")
            )

    def close(self) -> None:
        """End it."""
        if not FORKS:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _answer(self, patience_s: float) -> str:
        """The next line that it says."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], patience_s)[0]:
            raise TimeoutError
        line = self._process.stdout.readline()
        assert line, "the warm program has ended"
        return line
