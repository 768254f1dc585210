import threading
import time

import pytest
from conftest import Clock, FakeEncoder, FakeLoader

from rekall.errors import EngineError, ModelDamaged
from rekall.model_manager import ModelIdentity, ModelManager


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loader() -> FakeLoader:
    return FakeLoader()


@pytest.fixture
def manager(loader: FakeLoader, clock: Clock) -> ModelManager:
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
    clock.seconds += 599
    assert not manager.unload_if_idle(10)
    assert manager.is_loaded()
    clock.seconds += 1
    assert manager.unload_if_idle(10)
    assert not manager.is_loaded()
    assert loader.encoder.closed


def test_use_keeps_it_loaded(manager, clock):
    for _ in range(5):
        manager.get_encoder()
        clock.seconds += 500
        assert not manager.unload_if_idle(10)
    assert manager.is_loaded()


def test_the_time_counts_from_the_last_use_and_not_from_the_load(manager, clock):
    manager.get_encoder()
    clock.seconds += 590
    manager.get_encoder()
    clock.seconds += 590
    assert not manager.unload_if_idle(10)


def test_a_slow_load_does_not_count_as_idle(clock):
    class Slow(FakeLoader):
        def load(self, name: str = "") -> FakeEncoder:
            clock.seconds += 3600
            return self.encoder

    manager = ModelManager(Slow(), clock)
    manager.get_encoder()
    assert not manager.unload_if_idle(10)


def test_a_timeout_of_zero_keeps_it_for_ever(manager, clock):
    manager.get_encoder()
    clock.seconds += 10**9
    assert not manager.unload_if_idle(0)
    assert manager.is_loaded()


def test_a_part_of_a_minute_is_a_timeout(manager, clock):
    manager.get_encoder()
    clock.seconds += 31
    assert manager.unload_if_idle(0.5)


def test_dropping_what_is_not_loaded_does_nothing(manager, clock):
    clock.seconds += 10**6
    assert not manager.unload_if_idle(10)
    manager.get_encoder()
    clock.seconds += 10**6
    assert manager.unload_if_idle(10)
    assert not manager.unload_if_idle(10)


def test_after_dropping_the_next_use_loads_again(clock):
    loader = FreshLoader()
    manager = ModelManager(loader, clock)
    manager.get_encoder()
    clock.seconds += 6000
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
