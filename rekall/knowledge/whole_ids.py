"""Which entry a name means that may be deleted, or erased but for traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekall.errors import Ambiguous, NotFound
from rekall.knowledge.erasing import Eraser

if TYPE_CHECKING:
    from rekall.store.contract import Store


def whole_id(store: Store, eraser: Eraser, prefix: str) -> str:
    """The whole id of an entry, of a deleted one, or of an erased one that left traces; in this order.

    Raises:
        NotFound: Nothing begins so.
        Ambiguous: Several entries do, or several deleted ones.
    """
    with store.snapshot():
        try:
            return store.entries.one(store.entries.resolve(prefix)).id
        except NotFound as error:
            if isinstance(error, Ambiguous):
                raise
        try:
            return store.tombstones.resolve(prefix).id
        except NotFound as error:
            left = None if isinstance(error, Ambiguous) else eraser.left(prefix)
            if left is None:
                raise
            return left
