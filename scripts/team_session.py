"""Plays the session of docs/team.md: two people, each with a home of their own, and a real PostgreSQL between them.

    python scripts/team_session.py           shows it
    python scripts/team_session.py --write   writes what was answered into the document

The server comes from the development dependencies, lives in a temporary folder, and ends with the session.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "team.md"

_BLOCK = re.compile(r"(?<=```console\n)(?:ada|bob)\$.*?(?=```)", re.DOTALL)
_ID = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d|\b[0-9A-HJKMNP-TV-Z]{4}\b|\b[0-9A-HJKMNP-TV-Z]{26}\b")
_SOCKET = re.compile(r"the base \S+ on this machine")

Run = Callable[[str, list[str]], str]
"""Runs a command of Rekall as somebody; gives what it says."""


def played(text: str, run: Run) -> str:
    """The document with what its commands answer now."""

    def block(found: re.Match[str]) -> str:
        lines: list[str] = []
        for line in re.findall(r"^(?:ada|bob)\$ .*$", found[0], re.MULTILINE):
            who, _, command = line.partition("$ ")
            said = run(who, shlex.split(command)[1:]).strip("\n")
            lines += [line, *([said] if said else []), ""]
        return "\n".join(lines).rstrip("\n") + "\n"

    return _BLOCK.sub(block, text)


def masked(text: str) -> str:
    """A text without ids, dates and the name of the database, which differ each time."""
    return re.sub(r"[ ─]+", " ", _SOCKET.sub("the base", _ID.sub("X", text)))


def service_file(folder: Path, conninfo: str) -> Path:
    """A file in which PostgreSQL's tools find the service `team`; whose it is PGUSER says."""
    parts = dict(part.split("=", 1) for part in shlex.split(conninfo))
    parts.pop("user", None)
    file = folder / "services.conf"
    file.write_text("[team]\n" + "".join(f"{name}={value}\n" for name, value in parts.items()))
    return file


def environ_of(folder: Path, who: str) -> dict[str, str]:
    """What makes a process somebody's."""
    home = str(folder / who)
    return {"REKALL_HOME": home, "REKALL_ADD_PROJECT": "off", "COLUMNS": "130", "LOGNAME": who, "PGUSER": who}


def _shown(folder: Path, let_in: Callable[[], object]) -> Run:
    def run(who: str, arguments: list[str]) -> str:
        if who == "bob":
            let_in()
        print(f"{who}$ rekall {shlex.join(arguments)}", flush=True)
        environ = {**os.environ, **environ_of(folder, who)}
        ran = subprocess.run(
            [sys.executable, "-m", "rekall", *arguments], capture_output=True, text=True, env=environ, check=True
        )
        said = ran.stdout + ran.stderr.replace("\n\n", "\n")
        print(said, flush=True)
        return said

    return run


def _server() -> Iterator[tuple[str, Callable[[], object]]]:
    sys.path.insert(0, str(ROOT / "tests"))
    from support.servers import Server, missing

    reason = missing()
    if reason:
        sys.exit(f"no server can be started here: {reason}")
    with tempfile.TemporaryDirectory(prefix="rekall-team-") as folder:
        Path(folder).chmod(0o755)
        server = Server(Path(folder) / "s")
        server.make()
        server.start()
        server.run("CREATE ROLE ada SUPERUSER LOGIN", "CREATE ROLE bob LOGIN")
        try:
            yield server.conninfo(), lambda: server.run("GRANT rekall_writer TO bob")
        finally:
            server.stop("immediate")


def main() -> None:
    """Play the session."""
    for conninfo, let_in in _server():
        with tempfile.TemporaryDirectory(prefix="rekall-people-") as folder:
            os.environ["PGSERVICEFILE"] = str(service_file(Path(folder), conninfo))
            text = played(DOCUMENT.read_text("utf-8"), _shown(Path(folder), let_in))
    if "--write" in sys.argv:
        DOCUMENT.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
