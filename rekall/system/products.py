"""How many threads numpy takes for one product of matrices, which it can be told only while it is imported."""

from __future__ import annotations

import os
import sys

_NAMES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What the libraries of products under numpy look at when they are loaded."""


def import_numpy_with_one_thread() -> None:
    """Import numpy, each of whose products then takes one thread; where it is imported already, nothing changes.

    For processes that are Rekall's own. Its products are small, and a second thread waits for work by spinning: a
    search then takes half as long again of the processor, and bulk has threads of its own (docs/adr/0041).
    The variables are set for no longer than that, so that no program that is started here sees them.
    """
    if "numpy" in sys.modules:
        return
    before = {name: os.environ.get(name) for name in _NAMES}
    os.environ.update({name: value or "1" for name, value in before.items()})
    try:
        import numpy  # noqa: F401 - what it loads stays
    except ImportError:
        pass  # whoever needs it says so
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
