"""Runs git: it asks nobody anything, says what it says in plain English, and knows nothing of the git that may be around us."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rekall.errors import GitError

LEAST_VERSION = (2, 25)
"""Reads paths from a list of any length (`--pathspec-from-file`)."""

LOCAL_S = 300.0
"""How long git may work at what lies on this machine: a hook, or a signature, may wait for somebody who is not there."""

REMOTE_S = 1800.0
"""How long a remote may take in all; one that says nothing for a minute is given up earlier."""

_GRACE_S = 10.0
"""How long git may take to end when it is told to: it removes its locks then."""

_KEPT = frozenset(
    (
        *(
            "GIT_SSH",
            "GIT_SSH_COMMAND",
            "GIT_SSH_VARIANT",
            "GIT_PROXY_COMMAND",
            "GIT_ALLOW_PROTOCOL",
            "GIT_SSL_NO_VERIFY",
        ),
        *("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_HTTP_USER_AGENT", "GIT_EXEC_PATH"),
        *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_TEMPLATE_DIR", "GIT_DEFAULT_HASH"),
        *(
            "GIT_AUTHOR_NAME",
            "GIT_AUTHOR_EMAIL",
            "GIT_COMMITTER_NAME",
            "GIT_COMMITTER_EMAIL",
            "GIT_CEILING_DIRECTORIES",
        ),
        *("GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_ADVICE"),
    )
)
"""What of git's environment says how the person works. All else speaks of one repository, such as that of a hook around us."""

_CONFIG_OF_ENVIRONMENT = re.compile(r"GIT_CONFIG_(COUNT|KEY_\d+|VALUE_\d+)")

_SETTINGS = (
    *("core.quotePath=false", "core.fsmonitor=false", "core.editor=:", "advice.detachedHead=false"),
    *("i18n.commitEncoding=UTF-8", "i18n.logOutputEncoding=UTF-8", "merge.conflictStyle=merge", "rerere.enabled=false"),
    *("submodule.recurse=false", "fetch.recurseSubmodules=false", "push.recurseSubmodules=no", "commit.verbose=false"),
    *("http.lowSpeedLimit=1", "http.lowSpeedTime=60", "color.ui=false", "log.showSignature=false"),
)


@dataclass(frozen=True, slots=True)
class Ran:
    """How git ended.

    Attributes:
        code: Its exit code.
        out: What it wrote to stdout.
        err: What it wrote to stderr.
    """

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """What it wrote, as text without the last line end."""
        return os.fsdecode(self.out).rstrip("\n")

    @property
    def names(self) -> list[str]:
        """What it wrote between NULs: paths."""
        return [os.fsdecode(name) for name in self.out.split(b"\0") if name]

    @property
    def said(self) -> str:
        """The lines of its complaint that say something, without addresses that may hold a password."""
        lines = [_PREFIX.sub("", line.strip()) for line in self.err.splitlines()]
        told = [line for line in lines if line and not line.startswith(("hint:", "To ", "From ", "warning: "))]
        return _PASSWORD.sub(r"\1", "; ".join(told[:4]))[:500] or f"it ended with {self.code}"


_PREFIX = re.compile(r"\A(?:fatal|error|remote):\s*")
_PASSWORD = re.compile(r"(\w://)[^/@\s]+@")


class Git:
    """The git of this machine, working in one folder.

    Attributes:
        folder: Where it works.
        environ: The environment it gets.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        """Find git.

        Args:
            folder: Where it works.
            environ: The environment of this process.

        Raises:
            GitError: There is no git, or only one of long ago.
        """
        self.folder = folder
        program = shutil.which("git", path=environ.get("PATH"))
        if program is None:
            raise GitError("git is not installed", "install it, or sync without: `rekall sync FOLDER --no-git`")
        self._program = program
        self.environ = _quiet(environ)

    def at(self, folder: Path) -> Git:
        """The same git in another folder."""
        other = object.__new__(Git)
        other.folder, other._program, other.environ = folder, self._program, self.environ
        return other

    def check_version(self) -> None:
        """See that this git is not older than what we ask of it. Raises GitError."""
        said = self.run("version").text
        found = re.search(r"(\d+)\.(\d+)", said)
        if found and (int(found[1]), int(found[2])) < LEAST_VERSION:
            least = ".".join(map(str, LEAST_VERSION))
            raise GitError(f"{said} is too old", f"git {least} or later is needed; `--no-git` syncs without")

    def ran(
        self,
        *arguments: str,
        given: bytes = b"",
        settings: Sequence[str] = (),
        longest_s: float = LOCAL_S,
    ) -> Ran:
        """Run git, however it ends.

        Args:
            arguments: What it is to do.
            given: What it reads on stdin.
            settings: Further `key=value` for this run.
            longest_s: After so long it is ended.

        Raises:
            GitError: It could not be started, or took too long.
        """
        command = [self._program]
        for setting in (*_SETTINGS, *settings):
            command += ["-c", setting]
        try:
            process = subprocess.Popen(
                [*command, *arguments],
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # without our terminal, ssh and gpg have nobody to ask
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
            raise GitError(f"git cannot be started: {error}", "see that `git version` works") from error
        try:
            out, err = process.communicate(given, longest_s)
        except subprocess.TimeoutExpired as error:
            raise GitError(
                f"`git {arguments[0]}` took more than {longest_s / 60:.0f} minutes and was ended",
                f"see what it waits for: `git {arguments[0]}` in {self.folder}",
            ) from error
        finally:
            if process.returncode is None:
                _end(process)
        return Ran(process.returncode, out, err.decode("utf-8", "replace"))

    def run(self, *arguments: str, given: bytes = b"", settings: Sequence[str] = ()) -> Ran:
        """Run git where it is to end well.

        Raises:
            GitError: It did not.
        """
        ran = self.ran(*arguments, given=given, settings=settings)
        if ran.code:
            raise GitError(f"`git {arguments[0]}` failed: {ran.said}", f"try it yourself in {self.folder}")
        return ran

    def says(self, *arguments: str) -> str:
        """What it answers; empty where it has no answer."""
        ran = self.ran(*arguments)
        return "" if ran.code else ran.text


def _quiet(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment in which git asks nobody, and knows of no repository but that of its folder."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.upper().startswith("GIT_") or name in _KEPT or _CONFIG_OF_ENVIRONMENT.fullmatch(name)
    }
    for name in ("SSH_ASKPASS", "LC_MESSAGES", "GPG_TTY"):
        kept.pop(name, None)
    kept |= {
        "LC_ALL": "C",
        "LANGUAGE": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",  # an empty one is none, and keeps git from the next it knows
        "SSH_ASKPASS_REQUIRE": "never",
        "GCM_INTERACTIVE": "never",
        "GIT_EDITOR": ":",
        "GIT_SEQUENCE_EDITOR": ":",
        "GIT_MERGE_AUTOEDIT": "no",
        "GIT_PAGER": "cat",
        "GIT_LITERAL_PATHSPECS": "1",  # a name with a star is that name
    }
    return kept


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and what it has started, in good order if it can."""
    _tell(process, signal.SIGTERM)
    try:
        process.communicate(timeout=_GRACE_S)
    except subprocess.TimeoutExpired:
        _tell(process, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.communicate()


def _tell(process: subprocess.Popen[bytes], number: int) -> None:
    if os.name == "nt":
        process.kill()
        return
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        process.kill()
