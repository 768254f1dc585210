"""The only room that builds: turns settings into objects and hands them to the doors."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.errors import InvalidInput, NotFound, StorageError
from rekall.open_bases import OpenBases

if TYPE_CHECKING:  # `import rekall` must stay light
    from rekall.bases import Bases, KnownBase
    from rekall.config import Places, Settings
    from rekall.entry.types import Link
    from rekall.knowledge.checking import Checker
    from rekall.knowledge.lookups import Lookups
    from rekall.knowledge_base import KnowledgeBase
    from rekall.models.contract import ArrayEncoder, ModelIdentity
    from rekall.models.engine.runtimes import Backend, Runtime
    from rekall.models.library import ModelLibrary
    from rekall.side_by_side import SideBySide
    from rekall.store.contract import Store
    from rekall.store.findings import BaseFile, Glance
    from rekall.store.names import Names
    from rekall.system.repository import Project
    from rekall.wiring import Rooms


OWN = "own"
"""What one's own base is called, as `bases` has it."""

_LARGE_BYTES = 200 << 20
"""Such a base is brought up to date in more than a moment."""


class App:
    """Settings, places and what is built from them, each when it is first asked for."""

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        flags: Mapping[str, str] | None = None,
        *,
        is_long_lived: bool = False,
        tell: Callable[[str], None] | None = None,
        migrates: bool = True,
        alone: bool = False,
    ) -> None:
        """Read nothing yet.

        Args:
            environ: The environment.
            flags: Settings given on the command line, by key.
            is_long_lived: Keep the model in a child process, and end that when it is idle.
            tell: Takes what a person should know of the config file and of the base, a remark at a time; remarks may come
                again.
            alone: The process is Rekall's own: numpy may be imported as suits it.
            migrates: Whether a base of an earlier schema is brought to today's; else it cannot be opened.
        """
        self.is_long_lived = is_long_lived
        self.door = "python"
        """By which door changes come, for the history: shell, tui, mcp, hook or python."""
        self._migrates = migrates
        self._alone = alone
        self.tell = tell or (lambda _: None)
        self._environ = environ
        self.flags = flags
        """Settings given on the command line, by key."""
        self._database: Path | None = None
        self._known: KnownBase | None = None
        self._beside: OpenBases[App] = OpenBases(lambda: self.places.bases, self._over_known)
        self._own: App | None = None
        self._rooms: Rooms | None = None
        self._asked: SideBySide | None = None
        self._asking = threading.Lock()
        self._settings: Settings | None = None
        self._base: KnowledgeBase | None = None
        self._file: tuple[int, ...] | None = None
        self._project: tuple[Project | None] | None = None

    def long_lived(self, door: str = "python") -> App:
        """The same settings for a process that stays: the model lives in a child, which ends when it is idle."""
        other = App(self._environ, self.flags, is_long_lived=True, tell=self.tell)
        other.door = door
        return other

    def over(self, database: Path) -> App:
        """The same settings and models over a base in another file."""
        other = App(self._environ, self.flags, is_long_lived=self.is_long_lived, tell=self.tell, alone=self._alone)
        other._database = database
        other.door = self.door
        return other

    @property
    def bases(self) -> Bases:
        """The names of the bases beside one's own. Raises InvalidInput: Their file cannot be used."""
        return self._beside.known

    def beside(self, name: str) -> App:
        """The same settings and models over the base of a name; `own` is one's own. Raises NotFound, InvalidInput."""
        return self if name == OWN else self._beside.of(name)

    def _over_known(self, known: KnownBase) -> App:
        other = App(self._environ, self.flags, is_long_lived=self.is_long_lived, tell=self.tell, alone=self._alone)
        other.door, other._known, other._own = self.door, known, self
        return other

    def at_work(self, name: str = "") -> AbstractContextManager[None]:
        """A block in which no base beside one's own is closed, or not the one of a name, though its name may go meanwhile."""
        return self._beside.work(name)

    def others(self, said: str = "all") -> list[str]:
        """The bases beside the one that commands work with, as `bases.search` says it; none where one was named by `-b`."""
        if "bases.use" in (self.flags or {}) or not self.places.bases.exists():
            return []
        try:
            known = self.bases
        except InvalidInput as error:  # one's own base answers all the same
            self.tell(f"other bases are left out: {error.message}")
            return []
        return known.chosen(said, self.in_use)

    @property
    def in_use(self) -> str:
        """The name of the base that commands work with. Raises InvalidInput: A setting is wrong."""
        return OWN if self._known or self._database else self.settings.text("bases.use")

    @property
    def places(self) -> Places:
        """Where Rekall keeps what it owns."""
        from rekall.config import find_places

        found = find_places(self._environ)
        return replace(found, database=self._database) if self._database else found

    @property
    def settings(self) -> Settings:
        """The settings in force. Raises InvalidInput, NotFound: One is wrong."""
        from rekall.config import Settings

        if self._settings is None:
            self._settings = Settings(self.places, self._environ, self.flags)
            for remark in self._settings.remarks:
                self.tell(remark)
        return self._settings

    def project(self) -> Project | None:
        """The project of the folder that this process stands in; None where it is in none, or `add.project` is off."""
        if self._project is None:
            found = None
            if self.settings.text("add.project") == "auto":
                from rekall.system.repository import project_here

                found = project_here(self._environ, self.tell)
            self._project = (found,)
        return self._project[0]

    @property
    def library(self) -> ModelLibrary:
        """The installed models: the user's own first, then the ones that came with Rekall."""
        from rekall.models.library import ModelLibrary
        from rekall.wiring import shipped_models

        places = self.places
        if self._alone:
            from rekall.models.engine.tried import TRIALS

            TRIALS.begin(places.tried)
        return ModelLibrary([places.models, *shipped_models()], places.tried)

    def open_base(self, name: str = "", *, to_write: bool = False) -> KnowledgeBase:
        """The base of a name, or the one that commands work with. Raises StorageError, InvalidInput, NotFound."""
        name = name or self.in_use
        return self._opened(to_write) if name == OWN else self.beside(name)._opened(to_write)

    @property
    def asked(self) -> KnowledgeBase | SideBySide:
        """What a search asks: the base that commands work with, and those beside it unless one was named for this command.

        Raises as `open_base` does; a base beside it that cannot be used is said with the answer.
        """
        with self._asking:
            names, left = self._names_asked(), self._beside.follow(self.in_use)
            if not (names or self._asked):
                return self.open_base()
            if self._asked is None:
                from rekall.side_by_side import SideBySide

                wait_s, share = (self.settings.number(key) for key in ("bases.wait_seconds", "search.lexical_share"))
                self._asked = SideBySide(self.open_base, wait_s, share, self.at_work)
            self._asked.meet(names, left)
            return self._asked if names else self.open_base()

    def _names_asked(self) -> list[str]:
        try:
            return self.others(self.settings.text("bases.search"))
        except NotFound:  # one that went while this process runs does not take the others along
            if self._asked is None:
                raise
            return [name for name in self.others() if name in self._asked.names]

    def _opened(self, to_write: bool) -> KnowledgeBase:
        """The base of this very app. Before anything was stored, reading opens an empty one and makes no file.

        Where another file lies in its place by now, because it was moved away or restored, that one is opened; so is one that could
        only be read, where it can be written now or somebody else wrote it.
        """
        from rekall.store.opening import seen_as

        path = self._known.file if self._known else self.places.database
        file = seen_as(path) if path else None
        to_write = to_write and self._known is None  # no other base is ever made
        if self._base is not None and (file != self._file or (to_write and file is None)):
            self._base.index.drop_model()  # the rest stays open: another thread may be reading
            self._base = None
        if self._base is None:
            if to_write:  # what dead processes left beside it goes
                from rekall.system.leftovers import sweep_folders

                sweep_folders(self.places.folders)
            is_stored = to_write or file is not None
            self._base = self._build(path if is_stored else None)
            self._file = file or (seen_as(path) if path else None)  # as it was before it was opened
        return self._base

    def base_file(self) -> BaseFile:
        """The base as a file, which need not be one that can be opened; nothing may have it open in this process."""
        from rekall.store.base_file import SqliteBaseFile

        return SqliteBaseFile(self.places.database)

    def glance(self) -> Glance | None:
        """The base at a glance, read as it is; None before there is one. Raises StorageError."""
        from rekall.store.glance import glance

        return glance(self.places.database) if self.places.database.exists() else None

    def to_review(self) -> int:
        """How many entries are still asked about today; the base, of today's schema, is read as it is. Raises StorageError."""
        from rekall.knowledge.review_due import Schedule
        from rekall.store.as_is import AsItIs
        from rekall.store.review_rows import SqliteReviews
        from rekall.system.clock import Clock

        with contextlib.closing(AsItIs(self.places.database)) as db:
            return Schedule(SqliteReviews(db), Clock().now()).left(self.settings.whole("review.per_day"))

    def open_links(self) -> Sequence[Link]:
        """What links leave open, see the function of that name; the base, of today's schema, is read as it is. Raises StorageError."""
        from rekall.knowledge.open_pairs import open_links
        from rekall.store.as_is import AsItIs
        from rekall.store.entries import SqliteEntries
        from rekall.store.links import SqliteLinks

        with contextlib.closing(AsItIs(self.places.database)) as db:
            return open_links(SqliteEntries(db), SqliteLinks(db))

    def names(self, most: int) -> Names:
        """Names in the base that complete a command line; the base is read as it is, and `most` bounds each list."""
        from rekall.store.names import Names

        return Names(self.places.database, most)

    def checker(self) -> Checker:
        """What checks the base and mends it. Of a file that `over` named, nothing around it is looked at."""
        from rekall.knowledge.checking import Around, Checker

        days, complaint = 0.0, None
        try:
            days = self.settings.number("backup.remind_days")
        except (InvalidInput, NotFound) as error:  # what is wrong with it is one of the findings
            complaint = error
        places = self.places
        around = Around(places.database, places.folders, (places.token,), days, self._whole_model, complaint)
        return Checker(self.base_file(), None if self._database else around)

    def _whole_model(self, name: str | None, fingerprint: str) -> ModelIdentity:
        """The model of a name and a fingerprint, or the configured one, after a look at every file of it.

        Raises:
            ModelNotFound, ModelDamaged: There is none, or it is damaged.
        """
        from rekall.models.engine.card import check_hashes, read_card
        from rekall.models.library import FolderLoader

        loader = FolderLoader(self.library, self.settings.text("engine.model"), 1)
        found = loader.identify() if name is None else loader.find(name, fingerprint)
        folder = self.library.folder(found.name)
        check_hashes(folder, read_card(folder))
        return found

    def model_in_use(self) -> str:
        """The name of the model that searches use: the base's, or the configured one before it has vectors. Raises StorageError."""
        if self.in_use == OWN and not self.places.database.exists():
            return self.settings.text("engine.model")
        status = self.open_base().index.status()
        served = next((space.model for space in status.spaces if space.serves), self.settings.text("engine.model"))
        return status.model.name if status.model else served

    def load_encoder(self, name: str | None = None) -> ArrayEncoder:
        """Load a model into this process, by default the configured one; see the function of that name."""
        from rekall.models.library import FolderLoader

        model = name or self.settings.text("engine.model")
        threads = self.settings.whole("engine.threads")
        return FolderLoader(self.library, model, threads, self.engine_backend, alone=self._alone).load(model)

    @property
    def engine_backend(self) -> Backend:
        """What is to run models, as the settings have it."""
        from rekall.models.engine.runtimes import BACKENDS

        wanted = self.settings.text("engine.backend")
        return next(each for each in BACKENDS if each == wanted)

    def runtime(self, model: str) -> Runtime:
        """What runs an installed model here, tried without loading it. Raises EngineError: There is none, or it is damaged."""
        from rekall.models.engine.opening import runtime_of

        return runtime_of(self.library.folder(model), self.engine_backend, alone=self._alone)

    def _build(self, path: Path | None) -> KnowledgeBase:
        """The base in a file; None is an empty one in memory."""
        from rekall.models.library import ChildLoader, FolderLoader
        from rekall.store.sqlite import SqliteStore
        from rekall.system.clock import Clock
        from rekall.wiring import Tuning, build

        done: list[str] = []

        def keep_a_copy(file: Path) -> None:
            if not self._migrates:
                raise StorageError(f"{file} is of an earlier Rekall", "run `rekall stats` to bring it up to date")
            from rekall.store.copies import copy_before_migration  # what a search does without

            if file.stat().st_size >= _LARGE_BYTES:
                self.tell("bringing a large base up to date, which takes a minute or so; a copy is made first")
            done.append(copy_before_migration(file, settings.whole("backup.keep")))

        settings = self.settings
        place = ChildLoader if self.is_long_lived else FolderLoader
        threads = settings.whole("engine.threads")
        backend = self.engine_backend
        if backend == "auto" and self._alone and not self.is_long_lived:
            backend = "sparing"
        loader = place(self.library, settings.text("engine.model"), threads, backend, alone=self._alone)
        vectors = settings.text("performance.vector_index_backend")
        store: Store
        if self._known is not None:
            from rekall.beside import open_known

            store = open_known(self._known, vectors, keep_a_copy, self.tell)
        else:
            sqlite = SqliteStore(path, vectors, migrating=keep_a_copy)
            sqlite.db.waiting = self.tell
            store = sqlite
        for remark in done:  # not before it is true
            self.tell(remark)
        first = self._own or self
        beside = None if first is self and self.in_use == OWN else first._rooms  # they share one model
        rooms = build(store, loader, Tuning.of(settings, is_long_lived=self.is_long_lived), Clock(), beside=beside)
        first._rooms = beside or rooms
        base = rooms.base
        base.act_as(self.door)
        base.lookups = self.lookups(is_stored=path is not None)
        return base

    def lookups(self, *, is_stored: bool = True) -> Lookups:
        """What was looked for and read by people and assistants; of a base that is not stored nothing is kept."""
        from rekall.knowledge.lookups import Lookups
        from rekall.system.lookup_log import LookupLog

        log = LookupLog(self.places.lookups) if is_stored else None
        return Lookups(
            log, door=self.door, is_kept=self.door != "python" and self.settings.text("lookups.keep") == "on"
        )

    def close(self) -> None:
        """Close what was opened."""
        self._beside.close()
        if self._base is not None:
            damaged = self._base.damaged()
            self._base.close()
            self._base = None
            if damaged:
                from rekall.wording import left_out_text

                self.tell(left_out_text(damaged))
