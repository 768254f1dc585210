"""What the files of a synced folder are to git: which are notes, which stay out, and how two versions of one become one."""

from __future__ import annotations

import re

from rekall.entry.rules import is_ulid
from rekall.entry.secrets import spans
from rekall.sync import copies, tombstones
from rekall.sync.files import SUFFIXES
from rekall.sync.folder import DELETED, IDS, OWN
from rekall.sync.git import Hand
from rekall.sync.git_merging import Notes
from rekall.sync.merging import MergedFile, merged_file

_HEAD = re.compile(
    rb"\A(?:\xef\xbb\xbf)?(---|\+\+\+|\{)[ \t]*\r?\n(.*?)^(?:---|\.\.\.|\+\+\+|\})", re.MULTILINE | re.DOTALL
)
_ID = re.compile(
    rb"^[ \t]*\"?(?P<name>rekall_id|id)\"?[ \t]*[:=][ \t]*[\"']?(?P<id>[0-9A-HJKMNP-TV-Z]{26})\b",
    re.MULTILINE | re.IGNORECASE,
)
_OF_AN_EDITOR = re.compile(r".*~|#.*#")
_HEAD_BYTES = 64_000
_OF_OURS = tuple(f"{OWN}/{name}/" for name in (IDS, DELETED))


def is_part(path: str) -> bool:
    """Whether a file, by its path below the folder, belongs to what is synced."""
    if path.startswith(_OF_OURS):
        return is_ulid(path.rpartition("/")[2].upper())
    return path.lower().endswith(SUFFIXES) and not any(name.startswith(".") for name in path.split("/"))


def is_passed_over(path: str) -> bool:
    """Whether a file is another tool's copy, which the sync merges and removes, or what an editor keeps of an older one."""
    return copies.is_sure(path) or _OF_AN_EDITOR.fullmatch(path.rpartition("/")[2]) is not None


def entry_of(data: bytes) -> str:
    """The id of the entry in a file; empty where it names none."""
    head = _HEAD.match(data[:_HEAD_BYTES])
    found = {each["name"].lower(): each["id"] for each in _ID.finditer(head[2] if head else b"")}
    return (found.get(b"rekall_id") or found.get(b"id") or b"").decode().upper()


def merged(before: bytes | None, mine: bytes | None, theirs: bytes | None) -> MergedFile:
    """Two versions of a file of the folder as one."""
    if mine is not None and theirs is not None and tombstones.is_tombstone(mine) and tombstones.is_tombstone(theirs):
        return MergedFile(tombstones.joined(mine, theirs))
    return merged_file(before, mine, theirs)


def secret_in(data: bytes, before: bytes) -> str:
    """What looks like a secret in a file, and was not in an earlier version of it; empty where nothing does."""
    if b"\0" in data[:_HEAD_BYTES]:
        return ""
    text, known = (each.decode("utf-8", "replace") for each in (data, before))
    kinds = [span.kind for span in spans(text) if text[span.start : span.end] not in known]
    return ", ".join(dict.fromkeys(kinds))


HAND = Hand(Notes(merged, is_part, entry_of), is_passed_over, secret_in)
