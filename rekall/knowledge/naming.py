"""Which note a name in a link means, as Obsidian resolves it: a path, a file's name, a title, another name."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

_Place = tuple[str, bool, str]
"""Where a note lies, whether that path is what the name is taken from, and its entry."""

_AT_ONCE = 256
_SUFFIXES = (".md", ".markdown", ".mdown", ".mdx", ".org", ".txt", ".canvas")


class Names:
    """The names of what an import found, and of what was imported from the same folders before."""

    def __init__(self, store: Store, roots: Iterable[str]) -> None:
        """Begin without names.

        Args:
            store: To look up what was imported before.
            roots: Identities of the paths that are imported.
        """
        self._store = store
        self._roots = tuple(roots)
        self._by_name: dict[str, _Place | list[_Place]] = {}
        self._is_filled = False

    def add(self, entry_id: str, relative: str, title: str, others: Iterable[str]) -> None:
        """Note what a note may be called.

        Args:
            entry_id: The entry.
            relative: Its path below the folder that is imported, without the suffix; empty for a record.
            title: Its title.
            others: Its other names, and the id that its tool gave it.
        """
        if relative:
            self._put(posixpath.basename(relative), (relative, True, entry_id))
        for name in (title, *others):
            self._put(name, (relative, False, entry_id))

    def resolve(self, target: str, relative: str) -> str | None:
        """The id of the entry that a name means, or None.

        Args:
            target: The name, as a file gives it.
            relative: Where the file lies that says it, below the folder that is imported.
        """
        for name in _forms(target):
            found = self._found(name, relative)
            if found:
                return found
        if not self._is_filled:
            self._is_filled = True
            self._fill()
            return self.resolve(target, relative)
        return None

    def _found(self, name: str, relative: str) -> str | None:
        folder, _, stem = name.rpartition("/")
        found = self._by_name.get(_folded(stem if folder else name)) or self._by_name.get(_folded(name))
        if found is None:
            return None
        known = found if isinstance(found, list) else [found]
        here = posixpath.dirname(relative)
        wanted = _folded(posixpath.normpath(posixpath.join(here, name)))
        suffix = _folded(posixpath.normpath(name)).lstrip("./")

        def rank(place: _Place) -> tuple[bool, bool, bool, bool, int, str]:
            """A path as it is said goes first, then one that ends so, then the same folder, then the shortest."""
            relative, is_path, _ = place
            path = _folded(relative)
            return (
                not (is_path and path == wanted),
                not (is_path and (path == suffix or path.endswith("/" + suffix))),
                posixpath.dirname(relative) != here,
                not is_path,
                relative.count("/"),
                relative,
            )

        best = min(known, key=rank)
        fits = not folder or not rank(best)[0] or not rank(best)[1] or _folded(name) in self._by_name
        return best[2] if fits else None

    def _put(self, name: str, place: _Place) -> None:
        """Note a name. Nearly all mean one note, and a list for each would double the memory of a large import."""
        if not name.strip():
            return
        folded = _folded(name)
        known = self._by_name.get(folded)
        if known is None:
            self._by_name[folded] = place
        elif isinstance(known, list):
            if place[:2] not in (each[:2] for each in known):
                known.append(place)
        elif known[:2] != place[:2]:
            self._by_name[folded] = [known, place]

    def _fill(self) -> None:
        """Learn the names of what was imported before from beside a file that is imported by itself."""
        for folder in dict.fromkeys(str(Path(root).parent) for root in self._roots if not Path(root).is_dir()):
            origins = (origin for origin in self._store.origins.under(folder) if "#" not in origin.path)
            while batch := list(islice(origins, _AT_ONCE)):
                entries = self._store.entries.by_keys(origin.entry_key for origin in batch)
                for origin in batch:
                    if origin.entry_key in entries:
                        entry = entries[origin.entry_key]
                        relative = Path(origin.path).relative_to(folder).with_suffix("").as_posix()
                        self.add(entry.id, relative, entry.title, entry.keywords)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(name.split())).casefold()


def _forms(target: str) -> Iterator[str]:
    """A name as it stands, without the part of the note that it points to, without a suffix, and unquoted."""
    seen: set[str] = set()
    for text in (target, unquote(target)):
        for form in (text, text.partition("#")[0], text.partition("^")[0]):
            bare = form.strip().replace("\\", "/").removeprefix("/")
            for suffix in _SUFFIXES:
                bare = bare[: -len(suffix)] if bare.lower().endswith(suffix) else bare
            if bare and bare not in seen:
                seen.add(bare)
                yield bare
