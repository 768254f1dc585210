"""Less of the protocol's SDK in memory: what its packages offer at their top, and this server never uses, is left out.

Importing any part of the SDK runs `mcp/__init__.py` and `mcp/server/__init__.py`, which gather a client, a framework for
servers, an HTTP client and the cryptography that these need: 12 MB and a quarter of the time until the server is there
(measured with version 2.3).
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

PACKAGES = ("mcp", "mcp.server")
"""Those whose own names are left for later. The parts below them are imported as ever."""


class _Deferred(ModuleType):
    """A package whose `__init__` runs when a name is asked of it that only this can give."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        loader = self.__spec__.loader if self.__spec__ else None
        assert loader is not None
        self.__class__ = ModuleType  # type: ignore[assignment]  # from now on a name that is missing is missing
        loader.exec_module(self)
        return getattr(self, name)


def defer_packages() -> None:
    """Put off what the SDK's packages do when they are imported; call it before the first import of a part of it.

    Nothing changes where one is imported already, or is not found.
    """
    for name in PACKAGES:
        spec = None if name in sys.modules else importlib.util.find_spec(name)
        if spec is None:
            return
        package = importlib.util.module_from_spec(spec)
        package.__class__ = _Deferred
        sys.modules[name] = package
        above, _, own = name.rpartition(".")
        if above:
            setattr(sys.modules[above], own, package)
