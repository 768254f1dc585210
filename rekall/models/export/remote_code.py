"""Code that a repository asks for (auto_map): Rekall never runs it, and takes a model only where it has the class itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rekall.errors import ExportFailed
from rekall.models.export.figures import Config
from rekall.models.export.kinds import ELSEWHERE


def model_class(config: Config) -> str:
    """The class of the encoder that a `config.json` asks for, without the module and the repository that hold it.

    Returns:
        Nothing where there is no `auto_map`; all of what it says where that names no encoder.
    """
    named: Any = config.get("auto_map")
    if not named:
        return ""
    model = named.get("AutoModel") if isinstance(named, dict) else None
    return model.rpartition(".")[2] if isinstance(model, str) and model else str(named)


def check_remote_code(config: Config, own: Collection[str], where: str, *, torch_may_help: bool) -> None:
    """Refuse a model whose code lies in a repository, unless the same class is built in.

    Args:
        config: The content of `config.json`.
        own: The classes that are built in.
        where: The file's path, for messages.
        torch_may_help: Whether transformers might have the class.

    Raises:
        ExportFailed: It asks for another class.
    """
    asked = model_class(config)
    if asked and asked not in own:
        torch = "with torch installed try `--via torch`, which works where transformers has that class itself"
        raise ExportFailed(
            f"{where} asks for remote code (auto_map), which Rekall never runs, and no class {asked} is built in",
            torch if torch_may_help else ELSEWHERE,
        )


def check_remote_module(name: str, own: Collection[str], where: str) -> None:
    """Refuse a first module whose code lies in the repository, unless the architecture is known to need none of it.

    Args:
        name: As modules.json names it; empty for one of sentence-transformers' own.
        own: The classes that are built in.
        where: The file's path, for messages.

    Raises:
        ExportFailed: It is another one.
    """
    if name and name not in own:
        raise ExportFailed(f"{where} asks for remote code ({name}), which Rekall never runs", ELSEWHERE)
