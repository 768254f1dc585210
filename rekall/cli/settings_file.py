"""Changes the config file, and leaves alone what a person wrote there."""

from __future__ import annotations

import errno
import os
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from rekall.config import Places, find_setting, not_toml
from rekall.system.files import make_private_folder, write_atomically

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


def write_setting(places: Places, key: str, raw: str) -> None:
    """Change one key of the config file; comments and the other keys stay as they are.

    Raises:
        NotFound: There is no such key.
        InvalidInput: The value does not fit, or the file is no TOML.
    """
    import tomlkit

    setting = find_setting(key)
    value = setting.parse(raw, "value")
    section, _, name = key.partition(".")
    document = _document(places)
    table = document.setdefault(section, tomlkit.table())
    if not isinstance(table, MutableMapping) or isinstance(table.get(name), (dict, list)):
        raise not_toml(places.config_file, ValueError(f"[{section}] is not a section with a value {name}"))
    table[name] = value
    make_private_folder(places.config_file.parent)
    write_atomically(places.config_file, tomlkit.dumps(document).encode())


def check_writable(places: Places) -> None:
    """See whether `write_setting` can do its work, before other work that takes long.

    Raises:
        InvalidInput: The file is no TOML, or cannot be read.
        PermissionError: Its folder cannot be written.
    """
    _document(places)
    folder = places.config_file.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def _document(places: Places) -> TOMLDocument:
    """The config file as it is to be written again."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return (
            tomlkit.parse(places.config_file.read_text("utf-8")) if places.config_file.exists() else tomlkit.document()
        )
    except (TOMLKitError, UnicodeDecodeError, OSError) as error:
        raise not_toml(places.config_file, error) from error
