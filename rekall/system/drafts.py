"""Draft files: what is being written, kept on disk until it is accepted."""

from __future__ import annotations

import contextlib
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rekall.errors import InvalidInput, RekallError
from rekall.system.editor import find_editor, open_editor, remedy
from rekall.system.files import PRIVATE_FILE, host_mark, make_private_folder, write_atomically
from rekall.system.replacing import discard, read_patiently, remove_file

NEW = "new"
"""The name of drafts of entries that are not stored yet."""

_DRAFT = re.compile(r"(?P<name>[^.].*)-(?P<begun_with>[0-9a-f]{8})(?:-\d+)?\.md", re.DOTALL)
_BACKUP = re.compile(r"#?(?P<draft>[^.#].*\.md)(?:~|#|\.~\d+~|\.(?i:bak|backup|old|orig|save(?:\.\d+)?))", re.DOTALL)
"""What editors leave beside a file when they are closed: it as it was before. Not the marks by which they know that it is open."""

_HAND = re.compile(r"\.(?P<draft>.+)\.(?P<pid>\d{1,10})-(?P<host>[0-9a-f]{8})\.open", re.DOTALL)


@dataclass(frozen=True, slots=True)
class DraftFile:
    """The file of one text. Its name holds a hash of the text it started from, so a draft is only resumed where it fits.

    Attributes:
        path: Where it lies, or will lie.
        begun_with: The text before anything was written.
        is_taken_up: Whether something was written in it before.
        others: Earlier drafts of the same name, which began with another text.
    """

    path: Path
    begun_with: str
    is_taken_up: bool
    others: tuple[Path, ...]

    @classmethod
    def begin(cls, folder: Path, name: str, text: str, *, fresh: bool = False) -> DraftFile:
        """Write a text into its draft file, unless that is there already.

        Args:
            folder: The folder of drafts; it is made.
            name: The beginning of the file's name.
            text: What to begin with.
            fresh: Throw what is there away.

        Raises:
            OSError: The folder cannot be written or the disk is full.
        """
        draft = cls.named(folder, name, text)
        if fresh:
            others = draft.others if name != NEW else ()  # those are about something else
            for each in (draft.path, *others):
                remove_file(each)
            draft = cls(draft.path, text, False, ())
        elif draft.is_taken_up and draft.path.read_bytes() == _bytes(text):  # an editor may still have it open
            return cls(draft.path, text, False, draft.others)
        if not draft.is_taken_up:
            draft.write(text)
        return draft

    @classmethod
    def named(cls, folder: Path, name: str, text: str, number: int = 1) -> DraftFile:
        """The draft file of a text; nothing is written.

        Args:
            folder: The folder of drafts.
            name: The beginning of the file's name.
            text: What to begin with.
            number: Above 1 a further file of the same text, when the first must be left alone.
        """
        further = f"-{number}" if number > 1 else ""
        path = folder / f"{name}-{zlib.crc32(_bytes(text)):08x}{further}.md"
        others = tuple(other for other in earlier_drafts(folder, name) if other != path)
        return cls(path, text, os.path.exists(path), others)  # never raises, as Path's own does

    def write(self, text: str) -> None:
        """Put a text in the place of the one in it; the folder is made.

        Raises:
            OSError: The folder cannot be written or the disk is full.
        """
        make_private_folder(self.path.parent)
        write_atomically(self.path, _bytes(text))

    def edited(self, editor: str, line: int = 0, *, takes_unchanged: bool = False) -> Edited:
        """Let the person edit it.

        Args:
            editor: The configured editor, or empty.
            line: The line to begin at, where the editor can; 0 for the first.
            takes_unchanged: Return it, too, when nothing was changed.

        Raises:
            InvalidInput: The editor failed; the hint says where the text is kept.
        """
        with _in_hand(self.path):
            closed = open_editor(self.path, editor, line)
        text, remark = self._text()
        is_unchanged = text == self.begun_with and not takes_unchanged
        if closed.is_soon and is_unchanged:
            note = (
                f"the editor ended at once, and nothing was written yet: {self.path} stays, for the same command again"
            )
            return Edited("", note, closed.advice)
        if is_unchanged or not text.strip():
            text = ""
            remark = self.drop()
        if closed.code != 0:
            kept = f"your text is kept in {self.path}; " if text else ""
            raise InvalidInput(
                f"the editor `{find_editor(editor)}` exited with code {closed.code}",
                f"{kept}{remedy(editor, closed.code)}",
            )
        return Edited(text, remark)

    def _text(self) -> tuple[str, str]:
        """What is in it, and what is to be said of how it was saved."""
        try:
            data = read_patiently(self.path.read_bytes, self.path)
        except FileNotFoundError:  # the person, or another process, removed it
            return "", ""
        if data == _bytes(self.begun_with):
            return self.begun_with, ""
        try:
            return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n"), ""
        except UnicodeDecodeError:
            from rekall.system.decoding import decoded  # its patterns take 12 ms

            found = decoded(data)
            return found.text, f"what the editor saved is {found.said}"

    def not_accepted(self, error: RekallError) -> None:
        """Let an error say where the text is that it is about."""
        error.hint = f"your text is kept in {self.path}" + (f"; {error.hint}" if error.hint else "")

    def drop(self) -> str:
        """Remove it and what editors left beside it: the text was accepted, or there is none.

        Returns:
            What to tell the person where another program keeps it from being removed, which makes nothing undone; else
            empty.
        """
        for beside in traces_of(self.path.parent, self.path.name):
            found = _BACKUP.fullmatch(beside.name)
            if found and found["draft"] == self.path.name:
                discard(beside)
        try:
            remove_file(self.path)
        except OSError as error:
            return f"{self.path} is not needed any more, but cannot be removed: {error.strerror or error}"
        return ""


@dataclass(frozen=True, slots=True)
class Edited:
    """What came of a text in an editor.

    Attributes:
        text: What is in the file; empty when nothing was changed, or all of it deleted.
        note: What the person is told, if anything.
        advice: What to do about it.
    """

    text: str
    note: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class DraftName:
    """What the name of a draft file says: what it is for, and the hash of what it began with."""

    name: str
    begun_with: str

    @classmethod
    def read(cls, name: str) -> DraftName | None:
        """What a file's name says; None when it is no draft's."""
        found = _DRAFT.fullmatch(name)
        return cls(found["name"], found["begun_with"]) if found else None


def earlier_drafts(folder: Path, name: str) -> list[Path]:
    """The draft files of a name that lie in a folder."""
    return sorted(folder.glob(f"{name}-*.md"))


def traces_of(folder: Path, named: str) -> list[Path]:
    """Every file in a folder of drafts that belongs to an entry or a draft: drafts, scratch files, and what editors put beside."""
    try:
        return sorted(folder / name for name in os.listdir(folder) if named in name)
    except OSError:  # there is none
        return []


def hands_on(draft: Path) -> list[tuple[int, float]]:
    """The processes of this machine that said they have a draft in an editor, and when; some may be gone."""
    beside = ((hand, _HAND.fullmatch(hand.name)) for hand in draft.parent.iterdir())
    return [
        (int(said["pid"]), hand.stat().st_mtime)
        for hand, said in beside
        if said and said["draft"] == draft.name and said["host"] == host_mark()
    ]


def is_hand(name: str) -> tuple[int, str] | None:
    """The process, and the mark of its host, whose hand on a draft a file's name is; None when it is none."""
    found = _HAND.fullmatch(name)
    return (int(found["pid"]), found["host"]) if found else None


@contextlib.contextmanager
def _in_hand(draft: Path) -> Iterator[None]:
    """Say by a file beside a draft that this process has it in an editor, so that nobody sweeps it."""
    hand = draft.with_name(f".{draft.name}.{os.getpid()}-{host_mark()}.open")
    os.close(os.open(hand, os.O_CREAT | os.O_WRONLY, PRIVATE_FILE))
    try:
        yield
    finally:
        discard(hand)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
