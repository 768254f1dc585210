"""Changes the config file, and leaves alone what a person wrote there."""

from __future__ import annotations

import errno
import os
from collections.abc import MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.config import SEARCHES, Places, Settings, config_text, find_setting, not_toml
from rekall.errors import InvalidInput
from rekall.settings import SETTINGS
from rekall.system.files import changing, make_private_folder, write_atomically
from rekall.system.replacing import discard

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


def write_setting(places: Places, key: str, raw: str) -> None:
    """Change one key of the config file; comments and the other keys stay as they are.

    Raises:
        NotFound: There is no such key.
        InvalidInput: The value does not fit, or the file is no TOML.
        OSError: It cannot be written.
    """
    value = find_setting(key).parse(raw, "value")
    with changing(places.config_file):
        write_atomically(places.config_file, _changed(places, key, value).encode(), is_named=True)


def write_search(places: Places, name: str, line: str) -> None:
    """Keep a line under a name; everything else of the config file stays as it is.

    Raises:
        InvalidInput: The file is no TOML, or has something else in the place of saved searches.
        OSError: It cannot be written.
    """
    import tomlkit

    with changing(places.config_file):
        document = _document(places)
        table = document.setdefault(SEARCHES, tomlkit.table())
        if not isinstance(table, MutableMapping) or isinstance(table.get(name), (dict, list)):
            raise not_toml(places.config_file, ValueError(f"[{SEARCHES}] is not a section with a value {name}"))
        table[name] = line
        write_atomically(places.config_file, tomlkit.dumps(document).encode(), is_named=True)


def unset_setting(places: Places, key: str) -> bool:
    """Take one key out of the config file, so that its default holds again; everything else stays as it is.

    Returns:
        Whether it was there.

    Raises:
        NotFound: There is no such key.
        InvalidInput: The file is no TOML.
        OSError: It cannot be written.
    """
    import tomlkit

    section, dot, name = key.partition(".")
    if not places.config_file.exists():
        find_setting(key)
        return False
    with changing(places.config_file):
        document = _document(places)
        table = document.get(section) if dot else document
        if not isinstance(table, MutableMapping) or isinstance(table.get(name or section, {}), MutableMapping):
            find_setting(key)
            return False
        del table[name or section]  # which may be a key that nobody reads any more
        write_atomically(places.config_file, tomlkit.dumps(document).encode(), is_named=True)
        return True


def template() -> str:
    """A config file that sets nothing: every key with its default, behind `#`."""
    lines = ["# Take the # from a line to set it; `rekall config list` shows what is in force.", ""]
    section = ""
    for setting in SETTINGS:
        head, _, name = setting.key.partition(".")
        if head != section:
            lines += ([""] if section else []) + [f"[{head}]"]
            section = head
        default = f'"{setting.default}"' if isinstance(setting.default, str) else f"{setting.default:g}"
        lines.append(f"# {name} = {default}  # {setting.doc}")
    return "\n".join([*lines, ""])


def replace_settings(places: Places, text: str) -> None:
    """Put a text in the place of the config file, once it can be read and every value can be used.

    Raises:
        InvalidInput: It is no TOML, or a value does not fit.
        OSError: It cannot be written.
    """
    scratch = replace(places, config_file=_scratch_of(places))
    make_private_folder(places.config_file.parent)
    write_atomically(scratch.config_file, text.encode(), is_named=True)
    remarks = Settings(scratch, environ={}).remarks
    if remarks:
        raise InvalidInput(remarks[0].removeprefix(f"{scratch.config_file}: "))
    write_atomically(places.config_file, text.encode(), is_named=True)
    discard(scratch.config_file)


def begun_edit(places: Places) -> tuple[Path, bool]:
    """The file in which the settings are edited, and whether it is new: a copy, or the template where there is no file.

    What was not accepted the last time is gone on with.
    """
    scratch = _scratch_of(places)
    is_new = not scratch.exists()
    if is_new:
        make_private_folder(places.config_file.parent)
        try:
            text = config_text(places.config_file)
        except ValueError as error:
            raise not_toml(places.config_file, error) from error
        write_atomically(scratch, (text or template()).encode(), is_named=True)
    return scratch, is_new


def _scratch_of(places: Places) -> Path:
    return places.config_file.with_name("config.edited.toml")


def check_writable(places: Places, key: str, raw: str) -> None:
    """See whether `write_setting` can do its work, before other work that takes long; the same errors."""
    _changed(places, key, find_setting(key).parse(raw, "value"))
    folder = places.config_file.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def _changed(places: Places, key: str, value: int | float | str) -> str:
    """What the config file says once a key is changed."""
    import tomlkit

    section, _, name = key.partition(".")
    document = _document(places)
    table = document.setdefault(section, tomlkit.table())
    if not isinstance(table, MutableMapping) or isinstance(table.get(name), (dict, list)):
        raise not_toml(places.config_file, ValueError(f"[{section}] is not a section with a value {name}"))
    table[name] = value
    return tomlkit.dumps(document)


def _document(places: Places) -> TOMLDocument:
    """The config file, with its comments. Raises InvalidInput."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    path = places.config_file
    try:
        return tomlkit.parse(config_text(path))
    except RecursionError as error:
        raise not_toml(path, ValueError("it is nested too deep")) from error
    except (TOMLKitError, ValueError, OSError) as error:
        raise not_toml(path, error) from error
