"""The only room that builds: turns settings into objects and hands them to the doors."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `import rekall` must stay light
    from rekall.config import Places, Settings
    from rekall.entry.types import ArrayEncoder
    from rekall.knowledge_base import KnowledgeBase
    from rekall.models.library import ModelLibrary


class App:
    """Settings, places and what is built from them, each when it is first asked for."""

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        flags: Mapping[str, str] | None = None,
        *,
        is_long_lived: bool = False,
    ) -> None:
        """Read nothing yet.

        Args:
            environ: The environment.
            flags: Settings given on the command line, by key.
            is_long_lived: Keep the model in a child process, and end that when it is idle.
        """
        self.is_long_lived = is_long_lived
        self._environ = environ
        self._flags = flags
        self._settings: Settings | None = None
        self._base: KnowledgeBase | None = None
        self._file: tuple[int, int] | None = None

    def long_lived(self) -> App:
        """The same settings for a process that stays: the model lives in a child, which ends when it is idle."""
        return App(self._environ, self._flags, is_long_lived=True)

    @property
    def places(self) -> Places:
        """Where Rekall keeps what it owns."""
        from rekall.config import find_places

        return find_places(self._environ)

    @property
    def settings(self) -> Settings:
        """The settings in force.

        Raises:
            InvalidInput, NotFound: A setting is wrong.
        """
        from rekall.config import Settings

        if self._settings is None:
            self._settings = Settings(self.places, self._environ, self._flags)
        return self._settings

    @property
    def library(self) -> ModelLibrary:
        """The installed models: the user's own first, then the ones that came with Rekall."""
        from rekall.models.library import ModelLibrary

        return ModelLibrary([self.places.models, *_shipped_models()])

    def open_base(self, *, to_write: bool = False) -> KnowledgeBase:
        """The knowledge base. Before anything was stored, reading opens an empty one and makes no file.

        Where another file lies in its place by now, because it was moved away or restored, that one is opened.

        Raises:
            StorageError: The database cannot be used.
            InvalidInput: A setting is wrong.
        """
        path = self.places.database
        file = _identity(path)
        if self._base is not None and (file != self._file or (to_write and file is None)):
            self._base.drop_model()  # the rest stays open: another thread may be reading
            self._base = None
        if self._base is None:
            is_stored = to_write or file is not None
            self._base = _build(path if is_stored else None, self.settings, self.library, self.is_long_lived)
            self._file = _identity(path)
        return self._base

    def model_in_use(self) -> str:
        """The name of the model that searches use: the base's, or the configured one before it has vectors.

        Raises:
            StorageError: The database cannot be used.
        """
        if not self.places.database.exists():
            return self.settings.text("engine.model")
        status = self.open_base().index_status()
        served = next((space.model for space in status.spaces if space.serves), self.settings.text("engine.model"))
        return status.model.name if status.model else served

    def load_encoder(self, name: str | None = None) -> ArrayEncoder:
        """Load a model into this process, by default the configured one; see the function of that name."""
        from rekall.models.library import FolderLoader

        model = name or self.settings.text("engine.model")
        return FolderLoader(self.library, model, self.settings.whole("engine.threads")).load(model)

    def close(self) -> None:
        """Close what was opened."""
        if self._base is not None:
            self._base.close()
            self._base = None


def load_encoder(name: str | None = None) -> ArrayEncoder:
    """Load an embedding model into this process.

    Args:
        name: A model that `rekall model list` shows; None takes the configured one.

    Returns:
        An encoder: `encode_documents(texts)` and `encode_queries(texts)` give (n, d) float32, rows of unit length.

    Raises:
        ModelNotFound: It is not installed.
        ModelDamaged: Its folder is incomplete or altered.
        EngineError: onnxruntime is missing or too old.
    """
    return App().load_encoder(name)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file lies at a path, None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _shipped_models() -> list[Path]:
    """Where models lie in an installed wheel, and in a checkout."""
    package = Path(__file__).parent
    return [package / "models" / "shipped", package.parent / "models"]


def _build(path: Path | None, settings: Settings, library: ModelLibrary, is_long_lived: bool) -> KnowledgeBase:
    from rekall.cache import EmbeddingCache
    from rekall.db import Database
    from rekall.embeddings import EmbeddingService
    from rekall.entry.record import written
    from rekall.knowledge.spaces import SpaceKeeper
    from rekall.knowledge.writing import EntryService
    from rekall.knowledge_base import KnowledgeBase
    from rekall.model_manager import ModelManager
    from rekall.models.library import ChildLoader, FolderLoader
    from rekall.search.searcher import Searcher
    from rekall.store.entries import EntryStore
    from rekall.store.passages import PassageStore, Space
    from rekall.store.tombstones import TombstoneStore
    from rekall.store.words import WordIndex
    from rekall.vector_index import VectorIndex, choose_backend, open_index

    db = Database(path)
    try:
        backend = choose_backend(db, settings.text("performance.vector_index_backend"))
    except BaseException:
        db.close()
        raise

    def index_of(space: Space) -> VectorIndex:
        return open_index(db, backend, space.id, space.dim)

    entries, words, passages = EntryStore(db), WordIndex(db), PassageStore(db)
    place = ChildLoader if is_long_lived else FolderLoader
    loader = place(library, settings.text("engine.model"), settings.whole("engine.threads"))
    timeout = settings.number("performance.model_idle_timeout_minutes") if is_long_lived else 0.0

    def give_back() -> None:
        """Return what searches left behind in this process, 2 MB of pages and free heap."""
        from rekall.system.resident import trim_heap

        db.release_memory()
        trim_heap()

    manager = ModelManager(loader, idle_timeout_minutes=timeout, when_idle=give_back)
    cache = EmbeddingCache(
        settings.whole("performance.cache_max_size"), settings.whole("performance.cache_ttl_seconds")
    )
    embeddings = EmbeddingService(db, entries, passages, manager, cache, index_of, lambda: written(_now()))
    searcher = Searcher(db, entries, words, passages, embeddings, settings.number("search.lexical_share"))
    keeper = SpaceKeeper(db, passages, embeddings, manager, cache)
    service = EntryService(db, entries, words, TombstoneStore(db), embeddings, _now, _new_id)
    return KnowledgeBase(db, entries, service, words, passages, embeddings, searcher, keeper, manager, backend, _now)


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)


def _new_id(created_at: datetime | None) -> str:
    """A ULID whose time is the entry's own, so that ids of old notes are told apart by few characters."""
    from ulid import ULID  # 20 ms that a search does not pay

    milliseconds = int((created_at.timestamp() if created_at else time.time()) * 1000)
    return str(ULID.from_bytes(max(milliseconds, 0).to_bytes(6, "big") + os.urandom(10)))
