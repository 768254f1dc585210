"""Which code page a text of single bytes was written in: told by whether letters and marks stand where people put them."""

from __future__ import annotations

import re
import sys

_SMALL = "àáâãäåæçèéêëìíîïñòóôõöøùúûüßœ"
_LARGE = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜŒ"
_DRAWN = "─│┌┐└┘├┤┬┴┼═║╔╗╚╝╠╣╦╩╬░▒▓█▄▀■"

_LOOKED_AT = 64 * 1024
"""Bytes that are looked at."""

_SPECIAL = re.compile(r"[^\x00-\x7f]")

_IN_PLACE = re.compile(
    "|".join(
        (
            rf"[{_SMALL}]",
            rf"(?<![a-z{_SMALL}])[{_LARGE}]",
            rf"(?<![A-Za-z{_SMALL}{_LARGE}])[“„‘«¿¡](?=\S)",
            rf"(?<=\S)[”»](?![A-Za-z{_SMALL}{_LARGE}])",
            r"(?<=\S)’",
            r"(?<=[A-Za-z])[–—](?=[A-Za-z])|(?<![A-Za-z])[–—](?![A-Za-z])",
            rf"…(?![A-Za-z{_SMALL}{_LARGE}])",
            r"\xa0(?! )",
            r"(?<![A-Za-z])[£€§°·•©®™](?![a-z])|(?<=[A-Za-z])[©®™](?![A-Za-z])|(?<=\d)[£€°§]",
            r"(?<=[A-Za-z\d])[²³¹](?![A-Za-z])|(?<=\d)[ºª½¼¾](?![A-Za-z])|(?<![A-Za-z])[±×÷½¼¾](?![A-Za-z])",
            rf"(?<![A-Za-z])[{_DRAWN}]|[{_DRAWN}](?![A-Za-z])",
        )
    )
)
"""A letter or a mark of Western text in a place where it makes sense: no capital behind a small letter, no quotation mark
inside a word."""

_FOREIGN_RUN = re.compile(r"[^\W\d_a-zA-Z]{3}")
"""Three accented letters in a row, as another alphabet read as Western has them and no Western language."""


def code_page_of(data: bytes) -> str:
    """The code page of bytes that are neither UTF-8 nor UTF-16, as Python calls it.

    Western Europe's two are told apart by where letters and marks stand: what one program writes as `ö` is a quotation mark
    to the other. Statistics, which need more letters than a short note has, come after them and after what this system
    itself uses.
    """
    head = data[:_LOOKED_AT]
    for page in ("cp1252", "cp850"):
        if _is_western(head, page):
            return page
    return _by_statistics(head, _of_this_system()) or _by_statistics(head, []) or "cp1252"


def _is_western(data: bytes, page: str) -> bool:
    """Whether a Western code page makes words of it: a few accented letters among many plain ones, each in its place."""
    try:
        text = data.decode(page)
    except UnicodeDecodeError:
        return False
    special = len(_SPECIAL.findall(text)) - sum(map(text.count, _DRAWN))
    plain = sum(letter.isascii() and letter.isalpha() for letter in text)
    return (
        special <= max(plain, 3)
        and len(_IN_PLACE.findall(text)) == len(_SPECIAL.findall(text))
        and not _FOREIGN_RUN.search(text)
    )


def _of_this_system() -> list[str]:
    """The code pages in which programs of this Windows write: windows', and the console's."""
    if sys.platform != "win32":
        return []
    import ctypes

    system = ctypes.windll.kernel32
    return [f"cp{page}" for page in (system.GetACP(), system.GetOEMCP()) if page != 65001]


def _by_statistics(data: bytes, among: list[str]) -> str:
    from charset_normalizer import from_bytes

    unlikely = ["utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_7"]
    best = from_bytes(data, cp_isolation=among or None, cp_exclusion=unlikely).best()
    return best.encoding if best else ""
