"""The bases beside one's own: names and where they lie, kept in `bases.toml` beside the settings; no password is ever among them."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from rekall.errors import InvalidInput, NotFound

OWN = "own"
"""What one's own base is called."""

_RESERVED = (OWN, "mine", "all", "none")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_SCHEMES = ("postgresql://", "postgres://")
_KEYWORD = re.compile(r"\s*[a-z_]+\s*=", re.IGNORECASE)
"""How a connection string of keywords begins; anything else is a path."""

_OTHER_URL = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)
"""How a URL of something else begins; one letter is a disk of Windows."""

_SECRET = re.compile(r"(?:password|scram_client_key|scram_server_key|oauth_client_secret)\s*=", re.IGNORECASE)
_AFTER_USER = re.compile(r"[^/]*:[^/]*@")
"""A password between a user's name and the host, which libpq ends at the first slash, whatever else a URL ends at."""

_BASE_FILE = "rekall.db"
_PLACES = "name a folder, or a PostgreSQL: postgresql://host/name, service=team"
_HINT = "leave it out: `~/.pgpass`, a service file or PGPASSWORD give it, as to every program of PostgreSQL"


@dataclass(frozen=True, slots=True)
class KnownBase:
    """A base beside one's own.

    Attributes:
        name: What it is called here.
        location: The absolute path of its folder or file, or how a PostgreSQL is reached, without a password.
        read_only: Whether nothing may be changed in it from here.
    """

    name: str
    location: str
    read_only: bool = False

    @property
    def file(self) -> Path | None:
        """Its file; None where it lies on a server."""
        return None if is_server(self.location) else file_at(Path(self.location))


def is_server(location: str) -> bool:
    """Whether a location is that of a PostgreSQL: a URL, or a string of keywords such as `service=team`."""
    return location.lower().startswith(_SCHEMES) or _KEYWORD.match(location) is not None


def file_at(place: Path) -> Path:
    """The file of the base at a place: a folder, as REKALL_HOME names it, or the file itself."""
    return place if place.suffix == ".db" or place.is_file() else place / _BASE_FILE


def checked_location(location: str) -> str:
    """A location as it is kept: a path is made absolute.

    Raises:
        InvalidInput: It is empty, or holds a password.
    """
    location = location.strip()
    if not location or not _is_plain(location):
        raise InvalidInput("that is no place of a base", _PLACES)
    if not is_server(location):
        if _OTHER_URL.match(location):  # which may hold a password, so it is not repeated
            raise InvalidInput("that is no place of a base", _PLACES)
        return os.path.abspath(os.path.expanduser(location))
    if _holds_password(location):
        raise InvalidInput("the location holds a password, which is not kept", _HINT)
    return location


def _is_plain(text: str) -> bool:
    """Whether a text is one that a file of settings can hold on one line."""
    return all(32 <= ord(char) != 127 and not 0xD800 <= ord(char) < 0xE000 for char in text)


def _holds_password(location: str) -> bool:
    """Whether libpq would find a password in it, or a person meant one; rather once too often."""
    scheme = next((each for each in _SCHEMES if location.lower().startswith(each)), "")
    is_after_user = bool(scheme) and _AFTER_USER.match(location[len(scheme) :]) is not None
    return is_after_user or _SECRET.search(unquote(location)) is not None


def checked_name(name: str) -> str:
    """A name for a base. Raises InvalidInput."""
    if name in _RESERVED or not _NAME.fullmatch(name):
        said = "is a reserved name" if name in _RESERVED else "is no name for a base"
        raise InvalidInput(f"{name!r} {said}", "give a word in small letters, for example team")
    return name


class Bases:
    """The names in `bases.toml`."""

    def __init__(self, path: Path) -> None:
        """Read the file; without one there are none.

        Raises:
            InvalidInput: It is no TOML, or something in it cannot be used; what that says is not quoted.
        """
        self._path = path
        self._known = {each.name: each for each in _read(path)}

    def __iter__(self) -> Iterator[KnownBase]:
        """Every base, by name."""
        return iter(self._known[name] for name in sorted(self._known))

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._known)

    def of(self, name: str) -> KnownBase:
        """The base of a name. Raises NotFound."""
        if name not in self._known:
            there = ", ".join(sorted(self._known))
            hint = f"there are: {OWN}, {there}" if there else "`rekall base add NAME LOCATION` names one"
            raise NotFound(f"no base {name!r}", hint)
        return self._known[name]

    def chosen(self, said: str, in_use: str) -> list[str]:
        """The bases that a search asks beside one.

        Args:
            said: `all`, `none`, or names with commas.
            in_use: The base that is asked first.

        Raises:
            NotFound: No base has one of these names.
        """
        every = [OWN, *sorted(self._known)]
        names = (
            every
            if said == "all"
            else []
            if said == "none"
            else [name.strip() for name in said.split(",") if name.strip()]
        )
        for name in names:
            if name not in every:
                self.of(name)
        return [name for name in dict.fromkeys(names) if name != in_use]

    def add(self, base: KnownBase) -> bool:
        """Keep a base under its name, in the place of another one of that name. Returns whether there was one."""
        with self._changing():
            was_there = base.name in self._known
            self._write({**self._known, base.name: base})
            return was_there

    def remove(self, name: str) -> KnownBase:
        """Forget a name. Returns what it named. Raises NotFound."""
        with self._changing():
            gone = self.of(name)
            self._write({key: each for key, each in self._known.items() if key != name})
            return gone

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Look again at what the file says, and let nobody else change it until it is written."""
        from rekall.system.files import changing

        with changing(self._path):
            self._known = {each.name: each for each in _read(self._path)}
            yield

    def _write(self, known: Mapping[str, KnownBase]) -> None:
        from rekall.system.files import write_atomically

        lines = ["# Bases beside your own. `rekall base` keeps this file; passwords never belong here."]
        for name in sorted(known):
            lines += ["", f"[{name}]", f"location = {json.dumps(known[name].location, ensure_ascii=False)}"]
            lines += ["read_only = true"] if known[name].read_only else []
        write_atomically(self._path, "\n".join([*lines, ""]).encode(), is_named=True)
        self._known = dict(known)


def _read(path: Path) -> list[KnownBase]:
    from rekall.config import read_config

    tables: dict[str, dict[str, object]] = {}
    for key, value in read_config(path).items():
        name, _, field = key.partition(".")
        tables.setdefault(name, {})[field] = value
    return [_of_table(path, name, table) for name, table in tables.items()]


def _of_table(path: Path, name: str, table: Mapping[str, object]) -> KnownBase:
    try:
        location, read_only = table.get("location"), table.get("read_only", False)
        if not isinstance(location, str) or not isinstance(read_only, bool):
            raise InvalidInput(
                "it has no location that is a text", 'write location = "…", and read_only = true or false'
            )
        return KnownBase(checked_name(name), checked_location(location), read_only)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: base {name}: {error.message}", error.hint) from error
