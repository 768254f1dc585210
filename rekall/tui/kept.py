"""The draft file of a form: keeps what is typed until it is saved or discarded."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from rekall.entry.fields import Draft, Entry
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput
from rekall.exchange.editing import edited_draft, text_to_edit
from rekall.system.decoding import text_of
from rekall.system.drafts import DraftFile
from rekall.tui.fields import draft_of

_FREE_TEXT = ("confidence", "status")
"""Free-text fields whose text may not be a valid value."""


class KeptText:
    """The draft file of one form. Its methods may be called from any thread.

    The form, the editor and `rekall edit` start from the same text and therefore share the file.
    """

    def __init__(self, folder: Path, old: Entry | None, empty: Draft | None = None) -> None:
        """Find the file. If it cannot be read it is left as it is, and another takes its place.

        Args:
            folder: The folder of drafts.
            old: The entry being changed; None for a new one.
            empty: What the form of a new one starts with.
        """
        self.found: Draft | None = None
        """What an earlier form kept, if it differs from what this one starts with."""
        self.problems: list[str] = []
        """The files that could not be read, each with the reason."""
        name, begun = (old.id, old) if old else ("new", empty or empty_draft())
        text, kind = text_to_edit(begun), begun.type
        for number in count(1):
            self._file = DraftFile.named(folder, name, text, number)
            try:
                self._last = text_of(self._file.path) if self._file.is_taken_up else text
                if self._last.strip() not in ("", text.strip()):
                    self.found = edited_draft(self._last, kind)
                break
            except FileNotFoundError:  # it was removed in between
                self._last = text
                break
            except (InvalidInput, OSError) as error:
                reason = error.message if isinstance(error, InvalidInput) else str(error)
                self.problems.append(f"{self._file.path}: {reason}")
        others = self._file.others if old else ()  # drafts of new entries are about something else
        told = "".join(self.problems)
        self.others = tuple(other for other in others if str(other) not in told)
        self._lock = threading.Lock()
        self._is_over = False

    @property
    def path(self) -> Path:
        """Where the file is, or will be."""
        return self._file.path

    def keep(self, begun: Draft, texts: Mapping[str, str], onto: Draft, *, is_last: bool = False) -> bool:
        """Write what was typed, unless the file has it already; remove the file once nothing differs any more.

        Args:
            begun: What the form started with.
            texts: The texts of its fields.
            onto: The entry that edited fields are applied to; the draft file started from it.
            is_last: Ignore later calls: another thread may still be about to write an earlier text.

        Returns:
            Whether something is unsaved.

        Raises:
            OSError: The file cannot be written.
        """
        try:
            draft = draft_of(begun, texts, onto)
        except InvalidInput:  # an invalid field keeps its old value
            draft = draft_of(begun, {field: text for field, text in texts.items() if field not in _FREE_TEXT}, onto)
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
        """Remove the file, where nobody has it open, and keep nothing from now on."""
        with self._lock:
            self._is_over = True
            if self._last != self._file.begun_with:  # otherwise the file is not ours
                self._file.drop()


def empty_draft(kind: EntryType = EntryType.TIL, project: str | None = None) -> Draft:
    """What the form of a new entry starts with."""
    return Draft(kind, "", project=project)
