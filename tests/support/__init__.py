"""What several tests share: fakes, bases, and runs."""

from support.bases import TUNING, Bench, all_links, ask, make_bench, titles
from support.fakes import FakeClock, FakeEncoder, FakeLoader
from support.runs import CHECKOUT, DATA, Ran, in_threads

__all__ = [
    "CHECKOUT",
    "DATA",
    "TUNING",
    "Bench",
    "FakeClock",
    "FakeEncoder",
    "FakeLoader",
    "Ran",
    "all_links",
    "ask",
    "in_threads",
    "make_bench",
    "titles",
]
