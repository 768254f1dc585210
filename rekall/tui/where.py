"""Where entries live: in the base in use, or in others beside it.

Lists, marks and the way back through links hold keys. The key of an entry of the base in use is its id; elsewhere the name of the
base stands before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from rekall.errors import UsageError

_BETWEEN = "/"
"""Neither in ids nor in the names of bases."""


def key_of(entry_id: str, base: str = "") -> str:
    """The key of an entry.

    Args:
        entry_id: Its id; an empty one has no key.
        base: The name of its base; empty for the base in use.
    """
    return f"{base}{_BETWEEN}{entry_id}" if base and entry_id else entry_id


def id_of(key: str) -> str:
    """The id of an entry."""
    return key.rpartition(_BETWEEN)[2]


def base_in(key: str) -> str:
    """The name of the base that an entry lives in; empty for the base in use."""
    return key.rpartition(_BETWEEN)[0]


def one_base(keys: Sequence[str]) -> str:
    """The name of the base that some entries live in.

    Raises:
        UsageError: They live in different bases.
    """
    names = {base_in(key) for key in keys}
    if len(names) > 1:
        raise UsageError("these entries live in different bases", "mark those of one base at a time")
    return next(iter(names), "")


def by_base(keys: Sequence[str]) -> dict[str, list[str]]:
    """The ids of entries by the name of the base that they live in."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(base_in(key), []).append(id_of(key))
    return found
