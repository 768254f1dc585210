"""How many threads numpy takes for one product of matrices: one, where Rekall's engine has a say.

Its products are small, and the library under numpy lets a second thread wait for work by spinning: a search then takes
half as long again of the processor, and on a busy machine bulk ten times as long (docs/adr/0041).
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from rekall.system.forks import FORKS

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

_NAMES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What the libraries of products under numpy look at when they are loaded."""

_CALLS = tuple(
    (f"{before}openblas_get_num_threads{after}", f"{before}openblas_set_num_threads{after}")
    for before in ("scipy_", "")
    for after in ("64_", "")
)
"""What OpenBLAS is asked and told with afterwards, as numpy's own wheels and others name it."""


class Products:
    """The threads of numpy's products in this process.

    A context manager around products that are to take one thread each; any number of threads may be inside.
    """

    def __init__(self) -> None:
        """Nothing is known of numpy yet."""
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 0
        self._imported_with_one = False
        self._calls: tuple[Callable[[], int], Callable[[int], None]] | None = None
        self._looked_for = False
        FORKS.tell(self)

    def import_numpy(self) -> None:
        """Import numpy so that its products take one thread; where it is imported already, nothing changes.

        For processes that are Rekall's own: it cannot be undone. What whoever runs this asks for stays. The variables
        are set for no longer than the import, so that no program that is started here sees them.
        """
        self.expect_numpy()
        with contextlib.suppress(ImportError):  # whoever needs it says so
            import numpy  # noqa: F401 - what it loads stays

    def expect_numpy(self) -> None:
        """Let numpy be imported like that by whoever imports it first; until then nothing is loaded.

        A second thread is of no use, and where none can be started, as in a container on a host of many processors,
        OpenBLAS interrupts the process.
        """
        if "numpy" not in sys.modules and not any(isinstance(finder, _Awaited) for finder in sys.meta_path):
            sys.meta_path.insert(0, _Awaited(self))

    @contextlib.contextmanager
    def importing(self) -> Iterator[None]:
        """Tell the library under numpy, while it is loaded, to take one thread."""
        given = {name: os.environ.get(name) for name in _NAMES}
        os.environ.update({name: value or "1" for name, value in given.items()})
        try:
            yield
            self._imported_with_one = not any(given.values())
        finally:
            for name, value in given.items():
                if value is None:
                    del os.environ[name]

    def can_take_one(self) -> bool:
        """Whether products take one thread in this process, or do so inside."""
        return self._imported_with_one or self._found() is not None

    def __enter__(self) -> None:
        """Let products take one thread."""
        if self._imported_with_one:
            return
        with self._lock:
            calls = self._found()
            if calls is not None and not self._inside:
                self._before = calls[0]()
                calls[1](1)
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let them take as many as before, once nobody is inside."""
        if self._imported_with_one:
            return
        with self._lock:
            self._inside -= 1
            calls = self._found()
            if calls is not None and not self._inside:
                calls[1](self._before)

    def after_fork(self, *, is_whole: bool) -> None:
        """In a child nobody is inside."""
        self._lock = threading.Lock()
        self._inside = 0

    def _found(self) -> tuple[Callable[[], int], Callable[[int], None]] | None:
        if not self._looked_for:
            self._calls = _calls()
            self._looked_for = True
        return self._calls


class _Awaited:  # no MetaPathFinder, which takes 6 ms to import
    """Waits in the path of imports until numpy comes."""

    def __init__(self, products: Products) -> None:
        self._products = products
        self._looking: set[int] = set()

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Where numpy is found without it, and loaded with one thread; nothing for others. Who only asks gets that, too."""
        me = threading.get_ident()
        if name != "numpy" or me in self._looking:
            return None
        import importlib.util  # not at every start

        self._looking.add(me)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._looking.remove(me)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_with_one(module: ModuleType) -> None:
                with self._products.importing():
                    load(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)

            spec.loader.exec_module = load_with_one  # type: ignore[method-assign]
        return spec


def _calls() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """How the library of products that numpy has loaded is asked and told; None where it is another one."""
    import ctypes

    for path in _libraries():
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        for ask, tell in _CALLS:
            if hasattr(library, ask) and hasattr(library, tell):
                return getattr(library, ask), getattr(library, tell)
    return None


def _libraries() -> list[str]:
    """Numpy's own module, in which other systems than Windows find what it was linked with, and what its wheels bring along."""
    import numpy

    module: Any = sys.modules.get("numpy._core._multiarray_umath")
    home = Path(numpy.__file__).parent
    brought = [*home.with_name("numpy.libs").glob("*openblas*"), *(home / ".dylibs").glob("*openblas*")]
    return [*([module.__file__] if module is not None and module.__file__ else []), *map(str, sorted(brought))]


PRODUCTS = Products()
"""Those of this process."""
