"""Fixtures that every test may use: a home of its own, bases with a fake or the real model, and the command."""

from __future__ import annotations

import gc
import io
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from rekall.system.products import Products

Products().import_numpy()  # with one thread: beside a second one at work a fork of this process would never return

import numpy as np
import pytest
from hypothesis import settings
from support import CHECKOUT, Bench, FakeEncoder, Ran, make_bench
from support.depth import IS_DEEP, left_out, tries
from support.shared_model import shipped_model_loaded_once
from support.syncing import no_waiting_for_the_disk
from support.systems import WINDOWS

from rekall.app import App
from rekall.errors import ModelNotFound
from rekall.face import load_encoder
from rekall.models.contract import Encoder, ModelIdentity
from rekall.models.library import FolderLoader

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each of the processes of the tests compiles all of Rekall anew
sys.dont_write_bytecode = False
settings.register_profile("rekall", deadline=None, max_examples=tries(100))  # a busy machine keeps no deadline
settings.load_profile("rekall")


def pytest_report_header() -> str:
    import apsw
    import onnxruntime
    import tokenizers

    return f"sqlite {apsw.sqlite_lib_version()}, onnxruntime {onnxruntime.__version__}, tokenizers {tokenizers.__version__}, numpy {np.__version__}"


SLOW = (
    *("test_hostile_models", "test_room", "test_postgres_server"),
    *(
        "test_engine_child",
        "test_hub",
        "test_architectures",
        "test_export",
        "test_rotary",
        "test_unigram",
        "test_via_torch",
    ),
    *("test_mcp_http", "test_mcp_lines", "test_mcp_frames"),
    *("test_mcp_transports", "test_cli_switching", "test_cli_pull", "test_cli_index", "test_bad_input", "test_json"),
    *("test_tui", "test_tui_changes", "test_tui_drafts", "test_tui_door", "test_mcp_install", "test_hooks"),
    *("test_privacy", "test_tables", "test_budgets", "test_packaging", "test_imports", "test_docs"),
    *("test_benchmarks", "test_cli_bench"),
    *(
        "test_cache",
        "test_switching",
        "test_threads",
        "test_migration",
        "test_backlog",
        "test_import_killed",
        "test_salvage",
        "test_types_of_values",
        "test_other_layouts",
    ),
    *(
        "test_nothing_lost",
        "test_hostile",
        "test_records_properties",
        "test_markdown_dialects_properties",
        "test_writing",
        "test_original",
    ),
)
"""Files that start processes and screens, make models, or try thousands of inputs: `make test-fast` leaves them out."""


LONGEST = ("test_faults", "test_packaging", "test_benchmarks", "test_budgets")
"""Files of single tests that take many seconds: begun first, so that none is left over when the others are done."""


@pytest.hookimpl(hookwrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    is_asked_for = config.option.keyword or any("::" in path for path in config.args)
    if not IS_DEEP and not is_asked_for:
        out = left_out(items, getattr(config.option, "randomly_seed", 0))
        config.hook.pytest_deselected(items=list(out))
        items[:] = [item for item in items if item not in out]
    for item in items:
        if item.path.stem in SLOW:
            item.add_marker("slow")
    yield
    items.sort(key=lambda item: item.path.stem not in LONGEST)


def pytest_collection_finish() -> None:
    """What was collected stays until the end: no collection of garbage need look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What a file of tests leaves (reports, caches) stays, too: closing a model, which collects garbage, took half of a run."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


def pytest_unconfigure() -> None:
    """The last process of a run ends the server that the run started, if any did."""
    if servers := sys.modules.get("support.servers"):
        servers.end()


_folders = itertools.count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the test's own. pytest's looks through those of all earlier tests for the next number."""
    folder = (
        tmp_path_factory.getbasetemp() / f"{re.sub(r'[^A-Za-z0-9_]', '_', request.node.name)[:30]}-{next(_folders)}"
    )
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(scope="session", autouse=True)
def unsynced() -> Iterator[None]:
    """No test waits until the disk has what was written."""
    with no_waiting_for_the_disk():
        yield


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Rekall home of the test's own; nothing of the user's is ever read or written."""
    for name in list(os.environ):
        if name.startswith("REKALL_") or name in ("VISUAL", "EDITOR"):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("REKALL_HOME", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    if WINDOWS:
        temporary = tmp_path.with_name(f"{tmp_path.name}-temporary")
        temporary.mkdir()
        places = {"USERPROFILE": "user", "APPDATA": "user/AppData/Roaming", "LOCALAPPDATA": "user/AppData/Local"}
        for name, place in {**places, "TEMP": temporary, "TMP": temporary}.items():
            monkeypatch.setenv(name, str(tmp_path / place))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("REKALL_ADD_PROJECT", "off")  # the checkout is a repository, and would be a project
    return folder


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
    """Runs the command in this process: fast, with the shipped model loaded once for all, and neither end is a terminal."""
    from rekall.cli.main import run

    def invoke(*arguments: str, stdin: str | bytes = "") -> Ran:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        out, err = (
            io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True),
            io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True),
        )
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
        with (
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
            shipped_model_loaded_once(),
        ):
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
