"""How much the tests that try things out try: a part of it in every run, all of it in `make test-deep`."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Sequence

import pytest

IS_DEEP = os.environ.get("REKALL_TESTS_DEEP") == "1"
"""Asked at import: each test begins without any REKALL_ variable."""


def tries(count: int, least: int = 12) -> int:
    """How many of so many examples or seeds this run takes. Examples are others in every run, so nothing stays untried."""
    return count if IS_DEEP else max(min(count, least), count // 4)


def some(share: float, *, by: str = "") -> pytest.MarkDecorator:
    """Marks a test of many cases: every run takes a share of them, others each time.

    Args:
        share: Of the cases, 0 to 1; at least one is taken.
        by: The argument whose values are chosen, for all tests of a module alike; else each case is one.
    """
    return pytest.mark.some(share, by)


def left_out(items: Sequence[pytest.Item], seed: int) -> set[pytest.Item]:
    """The cases that a run with this seed does not take; each process of a run leaves out the same."""
    groups: dict[tuple[str, str, float], dict[str, list[pytest.Item]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        mark = item.get_closest_marker("some")
        given = item.callspec.params if hasattr(item, "callspec") else {}
        if mark is None or not given or (mark.args[1] and mark.args[1] not in given):
            continue
        share, by = mark.args
        chosen = str(getattr(given[by], "name", given[by])) if by else item.nodeid
        groups[str(item.path), by or item.originalname, share][chosen].append(item)
    chance = random.Random(seed)
    out: set[pytest.Item] = set()
    for key in sorted(groups):
        cases = groups[key]
        kept = set(chance.sample(sorted(cases), max(1, round(key[2] * len(cases)))))
        out.update(item for case, found in cases.items() if case not in kept for item in found)
    return out
