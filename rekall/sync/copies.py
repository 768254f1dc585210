"""Second versions of a file: the copies that tools of syncing make of it in a conflict, and the marks that git leaves in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORDS = "conflict|konflikt|conflit|conflicto|conflitt|konflik|競合|冲突|衝突"
_SURE = (
    r"\.sync-conflict-\d{8}-\d{6}(?:-\w+)?",  # Syncthing
    rf" ?\([^()]*(?:{_WORDS})[^()]*\)(?: ?\d+)?",  # Dropbox, Nextcloud, Seafile
    r" ?\[[^\[\]]*conflict[^\[\]]*\]",  # pCloud
    r"_conflict-\d{8}-\d{6}",  # ownCloud
    r"_[^/]*_(?:Case)?Conflict",  # Synology
)
"""How tools of syncing name another version of a file: what they put behind its name."""

_LIKELY = (
    r" \d{1,2}",  # iCloud
    r" ?\(\d{1,2}\)",  # Google Drive
    r"-[\w.-]{1,63}",  # OneDrive: the name of the machine
)
_SURE_NAME = re.compile(rf".+(?:{'|'.join(_SURE)})\.\w+|.+\.\w+~[\w.-]+", re.IGNORECASE)
_TAIL = re.compile(rf"(?:{'|'.join((*_SURE, *_LIKELY))})", re.IGNORECASE)
_GIT = re.compile(r"~[\w.-]+")
_MARKED = re.compile(r"(\.\w+)~[\w.-]+\Z")
_OURS, _BASE, _MIDDLE, _THEIRS = (re.compile(rf"{mark}{{7}}(?: .*)?\r?\n?") for mark in (r"<", r"\|", "=", ">"))
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")


def is_sure(path: str) -> bool:
    """Whether the name of a file says that it is one version of a conflict."""
    return _SURE_NAME.fullmatch(path.rpartition("/")[2]) is not None


def is_copy_of(path: str, original: str) -> bool:
    """Whether a file is named as a tool names another version of the file `original`, which has the same id."""
    folder, _, name = path.rpartition("/")
    first_folder, _, first = original.rpartition("/")
    stem, dot, suffix = first.rpartition(".")
    if folder != first_folder or not name.lower().startswith(stem.lower()):
        return False
    tail = name[len(stem) :]
    if tail.lower().startswith(f"{dot}{suffix}".lower()):
        return _GIT.fullmatch(tail[len(dot + suffix) :]) is not None
    return tail.lower().endswith(f".{suffix}".lower()) and _TAIL.fullmatch(tail[: -len(suffix) - 1]) is not None


def without_mark(path: str) -> str:
    """The path of a file whose name git put a mark behind, as it was: `note.md~HEAD`."""
    return _MARKED.sub(r"\1", path)


@dataclass(frozen=True, slots=True)
class Sides:
    """What git could not merge, as the texts that it found.

    Attributes:
        mine: The one.
        theirs: The other.
        base: What both began with, where git wrote it down.
    """

    mine: str
    theirs: str
    base: str | None


def sides(text: str) -> Sides | None:
    """The versions in a text with the marks of a merge; None for a text that has none, or shows them in a block of code."""
    if "<<<<<<<" not in text or ">>>>>>>" not in text:
        return None
    mine: list[str] = []
    theirs: list[str] = []
    base: list[str] = []
    into: tuple[list[str], ...] = (mine, theirs, base)
    step, count, has_base, fence = 0, 0, False, ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if mark and step == 0:
            fence = mark[1] if not fence else "" if mark[1].startswith(fence) else fence
        if not fence and step == 0 and _OURS.fullmatch(line):
            into, step = (mine,), 1
        elif step == 1 and _BASE.fullmatch(line):
            into, step, has_base = (base,), 2, True
        elif step in (1, 2) and _MIDDLE.fullmatch(line):
            into, step = (theirs,), 3
        elif step == 3 and _THEIRS.fullmatch(line):
            into, step, count = (mine, theirs, base), 0, count + 1
        else:
            for part in into:
                part.append(line)
    if not count or step:
        return None
    return Sides("".join(mine), "".join(theirs), "".join(base) if has_base else None)
