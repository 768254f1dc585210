"""Changes the config file, and leaves alone what a person wrote there."""

from __future__ import annotations

import errno
import os
from collections.abc import MutableMapping

from rekall.config import Places, config_text, find_setting, not_toml
from rekall.system.files import make_private_folder, write_atomically


def write_setting(places: Places, key: str, raw: str) -> None:
    """Change one key of the config file; comments and the other keys stay as they are.

    Raises:
        NotFound: There is no such key.
        InvalidInput: The value does not fit, or the file is no TOML.
        OSError: It cannot be written.
    """
    text = _changed(places, key, raw)
    make_private_folder(places.config_file.parent)
    write_atomically(places.config_file, text.encode(), is_named=True)


def check_writable(places: Places, key: str, raw: str) -> None:
    """See whether `write_setting` can do its work, before other work that takes long; the same errors."""
    _changed(places, key, raw)
    folder = places.config_file.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def _changed(places: Places, key: str, raw: str) -> str:
    """What the config file says once a key is changed."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    value = find_setting(key).parse(raw, "value")
    section, _, name = key.partition(".")
    path = places.config_file
    try:
        document = tomlkit.parse(config_text(path))
    except RecursionError as error:
        raise not_toml(path, ValueError("it is nested too deep")) from error
    except (TOMLKitError, ValueError, OSError) as error:
        raise not_toml(path, error) from error
    table = document.setdefault(section, tomlkit.table())
    if not isinstance(table, MutableMapping) or isinstance(table.get(name), (dict, list)):
        raise not_toml(path, ValueError(f"[{section}] is not a section with a value {name}"))
    table[name] = value
    return tomlkit.dumps(document)
