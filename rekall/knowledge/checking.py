"""Looks at a base and everything around it, and mends what can be mended: what `rekall check` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from rekall.errors import EngineError, RekallError
from rekall.models.contract import ModelIdentity
from rekall.store.findings import REMEMBERED, REPAIR, BaseFile, Examined, Finding, Level, Mended
from rekall.system.files import PRIVATE_FILE, PRIVATE_FOLDER
from rekall.system.leftovers import Leftover, find_leftovers, sweep

_WORTH_A_BACKUP = 20
"""So many entries must have changed before anybody is reminded of a backup."""


@dataclass(frozen=True, slots=True)
class Around:
    """What belongs to a base beside its file.

    Attributes:
        database: The file.
        folders: Every folder in which Rekall writes.
        private: Files beside the base and its copies that nobody else may read.
        remind_days: Days after which a backup is old; 0 reminds nobody.
        find_model: The model of a name and a fingerprint, by default the configured one, with every file looked at.
        complaint: What is wrong with the settings.
    """

    database: Path
    folders: tuple[Path, ...]
    private: tuple[Path, ...]
    remind_days: float
    find_model: Callable[[str | None, str], ModelIdentity]
    complaint: RekallError | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found, and what a repair did.

    Attributes:
        database: The file.
        findings: Everything that was looked at, problems as they are now.
        entries: How many entries there are; None where that cannot be known.
        mended: What was mended; None where nothing in the base was.
        swept: What dead processes had left and is gone.
    """

    database: Path
    findings: tuple[Finding, ...]
    entries: int | None
    mended: Mended | None = None
    swept: tuple[Leftover, ...] = ()

    @property
    def problems(self) -> int:
        """How many things are wrong."""
        return sum(finding.level is Level.PROBLEM for finding in self.findings)


class Checker:
    """Checks one base."""

    def __init__(self, file: BaseFile, around: Around | None, now: Callable[[], datetime] | None = None) -> None:
        """Look at nothing yet.

        Args:
            file: The base.
            around: What belongs to it; None for a file alone, such as a copy.
            now: The time.
        """
        self._file = file
        self._around = around
        self._now = now or (lambda: datetime.now(timezone.utc))

    def check(self) -> Report:
        """Look at everything; nothing is changed."""
        examined = self._file.examine()
        return self._report(examined)

    def repair(self) -> Report:
        """Look at everything, mend what is wrong, and look again.

        Raises:
            StorageError: The base cannot be mended now; it is as before.
        """
        examined = self._file.examine()
        mended = self._file.mend() if examined.needs_mending else None
        swept = tuple(sweep(self._leftovers()))
        report = self._report(self._file.examine() if mended else examined)
        return replace(report, mended=mended, swept=swept)

    def _report(self, examined: Examined) -> Report:
        findings = list(examined.findings)
        path = self._file.path
        if self._around is not None:
            findings += [*self._files(self._around), *self._left(), *self._model(examined), *self._backups(examined)]
        return Report(path, tuple(findings), examined.entries)

    def _files(self, around: Around) -> Iterator[Finding]:
        """Whether anybody else may read what is written here."""
        if os.name == "nt":  # whose permissions are of another kind
            return
        beside = (around.database.with_name(around.database.name + end) for end in ("", "-wal", "-shm"))
        copies = (copy.path for copy in self._file.copies())
        wide = [
            *(path for path in (*beside, *around.private, *copies) if _is_open(path, PRIVATE_FILE)),
            *(folder for folder in around.folders if _is_open(folder, PRIVATE_FOLDER)),
        ]
        if wide:
            text = f"other users of this machine may look into {len(wide)} {'file or folder' if len(wide) == 1 else 'files or folders'}"
            hint = "where that is not on purpose: `chmod go= PATH`"
            yield Finding("files", Level.NOTE, text, hint, tuple(map(str, wide[:10])))
        elif around.database.exists():
            yield Finding("files", Level.OK, "files and folders are for their owner alone")

    def _leftovers(self) -> list[Leftover]:
        return find_leftovers(self._around.folders) if self._around else []

    def _left(self) -> Iterator[Finding]:
        """What dead processes left lying."""
        found = self._leftovers()
        if found:
            size = sum(each.size for each in found) / 1e6
            text = f"{len(found)} unfinished files of processes that have ended ({size:.1f} MB)"
            names = tuple(str(each.path) for each in found[:10])
            yield Finding(
                "leftovers", Level.NOTE, text, f"{REPAIR}; the next command that writes removes them, too", names
            )

    def _model(self, examined: Examined) -> Iterator[Finding]:
        """Whether the model that searches use is whole, and the one that made the vectors."""
        assert self._around is not None
        if self._around.complaint is not None:
            yield Finding("settings", Level.PROBLEM, self._around.complaint.message, self._around.complaint.hint)
            return
        name, fingerprint = examined.model or (None, "")
        try:
            model = self._around.find_model(name, fingerprint)
        except EngineError as error:
            yield Finding("model", Level.PROBLEM, error.message, error.hint)
        else:
            yield Finding("model", Level.OK, f"model {model.name}: every file is whole, and the vectors are its own")

    def _backups(self, examined: Examined) -> Iterator[Finding]:
        """When the last copy was made; said where there is something to lose."""
        assert self._around is not None
        last = next((copy for copy in self._file.copies() if copy.reason == "backup"), None)
        days = self._around.remind_days
        if last is None:
            age, changed = self._age(examined.since), len(examined.changed_at)
        else:
            age = self._age(last.made_at)
            changed = sum(moment > last.made_at for moment in examined.changed_at)
        if days and age > timedelta(days=days) and changed > _WORTH_A_BACKUP:
            many = f"{changed} or more" if changed == REMEMBERED else f"{changed}"
            text = f"{many} entries were changed since the last backup, {age.days} days ago"
            if last is None:
                text = "there is no backup of this base yet"
            yield Finding("backup", Level.NOTE, text, "`rekall backup` makes one")
        elif last is not None:
            when = f"{age.days} days ago" if age.days > 1 else "less than two days ago"
            yield Finding("backup", Level.OK, f"the last backup was made {when}: {last.path}")

    def _age(self, moment: datetime | None) -> timedelta:
        return self._now() - moment if moment is not None else timedelta(0)


def _is_open(path: Path, mode: int) -> bool:
    """Whether a file or folder lets others in."""
    try:
        return bool(path.stat().st_mode & 0o777 & ~mode)
    except OSError:
        return False
