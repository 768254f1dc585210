"""Folders under git, as people have them, on a git whose settings are the tests' own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

NAME, ADDRESS = "Ada Lovelace", "ada@example.org"


def settle_git(folder: Path, patch: pytest.MonkeyPatch, name: str = NAME) -> Path:
    """Give git a configuration that is nobody's but the test's. Returns its file."""
    folder.mkdir(parents=True, exist_ok=True)
    file, empty = folder / "gitconfig", folder / "template"
    empty.mkdir(exist_ok=True)
    file.write_text(
        f"[user]\n\tname = {name}\n\temail = {ADDRESS}\n[gc]\n\tauto = 0\n[init]\n\tdefaultBranch = trunk\n"
        f"\ttemplateDir = {empty.as_posix()}\n",
        "utf-8",
    )
    for known in [known for known in os.environ if known.startswith("GIT_")]:
        patch.delenv(known)
    patch.setenv("GIT_CONFIG_GLOBAL", str(file))
    patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return file


def git(folder: Path, *arguments: str, env: Mapping[str, str] = {}, code: int | None = 0) -> str:
    """What git says in a folder, as a person calls it there."""
    ran = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, "GIT_EDITOR": ":", **env},
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
    )
    assert code is None or ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout.strip("\n")


def bare(folder: Path, branch: str = "main") -> Path:
    """A remote on the disk."""
    git(folder.parent, "init", "-q", "--bare", folder.name)
    git(folder, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """All files of a folder but git's own."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def committed(folder: Path, commit: str = "HEAD") -> dict[str, str]:
    """The files of a commit, with their texts."""
    names = git(folder, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit).split("\0")
    return {name: git(folder, "show", f"{commit}:{name}") for name in names if name}
