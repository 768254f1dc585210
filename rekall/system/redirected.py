"""Folders that Windows keeps elsewhere than it says: what a Python from the Microsoft Store writes below AppData."""

from __future__ import annotations

import ntpath
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

_FAMILY = re.compile(r"(?P<name>[A-Za-z0-9.-]+)_[^_\\/]*_[^_\\/]*_[^_\\/]*_(?P<publisher>[a-z0-9]{13})")
"""The folder of a package from the Store: name, version, processor, language, publisher."""

_PACKAGES = "\\packages\\"
_CACHE = "\\localcache\\"


def where_really(folder: str, real: str, base_prefix: str, environ: Mapping[str, str]) -> str:
    r"""Where a folder lies in truth; empty where it lies where it says.

    Args:
        folder: The folder, as it is named.
        real: The same as the system resolves it.
        base_prefix: Where this Python is installed; that of the Store is below `WindowsApps`.
        environ: The environment, for LOCALAPPDATA and APPDATA.
    """
    if real.lower() != folder.lower() and _CACHE in real.lower() and _CACHE not in folder.lower():
        return real
    parts = re.split(r"[\\/]", base_prefix)
    if "windowsapps" not in map(str.lower, parts) or _PACKAGES in folder.lower():
        return ""
    package = next((found for part in parts if (found := _FAMILY.fullmatch(part))), None)
    local = environ.get("LOCALAPPDATA", "")
    for variable, kept in (("LOCALAPPDATA", "Local"), ("APPDATA", "Roaming")):
        above = environ.get(variable, "").rstrip("\\/")
        if above and folder.lower().startswith(f"{above.lower()}\\"):
            family = f"{package['name']}_{package['publisher']}" if package else "*"
            return ntpath.join(local, "Packages", family, "LocalCache", kept, folder[len(above) + 1 :])
    return ""


def redirected(folder: Path) -> str:
    """Where a folder of this process lies in truth; empty where it lies where it says, as everywhere but on Windows."""
    if os.name != "nt":
        return ""
    return where_really(str(folder), os.path.realpath(folder), sys.base_prefix, os.environ)


def redirected_text(folder: Path, real: str) -> tuple[str, str]:
    """What to say of a folder that lies elsewhere, and what to do about it."""
    return (
        f"this Python is from the Microsoft Store, which keeps {folder} in {real}: no other program finds it there, and it goes with that Python",
        "set REKALL_HOME to a folder outside AppData and move everything there, or install Python from python.org",
    )
