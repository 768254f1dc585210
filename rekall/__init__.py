"""Rekall, a developer's local memory: `rekall.open()` does in Python what the shell does (docs/python.md)."""

TYPE_CHECKING = False
if TYPE_CHECKING:  # each name is loaded when it is first used, so that `import rekall` stays light; so is typing
    from typing import Any

    from rekall import errors
    from rekall.entry.fields import Draft, Entry
    from rekall.entry.filters import Filters
    from rekall.entry.types import EntryType, Link, LinkType, Status
    from rekall.entry.view import EntryView
    from rekall.face import load_encoder
    from rekall.face import open_base as open  # noqa: A004  # as gzip and shelve name it
    from rekall.knowledge_base import KnowledgeBase
    from rekall.search.results import Hit, Match, Mode, SearchResult

    __version__: str

__all__ = [
    "Draft",
    "Entry",
    "EntryType",
    "EntryView",
    "Filters",
    "Hit",
    "KnowledgeBase",
    "Link",
    "LinkType",
    "Match",
    "Mode",
    "SearchResult",
    "Status",
    "__version__",
    "errors",
    "load_encoder",
    "open",
]

_HOMES = {
    "Draft": "rekall.entry.fields",
    "Entry": "rekall.entry.fields",
    "EntryType": "rekall.entry.types",
    "EntryView": "rekall.entry.view",
    "Filters": "rekall.entry.filters",
    "Hit": "rekall.search.results",
    "KnowledgeBase": "rekall.knowledge_base",
    "Link": "rekall.entry.types",
    "LinkType": "rekall.entry.types",
    "Match": "rekall.search.results",
    "Mode": "rekall.search.results",
    "SearchResult": "rekall.search.results",
    "Status": "rekall.entry.types",
    "load_encoder": "rekall.face",
    "open": "rekall.face:open_base",
}


def __getattr__(name: str) -> "Any":
    """A name of the face, loaded now."""
    from importlib import import_module

    if name == "__version__":
        from rekall.wording import installed_version

        return installed_version()
    if name == "errors":
        return import_module("rekall.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'rekall' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
