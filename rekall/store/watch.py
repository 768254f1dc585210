"""Whether a base is still what it was when a piece of work on it began, also after its file was closed."""

from __future__ import annotations

from pathlib import Path

from rekall.store.as_is import AsItIs, opened

_State = list[tuple[str, int, int]]


class Watch:
    """Sees whether others write a base: through SQLite where it can read the file, by sizes and times else."""

    def __init__(self, path: Path) -> None:
        """Begin; nothing need be there.

        Raises:
            DatabaseLocked: Another process keeps the base locked.
        """
        self._path = path
        self._base: AsItIs | None = None
        self.begin()

    def begin(self) -> None:
        """Begin again, from what the base is now."""
        self.close()
        self._before: _State | None = self._state()
        found = opened(self._path) if self._path.exists() else None
        self._base = found if isinstance(found, AsItIs) else None
        self._version = self._base.value("PRAGMA data_version") if self._base else None

    def is_unchanged(self) -> bool:
        """Whether nobody wrote it meanwhile."""
        if self._base is None:
            return self._state() == self._before
        return bool(self._base.value("PRAGMA data_version") == self._version)

    def let_go(self) -> None:
        """Close the file, which Windows replaces for nobody who has it open; from here on sizes and times tell."""
        if self._base is None:
            return
        state = self._state()  # before the last look: what is written between the two is seen by one of them
        self._before = state if self.is_unchanged() else None
        self.close()

    def close(self) -> None:
        """End."""
        if self._base is not None:
            self._base.close()
            self._base = None

    def _state(self) -> _State:
        """Sizes and times of the file and its log, as far as something is in them: a connection makes and removes an empty log."""
        files = [self._path, self._path.with_name(self._path.name + "-wal")]
        states = [(file.name, file.stat()) for file in files if file.exists()]
        return [(name, state.st_size, state.st_mtime_ns) for name, state in states if state.st_size]
