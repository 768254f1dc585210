import sys
import threading
import time

import pytest
from support import FakeClock, FakeEncoder, FakeLoader

from rekall.errors import EngineError, ModelDamaged, Superseded
from rekall.model_manager import ModelIdentity, ModelManager

PATIENCE_S = 120.0
"""How long a busy machine may take. Only what is broken takes so long."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def loader() -> FakeLoader:
    return FakeLoader()


@pytest.fixture
def manager(loader: FakeLoader, clock: FakeClock) -> ModelManager:
    return ModelManager(loader, clock)


class FreshLoader(FakeLoader):
    """Gives a new encoder at every load, and remembers them all."""

    def __init__(self, delay_s: float = 0.0) -> None:
        super().__init__()
        self.given: list[FakeEncoder] = []
        self.delay_s = delay_s

    def load(self, name: str = "") -> FakeEncoder:
        time.sleep(self.delay_s)
        super().load()
        self.given.append(FakeEncoder())
        return self.given[-1]


def in_threads(count: int, work) -> list[object]:
    together = threading.Barrier(count)
    ended: list[object] = []

    def run() -> None:
        together.wait()
        try:
            ended.append(work())
        except Exception as error:
            ended.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


def test_nothing_is_loaded_before_it_is_needed(manager, loader):
    assert not manager.is_loaded()
    assert loader.loads == 0


def test_the_first_use_loads_and_the_next_ones_do_not(manager, loader):
    first = manager.get_encoder()
    assert manager.is_loaded()
    assert manager.get_encoder() is first
    assert loader.loads == 1


def test_the_identity_is_known_without_a_load(manager, loader):
    assert manager.identify() == ModelIdentity("fake", "fake", 64)
    assert not manager.is_loaded()
    assert loader.loads == 0


def test_a_problem_with_the_card_is_reported_and_asked_again(manager, loader):
    loader.problem = ModelDamaged("the card is torn")
    with pytest.raises(ModelDamaged):
        manager.identify()
    loader.problem = None
    assert manager.identify().name == "fake"


def test_many_threads_cause_one_load():
    loader = FreshLoader(delay_s=0.05)
    manager = ModelManager(loader)
    given = in_threads(12, manager.get_encoder)
    assert loader.loads == 1
    assert given == [loader.given[0]] * 12


def test_a_failing_load_is_reported_and_tried_again(manager, loader):
    loader.problem = EngineError("no onnxruntime")
    for _ in range(2):
        with pytest.raises(EngineError):
            manager.get_encoder()
    assert not manager.is_loaded()
    loader.problem = None
    assert manager.get_encoder() is loader.encoder
    assert loader.loads == 1


def test_a_failing_load_fails_in_every_thread_and_blocks_none(manager, loader):
    loader.problem = EngineError("no onnxruntime")
    assert [type(ended) for ended in in_threads(6, manager.get_encoder)] == [EngineError] * 6
    loader.problem = None
    assert manager.get_encoder() is loader.encoder


def test_a_problem_that_is_no_engine_error_does_not_lock_it_for_ever(loader):
    class Breaking(FakeLoader):
        def load(self, name: str = "") -> FakeEncoder:
            self.loads += 1
            if self.loads == 1:
                raise KeyboardInterrupt
            return self.encoder

    manager = ModelManager(Breaking())
    with pytest.raises(KeyboardInterrupt):
        manager.get_encoder()
    assert in_threads(1, manager.get_encoder) == [manager.get_encoder()]


def test_an_idle_model_is_dropped_after_its_time(manager, loader, clock):
    manager.get_encoder()
    clock.elapsed_s += 599
    assert not manager.unload_if_idle(10)
    assert manager.is_loaded()
    clock.elapsed_s += 1
    assert manager.unload_if_idle(10)
    assert not manager.is_loaded()
    assert loader.encoder.closed


def test_use_keeps_it_loaded(manager, clock):
    for _ in range(5):
        manager.get_encoder()
        clock.elapsed_s += 500
        assert not manager.unload_if_idle(10)
    assert manager.is_loaded()


def test_the_time_counts_from_the_last_use_and_not_from_the_load(manager, clock):
    manager.get_encoder()
    clock.elapsed_s += 590
    manager.get_encoder()
    clock.elapsed_s += 590
    assert not manager.unload_if_idle(10)


def test_a_slow_load_does_not_count_as_idle(clock):
    class Slow(FakeLoader):
        def load(self, name: str = "") -> FakeEncoder:
            clock.elapsed_s += 3600
            return self.encoder

    manager = ModelManager(Slow(), clock)
    manager.get_encoder()
    assert not manager.unload_if_idle(10)


def test_a_timeout_of_zero_keeps_it_for_ever(manager, clock):
    manager.get_encoder()
    clock.elapsed_s += 10**9
    assert not manager.unload_if_idle(0)
    assert manager.is_loaded()


def test_a_part_of_a_minute_is_a_timeout(manager, clock):
    manager.get_encoder()
    clock.elapsed_s += 31
    assert manager.unload_if_idle(0.5)


def test_dropping_what_is_not_loaded_does_nothing(manager, clock):
    clock.elapsed_s += 10**6
    assert not manager.unload_if_idle(10)
    manager.get_encoder()
    clock.elapsed_s += 10**6
    assert manager.unload_if_idle(10)
    assert not manager.unload_if_idle(10)


def test_after_dropping_the_next_use_loads_again(clock):
    loader = FreshLoader()
    manager = ModelManager(loader, clock)
    manager.get_encoder()
    clock.elapsed_s += 6000
    manager.unload_if_idle(10)
    assert manager.get_encoder() is loader.given[1]
    assert [given.closed for given in loader.given] == [True, False]


def test_closing_drops_the_model(manager, loader):
    manager.get_encoder()
    manager.close()
    assert not manager.is_loaded()
    assert loader.encoder.closed


def test_closing_twice_or_before_a_load_is_fine(manager):
    manager.close()
    manager.get_encoder()
    manager.close()
    manager.close()
    assert not manager.is_loaded()


def test_a_use_after_closing_loads_again(clock):
    loader = FreshLoader()
    manager = ModelManager(loader, clock)
    manager.get_encoder()
    manager.close()
    assert manager.get_encoder() is loader.given[1]
    assert not loader.given[1].closed


def test_the_identity_outlives_the_model(manager):
    manager.get_encoder()
    manager.close()
    assert manager.identify().fingerprint == "fake"


def test_no_thread_ever_gets_a_closed_encoder_for_a_fresh_one():
    loader = FreshLoader()
    manager = ModelManager(loader)

    def work() -> int:
        for turn in range(60):
            manager.get_encoder()
            if turn % 7 == 0:
                manager.close()
        return 1

    assert in_threads(6, work) == [1] * 6
    manager.close()
    assert all(given.closed for given in loader.given)
    assert loader.loads == len(loader.given)


# a use that takes its time, and others who wait for their turn


def holding(manager: ModelManager) -> tuple[threading.Thread, threading.Event]:
    """A thread that has its turn until the event is set."""
    inside, let_go = threading.Event(), threading.Event()

    def work() -> None:
        with manager.use():
            inside.set()
            let_go.wait(PATIENCE_S)

    thread = threading.Thread(target=work)
    thread.start()
    assert inside.wait(PATIENCE_S)
    return thread, let_go


def until(condition) -> bool:
    """Whether it comes true, however busy the machine is."""
    end = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def is_inside(thread: threading.Thread, function) -> bool:
    """Whether a thread is in the middle of a function."""
    frame = sys._current_frames().get(thread.ident)
    while frame is not None and frame.f_code is not function.__code__:
        frame = frame.f_back
    return frame is not None


def test_what_nobody_wants_loads_nothing(manager, loader):
    with pytest.raises(Superseded), manager.use(is_wanted=lambda: False):
        raise AssertionError
    assert loader.loads == 0
    with manager.use() as encoder:
        assert encoder is loader.encoder


def test_what_nobody_wants_any_more_after_the_load_leaves_the_model_for_the_next():
    loader = FreshLoader()
    manager = ModelManager(loader)
    with pytest.raises(Superseded), manager.use(is_wanted=lambda: loader.loads == 0):
        raise AssertionError
    assert manager.is_loaded()
    with manager.use() as encoder:
        assert encoder is loader.given[0]
    assert loader.loads == 1


def test_what_nobody_wants_does_not_wait_for_the_turn_of_another(manager):
    thread, let_go = holding(manager)
    try:
        asked = iter([True, True, False])
        with pytest.raises(Superseded), manager.use(is_wanted=lambda: next(asked)):
            raise AssertionError
        assert thread.is_alive()
    finally:
        let_go.set()
        thread.join()
    with manager.use() as encoder:
        assert encoder.is_open()


def test_what_is_wanted_waits_for_the_turn_of_another(manager, loader):
    thread, let_go = holding(manager)
    entered = threading.Event()
    asked: list[bool] = []

    def is_wanted() -> bool:
        asked.append(True)
        return True

    def work() -> None:
        with manager.use(is_wanted=is_wanted):
            entered.set()

    waiting = threading.Thread(target=work)
    waiting.start()
    assert until(lambda: len(asked) >= 4)
    assert not entered.is_set()
    let_go.set()
    assert entered.wait(PATIENCE_S)
    thread.join()
    waiting.join()
    assert loader.loads == 1


@pytest.mark.parametrize("problem", [ValueError(), EngineError("it broke"), KeyboardInterrupt()], ids=repr)
def test_whatever_ends_a_use_gives_the_turn_back(manager, problem):
    def use() -> None:
        with manager.use():
            raise problem

    with pytest.raises(type(problem)):
        use()
    ((encoder, loaded),) = in_threads(1, lambda: (manager.get_encoder(), manager.is_loaded()))
    assert encoder.is_open()
    assert loaded


def test_threads_use_it_one_at_a_time(manager):
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(20):
            with manager.use():
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()

    in_threads(8, work)
    assert (max(most), len(most)) == (1, 160)


def test_an_idle_model_is_not_dropped_under_a_thread_that_uses_it(manager, loader, clock):
    thread, let_go = holding(manager)
    clock.elapsed_s += 3600
    dropped: list[bool] = []
    dropping = threading.Thread(target=lambda: dropped.append(manager.unload_if_idle(10)))
    dropping.start()
    assert until(lambda: is_inside(dropping, ModelManager.unload_if_idle))
    dropping.join(0.1)
    assert dropping.is_alive()
    assert not loader.encoder.closed
    let_go.set()
    thread.join()
    dropping.join()
    assert dropped == [False]  # the time counts from the end of the use
    assert manager.is_loaded()


def test_another_model_waits_for_the_use_of_this_one(clock):
    loader = FakeLoader(others={"other": FakeEncoder(fingerprint="other")})
    manager = ModelManager(loader, clock)
    thread, let_go = holding(manager)
    given: list[object] = []
    changing = threading.Thread(target=lambda: given.append(manager.get_encoder(loader.identify("other"))))
    changing.start()
    assert until(lambda: is_inside(changing, ModelManager.get_encoder))
    changing.join(0.1)
    assert given == []
    assert not loader.encoder.closed
    let_go.set()
    thread.join()
    changing.join()
    assert given == [loader.others["other"]]
    assert loader.encoder.closed


def test_whether_it_is_loaded_is_told_without_waiting(manager):
    thread, let_go = holding(manager)
    assert manager.is_loaded()
    let_go.set()
    thread.join()


def test_an_encoder_that_ended_by_itself_is_replaced():
    loader = FreshLoader()
    manager = ModelManager(loader)
    with manager.use() as encoder:
        encoder.close()
    assert not manager.is_loaded()
    with manager.use() as encoder:
        assert encoder is loader.given[1]
        assert encoder.is_open()


# closing while others are busy


class GatedLoader(FreshLoader):
    """A load that begins and then waits to be let through."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.gate = threading.Event(), threading.Event()

    def load(self, name: str = "") -> FakeEncoder:
        self.begun.set()
        self.gate.wait(PATIENCE_S)
        return super().load(name)


def test_closing_during_a_load_leaves_no_model_behind():
    loader = GatedLoader()
    manager = ModelManager(loader, idle_timeout_s=600)
    before = watchers()
    loading = threading.Thread(target=manager.get_encoder)
    loading.start()
    assert loader.begun.wait(PATIENCE_S)
    closing = threading.Thread(target=manager.close)
    closing.start()
    assert not manager.is_loaded()
    loader.gate.set()
    loading.join(PATIENCE_S)
    closing.join(PATIENCE_S)
    assert not loading.is_alive()
    assert not closing.is_alive()
    assert not manager.is_loaded()
    assert [encoder.closed for encoder in loader.given] == [True]
    assert until(lambda: not watchers() - before)


def test_closing_does_not_wait_for_an_answer_that_does_not_come(manager, loader):
    thread, let_go = holding(manager)
    closing = threading.Thread(target=manager.close)
    closing.start()
    assert until(lambda: loader.encoder.closed)
    assert thread.is_alive()
    let_go.set()
    thread.join()
    closing.join()
    assert not manager.is_loaded()


# dropped by itself


def watchers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "rekall-idle"}


def test_without_a_timeout_nobody_watches():
    before = watchers()
    manager = ModelManager(FakeLoader(), idle_timeout_s=0)
    manager.get_encoder()
    assert watchers() <= before


def test_an_idle_model_is_dropped_by_itself_and_the_watcher_ends():
    before = watchers()
    loader = FreshLoader()
    manager = ModelManager(loader, idle_timeout_s=0.3)
    for turn in range(2):
        with manager.use():
            assert len(watchers() - before) == 1
        assert until(lambda: not manager.is_loaded())
        assert loader.given[turn].closed
        assert until(lambda: not watchers() - before)
    assert loader.loads == 2


def test_a_model_in_use_is_not_dropped_by_itself():
    loader = FreshLoader()
    manager = ModelManager(loader, idle_timeout_s=0.12)
    with manager.use() as encoder:
        time.sleep(0.4)
        assert encoder.is_open()
        ended = time.monotonic()
    assert until(lambda: not manager.is_loaded())
    assert time.monotonic() - ended >= 0.002 * 60
    assert loader.loads == 1


class WatchedClock:
    """Stands still but for what the test does, and counts how often the watcher has looked at it."""

    now_s = 0.0
    looks = 0

    def __call__(self) -> float:
        self.looks += threading.current_thread().name == "rekall-idle"
        return self.now_s


def test_a_model_used_again_and_again_is_not_dropped_by_itself():
    loader, clock = FreshLoader(), WatchedClock()
    manager = ModelManager(loader, clock, idle_timeout_s=0.12)
    for _ in range(6):
        with manager.use():
            pass
        clock.now_s += 0.1  # less than the timeout, but not six times so much
        clock.looks = 0
        assert until(lambda: clock.looks > 1)
        assert manager.is_loaded()
    assert loader.loads == 1
    clock.now_s += 0.1
    assert until(lambda: not manager.is_loaded())
    manager.close()


def test_watchers_do_not_pile_up():
    before = watchers()
    loader = FreshLoader()
    manager = ModelManager(loader, idle_timeout_s=600)
    for turn in range(40):
        with manager.use() as encoder:
            pass
        if turn % 2:
            manager.close()
        else:
            encoder.close()  # it died
    assert until(lambda: not watchers() - before)
    with manager.use():
        assert until(lambda: len(watchers() - before) == 1)
    assert loader.loads == 41
    manager.close()
    assert until(lambda: not watchers() - before)


def test_a_watched_model_serves_many_threads():
    loader = FreshLoader(delay_s=0.001)
    manager = ModelManager(loader, idle_timeout_s=0.006)

    def work() -> int:
        for _ in range(20):
            with manager.use() as encoder:
                time.sleep(0.001)
                assert encoder.is_open()
                encoder.encode_queries(["text"])
            time.sleep(0.002)
        return 1

    assert in_threads(6, work) == [1] * 6
    assert until(lambda: not manager.is_loaded())
    assert all(encoder.closed for encoder in loader.given)


def test_closing_does_not_wait_for_an_encoder_that_came_after_it_began():
    loading, go_on = threading.Event(), threading.Event()

    class Stuck(FakeEncoder):
        def encode_documents(self, texts):
            while not self.closed:
                time.sleep(0.01)
            raise EngineError("closed")

    class Late(FakeLoader):
        def load(self, name: str = "") -> FakeEncoder:
            loading.set()
            go_on.wait(PATIENCE_S)
            return Stuck()

    manager = ModelManager(Late(), idle_timeout_s=600)

    def use() -> None:
        with pytest.raises(EngineError):
            manager.load()

    user = threading.Thread(target=use, daemon=True)
    user.start()
    assert loading.wait(PATIENCE_S)
    closer = threading.Thread(target=manager.close, daemon=True)
    closer.start()
    assert until(lambda: is_inside(closer, ModelManager.close))
    go_on.set()
    for thread in (closer, user):
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
