"""How much the tests that try things out try: a part of it in every run, all of it in `make test-deep`."""

from __future__ import annotations

import os

IS_DEEP = os.environ.get("REKALL_TESTS_DEEP") == "1"
"""Asked at import: each test begins without any REKALL_ variable."""


def tries(count: int, least: int = 12) -> int:
    """How many of so many examples or seeds this run takes. Examples are others in every run, so nothing stays untried."""
    return count if IS_DEEP else max(min(count, least), count // 4)
