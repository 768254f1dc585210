"""Ids that are made of what they stand for, so that every base makes the same."""

from __future__ import annotations

from datetime import datetime, timezone

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NO_TIME = datetime(2020, 1, 1, tzinfo=timezone.utc)


def digits(data: bytes, count: int) -> str:
    """Bytes in the digits of an id."""
    number = int.from_bytes(data, "big")
    return "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(count)))


def id_of(milliseconds: int, digest: bytes) -> str:
    """The id of that time, with ten bytes of a hash behind it."""
    bounded = min(max(milliseconds, 0), (1 << 48) - 1)
    return digits((bounded << 80 | int.from_bytes(digest, "big")).to_bytes(16, "big"), 26)


def time_of(entry_id: str) -> datetime:
    """The time in an id, for a note that says no other."""
    number = 0
    for sign in entry_id[:10]:
        number = number << 5 | _DIGITS.index(sign)
    try:
        return datetime.fromtimestamp(number // 1000, timezone.utc)
    except (OverflowError, OSError, ValueError):
        return _NO_TIME
