"""A fork waits for native work, and what lives on in the child is told."""

import os
import threading

from rekall.system.forks import Forks


class Told:
    def __init__(self):
        self.said = []

    def after_fork(self, *, is_whole):
        self.said.append(is_whole)


def at_work(forks):
    """Begin work in a thread. Returns what ends it, and the thread."""
    begun, end = threading.Event(), threading.Event()

    def work():
        with forks:
            begun.set()
            end.wait()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    return end, thread


def test_a_fork_waits_for_what_is_under_way():
    forks, told = Forks(), Told()
    forks.tell(told)
    end, working = at_work(forks)
    forking = threading.Thread(target=forks.before)
    forking.start()
    forking.join(0.05)
    assert forking.is_alive()
    end.set()
    forking.join()
    working.join()
    forks.after_in_child()
    assert told.said == [True]


def test_nothing_begins_while_a_fork_goes_on():
    forks, done = Forks(), threading.Event()
    forks.before()
    forks.before()  # another thread forks as well

    def work():
        with forks:
            done.set()

    thread = threading.Thread(target=work)
    thread.start()
    forks.after_in_parent()
    assert not done.wait(0.05)
    forks.after_in_parent()
    assert done.wait()
    thread.join()


def test_a_child_knows_that_work_was_interrupted():
    forks, told = Forks(longest_wait_s=0.01), Told()
    forks.tell(told)
    end, working = at_work(forks)
    forks.before()
    forks.after_in_child()
    assert told.said == [False]
    end.set()
    working.join()  # its end is nothing to the child
    forks.before()
    forks.after_in_child()
    assert told.said == [False, True]


def test_a_fork_in_the_middle_of_its_own_work_does_not_wait_for_itself():
    forks, told = Forks(), Told()
    forks.tell(told)
    with forks:
        forks.before()
        with forks:
            pass
        forks.after_in_parent()
    forks.after_in_child()
    assert told.said == [False]


def test_a_second_fork_is_whole_again():
    forks, told = Forks(longest_wait_s=0.01), Told()
    forks.tell(told)
    with forks:
        forks.before()
        forks.after_in_parent()
    forks.before()
    forks.after_in_child()
    assert told.said == [True]


def test_what_tokenizers_prints_at_a_fork_is_forestalled_and_taken_back(monkeypatch):
    import tokenizers  # noqa: F401 - only where it was imported

    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    forks = Forks()
    forks.before()
    assert os.environ["TOKENIZERS_PARALLELISM"] == "false"
    forks.after_in_parent()
    assert "TOKENIZERS_PARALLELISM" not in os.environ
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    forks.before()
    forks.after_in_parent()
    assert os.environ["TOKENIZERS_PARALLELISM"] == "true"
