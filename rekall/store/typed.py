"""Whether the values of a row are of the types that their columns have: the one place where what was read becomes values.

SQLite holds any type in any column once a bit of a row is another one, and asks for the right one only when it writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import NoneType

from rekall.db import Row

Types = tuple[type, ...]

TEXT: Types = (str,)
NUMBER: Types = (int,)
BLOB: Types = (bytes,)
TEXT_OR_NONE: Types = (str, NoneType)
NUMBER_OR_NONE: Types = (int, NoneType)


def typed(rows: Iterable[Row], *types: Types) -> Iterator[Row]:
    """Those of some rows of which each value is of its type; the others are damaged, and `rekall check` finds them."""
    return (row for row in rows if is_typed(row, types))


def is_typed(row: Row, types: Iterable[Types]) -> bool:
    """Whether each value of a row is of its type."""
    return all(type(value) in those for value, those in zip(row, types))
