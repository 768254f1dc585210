"""The tensors of safetensors files, read one at a time: a model of 500 MB is exported in far less."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from rekall.errors import ExportFailed
from rekall.models.export.shards import DAMAGED, FETCH_LFS, POINTER, is_pointer

Array = npt.NDArray[np.float32]

_ROWS_AT_ONCE = 4096
_MAPPED_BYTES = 32_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """A large matrix of an open file, (rows, width), read some rows at a time."""

    rows: int
    width: int
    parts: Callable[[], Iterator[Array]]

    def cut(self, width: int) -> Table:
        """The first numbers of each row."""
        return Table(self.rows, width, lambda: (part[:, :width] for part in self.parts()))

    def whole(self) -> Array:
        """All of it, (rows, width) float32."""
        return np.concatenate(list(self.parts()))


class _File:
    """An open safetensors file, opened again now and then: the pages of it that were read count as memory until then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0
        self._open()
        self.names: list[str] = self._file.keys()

    def tensor(self, name: str) -> npt.NDArray[Any]:
        """A whole tensor."""
        return self._counted(self._file.get_tensor(name))

    def rows(self, name: str, start: int, stop: int) -> npt.NDArray[Any]:
        """Some rows of a matrix."""
        return self._counted(self._file.get_slice(name)[start:stop])

    def look(self, name: str) -> tuple[tuple[int, ...], str]:
        """The shape of a tensor and what it is made of."""
        found = self._file.get_slice(name)
        return tuple(found.get_shape()), str(found.get_dtype())

    def _open(self) -> None:
        from safetensors import safe_open

        self._file = cast(Any, safe_open(self._path, framework="numpy"))  # its methods carry no types

    def _counted(self, found: npt.NDArray[Any]) -> npt.NDArray[Any]:
        self._read_bytes += found.nbytes
        if self._read_bytes > _MAPPED_BYTES:
            self._read_bytes = 0
            self._open()
        return found


class Weights:
    """Open safetensors files. A context manager; tensors cannot be read after it ends."""

    def __init__(
        self,
        files: Path | Sequence[Path],
        rename: Callable[[str], str] = lambda name: name,
        original: Callable[[str], str] = lambda name: name,
        *,
        floats: bool = True,
    ) -> None:
        """Open the files and read which tensors they hold.

        Args:
            files: A `.safetensors` file, or several that are parts of one.
            rename: From the name of a tensor in the file to the name used to ask for it.
            original: The reverse, for messages.
            floats: Whether weights that are whole numbers are refused; a static table of bytes has the right directions.

        Raises:
            ExportFailed: One is not a safetensors file, or two tensors that have one name differ.
        """
        from safetensors import SafetensorError

        self._original, self._floats = original, floats
        self._names: dict[str, tuple[_File, str]] = {}
        self._asked: set[str] = set()
        paths = (files,) if isinstance(files, Path) else tuple(files)
        self._path = paths[0] if len(paths) == 1 else paths[0].parent
        for path in paths:
            try:
                file = _File(path)
            except (SafetensorError, OSError) as error:
                if is_pointer(path):
                    raise ExportFailed(POINTER.format(path), FETCH_LFS) from error
                raise ExportFailed(f"{path} is not a safetensors file: {error}", DAMAGED) from error
            for name in file.names:
                self._add(rename(name), file, name)

    def _add(self, name: str, file: _File, stored: str) -> None:
        """Take a tensor, unless another one that means the same says something else."""
        import ml_dtypes  # noqa: F401 - see `_read`

        if name in self._names:
            other, called = self._names[name]
            if not np.array_equal(other.tensor(called), file.tensor(stored)):
                twice = f"{called} twice" if called == stored else f"{called} and {stored}, which mean the same"
                raise ExportFailed(f"{self._path} holds {twice}, with different numbers", DAMAGED)
            return
        self._names[name] = (file, stored)

    def __enter__(self) -> Weights:
        return self

    def __exit__(self, *_: object) -> None:
        self._names.clear()

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def unread(self) -> list[str]:
        """The tensors that nobody has asked for, by the names used to ask for them."""
        return sorted(self._names.keys() - self._asked)

    def tensor(self, name: str, *shape: int) -> Array:
        """A tensor as float32, whatever it is stored as; -1 in the shape stands for any size above 0.

        Raises:
            ExportFailed: It is missing, has another shape, or holds a number that is not finite.
        """
        stored = self._read(name, shape)
        self._check_floats(name, str(stored.dtype))
        found = stored.astype(np.float32, copy=False)
        if found.size and not np.isfinite(found.min() + found.max()):  # needs no mask of the tensor's size
            raise ExportFailed(f"{name} in {self._path} holds numbers that are not finite", DAMAGED)
        return found

    def table(self, name: str, width: int) -> Table:
        """A matrix of any number of rows, read some rows at a time while the file is open; -1 for any width.

        Raises:
            ExportFailed: It is missing, has another width, or turns out to hold a number that is not finite.
        """
        file, stored, rows, width = self._slices(name, width)

        def parts() -> Iterator[Array]:
            for start in range(0, rows, _ROWS_AT_ONCE):
                part: Array = file.rows(stored, start, min(start + _ROWS_AT_ONCE, rows)).astype(np.float32)
                if not np.isfinite(part.min() + part.max()):
                    raise ExportFailed(f"{name} in {self._path} holds numbers that are not finite", DAMAGED)
                yield part

        return Table(rows, width, parts)

    def rows(self, name: str, wanted: Sequence[int], width: int) -> Array:
        """Some rows of a table, (len(wanted), width) float32, without reading the others.

        Raises:
            ExportFailed: The table is missing, has another width, or lacks a row.
        """
        file, stored, rows, _ = self._slices(name, width)
        if max(wanted, default=0) >= rows:
            raise ExportFailed(f"{name} in {self._path} has {rows:,} rows, too few for its tokenizer", DAMAGED)
        return np.concatenate([file.rows(stored, row, row + 1).astype(np.float32) for row in wanted])

    def whole_numbers(self, name: str, *shape: int) -> npt.NDArray[np.int64]:
        """A tensor of whole numbers; see `tensor`."""
        found = self._read(name, shape)
        if found.dtype.kind not in "iu":
            raise ExportFailed(f"{name} in {self._path} holds {found.dtype}, expected whole numbers", DAMAGED)
        return found.astype(np.int64)

    def _slices(self, name: str, width: int) -> tuple[_File, str, int, int]:
        """The file of a table, its name there, its rows and its width."""
        import ml_dtypes  # noqa: F401 - see `_read`

        file, stored = self._place(name)
        shape, kind = file.look(stored)
        self._check_floats(name, kind)
        if len(shape) != 2 or width not in (-1, shape[1]) or not all(shape):
            raise ExportFailed(f"{stored} in {self._path} has shape {shape}, expected {(-1, width)}", DAMAGED)
        return file, stored, *shape

    def _check_floats(self, name: str, kind: str) -> None:
        """Whole numbers are what a weight is quantised to, and mean nothing without their scales."""
        if self._floats and not kind.lower().lstrip("b").startswith("f"):
            raise ExportFailed(
                f"{self._original(name)} in {self._path} holds {kind}, and only float weights are read",
                "take the model in float32, float16 or bfloat16",
            )

    def _read(self, name: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        import ml_dtypes  # noqa: F401 - teaches numpy bfloat16, which many checkpoints are stored in

        file, stored = self._place(name)
        found = file.tensor(stored)
        fits = all(real == size or (size == -1 and real > 0) for size, real in zip(shape, found.shape))
        if len(found.shape) != len(shape) or not fits:
            raise ExportFailed(f"{stored} in {self._path} has shape {found.shape}, expected {shape}", DAMAGED)
        return found

    def _place(self, name: str) -> tuple[_File, str]:
        """The file of a tensor, and its name there."""
        if name not in self._names:
            raise ExportFailed(f"{self._path} lacks {self._original(name)}", DAMAGED)
        self._asked.add(name)
        return self._names[name]
