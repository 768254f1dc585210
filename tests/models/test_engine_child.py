"""The engine's own process: the same vectors, no trace of it left behind, and every way to die is an answer."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from io import FileIO
from pathlib import Path
from types import FrameType
from typing import ClassVar

import numpy as np
import psutil
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import CHECKOUT, DATA
from support.depth import tries
from support.systems import HOW_KILLED, KILL, WINDOWS, WINE, linux_alone, own_memory, signals
from support.waiting import PATIENCE_S, comes, command_of, is_gone

from rekall.app import App
from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.errors import EngineError, EngineLost, ModelDamaged
from rekall.knowledge_base import KnowledgeBase
from rekall.models.engine import process_encoder
from rekall.models.engine.card import read_card
from rekall.models.engine.frames import (
    HEADER,
    MOST_BYTES,
    Frame,
    PipeClosed,
    receive,
    send,
    send_json,
    skip_to_beginning,
)
from rekall.models.engine.opening import open_encoder
from rekall.models.engine.process_encoder import ProcessEncoder
from rekall.models.export.exporter import export_model
from rekall.models.export.options import ExportOptions
from rekall.models.vectors import Matrix, row_cosines
from rekall.search.results import Mode

SHIPPED = CHECKOUT / "models" / "all-MiniLM-L6-v2"
SAME = 0.9999999
SHORT = "why is the login cookie gone"
LONG = "The deploy waits for a lock that an idle session holds, and nobody sees it. " * 40
STRANGE = {
    "empty": "",
    "blank": " \n\t",
    "NUL": "before\0after",
    "lone surrogate": "broken \ud83d text",
    "two surrogates that are no pair": "broken \ud83d\ude00 text",
    "astral": "broken 😀 text",
    "noncharacter": "\ufeff\uffff\U0010ffff",
    "special tokens": "[CLS] [SEP] [PAD]",
    "1 MB of words": "the quick deploy failed again " * 35_000,
    "1 MB of one word": "x" * 1_000_000,
    "1 MB of NUL": "\0" * 1_000_000,
}
PIPE_BUFFER_BYTES = 1 << 16
NO_DEADLINE_S = 600.0
"""A deadline of the product that no test waits for."""

linux_only = linux_alone("reads /proc")

Start = Callable[..., ProcessEncoder]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static model: it loads without ONNX Runtime, so a child with it is there at once."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(DATA / "checkpoints" / "static", folder / "source")
    export_model(folder / "source", folder / "tiny")
    return folder / "tiny"


@pytest.fixture
def start(tiny: Path) -> Iterator[Start]:
    """Starts children, by default of the tiny model, and ends them all after the test."""
    started: list[ProcessEncoder] = []

    def make(folder: Path = tiny, **options: object) -> ProcessEncoder:
        card = read_card(folder)
        options = {"load_deadline_s": NO_DEADLINE_S, "request_deadline_s": NO_DEADLINE_S, **options}
        started.append(ProcessEncoder(folder, card.fingerprint, card.dimensions, **options))
        return started[-1]

    yield make
    for encoder in started:
        encoder.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[ProcessEncoder]:
    """One child of the shipped model, for tests that only ask."""
    card = read_card(SHIPPED)
    encoder = ProcessEncoder(SHIPPED, card.fingerprint, card.dimensions, request_deadline_s=NO_DEADLINE_S)
    yield encoder
    encoder.close()


@pytest.fixture
def no_text_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline does not grow with the texts."""
    monkeypatch.setattr(process_encoder, "TEXT_DEADLINE_S", 0.0)


def matrix(rows: Sequence[memoryview]) -> Matrix:
    """(n, d) float32."""
    return np.array([np.frombuffer(row, dtype=np.float32) for row in rows])


def stop(pid: int) -> None:
    """Let a child stand still, and wait until it does: a busy machine lets it go on for a while."""
    if WINDOWS:
        psutil.Process(pid).suspend()
        return
    os.kill(pid, signal.SIGSTOP)
    assert os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1])


def ends(encoder: ProcessEncoder) -> bool:
    return comes(lambda: not encoder.is_open())


def frames_of_others() -> Iterator[FrameType]:
    """What the other threads of this process are doing."""
    for thread, top in sys._current_frames().items():
        frame = top if thread != threading.get_ident() else None
        while frame is not None:
            yield frame
            frame = frame.f_back


def is_writing() -> bool:
    """Whether another thread has a part of a frame before it that the pipe has not taken."""
    return any(
        frame.f_code.co_filename.endswith("frames.py") and frame.f_locals.get("left") for frame in frames_of_others()
    )


def is_reading() -> bool:
    """Whether another thread is about to read what a child answers, or waits for that."""
    return any(
        frame.f_code is receive.__code__ or frame.f_code is skip_to_beginning.__code__ for frame in frames_of_others()
    )


@pytest.fixture
def stops_at_birth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children stand still before they have loaded anything."""
    (tmp_path / "sitecustomize.py").write_text("import threading\nthreading.Event().wait()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def lost(encoder: ProcessEncoder, texts: Sequence[str] = (SHORT,)) -> EngineLost:
    """The error of a request that must fail for want of the child."""
    with pytest.raises(EngineLost) as caught:
        encoder.encode_queries(list(texts))
    assert caught.value.hint
    assert caught.value.retryable
    assert not encoder.is_open()
    return caught.value


def mixed_texts(count: int) -> list[str]:
    """Short and long, empty and strange texts, the same ones every time."""
    chosen = random.Random(20)
    words = [*LONG.split(), "日本語", "naïve", "c++", "a/b.py", "don't", "\ud800", "\0", "😀"]
    texts = [" ".join(chosen.choices(words, k=int(2 ** chosen.uniform(0, 5.5)))) for _ in range(count - 4)]
    return [*texts, "", LONG, STRANGE["lone surrogate"], STRANGE["1 MB of words"]]


# vectors


@pytest.mark.parametrize("method", ["encode_documents", "encode_queries"])
def test_a_mixed_batch_gets_the_vectors_of_this_process(encoder, shared, method):
    texts = mixed_texts(160)
    assert len(texts) > process_encoder.FRAME_TEXTS  # more than are sent at a time
    here, there = getattr(encoder, method)(texts), matrix(getattr(shared, method)(texts))
    assert there.shape == here.shape == (160, 384)
    assert row_cosines(here, there).min() >= SAME


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_text_gets_the_vector_of_this_process(encoder, shared, name):
    here, there = encoder.encode_queries([STRANGE[name]]), matrix(shared.encode_queries([STRANGE[name]]))
    assert row_cosines(here, there)[0] >= SAME


def test_a_static_model_gets_the_vectors_of_this_process(tiny, start):
    here = open_encoder(tiny)
    texts = mixed_texts(300)
    assert row_cosines(here.encode_documents(texts), matrix(start().encode_documents(texts))).min() >= SAME
    here.close()


def test_a_model_with_two_prompts_gets_them_in_the_child_too(tmp_path, start):
    shutil.copytree(DATA / "checkpoints" / "bert", tmp_path / "source")
    shutil.copytree(DATA / "checkpoints" / "bert-prompts", tmp_path / "source", dirs_exist_ok=True)
    export_model(tmp_path / "source", tmp_path / "prompted", ExportOptions(min_cosine=0.99))
    here, there = open_encoder(tmp_path / "prompted"), start(tmp_path / "prompted")
    queries, documents = matrix(there.encode_queries([SHORT])), matrix(there.encode_documents([SHORT]))
    assert row_cosines(queries, here.encode_queries([SHORT]))[0] >= SAME
    assert row_cosines(documents, here.encode_documents([SHORT]))[0] >= SAME
    assert row_cosines(queries, documents)[0] < SAME
    here.close()


def test_a_child_knows_the_share_of_known_tokens_that_this_process_knows(encoder, shared):
    texts = ["docker run", "超时 timeout", "🚀", ""]
    assert shared.known(texts) == encoder.known(texts)
    assert shared.known([]) == []


def test_rows_are_buffers_of_float32_of_unit_length(shared):
    rows = shared.encode_documents(["one", "", LONG])
    assert len(rows) == 3
    for row in rows:
        view = memoryview(row)
        assert (view.format, view.shape, view.nbytes, view.contiguous) == ("f", (384,), 1536, True)
        assert sum(number * number for number in row) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("method", ["encode_documents", "encode_queries"])
def test_no_texts_give_no_rows(shared, method):
    assert list(getattr(shared, method)([])) == []


def test_no_texts_still_load_the_model(start, tmp_path, tiny):
    shutil.copytree(tiny, tmp_path / "torn")
    encoder = start(tmp_path / "torn")
    (tmp_path / "torn" / "tokenizer.json").unlink()
    with pytest.raises(ModelDamaged):
        encoder.encode_documents([])


@pytest.mark.parametrize("texts", ["one text", [b"bytes"], [None], [SHORT, 1]])
def test_what_is_no_list_of_texts_is_a_mistake_of_the_caller(shared, texts):
    with pytest.raises(TypeError):
        shared.encode_documents(texts)
    assert shared.is_open()
    assert len(shared.encode_documents([SHORT])) == 1


def test_a_text_beyond_every_frame_is_refused_and_the_child_stays(shared):
    with pytest.raises(EngineError, match="MB") as caught:
        shared.encode_queries(["x" * (MOST_BYTES + 1)])
    assert not isinstance(caught.value, EngineLost)
    assert shared.is_open()
    assert len(shared.encode_queries([SHORT])) == 1


def test_more_vectors_than_a_frame_holds_come_in_several(start, monkeypatch):
    monkeypatch.setattr("rekall.models.engine.frames.MOST_BYTES", 20_000)
    encoder = start()
    texts = [f"note {number}" for number in range(1_000)]
    rows = matrix(encoder.encode_documents(texts))
    assert rows.nbytes > 20_000
    assert row_cosines(rows[-1:], matrix(encoder.encode_documents(texts[-1:])))[0] >= SAME


def test_threads_that_ask_one_child_at_once_get_their_own_answers(start):
    encoder = start()
    texts = [f"note about {word}" for word in ("locks", "cookies", "deploys", "tokens", "queues", "caches")] * 10
    with ThreadPoolExecutor(6) as pool:
        apart = matrix([rows[0] for rows in pool.map(lambda text: encoder.encode_queries([text]), texts)])
    assert row_cosines(apart, matrix(encoder.encode_queries(texts))).min() >= SAME


# errors of loading


def spoiled(folder: Path, how: str) -> None:
    if how == "missing file":
        (folder / "tokenizer.json").unlink()
    elif how == "cut file":
        (folder / "tokenizer.json").write_bytes(b"{}")
    elif how == "flipped bit":
        data = bytearray((folder / "tokenizer.json").read_bytes())
        data[len(data) // 2] ^= 1
        (folder / "tokenizer.json").write_bytes(data)
    elif how == "no card":
        (folder / "model.json").unlink()
    else:
        shutil.rmtree(folder)


@pytest.mark.parametrize("how", ["missing file", "cut file", "flipped bit", "no card", "no folder"])
def test_an_error_of_loading_is_the_one_of_this_process(tiny, start, tmp_path, how):
    folder = tmp_path / "spoiled"
    shutil.copytree(tiny, folder)
    card = read_card(folder)
    spoiled(folder, how)
    encoder = ProcessEncoder(folder, card.fingerprint, card.dimensions)
    with pytest.raises(EngineError) as there:
        encoder.encode_queries([SHORT])
    with pytest.raises(EngineError) as here:
        open_encoder(folder)
    assert type(there.value) is type(here.value) is ModelDamaged
    assert (there.value.message, there.value.hint) == (here.value.message, here.value.hint)
    assert not encoder.is_open()
    assert is_gone(encoder.pid)


@pytest.mark.parametrize(("fingerprint", "more"), [("0123456789abcdef", 0), ("", 1)])
def test_a_model_that_changed_since_its_card_was_read_is_refused(tiny, fingerprint, more):
    card = read_card(tiny)
    encoder = ProcessEncoder(tiny, fingerprint or card.fingerprint, card.dimensions + more)
    with pytest.raises(EngineError, match="just been changed") as caught:
        encoder.encode_queries([SHORT])
    assert caught.value.hint == "run the command again"
    assert not encoder.is_open()
    assert is_gone(encoder.pid)


def test_a_python_that_cannot_start_is_an_error_of_the_engine(start, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(CHECKOUT / "no" / "python"))
    with pytest.raises(EngineError, match="cannot be started"):
        start()


# death


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (KILL, HOW_KILLED),
        pytest.param(signal.SIGSEGV, "signal 11", marks=signals),
        pytest.param(signal.SIGABRT, "signal 6", marks=signals),
    ],
)
def test_a_child_that_died_between_two_requests_says_so(start, number, words):
    encoder = start()
    encoder.encode_queries([SHORT])
    assert encoder.is_open()
    os.kill(encoder.pid, number)
    assert ends(encoder)
    assert words in lost(encoder).message


@pytest.mark.parametrize("number", [KILL, pytest.param(signal.SIGSEGV, marks=signals)])
def test_a_child_that_dies_at_work_says_so(start, number):
    encoder = start(SHIPPED)
    encoder.encode_queries([SHORT])
    child = psutil.Process(encoder.pid)
    rested_s = child.cpu_times().user
    struck_at: list[float] = []

    def strike() -> None:
        comes(lambda: child.cpu_times().user > rested_s + 0.1)
        struck_at.append(time.monotonic())
        os.kill(encoder.pid, number)

    with ThreadPoolExecutor(1) as pool:
        striking = pool.submit(strike)
        assert (HOW_KILLED if number == KILL else "signal 11") in lost(encoder, [LONG] * 2_000).message
        striking.result()
    assert time.monotonic() - struck_at[0] < PATIENCE_S  # not by the deadline


def test_a_child_that_dies_while_it_loads_says_so(start):
    encoder = start(SHIPPED)
    os.kill(encoder.pid, KILL)
    assert HOW_KILLED in lost(encoder).message


@linux_only
@pytest.mark.parametrize("texts", [[LONG] * 500, ["x" * 30_000_000]], ids=["to compute", "to read"])
def test_a_child_without_memory_fails_at_once_and_leaves_nothing(start, texts):
    import resource

    encoder = start(SHIPPED)
    encoder.encode_queries([SHORT])
    room = psutil.Process(encoder.pid).memory_info().vms + (1 << 20)
    resource.prlimit(encoder.pid, resource.RLIMIT_AS, (room, room))
    started = time.monotonic()
    with pytest.raises(EngineError) as caught:
        encoder.encode_documents(texts)
    assert caught.value.message
    assert time.monotonic() - started < PATIENCE_S  # not by the deadline
    encoder.close()
    assert is_gone(encoder.pid)


def test_a_defect_of_the_engine_is_told_and_the_child_goes_on(start):
    encoder = start(SHIPPED, threads="two")
    with pytest.raises(EngineError, match="unsupported operand") as caught:
        encoder.encode_documents([LONG] * 3)
    assert not isinstance(caught.value, EngineLost)
    assert encoder.known(["lock"]) == [1.0]


def test_a_defect_of_the_child_is_told_and_ends_it(start):
    encoder = start(SHIPPED)
    send_json(encoder._requests, Frame.DOCUMENTS, 7)
    assert "TypeError" in lost(encoder).message
    assert is_gone(encoder.pid)


def test_a_defect_is_told_though_the_child_has_ended_before_the_next_request(start):
    encoder = start(SHIPPED)
    encoder.encode_queries([])  # it has loaded
    send_json(encoder._requests, Frame.DOCUMENTS, 7)
    encoder._process.wait(PATIENCE_S)
    assert "TypeError" in lost(encoder).message


# deadlines


@pytest.mark.parametrize("text", [SHORT, "x" * (20 * PIPE_BUFFER_BYTES)], ids=["short", "larger than the pipe"])
def test_a_request_that_hangs_is_cut(start, no_text_time, text):
    encoder = start(request_deadline_s=0.3)
    encoder.encode_queries([])  # it has loaded; a first answer might take a busy machine longer than that
    stop(encoder.pid)
    started = time.monotonic()
    assert "0.3 s" in lost(encoder, [text]).message
    assert 0.2 < time.monotonic() - started < PATIENCE_S
    assert is_gone(encoder.pid)


def test_a_load_that_hangs_is_cut(start, stops_at_birth):
    encoder = start(SHIPPED, load_deadline_s=0.3)
    started = time.monotonic()
    assert "0.3 s" in lost(encoder).message
    assert time.monotonic() - started < PATIENCE_S
    assert is_gone(encoder.pid)


class AnyTime:
    """A timer that strikes when the test says so, unless it was cancelled."""

    set_up: ClassVar[list[AnyTime]] = []

    def __init__(self, seconds: float, act: Callable[[], None]) -> None:
        self.act = act
        self.is_running = False
        self.set_up.append(self)

    def start(self) -> None:
        self.is_running = True

    def cancel(self) -> None:
        self.is_running = False

    def strike(self) -> None:
        if self.is_running:
            self.act()


def test_a_deadline_that_was_kept_does_not_strike_later(start, no_text_time, monkeypatch):
    monkeypatch.setattr(AnyTime, "set_up", [])
    monkeypatch.setattr(process_encoder.threading, "Timer", AnyTime)
    encoder = start(request_deadline_s=0.4)
    for turn in range(3):
        encoder.encode_queries([SHORT])
        assert len(AnyTime.set_up) == turn + 2  # the load has one too
        for timer in AnyTime.set_up:
            timer.strike()
    assert encoder.is_open()


def test_every_text_adds_to_the_deadline(start, monkeypatch):
    monkeypatch.setattr(process_encoder, "TEXT_DEADLINE_S", PATIENCE_S)
    assert len(start(SHIPPED, request_deadline_s=0.0).encode_documents([LONG] * 4)) == 4


# closing


def waits_in_vain(encoder: ProcessEncoder, text: str) -> object:
    try:
        return encoder.encode_queries([text])
    except EngineError as error:
        return error


@pytest.mark.parametrize("moment", ["loading", "reading", "writing"])
def test_closing_ends_the_wait_of_another_thread(start, moment, request):
    if moment == "loading":
        request.getfixturevalue("stops_at_birth")
    encoder = start()
    if moment != "loading":
        encoder.encode_queries([SHORT])
        stop(encoder.pid)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(waits_in_vain, encoder, "x" * (20 * PIPE_BUFFER_BYTES if moment == "writing" else 9))
        assert comes(is_writing if moment == "writing" else is_reading)
        assert not waiting.done()
        started = time.monotonic()
        encoder.close()
        error = waiting.result()
    assert time.monotonic() - started < PATIENCE_S  # not by the deadline
    assert isinstance(error, EngineLost)
    assert error.message == "the engine was closed"


def test_closing_waits_until_nobody_uses_the_pipe(start):
    """Else its number may be given to another file, and the rest of a request written into that."""
    for _ in range(8):
        encoder = start()
        encoder.encode_queries([SHORT])
        stop(encoder.pid)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(waits_in_vain, encoder, "x" * (4 * PIPE_BUFFER_BYTES))
            assert comes(is_writing)
            encoder.close()
            assert not is_writing()
            waiting.result()


def test_closing_twice_is_harmless(start):
    encoder = start()
    encoder.close()
    encoder.close()
    assert not encoder.is_open()


def test_threads_that_close_at_once_do_not_disturb_each_other(start):
    encoder = start()
    encoder.encode_queries([SHORT])
    with ThreadPoolExecutor(8) as pool:
        assert [closed.result() for closed in [pool.submit(encoder.close) for _ in range(16)]] == [None] * 16
    assert not encoder.is_open()


@pytest.mark.parametrize("was_used", [False, True])
def test_a_use_after_closing_says_so(start, was_used):
    encoder = start()
    if was_used:
        encoder.encode_queries([SHORT])
    encoder.close()
    assert lost(encoder).message == "the engine was closed"


def test_a_closed_encoder_still_says_what_it_was(start, tiny):
    encoder = start()
    encoder.close()
    card = read_card(tiny)
    assert (encoder.fingerprint, encoder.dim) == (card.fingerprint, card.dimensions)


def test_no_zombie_is_left_after_closing(start):
    encoder = start()
    encoder.encode_queries([SHORT])
    child = psutil.Process(encoder.pid)
    encoder.close()
    assert not child.is_running()
    assert encoder.pid not in [process.pid for process in psutil.Process().children()]


@linux_only
def test_no_file_stays_open_in_the_parent(start):
    before = sorted(os.listdir("/proc/self/fd"))
    for number in range(10):
        encoder = start()
        if number % 3:
            encoder.encode_queries([SHORT])
        if number % 3 == 2:
            os.kill(encoder.pid, KILL)
            lost(encoder)
        encoder.close()
    assert sorted(os.listdir("/proc/self/fd")) == before


@signals
def test_a_wait_that_ctrl_c_ends_leaves_no_answer_for_the_next_question(start):
    encoder = start()
    encoder.encode_queries([SHORT])
    pid = encoder.pid
    stop(pid)

    interrupted = threading.Event()

    def interrupt(number: int, frame: object) -> None:
        if not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt

    def strike() -> None:
        assert comes(is_reading)
        while not interrupted.wait(0.05):  # it may come a moment before the wait, and would not end that
            signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with ThreadPoolExecutor(1) as pool:
            striking = pool.submit(strike)
            with pytest.raises(KeyboardInterrupt):
                encoder.encode_queries(["the question that was given up"])
            striking.result()
    finally:
        signal.signal(signal.SIGALRM, before)
    if encoder.is_open():
        os.kill(pid, signal.SIGCONT)
    assert not encoder.is_open()
    assert lost(encoder).message == "the engine was closed"
    assert is_gone(pid)


# noise and company


NOISE = """
import os, threading, time

os.write(1, b"a library says hello\\n")
os.write(2, b"and complains\\n")
print("in between", flush=True)

def chatter():
    while True:
        print("still here", flush=True)
        os.write(2, b"!" * 1000)
        time.sleep(0.001)

threading.Thread(target=chatter, daemon=True).start()
"""


def test_what_libraries_print_does_not_reach_the_parent(start, tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NOISE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    encoder, quiet = start(SHIPPED), mixed_texts(40)
    rows = matrix(encoder.encode_documents(quiet))
    for _ in range(20):
        encoder.encode_queries([SHORT])
    monkeypatch.delenv("PYTHONPATH")
    assert row_cosines(rows, matrix(start(SHIPPED).encode_documents(quiet))).min() >= SAME


def test_the_noise_is_loud_enough_to_hear(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NOISE)
    ran = subprocess.run(  # its end may find the noisy thread in the middle of a line, and abort
        [sys.executable, "-c", "pass"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert b"says hello" in ran.stdout
    assert b"complains" in ran.stderr


HOSTILE = ("json", "numpy", "tokenizers", "onnxruntime", "queue", "threading", "signal", "struct", "pathlib", "io")

ASKING = """
import sys
first = sys.path.pop(0)
import rekall.app, json, queue, threading, signal, struct, pathlib, io
from rekall.models.engine.card import read_card
from rekall.models.engine.process_encoder import ProcessEncoder
folder = pathlib.Path(sys.argv[1])
sys.path.insert(0, sys.argv[2])
card = read_card(folder)
encoder = ProcessEncoder(folder, card.fingerprint, card.dimensions)
print(len(encoder.encode_queries(["lock"])))
encoder.close()
"""


@pytest.mark.parametrize("entry", ["", "the folder"], ids=["python -c", "python -m"])
def test_modules_of_the_folder_the_parent_was_started_in_are_not_imported(tiny, tmp_path, entry):
    for name in HOSTILE:
        (tmp_path / f"{name}.py").write_text(f"open('imported-{name}', 'w').close()\nraise ImportError('hostile')")
    ran = subprocess.run(
        [sys.executable, "-c", ASKING, str(tiny), entry and os.path.realpath(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (ran.stdout, sorted(path.name for path in tmp_path.glob("imported-*"))) == ("1\n", []), ran.stderr


def test_a_checkout_that_is_found_through_its_folder_alone_serves_the_child_too(tiny, tmp_path):
    shutil.copytree(CHECKOUT / "rekall", tmp_path / "rekall", ignore=shutil.ignore_patterns("__pycache__"))
    program = """
import sys, pathlib
sys.path[:] = ["", *(entry for entry in sys.path if entry and entry != sys.argv[2])]
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in str(finder)]
import rekall
from rekall.models.engine.card import read_card
from rekall.models.engine.process_encoder import ProcessEncoder
folder = pathlib.Path(sys.argv[1])
card = read_card(folder)
(pathlib.Path(rekall.__file__).parent / "models" / "engine" / "child.py").open("a").write("print_was_here = open('used', 'w').close()")
encoder = ProcessEncoder(folder, card.fingerprint, card.dimensions)
print(len(encoder.encode_queries(["lock"])))
encoder.close()
"""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(tiny), str(CHECKOUT)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert ran.stdout == "1\n", ran.stderr
    assert (tmp_path / "used").exists()


SURVIVING = """
import os, pathlib, signal, sys, time
from rekall.models.engine.card import read_card
from rekall.models.engine.process_encoder import ProcessEncoder
signal.signal(signal.SIGINT, lambda *_: None)
folder = pathlib.Path(sys.argv[1])
card = read_card(folder)
for delay in (0.0, 0.01, 0.03, 0.06, 0.1):
    encoder = ProcessEncoder(folder, card.fingerprint, card.dimensions)
    time.sleep(delay)
    os.killpg(0, signal.SIGINT)
    encoder.encode_queries(["lock"])
    os.killpg(0, signal.SIGINT)
    encoder.encode_queries(["lock"])
    print(encoder.is_open(), flush=True)
    encoder.close()
"""


@signals
def test_ctrl_c_is_for_the_parent_alone(tiny):
    ran = subprocess.run(
        [sys.executable, "-c", SURVIVING, str(tiny)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        start_new_session=True,
    )
    assert ran.stdout.split() == ["True"] * 5, ran.stderr


@signals
def test_an_interrupt_to_the_child_alone_does_nothing(start):
    encoder = start()
    encoder.encode_queries([SHORT])
    os.kill(encoder.pid, signal.SIGINT)
    assert len(encoder.encode_queries([SHORT])) == 1


@linux_only
def test_the_child_holds_its_pipe_and_the_model_and_nothing_else(start, tmp_path):
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        encoder = start(SHIPPED)
        encoder.encode_queries([SHORT])
    links = [os.readlink(link) for link in Path(f"/proc/{encoder.pid}/fd").iterdir()]
    pipes = [link for link in links if link.startswith("pipe:")]
    others = [link for link in links if not link.startswith(("pipe:", str(SHIPPED)))]
    others = [link for link in others if not Path(link).name.startswith("libffi.so")]  # Debian's keeps itself open
    assert len(pipes) == len(set(pipes)) == 2
    assert set(others) == {os.devnull}


AUDIT = """
import os, sys

log = os.open(os.environ["AUDIT_LOG"], os.O_WRONLY | os.O_APPEND)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

def watch(event, arguments):
    if event.startswith("socket.") and event != "socket.gethostname":  # which opens none: `platform` asks on Windows
        note("socket", event)
    elif event == "open" and isinstance(arguments[0], (str, bytes)):
        note("write" if (arguments[2] or 0) & WRITING else "read", os.fsdecode(arguments[0]))
    elif event == "import":
        note("import", arguments[0])
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.link", "os.symlink", "os.truncate", "subprocess.Popen", "os.fork", "os.exec"):
        note("change", event)

def note(kind, what):
    os.write(log, f"{kind} {what}\\n".encode("utf-8", "replace"))

sys.addaudithook(watch)
"""


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What a child of the shipped model did from its first line to its last answer, by kind."""
    folder = tmp_path_factory.mktemp("audit")
    (folder / "sitecustomize.py").write_text(AUDIT)
    (folder / "log").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        patch.setenv("AUDIT_LOG", str(folder / "log"))
        card = read_card(SHIPPED)
        encoder = ProcessEncoder(SHIPPED, card.fingerprint, card.dimensions)
        encoder.encode_documents([LONG] * 20)
        encoder.encode_queries([SHORT])
        encoder.close()
    done: dict[str, set[str]] = {kind: set() for kind in ("socket", "read", "write", "import", "change")}
    for line in (folder / "log").read_text("utf-8").splitlines():
        kind, _, what = line.partition(" ")
        done[kind].add(what)
    return done


def test_the_child_opens_no_socket_and_changes_no_file(audited):
    assert len(audited["import"]) > 50  # the audit saw it
    asked = (
        {"subprocess.Popen"} if WINE else set()
    )  # `platform` asks cmd for the version, which Windows tells by itself
    assert (audited["socket"], audited["change"] - asked) == (set(), set())
    assert audited["write"] <= {os.devnull}


def test_the_child_reads_only_python_and_the_model(audited):
    roots = [*sys.path, sys.prefix, sys.base_prefix, str(SHIPPED), str(CHECKOUT / "rekall"), "/proc/", "/sys/"]
    allowed = tuple(os.path.realpath(root) for root in roots if root and root != str(CHECKOUT))
    strangers = {path for path in audited["read"] if not os.path.realpath(path).startswith(allowed)}
    assert str(SHIPPED / "model.json") in audited["read"]
    assert {path for path in strangers if "sitecustomize" not in path} <= {"/etc/os-release"}  # onnxruntime asks for it


def test_the_child_imports_only_what_the_engine_needs(audited):
    tops = {name.partition(".")[0] for name in audited["import"]}
    assert {"numpy", "onnxruntime", "tokenizers"} <= tops
    assert (
        tops & {"apsw", "click", "rich", "psutil", "sqlite_vec", "sqlite3", "platformdirs", "ssl", "asyncio"} == set()
    )
    ours = {name for name in audited["import"] if name.startswith("rekall.")}
    assert {name for name in ours if not name.startswith("rekall.models.engine")} <= {
        *("rekall.app", "rekall.errors", "rekall.system", "rekall.system.files", "rekall.system.forks"),
        *("rekall.system.limits", "rekall.system.processors"),
        "rekall.system.resident",
        *("rekall.system.products", "rekall.system.replacing", "rekall.system.spelling", "rekall.wording"),
        *("rekall.models", "rekall.models.contract", "rekall.models.vectors"),
    }


def test_telemetry_is_off_in_the_child(tmp_path, monkeypatch, start):
    (tmp_path / "sitecustomize.py").write_text(f"""
import os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            open({str(tmp_path / "seen")!r}, "w").write(os.environ.get("ORT_DISABLE_TELEMETRY", ""))

sys.meta_path.insert(0, Watch())
""")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    start(SHIPPED).encode_queries([SHORT])
    assert (tmp_path / "seen").read_text() == "1"
    assert not (tmp_path / "user").exists()  # where HOME points


# orphans

PARENT = """
import os, pathlib, signal, sys, threading, time
from rekall.models.engine.card import read_card
from rekall.models.engine.process_encoder import ProcessEncoder
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what runs in the background ignore it
for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):  # as nohup lets its programs ignore SIGHUP
    signal.signal(number, signal.SIG_DFL)
folder, moment, way = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
card = read_card(folder)
encoder = ProcessEncoder(folder, card.fingerprint, card.dimensions)

def work():
    try:
        encoder.encode_documents(["the deploy waits for a lock " * 60] * 3000)
    except Exception:
        pass

if moment == "idle":
    encoder.encode_queries(["lock"])
elif moment == "loading":
    threading.Thread(target=work, daemon=True).start()
    time.sleep(0.15)
elif moment == "computing":
    encoder.encode_queries(["lock"])
    threading.Thread(target=work, daemon=True).start()
    time.sleep(0.3)
print(encoder.pid, flush=True)
if way == "exception":
    raise RuntimeError("on purpose")
elif way == "poor child":
    import psutil, resource
    room = psutil.Process(encoder.pid).memory_info().vms + (1 << 20)
    resource.prlimit(encoder.pid, resource.RLIMIT_AS, (room, room))
    threading.Thread(target=encoder.encode_queries, args=(["x" * 30_000_000],), daemon=True).start()
    time.sleep(0.5)
    os._exit(3)
elif way == "os._exit":
    os._exit(3)
while way == "signal":
    time.sleep(0.05)  # a signal that comes just before a sleep is only seen after it
"""


SIGNALLED = (
    *(("starting", "SIGTERM"), ("loading", "SIGINT"), ("idle", "SIGHUP"), ("computing", "SIGINT")),
    ("computing", "SIGTERM"),
)
ENDS = [
    *((moment, way) for moment in ("starting", "loading", "idle", "computing") for way in ("end", "exception", "kill")),
    ("loading", "os._exit"),
    *(pytest.param(moment, way, marks=signals) for moment, way in SIGNALLED),
]
"""Each way and each moment; those by which Python ends, fails and has no say at every moment, their likes once or twice."""


@pytest.mark.parametrize(("moment", "way"), ENDS)
def test_no_child_outlives_its_parent(moment, way):
    number = KILL if way == "kill" else getattr(signal, way, None)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(SHIPPED), moment, "signal" if number else way],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if moment != "starting":
            assert not is_gone(pid) or way in ("end", "exception", "os._exit")
        if number:
            parent.send_signal(number)
        ended = 1 if WINDOWS else -(number or 0)
        assert parent.wait(PATIENCE_S) == {"end": 0, "exception": 1, "os._exit": 3}.get(way, ended)
    assert comes(lambda: is_gone(pid))


@linux_only
def test_no_child_without_memory_outlives_its_parent():
    """What notices the parent's end needs memory too, for what it reads."""
    parent = subprocess.run(
        [sys.executable, "-c", PARENT, str(SHIPPED), "idle", "poor child"],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert parent.returncode == 3, parent.stderr
    assert comes(lambda: is_gone(int(parent.stdout)))


# frames


class Trickle:
    """An end of a pipe that moves a few bytes at a time, as a busy system may."""

    def __init__(self, end: FileIO, most: int) -> None:
        self._end = end
        self._most = most

    def read(self, size: int, /) -> bytes | None:
        return self._end.read(min(size, self._most))

    def write(self, data: memoryview, /) -> int | None:
        return self._end.write(data[: self._most])


@contextmanager
def pipe() -> Iterator[tuple[FileIO, FileIO]]:
    """Both ends of a pipe, unbuffered."""
    out, into = os.pipe()
    with FileIO(out, "r") as reading, FileIO(into, "w") as writing:
        yield reading, writing


kinds = st.sampled_from(list(Frame))
contents = st.binary(max_size=2_000) | st.integers(0, 5 * PIPE_BUFFER_BYTES).map(lambda size: b"\x07" * size)
any_text = st.text(alphabet=st.characters())  # lone surrogates too


@settings(max_examples=tries(60), deadline=None)
@given(frames=st.lists(st.tuples(kinds, contents), max_size=5), most=st.integers(200, 100_000))
def test_frames_arrive_as_they_were_sent(frames, most):
    with pipe() as (reading, writing):

        def write() -> None:
            for kind, content in frames:
                send(Trickle(writing, most), kind, content)

        thread = threading.Thread(target=write)
        thread.start()
        assert [receive(Trickle(reading, most + 1)) for _ in frames] == frames
        thread.join()


@settings(max_examples=tries(60), deadline=None)
@given(kind=kinds, content=st.binary(max_size=60), most=st.integers(1, 9))
def test_a_frame_may_come_byte_by_byte(kind, content, most):
    with pipe() as (reading, writing):
        send(Trickle(writing, most), kind, content)
        assert receive(Trickle(reading, most)) == (kind, content)


@settings(max_examples=tries(60), deadline=None)
@given(texts=st.lists(any_text, max_size=8))
@example(texts=["\ud83d\ude00", "😀", "\0"])
def test_texts_arrive_as_they_were_sent(texts):
    with pipe() as (reading, writing):
        send_json(writing, Frame.DOCUMENTS, texts)
        kind, content = receive(reading)
    assert (kind, json.loads(content)) == (Frame.DOCUMENTS, texts)


@settings(max_examples=tries(60), deadline=None)
@given(kind=kinds, content=st.binary(max_size=200), data=st.data())
def test_a_frame_that_is_cut_anywhere_is_the_end(kind, content, data):
    whole = HEADER.pack(kind, len(content)) + content
    with pipe() as (reading, writing):
        writing.write(whole[: data.draw(st.integers(0, len(whole) - 1))])
        writing.close()
        with pytest.raises(PipeClosed):
            receive(reading)


@settings(max_examples=tries(60), deadline=None)
@given(kind=st.integers(0, 255).filter(lambda kind: kind not in list(Frame)), content=st.binary(max_size=40))
def test_an_unknown_kind_is_the_end(kind, content):
    with pipe() as (reading, writing):
        writing.write(HEADER.pack(kind, len(content)) + content)
        with pytest.raises(PipeClosed, match=f"kind {kind}"):
            receive(reading)


@settings(max_examples=tries(30), deadline=None)
@given(kind=kinds, length=st.integers(MOST_BYTES + 1, 2**32 - 1))
def test_an_absurd_length_is_the_end_before_anything_is_read(kind, length):
    with pipe() as (reading, writing):
        writing.write(HEADER.pack(kind, length))  # and nothing after it: waiting for that would never end
        with pytest.raises(PipeClosed, match=str(length)):
            receive(reading)


@settings(max_examples=tries(200), deadline=None)
@given(noise=st.binary(max_size=60))
def test_any_bytes_are_a_frame_or_the_end(noise):
    with pipe() as (reading, writing):
        writing.write(noise)
        writing.close()
        try:
            kind, content = receive(reading)
        except PipeClosed:
            return
        assert noise.startswith(HEADER.pack(kind, len(content)) + content)


def test_sending_to_nobody_fails():
    with pipe() as (reading, writing):
        reading.close()
        with pytest.raises(OSError):  # noqa: PT011  # its number differs from system to system
            send(writing, Frame.VECTORS, b"1234")


# through the product

NOTES = (
    "iOS drops the session cookie: people get signed out on iphones",
    "The nightly deploy waits for a lock",
    "Flexbox overflows when a child has no min-width",
)
QUESTION = "mobile users lose their login"


@contextmanager
def long_lived(**flags: str) -> Iterator[KnowledgeBase]:
    """A base of a few notes whose model lives in a child."""
    app = App(flags={f"performance.{name}": value for name, value in flags.items()}, is_long_lived=True)
    base = app.open_base(to_write=True)
    try:
        for note in NOTES:
            base.add(Draft(EntryType.TIL, note))
        yield base
    finally:
        app.close()


def search(base: KnowledgeBase, question: str = QUESTION) -> tuple[Mode, str]:
    """The mode that answered, and why it is another one than was asked for."""
    report = base.search(question, Filters(), Mode.HYBRID, 3).mode
    return report.used, report.reason


def children() -> set[int]:
    """The processes below this one that run an engine."""
    below = psutil.Process().children(recursive=True)
    return {process.pid for process in below if "rekall.models.engine.child" in command_of(process)}


def test_the_model_of_a_long_lived_base_lives_in_one_child_until_the_base_is_closed():
    others = children()
    with long_lived() as base:
        assert base.index.is_model_loaded()
        assert search(base) == (Mode.HYBRID, "")
        (pid,) = children() - others
    assert is_gone(pid)


@signals
def test_a_child_that_was_killed_between_two_searches_is_not_missed():
    others = children()
    with long_lived() as base:
        search(base)
        (pid,) = children() - others
        os.kill(pid, KILL)
        assert comes(lambda: not base.index.is_model_loaded())
        assert search(base, "another question") == (Mode.HYBRID, "")
        (successor,) = children() - others
        assert successor != pid


@signals
def test_a_search_whose_child_is_killed_is_answered_by_words_and_the_next_by_meaning():
    others = children()
    with long_lived() as base, ThreadPoolExecutor(1) as pool:
        search(base)
        (pid,) = children() - others
        stop(pid)
        waiting = pool.submit(search, base, "the nightly deploy")
        assert comes(is_reading)
        assert not waiting.done()
        os.kill(pid, KILL)
        used, reason = waiting.result()
        assert used is Mode.WORDS
        assert "killed" in reason
        assert search(base, "the nightly deploy") == (Mode.HYBRID, "")


@linux_only
def test_a_child_without_memory_is_answered_by_words_and_a_reason_and_its_successor_by_meaning():
    import resource

    others = children()
    with long_lived() as base:
        (pid,) = children() - others
        resource.prlimit(pid, resource.RLIMIT_AS, (1 << 20, 1 << 20))
        used, reason = search(base, "lock " + "x" * 12_000_000)
        assert used is Mode.WORDS
        assert reason
        assert comes(lambda: is_gone(pid))
        base.add(Draft(EntryType.TIL, "A note that is written meanwhile"))
        assert search(base) == (Mode.HYBRID, "")


def test_eight_threads_that_search_at_once_share_one_child():
    others = children()
    seen: set[int] = set()
    with long_lived() as base:
        together = threading.Barrier(8)

        def ask(number: int) -> set[tuple[Mode, str]]:
            together.wait()
            found = {search(base, f"question {number} {turn}") for turn in range(5)}
            seen.update(children() - others)
            return found

        with ThreadPoolExecutor(8) as pool:
            assert set().union(*pool.map(ask, range(8))) == {(Mode.HYBRID, "")}
        assert len(seen) == 1


IDLE = """
import json, sys, time
import psutil
from rekall.app import App
from rekall.entry.filters import Filters
from rekall.search.results import Mode

def resident_kb():
    return int(open("/proc/self/status").read().partition("VmRSS:")[2].split()[0])

def children():
    return [child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]

def search(question):
    result = base.search(question, Filters(), Mode.HYBRID, 3)
    return [result.mode.used.value, result.mode.reason, result.hits[0].entry.title]

IDLE_S = 1.2

def search_and_look(question):  # a look that came too late proves nothing
    while True:
        begun = time.monotonic()
        found, seen = search(question), children()
        if seen or time.monotonic() - begun < IDLE_S:
            return found, seen

def wait(condition):
    end = time.monotonic() + 120
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)

app = App(flags={"performance.model_idle_timeout_minutes": str(IDLE_S / 60)}, is_long_lived=True)
base = app.open_base()
base.search("nothing", Filters(), Mode.WORDS, 3)
before = resident_kb()
first, during = search_and_look("mobile users lose their login")
wait(lambda: not children())
wait(lambda: resident_kb() - before < 3 * 1024)  # memory is given back a moment later
loaded = base.index.is_model_loaded()
after, left = resident_kb(), children()
heavy = sorted({"numpy", "onnxruntime", "tokenizers"} & set(sys.modules))
again, at_last = search_and_look("which job hangs every night")
print(json.dumps({
    "grown_mb": (after - before) / 1024, "first": first, "again": again, "heavy": heavy, "loaded": loaded,
    "during": len(during), "left": len(left), "at last": len(at_last),
}))
app.close()
"""


@linux_only
@own_memory
def test_an_idle_base_is_as_small_as_before_its_first_search():
    with long_lived():
        pass
    ran = subprocess.run(
        [sys.executable, "-c", IDLE], cwd=CHECKOUT, capture_output=True, text=True, timeout=2 * PATIENCE_S, check=False
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["grown_mb"] < 3
    assert not told["loaded"]
    assert told["heavy"] == []
    assert (told["during"], told["left"], told["at last"]) == (1, 0, 1)
    assert told["first"] == ["hybrid", "", NOTES[0]]
    assert told["again"] == ["hybrid", "", NOTES[1]]


def test_a_model_that_does_not_load_costs_no_vector(home, tiny):
    shutil.copytree(tiny, home / "models" / "tiny")
    with closing(App(flags={"engine.model": "tiny"}, is_long_lived=True)) as app:
        base = app.open_base(to_write=True)
        base.add(Draft(EntryType.TIL, "zebra"))
        assert base.index.status().vectors == 1
    tokenizer = home / "models" / "tiny" / "tokenizer.json"
    tokenizer.write_bytes(b"x" * tokenizer.stat().st_size)
    with closing(App(flags={"engine.model": "tiny"}, is_long_lived=True)) as app:
        base = app.open_base()
        with pytest.raises(ModelDamaged):
            base.index.rebuild_vectors(from_scratch=True)
        assert base.index.status().vectors == 1
