"""How an assistant reaches the server: the command that starts it, or the address where it runs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rekall.system.homes import expanded

SCRIPT = "rekall"

HOME = "REKALL_HOME"
"""The variable that says where the base is."""

_PLACEHOLDER = "TOKEN"


@dataclass(frozen=True, slots=True)
class Launch:
    """How a client starts the server."""

    command: str
    arguments: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server over HTTP is, and what it wants to be sent."""

    url: str
    token: str = field(repr=False)


def without_token(launch: Launch | Address) -> Launch | Address:
    """The same to be shown: a token is written into files, never on a screen."""
    return replace(launch, token=_PLACEHOLDER) if isinstance(launch, Address) else launch


def this_launch(
    home: str | None, *, read_only: bool = False, is_shared: bool = False, environ: Mapping[str, str] = os.environ
) -> Launch:
    """How to start the server of this very installation.

    The `rekall` that a shell finds is named where it is this one: pipx and uv put it in a place that stays when an
    environment is made anew. Clients do not have the shell's PATH, so its whole path is named.

    Args:
        home: REKALL_HOME, when it is set.
        read_only: With `--read-only`.
        is_shared: For a file that goes to other people: nothing of this machine stands in it where a shell finds this
            program.
        environ: The environment.
    """
    arguments = ("mcp", "--read-only") if read_only else ("mcp",)
    env = ((HOME, str(expanded(home).absolute())),) if home and not is_shared else ()
    own = Path(sys.executable).with_name(f"{SCRIPT}.exe" if sys.platform == "win32" else SCRIPT)
    found = shutil.which(SCRIPT, path=environ.get("PATH"))
    if is_shared:
        return Launch(SCRIPT, arguments)
    if found and _is_same(Path(found), own):
        return Launch(os.path.abspath(found), arguments, env)
    if own.exists():
        return Launch(str(own), arguments, env)
    # not -m, which would look for modules in the folder that the client has open
    start = "import sys; sys.path.pop(0); from rekall.cli.main import run; run()"
    return Launch(sys.executable, ("-c", start, *arguments), env)


def is_on_path(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a shell finds some `rekall`."""
    return shutil.which(SCRIPT, path=environ.get("PATH")) is not None


def _is_same(found: Path, own: Path) -> bool:
    """Whether two scripts start one installation: they are one file, or say the same."""
    try:
        return found.samefile(own) or found.read_bytes() == own.read_bytes()
    except OSError:
        return False
