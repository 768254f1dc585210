"""What is typed into a form, kept in a draft file until it was stored or thrown away."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from rekall.entry.types import Draft, Entry, EntryType
from rekall.errors import InvalidInput
from rekall.exchange.markdown import edited_draft, text_to_edit
from rekall.system.drafts import DraftFile
from rekall.tui.fields import draft_of

_UNREAD = ("confidence", "status")
"""Fields in which anything can be typed, and not everything be read."""


class KeptText:
    """The draft file of one form. Its methods may be called from any thread.

    The form, the editor and `rekall edit` begin with the same text and so share the file.
    """

    def __init__(self, folder: Path, old: Entry | None) -> None:
        """Find the file; one that cannot be read is left alone, and a further one stands in for it.

        Args:
            folder: The folder of drafts.
            old: The entry that is changed; None for a new one.
        """
        self.found: Draft | None = None
        """What was kept before, when it differs from what the form begins with."""
        self.problems: list[str] = []
        """Why a file could not be read, and which."""
        name, begun = (old.id, old) if old else ("new", empty_draft())
        text, kind = text_to_edit(begun), begun.type
        for number in count(1):
            self._file = DraftFile.named(folder, name, text, number)
            try:
                self._last = self._file.path.read_text("utf-8") if self._file.is_taken_up else text
                if self._last.strip() not in ("", text.strip()):
                    self.found = edited_draft(self._last, kind)
                break
            except FileNotFoundError:  # it went away meanwhile
                self._last = text
                break
            except (InvalidInput, OSError, UnicodeDecodeError) as error:
                reason = error.message if isinstance(error, InvalidInput) else str(error)
                self.problems.append(f"{self._file.path}: {reason}")
        others = self._file.others if old else ()  # those of new entries began with a title of their own
        told = "".join(self.problems)
        self.others = tuple(other for other in others if str(other) not in told)
        self._lock = threading.Lock()
        self._is_over = False

    @property
    def path(self) -> Path:
        """Where the file lies, or will lie."""
        return self._file.path

    def keep(self, begun: Draft, texts: Mapping[str, str], onto: Draft, *, is_last: bool = False) -> bool:
        """Write what was typed, unless it lies there already; remove the file when nothing differs any more.

        Args:
            begun: What the form began with.
            texts: The texts of its fields.
            onto: What the touched ones are put onto; the text of the file began with it.
            is_last: Write nothing after this: an earlier text may be on its way in another thread.

        Returns:
            Whether there is something that is not stored.

        Raises:
            OSError: It cannot be written.
        """
        try:
            draft = draft_of(begun, texts, onto)
        except InvalidInput:  # a field that cannot be read keeps its old value
            draft = draft_of(begun, {field: text for field, text in texts.items() if field not in _UNREAD}, onto)
        is_changed = draft != onto
        text = text_to_edit(draft) if is_changed else self._file.begun_with
        with self._lock:
            if self._is_over:
                return False
            if is_changed and (text != self._last or not self._file.path.exists()):
                self._file.write(text)
            elif not is_changed and self._last != text:
                self._file.drop()
            self._last = text
            self._is_over = is_last
        return is_changed

    def drop(self) -> None:
        """Remove the file; nothing is kept any more.

        Raises:
            OSError: It cannot be removed.
        """
        with self._lock:
            self._is_over = True
            if self._last != self._file.begun_with:  # else it is another's
                self._file.drop()


def empty_draft() -> Draft:
    """What the form of a new entry begins with."""
    return Draft(EntryType.TIL, "")
