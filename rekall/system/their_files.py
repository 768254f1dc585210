"""Files that belong to other programs: changed in one place, after a copy was made beside them, and read as they are."""

from __future__ import annotations

import codecs
import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rekall.errors import InvalidInput
from rekall.system.files import file_written_whole, write_atomically
from rekall.system.replacing import discard, read_patiently, remove_file

_PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class TheirChange:
    """What a file says, and what it is to say.

    Attributes:
        path: The file, where a link to it leads.
        old: Its text, empty where there is none; line ends as they are.
        new: The text it is to have; None where it is to go, since nothing is left in it.
        mark: The byte order mark it begins with, which Windows' editors write.
    """

    path: Path
    old: str
    new: str | None
    mark: bytes = b""

    @property
    def is_any(self) -> bool:
        """Whether anything changes."""
        return self.old != (self.new or "")

    def write(self, *, private: bool = False, keep: bool = True) -> Path | None:
        """Make the change.

        Args:
            private: Whether the file is its owner's alone from now on.
            keep: Whether a copy of what was there is kept.

        Returns:
            The copy; None where nothing was there, nothing changes, or none is kept.

        Raises:
            InvalidInput: Somebody else wrote to it since it was read; it is as they left it.
            OSError: It cannot be written; the file is as before.
        """
        if not self.is_any:
            return None
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._replace()
            return None
        mode = self.path.stat().st_mode & (_PRIVATE if private else 0o777)
        before = copies(self.path)
        copy = self._kept(mode) if keep else None
        try:
            self._replace()
        except BaseException:
            if copy and copy not in before:
                discard(copy)
            raise
        if self.new is not None:
            self.path.chmod(mode)
        return copy

    def _replace(self) -> None:
        """Put the new text in its place, or remove the file."""
        if self.new is None:
            self._demand_as_read()
            remove_file(self.path)
            return
        # a client may write all the time, so the last look is right before its file is replaced
        with file_written_whole(self.path, last_look=self._demand_as_read) as file:
            file.write(self.mark + self.new.encode())

    def _demand_as_read(self) -> None:
        if _read(self.path) != self.mark + self.old.encode():
            raise InvalidInput("another program wrote to it just now", "try again")

    def _kept(self, mode: int) -> Path:
        """The copy of what is there: one that was made before where it says the same, so that they do not pile up."""
        data = self.mark + self.old.encode()
        for copy in copies(self.path):
            with contextlib.suppress(OSError):
                if copy.stat().st_size == len(data) and copy.read_bytes() == data:
                    return copy
        copy = _free_name(self.path)
        write_atomically(copy, data)
        copy.chmod(mode)
        return copy


def planned(path: Path, change: Callable[[str], str | None]) -> TheirChange:
    """What a change would make of a file.

    Args:
        path: The file; it need not be there.
        change: Gives the new text for the old one, None where the file is to go.

    Raises:
        InvalidInput: It is no file, no UTF-8, or `change` cannot read it; nothing was changed.
    """
    path = Path(os.path.realpath(path))  # a link of somebody's dotfiles stays one
    if path.is_symlink():
        raise InvalidInput("it is a link that leads back to itself", "put a file there, then try again")
    if path.exists() and not path.is_file():
        raise InvalidInput("it is no file", "move it away, then try again")
    data = _read(path)
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        old = data.removeprefix(mark).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput("it is not UTF-8", "convert it, then try again") from error
    return TheirChange(path, old, change(old), mark)


def _read(path: Path) -> bytes:
    """What stands in a file; nothing where there is none."""
    return read_patiently(path.read_bytes, path) if path.exists() else b""


def copies(path: Path) -> list[Path]:
    """The copies that were made of a file, the latest first."""
    return list(itertools.takewhile(Path.exists, _copy_names(Path(os.path.realpath(path)))))[::-1]


def _free_name(path: Path) -> Path:
    """Where the copy goes: no copy takes the place of an earlier one."""
    return next(copy for copy in _copy_names(path) if not copy.exists())


def _copy_names(path: Path) -> Iterator[Path]:
    for number in itertools.count(1):
        yield path.with_name(f"{path.name}.before-rekall{f'-{number}' if number > 1 else ''}")
