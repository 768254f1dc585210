r"""How a path is spelled on the disk, whatever way it was reached: in another case or normal form, with `\\?\` in front."""

from __future__ import annotations

import contextlib
import ntpath
import os
import unicodedata
from functools import lru_cache

IS_WINDOWS = os.name == "nt"

_AS_IT_IS, _AS_IT_IS_SHARED, _DEVICE = "\\\\?\\", "\\\\?\\UNC\\", "\\\\.\\"
_MOST_CHARS = 240
"""Windows opens no path of 260 characters, and lists no folder of 248, unless it is told to take the path as it is."""

_MOST_FOLDERS = 256


def plain(path: str, *, is_windows: bool = IS_WINDOWS) -> str:
    r"""A path without what tells Windows to take it as it is: `\\?\C:\notes` is `C:\notes`."""
    if not is_windows or not path.startswith(("\\\\", "//")):
        return path
    turned = path.replace("/", "\\")
    if turned[: len(_AS_IT_IS_SHARED)].upper() == _AS_IT_IS_SHARED:
        return "\\\\" + turned[len(_AS_IT_IS_SHARED) :]
    if turned.startswith((_AS_IT_IS, _DEVICE)) and turned[5:6] == ":":
        return turned[len(_AS_IT_IS) :]
    return path


def openable(path: str | os.PathLike[str], *, is_windows: bool = IS_WINDOWS) -> str:
    r"""A path as the system opens it, however long it is: on Windows with `\\?\` in front where that is needed."""
    name = os.fspath(path)
    if not is_windows or name.startswith((_AS_IT_IS, _DEVICE)):
        return name
    whole = name if ntpath.isabs(name) and ntpath.splitdrive(name)[0] else ntpath.join(os.getcwd(), name)
    if len(whole) < _MOST_CHARS:
        return name
    whole = ntpath.normpath(whole)
    return _AS_IT_IS_SHARED + whole[2:] if whole.startswith("\\\\") else _AS_IT_IS + whole


def fitting(path: str, *, is_windows: bool = IS_WINDOWS) -> list[str]:
    r"""The files that a pattern fits on Windows, whose shells hand `notes\*.md` on as it is; any other path alone.

    No name there holds `*` or `?`; brackets are letters like others.
    """
    pattern = plain(path, is_windows=is_windows)
    if not is_windows or not any(sign in pattern for sign in "*?"):
        return [path]
    import glob

    return sorted(glob.glob(pattern.replace("[", "[[]"))) or [path]


def sameness(path: str) -> str:
    """The same for two paths that some file system takes for one."""
    if path.isascii():
        return path.casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


class Volume:
    """What a file system says of names; a test brings one that takes several for the same."""

    def is_there(self, path: str) -> bool:
        """Whether a path leads to something."""
        return os.path.lexists(path)

    def names(self, folder: str) -> frozenset[str]:
        """The names in a folder; none where it cannot be read."""
        with contextlib.suppress(OSError):
            return frozenset(os.listdir(folder))
        return frozenset()


class Spelling:
    """Knows how folders and files are spelled; what it has seen of a folder holds until it is made anew."""

    def __init__(self, volume: Volume | None = None) -> None:
        """Look at nothing yet."""
        self._volume = volume or Volume()
        self._takes_any_case: dict[str, bool] = {}
        self._names = lru_cache(maxsize=_MOST_FOLDERS)(self._volume.names)
        self.of_folder = lru_cache(maxsize=_MOST_FOLDERS)(self._of_folder)
        """A folder of which every part is spelled as on the disk; its path is absolute and without links."""

    def of(self, folder: str, name: str) -> str:
        """How a name in a folder is spelled; the name itself where there is no such file.

        Args:
            folder: The folder, as `of_folder` gives it.
            name: The name by which something in it was reached.
        """
        if not self.is_loose(folder, name):
            return name
        names = self._names(folder)
        if name in names:
            return name
        wanted = sameness(name)
        same = [each for each in names if sameness(each) == wanted]
        return same[0] if len(same) == 1 else name

    def is_loose(self, folder: str, name: str) -> bool:
        """Whether a file would also be reached by another spelling of its name.

        On a file system that tells names apart it costs one look into each folder for a file that is not there.
        """
        known = self._takes_any_case.get(folder)
        if known is None:
            known = self._has_two_names(folder, name, name.swapcase())
            if known or self._is_cased(folder, name):
                self._keep(folder, is_any=known)
        if known or name.isascii():
            return known
        forms = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
        return any(self._has_two_names(folder, name, form) for form in forms)

    def is_loose_at(self, path: str) -> bool:
        """Whether another spelling of any part of a path leads to the same file."""
        folder, name = os.path.split(path)
        return bool(name) and (self.is_loose(folder, name) or self.is_loose_at(folder))

    def _keep(self, folder: str, *, is_any: bool) -> None:
        if len(self._takes_any_case) >= 4 * _MOST_FOLDERS:
            self._takes_any_case.clear()
        self._takes_any_case[folder] = is_any

    def _is_cased(self, folder: str, name: str) -> bool:
        """Whether a file of that name is there and has letters, so that the look at it said something."""
        return name.swapcase() != name and self._volume.is_there(os.path.join(folder, name))

    def _has_two_names(self, folder: str, name: str, other: str) -> bool:
        """Whether something answers to two names, and is listed by one of them.

        The numbers of files say less: some systems give one file another number by each of its names.
        """
        if other == name or not all(self._volume.is_there(os.path.join(folder, each)) for each in (other, name)):
            return False
        return not {name, other} <= self._names(folder)

    def _of_folder(self, folder: str) -> str:
        above, name = os.path.split(folder)
        if not name:
            return folder
        above = self.of_folder(above)
        return os.path.join(above, self.of(above, name))
