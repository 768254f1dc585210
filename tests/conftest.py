"""Fixtures that every test may use: a home of its own, bases with a fake or the real model, and the command."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rekall.app import App, Tuning, build, load_encoder
from rekall.embeddings import EmbeddingService
from rekall.entry.types import Link
from rekall.errors import EngineError, ModelNotFound
from rekall.knowledge_base import KnowledgeBase
from rekall.model_manager import ModelManager
from rekall.models.contract import Encoder, ModelIdentity
from rekall.models.library import FolderLoader
from rekall.models.vectors import Matrix, unit_rows
from rekall.search.searcher import Searcher
from rekall.store.contract import Store
from rekall.store.sqlite import SqliteStore
from rekall.system.clock import Clock
from rekall.vector_index import VectorIndex

CHECKOUT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data"


def pytest_report_header() -> str:
    import apsw
    import onnxruntime
    import tokenizers

    return f"sqlite {apsw.sqlite_lib_version()}, onnxruntime {onnxruntime.__version__}, tokenizers {tokenizers.__version__}, numpy {np.__version__}"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Rekall home of the test's own; nothing of the user's is ever read or written."""
    for name in list(os.environ):
        if name.startswith("REKALL_") or name in ("VISUAL", "EDITOR"):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("REKALL_HOME", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("NO_COLOR", "1")
    return folder


class FakeEncoder:
    """Obeys the Encoder contract with a bag of hashed words: texts that share words are near."""

    def __init__(self, dim: int = 64, fingerprint: str = "fake") -> None:
        self.dim = dim
        self.fingerprint = fingerprint
        self.encoded: list[str] = []
        self.closed = False

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        self.encoded += texts
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts):
            row[0] = 0.01  # the empty text has a direction too
            for word in re.findall(r"\w+", text.lower()):
                row[1 + int.from_bytes(hashlib.md5(word.encode()).digest()[:4], "big") % (self.dim - 1)] += 1
        return unit_rows(rows)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        return self.encode_documents(texts)

    def is_open(self) -> bool:
        return not self.closed

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeLoader:
    """Loads a FakeEncoder, or fails with `problem` while that is set. `others` are further models, by name."""

    encoder: FakeEncoder = field(default_factory=FakeEncoder)
    problem: EngineError | None = None
    loads: int = 0
    others: dict[str, FakeEncoder] = field(default_factory=dict)

    def identify(self, name: str | None = None) -> ModelIdentity:
        if self.problem:
            raise self.problem
        encoder = self._encoder(name)
        return ModelIdentity(name or "fake", encoder.fingerprint, encoder.dim)

    def find(self, name: str, fingerprint: str) -> ModelIdentity:
        if self.problem:
            raise self.problem
        for other, encoder in {"fake": self.encoder, **self.others}.items():
            if encoder.fingerprint == fingerprint:
                return ModelIdentity(other, fingerprint, encoder.dim)
        raise ModelNotFound(f"the vectors were made by another model ({name})", "run `rekall model use NAME`")

    def load(self, name: str | None = None) -> Encoder:
        if self.problem:
            raise self.problem
        self.loads += 1
        self._encoder(name).closed = False
        return self._encoder(name)

    def _encoder(self, name: str | None) -> FakeEncoder:
        encoder = {None: self.encoder, "fake": self.encoder, **self.others}.get(name)
        if encoder is None:
            raise ModelNotFound(f"no model {name!r} is installed")
        return encoder


@dataclass
class FakeClock(Clock):
    """Seconds and dates that move when the test says so; ids in the order in which they are made."""

    elapsed_s: float = 0.0
    made: int = 0

    def __call__(self) -> float:
        return self.elapsed_s

    def seconds(self) -> float:
        return self.elapsed_s

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=self.elapsed_s)

    def new_id(self, created_at: datetime | None) -> str:
        from ulid import ULID

        self.made += 1
        return str(ULID.from_bytes((1_700_000_000_000 + 1000 * self.made).to_bytes(6, "big") + os.urandom(10)))


@dataclass
class Bench:
    """A knowledge base on the fake encoder, with every part within reach."""

    base: KnowledgeBase
    store: SqliteStore
    embeddings: EmbeddingService
    searcher: Searcher
    manager: ModelManager
    loader: FakeLoader
    clock: FakeClock

    def index_of(self) -> VectorIndex:
        space = self.store.vectors.active_space()
        assert space is not None
        return self.store.vectors.index(space)


TUNING = Tuning(lexical_share=0.5)


def make_bench(
    path: Path | None = None, backend: str = "auto", loader: FakeLoader | None = None, tuning: Tuning = TUNING
) -> Bench:
    """Build a base as `app` does, on the fake encoder."""
    loader, clock = loader or FakeLoader(), FakeClock()
    store = SqliteStore(path, backend)
    rooms = build(store, loader, tuning, clock)
    return Bench(rooms.base, store, rooms.embeddings, rooms.searcher, rooms.manager, loader, clock)


def all_links(store: Store) -> list[Link]:
    """Every link of a base."""
    links = store.links.starting_at(key for key, _ in store.entries.stream())
    return [link for entry_id in sorted(links) for link in links[entry_id]]


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A base in memory with the fake encoder."""
    made = make_bench()
    yield made
    made.base.close()


@pytest.fixture
def app() -> Iterator[App]:
    """The real application on the test's home, with the shipped model."""
    made = App()
    yield made
    made.close()


@pytest.fixture(scope="session")
def encoder() -> Iterator[Encoder]:
    """The shipped model, loaded once for the whole session."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("REKALL_"):
                patch.delenv(name)
        patch.setenv("REKALL_HOME", str(CHECKOUT / "does-not-exist"))
        loaded = load_encoder("all-MiniLM-L6-v2")
    yield loaded
    loaded.close()


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def quick_model(monkeypatch: pytest.MonkeyPatch) -> FakeEncoder:
    """The fake encoder in place of the shipped one, for commands whose vectors do not matter."""
    encoder = FakeEncoder(dim=384)

    def load(self: FolderLoader, name: str) -> FakeEncoder:
        encoder.fingerprint = self.identify(name).fingerprint  # fails as the real one does without such a model
        return encoder

    monkeypatch.setattr(FolderLoader, "load", load)
    return encoder


@pytest.fixture
def missing_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No model can be found, as after one was uninstalled."""

    def find(self: FolderLoader, *_: str) -> ModelIdentity:
        raise ModelNotFound("no model 'missing' is installed", "install it again")

    with monkeypatch.context() as patch:
        patch.setattr(FolderLoader, "find", find)
        patch.setattr(FolderLoader, "identify", find)
        yield


@pytest.fixture
def rekall(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs the command in this process: fast, and neither end is a terminal."""
    from rekall.cli.main import run

    def invoke(*arguments: str, stdin: str | bytes = "") -> Ran:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        out, err = (
            io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True),
            io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True),
        )
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            run(list(arguments))
        code = ended.value.code
        return Ran(
            code if isinstance(code, int) else int(bool(code)),
            out.buffer.getvalue().decode(),
            err.buffer.getvalue().decode(),
        )

    return invoke


@pytest.fixture
def rekall_process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command in a process of its own, as a user does."""

    def invoke(
        *arguments: str, env: Mapping[str, str] = {}, stdin: str = "", check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rekall", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={**os.environ, **env},
            check=check,
            timeout=timeout,
            cwd=CHECKOUT,
        )

    return invoke


def in_threads(count: int, work: Callable[[int], object]) -> list[BaseException]:
    """Run it in so many threads at once, each with its number. Returns what went wrong."""
    start = threading.Barrier(count)
    problems: list[BaseException] = []

    def run(number: int) -> None:
        start.wait()
        try:
            work(number)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert not any(thread.is_alive() for thread in threads)
    return problems
