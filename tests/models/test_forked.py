"""Encoders and bases in processes that are forked, spawned or served: they work there, or say why not."""

import multiprocessing
import os
import pickle
import signal
import threading
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from support.checkpoints import CASE

import rekall
from rekall.errors import EngineError, EngineLost, StorageError
from rekall.model_manager import ModelManager
from rekall.models.engine.card import read_card
from rekall.models.engine.opening import open_encoder
from rekall.models.engine.process_encoder import ProcessEncoder
from rekall.models.export.exporter import export_model
from rekall.models.library import FolderLoader, ModelLibrary
from rekall.system.forks import FORKS

TEXTS = [f"the lock of worker {number} is held " * (1 + number % 5) for number in range(60)]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.fixture(scope="module", params=["bert", "static"])
def folder(request, tmp_path_factory):
    place = tmp_path_factory.mktemp("forked")
    CASE[request.param].write(place / "source")
    export_model(place / "source", place / "model")
    return place / "model"


def in_child(work):
    """Run `work` in a fork of this process. Returns what it said; what it raises is said as well."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            try:
                said = str(work())
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
            os.write(writing, said.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(pid, 0)
    return said


def test_children_of_a_busy_process_encode_as_it_does(folder, capfd):
    encoder = open_encoder(folder, threads=2)
    expected = encoder.encode_documents(TEXTS)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            encoder.encode_documents(TEXTS)

    def load():
        while not stop.is_set():
            open_encoder(folder).close()

    threads = [threading.Thread(target=each) for each in (work, work, load)]
    for thread in threads:
        thread.start()

    def same():
        found = encoder.encode_documents(TEXTS[:9])
        fresh = open_encoder(folder).encode_queries(TEXTS[:1])
        encoder.close()
        return bool(np.allclose(found, expected[:9], atol=1e-5) and np.isfinite(fresh).all())

    said = [in_child(same) for _ in range(6)]
    stop.set()
    for thread in threads:
        thread.join()
    assert said == ["True"] * 6
    assert np.allclose(encoder.encode_documents(TEXTS), expected, atol=1e-5)
    encoder.close()
    assert capfd.readouterr().err == ""


def test_a_child_that_interrupted_native_work_says_so(folder):
    encoder = open_encoder(folder)
    with FORKS:
        said = in_child(lambda: encoder.encode_documents(["a"]))
        closed = in_child(lambda: (encoder.is_open(), encoder.close()))
        reloaded = in_child(lambda: open_encoder(folder).encode_documents(["a"]).shape[0])
    assert said.startswith("EngineError: ")
    assert "forked" in said
    assert closed == "(False, None)"
    assert reloaded == "1"
    assert len(encoder.encode_documents(["a"])) == 1
    encoder.close()


def test_a_pool_of_spawned_processes_takes_an_encoder(folder):
    encoder = open_encoder(folder)
    expected = encoder.encode_documents(TEXTS[:3])
    again = pickle.loads(pickle.dumps(encoder))
    assert np.array_equal(again.encode_documents(TEXTS[:3]), expected)
    again.close()
    if "bert" in str(read_card(folder).architecture):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            assert np.allclose(pool.submit(encoder.encode_documents, TEXTS[:3]).result(), expected, atol=1e-5)
    encoder.close()


def test_the_engine_of_a_process_is_not_shared_with_its_child(folder):
    card = read_card(folder)
    engine = ProcessEncoder(folder, card.fingerprint, card.dimensions)
    assert len(engine.encode_documents(["a"])) == 1
    assert in_child(lambda: engine.encode_documents(["a"])).startswith(EngineLost.__name__)
    assert in_child(lambda: (engine.is_open(), engine.close())) == "(False, None)"
    assert len(engine.encode_documents(["a"])) == 1
    engine.close()


def test_a_session_manager_works_in_a_child_while_another_thread_has_its_turn(folder):
    manager = ModelManager(FolderLoader(ModelLibrary([folder.parent]), folder.name, 1))
    taken, done = threading.Event(), threading.Event()

    def hold():
        with manager.use():
            taken.set()
            done.wait()

    def asked():
        with manager.use() as encoder:
            return len(encoder.encode_documents(["a"]))

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    said = in_child(asked)
    done.set()
    thread.join()
    manager.close()
    assert said == "1"


def test_a_base_is_opened_anew_in_a_child(tmp_path, monkeypatch):
    monkeypatch.setenv("REKALL_HOME", str(tmp_path))
    with rekall.open(tmp_path / "base.db") as base:
        base.add(rekall.Draft(type=rekall.EntryType.BUG, title="held by the parent"))
        assert in_child(lambda: base.count()).startswith(StorageError.__name__)
        assert in_child(base.close) == "None"

        def opened():
            with rekall.open(tmp_path / "base.db") as own:
                return own.count()

        assert in_child(opened) == "1"
        assert base.count() == 1


def test_many_threads_share_an_encoder_that_one_of_them_closes(folder):
    encoder = open_encoder(folder)
    failures = []

    def ask():
        try:
            for _ in range(20):
                encoder.encode_documents(TEXTS[:20])
        except EngineError as error:
            failures.append(error.message)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    encoder.close()
    for thread in threads:
        thread.join()
    assert set(failures) <= {"the encoder is closed"}


@pytest.mark.parametrize("kind", [open_encoder, "process"])
def test_a_handler_of_a_signal_is_told_that_its_thread_is_at_work(folder, kind):
    """It would wait for itself for ever, or take the answer of the call that it interrupted."""
    card = read_card(folder)
    encoder = (
        open_encoder(folder) if kind is open_encoder else ProcessEncoder(folder, card.fingerprint, card.dimensions)
    )
    expected = [list(row) for row in encoder.encode_documents(TEXTS)]
    said = []
    stop = threading.Event()

    def handle(_number, _frame):
        try:
            encoder.encode_documents(TEXTS[:1])
            said.append("encoded")  # it came between two calls
        except EngineError as error:
            said.append(error.message)

    def poke():
        while not stop.wait(0.005):
            os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handle)
    poking = threading.Thread(target=poke)
    poking.start()
    try:
        while not any("at work in this thread" in each for each in said):
            found = encoder.encode_documents(TEXTS)
            assert np.allclose([list(row) for row in found], expected, atol=1e-5)
    finally:
        stop.set()
        poking.join()
        signal.signal(signal.SIGUSR1, before)
    assert np.allclose([list(row) for row in encoder.encode_documents(TEXTS)], expected, atol=1e-5)
    encoder.close()
