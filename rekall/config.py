"""Settings and places: what may be configured, where it is read from, where files live."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rekall.entry import rules
from rekall.errors import InvalidInput, NotFound
from rekall.settings import SETTINGS, Setting
from rekall.system.homes import named_home, no_home

_BY_KEY = {setting.key: setting for setting in SETTINGS}

SEARCHES = "searches"
"""The section of saved searches: a name and a line each, which are a person's own."""

_RENAMED = {"performance.vector_backend": "performance.vector_index_backend", "editor": "ui.editor"}
"""Keys of the original Rekall, whose file lies in the same place, and what they are called today."""

_TODAY = {
    "data_dir": "REKALL_HOME names the folder",
    "[smart_embeddings]": "`rekall model use` changes the model",
    "embeddings_model": "`rekall model use` changes the model",
}
"""Keys of the original for which there is another way today."""

_MOST_TOLD = 12
"""Unknown keys that a remark names; the file may be anybody's."""

BASES_FILE = "bases.toml"
BEARER_FILE = "mcp-token"
TRIED_FILE = "engine.json"


@dataclass(frozen=True, slots=True)
class Places:
    """Where Rekall keeps what it owns."""

    config_file: Path
    database: Path
    models: Path

    @property
    def token(self) -> Path:
        """What the server over HTTP knows its owner's programs by."""
        return self.database.with_name(BEARER_FILE)

    @property
    def drafts(self) -> Path:
        """What is being written in an editor, and what was not accepted from there."""
        return self.database.parent / "drafts"

    @property
    def backups(self) -> Path:
        """Copies of the base that Rekall made."""
        return self.database.parent / "backups"

    @property
    def bases(self) -> Path:
        """The names of bases beside one's own."""
        return self.config_file.with_name(BASES_FILE)

    @property
    def templates(self) -> Path:
        """A person's own templates, `bug.md` for bugs; nobody else writes there."""
        return self.config_file.parent / "templates"

    @property
    def lists(self) -> Path:
        """The list that each terminal showed last, so that `rekall show 3` knows its third line."""
        return self.database.parent / "lists"

    @property
    def lookups(self) -> Path:
        """What was looked for and read."""
        return self.database.with_name("lookups.jsonl")

    @property
    def tried(self) -> Path:
        """Which onnxruntime was seen to run which model here, so that it is tried once."""
        return self.database.with_name(TRIED_FILE)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder in which Rekall writes of its own accord, each once."""
        own = (self.database.parent, self.config_file.parent, self.models, self.drafts, self.backups, self.lists)
        return tuple(dict.fromkeys(own))


def find_places(environ: Mapping[str, str] = os.environ) -> Places:
    """The folders of this user: everything under REKALL_HOME when it is set, else the platform's own.

    Raises:
        NotFound: This user has no home folder.
    """
    root = named_home(environ)
    if root is not None:
        return Places(root / "config.toml", root / "rekall.db", root / "models")
    from platformdirs import PlatformDirs

    folders = PlatformDirs("rekall", appauthor=False)
    try:
        settings, data = Path(folders.user_config_dir), Path(folders.user_data_dir)
    except RuntimeError as error:
        raise no_home() from error
    return Places(settings / "config.toml", data / "rekall.db", data / "models")


def find_original_base(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The base of the original Rekall, looked for in the order in which it looked itself; None where there is none.

    Nothing is opened but a config file that may name its folder.
    """
    places = find_places(environ)
    user = Path(os.path.expanduser("~"))
    config_folders = [places.config_file.parent, user / ".config" / "rekall"]
    if environ.get("XDG_CONFIG_HOME"):
        config_folders.insert(1, Path(environ["XDG_CONFIG_HOME"]) / "rekall")

    def folders() -> Iterator[Path]:
        yield Path(".rekall").absolute()
        for folder in config_folders:
            try:
                named = read_config(folder / "config.toml").get("data_dir")
            except (InvalidInput, OSError):
                continue  # who reads the settings says what is wrong with it
            if isinstance(named, str) and named:
                yield Path(os.path.expanduser(named))
        if environ.get("XDG_DATA_HOME"):
            yield Path(environ["XDG_DATA_HOME"]) / "rekall"
        yield user / ".local" / "share" / "rekall"
        yield places.database.parent
        yield user / ".rekall"

    root = named_home(environ)
    first = [root / _ORIGINAL] if root else []
    if environ.get("REKALL_DB_PATH"):
        first.append(Path(os.path.expanduser(environ["REKALL_DB_PATH"])))
    for file in itertools.chain(first, (folder / _ORIGINAL for folder in folders())):
        if os.path.isfile(file) and os.path.getsize(file):  # unlike Path's own, these take any text for a path
            return file
    return None


_ORIGINAL = "knowledge.db"


@dataclass(frozen=True, slots=True)
class Configured:
    """A setting's value and where it comes from: "default", "file", an environment name, or "flag"."""

    setting: Setting
    value: int | float | str
    origin: str

    @property
    def text(self) -> str:
        """The value as people write it: 10, not 10.0."""
        return f"{self.value:g}" if isinstance(self.value, float) else str(self.value)


class Settings:
    """The settings in force: defaults < file < environment < flags.

    Raises nothing after construction: every value is parsed when the object is made.

    Attributes:
        searches: The lines of saved searches by their names, from the file alone.
        remarks: What a person should know of the file: keys that are passed over, values that cannot be used. A file may
            come from an earlier or a later Rekall, and stops no command.
    """

    def __init__(
        self, places: Places, environ: Mapping[str, str] = os.environ, flags: Mapping[str, str] | None = None
    ) -> None:
        """Read every layer.

        Raises:
            InvalidInput: A value of a flag or a variable is of the wrong type or out of bounds, or the file is no TOML.
            NotFound: A flag names a key that does not exist.
        """
        raw = read_config(places.config_file)
        self.searches = {key.partition(".")[2]: str(line) for key, line in raw.items() if _is_search(key, line)}
        in_file, self.remarks = _usable(places.config_file, raw)
        for key in flags or {}:
            find_setting(key)
        self._configured: dict[str, Configured] = {}
        for setting in SETTINGS:
            configured = Configured(setting, setting.default, "default")
            if setting.key in in_file:
                configured = Configured(setting, in_file[setting.key], "file")
            if environ.get(setting.environment_name):
                name = setting.environment_name
                configured = Configured(setting, setting.parse(environ[name], name), name)
            if flags and setting.key in flags:
                configured = Configured(setting, setting.parse(flags[setting.key], "flag"), "flag")
            self._configured[setting.key] = configured

    def __iter__(self) -> Any:
        """Every setting with its value and origin, in the order of the documentation."""
        return iter(self._configured.values())

    def of(self, key: str) -> Configured:
        """One setting with its value and origin.

        Raises:
            NotFound: There is no such key.
        """
        return self._configured[find_setting(key).key]

    def text(self, key: str) -> str:
        """The value of a text setting."""
        return str(self.of(key).value)

    def whole(self, key: str) -> int:
        """The value of a whole-number setting."""
        return int(self.of(key).value)

    def number(self, key: str) -> float:
        """The value of a number setting."""
        return float(self.of(key).value)


def find_setting(key: str) -> Setting:
    """The setting of that key.

    Raises:
        NotFound: There is none; the nearest is suggested.
    """
    if key in _BY_KEY:
        return _BY_KEY[key]
    if key.startswith(f"{SEARCHES}."):
        raise NotFound(f"no setting {key!r}", "`rekall search --saved` lists searches, `--save NAME WORDS` keeps one")
    near = _RENAMED.get(key) or rules.nearest(key, list(_BY_KEY))
    raise NotFound(f"no setting {key!r}", f"did you mean `{near}`?" if near else "run `rekall config list`")


def _usable(path: Path, raw: Mapping[str, object]) -> tuple[dict[str, int | float | str], tuple[str, ...]]:
    """The settings of the config file, and remarks about what in it is none, or has a value that cannot be used."""
    found: dict[str, int | float | str] = {}
    remarks: list[str] = []
    renamed = [key for key in raw if key in _RENAMED]
    for key, value in raw.items():
        name = _RENAMED.get(key, key)
        if name not in _BY_KEY or (name != key and name in raw):
            continue
        setting = _BY_KEY[name]
        if name != key and isinstance(value, str):
            value = value.strip().lower().replace("_", "-") if setting.choices else value
        try:
            found[name] = setting.parse(value, str(path))
        except InvalidInput as error:
            default = f"{setting.default}" if setting.default != "" else "the default"
            message = error.message.removeprefix(f"{path}: ")
            remarks.append(f"{path}: {message}; {default} is used instead. {error.hint[:1].upper()}{error.hint[1:]}")
    if renamed:
        told = ", ".join(f"{key} (now {_RENAMED[key]})" for key in renamed)
        remarks.append(f"{path}: read under today's name: {told}")
    unknown = [key for key in raw if not (key in _BY_KEY or key in _RENAMED or _is_search(key, raw[key]))]
    if unknown:
        remarks.append(f"{path}: passed over, no settings of this Rekall: {', '.join(_told(unknown))}")
    return found, tuple(remarks)


def _is_search(key: str, line: object) -> bool:
    return key.startswith(f"{SEARCHES}.") and isinstance(line, str)


def _told(unknown: list[str]) -> list[str]:
    """Unknown keys as a remark names them: a section that is unknown as a whole once, a slip with what was meant."""
    sections = {key.partition(".")[0] for key in _BY_KEY}
    told: dict[str, None] = {}
    for key in unknown:
        section, dot, _ = key.partition(".")
        near = rules.nearest(key, list(_BY_KEY), cutoff=0.8)
        name = f"[{section}]" if dot and section not in sections and not near else key
        hint = _TODAY.get(name) or (f"did you mean {near}?" if near else "")
        told[f"{name} ({hint})" if hint else name] = None
    names = list(told)
    return names if len(names) <= _MOST_TOLD else [*names[:_MOST_TOLD], f"and {len(names) - _MOST_TOLD} more"]


def read_config(path: Path) -> dict[str, object]:
    """Dotted keys and raw values of a config file; empty when there is none.

    Raises:
        InvalidInput: It is no TOML, or cannot be read.
    """
    try:
        text = config_text(path)
    except (ValueError, OSError) as error:  # a UnicodeDecodeError is a ValueError
        raise not_toml(path, error) from error
    if not text:
        return {}
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        raw = tomllib.loads(text)
    except RecursionError as error:
        raise not_toml(path, ValueError("it is nested too deep")) from error
    except ValueError as error:  # a TOMLDecodeError is one
        raise not_toml(path, error) from error
    flat: dict[str, object] = {}
    for section, table in raw.items():
        flat.update(
            {f"{section}.{name}": value for name, value in table.items()}
            if isinstance(table, dict)
            else {section: table}
        )
    return flat


def config_text(path: Path) -> str:
    """What a config file says, in whatever encoding an editor saved it; nothing where there is none.

    Raises:
        ValueError: It is no file, so that reading it may never end, or no text.
        OSError: It cannot be read.
    """
    if not path.exists() or os.path.samefile(path, os.devnull):
        return ""
    if not path.is_file():
        raise ValueError("it is a folder" if path.is_dir() else "it is no file")
    from rekall.system.replacing import read_patiently

    data = read_patiently(path.read_bytes, path)
    try:
        text = data.decode("utf-8-sig")
        if "\0" not in text:
            return text.replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        pass  # it is looked at below
    from rekall.system.decoding import decoded  # its patterns take 12 ms

    try:
        return decoded(data).text
    except InvalidInput as error:
        raise ValueError(error.message) from error


def not_toml(path: Path, error: Exception) -> InvalidInput:
    """The error for a config file that cannot be read."""
    if isinstance(error, OSError):
        return InvalidInput(
            f"cannot read {path}: {error.strerror or error}",
            "check its permissions, and that no other program has it locked",
        )
    return InvalidInput(f"cannot read {path}: {error}", "correct the file, or move it away to start from the defaults")
