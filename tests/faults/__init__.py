"""Kills, starves, damages and lies to Rekall, and says what came of it; `python -m faults PART` from the folder tests."""

from __future__ import annotations


def warm_up() -> None:
    """Import here what every child needs, so that a fork costs little and no child writes a byte of code."""
    import importlib
    import pkgutil
    import warnings

    import rekall

    warnings.filterwarnings("ignore", category=DeprecationWarning)  # forking beside threads, of which numpy has some
    for name in ("numpy", "tokenizers", "ulid", "sqlite_vec", "yaml", "mcp.server.stdio", "rich.console"):
        importlib.import_module(name)
    apart = ("rekall.tui", "rekall.models.export", "rekall.cli.tui", "rekall.__main__")
    for module in pkgutil.walk_packages(rekall.__path__, "rekall."):
        if not module.name.startswith(apart) and not module.ispkg and ".shipped" not in module.name:
            importlib.import_module(module.name)

    from faults import injecting

    injecting.prepare()
