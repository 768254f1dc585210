"""Second versions of a file: the copies that tools of syncing make of it in a conflict, and the marks that git leaves in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SURE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<stem>.+)\.sync-conflict-\d{8}-\d{6}(?:-\w+)?(?P<end>\.\w+)",  # Syncthing
        r"(?P<stem>.+?) ?\([^()]*(?:conflict|konflikt|conflit|conflict[oi]|conflitt|in conflitto|競合|冲突)[^()]*\)(?: ?\d+)?(?P<end>\.\w+)",
        r"(?P<stem>.+?) ?\[[^\[\]]*conflict[^\[\]]*\](?P<end>\.\w+)",  # pCloud
        r"(?P<stem>.+)_conflict-\d{8}-\d{6}(?P<end>\.\w+)",  # ownCloud
        r"(?P<stem>.+?)[_-][^_]*_?(?:Conflict|CaseConflict)(?P<end>\.\w+)",  # Synology
        r"(?P<stem>.+)(?P<end>\.\w+)~[\w./-]+",  # git
    )
)
_LIKELY = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?P<stem>.+) (?:\d|\d\d)(?P<end>\.\w+)",  # iCloud
        r"(?P<stem>.+?) ?\(\d{1,2}\)(?P<end>\.\w+)",  # Google Drive
        r"(?P<stem>.+)-[\w.-]{1,63}?(?:-\d{1,2})?(?P<end>\.\w+)",  # OneDrive: the name of the machine
    )
)
_OURS, _BASE, _MIDDLE, _THEIRS = (re.compile(rf"{mark}{{7}}(?: .*)?\r?\n?") for mark in (r"<", r"\|", "=", ">"))
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")


def is_sure(path: str) -> bool:
    """Whether the name of a file says that it is one version of a conflict."""
    return any(pattern.fullmatch(path.rpartition("/")[2]) for pattern in _SURE)


def is_copy_of(path: str, original: str) -> bool:
    """Whether a file is named as a tool names another version of the file `original`, which has the same id."""
    folder, _, name = path.rpartition("/")
    first_folder, _, first = original.rpartition("/")
    if folder != first_folder:
        return False
    found = (pattern.fullmatch(name) for pattern in (*_SURE, *_LIKELY))
    names = {f"{each['stem']}{each['end']}".lower() for each in found if each}
    return first.lower() in names or any(
        first.lower().startswith(each.rpartition(".")[0]) for each in names if is_sure(path)
    )


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
