"""Names for the files of an export, kept apart by every file system: whatever it takes case, accents and dots for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import chain, count

SUFFIX = ".md"
_SLUG_CHARS = 60
_MOST_BYTES = 120
"""Of a name without its suffix. Systems take 255, some that encrypt 143 characters, and a file that is being written has
a longer name for that while."""

_DASHES = dict.fromkeys(map(ord, "/\\|:"), "-")
_DROPPED = dict.fromkeys(map(ord, '<>"?*[]#^%'), " ")
"""What Windows, or a link of Obsidian, cannot hold; the dashes stand for the rest of it."""

_INVISIBLE = ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")
"""Categories of characters that a name is better without: controls, marks of direction, line ends, and what is no
character yet, which macOS refuses."""

_RESERVED = re.compile(r"(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9¹²³])[ ]*(?:\.|\Z)", re.IGNORECASE)
"""Names that Windows keeps for devices, with any suffix."""


class Names:
    """The names of one folder, each given once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        """Begin with the names of files that stay."""
        self._taken = {sameness(name) for name in taken}

    def slug(self, title: str, entry_id: str) -> str:
        """A plain, lasting name: words of the title, and the end of the id; all of the id where that is taken."""
        return self._first_free(slug_name(title, entry_id), slug_name(title, entry_id, whole_id=True))

    def titled(self, title: str, entry_id: str) -> str:
        """The title as far as a name can hold it; with the end of the id where that is taken, or all of it."""
        return self._first_free(*titled_names(title, entry_id))

    def _first_free(self, *names: str) -> str:
        stem = names[-1].removesuffix(SUFFIX)
        numbered = (f"{stem} {number}{SUFFIX}" for number in count(2))
        name = next(name for name in chain(names, numbered) if sameness(name) not in self._taken)
        self._taken.add(sameness(name))
        return name


def slug_name(title: str, entry_id: str, *, whole_id: bool = False) -> str:
    """Words of a title in ASCII, and the end of an id, or all of it."""
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_title).strip("-")[:_SLUG_CHARS].strip("-")
    return f"{slug or 'entry'}-{(entry_id if whole_id else entry_id[-8:]).lower()}{SUFFIX}"


def titled_names(title: str, entry_id: str) -> tuple[str, ...]:
    """The names that a title can have, the best first: alone, with the end of the id, with all of it."""
    plain = _plain(title)
    tails = (entry_id[-8:].lower(), entry_id.lower())
    with_tails = [f"{_cut(plain or 'entry', _MOST_BYTES - len(tail) - 1)} {tail}{SUFFIX}" for tail in tails]
    return (f"{_cut(plain, _MOST_BYTES)}{SUFFIX}", *with_tails) if plain else tuple(with_tails)


def sameness(name: str) -> str:
    """The same for two names that some file system takes for one: case, accents in one character or two, width."""
    folded = unicodedata.normalize("NFKD", name).upper().casefold()
    return unicodedata.normalize("NFKD", folded)


def _plain(title: str) -> str:
    text = re.sub(r":\s+", " - ", unicodedata.normalize("NFC", title)).translate(_DASHES).translate(_DROPPED)
    text = "".join(" " if unicodedata.category(char) in _INVISIBLE else char for char in text)
    text = " ".join(text.split()).lstrip(".- ~").rstrip(". ")
    return f"_{text}" if _RESERVED.match(text) else text


def _cut(text: str, most_bytes: int) -> str:
    """The beginning of a text that fits, also on systems that store an accent as a character of its own."""
    size = 0
    for place, char in enumerate(text):
        size += len(unicodedata.normalize("NFD", char).encode())
        if size > most_bytes:
            return text[:place].rstrip(". ")
    return text
