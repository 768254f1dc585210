"""Files that a note is about and that are not there any more, where that can be known on this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rekall.entry.fields import Entry
from rekall.knowledge.origins import files_of, source_file
from rekall.system.repository import top_of
from rekall.system.tracked import Checkout

_LINES = re.compile(r"(?::\d+(?:[:-]\d+)?|#L\d+(?:-L?\d+)?|\(\d+\))$")
"""What stands behind a path to say where in the file."""

_NO_PATH = re.compile(r"[*?<>|{}$\n\"']|://|\.\.\.|…|^\s*$|^-|^[A-Za-z]+:(?![\\/])")
"""What is a pattern, an address or a command, and no path of one file."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A file that is not where a note says.

    Attributes:
        path: What the note says.
        moved_to: Where it is now, where git knows.
    """

    path: str
    moved_to: str | None


class Places:
    """Looks for files in the project one stands in, beside the source of an imported note, and at whole paths."""

    def __init__(self, here: Path | None, project: str | None) -> None:
        """Look at nothing yet.

        Args:
            here: The folder one stands in.
            project: The project of that folder.
        """
        self._project = project.casefold() if project else None
        self._checkouts: dict[Path, Checkout] = {}
        self._here = self._checkout(here) if here is not None and project else None

    @property
    def top(self) -> Path | None:
        """The folder of the project one stands in."""
        return self._here.top if self._here else None

    def is_here(self, entry: Entry) -> bool:
        """Whether a note belongs to the project one stands in."""
        return self._here is not None and (entry.project or "").casefold() == self._project

    def gone(self, entry: Entry, origin: str) -> Iterator[Gone]:
        """The files of a note that are gone; `origin` is the file it was imported from, or empty."""
        checkouts = [self._here] if self._here and self.is_here(entry) else []
        source = source_file(origin) if origin else None
        beside = self._checkout(source.parent) if source else None
        if beside is not None and beside not in checkouts:
            checkouts.append(beside)
        for said in entry.files:
            path = _LINES.sub("", said.strip())
            if _NO_PATH.search(path):
                continue
            if os.path.isabs(path) or path.startswith("~"):
                whole = os.path.expanduser(path)
                if os.path.isdir(os.path.dirname(whole)) and not os.path.lexists(whole):
                    yield Gone(said, self._moved(whole))
                continue
            if source is not None and os.path.lexists(source.parent / path):
                continue
            path = path.replace("\\", "/").removeprefix("./")
            is_sure = "/" in path or any(each.had(path) for each in checkouts)  # a name alone may be anything
            if is_sure and checkouts and not path.startswith("../") and not any(each.has(path) for each in checkouts):
                yield Gone(said, next(filter(None, (each.moved_to(path) for each in checkouts)), None))

    def _moved(self, whole: str) -> str | None:
        """Where a file of a whole path is now."""
        checkout = self._checkout(Path(os.path.dirname(whole)))
        if checkout is None:
            return None
        new = checkout.moved_to(os.path.relpath(os.path.realpath(whole), checkout.top).replace(os.sep, "/"))
        return str(checkout.top / new) if new else None

    def _checkout(self, folder: Path) -> Checkout | None:
        top = top_of(folder)
        return None if top is None else self._checkouts.setdefault(top, Checkout(top))


def source_is_gone(origin: str) -> bool:
    """Whether the file that a note was imported from is gone, and the folder it lay in, or the one above, is there."""
    if not origin or source_file(origin) is not None:
        return False
    for file in files_of(origin):
        folder = os.path.dirname(file)
        if os.path.isabs(file) and (os.path.isdir(folder) or os.path.isdir(os.path.dirname(folder) or folder)):
            return len(Path(file).parents) > 2  # at the root of a drive everything may be mounted or not
    return False
